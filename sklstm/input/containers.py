"""Converts every valid container (DataFrame, Series, list, lazy array) to a numpy array."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

import numpy as np
from scipy.sparse import issparse

Where = Callable[[tuple[int, ...]], str]  # describes the place of an element, given its index

NUMBERS = "biuf"
OF_TEXT = (
    "Encode categories (OneHotEncoder), rewrite numbers as float() reads them, or leave the column "
    "out."
)
OF_TEXT_IN_SEQUENCES = OF_TEXT.replace(
    "(OneHotEncoder)", "(a ColumnTransformer with OneHotEncoder inside TimeDistributed)"
)
HINTS = {
    "M": "Turn dates into numbers, such as the days since the first one",
    "m": "Turn durations into numbers: divide them by np.timedelta64(1, 's')",
}


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame of pandas or polars."""
    has_dtypes = hasattr(type(X), "dtypes") or hasattr(X, "dtypes")  # pandas makes a Series of them
    return has_dtypes and hasattr(X, "shape") and hasattr(X, "columns")


def is_series(X: Any) -> bool:
    """Whether X is a Series of pandas or polars."""
    return hasattr(X, "to_list") and hasattr(X, "to_numpy") and not hasattr(X, "columns")


def is_lazy_array(X: Any) -> bool:
    """Whether X is an array that is not in memory but can be sliced, such as h5py's."""
    return (
        not isinstance(X, np.ndarray)
        and isinstance(getattr(X, "dtype", None), np.dtype)
        and len(getattr(X, "shape", ())) > 1
        and hasattr(X, "__getitem__")
        and not issparse(X)
    )


def refuse_container(X: Any, name: str) -> None:
    """Raise an error for None, strings, mappings, sets, iterators, sparse and lazy data."""
    kind = type(X).__name__
    if X is None:
        raise ValueError(f"{name} is None{'' if name == 'X' else ': leave it out, of X and of y'}.")
    if isinstance(X, str | bytes):
        raise ValueError(
            f"{name} holds strings (the first is {X[:40]!r}), and an LSTM takes numbers: put a "
            "CharOneHotEncoder or a SequenceTokenizer before it."
        )
    if issparse(X):
        raise TypeError(
            f"Sparse data was passed for {name}, but dense data is required. Use '.toarray()' to "
            "convert to a dense numpy array."
        )
    if isinstance(X, Mapping):
        raise ValueError(f"{name} is a {kind}: pass its values as a list, list(X.values()).")
    if kind.endswith("GroupBy"):
        raise ValueError(
            f"{name} is a {kind}: pass the sequences of the table that it groups as a list, "
            "sequences_from_table(table, by=..., order_by=...).X."
        )
    if isinstance(X, tuple) and len(X) == 2 and is_frame(X[1]):
        raise ValueError(
            f"{name} is a pair of a key and a DataFrame, as groupby makes them: pass the frames, "
            "[frame for _, frame in X]."
        )
    if isinstance(X, Set):
        raise ValueError(f"{name} is a {kind}, which has no order: pass a list.")
    if isinstance(X, Iterable) and not _has_elements(X):
        raise ValueError(
            f"{name} is a {kind}, which can only be read in one go: pass a list of it."
        )
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise ValueError(f"{name} is a {kind}: pass its data, X.collect().")


def _has_elements(X: Any) -> bool:
    return hasattr(X, "__getitem__") or hasattr(X, "__array__") or hasattr(X, "shape")


def first_element(X: Any) -> Any:
    """Return the first element that is not None; None if there is no such element."""
    return next((x for x in X if x is not None), None)


def load_lazy_array(X: Any, n_rows: int) -> np.ndarray:
    """Read an array that is not in memory into a numpy array, `n_rows` rows at a time."""
    array = np.empty(X.shape, X.dtype)
    for first in range(0, len(array), n_rows):
        array[first : first + n_rows] = X[first : first + n_rows]
    return array


def rows_per_block(X: Any, n_bytes: int) -> int:
    """Return how many rows of an array have about `n_bytes` bytes, at 4 or more per number.

    If the array is stored in chunks, it is a number of whole chunks, so that each is read once.
    """
    rows = max(1, n_bytes // max(1, max(4, X.dtype.itemsize) * math.prod(X.shape[1:])))
    chunks = getattr(X, "chunks", None)
    if chunks and isinstance(chunks[0], int):
        rows = max(1, rows // chunks[0]) * chunks[0]
    return rows


def as_numbers(array: np.ndarray, name: str, where: Where, of_text: str = OF_TEXT) -> np.ndarray:
    """Convert an array to floats of up to 64 bits, integers or bool; most need no conversion.

    Objects become float64. None, the NA of pandas and masked values become NaN.

    Parameters
    ----------
    array : ndarray
    name : str
        The name of the array in errors: "X", or "Sequence 3 of X".
    where : callable
        Describes the place of an element, given its index: "row 3, column 'price'".
    of_text : str
        What the error for text says to do about it.

    Raises
    ------
    ValueError or TypeError
        If an element is not a number.
    """
    if isinstance(array, np.ma.MaskedArray):
        array = _unmasked(array)
    kind = array.dtype.kind
    if kind in NUMBERS:
        return array.astype(np.float64) if kind == "f" and array.dtype.itemsize > 8 else array
    if kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}.")
    if kind in HINTS:
        index = _first_index(np.isnat(array)) or (0,) * array.ndim
        raise ValueError(
            f"{name} holds {array[index]!r} in {where(index)} (dtype {array.dtype}), and an LSTM "
            f"takes numbers. {HINTS[kind]}."
        )
    if kind not in "OUST":
        raise ValueError(f"{name} has dtype {array.dtype}, which holds no numbers.")
    return _numbers_of_objects(array, name, where, of_text)


def _unmasked(array: np.ma.MaskedArray) -> np.ndarray:
    """Replace masked numbers by NaN: both mean that there is no value."""
    if not np.ma.is_masked(array) or array.dtype.kind not in NUMBERS:
        return array.data
    is_float = array.dtype.kind == "f"
    return (array if is_float else array.astype(np.float64)).filled(np.nan)


def _first_index(mask: np.ndarray) -> tuple[int, ...]:
    """Return the index of the first True, or ()."""
    flat = np.flatnonzero(mask)
    return tuple(int(i) for i in np.unravel_index(flat[0], mask.shape)) if len(flat) else ()


def _numbers_of_objects(array: np.ndarray, name: str, where: Where, of_text: str) -> np.ndarray:
    objects = array.astype(object, copy=False)
    if not {np.datetime64, np.timedelta64, np.ma.core.MaskedConstant} & set(
        map(type, objects.ravel())
    ):  # numpy would convert these to numbers
        try:
            return objects.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            pass
    numbers = np.empty(objects.shape)
    for index in np.ndindex(objects.shape):
        try:
            numbers[index] = _number(objects[index])
        except OverflowError:
            raise ValueError(
                f"{name} holds an integer in {where(index)} that is larger than a float can be."
            ) from None
        except (TypeError, ValueError) as error:
            what = f"{name} holds {objects[index]!r:.60} in {where(index)}, which is not a number."
            raise _not_a_number(objects[index], error, what, of_text) from None
    return numbers


def is_missing(value: Any) -> bool:
    """Whether a value is None or the NA of pandas."""
    return value is None or type(value).__name__ == "NAType"


def _number(value: Any) -> float:
    if is_missing(value):
        return np.nan
    if isinstance(value, np.datetime64 | np.timedelta64):
        raise ValueError
    return float(value)


def _not_a_number(value: Any, error: Exception, what: str, of_text: str) -> Exception:
    """Return an error that begins with `what` and says what to do."""
    if isinstance(value, str | bytes):
        hint = of_text
    elif hasattr(value, "isoformat") or isinstance(value, np.datetime64):
        hint = f"{HINTS['M']}."
    elif isinstance(value, np.timedelta64):
        hint = f"{HINTS['m']}."
    elif isinstance(value, complex | np.complexfloating):
        hint = "Complex data not supported."
    elif np.ndim(value):
        hint = "Sequences are passed by themselves, as a Series or a list."
    else:
        return TypeError(f"{what} ({error})")
    return ValueError(f"{what} {hint}")


def frame_as_array(frame: Any, name: str, of_text: str = OF_TEXT) -> np.ndarray:
    """Convert a DataFrame to an array; if a column is not plain numbers, column by column.

    Raises
    ------
    ValueError or TypeError
        If a value is not a number.
    """
    if all(_holds_numbers(dtype) for dtype in frame.dtypes):
        array = np.asarray(frame)
        if array.dtype.kind in NUMBERS:
            return as_numbers(array, name, str)
    refuse_nested_columns(frame, name)
    columns = [_column(frame, j) for j in range(frame.shape[1])]
    array = np.empty(frame.shape)
    for j, (label, column) in enumerate(zip(frame.columns, columns, strict=True)):

        def where(index: tuple[int, ...], label: Any = label) -> str:
            return f"row {index[0]}, column {label!r}"

        array[:, j] = as_numbers(_values(column), name, where, of_text)
    return array


def refuse_nested_columns(frame: Any, name: str) -> None:
    """Raise ValueError, with the code that helps, if cells of a DataFrame are sequences."""
    nested = [label for j, label in enumerate(frame.columns) if _holds_sequences(_column(frame, j))]
    if not nested:
        return
    code = f"{name}[{nested[0]!r}]" if name == "X" else "its values"
    if len(frame.columns) > 1 and hasattr(frame, "iloc"):
        code = f"sequences_from_table(X.explode({nested}).rename_axis('row'), by='row', "
    elif len(frame.columns) > 1:
        code = f"sequences_from_table(X.with_row_index('row').explode({nested}), by='row', "
    code += "order_by=None).X" if len(frame.columns) > 1 else ""
    raise ValueError(
        f"{name} is a DataFrame whose cells are sequences, in the column(s) "
        f"{', '.join(map(repr, nested))}: pass {code}."
    )


def _holds_sequences(column: Any) -> bool:
    if not hasattr(column, "iloc"):
        return str(column.dtype).startswith(("List", "Array"))
    if getattr(column.dtype, "kind", "") != "O":
        return False
    known = column[column.notna()]
    return len(known) > 0 and np.ndim(known.iloc[0]) > 0


def _holds_numbers(dtype: Any) -> bool:
    """Whether a column of this dtype, of numpy or polars, holds numbers."""
    if isinstance(dtype, np.dtype):
        return dtype.kind in NUMBERS
    return hasattr(dtype, "is_numeric") and (dtype.is_numeric() or str(dtype) == "Boolean")


def _column(frame: Any, j: int) -> Any:
    return frame.iloc[:, j] if hasattr(frame, "iloc") else frame[:, j]


def _values(series: Any) -> np.ndarray:
    """Return the values of a Series; missing numbers become NaN."""
    if getattr(series.dtype, "kind", "O") in NUMBERS and hasattr(series.dtype, "na_value"):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(series)


def sequence_as_array(sequence: Any, sample: int) -> np.ndarray:
    """Convert one element of a list (an array, a DataFrame, a list or a Series) to an array.

    Raises
    ------
    ValueError or TypeError
        If it holds a value that is not a number.
    """
    name = f"Sequence {sample} of X"
    refuse_container(sequence, name)
    if is_frame(sequence):
        return frame_as_array(sequence, name, OF_TEXT_IN_SEQUENCES)
    return as_numbers(_one_array(sequence, name), name, _of_sequence)


def _one_array(sequence: Any, name: str) -> np.ndarray:
    if is_series(sequence):
        array = _values(sequence)
        return np.asarray(sequence.to_list()) if array.dtype == object else array
    try:
        return np.asanyarray(sequence)
    except ValueError:
        raise ValueError(
            f"{name} has time steps of different numbers of features: valid are (T, F) and (T,)."
        ) from None


def _of_sequence(index: tuple[int, ...]) -> str:
    place = f"time step {index[0]}" if index else "its only value"
    return place if len(index) < 2 else f"{place}, feature {index[1]}"
