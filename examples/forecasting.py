"""Forecast the airline passengers, with intervals, from what scikit-learn users know.

The series is one row per month. Each forecast is the change from the last month, in logarithms,
since the passengers grow by per cent: `DifferencedRegressor` inside, `TransformedTargetRegressor`
outside. The last 20 % are held out. Month by month, the model forecasts the next one and says
between which values it will be with 80 % probability; and once, from where the training ends, it
forecasts them all, each from the forecasts before it.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMRegressor, SlidingWindow, TimeDistributed
from sklstm.datasets import load_airline_passengers
from sklstm.forecasting import ConformalQuantileRegressor, DifferencedRegressor, forecast

SEASON = 12  # months


def main():
    parser = argparse.ArgumentParser(description="Forecast the airline passengers.")
    parser.add_argument("--epochs", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=Path("forecasting.png"), metavar="FILE")
    options = parser.parse_args()
    passengers = load_airline_passengers()
    X, y = passengers[:-1, np.newaxis], passengers[1:]  # this month, and the next
    n_test = len(passengers) // 5
    truth = y[-n_test:]

    points = make_model("squared_error", options.epochs).fit(X[:-n_test], y[:-n_test])
    next_month = points.predict(X)[-n_test:]  # the first windows reach into the training rows
    from_afar = forecast(points, passengers[:-n_test], n_test)
    quantiles = ConformalQuantileRegressor(make_model("quantile", options.epochs), coverage=0.8)
    quantiles.fit(X[:-n_test], y[:-n_test])
    intervals = quantiles.rolling_interval(X, truth)

    for name, values in {
        "next month": next_month,
        "last value": X[-n_test:, 0],
        "a season ago": y[-n_test - SEASON : -SEASON],
        f"all {n_test} months at once": from_afar,
    }.items():
        print(f"error (RMSE), {name + ':':<24} {root_mean_squared_error(truth, values):.1f}")
    inside = (intervals[:, 0] <= truth) & (truth <= intervals[:, 1])
    print(f"inside their 80 % intervals: {inside.sum()} of {n_test} months")
    print(plot(passengers, next_month, from_afar, intervals, options.output))


def make_model(loss, epochs):
    network = LSTMRegressor(32, epochs=epochs, loss=loss, random_state=0)
    changes = DifferencedRegressor(make_pipeline(TimeDistributed(StandardScaler()), network))
    return TransformedTargetRegressor(
        make_pipeline(FunctionTransformer(np.log), SlidingWindow(SEASON), changes),
        func=np.log,
        inverse_func=np.exp,
    )


def plot(passengers, next_month, from_afar, intervals, path):
    """Draw the end of the series; return what the user is told about it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return 'No picture of the forecasts: pip install "sklstm[plot]" gets you one.'
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    months = np.arange(len(passengers))
    test = months[-len(next_month) :]
    axes.plot(months[60:], passengers[60:], color="black", linewidth=1, label="passengers")
    axes.fill_between(test, *intervals.T, alpha=0.3, label="80 % interval of the next month")
    axes.plot(test, next_month, label="next month")
    axes.plot(test, from_afar, linestyle="--", label="all months at once")
    axes.set(xlabel="month (0 is January 1949)", ylabel="thousands")
    axes.legend(loc="upper left")
    figure.savefig(path)
    return f"The forecasts are drawn in {path.absolute()}."


if __name__ == "__main__":
    main()
