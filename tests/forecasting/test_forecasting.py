"""Forecasts: the recursion is exact, nothing of the future leaks, intervals hold what they say."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMRegressor, SlidingWindow, TimeDistributed, sliding_windows
from sklstm.datasets import load_airline_passengers
from sklstm.forecasting import ConformalQuantileRegressor, DifferencedRegressor, forecast
from tasks import TINY


def second_order_series(n):
    """x(t) = 0.3 + 1.6 x(t-1) - 0.9 x(t-2), without noise: a damped wave."""
    series = [1.0, 2.0]
    while len(series) < n:
        series.append(0.3 + 1.6 * series[-1] - 0.9 * series[-2])
    return np.array(series)


def rotating_series(n):
    """Two features of which the next are a rotation, without noise: of shape (n, 2)."""
    turn = 0.97 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    series = [np.array([1.0, 3.0])]
    while len(series) < n:
        series.append(turn @ series[-1] + [0.1, -0.2])
    return np.array(series)


def flat_windows(X):
    return np.nan_to_num(X).reshape(len(X), -1)


def linear_rows(length):
    """A model of rows: what an LSTM in a Pipeline is, but exact."""
    flatten = FunctionTransformer(flat_windows)
    return make_pipeline(StandardScaler(), SlidingWindow(length), flatten, LinearRegression())


def small_lstm(**parameters):
    return make_pipeline(StandardScaler(), SlidingWindow(4), LSTMRegressor(**TINY | parameters))


SERIES = second_order_series(60)
KNOWN, FUTURE = SERIES[:40], SERIES[40:]


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


class AsColumns(LinearRegression):
    """Takes X and y of any dimensions."""

    def fit(self, X, y):
        self.shape_ = y.shape[1:]
        return super().fit(X.reshape(len(X), -1), y.reshape(len(y), -1))

    def predict(self, X):
        return super().predict(X.reshape(len(X), -1)).reshape(-1, *self.shape_)


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize("column", [False, True])
def test_differences_have_the_shape_of_y(column):
    X, y = sliding_windows(KNOWN, 3)
    y = y.reshape(-1, 1) if column else y.ravel()
    for regressor in (LinearRegression(), LSTMRegressor(**TINY)):
        model = DifferencedRegressor(regressor).fit(X[:, :, 0], y)
        assert model.predict(X[:, :, 0]).shape == y.shape


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
        (ONE, KNOWN, {"steps": 0}, "'steps' parameter .* Got 0 instead"),
        (ONE, KNOWN, {"steps": 2, "window": 0}, "'window' parameter .* Got 0 instead"),
        (ONE, [], {"steps": 2}, "0 sample"),
        (ONE, [1.0, np.nan], {"steps": 2}, "Input history contains NaN in row 1. A series needs"),
        (ONE, [1.0, np.inf], {"steps": 2}, "Input history contains infinity in row 1. A series"),
        (ONE, ["a"], {"steps": 2}, "history holds 'a' in row 0, which is not a number"),
        (ONE, np.ones((3, 2, 2)), {"steps": 2}, "Found array with dim 3"),
        (ONE, np.ones((9, 2)), {"steps": 2}, "X of 1 feature.s. and the history has 2"),
        (TWO, KNOWN, {"steps": 2}, r"X of 2 .* windows, say how long they are: window="),
        (TWO, KNOWN, {"steps": 2, "window": 3}, "window of 3 .* or 3 columns"),
        (TWO, KNOWN[:1], {"steps": 2, "window": 2}, r"1 time step\(s\), fewer than a window of 2"),
        (AHEAD, KNOWN, {"steps": 2, "window": 2}, r"predicts 3 value.* history has 1 feature"),
        ("model", KNOWN, {"steps": 2}, "'estimator' parameter .* implementing 'predict'"),
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


ROWS = KNOWN[:-1, np.newaxis], KNOWN[1:]


def searched(template, best):
    grid = {"slidingwindow__length": [best]}
    return GridSearchCV(linear_rows(template), grid, cv=TimeSeriesSplit(2))


def several(template, best):
    model = MultiOutputRegressor(linear_rows(best)).fit(KNOWN[:-1, np.newaxis], KNOWN[1:, None])
    model.estimator.set_params(slidingwindow__length=template)
    return model


def intervals(template, best):
    quantiles = make_pipeline(
        SlidingWindow(best), FunctionTransformer(flat_windows), QuantileRegressor(alpha=0)
    )
    model = ConformalQuantileRegressor(quantiles).fit(*ROWS)
    quantiles.set_params(slidingwindow__length=template)
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
    grid = {"slidingwindow__length": [2, 4], "lstmregressor__epochs": [1, 2]}
    search = GridSearchCV(small_lstm(), grid, cv=folds, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert forecast(search, SERIES, 3).shape == (3,)


def test_the_search_finds_the_window():
    search = GridSearchCV(
        linear_rows(1), {"slidingwindow__length": [1, 2]}, cv=TimeSeriesSplit(3)
    ).fit(SERIES[:-1, np.newaxis], SERIES[1:])
    assert search.best_params_ == {"slidingwindow__length": 2}


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


# Intervals


def noisy_task(n, seed=0, drift=0.0):
    """Noise that grows with x, and over time by `drift`."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, 1))
    scale = (0.2 + X[:, 0]) * (1 + drift * np.arange(n) / n)
    return X, 5 * X[:, 0] + scale * rng.normal(size=n)


def held(intervals, y):
    return ((intervals[:, 0] <= y) & (y <= intervals[:, 1])).mean()


QUANTILES = QuantileRegressor(alpha=0)


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
