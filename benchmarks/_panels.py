"""The tables of many series that `panels.py` forecasts, and a generated one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

QUANTILES = (0.1, 0.5, 0.9)
PRICES = ("price_regular", "price_actual", "discount", "discount_in_percent")
SPECIAL_DAYS = (
    *("easter_day", "good_friday", "new_year", "christmas", "labor_day", "independence_day"),
    *("revolution_day_memorial", "regional_games", "fifa_u_17_world_cup", "football_gold_cup"),
    *("beer_capital", "music_fest"),
)
WEATHER = ("weather", "temp", "atemp", "hum", "windspeed")


@dataclass(frozen=True)
class PanelTask:
    """A long frame, what its columns are, and what is forecast.

    Attributes
    ----------
    name : str
        Of the file, without its ending.
    target, time : str
    series, known, observed, static : tuple of str
        As the parameters of `LSTMForecaster`.
    frequency : str
        Of the dates, as an alias of pandas.
    horizon, season : int
        In time steps; the season of the naive forecast and of MASE.
    n_origins : int
        Forecasts follow each other without a gap from so many origins; the fit knows what lies
        before the first of them.
    lags : tuple of int
        Those that `LSTMForecaster` takes by itself, for the peers.
    lookback : int
        Likewise.
    """

    name: str
    target: str
    time: str
    series: tuple[str, ...]
    known: tuple[str, ...]
    observed: tuple[str, ...]
    static: tuple[str, ...]
    frequency: str
    horizon: int
    season: int
    lags: tuple[int, ...]
    lookback: int
    n_origins: int = 1

    @property
    def roles(self) -> dict[str, object]:
        """The parameters of a forecaster that name columns."""
        names = ("series", "known", "observed", "static")
        lists = {name: list(getattr(self, name)) or None for name in names}
        return {"target": self.target, "time": self.time, **lists}

    @property
    def naive_roles(self) -> dict[str, object]:
        """The parameters of a forecaster that reads nothing but the target."""
        return {name: self.roles[name] for name in ("target", "time", "series")}

    def read(self, origin: int = 0) -> pd.DataFrame:
        """Read the frame; with an origin, without the last so many periods that are forecast."""
        path = Path(os.environ.get("SKLSTM_DATA", "")) / "panel" / f"{self.name}.csv.gz"
        if not path.exists():
            raise SystemExit(f"{path} is not there: set SKLSTM_DATA to the folder of the data.")
        frame = pd.read_csv(path, parse_dates=[self.time])
        times = np.sort(frame[self.time].unique())
        n = len(times) - origin * self.n_origins * self.horizon
        return frame[frame[self.time] <= times[n - 1]].reset_index(drop=True)


TASKS = {
    "stallion": PanelTask(
        name="stallion",
        target="volume",
        time="date",
        series=("agency", "sku"),
        known=(*PRICES, *SPECIAL_DAYS),
        observed=("industry_volume", "soda_volume", "avg_max_temp"),
        static=("avg_population_2017", "avg_yearly_household_income_2017"),
        frequency="MS",
        horizon=6,
        season=12,
        lags=(12, 24),
        lookback=24,
    ),
    "tourism": PanelTask(
        name="australia_tourism",
        target="Trips",
        time="date_time",
        series=("Region", "State", "Purpose"),
        known=(),
        observed=(),
        static=("State", "Purpose"),
        frequency="QS",
        horizon=8,
        season=4,
        lags=(8, 12),
        lookback=24,
    ),
    "bikes": PanelTask(
        name="bike_sharing",
        target="users",
        time="date_time",
        series=(),
        known=("holiday", "workingday", *WEATHER),
        observed=(),
        static=(),
        frequency="h",
        horizon=48,
        season=168,
        lags=(48, 72, 168),
        lookback=72,
        n_origins=10,
    ),
}
