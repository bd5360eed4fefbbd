"""Long frames, one row per series and time step: their columns, read and made."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sklstm.input.containers import is_frame
from sklstm.preprocessing._time_index import read_times


def read_columns(frame: Any, columns: Iterable[str], name: str) -> Any:
    """Return columns of a frame, and levels of its index, as a pandas frame with rows 0, 1, ….

    Parameters
    ----------
    frame : DataFrame of pandas or polars
    columns : iterable of str
    name : str
        The name of the frame, for the errors.

    Raises
    ------
    TypeError
        If it is no frame.
    ValueError
        If it has no rows, or lacks a column or has it twice.
    """
    pd = _pandas()
    if not is_frame(frame):
        raise TypeError(
            f"{name} is a {type(frame).__name__}: valid is a long DataFrame of pandas or polars, "
            "with one row for each series and time step."
            f"{f' Pass {name}.collect().' if hasattr(frame, 'collect') else ''}"
        )
    if not len(frame):
        raise ValueError(f"{name} has no rows.")
    if hasattr(frame, "iloc") and (levels := _levels_among(frame, columns)):
        frame = frame.reset_index(level=levels)
    found = list(frame.columns)
    for column in columns:
        if found.count(column) != 1:
            what = "has the column {!r} twice" if column in found else "lacks the column {!r}"
            raise ValueError(f"{name} {what.format(column)}. Its columns are {found}.")
    return pd.DataFrame({column: _as_pandas(frame[column]) for column in columns})


def read_time_column(column: Any, where: str) -> Any:
    """Return a column of dates, periods or numbers as an index of pandas.

    Strings of ISO 8601 are read as dates.

    Raises
    ------
    ValueError
        If it holds neither, or a time is missing.
    """
    import pandas as pd

    if (missing := column.isna()).any():
        raise ValueError(
            f"{where} is missing in row {int(missing.to_numpy().argmax())}: every row needs its "
            "time. Leave the row out, or fill in its time."
        )
    times = read_times(pd.Index(column))
    if isinstance(times, pd.TimedeltaIndex):
        raise ValueError(f"{where} holds durations: add them to a date, such as their beginning.")
    if times is None:
        raise ValueError(
            f"{where} holds {column.iloc[0]!r}: valid are dates, periods, and numbers. Make dates "
            "of it by pd.to_datetime."
        )
    return times


def make_frame(like: Any, columns: Mapping[str, Any]) -> Any:
    """Return a frame of the library of `like`; columns that it has get the same dtype.

    Arrays of floats, such as forecasts of integers, stay what they are.
    """
    as_before = _like_pandas if hasattr(like, "iloc") else _like_polars
    frame_type = _pandas().DataFrame if hasattr(like, "iloc") else type(like)
    return frame_type(
        {
            name: values if values.dtype.kind == "f" else as_before(values, like, name)
            for name, values in columns.items()
        }
    )


def _like_pandas(values: Any, like: Any, name: str) -> Any:
    """Return values in the dtype of a column, or of a level of the index, of a frame."""
    import pandas as pd

    if name in like.columns:
        before = like[name]
    elif name in like.index.names:
        before = like.index.get_level_values(name)
    else:
        return values
    if isinstance(values, pd.DatetimeIndex):
        are_dates = pd.api.types.infer_dtype(before, skipna=True) == "date"
        return values.date if are_dates else values
    if isinstance(values, pd.PeriodIndex):
        return values
    series = pd.Series(values).astype(before.dtype)
    return series if (series.astype(object) == np.asarray(values, object)).all() else values


def _like_polars(values: Any, like: Any, name: str) -> Any:
    """Return values as a Series in the dtype of a column of a frame."""
    series_type = type(like.to_series(0))
    if getattr(values, "tz", None) is not None:
        values = values.tz_convert(None)  # of UTC
    values = values.to_numpy() if hasattr(values, "to_numpy") else values
    if values.dtype.kind == "M":
        values = values.astype("M8[us]")  # polars has no seconds
    made = series_type(name, values)
    if name not in like.columns or not (like[name].dtype.is_temporal() or made.dtype.is_temporal()):
        return made if name not in like.columns else _cast_where_equal(made, like[name].dtype)
    return made.cast(like[name].dtype) if like[name].dtype.is_temporal() else made


def _cast_where_equal(series: Any, dtype: Any) -> Any:
    """Return a Series of polars in another dtype, unless this changes a value."""
    cast = series.cast(dtype, strict=False)
    return cast if (cast.cast(series.dtype, strict=False) == series).all() else series


def level_of_caller() -> int:
    """Return the level of a warning, at the line outside of sklstm and scikit-learn."""
    level, frame = 1, sys._getframe(1)
    while frame and frame.f_globals.get("__name__", "").split(".")[0] in ("sklstm", "sklearn"):
        level, frame = level + 1, frame.f_back
    return level


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise ImportError(
            "Forecasts of many series read dates by pandas, also those of polars: install it by "
            "'pip install pandas'."
        ) from None
    return pd


def _levels_among(frame: Any, columns: Iterable[str]) -> list[str]:
    """Return the named levels of the index of pandas that are asked for and are no columns."""
    names = [name for name in frame.index.names if name is not None]
    return [name for name in names if name in columns and name not in frame.columns]


def _as_pandas(column: Any) -> Any:
    """Return a column as a Series of pandas, without its index."""
    import pandas as pd

    if hasattr(column, "iloc"):
        return column.reset_index(drop=True)
    dtype = column.dtype
    if zone := getattr(dtype, "time_zone", None):
        return pd.Series(column.to_numpy()).dt.tz_localize("UTC").dt.tz_convert(zone)
    if dtype.is_decimal():
        return pd.Series(column.cast(float).to_numpy())
    is_plain = dtype.is_numeric() or dtype.is_temporal() or str(dtype) == "Boolean"
    if is_plain and not (str(dtype) == "Boolean" and column.null_count()):
        return pd.Series(column.to_numpy())
    return pd.Series(column.to_list(), dtype=object)
