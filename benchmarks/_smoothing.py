"""`SmoothingForecaster`: exponential smoothing by statsmodels, each series for itself."""

from __future__ import annotations

import warnings
from typing import Self

import numpy as np
import pandas as pd
from _boosting import DensePanel, continued
from _panels import QUANTILES, PanelTask
from sklearn.base import BaseEstimator
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

FORMS = (  # trend, damped, seasonal; the error is additive, since some values are 0
    (None, False, None),
    (None, False, "add"),
    ("add", True, None),
    ("add", True, "add"),
)


class SmoothingForecaster(BaseEstimator):
    """Forecast each series by the form of exponential smoothing whose AICc is the least.

    Parameters
    ----------
    task : PanelTask
    """

    def __init__(self, task: PanelTask) -> None:
        self.task = task

    def fit(self, history: pd.DataFrame, y: None = None) -> Self:
        """Forecast; nothing is learnt that another history could use."""
        panel = DensePanel(history, self.task, {})
        self.forecasts_ = np.stack([self._forecast(values) for values in panel.values])
        return self

    def predict(self, history: pd.DataFrame, future: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the forecasts that follow the history of `fit`."""
        longer = DensePanel(continued(history, future, self.task), self.task, {})
        n_series, horizon = self.forecasts_.shape[:2]
        series = np.repeat(np.arange(n_series), horizon)
        steps = longer.values.shape[1] - horizon + np.tile(np.arange(horizon), n_series)
        return longer.frame(series, steps, self.forecasts_.reshape(-1, len(QUANTILES)))

    def _forecast(self, values: np.ndarray) -> np.ndarray:
        """Return the quantiles of each time step ahead, (horizon, 3)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fits that stop early: the AICc decides
            fits = [self._fit(values, *form) for form in FORMS]
            best = min(fits, key=lambda fit: fit.aicc)
            n = len(values)
            found = best.get_prediction(start=n, end=n + self.task.horizon - 1)
            bounds = found.pred_int(alpha=1 - (QUANTILES[-1] - QUANTILES[0]))
        bounds = bounds.to_numpy()
        return np.stack([bounds[:, 0], found.predicted_mean.to_numpy(), bounds[:, 1]], axis=1)

    def _fit(self, values: np.ndarray, trend: str | None, damped: bool, seasonal: str | None):
        return ETSModel(
            pd.Series(values),
            error="add",
            trend=trend,
            damped_trend=damped,
            seasonal=seasonal,
            seasonal_periods=self.task.season if seasonal else None,
        ).fit(disp=False)
