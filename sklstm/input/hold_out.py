"""Which samples are held out for validation."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import train_test_split

from sklstm.input.samples import Samples

DEFAULT_VALIDATION_FRACTION = 0.1


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
