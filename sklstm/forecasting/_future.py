"""Series continued into the future, with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sklstm.forecasting._long_frames import make_frame, read_columns, read_time_column
from sklstm.forecasting._panel import Panel, Roles
from sklstm.forecasting._read_column import plain, read_column
from sklstm.preprocessing._time_index import show


def continue_panel(
    panel: Panel,
    roles: Roles,
    horizon: int,
    future: Any,
    kinds: Mapping[str, str] | None = None,
) -> Panel:
    """Append time steps to each series, in which only known and static columns have values.

    Parameters
    ----------
    panel : Panel
    roles : Roles
    horizon : int
        How many time steps.
    future : DataFrame or None
        The known columns of these time steps, and the columns of the series and the time. It may
        hold other time steps and series too. Not needed where there are no known columns.
    kinds : mapping of str, default=None
        What the known columns hold, as in the history: see `read_column`.

    Raises
    ------
    ValueError
        If the frame lacks a time step or a column, or a number of a known column is missing. The
        error names series, time and column.
    """
    lengths = panel.lengths + horizon
    rows = np.arange(panel.lengths.sum()) + np.repeat(
        np.arange(len(panel)) * horizon, panel.lengths
    )
    is_new = np.ones(lengths.sum(), bool)
    is_new[rows] = False
    known = (
        _read_known(panel, roles, horizon, future, kinds or _kinds_of(panel)) if roles.known else {}
    )
    columns = {}
    for name, values in panel.columns.items():
        column = np.full(len(is_new), np.nan if values.dtype.kind == "f" else None, values.dtype)
        column[rows] = values
        if name in known:
            column[is_new] = known[name]
        elif name in roles.static:
            column[is_new] = np.repeat(values[panel.starts], horizon)
        columns[name] = column
    return replace(panel, lengths=lengths, columns=columns)


def future_times(panel: Panel, horizon: int) -> Any:
    """Return the time steps that follow each series, as one index: those of one after another."""
    last = panel.first + panel.lengths
    return panel.times((last[:, np.newaxis] + np.arange(horizon)).ravel())


def forecast_frame(
    history: Any, panel: Panel, roles: Roles, forecasts: np.ndarray, columns: Sequence[str]
) -> Any:
    """Return forecasts as a frame of the library of `history`.

    Parameters
    ----------
    history : DataFrame
    panel : Panel
        Read from it.
    roles : Roles
    forecasts : ndarray of shape (n_series, horizon, n_columns)
    columns : sequence of str
        Their names.
    """
    horizon = forecasts.shape[1]
    made = {name: np.repeat(values, horizon) for name, values in panel.ids.items()}
    made[roles.time] = future_times(panel, horizon)
    made |= {name: forecasts[:, :, k].ravel() for k, name in enumerate(columns)}
    return make_frame(history, made)


def _read_known(
    panel: Panel, roles: Roles, horizon: int, future: Any, kinds: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Return the known columns of the time steps that follow each series."""
    if future is None:
        raise ValueError(
            f"The forecaster was fitted with known={list(roles.known)}: pass their values for the "
            f"next {horizon} time step(s) of every series, predict(history, future)."
        )
    table = read_columns(future, (*roles.series, roles.time, *roles.known), "future")
    where = f"The column {roles.time!r} of future"
    times = read_time_column(table[roles.time], where)
    _check_alike(times, panel.start, where)
    rows = _rows_ahead(panel, roles, horizon, table, times)
    known = {name: read_column(table, name, "future", kinds[name])[rows] for name in roles.known}
    for name, values in known.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            row = int(np.isnan(values).argmax())
            raise ValueError(
                f"future has no number in the column {name!r} for "
                f"{_shown(panel, horizon, row)}: a known column needs one at every time step."
            )
    return known


def _kinds_of(panel: Panel) -> dict[str, str]:
    """Return what columns hold, as far as their arrays tell."""
    return {
        name: "number" if values.dtype.kind == "f" else "category"
        for name, values in panel.columns.items()
    }


def _rows_ahead(panel: Panel, roles: Roles, horizon: int, table: Any, times: Any) -> np.ndarray:
    """Return the row of each time step that follows a series, those of one after another."""
    series = _numbers_of_series(panel, roles, table)
    last = panel.first + panel.lengths  # the position after it
    ahead = panel.axis.steps(panel.start, times) - last[series]
    found = np.flatnonzero((series >= 0) & (ahead >= 0) & (ahead < horizon))
    places = (series[found] * horizon + ahead[found]).astype(np.int64)
    counts = np.bincount(places, minlength=len(panel) * horizon)
    if (counts > 1).any():
        place = int(counts.argmax())
        first, second = found[np.flatnonzero(places == place)[:2]]
        raise ValueError(
            f"future has two rows for {_shown(panel, horizon, place)}, rows {first} and {second}: "
            "valid is one row for each series and time step."
        )
    if (missing := counts == 0).any():
        raise ValueError(
            f"future lacks {int(missing.sum())} of the {len(missing)} time step(s) that follow the "
            f"history, the first of them {_shown(panel, horizon, int(missing.argmax()))}: valid "
            f"is a row for each of the next {horizon} time step(s) of every series."
            f"{_if_strangers(series, table, panel)}"
        )
    rows = np.empty(len(counts), np.int64)
    rows[places] = found
    return rows


def _numbers_of_series(panel: Panel, roles: Roles, table: Any) -> np.ndarray:
    """Return the number of each row's series in the panel, -1 for one that it lacks."""
    import pandas as pd

    if not roles.series:
        return np.zeros(len(table), np.int64)
    names = list(roles.series)
    ids = pd.DataFrame(panel.ids, dtype=object)
    both = pd.concat([ids, table[names].astype(object)], ignore_index=True)
    numbers = both.groupby(names, sort=False, dropna=False).ngroup().to_numpy()[len(panel) :]
    return np.where(numbers < len(panel), numbers, -1)


def _if_strangers(series: np.ndarray, table: Any, panel: Panel) -> str:
    """Say what the series of the future are called, if none of them is one of the history."""
    if (series >= 0).any():
        return ""
    of_future = ", ".join(f"{name}={plain(table[name].iloc[0])!r}" for name in panel.ids)
    return f" Its first row is of {of_future}, and no row is of a series of history."


def _check_alike(times: Any, start: Any, where: str) -> None:
    """Check that times are of the kind of those of the history."""
    of_future, of_history = _kind(times), _kind(start)
    if of_future != of_history:
        raise ValueError(f"{where} holds {of_future}, but that of history holds {of_history}.")


def _kind(times: Any) -> str:
    """Describe the kind of one time or several."""
    if hasattr(times, "freqstr") and not hasattr(times, "tz"):
        return f"periods of {times.freqstr!r}"
    if not hasattr(times, "tz"):
        return "numbers"
    return "dates without a time zone" if times.tz is None else "dates of a time zone"


def _shown(panel: Panel, horizon: int, place: int) -> str:
    """Name a time step that follows a series."""
    series, step = divmod(place, horizon)
    position = panel.first[series] + panel.lengths[series] + step
    time = panel.times(np.array([position]))[0]
    return f"{panel.describe(series)} at {show(time)}"
