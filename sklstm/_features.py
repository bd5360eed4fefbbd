"""What the network sees of a time step: features on one scale, and the changes of slow ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sklstm._sequences import Sequences
from sklstm.network.spec import NetworkSpec, append_changes

# A feature is slow where a step changes it by less than this share of its standard deviation.
SLOW = 0.25


@dataclass(frozen=True)
class SeenFeatures:
    """Learnt in ``fit`` and done to every time step ever after.

    Attributes
    ----------
    slow : tuple of int
        The features whose first and second differences are appended.
    mean, scale : ndarray of shape (F + 2 * len(slow),), float32
        Taken off each feature, and what the rest is divided by.

    References
    ----------
    S. Furui, "Speaker-independent isolated word recognition using dynamic features of speech
    spectrum", 1986: differences beside the features themselves.
    """

    slow: tuple[int, ...]
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def measure(
        cls,
        sequences: Sequences,
        weights: np.ndarray,
        *,
        standardize: bool,
        differences: bool | str,
    ) -> Self:
        """Measure features over all time steps, each weighed as its sequence.

        A feature that is constant has the scale 1.
        """
        of_steps = np.zeros(len(sequences.steps))
        rows = zip(sequences.starts, sequences.lengths, weights, strict=True)
        for start, length, weight in rows:
            of_steps[start : start + length] = weight
        steps = sequences.steps
        if isinstance(differences, str):  # "auto"
            slow = _slow_features(steps, of_steps, sequences.starts)
        else:
            slow = tuple(range(steps.shape[1])) if differences else ()
        steps = append_changes(steps, slow, sequences.starts)
        if not standardize:
            size = steps.shape[1]
            return cls(slow, np.zeros(size, np.float32), np.ones(size, np.float32))
        mean, scale = _mean_and_scale(steps, of_steps)
        return cls(slow, mean.astype(np.float32), scale.astype(np.float32))

    def apply(self, sequences: Sequences) -> Sequences:
        """Return sequences as the network sees them."""
        steps = append_changes(sequences.steps, self.slow, sequences.starts)
        return Sequences((steps - self.mean) / self.scale, sequences.starts, sequences.lengths)

    def undo(
        self, spec: NetworkSpec, weights: list[np.ndarray]
    ) -> tuple[NetworkSpec, list[np.ndarray]]:
        """Return the network that takes features as they are, and its weights."""
        named = dict(zip(spec.weight_shapes(), weights, strict=True))
        first, scale, mean = "lstm_0/", self.scale, self.mean
        if not spec.units:  # what is pooled stands side by side
            n_pooled = len(spec.poolings)
            first, scale, mean = "dense_0/", np.tile(scale, n_pooled), np.tile(mean, n_pooled)
        for name in [n for n in named if n.startswith(first) and n.endswith("/kernel")]:
            bias = f"{name.removesuffix('kernel')}bias"
            kernel = named[name].astype(np.float64) / scale[:, np.newaxis]
            named[name] = kernel.astype(np.float32)
            named[bias] = (named[bias] - mean @ kernel).astype(np.float32)
        n_features = spec.n_features - 2 * len(self.slow)
        return replace(spec, n_features=n_features, changes_of=self.slow), list(named.values())


def _slow_features(steps: np.ndarray, of_steps: np.ndarray, starts: np.ndarray) -> tuple[int, ...]:
    """Find features that vary, but little from one time step to the next."""
    of_changes = of_steps.copy()
    of_changes[starts] = 0
    if not of_changes.any():
        return ()
    _, scale = _mean_and_scale(steps, of_steps)
    changes = np.diff(steps, axis=0, prepend=steps[:1])
    size_of_changes = np.sqrt(_mean(changes**2, of_changes))
    slow = (size_of_changes > 0) & (size_of_changes < SLOW * scale)
    return tuple(np.flatnonzero(slow).tolist())


def _mean_and_scale(steps: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = _mean(steps, weights)
    variance = _mean((steps - mean) ** 2, weights)
    varies = variance > (1e-7 * mean) ** 2  # else it is the rounding of a constant
    return mean, np.sqrt(np.where(varies, variance, 1))


def _mean(steps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    present = weights > 0  # absent steps are NaN
    return np.average(steps[present], axis=0, weights=weights[present])
