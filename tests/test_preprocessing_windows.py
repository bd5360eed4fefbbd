"""SlidingWindow and sliding_windows: window identities, no leakage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm.preprocessing import SlidingWindow, sliding_windows

lengths, feature_counts = st.integers(1, 6), st.integers(1, 3)


def make_series(n, n_features, dtype=float):
    return np.arange(n * n_features, dtype=dtype).reshape(n, n_features)


@given(st.integers(1, 12), feature_counts, lengths)
def test_row_t_is_the_window_that_ends_at_t(n, n_features, length):
    series = make_series(n, n_features)
    windows = SlidingWindow(length).fit_transform(series)
    assert windows.shape == (n, length, n_features)
    for t, window in enumerate(windows):
        past = series[max(0, t - length + 1) : t + 1]
        np.testing.assert_array_equal(window[length - len(past) :], past)
        assert np.isnan(window[: length - len(past)]).all()


@given(st.integers(1, 12), feature_counts, lengths)
def test_inverse_is_the_identity(n, n_features, length):
    series = make_series(n, n_features)
    transformer = SlidingWindow(length)
    np.testing.assert_array_equal(
        transformer.inverse_transform(transformer.fit_transform(series)), series
    )


@given(feature_counts, lengths, st.integers(1, 4), st.integers(1, 4), st.integers(0, 9))
def test_windows_and_what_follows(n_features, length, horizon, stride, more):
    n = length + horizon + more
    series = make_series(n, n_features)
    X, y = sliding_windows(series, length, horizon, stride)
    assert len(X) == len(y) == (n - length - horizon) // stride + 1
    y = y.reshape(len(y), horizon, n_features)
    for i, (window, target) in enumerate(zip(X, y, strict=True)):
        start = i * stride
        np.testing.assert_array_equal(window, series[start : start + length])
        np.testing.assert_array_equal(target, series[start + length :][:horizon])


@given(feature_counts, lengths, st.integers(0, 9))
def test_both_agree(n_features, length, more):
    series = make_series(length + 1 + more, n_features)
    X, _ = sliding_windows(series, length)
    rows = SlidingWindow(length).fit_transform(series[:-1])
    np.testing.assert_array_equal(X, rows[length - 1 :])


@pytest.mark.parametrize(
    ("shape", "horizon", "expected"),
    [
        ((9,), 1, (6,)),
        ((9,), 2, (5, 2)),
        ((9, 1), 1, (6,)),
        ((9, 1), 2, (5, 2)),
        ((9, 4), 1, (6, 4)),
        ((9, 4), 2, (5, 2, 4)),
    ],
)
def test_shapes(shape, horizon, expected):
    X, y = sliding_windows(np.zeros(shape), length=3, horizon=horizon)
    assert X.shape == (expected[0], 3, shape[1] if len(shape) == 2 else 1)
    assert y.shape == expected


def test_one_window_keeps_its_axis():
    X, y = sliding_windows([1.0, 2.0], length=1)
    assert X.shape == (1, 1, 1)
    assert y.shape == (1,)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_windows_are_views_of_the_series(dtype):
    series = make_series(20, 2, dtype)
    X, y = sliding_windows(series, length=5, stride=2)
    assert np.shares_memory(X, series)
    assert np.shares_memory(y, series)
    assert X.dtype == y.dtype == dtype
    with pytest.raises(ValueError, match="read-only"):
        X[0, 0, 0] = 1


def test_no_target_is_in_a_window():
    X, y = sliding_windows(np.arange(30), length=5, horizon=3, stride=2)
    assert (X.max(axis=(1, 2)) < y.min(axis=1)).all()


def test_data_frames():
    frame = pd.DataFrame({"load": [1.0, 2.0, 3.0], "wind": [4.0, 5.0, 6.0]})
    transformer = SlidingWindow(2).fit(frame)
    assert transformer.feature_names_in_.tolist() == ["load", "wind"]
    assert transformer.get_feature_names_out().tolist() == ["load", "wind"]
    np.testing.assert_array_equal(transformer.transform(frame)[1], frame[:2])
    X, y = sliding_windows(frame, length=2)
    np.testing.assert_array_equal(X[0], frame[:2])
    np.testing.assert_array_equal(y[0], frame.iloc[2])
    assert sliding_windows(frame["load"], length=2)[1].tolist() == [3.0]


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.float32, np.float32), (np.float64, np.float64), (int, np.float64)]
)
def test_dtype(dtype, expected):
    assert SlidingWindow(2).fit_transform(make_series(4, 1, dtype)).dtype == expected


def test_pipeline_and_grid_search():
    series = np.sin(np.arange(80) / 5)[:, np.newaxis]
    flatten = FunctionTransformer(lambda X: np.nan_to_num(X).reshape(len(X), -1))
    pipeline = make_pipeline(StandardScaler(), SlidingWindow(), flatten, LinearRegression())
    pipeline.set_output(transform="default")
    search = GridSearchCV(pipeline, {"slidingwindow__length": [1, 4]}, cv=TimeSeriesSplit(3))
    search.fit(series[:-1], series[1:, 0])
    assert search.best_params_ == {"slidingwindow__length": 4}
    assert search.predict(series[:-1]).shape == (79,)


def test_errors_of_the_transformer():
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        SlidingWindow(2).fit(np.arange(3.0))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        SlidingWindow(2).fit([[1.0], [np.nan]])
    fitted = SlidingWindow(2).fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match="X has 2 features, but SlidingWindow is expecting 1"):
        fitted.transform([[1.0, 2.0]])
    with pytest.raises(ValueError, match="X has 2 features per time step"):
        fitted.inverse_transform(np.ones((3, 2, 2)))
    with pytest.raises(ValueError, match=r"X has shape \(3, 2\), but"):
        fitted.inverse_transform(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("series", "options", "message"),
    [
        (np.zeros(5), {"length": 0}, r"'length' parameter .* range \[1, inf\). Got 0 instead"),
        (np.zeros(5), {"length": 2, "horizon": 0}, "'horizon' parameter .* Got 0 instead"),
        (np.zeros(5), {"length": 2, "stride": 0}, "'stride' parameter .* Got 0 instead"),
        (np.zeros(5), {"length": 2.5}, "'length' parameter .* must be an int.* Got 2.5 instead"),
        ("abc", {"length": 2}, "'series' parameter .* must be an array-like. Got 'abc' instead"),
        (
            np.zeros(5),
            {"length": 4, "horizon": 2},
            "series has 5 time steps, too few for one window of length=4 and horizon=2: at least 6",
        ),
        ([], {"length": 1}, "series has 0 time steps, too few"),
        (np.zeros((5, 2, 2)), {"length": 2}, r"series has shape \(5, 2, 2\): valid are \(n,\)"),
        (np.zeros((5, 0)), {"length": 2}, r"series has shape \(5, 0\): valid are"),
    ],
)
def test_errors_of_the_function(series, options, message):
    with pytest.raises(ValueError, match=message):
        sliding_windows(series, **options)
