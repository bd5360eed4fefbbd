"""Intervals hold what they say."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from series import (
    QUANTILES,
)
from sklstm import LSTMRegressor, SlidingWindow
from sklstm.datasets import load_airline_passengers
from sklstm.forecasting import ConformalQuantileRegressor, DifferencedRegressor
from tasks import TINY


# Intervals
def noisy_task(n, seed=0, drift=0.0):
    """Noise that grows with x, and over time by `drift`."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, 1))
    scale = (0.2 + X[:, 0]) * (1 + drift * np.arange(n) / n)
    return X, 5 * X[:, 0] + scale * rng.normal(size=n)


def held(intervals, y):
    return ((intervals[:, 0] <= y) & (y <= intervals[:, 1])).mean()


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_coverage_on_noise_that_varies(coverage):
    X, y = noisy_task(3000)
    model = ConformalQuantileRegressor(QUANTILES, coverage=coverage).fit(X[:1000], y[:1000])
    intervals = model.predict_interval(X[1000:])
    assert held(intervals, y[1000:]) == pytest.approx(coverage, abs=0.04)
    width, x = np.diff(intervals)[:, 0], X[1000:, 0]
    assert width[x > 0.9].mean() > 2 * width[x < 0.1].mean()  # wide where the noise is


class Overconfident(QuantileRegressor):
    """Whose ends are far too near to each other: calibration has to make up for it."""

    def predict(self, X):
        return 5 * X[:, 0] + 0.01 * (self.quantile - 0.5)


def test_calibration_mends_ends_that_are_too_near():
    X, y = noisy_task(3000)
    model = ConformalQuantileRegressor(Overconfident()).fit(X[:1000], y[:1000])
    assert held(np.column_stack([model.lower_.predict(X), model.upper_.predict(X)]), y) < 0.05
    assert held(model.predict_interval(X[1000:]), y[1000:]) == pytest.approx(0.8, abs=0.04)


def test_rolling_intervals_follow_a_drift():
    X, y = noisy_task(3000, drift=4.0)
    model = ConformalQuantileRegressor(QUANTILES).fit(X[:1000], y[:1000])
    assert held(model.predict_interval(X[1000:]), y[1000:]) < 0.7
    rolling = model.rolling_interval(X[1000:], y[1000:])
    assert held(rolling, y[1000:]) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("horizon", [1, 3])
def test_no_interval_knows_its_value(horizon):
    X, y = noisy_task(300)
    model = ConformalQuantileRegressor(QUANTILES).fit(X[:200], y[:200])
    intervals = model.rolling_interval(X[200:], y[200:], horizon=horizon)
    changed = y[200:].copy()
    changed[40] += 1000
    others = model.rolling_interval(X[200:], changed, horizon=horizon)
    same = (intervals == others).all(axis=1)
    assert same[: 40 + horizon].all()
    assert not same[40 + horizon :].all()
    before = model.predict_interval(X)
    np.testing.assert_array_equal(model.predict_interval(X), before)  # nothing was learnt


def test_calibration_rows_do_not_teach():
    """The ends that give the scores are fitted on the earlier rows only."""
    X, y = noisy_task(100)
    seen = []

    class Watched(QuantileRegressor):
        def fit(self, X, y):
            seen.append(len(y))
            return super().fit(X, y)

    ConformalQuantileRegressor(Watched(alpha=0), calibration_fraction=0.3).fit(X, y)
    assert seen == [70, 70, 100, 100, 100]


def test_intervals_of_data_frames():
    X, y = noisy_task(60)
    frame = pd.DataFrame(X, columns=["load"], index=np.linspace(0, 1, 60))
    model = ConformalQuantileRegressor(QUANTILES).fit(frame, pd.Series(y))
    assert model.n_features_in_ == 1
    expected = ConformalQuantileRegressor(QUANTILES).fit(X, y).predict_interval(X)
    np.testing.assert_allclose(model.predict_interval(frame), expected)


def test_ends_never_cross():
    """Neither those of the quantiles, nor those that are narrowed by more than they are wide."""

    class Crossing(QuantileRegressor):
        def predict(self, X):
            return -self.quantile * X[:, 0]

    X = noisy_task(50)[0]
    model = ConformalQuantileRegressor(Crossing()).fit(X, -0.5 * X[:, 0])
    assert model.margin_ < 0
    intervals = model.predict_interval(X)
    assert (intervals[:, 0] <= intervals[:, 1]).all()


def airline_model(loss, **parameters):
    network = LSTMRegressor(**TINY | {"loss": loss} | parameters)
    return TransformedTargetRegressor(
        make_pipeline(FunctionTransformer(np.log), SlidingWindow(6), DifferencedRegressor(network)),
        func=np.log,
        inverse_func=np.exp,
    )


@pytest.mark.slow
def test_intervals_of_a_pipeline_over_rolling_origins():
    passengers = load_airline_passengers()
    X, y = passengers[:-1, np.newaxis], passengers[1:]
    model = ConformalQuantileRegressor(airline_model("quantile")).fit(X[:115], y[:115])
    assert model.lower_.regressor_[-1].regressor_.quantile == pytest.approx(0.1)
    intervals = model.rolling_interval(X, y[115:])  # the first windows reach into training rows
    assert intervals.shape == (28, 2)
    assert 0.6 < held(intervals, y[115:]) <= 1
    short = model.rolling_interval(X[110:], y[115:])
    np.testing.assert_allclose(intervals, short, rtol=1e-5)
    assert model.predict(X).shape == (143,)


def test_the_future_never_changes_a_forecast():
    passengers = load_airline_passengers()
    X, y = passengers[:-1, np.newaxis], passengers[1:]
    model = airline_model("squared_error").fit(X[:115], y[:115])
    other = X.copy()
    other[120:] *= 3
    before, after = model.predict(X), model.predict(other)
    np.testing.assert_allclose(before[:120], after[:120], rtol=1e-6)
    assert not np.isclose(before[120:], after[120:]).any()


@pytest.mark.parametrize(
    ("estimator", "options", "message"),
    [
        (QUANTILES, {"coverage": 1.0}, "'coverage' parameter"),
        (QUANTILES, {"calibration_fraction": 0.99}, r"calibration_fraction=0.99 leaves some"),
        (LinearRegression(), {}, r"LinearRegression has 0 parameters named quantile \[\]"),
        (LSTMRegressor(), {}, "has loss='squared_error': intervals need loss='quantile'"),
    ],
)
def test_errors_of_intervals(estimator, options, message):
    X, y = noisy_task(20)
    with pytest.raises(ValueError, match=message):
        ConformalQuantileRegressor(estimator, **options).fit(X, y)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_a_value_that_is_not_known_teaches_no_interval(missing):
    """The other rows get the intervals that they have without it."""
    X, y = noisy_task(60)
    model = ConformalQuantileRegressor(QUANTILES).fit(X[:30], y[:30])
    values = y[30:].astype(object)
    values[[0, 7]] = missing
    intervals = model.rolling_interval(X[30:], values)
    assert np.isfinite(intervals).all()
    others = np.delete(np.arange(30), [0, 7])
    expected = model.rolling_interval(X[30:][others], y[30:][others])
    np.testing.assert_array_equal(intervals[others], expected)


def test_values_that_no_interval_takes():
    X, y = noisy_task(20)
    model = ConformalQuantileRegressor(QUANTILES).fit(X, y)
    for value, message in (
        (np.inf, "y contains infinity"),
        ("a", "y holds 'a' in row 3, which is not"),
    ):
        values = y.astype(object)
        values[3] = value
        with pytest.raises(ValueError, match=message):
            model.rolling_interval(X, values)
    with pytest.raises(ValueError, match=r"Input y contains NaN in row 3\."):
        ConformalQuantileRegressor(QUANTILES).fit(X, np.where(np.arange(20) == 3, np.nan, y))


@pytest.mark.parametrize("name", ["X", "y"])
def test_intervals_need_dates_in_order(name):
    X, y = noisy_task(20)
    dates = pd.date_range("2020-01-01", periods=20)
    data = {"X": pd.DataFrame(X), "y": pd.Series(y)}
    data[name].index = dates[::-1]
    message = f"^{name} has its newest row first: its index runs from 2020-01-20 down to"
    with pytest.raises(ValueError, match=message):
        ConformalQuantileRegressor(QUANTILES).fit(**data)
    model = ConformalQuantileRegressor(QUANTILES).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.rolling_interval(**data)
    data[name].index = dates[np.arange(20) // 2]  # two rows of each day, as of two shops
    model.fit(**data)
    data[name].index = np.arange(20)[::-1]  # numbers of rows that were shuffled
    model.fit(**data)


def test_errors_of_rolling_intervals():
    X, y = noisy_task(20)
    model = ConformalQuantileRegressor(QUANTILES).fit(X, y)
    with pytest.raises(ValueError, match=r"y has 20 row\(s\): valid are 1 to 5, as X has"):
        model.rolling_interval(X[:5], y)
    with pytest.raises(ValueError, match="'horizon' parameter"):
        model.rolling_interval(X, y, horizon=0)
