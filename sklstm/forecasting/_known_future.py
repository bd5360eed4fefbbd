"""What is known of the time steps to forecast: promotions, holidays, weather forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array

from sklstm.input.containers import is_frame, is_series
from sklstm.preprocessing._read_series import check_finite, read_numbers
from sklstm.preprocessing._series_rows import column_at, columns_at
from sklstm.preprocessing._step_columns import first_known, is_text
from sklstm.preprocessing._time_index import show

ANY_NUMBERS = {"ensure_all_finite": False, "input_name": "future"}
N_SHOWN = 5  # time steps that an error names


@dataclass(frozen=True)
class KnownFuture:
    """Which columns of a history are forecast, and the others in the steps to come.

    Attributes
    ----------
    targets : list of int
        The columns of the history that are forecast.
    known : list of int
        Its other columns that hold numbers.
    values : ndarray of shape (horizon, number of known columns)
        In the order of `known`.
    labels : dict of Series
        Its other columns that hold text, categories or dates: those of the history, and after
        them those of the future, by their numbers.
    """

    targets: list[int]
    known: list[int]
    values: np.ndarray
    labels: dict[int, Any]

    @classmethod
    def of_nothing(cls, n_features: int, horizon: int) -> KnownFuture:
        """Return that nothing is known, and all columns are forecast."""
        return cls(list(range(n_features)), [], np.empty((horizon, 0)), {})


def check_future(future: Any, history: Any) -> int:
    """Check that future and history are two tables of one kind; return the rows of `future`.

    Raises
    ------
    ValueError
        If they are not.
    """
    if is_series(future):
        raise ValueError(
            f"future is a {type(future).__name__}: pass a table of the known columns, "
            "future.to_frame()."
        )
    if not (is_frame(future) or len(np.shape(future)) == 2):
        raise ValueError(
            f"future has shape {np.shape(future)}: valid are a DataFrame of the known columns, or "
            "an array of shape (horizon, number of known columns)."
        )
    if not (is_frame(history) or len(np.shape(history)) == 2):
        raise ValueError(
            "With future, history is a table of the columns to forecast and of the known ones, but "
            f"it has shape {np.shape(history)}."
        )
    if is_frame(future) != is_frame(history):
        raise ValueError(
            f"history is a {type(history).__name__} and future a {type(future).__name__}: pass two "
            "frames, whose columns have names, or two arrays."
        )
    if not len(future):
        raise ValueError("future has 0 rows: valid is one for each time step to forecast.")
    return len(future)


def columns_of_text(future: Any, history: Any) -> list[int]:
    """Return the columns of the history that are known and hold text, categories or dates.

    Raises
    ------
    ValueError
        If a column holds text in one of them and numbers in the other.
    """
    if not (is_frame(future) and is_frame(history)):
        return []
    names, found = list(future.columns), []
    for j, name in enumerate(history.columns):
        if name not in names:
            continue
        past, to_come = column_at(history, j), column_at(future, names.index(name))
        are_text = is_text(past), is_text(to_come)
        if any(are_text):
            found.append(j)
        others = [each for each, text in zip((past, to_come), are_text, strict=True) if not text]
        if any(are_text) and any(first_known(each) is not None for each in others):
            raise ValueError(
                f"Column {name!r} holds {first_known(past)!r:.60} in history and "
                f"{first_known(to_come)!r:.60} in future: both need values of one kind."
            )
    return found


def read_future(
    future: Any, history: Any, horizon: int, labels: Any, text: list[int]
) -> KnownFuture:
    """Read the known columns of the next time steps.

    Parameters
    ----------
    future : DataFrame or array of shape (at least horizon, number of known columns)
    history : DataFrame or array of shape (n, F)
    horizon : int
    labels : index of pandas of shape (horizon,) or None
        The labels of the time steps to forecast.
    text : list of int
        The known columns of the history that hold no numbers.

    Raises
    ------
    ValueError or TypeError
        If `future` has a column that the history lacks, or all of its columns, lacks a time step,
        or a value is missing, infinite or no number.
    """
    known, future = _known_columns(future, history)
    targets = [j for j in range(history.shape[1]) if j not in known]
    if not targets:
        raise ValueError(
            "future has all columns of history: leave those out that are to be forecast."
        )
    if len(future) < horizon:
        raise ValueError(f"future has {len(future)} row(s), fewer than horizon={horizon}.")
    rows = _rows_at(future, labels, horizon)
    numbers = [k for k, j in enumerate(known) if j not in text]
    values = np.empty((horizon, 0))
    if numbers:
        table = columns_at(rows, numbers)
        values = check_array(read_numbers(table, "future"), dtype=np.float64, **ANY_NUMBERS)
        check_finite(values, table, "future")
    of_text = {
        j: _joined(column_at(history, j), column_at(rows, k))
        for k, j in enumerate(known)
        if j in text
    }
    return KnownFuture(targets, [known[k] for k in numbers], values, of_text)


def _joined(first: Any, second: Any) -> Any:
    """Return one Series after another."""
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat([first, second], ignore_index=True)
    import polars as pl

    return pl.concat([first, second], how="vertical")


def _known_columns(future: Any, history: Any) -> tuple[list[int], Any]:
    """Return where in the history the columns of the future are, and the future in that order."""
    n_columns = np.shape(history)[1]
    if not is_frame(history):
        future = np.asanyarray(future)
        n_known = future.shape[1]
        if not n_known <= n_columns:
            raise ValueError(
                f"future has {n_known} columns, more than the {n_columns} of history, of which its "
                "columns are the last."
            )
        return list(range(n_columns - n_known, n_columns)), future
    names = list(history.columns)
    strange = [name for name in future.columns if name not in names]
    if strange:
        raise ValueError(
            f"future has the column(s) {strange}, which history lacks: valid are columns of "
            f"history, {names}."
        )
    known = [j for j, name in enumerate(names) if name in list(future.columns)]
    return known, future[[names[j] for j in known]]


def _rows_at(future: Any, labels: Any, horizon: int) -> Any:
    """Return the rows of the time steps to forecast: by their labels if both have times."""
    if not hasattr(future, "iloc") or labels is None:
        return future[:horizon]
    index = future.index
    if index.has_duplicates:
        raise ValueError(
            f"The index of future holds {show(index[index.duplicated()][0])} twice: valid is one "
            "row for each time step."
        )
    places = index.get_indexer(labels)
    missing = labels[places < 0]
    counts_from_0 = index.inferred_type == "integer" and index[0] == 0
    labels_count = labels.inferred_type == "integer"
    if counts_from_0 and labels_count and labels[0] > 0 and labels[0] in index:
        raise ValueError(
            f"future has {len(future)} rows, numbered from 0, and history goes on with row "
            f"{labels[0]}: pass only the rows to forecast, future.loc[{labels[0]}:] or "
            "future.iloc[:horizon]."
        )
    if not len(missing):
        return future.iloc[places]
    if counts_from_0 or (labels_count and labels[0] == 0):  # one of them has no times
        return future[:horizon]
    more = ", ..." if len(missing) > N_SHOWN else ""
    raise ValueError(
        f"future lacks {len(missing)} of the {horizon} time step(s) that follow history: "
        f"{', '.join(map(show, missing[:N_SHOWN]))}{more}. Its index runs from {show(index[0])} to "
        f"{show(index[-1])}. Add these rows, or give it the index of the forecasts."
    )
