"""The columns of a table of time steps as numbers: values, times, and codes of text."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklstm.input.absent_steps import TimeSteps
from sklstm.input.containers import NUMBERS, as_numbers, is_missing
from sklstm.preprocessing._gaps import StepTimes, fill_linear
from sklstm.preprocessing._read_sequences import strip_padding
from sklstm.preprocessing._series_rows import Column, column_at
from sklstm.preprocessing._step_tables import StepTable
from sklstm.preprocessing._time_index import read_times

NUMBER_KINDS = ("i", "u", "f")
ONE_DAY = np.timedelta64(1, "D") / np.timedelta64(1, "us")


def is_text(column: Any) -> bool:
    """Whether a column of a DataFrame holds labels: text, categories, dates or truth values."""
    dtype = column.dtype
    if hasattr(dtype, "categories"):
        return True
    if getattr(dtype, "kind", None) in NUMBER_KINDS or getattr(dtype, "is_numeric", bool)():
        return False
    first = first_known(column)
    return isinstance(first, bool | np.bool_) or not (first is None or hasattr(first, "__float__"))


def first_known(column: Any) -> Any:
    """Return the first value of a column that is not missing; None if there is none."""
    return next((value for value in column if not _is_missing(value)), None)


def _is_missing(value: Any) -> bool:
    return bool(is_missing(value) or value != value)


def read_numbers_of(steps: StepTable, position: int) -> np.ndarray:
    """Read a column of numbers; what is missing is NaN.

    Raises
    ------
    ValueError or TypeError
        If a value is no number, or infinite.
    """
    column = column_at(steps.table, position)

    def where(index: tuple[int, ...]) -> str:
        return f"{steps.locate(index[0])}, {_label(steps, position)}"

    if hasattr(column.dtype, "na_value") and getattr(column.dtype, "kind", "O") in NUMBERS:
        array = column.to_numpy(dtype=np.float64, na_value=np.nan)  # nullable numbers of pandas
    else:
        array = as_numbers(np.asarray(column), "X", where)
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    if (infinite := np.isinf(array)).any():
        place = where((int(np.flatnonzero(infinite)[0]),))
        raise ValueError(f"Input X contains infinity in {place}. Scale or clip X.")
    return array


def _label(steps: StepTable, position: int) -> str:
    if hasattr(steps.table, "columns"):
        return f"column {list(steps.table.columns)[position]!r}"
    return f"feature {position}"


def read_codes_of(column: Any, labels: list[Any]) -> np.ndarray:
    """Read a column of text as numbers; new labels are added to those that are known."""
    codes = {label: code for code, label in enumerate(labels)}
    values = column.to_list()
    coded = np.array(
        [np.nan if _is_missing(each) else codes.setdefault(each, len(codes)) for each in values],
        np.float64,
    )
    labels[:] = list(codes)
    return coded


def as_text(codes: np.ndarray, labels: list[Any], like: Any) -> Any:
    """Turn codes back into a Series like another one, of its dtype if that has all the labels."""
    values = [None if code != code else labels[int(code)] for code in codes]
    if hasattr(like, "iloc"):
        import pandas as pd

        used = {value for value in values if value is not None}
        of_others = hasattr(like.dtype, "categories") and not used <= set(like.dtype.categories)
        return pd.Series(values, like.index, object if of_others else like.dtype)
    import polars as pl

    try:
        return pl.Series(like.name, values, like.dtype)
    except (TypeError, pl.exceptions.PolarsError):  # an Enum without the label
        return pl.Series(like.name, values)


def read_times_of(steps: StepTable, key: Column, position: int | None) -> np.ndarray:
    """Read the times of all time steps, as numbers; dates count in days; NaN is missing.

    Parameters
    ----------
    steps : StepTable
    key : str or int
        What the user calls the column.
    position : int or None
        None for a level of the index of pandas.

    Raises
    ------
    ValueError or TypeError
        If a value is neither a number nor a date.
    """
    table = steps.table
    column = table.index.get_level_values(key) if position is None else column_at(table, position)
    if (days := _days(column)) is not None:
        return days
    if position is None and np.asarray(column).dtype.kind in NUMBERS:
        return np.asarray(column).astype(np.float64)
    if position is None or (hasattr(table, "columns") and is_text(column)):
        raise ValueError(
            f"times={key!r} holds {next(iter(column))!r:.60} in {steps.locate(0)}, which is "
            "neither a number nor a date. Make dates of text by pd.to_datetime, or str.to_datetime "
            "of polars."
        )
    return read_numbers_of(steps, position).astype(np.float64)


def _days(column: Any) -> np.ndarray | None:
    """Return dates and durations as days; None if a column holds neither."""
    if type(column).__module__.partition(".")[0] == "pandas":
        import pandas as pd

        column = read_times(column if isinstance(column, pd.Index) else pd.Index(column))
        if isinstance(column, pd.PeriodIndex):
            column = column.to_timestamp()
        if getattr(column, "tz", None) is not None:
            column = column.tz_convert(None)
    array = np.asarray(column)
    if array.dtype.kind not in "mM":
        return None
    missing = np.isnat(array)
    microseconds = array.astype(f"{array.dtype.kind}8[us]").astype(np.int64).astype(np.float64)
    return np.where(missing, np.nan, microseconds / ONE_DAY)


@dataclass(frozen=True)
class StepColumns:
    """The features of all time steps, as numbers.

    Attributes
    ----------
    values : ndarray of shape (N, F)
        NaN where a value is missing.
    labels : dict of lists
        Of the features that hold text: the label of each code, by the number of the feature.
    present : ndarray of shape (N,), bool
        Whether a row is a time step of its sequence, rather than padding.
    steps : StepTimes
        The times of the steps that are present.
    """

    values: np.ndarray
    labels: dict[int, list[Any]]
    present: np.ndarray
    steps: StepTimes


def read_step_columns(
    table: StepTable,
    positions: list[int],
    labels: dict[int, list[Any]],
    times: np.ndarray | None,
    times_name: Column | None,
) -> StepColumns:
    """Read the features at some positions of a table.

    Parameters
    ----------
    table : StepTable
    positions : list of int
        Of the features in the table.
    labels : dict of lists
        The known labels of the features that hold text; new ones are added.
    times : ndarray of shape (N,) or None
    times_name : str or int or None
        What the user calls the times.

    Raises
    ------
    ValueError or TypeError
        If a value is no number or infinite, a sequence has no time step, or a time is missing or
        before that of the step before.
    """
    if isinstance(table.table, np.ndarray):
        values = table.table[:, positions]
    else:
        values = np.column_stack(
            [
                read_codes_of(column_at(table.table, j), labels[k])
                if k in labels
                else read_numbers_of(table, j)
                for k, j in enumerate(positions)
            ]
        )
    if (infinite := np.isinf(values).any(axis=1)).any():
        place = table.locate(int(np.flatnonzero(infinite)[0]))
        raise ValueError(f"Input X contains infinity in {place}. Scale or clip X.")
    is_gap = np.isnan(values).all(axis=1)
    present, lengths = _present_steps(table, is_gap if times is None else is_gap & np.isnan(times))
    if times is not None:
        rows = np.flatnonzero(present)
        times = _filled_times(times[present], is_gap[present], lengths)
        _check_times(times, lengths, lambda step: table.locate(int(rows[step])), times_name)
    return StepColumns(values, labels, present, StepTimes.of(lengths, times))


def _present_steps(table: StepTable, absent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows are time steps, gaps included, and how many each sequence has."""
    if table.form == "rows":
        return np.ones(len(absent), bool), np.diff(table.offsets)
    marks = np.where(absent, np.nan, 0.0)[:, np.newaxis]
    starts, stops = strip_padding(TimeSteps(marks, table.offsets), allow_gaps=True)
    borders = np.zeros(len(absent) + 1, np.int8)  # a row may start one sequence and end another
    np.add.at(borders, starts, 1)
    np.add.at(borders, stops, -1)
    return np.cumsum(borders[:-1]) > 0, stops - starts


def _filled_times(times: np.ndarray, is_gap: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Give steps of which all is missing the times between those of their neighbours."""
    known = ~np.isnan(times)
    if known.all():
        return times
    steps = StepTimes.of(lengths, None)
    is_inside = (steps.last_known(known) >= 0) & (steps.next_known(known) >= 0)
    filled = times.copy()
    fill_linear(filled, known, steps, np.nan)
    return np.where(known | (is_gap & is_inside), filled, np.nan)


def _check_times(
    times: np.ndarray, lengths: np.ndarray, locate: Callable[[int], str], name: Column
) -> None:
    if (missing := np.isnan(times)).any():
        raise ValueError(
            f"The time (times={name!r}) of {locate(int(missing.argmax()))} is missing: every time "
            "step needs one. Leave the step out, or fill in its time."
        )
    if (falls := StepTimes.of(lengths, times).intervals() < 0).any():
        step = int(falls.argmax())
        raise ValueError(
            f"The time (times={name!r}) of {locate(step)} is before that of the step before it: "
            "sort each sequence by time."
        )


def typical_values(columns: StepColumns) -> np.ndarray:
    """Return the mean of the known values of each feature, or the most frequent label.

    Warns
    -----
    UserWarning
        If a feature has no value.
    """
    typical, empty = [], []
    for k in range(columns.values.shape[1]):
        column = columns.values[:, k]
        known = column[~np.isnan(column)]
        if not len(known):
            empty.append(k)
            typical.append(0.0)
        elif k in columns.labels:
            typical.append(columns.labels[k][int(np.bincount(known.astype(np.intp)).argmax())])
        else:
            typical.append(_mean(known.astype(np.float64)))
    if empty:
        warnings.warn(
            f"Feature(s) {', '.join(map(str, empty))} of X are missing at every time step, so that "
            "nothing can be learnt of them, and become 0: leave them out.",
            UserWarning,
            stacklevel=4,
        )
    return np.array(typical, object if columns.labels else np.float64)


def _mean(known: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        mean = known.mean()
    return float(mean if np.isfinite(mean) else (known / len(known)).sum())
