"""Article D: an LSTM forecasts a series, and another one writes while it carries its state.

The article makes arrays of (samples, steps, features) by hand. Here SlidingWindow makes them
inside a Pipeline, from a table with one row per day; the regressor scales its targets by itself.
The series is ten years of daily minimum temperatures (see sklstm.datasets.fetch_daily_temperatures)
where there is a copy, and the monthly growth of airline passengers otherwise.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import CharSequenceGenerator, LSTMRegressor, SlidingWindow
from sklstm.datasets import (
    fetch_daily_temperatures,
    fetch_shakespeare,
    load_airline_passengers,
    load_python_reference,
)


def main():
    parser = argparse.ArgumentParser(description="Forecast and write as article D does.")
    parser.add_argument("--epochs", type=int, help="default: 10, more for a short series")
    parser.add_argument("--characters", type=int, help="of the text to learn (default: all)")
    parser.add_argument("--output", type=Path, default=Path("article_d.png"), metavar="FILE")
    options = parser.parse_args()
    forecast_series(options.epochs, options.output)
    write_text(options.characters)


def forecast_series(epochs, picture):
    name, series, season = read_series()
    X, y = series[:-1, np.newaxis], series[1:]  # row by row: today, and tomorrow
    n_test = len(y) // 5
    epochs = epochs or max(10, 20_000 // len(y))
    forecaster = make_pipeline(
        StandardScaler(),
        SlidingWindow(30),
        LSTMRegressor(
            128,
            pooling="last",
            learning_rate=0.001,
            learning_rate_schedule="constant",
            batch_size=32,
            epochs=epochs,
            random_state=0,
        ),
    )
    start = time.perf_counter()
    forecaster.fit(X[:-n_test], y[:-n_test])
    print(f"{name}: {len(y) - n_test} rows, {epochs} epochs, {time.perf_counter() - start:.0f} s")
    truth = y[-n_test:]
    forecasts = {
        "LSTM": forecaster.predict(X)[-n_test:],  # the first windows reach into the training rows
        "last value": X[-n_test:, 0],
        "a season ago": y[-n_test - season : -season],
        "mean of the training rows": np.full(n_test, y[:-n_test].mean()),
    }
    for forecast, values in forecasts.items():
        print(f"  error (RMSE), {forecast + ':':<26} {root_mean_squared_error(truth, values):.3f}")
    print(plot_forecast(name, truth[-200:], forecasts["LSTM"][-200:], picture))


def read_series():
    """Read a series; return its name, its values and the rows of its season, a year."""
    try:
        return "Daily minimum temperature in Melbourne, °C", fetch_daily_temperatures(), 365
    except OSError:
        growth = 100 * np.diff(np.log(load_airline_passengers()))
        return "Monthly growth of airline passengers, %", growth, 12


def plot_forecast(name, truth, forecast, path):
    """Draw the end of the series; return what the user is told about it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return 'No picture of the forecast: pip install "sklstm[plot]" gets you one.'
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(truth, label="measured")
    axes.plot(forecast, label="forecast from the rows before")
    axes.set(title=name, xlabel="test row")
    axes.legend()
    figure.savefig(path)
    return f"The forecast is drawn in {path.absolute()}."


def write_text(n_characters):
    try:
        name, text = "Shakespeare", fetch_shakespeare()
    except OSError:
        name, text = "the Python reference", load_python_reference()
    generator = CharSequenceGenerator(
        128, learning_rate=0.005, batch_size=32, epochs=2, random_state=0
    )
    generator.fit(text[:n_characters])
    generator.generate("The ", 1)  # the first call makes the network that writes
    start = time.perf_counter()
    sample = generator.generate("The ", 400, temperature=0.6, random_state=0)
    carried = (time.perf_counter() - start) / 400
    start = time.perf_counter()
    generator.predict_proba([text[:100]] * 100)
    again = (time.perf_counter() - start) / 100
    print(f"\n400 characters in the manner of {name}, at temperature 0.6.")
    print(f"With the state carried, each takes {1e6 * carried:.0f} µs; ", end="")
    print(f"reading the 100 before it again would take {1e6 * again:.0f} µs.")
    print("\n".join(f"  | {line}" for line in ("The " + sample).splitlines()))


if __name__ == "__main__":
    main()
