"""Forecasts of series: recursive, of changes, with intervals, and over rolling origins."""

from sklstm.forecasting._differences import DifferencedRegressor
from sklstm.forecasting._forecast_display import ForecastDisplay
from sklstm.forecasting._intervals import ConformalQuantileRegressor
from sklstm.forecasting._recursive import forecast

__all__ = ["ConformalQuantileRegressor", "DifferencedRegressor", "ForecastDisplay", "forecast"]
