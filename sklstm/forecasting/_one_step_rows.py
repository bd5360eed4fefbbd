"""`one_step_rows`: the values of each time step beside what is known of the next one."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from sklstm._sklearn_compat import validate_params
from sklstm.input.containers import is_frame
from sklstm.input.frames import take_rows
from sklstm.preprocessing._series_rows import (
    BY_CONSTRAINT,
    By,
    Column,
    SeriesRows,
    columns_at,
    position_of,
    split_by_series,
)
from sklstm.preprocessing._time_index import check_time_order


@validate_params(
    {"history": ["array-like"], "known": [str, Integral, "array-like"], "by": BY_CONSTRAINT},
    prefer_skip_nested_validation=True,
)
def one_step_rows(
    history: Any, known: Column | Sequence[Column], *, by: By = None
) -> tuple[Any, Any]:
    """Make the rows on which a one-step model learns with columns that are known ahead.

    Row t of X holds the values of time step t, and of the known columns those of time step t + 1,
    whose other values are row t of y. So a model knows of a promotion on the day of the promotion.
    `forecast` makes such rows of a history and of what is known of its future.

    Parameters
    ----------
    history : DataFrame, or array of shape (n, F)
        n time steps, the oldest first.
    known : str, int or sequence of them
        The columns that are known ahead, by name or position. The others are forecast.
    by : str, int or sequence of them, default=None
        The columns that tell which series a row belongs to, as in
        :class:`~sklstm.preprocessing.SlidingWindow`. They stay in X. None reads one series.

    Returns
    -------
    X : DataFrame or ndarray of shape (n - 1, F)
        With the columns of `history`. The last row of each series is left out, as nothing follows.
    y : Series, DataFrame or ndarray of shape (n - 1,) or (n - 1, number of columns)
        The next values of the columns that are forecast.

    Raises
    ------
    ValueError
        If `history` is no table, lacks a column, no column is left to forecast, no series has two
        rows, or an index of times is not in order.

    See Also
    --------
    forecast : Forecasts with a model that was fitted on such rows.

    Examples
    --------
    Sales, and whether there is a promotion, which triples them:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklstm.forecasting import forecast, one_step_rows
    >>> history = np.array([[1.0, 0], [3.0, 1], [1.0, 0], [1.0, 0], [3.0, 1]])
    >>> X, y = one_step_rows(history, known=1)
    >>> X
    array([[1., 1.],
           [3., 0.],
           [1., 0.],
           [1., 1.]])
    >>> y
    array([3., 1., 1., 3.])
    >>> model = LinearRegression().fit(X, y)
    >>> forecast(model, history, future=[[0], [1], [0]]).round(6)
    array([[1.],
           [3.],
           [1.]])
    """
    rows = _series_rows(history, by)
    table = history if is_frame(history) else np.asanyarray(history)
    keys = [known] if isinstance(known, str | Integral) else list(known)
    ahead = {_position(table, key, "known") for key in keys}
    tell_series = [by] if isinstance(by, str | Integral) else list(() if by is None else by)
    ids = {position_of(table, key, "history", f"by={by!r}") for key in tell_series}
    targets = [j for j in range(table.shape[1]) if j not in ahead | ids]
    if not targets:
        raise ValueError(f"known={known!r} leaves no column of history to forecast.")
    now, following = _neighbours(rows)
    if not len(now):
        raise ValueError("No series of history has two rows: there is no next time step to learn.")
    current, later = take_rows(table, now), take_rows(table, following)
    y = _with_index_of(columns_at(later, targets), current)
    return _with_columns(current, later, sorted(ahead)), _squeezed(y)


def _series_rows(history: Any, by: By) -> SeriesRows:
    if by is not None:
        return split_by_series(history, by, "history")[1]
    check_time_order(history, "history")
    if np.ndim(history) != 2:
        raise ValueError(
            f"history has shape {np.shape(history)}: valid are a DataFrame and an array of shape "
            "(n, F), with the columns to forecast and the known ones."
        )
    return SeriesRows.of_one_series(np.shape(history)[0])


def _position(table: Any, key: Column, parameter: str) -> int:
    position = position_of(table, key, "history", f"{parameter}={key!r}")
    if position is None:
        raise ValueError(f"{parameter}={key!r} is a level of the index: valid are columns.")
    return position


def _neighbours(rows: SeriesRows) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that are followed by one of their series, in order, and those that follow."""
    is_last = np.zeros(len(rows.order), bool)
    is_last[rows.offsets[1:][rows.lengths > 0] - 1] = True
    places = np.flatnonzero(~is_last)
    now, following = rows.order[places], rows.order[places + 1]
    in_order = np.argsort(now)
    return now[in_order], following[in_order]


def _with_columns(table: Any, later: Any, positions: list[int]) -> Any:
    """Return a table with some of the columns of another one."""
    if not is_frame(table):
        table = table.copy()
        table[:, positions] = later[:, positions]
        return table
    if not hasattr(table, "iloc"):
        return table.with_columns(columns_at(later, positions).get_columns())
    table = table.copy()
    for j in positions:
        table.isetitem(j, later.iloc[:, j].array)
    return table


def _with_index_of(table: Any, other: Any) -> Any:
    return table.set_axis(other.index) if hasattr(table, "iloc") else table


def _squeezed(y: Any) -> Any:
    """Return a Series or a 1-D array of one column."""
    if y.shape[1] > 1:
        return y
    if hasattr(y, "iloc"):
        return y.iloc[:, 0]
    return y.to_series() if is_frame(y) else y[:, 0]
