"""Models of differences."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from series import (
    KNOWN,
    AsColumns,
    rotating_series,
)
from sklstm import LSTMRegressor, SlidingWindow, sliding_windows
from sklstm.forecasting import DifferencedRegressor
from tasks import TINY


def test_differences_read_y_as_the_regressor_does():
    X, y = sliding_windows(KNOWN, 2)
    model = DifferencedRegressor(LinearRegression())
    hidden = np.ma.masked_array(y, mask=np.arange(len(y)) == 3)
    with pytest.raises(ValueError, match="y is masked in sample 3"):
        model.fit(X, hidden)
    days = y.astype("datetime64[D]")
    days[4] = "NaT"
    with pytest.raises(ValueError, match=r"y holds .*NaT.* in sample 4"):
        model.fit(X, days)
    assert model.fit(X[:, :, 0], y[:, np.newaxis]).predict(X[:, :, 0]).shape == (len(y), 1)


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("column", [False, True])
def test_differences_have_the_shape_of_y(column):
    X, y = sliding_windows(KNOWN, 3)
    y = y.reshape(-1, 1) if column else y.ravel()
    for regressor in (LinearRegression(), LSTMRegressor(**TINY)):
        model = DifferencedRegressor(regressor).fit(X[:, :, 0], y)
        assert model.predict(X[:, :, 0]).shape == y.shape


# Differences
def test_differences_follow_a_trend_that_training_has_not_seen():
    line = np.arange(60.0)
    X, y = sliding_windows(line, 4)
    level = LSTMRegressor(**TINY).fit(X[:30], y[:30])
    change = DifferencedRegressor(LSTMRegressor(**TINY)).fit(X[:30], y[:30])
    assert np.abs(change.predict(X[30:]) - y[30:]).max() < 0.2
    assert np.abs(level.predict(X[30:]) - y[30:]).min() > 1


@pytest.mark.parametrize("n_features", [1, 2])
def test_differences_of_several_steps_ahead(n_features):
    """As those of the same numbers side by side, for a regressor that takes no third axis."""
    X, y = sliding_windows(rotating_series(30)[:, :n_features], 4, horizon=3)
    model = DifferencedRegressor(AsColumns()).fit(X, y)
    last = X[:, -1] if n_features == 1 else X[:, -1:]
    expected = LinearRegression().fit(
        (X - X[:, -1:]).reshape(len(X), -1), (y - last).reshape(len(X), -1)
    )
    changes = expected.predict((X - X[:, -1:]).reshape(len(X), -1)).reshape(y.shape)
    np.testing.assert_allclose(model.predict(X), changes + last)
    assert model.predict(X).shape == y.shape


def test_differences_of_several_features_and_short_windows():
    series = rotating_series(30)
    windows = SlidingWindow(4).fit_transform(series[:-1])
    model = DifferencedRegressor(LSTMRegressor(**TINY)).fit(windows, series[1:])
    inner = model.regressor_.predict(windows - windows[:, -1:])
    np.testing.assert_allclose(model.predict(windows), inner + series[:-1])


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((5, 3, 2)), np.ones(5), r"y has shape \(5,\), but windows of 2 feature"),
        (
            np.ones((5, 3, 2)),
            np.ones((5, 3)),
            r"\(5, 3\), .* need shape \(n, 2\) or \(n, horizon, 2",
        ),
        (np.ones((5, 3, 1)), np.ones((5, 2, 2)), r"y has shape \(5, 2, 2\), but windows of 1 feat"),
        (np.ones((5, 3, 1)), np.ones(1), r"inconsistent numbers of samples: \[5, 1\]"),
        (np.ones((5, 3, 1, 1)), np.ones(5), r"X has shape \(5, 3, 1, 1\): valid are"),
        (np.ones((5, 0, 1)), np.ones(5), r"X has shape \(5, 0, 1\): valid are"),
        (
            np.ma.masked_array(np.ones((5, 3)), np.arange(15).reshape(5, 3) == 5),
            np.ones(5),
            "last time step of window 1 of X is NaN",
        ),
        ([[1.0, 2.0], [1.0, np.nan]], np.ones(2), "last time step of window 1 of X is NaN"),
    ],
)
def test_errors_of_differences(X, y, message):
    with pytest.raises(ValueError, match=message):
        DifferencedRegressor(LinearRegression()).fit(X, y)
