"""Forecasts of every series of a long frame, beside what people do without an LSTM.

    SKLSTM_DATA=folder python benchmarks/panels.py stallion   # or tourism, or bikes
    SKLSTM_DATA=folder python benchmarks/panels.py speed
    python benchmarks/panels.py million

`stallion`: the monthly volumes of 350 pairs of an agency and a beverage, of which prices, discounts
and special days are known; the last 6 months are forecast. `tourism`: the quarterly trips to 76
regions for 4 purposes; the last 8 quarters. `bikes`: the hourly users of a bicycle rental, of which
weather and holidays are known; the last ten times 48 hours, by one fit before them. All read the
same rows: `LSTMForecaster` with its default parameters, the seasonal naive forecast (a year; for
bikes a week), gradient boosting (`_boosting.py`: the lags, covariates and calendar of the LSTM and
the last values, one model for each quantile), for tourism exponential smoothing of each series,
and where there is one origin the LSTM of neuralforecast (1,000 steps).

WAPE, MASE (scaled by the season of the naive forecast) and the pinball loss over 0.1, 0.5 and 0.9:
less is better. The interval reaches from the quantile 0.1 to 0.9, so that it is to hold 80 %; its
width and the pinball loss are in units of the series. Seconds are those of one fit, and of the
forecasts from one origin.

Parameters were chosen at earlier origins: `--origin 1` leaves out the period that is forecast, 2
that and the one before. `--set units=32 conformal=True` sets parameters of `LSTMForecaster`,
`--only lstm` measures it alone.

`speed`: the fit of stallion, against neuralforecast's LSTM of the same units, batches and steps;
each in new processes, in turns. `--python` names an interpreter that has neuralforecast, if this
one has not; `--threads 1` gives it one thread, which may be faster for networks as small as this.
`million`: a million rows, of 5,000 generated series: seconds per epoch, and peak memory of a fit.
The peers: ``pip install statsmodels`` for smoothing, ``pip install torch neuralforecast``.
"""

from __future__ import annotations

import argparse
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from _boosting import BoostingForecaster
from _neuralforecast import NeuralforecastForecaster
from _panel_results import PanelTest, Result
from _panel_speed import show_million, show_speed
from _panels import TASKS, PanelTask
from _timing import duration, show_machine, show_table
from sklearn.base import BaseEstimator

from sklstm.forecasting import LSTMForecaster, SeasonalNaiveForecaster

HEAD = ("forecaster", "WAPE", "MASE", "pinball loss", "coverage", "width", "fit", "predict")
BOOSTING: dict[str, dict[str, Any]] = {  # the best of a few settings, at the origins 1 to 3
    "stallion": {"max_iter": 100, "max_features": 0.3, "difference": False, "recent": 24},
    "tourism": {"max_iter": 100, "outer_iter": 100, "max_features": 0.3},
    "bikes": {"max_iter": 200, "outer_iter": 200},
}


LABELS = {
    "naive": "seasonal naive",
    "boosting": "gradient boosting",
    "smoothing": "exponential smoothing",
    "neuralforecast": "neuralforecast LSTM",
}


def peers(name: str, python: str | None) -> Iterator[tuple[str, BaseEstimator]]:
    """Yield what the LSTM is compared with, as far as it is installed."""
    task = TASKS[name]
    yield "naive", SeasonalNaiveForecaster(task.horizon, **task.naive_roles, season=task.season)
    yield "boosting", BoostingForecaster(task, **BOOSTING[name])
    if name == "tourism":
        yield from smoothing(task)
    if task.n_origins > 1:
        return
    if python is None and find_spec("neuralforecast") is None:
        print("neuralforecast is left out: it is not installed, and --python names no other one.\n")
    else:
        yield "neuralforecast", NeuralforecastForecaster(task, python=python)


def smoothing(task: PanelTask) -> Iterator[tuple[str, BaseEstimator]]:
    """Yield exponential smoothing, if statsmodels is installed."""
    if find_spec("statsmodels") is None:
        print("Exponential smoothing is left out: statsmodels is not installed.\n")
        return
    from _smoothing import SmoothingForecaster

    yield "smoothing", SmoothingForecaster(task)


def compare_forecasts(name: str, options: argparse.Namespace) -> None:
    """Print a table of all forecasters on one task."""
    task = TASKS[name]
    test = PanelTest(task, task.read(options.origin))
    rows = []
    for label, forecaster in peers(name, options.python):
        if options.only in (None, label):
            rows.append(row(LABELS[label], own_times(forecaster, test.measure(forecaster))))
    if options.only in (None, "lstm"):
        rows += lstm_rows(task, test, options)
    show_table(HEAD, rows)


def own_times(forecaster: BaseEstimator, result: Result) -> Result:
    """Return the result with the times that a peer has measured in its own process."""
    fit, predict = getattr(forecaster, "seconds_", (result.fit, result.predict))
    return replace(result, fit=fit, predict=predict)


def lstm_rows(task: PanelTask, test: PanelTest, options: argparse.Namespace) -> list[list[str]]:
    """Measure the network with several seeds."""
    parameters = task.roles | dict(options.set)
    results = [
        test.measure(LSTMForecaster(task.horizon, **parameters, random_state=seed))
        for seed in range(options.seeds)
    ]
    each = [row(f"LSTMForecaster, seed {seed}", result) for seed, result in enumerate(results)]
    return [*each, row("LSTMForecaster, mean", Result.mean(results))]


def row(label: str, result: Result) -> list[str]:
    return [
        label,
        f"{result.wape:.4f}",
        f"{result.mase:.3f}",
        f"{result.pinball:.4g}",
        f"{result.coverage:.1%}",
        f"{result.width:.4g}",
        duration(result.fit),
        duration(result.predict),
    ]


def assignment(text: str) -> tuple[str, Any]:
    """Read "units=32"."""
    name, _, value = text.partition("=")
    try:
        return name, literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def read_options() -> argparse.Namespace:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("what", choices=[*TASKS, "speed", "million"])
    arguments.add_argument("--origin", type=int, default=0, help="periods left out at the end")
    arguments.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    arguments.add_argument("--set", type=assignment, nargs="*", default=[], metavar="NAME=VALUE")
    arguments.add_argument("--only", choices=[*LABELS, "lstm"])
    arguments.add_argument("--pairs", type=int, default=3, help="runs of each side of speed")
    arguments.add_argument("--python", help="an interpreter that has neuralforecast")
    arguments.add_argument("--threads", type=int, help="of neuralforecast in speed, if not all")
    arguments.add_argument("--epochs", type=int, help="of million (10) and of speed (16)")
    return arguments.parse_args()


def main() -> None:
    options = read_options()
    show_machine()
    if options.what == "speed":
        show_speed(options)
    elif options.what == "million":
        show_million(options)
    else:
        compare_forecasts(options.what, options)


if __name__ == "__main__":
    main()
