"""`BoostingForecaster`: gradient boosting as people forecast many series with it, directly.

One row for each series, origin and time step ahead. Trees cannot extrapolate, and one model learns
from series of all sizes: so the target and all its past values are divided by the level of their
series before the origin (the mean of as many values as the LSTM reads). With `difference`, what is
learnt is the change from the mean of the values that the lags name.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from _panels import QUANTILES, PanelTask
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingRegressor

MIN_LEVEL = 0.1  # as a share of the mean of the series


class BoostingForecaster(BaseEstimator):
    """Forecast by `HistGradientBoostingRegressor`, one for each quantile.

    Parameters
    ----------
    task : PanelTask
    difference : bool
        Whether the target is the change from the mean of the lags.
    recent : int
        How many of the last values before the origin stand beside the lags.
    max_iter, outer_iter : int
        Trees of the median, and of the other quantiles, which need more.
    learning_rate, max_leaf_nodes, min_samples_leaf, max_features
        Of the boosting.
    max_rows : int
        Of more rows than this, so many are drawn at random.
    random_state : int
    """

    def __init__(
        self,
        task: PanelTask,
        *,
        difference: bool = True,
        recent: int = 12,
        max_iter: int = 300,
        outer_iter: int = 300,
        learning_rate: float = 0.05,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 50,
        max_features: float = 1.0,
        max_rows: int = 300_000,
        random_state: int = 0,
    ) -> None:
        self.task = task
        self.difference = difference
        self.recent = recent
        self.max_iter = max_iter
        self.outer_iter = outer_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.max_rows = max_rows
        self.random_state = random_state

    def fit(self, history: pd.DataFrame, y: None = None) -> Self:
        """Fit one model for each quantile on the same rows."""
        self.categories_ = _categories(history, self.task)
        panel = DensePanel(history, self.task, self.categories_)
        series, origins, ahead = self._rows(panel)
        X, base, level = self._features(panel, series, origins, ahead)
        targets = panel.values[series, origins + ahead] / level - base
        is_known = np.isfinite(targets)
        self.models_ = [
            self._model(quantile).fit(X[is_known], targets[is_known]) for quantile in QUANTILES
        ]
        return self

    def predict(self, history: pd.DataFrame, future: pd.DataFrame | None = None) -> pd.DataFrame:
        """Forecast the next `horizon` time steps of every series."""
        n_steps = history[self.task.time].nunique()
        longer = continued(history, future, self.task)
        panel = DensePanel(longer, self.task, self.categories_)
        horizon = self.task.horizon
        series = np.repeat(np.arange(len(panel.values)), horizon)
        ahead = np.tile(np.arange(horizon), len(panel.values))
        X, base, level = self._features(panel, series, np.full(len(series), n_steps), ahead)
        outputs = np.stack([model.predict(X) for model in self.models_], axis=1)
        forecasts = np.sort((outputs + base[:, None]) * level[:, None], axis=1)
        return panel.frame(series, n_steps + ahead, forecasts)

    def _rows(self, panel: DensePanel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the series, origin (the first time step not known) and step ahead of each row."""
        horizon = self.task.horizon
        n_series, n_steps = panel.values.shape
        first = max(min(self.task.lookback // 2, n_steps - horizon), 1)
        origins = np.arange(first, n_steps - horizon + 1)
        grid = np.meshgrid(np.arange(n_series), origins, np.arange(horizon), indexing="ij")
        rows = np.stack([axis.ravel() for axis in grid])
        if rows.shape[1] > self.max_rows:
            rng = np.random.default_rng(self.random_state)
            rows = rows[:, rng.choice(rows.shape[1], self.max_rows, replace=False)]
        return tuple(rows)

    def _features(
        self, panel: DensePanel, series: np.ndarray, origins: np.ndarray, ahead: np.ndarray
    ) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
        """Return the features, the mean of the lags over the level (or 0), and the level."""
        task = self.task
        past = panel.before(series, origins, task.lookback)
        level = np.maximum(_mean(past), MIN_LEVEL * panel.sizes[series])
        level = np.where(level > 0, level, 1)
        of_lags = panel.at(panel.values, series, (origins + ahead)[:, None] - np.array(task.lags))
        of_lags = of_lags / level[:, None]
        recent = past[:, : self.recent] / level[:, None]
        columns = {f"lag {lag}": of_lags[:, j] for j, lag in enumerate(task.lags)}
        columns |= {f"recent {j}": recent[:, j] for j in range(recent.shape[1])}
        columns["recent mean"] = _mean(recent)
        columns["last mean"] = _mean(recent[:, :3])
        columns["ahead"] = ahead
        columns |= panel.covariates(series, origins, ahead)
        base = np.nan_to_num(_mean(of_lags), nan=1.0) if self.difference else np.zeros(len(level))
        return pd.DataFrame(columns), base, level

    def _model(self, quantile: float) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            loss="quantile",
            quantile=quantile,
            max_iter=self.max_iter if quantile == 0.5 else self.outer_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            categorical_features="from_dtype",
            early_stopping=False,
            random_state=self.random_state,
        )


class DensePanel:
    """Series of the same dates as arrays, (n_series, n_steps).

    Parameters
    ----------
    frame : DataFrame
    task : PanelTask
    categories : dict of Index
        The values of each column that is no number; such columns are left out if missing here.
    """

    def __init__(
        self, frame: pd.DataFrame, task: PanelTask, categories: dict[str, pd.Index]
    ) -> None:
        self.task, self.categories = task, categories
        keys = [*task.series, task.time]
        frame = frame.sort_values(keys)
        self.times = pd.DatetimeIndex(np.sort(frame[task.time].unique()))
        n_series = len(frame) // len(self.times)
        if n_series * len(self.times) != len(frame):
            raise ValueError("the series have different dates")
        self.columns = {
            name: self._numbers(frame[name]).reshape(n_series, -1)
            for name in (task.target, *task.known, *task.observed, *task.static)
            if name in categories or pd.api.types.is_numeric_dtype(frame[name])
        }
        self.ids = {name: frame[name].to_numpy()[:: len(self.times)] for name in task.series}
        self.values = self.columns[task.target]
        self.sizes = np.nan_to_num(_mean(np.abs(self.values)))

    def before(self, series: np.ndarray, origins: np.ndarray, n: int) -> np.ndarray:
        """Return the last n values before each origin, the newest one first."""
        return self.at(self.values, series, origins[:, None] - 1 - np.arange(n))

    def at(self, values: np.ndarray, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return values, NaN before the beginning."""
        inside = np.clip(steps, 0, values.shape[1] - 1)
        return np.where(steps >= 0, values[series[:, None], inside], np.nan)

    def covariates(
        self, series: np.ndarray, origins: np.ndarray, ahead: np.ndarray
    ) -> dict[str, Any]:
        """Return known ones of the time step forecast, the last observed, static, the calendar."""
        steps = origins + ahead
        columns = {name: self.columns[name][series, steps] for name in self.task.known}
        for name in self.task.observed:
            columns[name] = self.columns[name][series, origins - 1]
        columns |= {name: self.columns[name][series, 0] for name in self.task.static}
        for name in columns.keys() & self.categories.keys():
            columns[name] = pd.Categorical.from_codes(
                columns[name].astype(int), self.categories[name]
            )
        parts = {"month": self.times.month, "weekday": self.times.weekday, "hour": self.times.hour}
        for part, of_times in parts.items():
            if len(set(of_times)) > 1 and (part == "month" or self.task.season > 12):
                columns[f"calendar {part}"] = of_times.to_numpy()[steps]
        return columns

    def frame(self, series: np.ndarray, steps: np.ndarray, forecasts: np.ndarray) -> pd.DataFrame:
        """Return forecasts as a forecaster does."""
        columns = {name: ids[series] for name, ids in self.ids.items()}
        columns |= {self.task.time: self.times[steps], self.task.target: forecasts[:, 1]}
        for j, quantile in enumerate(QUANTILES):
            columns[f"{self.task.target}_{quantile:g}"] = forecasts[:, j]
        return pd.DataFrame(columns)

    def _numbers(self, column: pd.Series) -> np.ndarray:
        if column.name in self.categories:
            return self.categories[column.name].get_indexer(column).astype(np.float64)
        return column.to_numpy(np.float64)


def continued(history: pd.DataFrame, future: pd.DataFrame | None, task: PanelTask) -> pd.DataFrame:
    """Return a history with rows of the next `horizon` time steps, whose target is NaN."""
    if future is None:
        last = history[task.time].max()
        ahead = pd.date_range(last, periods=task.horizon + 1, freq=task.frequency)[1:]
        ids = history[[*task.series]].drop_duplicates()
        future = ids.merge(pd.DataFrame({task.time: ahead}), how="cross")
    future = future[[*task.series, task.time, *task.known]]
    if task.static:
        of_series = history[[*dict.fromkeys([*task.series, *task.static])]].drop_duplicates()
        future = future.merge(of_series, on=[*task.series])
    return pd.concat([history, future], ignore_index=True)


def _categories(history: pd.DataFrame, task: PanelTask) -> dict[str, pd.Index]:
    names = dict.fromkeys([*task.known, *task.observed, *task.static])
    return {
        name: pd.Index(sorted(history[name].unique()))
        for name in names
        if not pd.api.types.is_numeric_dtype(history[name])
    }


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of the known values of each row, NaN without one."""
    is_known = np.isfinite(values)
    counts = is_known.sum(axis=1)
    totals = np.where(is_known, values, 0).sum(axis=1)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
