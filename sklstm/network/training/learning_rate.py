"""The course of the learning rate over a fit: warm-up, then constant or cosine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SCHEDULES = {"constant", "cosine"}  # what `Schedule.shape` may be


@dataclass(frozen=True)
class Schedule:
    """Factors of the learning rate, one for each batch.

    Attributes
    ----------
    shape : {"constant", "cosine"}
        Course of the factor after the warm-up: 1, or half a period of a cosine, from 1 to 0.
    warmup : float
        Share of all batches over which the factor rises to 1, in equal steps.
    epochs, batches_per_epoch : int
        Length of the fit.

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
    """

    shape: str
    warmup: float
    epochs: int
    batches_per_epoch: int

    def factors(self, epoch: int, batches: np.ndarray) -> np.ndarray:
        """Return the factors of some batches of an epoch."""
        total = self.epochs * self.batches_per_epoch
        n_warm = int(np.ceil(self.warmup * total))
        done = epoch * self.batches_per_epoch + np.minimum(batches, self.batches_per_epoch - 1)
        rise = np.minimum((done + 1) / (n_warm + 1), 1)
        if self.shape == "constant":
            return rise
        fall = np.maximum(done - n_warm, 0) / max(total - n_warm, 1)
        return rise * (1 + np.cos(np.pi * fall)) / 2
