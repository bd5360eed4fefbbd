"""The rows of each series of a long frame, and columns that are named by quantiles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklstm.forecasting._long_frames import read_columns, read_time_column
from sklstm.input.containers import frame_as_array


@dataclass(frozen=True)
class SeriesRows:
    """Some columns of a long frame, with the rows of each series in the order of time.

    Attributes
    ----------
    times : pandas.Index of n labels
    values : dict of ndarrays of shape (n,), float64
        By the names of their columns.
    rows : dict of ndarrays of int
        By the id of the series: a value of the column that names it, a tuple of values of several
        columns, or () if there is one series without a name.
    """

    times: Any
    values: dict[str, np.ndarray]
    rows: dict[Any, np.ndarray]


def read_rows(
    frame: Any, name: str, *, values: Sequence[str], time: str, series: Sequence[str]
) -> SeriesRows:
    """Read some columns of numbers, and find the rows of each series.

    Parameters
    ----------
    frame : DataFrame of pandas or polars
    name : str
        Its name, for the errors.
    values : sequence of str
        Columns of numbers.
    time : str
        Column of dates or of numbers of time steps.
    series : sequence of str
        Columns that name the series; empty if there is one.

    Raises
    ------
    ValueError or TypeError
        If the frame is none, has no rows or lacks a column, or a value is not a number or a date.
    """
    table = read_columns(frame, [*series, time, *values], name)
    times = read_time_column(table[time], f"The column {time!r} of {name}")
    numbers = frame_as_array(table[list(values)], name)
    ids = ids_of_rows(table, series)
    order = np.argsort(times, kind="stable")
    rows: dict[Any, list[int]] = {one: [] for one in ids}  # in the order of the frame
    for row in order.tolist():
        rows[ids[row]].append(row)
    return SeriesRows(
        times,
        {label: numbers[:, j].astype(np.float64) for j, label in enumerate(values)},
        {one: np.array(found) for one, found in rows.items()},
    )


def ids_of_rows(table: Any, series: Sequence[str]) -> list[Any]:
    """Return the id of each row's series: a value, or a tuple of the values of several columns."""
    if len(series) == 1:
        return table[series[0]].tolist()
    return list(zip(*(table[name].tolist() for name in series), strict=True)) or [()] * len(table)


def as_names(columns: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return names of columns as a tuple; None is none."""
    if columns is None:
        return ()
    return (columns,) if isinstance(columns, str) else tuple(columns)


def quantile_columns(frame: Any, target: str) -> dict[float, str]:
    """Find the columns of quantiles, such as "sales_0.1", by their quantile, in ascending order."""
    prefix = re.escape(target)
    pattern = re.compile(rf"{prefix}_(0?\.\d+|\d(?:\.\d+)?e-\d+)")
    found = {
        float(match[1]): label
        for label in frame.columns
        if isinstance(label, str) and (match := pattern.fullmatch(label))
    }
    return {q: found[q] for q in sorted(found) if 0 < q < 1}


def quantile_column(target: str, quantile: float) -> str:
    """Return the name of the column of a quantile, such as "sales_0.1"."""
    return f"{target}_{quantile:g}"
