"""Recursive forecasts from a one-step model."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from sklstm._base_lstm import BaseLSTM
from sklstm._sklearn_compat import HasMethods, Interval, Options, validate_params
from sklstm.forecasting._forecast_index import continued_index
from sklstm.forecasting._known_future import (
    KnownFuture,
    check_future,
    columns_of_text,
    read_future,
)
from sklstm.forecasting._nested_estimators import nested_estimators
from sklstm.preprocessing import SlidingWindow
from sklstm.preprocessing._read_series import check_finite, read_series
from sklstm.preprocessing._series_rows import columns_at

POSITIVE = Interval(Integral, 1, None, closed="left")


@validate_params(
    {
        "estimator": [HasMethods(["predict"])],
        "history": ["array-like"],
        "horizon": [POSITIVE, None],
        "future": ["array-like", None],
        "window": [POSITIVE, None],
        "lead": [Options(Integral, {0, 1})],
    },
    prefer_skip_nested_validation=True,
)
def forecast(
    estimator: Any,
    history: Any,
    horizon: int | None = None,
    *,
    future: Any = None,
    window: int | None = None,
    lead: int = 1,
) -> Any:
    """Forecast the next time steps of a series recursively with a one-step model.

    The model predicts the next time step. The prediction is appended to the history, from which
    the model predicts the time step after it, and so on. There are two kinds of such models:

    - models of rows, fitted on ``series[:-1]`` and ``series[1:]`` (a Pipeline with a
      `SlidingWindow`). They get the whole history, one row per time step, and the last row of
      what they predict is the forecast.
    - models of windows, fitted on ``sliding_windows(series, window)``. They get the last
      `window` time steps.

    What is known of the time steps to come, such as promotions, holidays and prices, is given as
    `future`. The model then predicts the other columns only. So that it knows of a promotion on
    the day of the promotion, a row holds the known columns of the next time step beside the values
    of its own: `one_step_rows` makes such rows to fit on, and `forecast` makes them of `history`
    and `future`.

    Parameters
    ----------
    estimator : estimator
        Fitted. Predicts all columns that are forecast, of the next time step: y of shape (n,) for
        one column, or (n, number of columns).
    history : array-like of shape (n,) or (n, F), Series or DataFrame
        n time steps, the oldest first, with all columns that the model was fitted on, each at its
        own time.
    horizon : int, default=None
        Time steps to forecast. None takes as many as `future` has rows.
    future : DataFrame or array of shape (horizon, K), default=None
        Columns of `history` that are known for the next `horizon` time steps; those that it lacks
        are forecast. The columns of a DataFrame are found by their names, those of an array are
        the last K of `history`. If both have an index of times, rows are found by it. Further rows
        are not used. Columns of text, for a model of rows that was fitted on frames, reach it as
        they are. None: nothing is known, and all columns are forecast.
    window : int, default=None
        None for a model of rows. For a model of windows, the time steps of its windows: it gets
        an array of shape (1, window, F), or of shape (1, window * F) if it was fitted on so many
        columns.
    lead : {1, 0}, default=1
        How many time steps before their own the model was given the known columns: 1 for rows as
        of `one_step_rows`; 0 if each row held only what belongs to its own time step, so that the
        model learns of a promotion on the day after it.

    Returns
    -------
    forecasts : ndarray of shape (horizon,) or (horizon, number of columns), Series or DataFrame
        Of the type of `history`, with the columns that are forecast. The index of pandas is
        continued if it holds periods, numbers in equal steps, or dates or durations whose frequency
        is set or can be inferred; otherwise the forecasts are numbered from 0, with a warning.

    Raises
    ------
    ValueError
        If `history` is not a series of numbers, is shorter than the window, has another number of
        features than the model, or the model does not predict the columns that are forecast; if
        its index has a label twice or none, or is not in the order of time, or has several levels;
        if `future` has a column that `history` lacks, or all of them, lacks a time step, or a
        value of it is missing.

    Warns
    -----
    UserWarning
        If time steps are missing in the index (the warning tells which), or the index cannot be
        continued.

    See Also
    --------
    one_step_rows : The rows to fit a model on that reads known columns.
    sklstm.preprocessing.SlidingWindow : Windows inside a Pipeline.
    ConformalQuantileRegressor : Intervals instead of points.

    Notes
    -----
    A model of rows reads the whole history at every step. If that is long, pass its last rows:
    as many as the windows need.

    A forecast of many steps from a model of one repeats its own errors. For a fixed horizon,
    compare with a model that learns it directly: ``sliding_windows(series, window, horizon)``
    and a regressor of `horizon` outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklstm.forecasting import forecast
    >>> series = np.array([1.0, 2.0, 4.0, 8.0])
    >>> doubling = LinearRegression().fit(series[:-1, np.newaxis], series[1:])
    >>> forecast(doubling, series, horizon=3)
    array([16., 32., 64.])
    """
    horizon = _read_horizon(horizon, future, history)
    window, lead = window and int(window), int(lead)  # small integers of numpy overflow
    text = columns_of_text(future, history) if _takes_frames(estimator, window) else []
    values = _read_history(history, text)
    n, n_features = values.shape
    _check_fits(estimator, n, n_features, window)
    index = continued_index(history, horizon) if hasattr(history, "iloc") else None
    if future is None:
        plan = KnownFuture.of_nothing(n_features, horizon)
    else:
        plan = read_future(future, history, horizon, None if index is None else index[n:], text)
    if window is None:
        labels = {j: column[lead:] for j, column in plan.labels.items()}
        one_step = _rows_model(estimator, history, index, labels)
    else:
        one_step = _windows_model(estimator, n_features, window)
    series = np.concatenate([values, np.empty((horizon, n_features))])
    series[n:, plan.known] = plan.values
    rows = series.copy()  # as the model reads them
    rows[: len(rows) - lead, plan.known] = series[lead:, plan.known]
    for t in range(n, n + horizon):
        rows[t, plan.targets] = _last_row(one_step(rows[:t]), history, plan)
    forecasts = rows[n:, plan.targets]
    return _like(history, forecasts, index[n:] if index is not None else None, plan.targets)


def _takes_frames(estimator: Any, window: int | None) -> bool:
    """Whether a model of rows is given data frames, which may hold text."""
    return window is None and hasattr(estimator, "feature_names_in_")


def _read_horizon(horizon: int | None, future: Any, history: Any) -> int:
    n_rows = None if future is None else check_future(future, history)
    if horizon is None and n_rows is None:
        raise ValueError(
            "horizon=None takes the number of rows of future, but future is None: say how many "
            "time steps to forecast, horizon=..."
        )
    return n_rows if horizon is None else int(horizon)


def _read_history(history: Any, text: list[int]) -> np.ndarray:
    """Read a series as an array of shape (n, F); columns of text become zeros."""
    if text:
        numbers = [j for j in range(history.shape[1]) if j not in text]
        values = np.zeros(history.shape)
        values[:, numbers] = _read_history(columns_at(history, numbers), [])
        return values
    values = check_array(
        read_series(history, "history"),
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite=False,
        input_name="history",
    )
    check_finite(values, history, "history")
    return values.reshape(len(values), -1)


def _check_fits(estimator: Any, n: int, n_features: int, window: int | None) -> None:
    """Check that the history is long enough and has the features that the estimator needs."""
    nested = list(nested_estimators(estimator))
    windows = [int(inner.window) for inner in nested if isinstance(inner, SlidingWindow)]
    needed = window or max(windows, default=1)
    if n < needed:
        raise ValueError(f"history has {n} time step(s), fewer than a window of {needed}.")
    expected = getattr(estimator, "n_features_in_", n_features)
    reads_windows = _any_is(nested, BaseLSTM) and not _any_is(nested, Pipeline)
    if window is None and (expected != n_features or reads_windows):
        raise ValueError(
            f"{type(estimator).__name__} was fitted on X of {expected} feature(s) and the history "
            f"has {n_features}. If it was fitted on windows, say how long they are: window=..."
        )
    if window and expected not in (n_features, window * n_features):
        raise ValueError(
            f"{type(estimator).__name__} was fitted on X of {expected} feature(s), but a window of "
            f"{window} time step(s) of the history has {n_features} feature(s) per time step, or "
            f"{window * n_features} columns."
        )


def _any_is(estimators: list[Any], kind: type) -> bool:
    return any(isinstance(estimator, kind) for estimator in estimators)


def _rows_model(
    estimator: Any, history: Any, index: Any, labels: dict[int, Any]
) -> Callable[[np.ndarray], Any]:
    """Return a function that predicts every row of a series, given as the estimator was fitted.

    `labels` are the columns that hold no numbers.
    """
    has_names = index is not None or _is_polars(history)

    def one_step(series: np.ndarray) -> Any:
        rows = series
        if has_names and hasattr(estimator, "feature_names_in_"):
            times = None if index is None else index[: len(series)]
            rows = _as_frame(history, series, times, list(range(series.shape[1])))
            rows = _with_labels(rows, {j: column[: len(rows)] for j, column in labels.items()})
        predicted = np.asarray(estimator.predict(rows))
        if len(predicted) != len(series):
            raise ValueError(
                f"{type(estimator).__name__} predicts {len(predicted)} row(s) for a history of "
                f"{len(series)} rows: a model of rows predicts one for each."
            )
        return predicted

    return one_step


def _windows_model(estimator: Any, n_features: int, window: int) -> Callable[[np.ndarray], Any]:
    """Return a function that predicts from the last window of a series."""
    expected = getattr(estimator, "n_features_in_", n_features)
    shape = (1, window, n_features) if expected == n_features else (1, window * n_features)

    def one_step(series: np.ndarray) -> Any:
        return estimator.predict(series[-window:].reshape(shape))

    return one_step


def _last_row(predicted: Any, history: Any, plan: KnownFuture) -> np.ndarray:
    row = np.ravel(np.asarray(predicted)[-1])
    if len(row) == len(plan.targets):
        return row
    if plan.known or plan.labels:
        names = list(history.columns) if hasattr(history, "columns") else range(history.shape[1])
        raise ValueError(
            f"The estimator predicts {len(row)} value(s) per time step, but future lacks "
            f"{len(plan.targets)} column(s) of history, which are to be forecast: "
            f"{[names[j] for j in plan.targets]}. Add those that are known to future."
        )
    raise ValueError(
        f"The estimator predicts {len(row)} value(s) per time step, but the history has "
        f"{len(plan.targets)} feature(s): forecast needs a model that predicts every feature of "
        "the next time step, and only that. Pass what is known of the future as future=..."
    )


def _as_frame(history: Any, values: np.ndarray, index: Any, places: list[int]) -> Any:
    """Make a DataFrame of some columns of the history, by the library that this is of."""
    names = [history.name] if np.ndim(history) == 1 else list(history.columns)
    columns = [names[j] for j in places]
    if _is_polars(history):
        import polars as pl

        return pl.DataFrame(values, schema=columns, orient="row")
    import pandas as pd

    return pd.DataFrame(values, index=index, columns=columns)


def _with_labels(frame: Any, labels: dict[int, Any]) -> Any:
    """Return a frame with columns that hold no numbers."""
    for j, column in labels.items():
        if hasattr(frame, "iloc"):
            frame.isetitem(j, column.array)
        else:
            frame = frame.with_columns(column.alias(frame.columns[j]))
    return frame


def _is_polars(history: Any) -> bool:
    return type(history).__module__.partition(".")[0] == "polars"


def _like(history: Any, values: np.ndarray, index: Any, places: list[int]) -> Any:
    """Return values of some columns of the history as the type that this has."""
    is_series = np.ndim(history) == 1
    if _is_polars(history):
        frame = _as_frame(history, values, None, places)
        return frame.to_series() if is_series else frame
    if index is None:
        return values[:, 0] if is_series else values
    frame = _as_frame(history, values, index, places)
    return frame.iloc[:, 0] if is_series else frame
