"""Long frames of several series, and forecasters that tell what they were given."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from sklstm.forecasting._series_rows import as_names

COLUMNS = {"target": "sales", "time": "date", "series": "shop"}


def day(n):
    """Return the n-th day of the shops, counted from 1."""
    return pd.Timestamp("2024-01-01") + pd.Timedelta(days=n - 1)


def shop(name, n=40, start="2024-01-01", freq="D", scale=1.0):
    """Sales of one shop: a week, a promotion that is known, and noise."""
    rng = np.random.default_rng(len(name))
    promotion = rng.integers(0, 2, n)
    sales = scale * (10 + np.arange(n) % 7 + 3 * promotion + rng.normal(scale=0.3, size=n))
    dates = pd.date_range(start, periods=n, freq=freq)
    return pd.DataFrame({"shop": name, "date": dates, "promotion": promotion, "sales": sales})


def shops(names=("a", "bb", "ccc"), **parameters):
    """Shops of which each is ten times as large as the one before."""
    frames = [shop(name, scale=10.0**j, **parameters) for j, name in enumerate(names)]
    return pd.concat(frames, ignore_index=True)


class Remembering(BaseEstimator):
    """Predicts the promotion where it is known, and the last value; keeps what it was given."""

    def __init__(self, horizon=2, target="sales", time="date", series="shop", known=None, log=None):
        self.horizon = horizon
        self.target = target
        self.time = time
        self.series = series
        self.known = known
        self.log = log

    def __sklearn_clone__(self):
        return type(self)(**self.get_params(deep=False))  # with the same log

    def fit(self, history):
        self.log.append(("fit", history))
        self.fitted_ = True
        return self

    def predict(self, history, future=None):
        self.log.append(("predict", history, future))
        parts = []
        series = list(as_names(self.series))
        groups = history.groupby(series, sort=False) if series else [((), history)]
        for one, rows in groups:
            rows = rows.sort_values(self.time)
            times = pd.date_range(rows[self.time].iloc[-1], periods=self.horizon + 1)[1:]
            part = pd.DataFrame({**dict(zip(series, one, strict=True)), self.time: times})
            last = rows[self.target].iloc[-1]
            parts.append(part.assign(**{self.target: last, f"{self.target}_0.9": last + 1}))
        predicted = pd.concat(parts, ignore_index=True)
        if self.known:
            predicted = predicted.drop(columns=self.target).merge(future, on=[*series, self.time])
            predicted = predicted.rename(columns={self.known[0]: self.target})
        return predicted.sample(frac=1, random_state=0)  # in any order


def calls(log, kind):
    """Return the calls of "fit" or of "predict" that a forecaster remembers."""
    return [call for call in log if call[0] == kind]
