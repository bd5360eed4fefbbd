"""What fits of many series take: beside neuralforecast, and with a million rows."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import dataclass

import numpy as np
import pandas as pd
from _neuralforecast import NeuralforecastForecaster
from _panel_results import PanelTest
from _panels import TASKS
from _timing import (
    EpochClock,
    Row,
    Run,
    compare,
    duration,
    in_new_process,
    peak_mib,
    resident_mib,
    show,
    show_table,
)

from sklstm.forecasting import LSTMForecaster

N_SERIES, N_DAYS = 5_000, 200
SPEED_EPOCHS, MILLION_EPOCHS = 16, 10
LIMIT_MIB = 4096
BATCHES_PER_EPOCH = 50


@dataclass(frozen=True)
class Fit:
    """What a fit in a new process took, and how far its forecasts were off."""

    seconds: float
    wape: float
    peak: float


def show_speed(options: Namespace) -> None:
    """Fit stallion by both sides in turns, and print times, errors and memory."""
    epochs = options.epochs or SPEED_EPOCHS
    peaks: dict[str, list[float]] = {"LSTMForecaster": [], "neuralforecast": []}

    def ours() -> Run:
        fit = in_new_process(fit_ours, options.origin, epochs)
        peaks["LSTMForecaster"].append(fit.peak)
        return Run(fit.seconds, fit.wape)

    def theirs() -> Run:
        fit = fit_theirs(options, epochs * BATCHES_PER_EPOCH)
        peaks["neuralforecast"].append(fit.peak)
        return Run(fit.seconds, fit.wape)

    comparison = compare(ours, theirs, options.pairs, warm=False)
    work = f"stallion, LSTM(64), {epochs * BATCHES_PER_EPOCH} steps of 32 windows"
    show([Row(work, "LSTMForecaster", "neuralforecast LSTM", comparison)], "WAPE")
    print()
    rows = [[name, f"{np.median(each):.0f} MiB"] for name, each in peaks.items()]
    show_table(["side", "peak of its process"], rows)


def fit_ours(origin: int, epochs: int) -> Fit:
    """Fit and forecast in this process."""
    task = TASKS["stallion"]
    test = PanelTest(task, task.read(origin))
    forecaster = LSTMForecaster(task.horizon, **task.roles, epochs=epochs, random_state=0)
    result = test.measure(forecaster)
    return Fit(result.fit, result.wape, peak_mib())


def fit_theirs(options: Namespace, max_steps: int) -> Fit:
    """Fit and forecast in a process of the peer's."""
    task = TASKS["stallion"]
    forecaster = NeuralforecastForecaster(
        task, python=options.python, max_steps=max_steps, threads=options.threads
    )
    result = PanelTest(task, task.read(options.origin)).measure(forecaster)
    return Fit(forecaster.seconds_[0], result.wape, forecaster.peak_mib_)


@dataclass(frozen=True)
class Million:
    """What a fit of a million rows took: seconds and MiB."""

    before: float
    epoch: float
    predict: float
    resident: float
    peak: float


def show_million(options: Namespace) -> None:
    """Fit a million rows in a new process, and print what it took."""
    epochs = options.epochs or MILLION_EPOCHS
    found = in_new_process(fit_million, epochs)
    n_windows = 32 * BATCHES_PER_EPOCH
    head = ["rows", "series", "until the first epoch ends", f"epoch of {n_windows} windows",
            "windows per second", "forecast of all series", "process before the fit",
            "peak"]  # fmt: skip
    row = [
        f"{N_SERIES * N_DAYS:,}",
        f"{N_SERIES:,}",
        duration(found.before),
        duration(found.epoch),
        f"{n_windows / found.epoch:.0f}",
        duration(found.predict),
        f"{found.resident:.0f} MiB",
        f"{found.peak:.0f} MiB",
    ]
    show_table(head, [row])
    verdict = "below" if found.peak < LIMIT_MIB else "ABOVE"
    print(f"\nThe peak is {verdict} 4 GiB.")


def fit_million(epochs: int) -> Million:
    """Fit and forecast in this process."""
    history, future = generated_shops(N_SERIES, N_DAYS, horizon=14)
    clock, resident = EpochClock(), resident_mib()
    start = time.perf_counter()
    forecaster = LSTMForecaster(
        14,
        target="sales",
        time="date",
        series="shop",
        known="promotion",
        static="region",
        epochs=epochs,
        callbacks=[clock.epoch_ends],
        random_state=0,
    ).fit(history)
    ready = clock.ends[0] - start
    begun = time.perf_counter()
    forecaster.predict(history, future)
    return Million(ready, clock.run().seconds, time.perf_counter() - begun, resident, peak_mib())


def generated_shops(n_series: int, n_days: int, horizon: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the daily sales of shops with a week, a trend and promotions, and the days after."""
    rng = np.random.default_rng(0)
    n = n_days + horizon
    size = rng.lognormal(3, 1, n_series)[:, np.newaxis]
    week = 1 + 0.3 * rng.random((n_series, 7))[:, np.arange(n) % 7]
    trend = 1 + rng.normal(0, 0.2, n_series)[:, np.newaxis] * np.linspace(0, 1, n)
    promotion = rng.random((n_series, n)) < 0.1
    noise = rng.lognormal(0, 0.2, (n_series, n))
    sales = size * week * trend * (1 + 0.5 * promotion) * noise
    shop = np.arange(n_series)
    frame = pd.DataFrame(
        {
            "shop": np.repeat(shop, n),
            "date": np.tile(pd.date_range("2024-01-01", periods=n), n_series),
            "region": np.repeat(np.array(["north", "south", "east", "west"])[shop % 4], n),
            "promotion": promotion.ravel(),
            "sales": sales.ravel().round(2),
        }
    )
    is_past = np.tile(np.arange(n) < n_days, n_series)
    return frame[is_past].reset_index(drop=True), frame[~is_past].drop(columns="sales")
