"""Series that are known without noise, and models of them."""

import numpy as np
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMRegressor, SlidingWindow
from sklstm.forecasting import ConformalQuantileRegressor
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


class AsColumns(LinearRegression):
    """Takes X and y of any dimensions."""

    def fit(self, X, y):
        self.shape_ = y.shape[1:]
        return super().fit(X.reshape(len(X), -1), y.reshape(len(y), -1))

    def predict(self, X):
        return super().predict(X.reshape(len(X), -1)).reshape(-1, *self.shape_)


ROWS = KNOWN[:-1, np.newaxis], KNOWN[1:]


def intervals(template, best):
    quantiles = make_pipeline(
        SlidingWindow(best), FunctionTransformer(flat_windows), QuantileRegressor(alpha=0)
    )
    model = ConformalQuantileRegressor(quantiles).fit(*ROWS)
    quantiles.set_params(slidingwindow__window=template)
    return model


QUANTILES = QuantileRegressor(alpha=0)
