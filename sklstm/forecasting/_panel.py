"""`Panel`: many series of one frequency, read from a long frame."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sklstm.forecasting._long_frames import level_of_caller, read_columns, read_time_column
from sklstm.forecasting._read_column import plain, read_column
from sklstm.forecasting._time_axis import TimeAxis
from sklstm.preprocessing._time_index import show

DAYS_PER_YEAR = 365.25
MAX_STEPS_PER_ROW = 100


@dataclass(frozen=True)
class Roles:
    """What the columns of a long frame are.

    Attributes
    ----------
    target : str
        What is forecast.
    time : str
    series : tuple of str
        Columns that tell which series a row belongs to; none for a single series.
    known : tuple of str
        Known for the future too, such as prices and holidays.
    observed : tuple of str
        Known for the past only, such as the number of visitors.
    static : tuple of str
        The same in all rows of a series.
    """

    target: str
    time: str
    series: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    static: tuple[str, ...] = ()

    @property
    def covariates(self) -> tuple[str, ...]:
        """All columns beside the target, the time and the series."""
        return tuple(dict.fromkeys((*self.known, *self.observed, *self.static)))


@dataclass(frozen=True)
class Panel:
    """Series of one frequency, one after another, each from its first time step to its last.

    Time steps that the frame lacks are rows whose values are missing.

    Attributes
    ----------
    axis : TimeAxis
    start : Timestamp, Period or number
        The time at position 0.
    ids : dict of ndarray
        Of each series: the values of the columns that tell the series.
    first : ndarray of shape (n_series,), int64
        The position of the first time step of each series.
    lengths : ndarray of shape (n_series,), int64
        Its number of time steps.
    columns : dict of ndarray
        The target, float64 with NaN where it is missing, and covariates: float64 with NaN, or
        objects with None. Of all rows, those of one series after those of another.
    """

    axis: TimeAxis
    start: Any
    ids: dict[str, np.ndarray]
    first: np.ndarray
    lengths: np.ndarray
    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def starts(self) -> np.ndarray:
        """The row at which each series begins."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def stops(self) -> np.ndarray:
        """The row after the last one of each series."""
        return np.cumsum(self.lengths)

    @property
    def positions(self) -> np.ndarray:
        """The position of each row's time."""
        within = np.arange(self.lengths.sum()) - np.repeat(self.starts, self.lengths)
        return np.repeat(self.first, self.lengths) + within

    @property
    def years(self) -> float:
        """The time from the first time step to the last; 0 where times are numbers."""
        ends = self.times(np.array([0, int((self.first + self.lengths).max()) - 1]))
        if not hasattr(ends, "year"):
            return 0.0
        first, last = ends.year + ends.day_of_year / DAYS_PER_YEAR
        return float(last - first)

    def times(self, positions: np.ndarray) -> Any:
        """Return the times at some positions, as an index of pandas."""
        lowest = min(0, int(positions.min()))
        if lowest:  # no forecast begins before the first time step
            raise ValueError(f"position {lowest} lies before the first time step")
        return self.axis.labels(self.start, int(positions.max()) + 1)[positions]

    def describe(self, series: int) -> str:
        """Name a series in a message."""
        if not self.ids:
            return "the series"
        values = ", ".join(f"{name}={plain(of[series])!r}" for name, of in self.ids.items())
        return f"the series {values}"

    def until(self, stops: np.ndarray) -> Panel:
        """Return the series up to positions, one for each; those that begin later are left out."""
        lengths = np.clip(stops - self.first, 0, self.lengths)
        kept = lengths > 0
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows = np.repeat(self.starts, lengths) + within
        return replace(
            self,
            ids={name: values[kept] for name, values in self.ids.items()},
            first=self.first[kept],
            lengths=lengths[kept],
            columns={name: values[rows] for name, values in self.columns.items()},
        )

    def at_least(self, n_steps: int) -> Panel:
        """Return the series that have so many time steps; raise ValueError if none has."""
        stops = np.where(self.lengths >= n_steps, self.first + self.lengths, self.first)
        if (stops == self.first).all():
            raise ValueError(
                f"The longest series has {int(self.lengths.max())} time step(s): at least "
                f"{n_steps} are needed."
            )
        return self.until(stops)


def read_panel(
    frame: Any,
    roles: Roles,
    name: str,
    *,
    frequency: Any = None,
    kinds: Mapping[str, str] | None = None,
) -> Panel:
    """Read a long frame, in any order of its rows.

    Parameters
    ----------
    frame : DataFrame of pandas or polars
    roles : Roles
    name : str
        The name of the frame, for the errors.
    frequency : str, int, float or None
        Of a `TimeAxis`; None infers it from the times of all series together.
    kinds : mapping of str, default=None
        What covariates hold: see `read_column`. None goes by their dtypes.

    Returns
    -------
    Panel
        Series in the order in which they first appear.

    Raises
    ------
    TypeError, ValueError
        If the frame is not valid. The errors name the series, the time and the column.

    Warns
    -----
    UserWarning
        If time steps inside of series are missing.
    """
    values = (roles.target, *roles.covariates)
    table = read_columns(frame, (*roles.series, roles.time, *values), name)
    where = f"The column {roles.time!r} of {name}"
    times = read_time_column(table[roles.time], where)
    codes, ids = _read_series(table, roles.series, name)
    distinct, inverse = _distinct(times)
    axis = TimeAxis.of(distinct, where, frequency)
    positions = axis.positions(distinct, where)[inverse]
    first, lengths = _extents(codes, positions)
    panel = Panel(axis, distinct[0], ids, first, lengths, {})
    _check_filled(panel, len(codes), name)
    rows = panel.starts[codes] + positions - first[codes]
    _check_once(rows, panel, codes, times, name)
    _warn_of_gaps(rows, panel, name)
    kinds = {**(kinds or {}), roles.target: "number"}
    columns = {
        column: _scattered(read_column(table, column, name, kinds.get(column)), rows, panel)
        for column in values
    }
    panel = replace(panel, columns=columns)
    _check_static(panel, roles.static, rows, name)
    _check_known(panel, roles.known, rows, name)
    return panel


def _read_series(
    table: Any, series: Sequence[str], name: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the number of each row's series, and of each column the values of the series."""
    if not series:
        return np.zeros(len(table), np.int64), {}
    for column in series:
        if (missing := table[column].isna()).any():
            raise ValueError(
                f"The column {column!r} of {name} is missing in row "
                f"{int(missing.to_numpy().argmax())}: every row needs its series."
            )
    groups = table.groupby(list(series), sort=False, observed=True)
    codes = groups.ngroup().to_numpy()
    places = np.empty(groups.ngroups, np.int64)
    places[codes[::-1]] = np.arange(len(codes))[::-1]  # the first row of each
    return codes, {column: table[column].iloc[places].to_numpy() for column in series}


def _distinct(times: Any) -> tuple[Any, np.ndarray]:
    """Return the distinct times in ascending order, and the place of each row's time in them."""
    inverse, distinct = times.factorize(sort=True)
    return distinct, inverse


def _extents(codes: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first position of each series, and how many time steps it has."""
    n_series = int(codes.max()) + 1
    first = np.full(n_series, np.iinfo(np.int64).max)
    last = np.full(n_series, -1)
    np.minimum.at(first, codes, positions)
    np.maximum.at(last, codes, positions)
    return first, last - first + 1


def _check_filled(panel: Panel, n_rows: int, name: str) -> None:
    """Check that there are not far more time steps than rows."""
    n_steps = int(panel.lengths.sum())
    if n_steps <= MAX_STEPS_PER_ROW * n_rows + 2**20:
        return
    series = int(panel.lengths.argmax())
    ends = panel.first[series] + np.array([0, panel.lengths[series] - 1])
    begin, end = map(show, panel.times(ends))
    raise ValueError(
        f"{name} has {n_rows} rows, but {n_steps} time steps of {panel.axis.frequency!r} between "
        f"the first and the last rows of the series: {panel.describe(series)} reaches from {begin} "
        f"to {end}. Leave out times that are far from the others, or name a longer frequency."
    )


def _check_once(rows: np.ndarray, panel: Panel, codes: np.ndarray, times: Any, name: str) -> None:
    counts = np.bincount(rows)
    if counts.max() == 1:
        return
    first, second = np.flatnonzero(rows == int(counts.argmax()))[:2]
    raise ValueError(
        f"{name} has two rows for {panel.describe(codes[first])} at {show(times[first])}, rows "
        f"{first} and {second}: valid is one row for each series and time step. Name the columns "
        "that tell series apart in `series`, leave one row out, or sum them up."
    )


def _warn_of_gaps(rows: np.ndarray, panel: Panel, name: str) -> None:
    n_missing = int(panel.lengths.sum()) - len(rows)
    if not n_missing:
        return
    present = np.zeros(panel.lengths.sum(), bool)
    present[rows] = True
    row = int(np.argmin(present))
    series = int(np.searchsorted(panel.stops, row, side="right"))
    time = panel.times(panel.positions[row : row + 1])[0]
    warnings.warn(
        f"{name} lacks {n_missing} time step(s) inside of series, the first of them "
        f"{show(time)} of {panel.describe(series)}. They are read as missing values. If there was "
        "nothing to observe, such as no sale, add them with a target of 0.",
        UserWarning,
        stacklevel=level_of_caller(),
    )


def _scattered(values: np.ndarray, rows: np.ndarray, panel: Panel) -> np.ndarray:
    """Put the values of the frame's rows into the rows of the panel."""
    missing = np.nan if values.dtype.kind == "f" else None
    column = np.full(panel.lengths.sum(), missing, values.dtype)
    column[rows] = values
    return column


def _check_static(panel: Panel, static: Sequence[str], rows: np.ndarray, name: str) -> None:
    """Check that static columns have one value in all rows of a series, and fill its gaps."""
    present = np.sort(rows)
    owner = np.searchsorted(panel.stops, present, side="right")
    for column in static:
        values = panel.columns[column]
        expected = values[panel.starts[owner]]
        differs = (values[present] != expected) & ~(_missing(values[present]) & _missing(expected))
        if differs.any():
            row = int(differs.argmax())
            raise ValueError(
                f"The column {column!r} of {name} is static, but of {panel.describe(owner[row])} "
                f"it holds {plain(expected[row])!r} and {plain(values[present][row])!r}: valid is "
                "one value for a series. Name it in `known` or `observed` if it changes."
            )
        values[:] = np.repeat(values[panel.starts], panel.lengths)


def _check_known(panel: Panel, known: Sequence[str], rows: np.ndarray, name: str) -> None:
    """Check that known columns of numbers have one at all time steps of the frame."""
    present = np.sort(rows)
    for column in known:
        missing = _missing(panel.columns[column][present])
        if panel.columns[column].dtype.kind == "f" and missing.any():
            row = present[int(missing.argmax())]
            series = int(np.searchsorted(panel.stops, row, side="right"))
            time = panel.times(panel.positions[row : row + 1])[0]
            raise ValueError(
                f"The column {column!r} of {name} is known, but of {panel.describe(series)} it is "
                f"missing at {show(time)}: fill it in, or name it in `observed`."
            )


def _missing(values: np.ndarray) -> np.ndarray:
    """Return where values are NaN or None."""
    return np.isnan(values) if values.dtype.kind == "f" else np.equal(values, None)
