"""One-step forecasts and 80 % intervals of three series, against the last value and last season.

    SKLSTM_DATA=folder python benchmarks/forecasting.py

Airline passengers (monthly, season 12), daily minimum temperatures (season 365), monthly sunspots
(season 132); without SKLSTM_DATA the last two are downloaded. The last 20 % of each series are the
test: models are fitted on the first 80 % and then stay as they are, while each forecast reads all
values before its own (rolling origins, one step ahead). The windows, epochs and transformations
below were chosen by the same procedure inside the first 80 %: fitted on their first 80 %, compared
on their last 20 %.

The point forecast is that of a network trained on the squared error; the intervals are those of
`ConformalQuantileRegressor.rolling_interval`. RMSE is in the units of the series. "Fixed coverage"
is that of `predict_interval`, which does not learn from the values that it passes. Adaptation
alone reaches nearly any coverage; what a model adds is narrower intervals. So beside the mean width
stands that of the last value with margins found in the same way.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from _data import SERIES
from _timing import show_machine, show_table
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMRegressor, SlidingWindow, TimeDistributed
from sklstm.forecasting import ConformalQuantileRegressor, DifferencedRegressor


@dataclass(frozen=True)
class Recipe:
    """What is chosen for a series: all else is the same for all."""

    season: int
    window: int
    epochs: int
    function: Callable | None = None  # of the values, in which changes are of one size
    inverse: Callable | None = None

    def model(self, loss: str, seed: int) -> TransformedTargetRegressor:
        """Forecast the change from the last value, from a window relative to it."""
        network = LSTMRegressor(32, batch_size=32, epochs=self.epochs, loss=loss, random_state=seed)
        changes = DifferencedRegressor(make_pipeline(TimeDistributed(StandardScaler()), network))
        rows = make_pipeline(
            FunctionTransformer(self.function), SlidingWindow(self.window), changes
        )
        return TransformedTargetRegressor(rows, func=self.function, inverse_func=self.inverse)


class LastValue(RegressorMixin, BaseEstimator):
    """Forecast the last value; its quantiles are all the same."""

    def __init__(self, quantile: float = 0.5) -> None:
        self.quantile = quantile

    def fit(self, X: np.ndarray, y: np.ndarray) -> LastValue:
        """Learn nothing."""
        self.is_fitted_ = True
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Repeat the row."""
        return X[:, 0]


RECIPES = {
    "airline-passengers": Recipe(12, 12, 100, np.log, np.exp),
    "daily-min-temperatures": Recipe(365, 30, 15),
    "monthly-sunspots": Recipe(132, 24, 15, np.sqrt, np.square),
}


@dataclass(frozen=True)
class Result:
    """Of one seed on one series; `n` is the number of test rows."""

    n: int
    rmse: float
    last_value: float
    seasonal: float
    coverage: float
    width: float
    last_value_width: float
    fixed_coverage: float
    seconds: float


def measure(recipe: Recipe, values: np.ndarray, seed: int) -> Result:
    X, y = values[:-1, np.newaxis], values[1:]
    n = len(values) // 5
    truth = y[-n:]
    start = time.perf_counter()
    points = recipe.model("squared_error", seed).fit(X[:-n], y[:-n]).predict(X)[-n:]
    quantiles = ConformalQuantileRegressor(recipe.model("quantile", seed), coverage=0.8)
    quantiles.fit(X[:-n], y[:-n])
    naive = ConformalQuantileRegressor(LastValue(), coverage=0.8).fit(X[:-n], y[:-n])
    rolling, fixed = quantiles.rolling_interval(X, truth), quantiles.predict_interval(X)[-n:]
    return Result(
        n,
        root_mean_squared_error(truth, points),
        root_mean_squared_error(truth, X[-n:, 0]),
        root_mean_squared_error(truth, y[-n - recipe.season : -recipe.season]),
        coverage(rolling, truth),
        float(np.diff(rolling).mean()),
        float(np.diff(naive.rolling_interval(X, truth)).mean()),
        coverage(fixed, truth),
        time.perf_counter() - start,
    )


def coverage(intervals: np.ndarray, y: np.ndarray) -> float:
    return float(((intervals[:, 0] <= y) & (y <= intervals[:, 1])).mean())


def row(name: str, seed: int, result: Result) -> list[str]:
    return [
        name,
        str(seed),
        str(result.n),
        *(f"{rmse:.2f}" for rmse in (result.rmse, result.last_value, result.seasonal)),
        f"{result.coverage:.1%}",
        f"{result.width:.2f}",
        f"{result.last_value_width:.2f}",
        f"{result.fixed_coverage:.1%}",
        f"{result.seconds:.0f} s",
    ]


def found_series() -> dict[str, np.ndarray]:
    """Return the series that are here or can be downloaded; say which are left out, and why."""
    found = {}
    for name in RECIPES:
        try:
            found[name] = SERIES[name]()
        except OSError as error:
            print(f"\n{name} is left out. {error}")
    return found


def show_pooled(results: list[Result]) -> None:
    total = sum(result.n for result in results)
    held = sum(result.n * result.coverage for result in results)
    print(f"\nAll series and seeds: {held / total:.1%} of {total} values inside their intervals.")


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    options = arguments.parse_args()
    show_machine()
    table, results = [], []
    for name, values in found_series().items():
        for seed in range(options.seeds):
            results.append(measure(RECIPES[name], values, seed))
            table.append(row(name, seed, results[-1]))
    print()
    show_table(
        ["series", "seed", "n", "RMSE", "last value", "last season", "coverage", "mean width",
         "last value's", "fixed coverage", "3 fits"],
        table,
    )  # fmt: skip
    show_pooled(results)


if __name__ == "__main__":
    main()
