"""The index of a series: one label for each time step, in the order of time."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_time_order(X: Any, name: str, *, dates_only: bool = False, strictly: bool = True) -> None:
    """Check that the index of a Series or DataFrame runs forwards in time.

    Arrays and polars have no index, and labels that are neither times nor numbers have no order:
    they pass.

    Parameters
    ----------
    X : any
    name : str
        The name of X, for the errors.
    dates_only : bool, default=False
        Whether an index of numbers passes, in any order.
    strictly : bool, default=True
        Whether a label may come only once.

    Raises
    ------
    ValueError
        If a label is missing, comes twice, or comes before the label of an earlier row.
    """
    times = read_times(X.index) if hasattr(X, "iloc") else None
    if times is None or (dates_only and times.dtype.kind in "iuf"):
        return
    _check_none_missing(times, name)
    if times.is_monotonic_increasing and (times.is_unique or not strictly):
        return
    if strictly and not times.is_unique:
        _raise_duplicate(times, name)
    if times.is_monotonic_decreasing:
        raise ValueError(
            f"{name} has its newest row first: its index runs from {show(times[0])} down to "
            f"{show(times[-1])}. Rows are time steps, the oldest first: pass {name}[::-1]."
        )
    row = int(np.flatnonzero(times[1:] < times[:-1])[0]) + 1
    raise ValueError(
        f"The index of {name} is not in the order of time: {show(times[row])} in row {row} comes "
        f"after {show(times[row - 1])}. Pass {name}.sort_index(){_if_no_times(times, name)}."
    )


def read_times(index: Any) -> Any:
    """Return the labels of a pandas index as times or numbers; None if they are neither.

    Dates that are strings (of ISO 8601) or objects become a DatetimeIndex.
    """
    import pandas as pd

    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex | pd.PeriodIndex | pd.RangeIndex):
        return index
    if pd.api.types.is_any_real_numeric_dtype(index.dtype):
        is_whole = pd.api.types.is_integer_dtype(index.dtype) and not index.hasnans
        return index.astype(np.int64 if is_whole else np.float64)
    kind = index.inferred_type
    if kind not in ("date", "datetime", "datetime64", "string"):
        return None
    try:
        options = {"format": "ISO8601"} if kind == "string" else {}
        return pd.DatetimeIndex(pd.to_datetime(index, **options))
    except (ValueError, TypeError):
        return None


def show(label: Any) -> str:
    """Write a label for a message, midnight left out."""
    return str(label).removesuffix(" 00:00:00")


def _check_none_missing(times: Any, name: str) -> None:
    if (missing := times.isna()).any():
        raise ValueError(
            f"The index of {name} holds {times[missing.argmax()]} in row {missing.argmax()}: every "
            "row needs its time. Leave the row out, or fill in its time."
        )


def _raise_duplicate(times: Any, name: str) -> None:
    row = int(times.duplicated().argmax())
    first = int((times == times[row]).argmax())
    raise ValueError(
        f"The index of {name} holds {show(times[row])} twice, in rows {first} and {row}: valid is "
        f"one row for each time step. Leave one of them out, or take their mean"
        f"{_if_no_times(times, name)}."
    )


def _if_no_times(times: Any, name: str) -> str:
    if times.dtype.kind not in "iuf":
        return ""
    return f"; if the rows are in the order of time all the same, {name}.reset_index(drop=True)"
