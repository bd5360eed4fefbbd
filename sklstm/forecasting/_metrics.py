"""Errors of forecasts: scaled, in per cent, of quantiles and of intervals.

Truths that are NaN do not count. A metric of which nothing is left is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def seasonal_naive_error(
    values: np.ndarray, starts: np.ndarray, lengths: np.ndarray, season: int
) -> np.ndarray:
    r"""Return how far values lie from those of a season before, on average: the scale of MASE.

    :math:`\frac{1}{T - m} \sum_{t = m + 1}^{T} |y_t - y_{t - m}|`, over the pairs that are known.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Series that the forecasts follow, one after another. NaN is missing.
    starts, lengths : ndarrays of shape (n,), int
        Where each series begins, and how many of its values count.
    season : int
        Its length m, in time steps.

    Returns
    -------
    ndarray of shape (n,)
        In units of the values; NaN where no pair is known.
    """
    n_pairs = np.maximum(lengths - season, 0)
    owner = np.repeat(np.arange(len(lengths)), n_pairs)
    within = np.arange(n_pairs.sum()) - np.repeat(np.cumsum(n_pairs) - n_pairs, n_pairs)
    rows = starts[owner] + within
    errors = np.abs(values[rows + season] - values[rows])
    is_known = ~np.isnan(errors)
    totals = np.bincount(owner[is_known], errors[is_known], minlength=len(lengths))
    counts = np.bincount(owner[is_known], minlength=len(lengths))
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def mean_absolute_scaled_error(
    truth: np.ndarray, forecast: np.ndarray, scale: np.ndarray
) -> tuple[float, int]:
    r"""Return the MASE: the absolute errors of each series over its scale, averaged.

    :math:`\frac{1}{n} \sum_i \frac{1}{h s_i} \sum_j |y_{ij} - f_{ij}|`. Below 1, the forecasts
    miss by less than the seasonal naive forecast of one season ahead does within the history.

    Parameters
    ----------
    truth, forecast : ndarrays of shape (n, horizon)
    scale : ndarray of shape (n,)
        :func:`seasonal_naive_error` of the history of each series.

    Returns
    -------
    error : float
    n_left_out : int
        Series that have a truth, but no scale or a scale of 0. They do not count.

    References
    ----------
    R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy", International
    Journal of Forecasting 22, 2006.
    """
    errors = _mean(np.abs(truth - forecast), axis=-1)
    is_known, has_scale = ~np.isnan(errors), scale > 0
    counts = is_known & has_scale
    return float(_mean(errors[counts] / scale[counts])), int(np.sum(is_known & ~has_scale))


def weighted_absolute_percentage_error(truth: np.ndarray, forecast: np.ndarray) -> float:
    r"""Return the WAPE: :math:`\sum |y - f| / \sum |y|`, over all series and time steps.

    Parameters
    ----------
    truth, forecast : ndarrays of one shape

    Returns
    -------
    float
        A share: 0.1 is 10 per cent. NaN where all truths are 0.

    References
    ----------
    S. Kolassa, W. Schütz, "Advantages of the MAD/MEAN ratio over the MAPE", Foresight 6, 2007.
    """
    errors = np.abs(truth - forecast)
    total = float(np.sum(np.abs(truth[~np.isnan(errors)])))
    return float(np.nansum(errors)) / total if total > 0 else np.nan


def pinball_loss(truth: np.ndarray, forecasts: np.ndarray, quantiles: Sequence[float]) -> float:
    r"""Return the pinball loss: :math:`\max(q (y - f_q), (q - 1)(y - f_q))`, averaged over all q.

    Parameters
    ----------
    truth : ndarray of shape (...,)
    forecasts : ndarray of shape (..., n_quantiles)
    quantiles : sequence of float

    Returns
    -------
    float
        In units of the truth. The loss of the median alone is half its mean absolute error.

    References
    ----------
    R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46, 1978.
    """
    q = np.asarray(quantiles, np.float64)
    errors = truth[..., np.newaxis] - forecasts
    return float(_mean(np.maximum(q * errors, (q - 1) * errors)))


def interval_coverage(truth: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """Return the share of truths that lie in their interval, ends included.

    Parameters
    ----------
    truth, lower, upper : ndarrays of one shape

    Returns
    -------
    float
    """
    is_known = ~np.isnan(truth - lower - upper)
    return float(_mean(((lower <= truth) & (truth <= upper))[is_known].astype(np.float64)))


def interval_width(truth: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """Return the mean width of the intervals whose truth is known, in units of the truth.

    Parameters
    ----------
    truth, lower, upper : ndarrays of one shape

    Returns
    -------
    float
    """
    return float(_mean(np.where(np.isnan(truth), np.nan, upper - lower)))


def central_intervals(quantiles: Sequence[float]) -> dict[float, tuple[int, int]]:
    """Find pairs of quantiles that leave out equal shares at both ends.

    Parameters
    ----------
    quantiles : sequence of float
        In ascending order.

    Returns
    -------
    dict of (int, int)
        The positions of the lower and the upper quantile, by the share of the values that the
        interval is to hold, such as 0.8 for the quantiles 0.1 and 0.9; the widest first.
    """
    found = {}
    for i, low in enumerate(quantiles):
        for j, high in enumerate(quantiles):
            if low < 0.5 and np.isclose(low + high, 1, rtol=0, atol=1e-9):
                found[float(np.round(high - low, 9))] = (i, j)
    return found


def _mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Return the mean of what is known, NaN where nothing is, without numpy's warning."""
    is_known = ~np.isnan(values)
    n_known = is_known.sum(axis=axis)
    total = np.where(is_known, values, 0).sum(axis=axis)
    return np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan)
