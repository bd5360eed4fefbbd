"""Reading a series: a table of numbers, one row per time step, in the order of time."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklstm.input.containers import as_numbers, frame_as_array, is_frame, is_series
from sklstm.preprocessing._time_index import check_time_order


def read_series(X: Any, name: str) -> Any:
    """Make an array of a series of numbers; what is missing is NaN.

    Parameters
    ----------
    X : array-like, Series or DataFrame
    name : str
        The name of X, for the errors.

    Returns
    -------
    ndarray of numbers; objects of other types are returned unchanged.

    Raises
    ------
    ValueError or TypeError
        If a value is no number, or the index is not in the order of time.
    """
    check_time_order(X, name)
    return read_numbers(X, name)


def read_numbers(X: Any, name: str) -> Any:
    """Make an array of numbers as `read_series` does, in any order of the rows."""
    if is_series(X):
        return frame_as_array(X.to_frame(), name)[:, 0]
    if is_frame(X):
        return frame_as_array(X, name)
    if isinstance(X, np.ndarray | list | tuple):
        return as_numbers(np.asanyarray(X), name, _locate)
    return X


def check_finite(values: np.ndarray, X: Any, name: str) -> None:
    """Check that a series read from X, of shape (n,) or (n, F), has a value everywhere.

    Raises
    ------
    ValueError
        If a value is NaN or infinite; it names the row and the column.
    """
    if np.isfinite(values).all():
        return
    row, *column = np.argwhere(~np.isfinite(values))[0]
    labels = list(X.columns) if is_frame(X) else range(values.shape[-1])
    place = _locate((row, *(labels[j] for j in column)))
    what, advice = "infinity", "scale or clip it"
    if np.isnan(values[row, *column]):
        what, advice = "NaN", "impute the gap, or cut the series there"
    raise ValueError(
        f"Input {name} contains {what} in {place}. A series needs a finite number in each row and "
        f"column: {advice}."
    )


def _locate(index: tuple[Any, ...]) -> str:
    return ", ".join(
        f"{axis} {i!r}" if isinstance(i, str) else f"{axis} {i}"
        for axis, i in zip(("row", "column"), index, strict=False)
    )
