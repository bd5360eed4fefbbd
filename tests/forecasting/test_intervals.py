"""Intervals hold what they say."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

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


def ends_of(model, X):
    lower, _, upper = model.estimators_
    return np.column_stack([lower.predict(X), upper.predict(X)])


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
    assert held(ends_of(model, X), y) < 0.05
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


@pytest.mark.parametrize(
    "wrap",
    [
        lambda network: network,
        lambda network: make_pipeline(FunctionTransformer(), network),
        DifferencedRegressor,
        lambda network: TransformedTargetRegressor(network, func=np.log, inverse_func=np.exp),
    ],
    ids=["bare", "pipeline", "differenced", "transformed"],
)
def test_a_network_learns_all_quantiles_at_once(wrap):
    windows = np.exp(np.random.default_rng(0).normal(size=(24, 5)))
    network = LSTMRegressor(**TINY, loss="quantile")
    model = ConformalQuantileRegressor(wrap(network)).fit(windows, windows[:, -1])
    (fitted,) = model.estimators_
    quantiles = fitted.predict(windows)
    assert quantiles.shape == (24, 3)
    np.testing.assert_array_equal(model.predict(windows), quantiles[:, 1])
    intervals = model.predict_interval(windows)
    np.testing.assert_allclose(intervals[:, 0], quantiles[:, 0] - model.margin_, rtol=1e-6)
    assert (intervals[:, 0] <= intervals[:, 1]).all()
    assert model.rolling_interval(windows[20:], windows[20:, -1]).shape == (4, 2)


def test_a_scaler_of_y_takes_one_quantile_at_a_time():
    windows = np.random.default_rng(0).normal(size=(24, 5))
    scaled = TransformedTargetRegressor(
        LSTMRegressor(**TINY, loss="quantile"), transformer=StandardScaler()
    )
    model = ConformalQuantileRegressor(scaled).fit(windows, windows[:, -1])
    assert [each.regressor_.quantile for each in model.estimators_] == list(model.quantiles_)
    assert model.predict_interval(windows).shape == (24, 2)


def horizons_task(n=3000):
    """Two values ahead of each row, of which the second is three times as noisy."""
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(n, 1))
    return X, X + rng.normal(size=(n, 2)) * [1, 3]


def test_each_horizon_has_a_margin_of_its_own():
    X, y = horizons_task()
    several = MultiOutputRegressor(QUANTILES)
    model = ConformalQuantileRegressor(several).fit(X[:1000], y[:1000])
    assert model.predict(X).shape == (3000, 2)
    assert model.scores_.shape == (250, 2)
    intervals = model.predict_interval(X)
    assert intervals.shape == (3000, 2, 2)
    rolling = model.rolling_interval(X[1000:], y[1000:])
    for column in range(2):
        alone = ConformalQuantileRegressor(QUANTILES).fit(X[:1000], y[:1000, column])
        np.testing.assert_allclose(intervals[:, column], alone.predict_interval(X), rtol=1e-6)
        assert model.margin_[column] == pytest.approx(alone.margin_)
        expected = alone.rolling_interval(X[1000:], y[1000:, column], horizon=column + 1)
        np.testing.assert_allclose(rolling[:, column], expected, rtol=1e-6)
        assert held(rolling[:, column], y[1000:, column]) == pytest.approx(0.8, abs=0.02)


def test_a_value_of_a_later_horizon_is_known_later():
    X, y = horizons_task(120)
    model = ConformalQuantileRegressor(MultiOutputRegressor(QUANTILES)).fit(X[:60], y[:60])
    intervals = model.rolling_interval(X[60:], y[60:], horizon=3)
    changed = y[60:].copy()
    changed[20] += 1000
    other = model.rolling_interval(X[60:], changed, horizon=3)
    for column, first in ((0, 23), (1, 24)):
        np.testing.assert_array_equal(intervals[:first, column], other[:first, column])
        assert (intervals[first:, column] != other[first:, column]).any(axis=1)[0]
    now = model.rolling_interval(X[60:], changed, horizon=[3, 1])
    np.testing.assert_array_equal(now[:, 0], other[:, 0])
    assert (now[21, 1] != other[21, 1]).any()


def test_a_network_with_several_horizons():
    windows = np.random.default_rng(0).normal(size=(24, 5))
    y = windows[:, :2]
    model = ConformalQuantileRegressor(LSTMRegressor(**TINY, loss="quantile")).fit(windows, y)
    assert len(model.estimators_) == 1
    assert model.predict(windows).shape == (24, 2)
    intervals = model.predict_interval(windows)
    quantiles = model.estimators_[0].predict(windows)
    np.testing.assert_allclose(intervals[..., 1], quantiles[..., 2] + model.margin_, rtol=1e-6)
    with pytest.raises(ValueError, match=r"y has 1 column\(s\), but 2 column\(s\) in fit"):
        model.rolling_interval(windows, y[:, 0])
    for horizon in ([1], [1, 0], [1.5, 2]):
        with pytest.raises(ValueError, match=r"horizon=\[.*for each of 2 column"):
            model.rolling_interval(windows, y, horizon=horizon)


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
    (fitted,) = model.estimators_
    assert fitted.regressor_[-1].regressor_.quantile == pytest.approx([0.1, 0.5, 0.9])
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
