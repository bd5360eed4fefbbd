"""Networks in backtests and searches."""

import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from panels import COLUMNS, day, shops
from sklstm.forecasting import LSTMForecaster, RollingOrigin, backtest

TINY_FORECASTER = LSTMForecaster(
    7, **COLUMNS, known="promotion", units=4, epochs=1, batches_per_epoch=2, random_state=0
)


def test_a_network_is_tested_as_it_would_forecast():
    frame = shops(n=90)
    forecasts = backtest(TINY_FORECASTER, frame, n_origins=2).forecasts
    for end in (76, 83):
        past, future = frame[frame["date"] <= day(end)], frame[frame["date"] > day(end)]
        fitted = clone(TINY_FORECASTER).fit(past)
        expected = fitted.predict(past, future.drop(columns="sales"))
        part = forecasts[forecasts["origin"] == day(end)].reset_index(drop=True)
        pd.testing.assert_frame_equal(part[list(expected.columns)], expected, rtol=1e-5)


def test_a_search_over_networks():
    frame, cv = shops(n=90), RollingOrigin(2, horizon=7, time="date")
    search = GridSearchCV(TINY_FORECASTER, {"units": [2, 4]}, cv=cv).fit(frame)
    metrics = backtest(TINY_FORECASTER, frame, n_origins=2).metrics
    score = search.cv_results_["mean_test_score"][1]
    assert score == pytest.approx(-metrics.loc["LSTMForecaster", "MASE"], rel=1e-5)
