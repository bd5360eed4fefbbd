"""SlidingWindow and sliding_windows: window identities, no leakage."""

import re

import numpy as np
import pandas as pd
import polars as pl
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
    X, y = sliding_windows(np.zeros(shape), window=3, horizon=horizon)
    assert X.shape == (expected[0], 3, shape[1] if len(shape) == 2 else 1)
    assert y.shape == expected


def test_one_window_keeps_its_axis():
    X, y = sliding_windows([1.0, 2.0], window=1)
    assert X.shape == (1, 1, 1)
    assert y.shape == (1,)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_windows_are_views_of_the_series(dtype):
    series = make_series(20, 2, dtype)
    X, y = sliding_windows(series, window=5, stride=2)
    assert np.shares_memory(X, series)
    assert np.shares_memory(y, series)
    assert X.dtype == y.dtype == dtype
    with pytest.raises(ValueError, match="read-only"):
        X[0, 0, 0] = 1


def test_no_target_is_in_a_window():
    X, y = sliding_windows(np.arange(30), window=5, horizon=3, stride=2)
    assert (X.max(axis=(1, 2)) < y.min(axis=1)).all()


def test_data_frames():
    frame = pd.DataFrame({"load": [1.0, 2.0, 3.0], "wind": [4.0, 5.0, 6.0]})
    transformer = SlidingWindow(2).fit(frame)
    assert transformer.feature_names_in_.tolist() == ["load", "wind"]
    assert transformer.get_feature_names_out().tolist() == ["load", "wind"]
    np.testing.assert_array_equal(transformer.transform(frame)[1], frame[:2])
    X, y = sliding_windows(frame, window=2)
    np.testing.assert_array_equal(X[0], frame[:2])
    np.testing.assert_array_equal(y[0], frame.iloc[2])
    assert sliding_windows(frame["load"], window=2)[1].tolist() == [3.0]


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
    search = GridSearchCV(pipeline, {"slidingwindow__window": [1, 4]}, cv=TimeSeriesSplit(3))
    search.fit(series[:-1], series[1:, 0])
    assert search.best_params_ == {"slidingwindow__window": 4}
    assert search.predict(series[:-1]).shape == (79,)


def test_errors_of_the_transformer():
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        SlidingWindow(2).fit(np.arange(3.0))
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
        (np.zeros(5), {"window": 0}, r"'window' parameter .* range \[1, inf\). Got 0 instead"),
        (np.zeros(5), {"window": 2, "horizon": 0}, "'horizon' parameter .* Got 0 instead"),
        (np.zeros(5), {"window": 2, "stride": 0}, "'stride' parameter .* Got 0 instead"),
        (np.zeros(5), {"window": 2.5}, "'window' parameter .* must be an int.* Got 2.5 instead"),
        ("abc", {"window": 2}, "'series' parameter .* must be an array-like. Got 'abc' instead"),
        (
            np.zeros(5),
            {"window": 4, "horizon": 2},
            "series has 5 time steps, too few for one window of window=4 and horizon=2: at least 6",
        ),
        ([], {"window": 1}, "series has 0 time steps, too few"),
        (np.zeros((5, 2, 2)), {"window": 2}, r"series has shape \(5, 2, 2\): valid are \(n,\)"),
        (np.zeros((5, 0)), {"window": 2}, r"series has shape \(5, 0\): valid are"),
        ([[1, 2], [3]], {"window": 1}, "inhomogeneous shape"),
    ],
)
def test_errors_of_the_function(series, options, message):
    with pytest.raises(ValueError, match=message):
        sliding_windows(series, **options)


# Numbers of other kinds


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16])
def test_small_integers_of_numpy_do_not_overflow(kind):
    series = np.arange(300.0)
    X, y = sliding_windows(series, kind(100), kind(100), kind(90))
    assert (X.shape, y.shape) == ((2, 100, 1), (2, 100))
    assert X[1, 0] == 90
    windows = SlidingWindow(kind(127)).fit_transform(series[:, np.newaxis])
    np.testing.assert_array_equal(windows, SlidingWindow(127).fit_transform(series[:, np.newaxis]))


def test_windows_longer_than_the_series():
    windows = SlidingWindow(4).fit_transform([[1.0]])
    np.testing.assert_array_equal(windows[0, :, 0], [np.nan, np.nan, np.nan, 1.0])
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        SlidingWindow(4).fit(np.zeros((0, 1)))


def test_missing_values_of_a_series_become_nan():
    masked = np.ma.masked_array([1, 2, 3], [False, True, False])
    nullable = pd.Series([1, None, 3], dtype="Int64")
    for series in (masked, nullable, pl.Series([1, None, 3]), [1, None, 3], [1, pd.NA, 3]):
        X, y = sliding_windows(series, 1)
        np.testing.assert_array_equal(X[:, 0, 0], [1, np.nan])
        np.testing.assert_array_equal(y, [np.nan, 3])


DATES = pd.date_range("2020-01-30", periods=3)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"v": 1.0, "at": DATES}), r"2020-01-30.* in row 0, column 'at'"),
        (pd.DataFrame({"at": [DATES[0], None]}), r"NaT.* in row 1, column 'at'"),
        (pd.DataFrame({"v": [1, 2], "c": ["x", "y"]}), "'x' in row 0, column 'c'"),
        (pd.DataFrame({"c": pd.Categorical(["x"])}), "'x' in row 0, column 'c'"),
        (pl.DataFrame({"v": [1, 2], "c": ["3", "y"]}), "'y' in row 1, column 'c'"),
        (pl.DataFrame({"v": [1.0], "at": DATES[:1].date}), "2020, 1, 30.* in row 0, column 'at'"),
        (np.array([[1], ["NaT"]], "m8[D]"), "NaT.* in row 1, column 0"),
        (np.array([[1.0], [pd.NaT]], object), "NaT in row 1, column 0"),
        (np.array([[1.0, pd.Period("2020")]], object), r"Period\('2020'.* in row 0, column 1"),
        ([[1.0], ["y"]], "'y' in row 1, column 0"),
    ],
)
def test_dates_and_text_are_named(X, message):
    for call, name in ((SlidingWindow(1).fit, "X"), (lambda X: sliding_windows(X, 1), "series")):
        with pytest.raises((ValueError, TypeError), match=f"^{name} holds .*{message}"):
            call(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, np.nan]}), "NaN in row 1, column 'b'"),
        (pl.DataFrame({"a": [1, None]}), "NaN in row 1, column 'a'"),
        (pd.DataFrame({"a": [1, None]}, dtype="Int64"), "NaN in row 1, column 'a'"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]], np.float32), "NaN in row 0, column 1"),
        (np.ma.masked_array([[1], [2]], [[False], [True]]), "NaN in row 1, column 0"),
        (np.array([[1.0], [-np.inf]]), "infinity in row 1, column 0"),
    ],
)
def test_the_place_of_what_is_not_finite(X, message):
    mend = "impute the gap, or cut the series there" if "NaN" in message else "scale or clip it"
    message = (
        f"Input X contains {message}. A series needs a finite number in each row and column: "
        f"{mend}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SlidingWindow(2).fit(X)


# The order of time


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (DATES[::-1], "{0} has its newest row first: its index runs from 2020-02-01 down to "
         "2020-01-30. Rows are time steps, the oldest first: pass {0}[::-1]."),
        (pd.RangeIndex(3)[::-1], "its index runs from 2 down to 0."),
        (pd.period_range("2020", periods=3, freq="M")[::-1], "runs from 2020-03 down to 2020-01."),
        (["2020-01-03", "2020-01-02", "2020-01-01"], "runs from 2020-01-03 down to 2020-01-01."),
        (DATES[[0, 2, 1]], "The index of {0} is not in the order of time: 2020-01-31 in row 2 "
         "comes after 2020-02-01. Pass {0}.sort_index()."),
        ([4, 2, 3], "2 in row 1 comes after 4. Pass {0}.sort_index(); if the rows are in the order "
         "of time all the same, {0}.reset_index(drop=True)."),
        (DATES[[0, 1, 1]], "The index of {0} holds 2020-01-31 twice, in rows 1 and 2: valid is one "
         "row for each time step. Leave one of them out, or take their mean."),
        (pd.DatetimeIndex([DATES[0], None, DATES[1]]), "The index of {0} holds NaT in row 1: every "
         "row needs its time. Leave the row out, or fill in its time."),
        (pd.Index([1.0, None, 3.0]), "The index of {0} holds nan in row 1"),
    ],
)  # fmt: skip
def test_rows_that_are_not_in_the_order_of_time(index, message):
    frame = pd.DataFrame({"v": [1.0, 2.0, 3.0]}, index=index)
    fitted = SlidingWindow(2).fit(frame.to_numpy())
    for call in (SlidingWindow(2).fit, fitted.transform):
        with pytest.raises(ValueError, match=re.escape(message.format("X"))):
            call(frame)
    for series in (frame, frame["v"]):
        with pytest.raises(ValueError, match=re.escape(message.format("series"))):
            sliding_windows(series, 1)


@pytest.mark.parametrize("index", [DATES, DATES[[0, 2]], list("ba"), [(1, 2), (1, 1)], [0.5, 0.7]])
def test_rows_in_the_order_of_time(index):
    frame = pd.DataFrame({"v": np.arange(float(len(index)))}, index=index)
    assert SlidingWindow(1).fit_transform(frame).shape == (len(index), 1, 1)
    assert sliding_windows(frame, 1)[0].shape == (len(index) - 1, 1, 1)
