"""`ForecastDisplay`: forecasts, their intervals, the history and the truth over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sklstm._sklearn_compat import check_matplotlib_support, validate_style_kwargs
from sklstm.forecasting._forecast_drawing import add_legend, fill, plotted, write_dates
from sklstm.forecasting._long_frames import read_columns
from sklstm.forecasting._metrics import central_intervals
from sklstm.forecasting._series_rows import SeriesRows, as_names, quantile_columns, read_rows
from sklstm.inspection._plotting import panels
from sklstm.preprocessing._time_index import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HISTORY = {"color": "#4d4d4d", "linewidth": 1.2, "label": "history"}
TRUTH = {"color": "#d55e00", "linewidth": 1.2, "label": "truth"}
FORECAST = {"color": "#0072b2", "linewidth": 1.6, "label": "forecast"}
BAND = {"color": "#0072b2", "linewidth": 0}
NO_ROWS = np.empty(0, int)
PAST = 5  # times the horizon, where nothing says how much of the history to draw


class ForecastDisplay:
    """Forecasts with their intervals, after the history, and beside the truth.

    Each series has a panel, one below another, with the dates on its horizontal axis.

    It is recommended to use :meth:`from_predictions` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    history : DataFrame of pandas or polars
        One row for each series and time step: the columns of `series`, `time` and `target`.
    forecasts : DataFrame of pandas or polars
        What a forecaster predicts: the columns of `series`, `time`, `target` (the median) and
        one for each quantile, such as "sales_0.1".
    truth : DataFrame of pandas or polars, default=None
        What came after, with the columns of `history`.
    target : str
        Column of the values.
    time : str
        Column of the dates, or of numbers of time steps.
    series : str or sequence of str, default=None
        Columns that name the series; None if there is one.
    origin : str, default=None
        Column of `forecasts` that tells forecasts from several origins apart, as `backtest` makes
        them: "origin". Each has a line of its own.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes, shape (n_series,)
        The panels.
    figure_ : matplotlib figure
        The figure that holds them.
    history_lines_ : list of matplotlib lines
        One for each panel.
    truth_lines_ : list of matplotlib lines
        One for each panel; empty without `truth`.
    forecast_lines_ : list of lists of matplotlib lines
        For each panel one line, or one for each origin.
    bands_ : list of dict of lists of matplotlib collections
        For each panel, by the share of the values that the interval is to hold, such as 0.8: one
        band, or one for each origin.

    See Also
    --------
    backtest : Forecasts from several origins of a history.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm.forecasting import ForecastDisplay, SeasonalNaiveForecaster
    >>> sales = 10 + np.arange(60) % 7 + np.random.default_rng(0).normal(size=60)
    >>> shop = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=60), "sales": sales})
    >>> forecaster = SeasonalNaiveForecaster(horizon=7, target="sales", time="date", series=None)
    >>> forecasts = forecaster.fit(shop[:-7]).predict(shop[:-7])
    >>> display = ForecastDisplay.from_predictions(
    ...     shop[:-7], forecasts, shop[-7:], target="sales", time="date"
    ... )
    >>> [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    ['history', 'truth', 'forecast', '80 % interval']
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        history: Any,
        forecasts: Any,
        truth: Any = None,
        *,
        target: str,
        time: str,
        series: str | Sequence[str] | None = None,
        origin: str | None = None,
    ) -> None:
        self.history = history
        self.forecasts = forecasts
        self.truth = truth
        self.target = target
        self.time = time
        self.series = series
        self.origin = origin

    @classmethod
    def from_predictions(
        cls,
        history: Any,
        forecasts: Any,
        truth: Any = None,
        *,
        target: str,
        time: str,
        series: str | Sequence[str] | None = None,
        origin: str | None = None,
        ids: Sequence[Any] | None = None,
        n_series: int = 4,
        n_past: int | str | None = "auto",
        ax: Axes | Sequence[Axes] | None = None,
        history_kw: Mapping[str, Any] | None = None,
        forecast_kw: Mapping[str, Any] | None = None,
        truth_kw: Mapping[str, Any] | None = None,
        interval_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Plot forecasts.

        Parameters
        ----------
        history : DataFrame of pandas or polars
            One row for each series and time step: the columns of `series`, `time` and `target`.
        forecasts : DataFrame of pandas or polars
            What ``predict`` returns, or the `forecasts` of a `backtest`.
        truth : DataFrame of pandas or polars, default=None
            What came after, with the columns of `history`. After a `backtest` the history holds
            it.
        target : str
            Column of the values.
        time : str
            Column of the dates, or of numbers of time steps.
        series : str or sequence of str, default=None
            Columns that name the series; None if there is one.
        origin : str, default=None
            Column of `forecasts` that tells forecasts from several origins apart: "origin" for
            those of a `backtest`.
        ids : sequence, default=None
            The series to draw: values of the column `series`, or tuples if there are several
            columns. None draws the first `n_series` of the forecasts.
        n_series : int, default=4
            How many series are drawn, where `ids` names none.
        n_past : int, "auto" or None, default="auto"
            How many time steps before the first forecast are drawn. "auto" draws five times as
            many as the series has forecasts, None the whole history.
        ax : matplotlib axes or sequence of them, default=None
            Where to draw: one subplot, which is divided if there are several series, or one axes
            for each series. None makes a new figure.
        history_kw, forecast_kw, truth_kw : dict, default=None
            Keywords for matplotlib's ``plot``.
        interval_kw : dict, default=None
            Keywords for matplotlib's ``fill_between``.

        Returns
        -------
        ForecastDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a column or a series is missing, a frame has no rows, the times are neither dates
            nor numbers, or `ax` holds another number of axes.
        """
        display = cls(
            history, forecasts, truth, target=target, time=time, series=series, origin=origin
        )
        return display.plot(
            ids=ids,
            n_series=n_series,
            n_past=n_past,
            ax=ax,
            history_kw=history_kw,
            forecast_kw=forecast_kw,
            truth_kw=truth_kw,
            interval_kw=interval_kw,
        )

    def plot(
        self,
        *,
        ids: Sequence[Any] | None = None,
        n_series: int = 4,
        n_past: int | str | None = "auto",
        ax: Axes | Sequence[Axes] | None = None,
        history_kw: Mapping[str, Any] | None = None,
        forecast_kw: Mapping[str, Any] | None = None,
        truth_kw: Mapping[str, Any] | None = None,
        interval_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ids, n_series, n_past, ax, history_kw, forecast_kw, truth_kw, interval_kw
            As in :meth:`from_predictions`.

        Returns
        -------
        ForecastDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            As in :meth:`from_predictions`.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        _check_numbers(n_series, n_past)
        frames = self._read()
        forecasts = frames["forecasts"]
        chosen = _chosen(ids, n_series, forecasts.rows)
        self.axes_ = panels(ax, len(chosen), 1, figsize=(8, 0.6 + 2.2 * len(chosen)))
        self.figure_ = self.axes_[0].figure
        self.history_lines_, self.truth_lines_ = [], []
        self.forecast_lines_, self.bands_ = [], []
        for axes, one in zip(self.axes_, chosen, strict=True):
            self._draw_known(axes, frames, one, n_past, history_kw or {}, truth_kw or {})
            self._draw_forecasts(axes, forecasts, one, forecast_kw or {}, interval_kw or {})
            axes.set_ylabel(self.target)
            axes.set_title(_shown_id(one), loc="left", fontsize="medium")
            write_dates(axes)
        add_legend(self.axes_[0])
        return self

    def _read(self) -> dict[str, SeriesRows]:
        """Read the frames, by their names."""
        found = {}
        for name in ("history", "forecasts", "truth"):
            if (frame := getattr(self, name)) is not None:
                values = [self.target]
                if name == "forecasts":
                    values += self._quantiles().values()
                series = as_names(self.series)
                found[name] = read_rows(frame, name, values=values, time=self.time, series=series)
        return found

    def _quantiles(self) -> dict[float, str]:
        return quantile_columns(self.forecasts, self.target)

    def _draw_known(
        self,
        axes: Axes,
        frames: Mapping[str, SeriesRows],
        one: Any,
        n_past: int | str | None,
        history_kw: Mapping[str, Any],
        truth_kw: Mapping[str, Any],
    ) -> None:
        """Draw history and truth of one series."""
        forecasts, history = frames["forecasts"], frames["history"]
        forecast_times = forecasts.times[forecasts.rows[one]]
        rows = history.rows.get(one, NO_ROWS)
        times = history.times[rows]
        is_past = np.asarray(times < forecast_times[0])
        n_drawn = PAST * len(forecast_times.unique()) if n_past == "auto" else n_past
        n_before = int(is_past.sum())
        first = 0 if n_drawn is None else max(0, n_before - n_drawn)
        until = int(np.sum(np.asarray(times <= forecast_times[-1])))
        style = validate_style_kwargs(HISTORY, history_kw)
        self.history_lines_ += self._line(axes, history, rows[first:until], style)
        if "truth" in frames:
            truth = frames["truth"]
            style = validate_style_kwargs(TRUTH, truth_kw)
            self.truth_lines_ += self._line(axes, truth, truth.rows.get(one, NO_ROWS), style)

    def _line(
        self, axes: Axes, frame: SeriesRows, rows: np.ndarray, style: Mapping[str, Any]
    ) -> list[Any]:
        return axes.plot(plotted(frame.times[rows]), frame.values[self.target][rows], **style)

    def _draw_forecasts(
        self,
        axes: Axes,
        forecasts: SeriesRows,
        one: Any,
        forecast_kw: Mapping[str, Any],
        interval_kw: Mapping[str, Any],
    ) -> None:
        """Draw the forecasts of one series, and their intervals, from each origin."""
        lines, bands = [], {}
        quantiles = self._quantiles()
        for rows in self._runs(forecasts, one):
            is_point = {"marker": "o", "markersize": 4} if len(rows) == 1 else {}
            style = validate_style_kwargs(FORECAST | is_point, forecast_kw)
            lines += self._line(axes, forecasts, rows, style)
            for n, (share, pair) in enumerate(central_intervals(list(quantiles)).items()):
                ends = [forecasts.values[list(quantiles.values())[end]][rows] for end in pair]
                style = BAND | {"alpha": min(0.6, 0.2 + 0.15 * n)}
                style["label"] = f"{100 * share:g} % interval"
                style = validate_style_kwargs(style, interval_kw)
                band = fill(axes, plotted(forecasts.times[rows]), ends, style)
                bands.setdefault(share, []).append(band)
        self.forecast_lines_.append(lines)
        self.bands_.append(bands)

    def _runs(self, forecasts: SeriesRows, one: Any) -> list[np.ndarray]:
        """Return the rows of each origin of one series, in the order of time."""
        rows = forecasts.rows[one]
        if self.origin is None:
            times = forecasts.times[rows]
            if times.has_duplicates:
                raise ValueError(
                    f"forecasts holds {show(times[times.duplicated().argmax()])} more than once"
                    f"{'' if one == () else f' of the series {one!r}'}. If the forecasts come from "
                    "several origins, say which column tells them apart: origin='origin', for "
                    "those of a backtest."
                )
            return [rows]
        origins = read_columns(self.forecasts, [self.origin], "forecasts")[self.origin].tolist()
        runs: dict[Any, list[int]] = {}
        for row in rows.tolist():
            runs.setdefault(origins[row], []).append(row)
        return [np.array(run) for run in runs.values()]


def _check_numbers(n_series: Any, n_past: Any) -> None:
    for name, value, others in (("n_series", n_series, []), ("n_past", n_past, ["auto", None])):
        is_count = isinstance(value, Integral) and not isinstance(value, bool) and value >= 1
        if not is_count and value not in others:
            more = "".join(f" or {other!r}" for other in others)
            raise ValueError(f"{name}={value!r} is not valid: give an int of 1 or more{more}.")


def _chosen(ids: Sequence[Any] | None, n_series: int, rows: Mapping[Any, Any]) -> list[Any]:
    """Return the ids of the series to draw."""
    if ids is None:
        return list(rows)[:n_series]
    chosen = [tuple(one) if isinstance(one, list) else one for one in ids]
    for one in chosen:
        if one not in rows:
            some = ", ".join(map(repr, list(rows)[:5])) + (", ..." if len(rows) > 5 else "")
            raise ValueError(f"ids holds {one!r}, of which there is no forecast: valid are {some}.")
    if not chosen:
        raise ValueError("ids is empty: name the series to draw, or leave it out.")
    return chosen


def _shown_id(one: Any) -> str:
    return ", ".join(map(str, one)) if isinstance(one, tuple) else str(one)
