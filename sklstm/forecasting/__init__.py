"""Forecasts of series: recursive, of changes, with intervals, and of many series at once."""

from sklstm.forecasting._backtest import backtest
from sklstm.forecasting._backtest_result import BacktestResult
from sklstm.forecasting._differences import DifferencedRegressor
from sklstm.forecasting._forecast_display import ForecastDisplay
from sklstm.forecasting._forecaster import LSTMForecaster
from sklstm.forecasting._intervals import ConformalQuantileRegressor
from sklstm.forecasting._one_step_rows import one_step_rows
from sklstm.forecasting._recursive import forecast
from sklstm.forecasting._rolling_origin import RollingOrigin
from sklstm.forecasting._seasonal_naive import SeasonalNaiveForecaster

__all__ = [
    "BacktestResult",
    "ConformalQuantileRegressor",
    "DifferencedRegressor",
    "ForecastDisplay",
    "LSTMForecaster",
    "RollingOrigin",
    "SeasonalNaiveForecaster",
    "backtest",
    "forecast",
    "one_step_rows",
]
