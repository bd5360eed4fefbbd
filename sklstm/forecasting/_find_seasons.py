"""The seasons of series whose times are numbers, found in their autocorrelation."""

from __future__ import annotations

import numpy as np

from sklstm.forecasting._panel import Panel

MAX_SERIES = 100
MAX_SEASON = 400  # time steps
MIN_CORRELATION = 0.2  # of neighbouring differences a season apart
NEARLY = 0.8  # a shorter season with this share of the highest correlation is preferred


def find_seasons(panel: Panel, target: str) -> tuple[int, ...]:
    """Find up to two seasons, in time steps, the shorter one first.

    The autocorrelation of the differences of neighbouring values is averaged over the longest
    series. A season is a lag where it is higher than at the lags beside it, and high. A second
    season is a multiple of the first with a still higher correlation.
    """
    values = panel.columns[target]
    longest = np.argsort(-panel.lengths, kind="stable")[:MAX_SERIES]
    n_lags = min(MAX_SEASON, int(panel.lengths[longest].min()) // 3)
    if n_lags < 3:
        return ()
    of_each = [
        _autocorrelation(values[start : start + length], n_lags)
        for start, length in zip(panel.starts[longest], panel.lengths[longest], strict=True)
    ]
    correlation = np.mean(of_each, axis=0)
    inner = correlation[1:-1]
    is_peak = (inner > correlation[:-2]) & (inner >= correlation[2:]) & (inner > MIN_CORRELATION)
    peaks = np.flatnonzero(is_peak) + 1
    peaks = peaks[peaks > 1]
    if not len(peaks):
        return ()
    highest = correlation[peaks].max()
    first = int(peaks[correlation[peaks] >= NEARLY * highest][0])
    best = int(peaks[correlation[peaks].argmax()])
    is_longer = best % first == 0 and best > first and correlation[best] > correlation[first] + 0.02
    return (first, best) if is_longer else (first,)


def _autocorrelation(values: np.ndarray, n_lags: int) -> np.ndarray:
    """Return the autocorrelation of the differences of a series at the lags 0, 1, …."""
    differences = np.diff(values)
    known = np.isfinite(differences)
    if not known.any():
        return np.zeros(n_lags + 1)
    centred = np.where(known, differences - differences[known].mean(), 0)
    spectrum = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    products = np.fft.irfft(spectrum)[: n_lags + 1]
    return products / products[0] if products[0] > 0 else np.zeros(n_lags + 1)
