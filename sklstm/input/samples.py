"""Samples that a network is trained on or validated on, and the choice of held-out samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from sklstm._sequences import Sequences

DEFAULT_VALIDATION_FRACTION = 0.1
# A function that returns, for each target, the factor that its sample's weight is multiplied by.
ClassWeights = Callable[[np.ndarray], np.ndarray]


class Samples(NamedTuple):
    """Sequences as they were read, each with a target and a weight."""

    sequences: Sequences
    y: np.ndarray
    weights: np.ndarray  # (n,) float64
    numbers: np.ndarray  # (n,) each sample's number in X
    name: str = "X"  # the name of X in errors

    def of(self, rows: np.ndarray) -> Samples:
        """Return the samples of these rows."""
        arrays = (array[rows] for array in self[:4])
        return Samples(*arrays, self.name)

    def with_weight(self) -> Samples:
        """Return the samples whose weight is not zero."""
        if self.weights.all():
            return self
        if not self.weights.any():
            raise ValueError(
                f"All samples of {self.name} have the weight 0, by sample_weight or class_weight."
            )
        return self.of(np.flatnonzero(self.weights))

    def weighted(self, class_weights: ClassWeights) -> Samples:
        """Multiply the weights by those of the classes, and drop samples of weight zero."""
        weights = self.weights * class_weights(self.y)
        return self._replace(weights=weights).with_weight()


def hold_out(
    samples: Samples,
    strata: np.ndarray | None,
    seed: int,
    *,
    fraction: float | None,
    early_stopping: bool,
) -> tuple[Samples, Samples | None]:
    """Split the samples into a training set and a validation set, which may be None."""
    share = fraction
    if share is None:
        share = DEFAULT_VALIDATION_FRACTION if early_stopping else 0
    if not share:
        if early_stopping:
            raise ValueError(
                "early_stopping=True needs a validation set: validation_fraction above 0 "
                f"(it is {fraction}), or X_val and y_val in fit."
            )
        return samples, None
    n = len(samples.y)
    if n < 2:
        raise ValueError(f"validation_fraction={share} of {n} sample leaves nothing to train on.")
    n_held_out = min(int(np.ceil(share * n)), n - 1)
    if strata is not None and min(n_held_out, n - n_held_out) < len(np.unique(strata)):
        strata = None
    rows, held_out = train_test_split(
        np.arange(n), test_size=n_held_out, stratify=strata, random_state=seed
    )
    return samples.of(np.sort(rows)), samples.of(np.sort(held_out))
