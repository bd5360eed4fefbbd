"""A history that is cut at origins: what a forecaster may know there, and what came after."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from sklstm._sklearn_compat import safe_indexing
from sklstm.forecasting._find_seasons import find_seasons
from sklstm.forecasting._long_frames import read_columns, read_time_column
from sklstm.forecasting._metrics import seasonal_naive_error
from sklstm.forecasting._panel import Panel, Roles, read_panel
from sklstm.forecasting._series_rows import as_names, ids_of_rows, quantile_column
from sklstm.forecasting._time_axis import TimeAxis
from sklstm.preprocessing._time_index import show


def time_positions(frame: Any, time: str, name: str, frequency: Any) -> np.ndarray:
    """Return the position of each row's time, from 0 for the first time of a frame.

    Raises
    ------
    ValueError or TypeError
        If the frame is not valid, or its times have no common frequency.
    """
    return _positions(read_columns(frame, [time], name)[time], name, frequency)


def _positions(column: Any, name: str, frequency: Any) -> np.ndarray:
    where = f"The column {column.name!r} of {name}"
    times = read_time_column(column, where)
    inverse, distinct = times.factorize(sort=True)
    return TimeAxis.of(distinct, where, frequency).positions(distinct, where)[inverse]


def season_of(panel: Panel, target: str) -> int:
    """Return the length of the shortest season, in time steps; 1 if there is none.

    It follows the frequency; the season of times that are numbers is found in the target.
    """
    return next(iter(panel.axis.seasons or find_seasons(panel, target)), 1)


def rolling_origins(n_steps: int, n_origins: int, horizon: int, step: int, name: str) -> np.ndarray:
    """Return the positions of the last origins that have a whole horizon after them.

    Parameters
    ----------
    n_steps : int
        Time steps of the history.
    n_origins, horizon, step : int
    name : str
        What the number of origins is called, for the error.

    Returns
    -------
    ndarray of shape (n_origins,)
        In ascending order. An origin is the last time step that is known.

    Raises
    ------
    ValueError
        If no time step is left before the first origin.
    """
    origins = n_steps - 1 - horizon - step * np.arange(n_origins)[::-1]
    if origins[0] < 0:
        needed = horizon + step * (n_origins - 1) + 1
        raise ValueError(
            f"The history has {n_steps} time steps, but {name}={n_origins} with a horizon of "
            f"{horizon} and steps of {step} need {needed} or more: take fewer or nearer origins, "
            "or a shorter horizon."
        )
    return origins


class Windows(NamedTuple):
    """The series that are forecast from one origin.

    Attributes
    ----------
    origin : int
        Position of the last time step that is known.
    series : ndarray of shape (n,), int64
        Their numbers in the panel.
    before : DataFrame
        Their rows up to the origin.
    future : DataFrame or None
        What is known of the horizon; None if nothing is.
    truth : ndarray of shape (n, horizon)
    scale : ndarray of shape (n,)
        Mean absolute error of the seasonal naive forecast up to the origin.
    """

    origin: int
    series: np.ndarray
    before: Any
    future: Any
    truth: np.ndarray
    scale: np.ndarray


def predict_at(forecaster: Any, windows: Windows) -> Any:
    """Return the frame that a fitted forecaster predicts from an origin."""
    if windows.future is None:
        return forecaster.predict(windows.before)
    return forecaster.predict(windows.before, windows.future)


@dataclass(frozen=True)
class History:
    """A long frame, with the place of each row.

    Attributes
    ----------
    frame : DataFrame of pandas or polars
    roles : Roles
    panel : Panel
        Its target.
    horizon : int
    series : ndarray of shape (n_rows,), int64
        The number of each row's series.
    positions : ndarray of shape (n_rows,), int64
        The position of each row's time.
    is_row : ndarray of bool
        Which rows of the panel the frame has.
    """

    frame: Any
    roles: Roles
    panel: Panel
    horizon: int
    series: np.ndarray
    positions: np.ndarray
    is_row: np.ndarray

    @classmethod
    def of(cls, frame: Any, forecaster: Any, frequency: Any = None) -> Self:
        """Read the history of a forecaster.

        Parameters
        ----------
        frame : DataFrame of pandas or polars
        forecaster : estimator
            With the parameters `horizon`, `target`, `time` and `series`, and maybe `known`.
        frequency : str, int, float or None
            None infers it, unless the forecaster has a parameter of this name.
        """
        if frequency is None:
            frequency = getattr(forecaster, "frequency", None)
        roles = Roles(
            forecaster.target,
            forecaster.time,
            as_names(forecaster.series),
            as_names(getattr(forecaster, "known", None)),
        )
        panel = read_panel(frame, replace(roles, known=()), "history", frequency=frequency)
        table = read_columns(frame, [*roles.series, roles.time, *roles.known], "history")
        ids = ids_of_rows(table, roles.series)
        number = {one: j for j, one in enumerate(dict.fromkeys(ids))}
        series = np.array([number[one] for one in ids])
        positions = _positions(table[roles.time], "history", panel.axis.frequency)
        is_row = np.zeros(int(panel.lengths.sum()), bool)
        is_row[panel.starts[series] + positions - panel.first[series]] = True
        return cls(frame, roles, panel, int(forecaster.horizon), series, positions, is_row)

    @property
    def n_steps(self) -> int:
        """Time steps from the first to the last one."""
        return int(self.positions.max()) + 1

    def season_until(self, origin: int) -> int:
        """Return the length of the shortest season, as it is known at an origin."""
        return season_of(
            self.panel.until(np.minimum(self.panel.first + self.panel.lengths, origin + 1)),
            self.roles.target,
        )

    def rows_until(self, origin: int) -> Any:
        """Return the rows of all series up to an origin."""
        return self._rows(self.positions <= origin)

    def windows(self, origin: int, season: int) -> Windows:
        """Cut the history at an origin.

        Series that have no row before it or none in the horizon are not forecast from there.

        Raises
        ------
        ValueError
            If no series is left.

        Warns
        -----
        UserWarning
            If a series is left out because rows are missing at the origin, or in the horizon where
            the forecaster needs to know them.
        """
        chosen = self._series_at(origin)
        is_chosen = np.isin(self.series, chosen)
        is_ahead = (self.positions > origin) & (self.positions <= origin + self.horizon)
        future = None
        if self.roles.known:
            wanted = {*self.roles.series, self.roles.time, *self.roles.known}
            future = self._rows(is_chosen & is_ahead)
            future = future[[column for column in future.columns if column in wanted]]
        return Windows(
            origin,
            chosen,
            self._rows(is_chosen & (self.positions <= origin)),
            future,
            self._truth(chosen, origin),
            self._scale(chosen, origin, season),
        )

    def read_forecasts(
        self, forecasts: Any, windows: Windows, quantiles: Sequence[float]
    ) -> np.ndarray:
        """Read what a forecaster predicts for windows.

        Returns
        -------
        ndarray of shape (n, horizon, 1 + n_quantiles)
            The target's column, then those of the quantiles.

        Raises
        ------
        ValueError or TypeError
            If a series, a time step or a column is missing.
        """
        target, time, series = self.roles.target, self.roles.time, self.roles.series
        columns = [target, *(quantile_column(target, q) for q in quantiles)]
        table = read_columns(forecasts, [*series, time, *columns], "The forecast frame")
        times = read_time_column(table[time], f"The column {time!r} of the forecasts")
        expected = self.panel.times(windows.origin + 1 + np.arange(self.horizon))
        steps = expected.get_indexer(times)
        places = self._windows_of(table, windows)
        is_asked_for = (steps >= 0) & (places >= 0)
        values = np.full((len(windows.series), self.horizon, len(columns)), np.nan)
        found = np.zeros(values.shape[:2], bool)
        found[places[is_asked_for], steps[is_asked_for]] = True
        self._check_all_found(found, windows, expected)
        numbers = table[columns].to_numpy(np.float64)
        values[places[is_asked_for], steps[is_asked_for]] = numbers[is_asked_for]
        return values

    def _rows(self, mask: np.ndarray) -> Any:
        return safe_indexing(self.frame, np.flatnonzero(mask))

    def _series_at(self, origin: int) -> np.ndarray:
        """Return the numbers of the series that can be forecast from an origin."""
        n_rows = np.concatenate([[0], np.cumsum(self.is_row)])

        def count(first: int, stop: int) -> np.ndarray:
            """Count the rows of each series from a position until before another one."""
            panel = self.panel
            ends = (np.clip(at - panel.first, 0, panel.lengths) for at in (first, stop))
            low, high = (panel.starts + end for end in ends)
            return n_rows[high] - n_rows[low]

        n_ahead = count(origin + 1, origin + 1 + self.horizon)
        needed = self.horizon if self.roles.known else 1
        candidates = (count(0, origin + 1) > 0) & (n_ahead > 0)
        is_whole = candidates & (count(origin, origin + 1) > 0) & (n_ahead >= needed)
        if not is_whole.any():
            raise ValueError(
                f"No series can be forecast from {self._shown(origin)}: it needs a row there, and "
                f"{needed} of the {self.horizon} row(s) after it."
            )
        self._warn_of_others(candidates & ~is_whole, origin, needed)
        return np.flatnonzero(is_whole)

    def _warn_of_others(self, left_out: np.ndarray, origin: int, needed: int) -> None:
        if not left_out.any():
            return
        warnings.warn(
            f"{int(left_out.sum())} series are not forecast from {self._shown(origin)}, the first "
            f"of them {self.panel.describe(int(np.argmax(left_out)))}: valid is a row there, and "
            f"{needed} or more of the {self.horizon} after it. Add the missing rows, with NaN or 0 "
            "as their target.",
            UserWarning,
            stacklevel=7,
        )

    def _truth(self, series: np.ndarray, origin: int) -> np.ndarray:
        panel = self.panel
        steps = origin + 1 + np.arange(self.horizon) - panel.first[series, np.newaxis]
        exists = steps < panel.lengths[series, np.newaxis]
        rows = panel.starts[series, np.newaxis] + np.where(exists, steps, 0)
        return np.where(exists, panel.columns[self.roles.target][rows], np.nan)

    def _scale(self, series: np.ndarray, origin: int, season: int) -> np.ndarray:
        lengths = np.clip(origin + 1 - self.panel.first, 0, self.panel.lengths)
        values = self.panel.columns[self.roles.target]
        return seasonal_naive_error(values, self.panel.starts, lengths, season)[series]

    def _windows_of(self, table: Any, windows: Windows) -> np.ndarray:
        """Return the window of each row of a table, by its series; -1 if there is none."""
        import pandas as pd

        names = self.roles.series
        columns = {name: self.panel.ids[name][windows.series] for name in names}
        ids = ids_of_rows(pd.DataFrame(columns, index=range(len(windows.series))), names)
        window_of = {one: j for j, one in enumerate(ids)}
        return np.array([window_of.get(one, -1) for one in ids_of_rows(table, names)])

    def _check_all_found(self, found: np.ndarray, windows: Windows, expected: Any) -> None:
        if found.all():
            return
        window, step = np.argwhere(~found)[0]
        raise ValueError(
            f"The forecaster predicts no row of {self.panel.describe(windows.series[window])} at "
            f"{show(expected[step])}, time step {step + 1} after its history: valid are "
            f"{self.horizon} rows for each series."
        )

    def _shown(self, position: int) -> str:
        return show(self.panel.times(np.array([position]))[0])
