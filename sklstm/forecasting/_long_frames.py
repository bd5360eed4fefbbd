"""Long frames, one row per series and time step: their columns, read and made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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
    if times is None:
        raise ValueError(
            f"{where} holds {column.iloc[0]!r}: valid are dates, periods, and numbers. Make dates "
            "of it by pd.to_datetime."
        )
    return times


def make_frame(like: Any, columns: Mapping[str, Any]) -> Any:
    """Return a frame of the library of `like`; columns that it has get the same dtype."""
    if hasattr(like, "iloc"):
        return _pandas().DataFrame(dict(columns))
    frame_type, series_type = type(like), type(like.to_series(0))
    made = {}
    for name, values in columns.items():
        values = values.to_numpy() if hasattr(values, "to_numpy") else values
        if str(values.dtype) == "datetime64[s]":  # which polars refuses, and pandas makes of days
            values = values.astype("datetime64[us]")
        made[name] = series_type(name, values)
        if name in like.columns and like[name].dtype.is_temporal():
            made[name] = made[name].cast(like[name].dtype)
    return frame_type(made)


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
    is_plain = dtype.is_numeric() or dtype.is_temporal() or str(dtype) == "Boolean"
    if is_plain and not (str(dtype) == "Boolean" and column.null_count()):
        return pd.Series(column.to_numpy())
    return pd.Series(column.to_list(), dtype=object)
