"""Reads the columns of a long frame: numbers, or categories of any type."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from sklstm.input.containers import frame_as_array

MAX_NUMBER = 1e150  # whose square is a float
# What pandas infers of objects that are numbers or booleans, or nothing at all.
NUMBERS_OF_OBJECTS = {
    "boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float"
}  # fmt: skip


def read_column(table: Any, column: str, name: str, kind: str | None = None) -> np.ndarray:
    """Return a column as float64 with NaN, or, if it holds no numbers, as objects with None.

    Parameters
    ----------
    table : DataFrame of pandas
    column, name : str
        Of the column and of the frame, for the errors.
    kind : {"number", "text", "category", None}, default=None
        What the column holds. Categories may be of any type; text is categories of which none is a
        number. None goes by the dtype: numbers and booleans are numbers.

    Raises
    ------
    ValueError or TypeError
        If the column holds something else, or infinite numbers, or dates.
    """
    values = table[column]
    holds_numbers = _holds_numbers(values)
    if kind == "number" or (kind is None and holds_numbers):
        return _read_numbers(table, column, name)
    if values.dtype.kind in "mM":
        raise ValueError(
            f"The column {column!r} of {name} holds dates: make numbers of them, such as the days "
            "since the first one."
        )
    is_missing = values.isna().to_numpy()
    first = plain(values[~is_missing].iloc[0]) if not is_missing.all() else None
    if kind == "text" and holds_numbers and first is not None:
        raise ValueError(
            f"The column {column!r} of {name} holds numbers, such as {first!r}, but in fit it held "
            "text."
        )
    if not isinstance(first, Hashable):
        raise ValueError(
            f"The column {column!r} of {name} holds {first!r:.60}: valid are numbers, text and "
            "other single values."
        )
    objects = values.astype(object).to_numpy(copy=True)
    objects[is_missing] = None
    return objects


def _holds_numbers(values: Any) -> bool:
    """Whether a Series of pandas holds numbers or booleans, if only as objects; or nothing."""
    import pandas as pd

    if values.dtype == object:
        return pd.api.types.infer_dtype(values, skipna=True) in NUMBERS_OF_OBJECTS
    return pd.api.types.is_numeric_dtype(values.dtype)


def _read_numbers(table: Any, column: str, name: str) -> np.ndarray:
    numbers = frame_as_array(table[[column]], name)[:, 0].astype(np.float64)
    if (is_too_large := np.abs(numbers) > MAX_NUMBER).any():
        row = int(is_too_large.argmax())
        raise ValueError(
            f"{name} holds {numbers[row]} in row {row}, column {column!r}: valid are finite "
            f"numbers up to {MAX_NUMBER:g}, and NaN where a value is missing."
        )
    return numbers


def plain(value: Any) -> Any:
    """Return a value of numpy as one of Python, for messages."""
    return value.item() if isinstance(value, np.generic) else value
