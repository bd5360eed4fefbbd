"""Lists of data frames, one per sequence: joined to one frame of all time steps, dtypes kept."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np

from sklstm.input.containers import is_frame

LIBRARIES = ("pandas", "polars")
NUMBERS_IN_OBJECTS = {"boolean", "decimal", "floating", "integer", "mixed-integer-float"}


def library_of(frame: Any) -> ModuleType | None:
    """Return the library of a DataFrame, which is imported already: pandas, polars or None."""
    packages = [cls.__module__.partition(".")[0] for cls in type(frame).__mro__]
    return next((sys.modules[name] for name in packages if name in LIBRARIES), None)


def join_frames(frames: list[Any]) -> tuple[Any, np.ndarray]:
    """Put the rows of all frames, which have the same columns, one below the other.

    Integers and floats become floats, and categories that differ become those of all frames.

    Returns
    -------
    frame : DataFrame
        Of the library of `frames`; an index of pandas is counted from 0.
    offsets : ndarray of shape (n + 1,)
        Sequence i is the rows ``offsets[i]:offsets[i + 1]``.

    Raises
    ------
    ValueError
        If the frames are of several libraries, one has no row, or a column holds numbers in one
        frame and something else in another.
    """
    library = _one_library(frames)
    lengths = np.array([len(frame) for frame in frames])
    if not lengths.all():
        raise ValueError(
            f"Sequence {int(np.argmin(lengths))} of X is empty: it has no time step. Every "
            "sequence needs at least one."
        )
    join = _join_pandas if library.__name__ == "pandas" else _join_polars
    return join(library, frames), np.concatenate([[0], np.cumsum(lengths)])


def code_for_long_table(frame: Any) -> str:
    """Return the code that makes sequences of a long table, one row per time step, named X."""
    names = list(frame.index.names) if hasattr(frame, "iloc") else []
    of_index = len(names) > 1 and None not in names
    by, order_by = (repr(names[0]), repr(names[1])) if of_index else ("...", "...")
    return f"sequences_from_table(X, by={by}, order_by={order_by}).X"


def column_of(frame: Any, j: int) -> Any:
    """Return a column by its number: names may come twice in pandas."""
    return frame.iloc[:, j] if hasattr(frame, "iloc") else frame[:, j]


def find_missing(values: Any) -> np.ndarray:
    """Return a mask of the values of a Series that are missing: None, NA, NaT or NaN."""
    if hasattr(values, "iloc"):
        return values.isna().to_numpy()
    missing = values.is_null()
    if values.dtype.is_float():
        missing = missing | values.is_nan().fill_null(False)
    return missing.to_numpy()


def find_empty_rows(frame: Any) -> np.ndarray:
    """Return a mask of the rows of which every value is missing."""
    is_empty = np.ones(len(frame), bool)
    for j in range(frame.shape[1]):
        is_empty &= find_missing(column_of(frame, j))
        if not is_empty.any():
            break
    return is_empty


def take_each(frame: Any, rows: np.ndarray) -> Any:
    """Return a DataFrame whose column j has the values of `frame` in the rows ``rows[:, j]``."""
    columns = [take_rows(column_of(frame, j), rows[:, j]) for j in range(frame.shape[1])]
    if not hasattr(frame, "iloc"):
        return type(frame)(columns)
    taken = frame.copy(deep=False)
    for j, column in enumerate(columns):
        taken.isetitem(j, column.array)
    return taken


def take_rows(table: Any, rows: np.ndarray) -> Any:
    """Return rows of a frame, Series or array, in the order of `rows`; or, no array, of a mask."""
    if hasattr(table, "iloc"):
        return table.iloc[rows]
    return table.filter(rows) if rows.dtype == bool else table[rows]


def cut_rows(table: Any, bounds: np.ndarray) -> list[Any]:
    """Cut a DataFrame at the rows `bounds`, the first and the last included."""
    starts, stops = bounds[:-1].tolist(), bounds[1:].tolist()
    if hasattr(table, "iloc"):
        rows = table.iloc
        return [rows[start:stop] for start, stop in zip(starts, stops, strict=True)]
    return [table.slice(start, stop - start) for start, stop in zip(starts, stops, strict=True)]


def _one_library(frames: list[Any]) -> ModuleType:
    first = library_of(frames[0])
    for sample, frame in enumerate(frames):
        library = library_of(frame) if is_frame(frame) else None
        if library is None or library is not first:
            raise ValueError(
                f"Sequence {sample} of X is of type {type(frame).__module__}."
                f"{type(frame).__name__}, and sequence 0 of type {type(frames[0]).__module__}."
                f"{type(frames[0]).__name__}: valid are DataFrames, all of pandas or all of polars."
            )
    return first


def _join_pandas(pandas: ModuleType, frames: list[Any]) -> Any:
    whole = pandas.concat(frames, ignore_index=True)
    for j, (name, dtype) in enumerate(frames[0].dtypes.items()):
        joined = whole.iloc[:, j]
        if joined.dtype == dtype and (joined.dtype != object or not _is_mixed(pandas, joined)):
            continue
        columns = [frame.iloc[:, j] for frame in frames]
        if all(isinstance(column.dtype, pandas.CategoricalDtype) for column in columns):
            whole.isetitem(j, _union_of_categories(pandas, columns, name))
        else:
            _check_one_kind(columns, [_holds_numbers(pandas, each) for each in columns], name)
    return whole


def _is_mixed(pandas: ModuleType, column: Any) -> bool:
    return pandas.api.types.infer_dtype(column, skipna=True) in ("mixed", "mixed-integer")


def _union_of_categories(pandas: ModuleType, columns: list[Any], name: Any) -> Any:
    try:
        return pandas.api.types.union_categoricals(columns)
    except TypeError as error:
        raise ValueError(
            f"The categories of the column {name!r} differ between the sequences of X ({error}): "
            "give all frames one dtype, such as by astype on the table that they are cut from."
        ) from None


def _holds_numbers(pandas: ModuleType, column: Any) -> bool:
    if column.dtype == object:
        return pandas.api.types.infer_dtype(column, skipna=True) in NUMBERS_IN_OBJECTS
    return pandas.api.types.is_numeric_dtype(column.dtype)


def _join_polars(polars: ModuleType, frames: list[Any]) -> Any:
    schema = frames[0].schema
    for name in [] if all(frame.schema == schema for frame in frames) else schema:
        columns = [frame[name] for frame in frames]
        _check_one_kind(
            columns, [c.dtype.is_numeric() or str(c.dtype) == "Boolean" for c in columns], name
        )
    try:
        return polars.concat(frames, how="vertical_relaxed", rechunk=True)
    except polars.exceptions.PolarsError as error:
        raise ValueError(
            f"The dtypes of a column differ between the sequences of X ({error}): give all frames "
            "one dtype, such as by cast on the table that they are cut from."
        ) from None


def _check_one_kind(columns: list[Any], is_number: list[bool], name: Any) -> None:
    """Check that a column holds numbers in all frames or in none; what is missing has no kind.

    Columns of objects pass: what reads them names the value that does not fit.
    """
    known = [i for i, column in enumerate(columns) if not find_missing(column).all()]
    for sample in known[1:]:
        are_alike = columns[sample].dtype == columns[known[0]].dtype
        if is_number[sample] != is_number[known[0]] and not are_alike:
            raise ValueError(
                f"The column {name!r} is of dtype {columns[sample].dtype} in sequence {sample} of "
                f"X, but of dtype {columns[known[0]].dtype} in sequence {known[0]}: give all "
                "frames one dtype, such as by astype or cast on the table that they are cut from."
            )
