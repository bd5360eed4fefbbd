"""Series continued into the future, with what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sklstm.forecasting._long_frames import make_frame, read_columns, read_time_column
from sklstm.forecasting._panel import Panel, Roles, read_column
from sklstm.preprocessing._time_index import show


def continue_panel(panel: Panel, roles: Roles, horizon: int, future: Any) -> Panel:
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
    known = _read_known(panel, roles, horizon, future) if roles.known else {}
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


def _read_known(panel: Panel, roles: Roles, horizon: int, future: Any) -> dict[str, np.ndarray]:
    """Return the known columns of the time steps that follow each series."""
    import pandas as pd

    if future is None:
        raise ValueError(
            f"The forecaster was fitted with known={list(roles.known)}: pass their values for the "
            f"next {horizon} time step(s) of every series, predict(history, future)."
        )
    table = read_columns(future, (*roles.series, roles.time, *roles.known), "future")
    table[roles.time] = read_time_column(table[roles.time], f"The column {roles.time!r} of future")
    keys = [*roles.series, roles.time]
    if (twice := table.duplicated(keys)).any():
        row = int(twice.to_numpy().argmax())
        raise ValueError(
            f"future has two rows for {_described(table, roles, row)}, one of them row {row}: "
            "valid is one row for each series and time step."
        )
    needed = pd.DataFrame(
        {name: np.repeat(values, horizon) for name, values in panel.ids.items()}
        | {roles.time: future_times(panel, horizon)}
    )
    found = needed.merge(table.assign(_row=np.arange(len(table))), how="left", on=keys)
    if (missing := found["_row"].isna()).any():
        row = int(missing.to_numpy().argmax())
        raise ValueError(
            f"future lacks {int(missing.sum())} of the {len(needed)} time step(s) that follow the "
            f"history, the first of them {_described(needed, roles, row)}: valid is a row for "
            f"each of the next {horizon} time step(s) of every series."
        )
    chosen = table.iloc[found["_row"].to_numpy(dtype=np.int64)].reset_index(drop=True)
    known = {name: read_column(chosen, name, "future") for name in roles.known}
    for name, values in known.items():
        if values.dtype.kind == "f" and np.isnan(values).any():
            row = int(np.isnan(values).argmax())
            raise ValueError(
                f"future has no number in the column {name!r} for "
                f"{_described(needed, roles, row)}: a known column needs one at every time step."
            )
    return known


def _described(table: Any, roles: Roles, row: int) -> str:
    values = [f"{name}={table[name].iloc[row]!r}" for name in roles.series]
    return ", ".join([*values, f"{roles.time} {show(table[roles.time].iloc[row])}"])
