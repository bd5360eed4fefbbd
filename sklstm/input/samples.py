"""Samples that a network is trained on or validated on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklstm._sequences import Sequences

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
