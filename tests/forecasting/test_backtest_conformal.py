"""Quantiles that a backtest calibrates on the origins before."""

import numpy as np
import pytest
from sklearn.base import clone

from panels import COLUMNS, Remembering, calls, day, shops
from sklstm.forecasting import SeasonalNaiveForecaster, backtest

NAIVE = SeasonalNaiveForecaster(7, **COLUMNS)


class Narrow(Remembering):
    """Whose intervals are far too narrow."""

    def predict(self, history, future=None):
        predicted = super().predict(history, future)
        size = 10.0 ** (predicted["shop"].str.len() - 1)
        near = {"sales_0.1": predicted["sales"] - 0.1 * size, "sales_0.5": predicted["sales"]}
        return predicted.assign(**near, **{"sales_0.9": predicted["sales"] + 0.1 * size})


def noise(n):
    frame = shops(n=n)
    rng = np.random.default_rng(0)
    size = 10.0 ** (frame["shop"].str.len() - 1)
    return frame.assign(sales=size * rng.normal(size=len(frame)))


def test_conformal_intervals_hold_their_share():
    frame, log = noise(110), []
    options = {"n_origins": 20, "refit": False}
    plain = backtest(Narrow(2, log=[]), frame, **options)
    forecaster = Narrow(2, log=log)
    result = backtest(forecaster, frame, **options, conformal=True, n_calibration=20)
    assert plain.metrics["coverage_0.8"].iloc[0] < 0.2
    assert result.metrics["coverage_0.8"].iloc[0] == pytest.approx(0.8, abs=0.05)
    assert [fitted[1]["date"].max() for fitted in calls(log, "fit")] == [day(110 - 2 * 40)]
    for name in ("sales", "truth", "sales_0.5", "seasonal_naive_0.9"):
        np.testing.assert_array_equal(result.forecasts[name], plain.forecasts[name])
    widths = result.metrics_by("shop").xs("Narrow", level="forecaster")["width_0.8"]
    np.testing.assert_allclose(widths / widths["a"], [1, 10, 100], rtol=0.2)


def test_calibration_knows_no_truth_after_its_origin():
    """Origins lie nearer than the horizon: of the last ones only the first steps are known."""
    frame = noise(80)
    options = {"n_origins": 5, "step": 1, "conformal": True, "n_calibration": 4, "refit": False}
    expected = backtest(Narrow(4, log=[]), frame, **options).forecasts
    frame.loc[frame["date"] > day(74), "sales"] += 1e6
    found = backtest(Narrow(4, log=[]), frame, **options).forecasts
    columns = ["sales_0.1", "sales_0.9"]
    before = expected["origin"] <= day(74)
    np.testing.assert_array_equal(found.loc[before, columns], expected.loc[before, columns])
    assert (found.loc[~before, columns] != expected.loc[~before, columns]).any(axis=None)


def test_errors_of_calibration():
    frame = shops(n=30)
    with pytest.raises(ValueError, match=r"23 time steps up .* n_calibration=4 .* needs 29"):
        backtest(NAIVE, frame, n_origins=1, conformal=True, n_calibration=4)
    wide = clone(NAIVE).set_params(quantiles=(0.001, 0.5))
    with pytest.raises(ValueError, match=r"63 error\(s\) of forecasts are known .* 999 are needed"):
        backtest(wide, shops(n=40), n_origins=1, conformal=True)

    class Point(Remembering):
        def predict(self, history, future=None):
            return super().predict(history, future).drop(columns="sales_0.9")

    assert "pinball_loss" not in backtest(Point(log=[]), frame).metrics
    with pytest.raises(ValueError, match="predicts no quantiles: there is nothing to calibrate"):
        backtest(Point(log=[]), frame, conformal=True)
