"""Drawing from probabilities: pure functions on arrays whose last axis sums to one."""

from __future__ import annotations

import numpy as np


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Sharpen (temperature below 1) or flatten (above 1) probabilities.

    Proportional to ``p ** (1 / temperature)``; a temperature of 0 leaves the most probable entry
    (of equals, the first) alone.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n)
    temperature : float
        At least 0.

    Returns
    -------
    ndarray of shape (..., n), float64
    """
    if temperature == 0:
        best = probabilities.argmax(axis=-1, keepdims=True)
        return (np.arange(probabilities.shape[-1]) == best).astype(np.float64)
    with np.errstate(divide="ignore", over="ignore"):
        # The largest is subtracted first: extreme temperatures then neither overflow nor give NaN.
        logs = np.log(probabilities, dtype=np.float64)
        powers = np.exp((logs - logs.max(axis=-1, keepdims=True)) / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


def draw(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Draw an index for each row, by inversion of its cumulative sums.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n)
    uniform : ndarray of shape (...)
        Uniform numbers from [0, 1).

    Returns
    -------
    ndarray of int, shape (...)
    """
    sums = np.cumsum(probabilities, axis=-1)
    # Rounding leaves the last sum near one, not at one: scale what is drawn, never miss the end.
    return (sums <= (uniform * sums[..., -1])[..., np.newaxis]).sum(axis=-1)
