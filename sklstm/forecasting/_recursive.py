"""Recursive forecasts from a one-step model."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array

from sklstm._base_lstm import BaseLSTM
from sklstm._sklearn_compat import HasMethods, Interval, validate_params
from sklstm.forecasting._forecast_index import continued_index
from sklstm.forecasting._nested_estimators import nested_estimators
from sklstm.preprocessing import SlidingWindow
from sklstm.preprocessing._read_series import check_finite, read_series

POSITIVE = Interval(Integral, 1, None, closed="left")


@validate_params(
    {
        "estimator": [HasMethods(["predict"])],
        "history": ["array-like"],
        "horizon": [POSITIVE],
        "window": [POSITIVE, None],
    },
    prefer_skip_nested_validation=True,
)
def forecast(estimator: Any, history: Any, horizon: int, *, window: int | None = None) -> Any:
    """Forecast the next time steps of a series recursively with a one-step model.

    The model predicts the next time step. The prediction is appended to the history, from which
    the model predicts the time step after it, and so on. There are two kinds of such models:

    - models of rows, fitted on ``series[:-1]`` and ``series[1:]`` (a Pipeline with a
      `SlidingWindow`). They get the whole history, one row per time step, and the last row of
      what they predict is the forecast.
    - models of windows, fitted on ``sliding_windows(series, window)``. They get the last
      `window` time steps.

    Parameters
    ----------
    estimator : estimator
        Fitted. Predicts all features of the next time step: y of shape (n,) for one feature, or
        (n, F).
    history : array-like of shape (n,) or (n, F), Series or DataFrame
        n time steps, the oldest first.
    horizon : int
        Time steps to forecast.
    window : int, default=None
        None for a model of rows. For a model of windows, the time steps of its windows: it gets
        an array of shape (1, window, F), or of shape (1, window * F) if it was fitted on so many
        columns.

    Returns
    -------
    forecasts : ndarray of shape (horizon,) or (horizon, F), Series or DataFrame
        Of the type of `history`. The index of pandas is continued if it holds periods, numbers in
        equal steps, or dates or durations whose frequency is set or can be inferred; otherwise
        the forecasts are numbered from 0, with a warning.

    Raises
    ------
    ValueError
        If `history` is not a series of numbers, is shorter than the window, has another number of
        features than the model, or the model does not predict these features; if its index has a
        label twice or none, or is not in the order of time, or has several levels.

    Warns
    -----
    UserWarning
        If time steps are missing in the index (the warning tells which), or the index cannot be
        continued.

    See Also
    --------
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
    horizon, window = int(horizon), window and int(window)  # small integers of numpy overflow
    values = _read_history(history)
    n, n_features = values.shape
    _check_fits(estimator, n, n_features, window)
    index = continued_index(history, horizon) if hasattr(history, "iloc") else None
    if window is None:
        one_step = _rows_model(estimator, history, index)
    else:
        one_step = _windows_model(estimator, n_features, window)
    series = np.concatenate([values, np.empty((horizon, n_features))])
    for t in range(n, n + horizon):
        series[t] = _last_row(one_step(series[:t]), n_features)
    return _like(history, series[n:], index[n:] if index is not None else None)


def _read_history(history: Any) -> np.ndarray:
    """Read a series as an array of shape (n, F)."""
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


def _rows_model(estimator: Any, history: Any, index: Any) -> Callable[[np.ndarray], Any]:
    """Return a function that predicts every row of a series, given as the estimator was fitted."""
    has_names = index is not None or _is_polars(history)

    def one_step(series: np.ndarray) -> Any:
        rows = series
        if has_names and hasattr(estimator, "feature_names_in_"):
            rows = _as_frame(history, series, None if index is None else index[: len(series)])
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


def _last_row(predicted: Any, n_features: int) -> np.ndarray:
    row = np.ravel(np.asarray(predicted)[-1])
    if len(row) != n_features:
        raise ValueError(
            f"The estimator predicts {len(row)} value(s) per time step, but the history has "
            f"{n_features} feature(s): forecast needs a model that predicts every feature of the "
            "next time step, and only that."
        )
    return row


def _as_frame(history: Any, values: np.ndarray, index: Any) -> Any:
    """Make a DataFrame of values of shape (n, F), by the library that the history is of."""
    columns = [history.name] if np.ndim(history) == 1 else list(history.columns)
    if _is_polars(history):
        import polars as pl

        return pl.DataFrame(values, schema=columns, orient="row")
    import pandas as pd

    return pd.DataFrame(values, index=index, columns=columns)


def _is_polars(history: Any) -> bool:
    return type(history).__module__.partition(".")[0] == "polars"


def _like(history: Any, values: np.ndarray, index: Any) -> Any:
    """Return values of shape (n, F) as the type that the history has."""
    is_series = np.ndim(history) == 1
    if _is_polars(history):
        frame = _as_frame(history, values, None)
        return frame.to_series() if is_series else frame
    if index is None:
        return values[:, 0] if is_series else values
    frame = _as_frame(history, values, index)
    return frame.iloc[:, 0] if is_series else frame
