"""Forecasts of series: recursive, of changes, and with intervals."""

from sklstm.forecasting._differences import DifferencedRegressor
from sklstm.forecasting._intervals import ConformalQuantileRegressor
from sklstm.forecasting._recursive import forecast

__all__ = ["ConformalQuantileRegressor", "DifferencedRegressor", "forecast"]
