"""Features on one scale: what `standardize` learns in ``fit`` and does ever after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from sklstm._sequences import Sequences
from sklstm.network.spec import NetworkSpec


@dataclass(frozen=True)
class FeatureScale:
    """The mean and the standard deviation of each feature, over all time steps.

    Attributes
    ----------
    mean, scale : ndarray of shape (F,), float32
        The scale of a feature that is constant is 1.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def measure(cls, sequences: Sequences, weights: np.ndarray) -> Self:
        """Measure features, each time step weighed as its sequence."""
        of_steps = np.zeros(len(sequences.steps))
        for start, length, weight in zip(sequences.starts, sequences.lengths, weights, strict=True):
            of_steps[start : start + length] = weight
        steps, of_steps = sequences.steps[of_steps > 0], of_steps[of_steps > 0]
        mean = np.average(steps, axis=0, weights=of_steps)
        variance = np.average((steps - mean) ** 2, axis=0, weights=of_steps)
        # a constant has the rounding of its sum
        varies = variance > (1e-6 * mean) ** 2
        scale = np.sqrt(np.where(varies, variance, 1))
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    def apply(self, sequences: Sequences) -> Sequences:
        """Return sequences of standardised features."""
        steps = (sequences.steps - self.mean) / self.scale
        return Sequences(steps, sequences.starts, sequences.lengths)

    def fold_into(self, spec: NetworkSpec, weights: list[np.ndarray]) -> list[np.ndarray]:
        """Return weights of the network that takes features as they are."""
        named = dict(zip(spec.weight_shapes(), weights, strict=True))
        first = "lstm_0/" if spec.units else "dense_0/"
        for name in [n for n in named if n.startswith(first) and n.endswith("/kernel")]:
            bias = f"{name.removesuffix('kernel')}bias"
            kernel = named[name].astype(np.float64) / self.scale[:, np.newaxis]
            named[name] = kernel.astype(np.float32)
            named[bias] = (named[bias] - self.mean @ kernel).astype(np.float32)
        return list(named.values())
