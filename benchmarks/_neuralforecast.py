"""`NeuralforecastForecaster`: the LSTM of neuralforecast, in a process of its own.

It needs PyTorch, which may live in another environment: so what it reads and returns goes through
files, and the seconds and the memory are measured inside of its process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import pandas as pd
from _panels import PanelTask
from sklearn.base import BaseEstimator

SCRIPT = Path(__file__).with_name("_neuralforecast_process.py")


class NeuralforecastForecaster(BaseEstimator):
    """Forecast by neuralforecast's LSTM, with the covariates of the task.

    Its rows are those of `LSTMForecaster`: as many past steps, units, windows in a batch. It has no
    lags; what it knows of the calendar is the month.

    Parameters
    ----------
    task : PanelTask
    python : str or None
        The interpreter that has neuralforecast; None is this one.
    max_steps : int
        Of the optimizer.
    scaler : str
        How it scales each window: a `scaler_type` of neuralforecast.
    learning_rate : float
    units, n_windows : int
        Of its LSTM layer, and in a batch.
    threads : int or None
        None leaves their number to PyTorch.
    seed : int
    """

    def __init__(
        self,
        task: PanelTask,
        *,
        python: str | None = None,
        max_steps: int = 1000,
        scaler: str = "standard",
        learning_rate: float = 1e-3,
        units: int = 64,
        n_windows: int = 32,
        threads: int | None = None,
        seed: int = 0,
    ) -> None:
        self.task = task
        self.python = python
        self.max_steps = max_steps
        self.scaler = scaler
        self.learning_rate = learning_rate
        self.units = units
        self.n_windows = n_windows
        self.threads = threads
        self.seed = seed

    def fit(self, history: pd.DataFrame, y: None = None) -> Self:
        """Remember the history: fitting and forecasting are one process."""
        self.history_ = history
        return self

    def predict(self, history: pd.DataFrame, future: pd.DataFrame | None = None) -> pd.DataFrame:
        """Fit, and forecast what follows the history of `fit`."""
        task = self.task
        ids = history[[*task.series]].drop_duplicates().reset_index(drop=True)
        ids["unique_id"] = ids.index
        with TemporaryDirectory() as folder:
            self._write(Path(folder), history, future, ids)
            environment = {**os.environ, **self._thread_variables()}
            command = [self.python or sys.executable, str(SCRIPT), folder]
            subprocess.run(command, check=True, env=environment)
            found = json.loads((Path(folder) / "found.json").read_text())
            forecasts = pd.read_csv(Path(folder) / "forecasts.csv", parse_dates=["ds"])
        self.seconds_, self.peak_mib_ = (found["fit"], found["predict"]), found["peak"]
        forecasts = forecasts.merge(ids, on="unique_id").rename(columns={"ds": task.time})
        of_quantiles = [f"{task.target}_{q}" for q in ("0.1", "0.5", "0.9")]
        forecasts = forecasts.rename(
            columns=dict(zip(("low", "mid", "high"), of_quantiles, strict=True))
        )
        return forecasts.assign(**{task.target: forecasts[of_quantiles[1]]})

    def _thread_variables(self) -> dict[str, str]:
        return {} if self.threads is None else {"OMP_NUM_THREADS": str(self.threads)}

    def _write(
        self, folder: Path, history: pd.DataFrame, future: pd.DataFrame | None, ids: pd.DataFrame
    ) -> None:
        task = self.task
        names = {task.time: "ds", task.target: "y"}
        known = [*task.known, "month"]
        covariates = [*task.known, *task.observed]
        columns = ["unique_id", task.time, task.target, *covariates]
        table = history.merge(ids, on=[*task.series])
        table[columns].rename(columns=names).assign(month=table[task.time].dt.month).to_csv(
            folder / "history.csv", index=False
        )
        if future is None:
            from _boosting import continued

            longer = continued(history, None, task)
            future = longer[longer[task.target].isna()]
        ahead = future.merge(ids, on=[*task.series])
        ahead[["unique_id", task.time, *task.known]].rename(columns=names).assign(
            month=ahead[task.time].dt.month
        ).to_csv(folder / "future.csv", index=False)
        static = table[["unique_id", *task.static]].drop_duplicates("unique_id")
        encoded = pd.get_dummies(static.set_index("unique_id"), dtype=float)
        encoded = ((encoded - encoded.mean()) / encoded.std()).reset_index()
        encoded.to_csv(folder / "static.csv", index=False)
        settings = {
            "frequency": task.frequency,
            "horizon": task.horizon,
            "lookback": task.lookback,
            "known": known,
            "observed": [*task.observed],
            "static": [name for name in encoded if name != "unique_id"],
            **{name: value for name, value in self.get_params().items()
               if name not in ("task", "python", "threads")},
        }  # fmt: skip
        (folder / "settings.json").write_text(json.dumps(settings))
