"""`BacktestResult`: forecasts from rolling origins, and their metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from sklstm.forecasting._long_frames import make_frame, read_columns
from sklstm.forecasting._metrics import (
    central_intervals,
    interval_coverage,
    interval_width,
    mean_absolute_scaled_error,
    pinball_loss,
    weighted_absolute_percentage_error,
)
from sklstm.forecasting._series_rows import as_names


class Comparison(NamedTuple):
    """Forecasts of the same n windows by several forecasters.

    Attributes
    ----------
    truth : ndarray of shape (n, horizon)
    scale : ndarray of shape (n,)
    quantiles : tuple of float
    forecasts : dict of ndarrays of shape (n, horizon, 1 + n_quantiles)
        The point forecast, then the quantiles, by the name of the forecaster.
    """

    truth: np.ndarray
    scale: np.ndarray
    quantiles: tuple[float, ...]
    forecasts: Mapping[str, np.ndarray]

    def rows(self, rows: np.ndarray) -> Comparison:
        """Return the windows of some rows (window * horizon + step); the others have no truth."""
        windows, steps = np.divmod(rows, self.truth.shape[1])
        kept, places = np.unique(windows, return_inverse=True)
        truth = np.full((len(kept), self.truth.shape[1]), np.nan)
        truth[places, steps] = self.truth[windows, steps]
        forecasts = {name: values[kept] for name, values in self.forecasts.items()}
        return Comparison(truth, self.scale[kept], self.quantiles, forecasts)

    def metrics(self) -> Iterator[dict[str, Any]]:
        """Yield the metrics of each forecaster, of the rows that all of them forecast."""
        each = self.forecasts.values()
        is_point = ~np.any([np.isnan(values[..., 0]) for values in each], axis=0)
        is_whole = ~np.any([np.isnan(values).any(axis=2) for values in each], axis=0)
        truth = np.where(is_point, self.truth, np.nan)
        truth_of_quantiles = np.where(is_whole, self.truth, np.nan)
        for name, values in self.forecasts.items():
            mase, n_left_out = mean_absolute_scaled_error(truth, values[..., 0], self.scale)
            wape = weighted_absolute_percentage_error(truth, values[..., 0])
            found = {"forecaster": name, "MASE": mase, "WAPE": wape}
            found |= self._of_quantiles(truth_of_quantiles, values[..., 1:])
            yield found | {"n_values": int((~np.isnan(truth)).sum()), "n_left_out": n_left_out}

    def _of_quantiles(self, truth: np.ndarray, values: np.ndarray) -> dict[str, float]:
        if not self.quantiles:
            return {}
        found = {"pinball_loss": pinball_loss(truth, values, self.quantiles)}
        for share, (low, high) in central_intervals(self.quantiles).items():
            ends = values[..., low], values[..., high]
            found[f"coverage_{share:g}"] = interval_coverage(truth, *ends)
            found[f"width_{share:g}"] = interval_width(truth, *ends)
        return found


@dataclass(frozen=True, eq=False, repr=False)
class BacktestResult:
    """What `backtest` returns.

    Attributes
    ----------
    forecasts : DataFrame of pandas or polars, as the history
        A row for each origin, series and time step ahead: "origin" (the last time that was known),
        the columns of the series, the time, "step" (1 to the horizon), "truth", the columns that
        the forecaster predicts (target and quantiles), and "seasonal_naive" with quantiles too.
    metrics : DataFrame of pandas or polars, as the history
        A row for the forecaster and one for the seasonal naive forecast, by the name in
        "forecaster" (the index, in pandas). The columns are described in the notes.

    See Also
    --------
    ForecastDisplay : Draws the forecasts; with ``origin="origin"`` those of each origin.

    Notes
    -----
    Truths that are missing do not count, nor do rows that one of the two does not forecast.

    - ``MASE``: mean absolute error over the mean absolute error of the seasonal naive forecast in
      the history before the origin, averaged over origins and series [1]_. Where the history has
      no such error or 0, the MASE does not count: ``n_left_out`` says of how many pairs of origin
      and series.
    - ``WAPE``: sum of the absolute errors over the sum of the absolute truths.
    - ``pinball_loss``: mean over all quantiles, in units of the target.
    - ``coverage_0.8`` and ``width_0.8``: share of the truths inside the interval from the quantile
      0.1 to 0.9, and its mean width in units of the target; the same for each pair of quantiles
      that leave out equal shares at both ends.
    - ``n_values``: how many truths count.

    References
    ----------
    .. [1] R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
       International Journal of Forecasting 22, 2006.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklstm.forecasting import SeasonalNaiveForecaster, backtest
    >>> dates = pd.date_range("2024-01-01", periods=42)
    >>> history = pd.DataFrame({"date": dates, "visits": 10.0 + dates.day_of_week})
    >>> forecaster = SeasonalNaiveForecaster(7, target="visits", time="date", quantiles=[])
    >>> result = backtest(forecaster, history, n_origins=2)
    >>> result.forecasts[["origin", "date", "truth", "visits"]].head(2)
          origin       date  truth  visits
    0 2024-01-28 2024-01-29   10.0    10.0
    1 2024-01-28 2024-01-30   11.0    11.0
    >>> float(result.metrics_by("step")["WAPE"].max())
    0.0
    """

    forecasts: Any
    metrics: Any
    _comparison: Comparison = field(kw_only=True)

    def metrics_by(self, by: str | Sequence[str]) -> Any:
        """Return the metrics of groups of forecasts.

        Parameters
        ----------
        by : str or sequence of str
            Columns of `forecasts`: "step" for each time step ahead, "origin" for each origin, or
            those that name the series.

        Returns
        -------
        DataFrame of pandas or polars, as the history
            As `metrics`, with the columns `by` first (levels of the index, in pandas).

        Raises
        ------
        ValueError
            If `forecasts` lacks a column, or `by` is empty.
        """
        names = as_names(by)
        if not names:
            raise ValueError("by is empty: name columns of the forecasts, such as 'step'.")
        table = read_columns(self.forecasts, names, "forecasts")
        codes = table.groupby(list(names), sort=False, observed=True).ngroup().to_numpy()
        order = np.argsort(codes, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
        found = [self._comparison.rows(rows) for rows in groups]
        keys = table.iloc[[rows[0] for rows in groups for _ in self._comparison.forecasts]]
        rows = [row for comparison in found for row in comparison.metrics()]
        return metrics_frame(self.forecasts, rows, {name: keys[name].array for name in names})

    def __repr__(self) -> str:
        n_origins = len(set(read_columns(self.forecasts, ["origin"], "forecasts")["origin"]))
        n, horizon = self._comparison.truth.shape
        is_pandas = hasattr(self.metrics, "iloc")
        table = self.metrics.to_string(float_format="{:.4g}".format) if is_pandas else self.metrics
        return (
            f"BacktestResult: {n} forecast(s) of {horizon} time step(s) from {n_origins} origin(s)"
            f"\n{table}"
        )


def metrics_frame(like: Any, rows: Sequence[dict[str, Any]], keys: Mapping[str, Any]) -> Any:
    """Make a frame of metrics, one dict for each row, after columns of keys."""
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    columns["forecaster"] = columns["forecaster"].astype(object)
    frame = make_frame(like, {**keys, **columns})
    return frame.set_index([*keys, "forecaster"]) if hasattr(frame, "iloc") else frame
