"""Forecasts step by step: the recursion is exact, and nothing of the future leaks."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from series import (
    FUTURE,
    KNOWN,
    ROWS,
    SERIES,
    intervals,
    linear_rows,
    rotating_series,
    small_lstm,
)
from sklstm import LSTMRegressor, SlidingWindow, TimeDistributed, sliding_windows
from sklstm.forecasting import DifferencedRegressor, forecast
from tasks import TINY


def test_recursion_on_windows_is_exact():
    X, y = sliding_windows(KNOWN, 2)
    model = LinearRegression().fit(X[:, :, 0], y)
    np.testing.assert_allclose(forecast(model, KNOWN, 20, window=2), FUTURE, atol=1e-9)


def test_recursion_on_rows_is_exact():
    model = linear_rows(2)
    weights = np.r_[0.0, np.ones(38)]  # the first window is short
    model.fit(KNOWN[:-1, np.newaxis], KNOWN[1:], linearregression__sample_weight=weights)
    np.testing.assert_allclose(forecast(model, KNOWN, 20), FUTURE, atol=1e-9)
    np.testing.assert_allclose(forecast(model, KNOWN[-2:], 20), FUTURE, atol=1e-9)


def test_recursion_on_differences_is_exact():
    X, y = sliding_windows(KNOWN, 3)
    model = DifferencedRegressor(LinearRegression()).fit(X[:, :, 0], y)
    np.testing.assert_allclose(forecast(model, KNOWN, 20, window=3), FUTURE, atol=1e-8)


def test_several_features():
    series = rotating_series(50)
    rows = LinearRegression().fit(series[:29], series[1:30])
    np.testing.assert_allclose(forecast(rows, series[:30], 20), series[30:], atol=1e-9)
    X, y = sliding_windows(series[:30], 3)
    columns = LinearRegression().fit(X.reshape(len(X), -1), y)
    np.testing.assert_allclose(forecast(columns, series[:30], 20, window=3), series[30:], atol=1e-9)


def test_a_column_stays_a_column():
    model = LinearRegression().fit(KNOWN[:-1, np.newaxis], KNOWN[1:, np.newaxis])
    assert forecast(model, KNOWN, 3).shape == (3,)
    assert forecast(model, KNOWN[:, np.newaxis], 3).shape == (3, 1)


@pytest.mark.parametrize("n_features", [1, 2])
def test_lstm_on_rows_and_on_windows_agree(n_features):
    """The same weights, read both ways."""
    series = rotating_series(30)[:, :n_features]
    y = series[1:, 0] if n_features == 1 else series[1:]
    rows = make_pipeline(SlidingWindow(4), LSTMRegressor(**TINY)).fit(series[:-1], y)
    by_rows, by_windows = forecast(rows, series, 5), forecast(rows[-1], series, 5, window=4)
    assert by_rows.shape == (5, n_features)
    np.testing.assert_allclose(by_rows, by_windows, rtol=1e-5)
    first = rows.predict(series)[-1]
    np.testing.assert_allclose(by_rows[0], first, rtol=1e-6)


def test_transformed_targets():
    grow = np.exp(0.05 * np.arange(40))
    model = TransformedTargetRegressor(
        make_pipeline(FunctionTransformer(np.log), LinearRegression()), func=np.log,
        inverse_func=np.exp,
    ).fit(grow[:-1, np.newaxis], grow[1:])  # fmt: skip
    np.testing.assert_allclose(forecast(model, grow, 10), np.exp(0.05 * np.arange(40, 50)))


def test_the_history_is_not_changed():
    history = KNOWN.copy()
    forecast(LinearRegression().fit(KNOWN[:-1, np.newaxis], KNOWN[1:]), history, 3)
    np.testing.assert_array_equal(history, KNOWN)


# Errors
ONE = LinearRegression().fit(KNOWN[:-1, np.newaxis], KNOWN[1:])


def linear_windows(horizon=1):
    X, y = sliding_windows(KNOWN, 2, horizon)
    return LinearRegression().fit(X[:, :, 0], y)


TWO, AHEAD = linear_windows(), linear_windows(horizon=3)


@pytest.mark.parametrize(
    ("model", "history", "options", "message"),
    [
        (ONE, KNOWN, {"horizon": 0}, "'horizon' parameter .* Got 0 instead"),
        (ONE, KNOWN, {"horizon": 2, "window": 0}, "'window' parameter .* Got 0 instead"),
        (ONE, [], {"horizon": 2}, "0 sample"),
        (ONE, [1.0, np.nan], {"horizon": 2}, "Input history contains NaN in row 1. A series needs"),
        (ONE, [1.0, np.inf], {"horizon": 2}, "Input history contains infinity in row 1. A series"),
        (ONE, ["a"], {"horizon": 2}, "history holds 'a' in row 0, which is not a number"),
        (ONE, np.ones((3, 2, 2)), {"horizon": 2}, "Found array with dim 3"),
        (ONE, np.ones((9, 2)), {"horizon": 2}, "X of 1 feature.s. and the history has 2"),
        (TWO, KNOWN, {"horizon": 2}, r"X of 2 .* windows, say how long they are: window="),
        (TWO, KNOWN, {"horizon": 2, "window": 3}, "window of 3 .* or 3 columns"),
        (TWO, KNOWN[:1], {"horizon": 2, "window": 2}, r"1 time step\(s\), fewer than .* of 2"),
        (AHEAD, KNOWN, {"horizon": 2, "window": 2}, r"predicts 3 value.* history has 1 feature"),
        ("model", KNOWN, {"horizon": 2}, "'estimator' parameter .* implementing 'predict'"),
    ],
)
def test_errors_of_forecast(model, history, options, message):
    with pytest.raises(ValueError, match=message):
        forecast(model, history, **options)


def test_a_history_shorter_than_the_window_inside():
    model = linear_rows(5).fit(KNOWN[:-1, np.newaxis], KNOWN[1:])
    with pytest.raises(ValueError, match=r"4 time step\(s\), fewer than a window of 5"):
        forecast(model, KNOWN[:4], 2)


def test_small_integers_of_numpy_do_not_overflow():
    model = LinearRegression().fit(np.ones((3, 400)), np.ones((3, 2)))
    history = np.ones((200, 2))
    assert forecast(model, history, np.uint8(2), window=np.uint8(200)).shape == (2, 2)
    assert forecast(ONE, KNOWN[:5], np.int8(127)).shape == (127,)


def searched(template, best):
    grid = {"slidingwindow__window": [best]}
    return GridSearchCV(linear_rows(template), grid, cv=TimeSeriesSplit(2))


def several(template, best):
    model = MultiOutputRegressor(linear_rows(best)).fit(KNOWN[:-1, np.newaxis], KNOWN[1:, None])
    model.estimator.set_params(slidingwindow__window=template)
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda *lengths: searched(*lengths).fit(*ROWS),
        lambda *lengths: make_pipeline(StandardScaler(), searched(*lengths)).fit(*ROWS),
        lambda *lengths: TransformedTargetRegressor(searched(*lengths)).fit(*ROWS),
        lambda *lengths: FrozenEstimator(searched(*lengths).fit(*ROWS)),
        several,
        intervals,
    ],
    ids=["search", "pipeline", "targets", "frozen", "several", "intervals"],
)
def test_the_window_that_counts_is_the_fitted_one(make):
    assert len(forecast(make(60, 6), KNOWN[:10], 2)) == 2
    with pytest.raises(ValueError, match=r"10 time step\(s\), fewer than a window of 12"):
        forecast(make(2, 12), KNOWN[:10], 2)


def test_a_network_of_windows_needs_their_length():
    """Rows of one feature would else be read as sequences of one time step."""
    model = LSTMRegressor(**TINY).fit(*sliding_windows(KNOWN, 4))
    with pytest.raises(ValueError, match="say how long they are: window="):
        forecast(model, KNOWN, 2)
    differenced = DifferencedRegressor(make_pipeline(TimeDistributed(StandardScaler()), model))
    differenced.fit(*sliding_windows(KNOWN, 4))
    with pytest.raises(ValueError, match=r"X has shape .* fitted on an X of 3 dimensions"):
        forecast(differenced, KNOWN, 2)
    assert forecast(differenced, KNOWN, 2, window=4).shape == (2,)


# Windows of long series
def test_windows_of_a_long_series_take_no_memory():
    series = np.zeros((100_000, 3))
    X, y = sliding_windows(series, 500, horizon=100)
    assert np.shares_memory(X, series)
    assert np.shares_memory(y, series)
    assert (X.shape, y.shape) == ((99_401, 500, 3), (99_401, 100, 3))
    windows = SlidingWindow(500).fit_transform(series)  # 1.2 GB, were they copied
    assert windows.base is not None
    assert windows.strides[0] == windows.strides[1]


# Selection
def test_cross_validation_and_search_over_a_forecasting_pipeline():
    X, y = SERIES[:-1, np.newaxis], SERIES[1:]
    folds = TimeSeriesSplit(3)
    scores = cross_val_score(small_lstm(), X, y, cv=folds, error_score="raise")
    assert np.isfinite(scores).all()
    grid = {"slidingwindow__window": [2, 4], "lstmregressor__epochs": [1, 2]}
    search = GridSearchCV(small_lstm(), grid, cv=folds, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert forecast(search, SERIES, 3).shape == (3,)


def test_the_search_finds_the_window():
    search = GridSearchCV(
        linear_rows(1), {"slidingwindow__window": [1, 2]}, cv=TimeSeriesSplit(3)
    ).fit(SERIES[:-1, np.newaxis], SERIES[1:])
    assert search.best_params_ == {"slidingwindow__window": 2}
