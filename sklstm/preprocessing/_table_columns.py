"""Columns of a long table of pandas or polars: found by name, and their rows put in order."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sklstm.input.containers import is_frame
from sklstm.input.frames import find_missing

UNIT = timedelta(microseconds=1)
MONTH = re.compile(r"\d{4}-\d{2}")
FINER_THAN_A_MICROSECOND = re.compile(r"[.,]\d{7}")


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, and its values as a Series of pandas or polars."""

    name: Hashable
    values: Any

    def show(self, row: int) -> str:
        """Write the name and the value of a row for a message: "customer 'a'"."""
        value = self.values.iloc[row] if hasattr(self.values, "iloc") else self.values[row]
        item = getattr(value, "item", None)  # numpy's numbers and dates are shown as Python's
        value = value if item is None or hasattr(value, "isoformat") else item()
        shown = str(value).removesuffix(" 00:00:00") if hasattr(value, "isoformat") else repr(value)
        return f"{self.name} {shown}"

    def check_none_missing(self, what: str, advice: str) -> None:
        """Raise ValueError, which says what is missing in which row, if a value is missing."""
        if (missing := find_missing(self.values)).any():
            raise ValueError(
                f"{what} is missing in row {int(missing.argmax())} of frame, column {self.name!r} "
                f"({int(missing.sum()):,} in all): {advice}."
            )


def check_table(frame: Any) -> None:
    """Check that a table is a DataFrame with rows, and with no name twice.

    Raises
    ------
    TypeError or ValueError
        It says what is valid instead.
    """
    if hasattr(frame, "collect") and not hasattr(frame, "shape"):
        raise TypeError(f"frame is a {type(frame).__name__}: pass its data, frame.collect().")
    if not is_frame(frame):
        raise TypeError(
            f"frame is of type {type(frame).__name__}: valid is a DataFrame of pandas or polars, "
            "with a row for each id and time step."
        )
    if not len(frame):
        raise ValueError("frame is empty: it has no row. Valid is a row for each id and time step.")
    names = list(frame.columns)
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"frame has the column {twice[0]!r} twice: rename one, or leave it out.")


def find_columns(frame: Any, names: Iterable[Hashable]) -> Any:
    """Return the table with all these columns: named levels of pandas' index become columns.

    Raises
    ------
    ValueError
        If there is no such column, or both a column and a level of that name.
    """
    levels = [
        name for name in getattr(getattr(frame, "index", None), "names", ()) if name is not None
    ]
    columns = list(frame.columns)
    for name in names:
        if name not in columns and name not in levels:
            of_index = f", and the levels {levels} of the index" if levels else ""
            raise ValueError(
                f"frame has no column {name!r}: valid are the columns {columns}{of_index}."
            )
        if name in columns and name in levels:
            raise ValueError(
                f"{name!r} is both a column of frame and a level of its index: rename the level, "
                "frame.rename_axis(index=...)."
            )
    wanted = [name for name in names if name in levels]
    return frame.reset_index(level=wanted) if wanted else frame


def rank_values(column: Column) -> np.ndarray:
    """Rank the rows by their values, from 0; equal values have one rank.

    Raises
    ------
    ValueError
        If the values have no order.
    """
    return _encode(column)[0]


def rank_times(column: Column) -> np.ndarray:
    """Rank the rows by their times, as `rank_values` does.

    Text is read as dates and times of ISO 8601: the order of other text is rarely that of time.
    """
    values = column.values
    if hasattr(values, "cat") and hasattr(values, "iloc") and not values.cat.ordered:
        column = Column(column.name, values.astype(values.cat.categories.dtype))
    ranks, texts = _encode(column)
    if texts is None:
        return ranks
    instants = _read_instants(texts)
    if None in instants:
        row = int(np.flatnonzero(ranks == instants.index(None))[0])
        raise ValueError(
            f"The time in row {row} of frame, {column.show(row)}, is text other than dates and "
            "times of ISO 8601 (2026-01-31 or 2026-01-31T08:30, all with an offset from UTC or "
            f"all without), whose order may not be that of time: {_conversion(column)}."
        )
    return np.unique(instants, return_inverse=True)[1][ranks]


def _encode(column: Column) -> tuple[np.ndarray, list[str] | None]:
    """Return the ranks of the values, and the sorted values themselves where they are text."""
    encode = _encode_pandas if hasattr(column.values, "iloc") else _encode_polars
    try:
        return encode(column.values)
    except TypeError as error:
        raise ValueError(
            f"The values of the column {column.name!r} have no order ({error}): valid are numbers, "
            "dates, durations, categories or text, and all of one kind. Convert them before."
        ) from None


def _encode_pandas(values: Any) -> tuple[np.ndarray, list[str] | None]:
    codes, found = values.factorize()
    order = np.asarray(found.argsort())
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    is_text = found.inferred_type == "string"
    return ranks[codes], found[order].tolist() if is_text else None


def _encode_polars(values: Any) -> tuple[np.ndarray, list[str] | None]:
    dtype = str(values.dtype).partition("(")[0]
    if values.dtype.is_nested() or dtype == "Object":
        raise TypeError(f"they are of dtype {values.dtype}")
    is_text = dtype in ("Categorical", "String")
    if is_text:
        values = values.cast(str)
    ranks = values.rank("dense").to_numpy().astype(np.int64) - 1
    return ranks, values.unique().sort().to_list() if is_text else None


def _read_instants(texts: list[str]) -> list[int | None]:
    """Read text of ISO 8601 as microseconds since the year 1; None where it cannot be read.

    Times with an offset from UTC and times without cannot be compared: those that differ from the
    first one are None.
    """
    times = [_read_time(text) for text in texts]
    has_offset = times[0] is not None and times[0].tzinfo is not None
    oldest = datetime(1, 1, 1, tzinfo=UTC if has_offset else None)
    return [
        None if time is None or (time.tzinfo is not None) != has_offset else (time - oldest) // UNIT
        for time in times
    ]


def _read_time(text: str) -> datetime | None:
    if MONTH.fullmatch(text):
        text += "-01"
    try:
        return None if FINER_THAN_A_MICROSECOND.search(text) else datetime.fromisoformat(text)
    except ValueError:
        return None


def _conversion(column: Column) -> str:
    """Return the code that converts a column of text to times."""
    if hasattr(column.values, "iloc"):
        name = f"frame[{column.name!r}]"
        return f"{name} = pd.to_datetime({name}, format=...), or pd.to_numeric({name}) for numbers"
    name = f'pl.col("{column.name}")'
    return f"frame.with_columns({name}.str.to_datetime(...)), or {name}.cast(int) for numbers"
