"""How good forecasts of many series are, from several origins after one fit."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass
from typing import Self

import numpy as np
import pandas as pd
from _panels import QUANTILES, PanelTask
from sklearn.base import BaseEstimator

from sklstm.forecasting import LSTMForecaster
from sklstm.forecasting._metrics import (
    interval_coverage,
    interval_width,
    mean_absolute_scaled_error,
    pinball_loss,
    weighted_absolute_percentage_error,
)
from sklstm.forecasting._origins import History, Windows, rolling_origins


@dataclass(frozen=True)
class Result:
    """Of one fit: errors over all series and origins, and seconds of the fit and of a forecast."""

    wape: float
    mase: float
    pinball: float
    coverage: float
    width: float
    fit: float
    predict: float

    @classmethod
    def mean(cls, results: list[Self]) -> Self:
        """Average the results of several seeds."""
        return cls(*np.mean([astuple(result) for result in results], axis=0))


@dataclass(frozen=True)
class Forecasts:
    """From all origins, one below the other: (n, horizon), and (n, horizon, 1 + n_quantiles)."""

    truth: np.ndarray
    values: np.ndarray
    scale: np.ndarray

    def result(self, fit: float, predict: float) -> Result:
        """Compare the forecasts with the truth."""
        point, low, _, high = np.moveaxis(self.values, 2, 0)
        return Result(
            weighted_absolute_percentage_error(self.truth, point),
            mean_absolute_scaled_error(self.truth, point, self.scale)[0],
            pinball_loss(self.truth, self.values[..., 1:], QUANTILES),
            interval_coverage(self.truth, low, high),
            interval_width(self.truth, low, high),
            fit,
            predict,
        )


class PanelTest:
    """The last time steps of a frame, forecast from one origin or several.

    Parameters
    ----------
    task : PanelTask
    frame : DataFrame
    """

    def __init__(self, task: PanelTask, frame: pd.DataFrame) -> None:
        history = History.of(frame, LSTMForecaster(task.horizon, **task.roles))
        origins = rolling_origins(
            history.n_steps, task.n_origins, task.horizon, task.horizon, "n_origins"
        )
        self.history = history
        self.before = history.rows_until(origins[0])
        self.windows: list[Windows] = [history.windows(origin, task.season) for origin in origins]

    def measure(self, forecaster: BaseEstimator) -> Result:
        """Fit once, on what lies before the first origin, and forecast from each."""
        start = time.perf_counter()
        forecaster.fit(self.before)
        fit = time.perf_counter() - start
        start = time.perf_counter()
        frames = [forecaster.predict(window.before, window.future) for window in self.windows]
        predict = (time.perf_counter() - start) / len(frames)
        return self._forecasts(frames).result(fit, predict)

    def _forecasts(self, frames: list[pd.DataFrame]) -> Forecasts:
        pairs = zip(frames, self.windows, strict=True)
        values = [self.history.read_forecasts(frame, window, QUANTILES) for frame, window in pairs]
        truth, scale = ([getattr(w, name) for w in self.windows] for name in ("truth", "scale"))
        return Forecasts(*map(np.concatenate, (truth, values, scale)))
