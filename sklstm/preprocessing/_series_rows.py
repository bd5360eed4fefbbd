"""The rows of a table that holds several series: which row belongs to which."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_array

from sklstm.input.containers import as_numbers, is_frame, is_missing, is_series
from sklstm.preprocessing._time_index import read_times, show

Column = str | int
By = Column | Sequence[Column] | None
BY_CONSTRAINT = [str, Integral, "array-like", None]


@dataclass(frozen=True)
class SeriesRows:
    """The rows of each series, in the order that they have in the table.

    Attributes
    ----------
    order : ndarray of shape (n,)
        Numbers of rows: those of the first series, then those of the second, and so on. The
        series are in the order of their first rows.
    offsets : ndarray of shape (n_series + 1,)
        The rows of series i are ``order[offsets[i]:offsets[i + 1]]``.
    labels : list
        What the column says of each series; tuples where several columns tell the series.
    """

    order: np.ndarray
    offsets: np.ndarray
    labels: list[Hashable]

    @property
    def lengths(self) -> np.ndarray:
        """Rows of each series."""
        return np.diff(self.offsets)

    @classmethod
    def of_one_series(cls, n: int) -> SeriesRows:
        """Return n rows of one series."""
        return cls(np.arange(n), np.array([0, n]), [()])

    @classmethod
    def of_ids(cls, ids: list[Hashable]) -> SeriesRows:
        """Group rows by the ids of their series."""
        numbers: dict[Hashable, int] = {}
        codes = np.fromiter((numbers.setdefault(each, len(numbers)) for each in ids), np.intp)
        offsets = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(numbers)))])
        return cls(np.argsort(codes, kind="stable"), offsets, list(numbers))


def split_by_series(X: Any, by: By, name: str) -> tuple[Any, SeriesRows, list[int]]:
    """Read which series each row of a table belongs to, and leave these columns out.

    Parameters
    ----------
    X : DataFrame of pandas or polars, or array-like of shape (n, n_columns)
    by : str, int or sequence of them
        Columns by name or position, or levels of the index of pandas by name. An empty sequence
        makes all rows one series.
    name : str
        The name of X, for the errors.

    Returns
    -------
    rest : DataFrame or ndarray of shape (n, F)
        The other columns.
    rows : SeriesRows
    kept : list of int
        The positions of the other columns in X.

    Raises
    ------
    ValueError
        If X is no table, has no such column, a row has no series, or the index of a series is not
        in the order of time.
    """
    X = X if is_frame(X) else _read_table(X, by, name)
    keys = [by] if isinstance(by, str | Integral) else list(by)
    positions = [
        position_of(X, key, name, f"by={by!r}" if key is by else f"{key!r} of by={by!r}")
        for key in keys
    ]
    if not keys:
        rows = SeriesRows.of_one_series(len(X))
    else:
        columns = [
            _ids(X, key, position, name) for key, position in zip(keys, positions, strict=True)
        ]
        rows = SeriesRows.of_ids(
            columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
        )
    _check_time_order(X, keys, rows, name)
    kept = [j for j in range(X.shape[1]) if j not in positions]
    if not kept:
        raise ValueError(f"{name} has no column besides by={by!r}: there is nothing to read.")
    return columns_at(X, kept), rows, kept


def _read_table(X: Any, by: By, name: str) -> np.ndarray:
    """Read an array-like of two dimensions; text and objects stay what they are."""
    if is_series(X):
        raise ValueError(
            f"by={by!r} names columns of a table, but {name} is a {type(X).__name__}: valid are a "
            "DataFrame and an array of shape (n, n_columns)."
        )
    if isinstance(X, np.ma.MaskedArray):
        X = as_numbers(X, name, lambda place: f"row {place[0]}, column {place[1]}")
    return check_array(X, dtype=None, ensure_all_finite=False, input_name=name)


def position_of(X: Any, key: Column, name: str, asked: str) -> int | None:
    """Return the position of a column; None for a level of the index.

    `asked` is where the user names the column, for the error: "by='shop'".

    Raises
    ------
    ValueError
        If there is no such column.
    """
    labels = list(X.columns) if is_frame(X) else []
    if key in labels and isinstance(key, str):
        return labels.index(key)
    n_columns = X.shape[1]
    if isinstance(key, Integral) and -n_columns <= key < n_columns:
        return int(key) % n_columns
    if _is_level(X, key):
        return None
    valid = f"its columns {labels}" if labels else f"numbers of its columns, 0 to {n_columns - 1}"
    raise ValueError(f"{asked} is no column of {name}: valid are {valid}.")


def columns_at(X: Any, positions: list[int]) -> Any:
    """Return the table of some columns of a DataFrame or an array."""
    if hasattr(X, "iloc"):
        return X.iloc[:, positions]
    return X.select([X.columns[j] for j in positions]) if is_frame(X) else X[:, positions]


def column_at(X: Any, position: int) -> Any:
    """Return a column of a DataFrame or an array."""
    return X.iloc[:, position] if hasattr(X, "iloc") else X[:, position]


def _is_level(X: Any, key: Column) -> bool:
    return isinstance(key, str) and hasattr(X, "iloc") and key in X.index.names


def _ids(X: Any, key: Column, position: int | None, name: str) -> list[Hashable]:
    ids = X.index.get_level_values(key) if position is None else column_at(X, position)
    ids = ids.tolist() if hasattr(ids, "tolist") else ids.to_list()
    try:
        missing = {each for each in set(ids) if is_missing(each) or each != each}
    except TypeError:
        raise TypeError(
            f"{name} holds {ids[0]!r:.60} in row 0, column {key!r}, which tells the series: valid "
            "are text, numbers and dates."
        ) from None
    if missing:
        row = next(row for row, each in enumerate(ids) if each in missing)
        raise ValueError(
            f"{name} holds {ids[row]!r} in row {row}, column {key!r}, which tells the series: "
            "every row needs one. Leave the row out, or fill in its series."
        )
    return ids


def _check_time_order(X: Any, keys: list[Column], rows: SeriesRows, name: str) -> None:
    """Check that the index of pandas runs forwards in each series."""
    times = _times_of_index(X, keys)
    if times is None:
        return
    values = np.asarray(times)[rows.order]
    missing = times.isna()[rows.order]
    is_first = np.zeros(len(values), bool)
    is_first[rows.offsets[:-1][rows.lengths > 0]] = True
    wrong = missing.copy()
    wrong[1:] |= ~(values[1:] > values[:-1]) & ~is_first[1:]
    if not wrong.any():
        return
    place = int(np.flatnonzero(wrong)[0])
    row, before = rows.order[place], rows.order[place - 1]
    label = rows.labels[int(np.searchsorted(rows.offsets, place, side="right")) - 1]
    where = f"{show(times[row])} in row {row}"
    unordered = ""
    if not any(_is_level(X, key) for key in keys):
        unordered = (
            f"; if the rows are in the order of time all the same, {name}.reset_index(drop=True)"
        )
    if missing[place]:
        what = f"holds {where}, of the series {label!r}. Every row needs its time."
    elif times[row] == times[before]:
        what = (
            f"holds {where} and in row {before}, both of the series {label!r}: valid is one row "
            f"for each time step. Leave one of them out, or take their mean{unordered}."
        )
    else:
        what = (
            f"is not in the order of time in the series {label!r}: {where} comes after "
            f"{show(times[before])} in row {before}. Pass {name}.sort_index(){unordered}."
        )
    raise ValueError(f"The index of {name} {what}")


def _times_of_index(X: Any, keys: list[Column]) -> Any:
    """Return the times in the index of pandas, without the levels that tell the series."""
    if not hasattr(X, "iloc"):
        return None
    levels = [level for level in X.index.names if level is not None and level in keys]
    if len(levels) == X.index.nlevels:
        return None
    return read_times(X.index.droplevel(levels))
