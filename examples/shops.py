"""Forecast every shop of a table, with the promotions that are planned.

The table has one row per shop and day: sales, the visitors that were counted, whether there was a
promotion, and the region of the shop. Promotions are known for the days to come as well, visitors
are not. One network learns from all shops, large and small. It is compared with the seasonal naive
forecast, the sales of a week ago, from several origins in the past; then it forecasts the two weeks
that follow the table.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

from sklstm.forecasting import ForecastDisplay, LSTMForecaster, backtest

HORIZON = 14  # days


def main():
    parser = argparse.ArgumentParser(description="Forecast every shop of a table.")
    parser.add_argument("--shops", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--epochs", type=int, help="default: as many as the forecaster chooses")
    parser.add_argument("--output", type=Path, default=Path("shops.png"), metavar="FILE")
    options = parser.parse_args()
    table = make_table(options.shops)
    last_days = table["day"] > table["day"].max() - pd.Timedelta(days=HORIZON)
    history, future = table[~last_days], table[last_days]

    forecaster = LSTMForecaster(
        HORIZON,
        target="sales",
        time="day",
        series="shop",
        known="promotion",
        observed="visitors",
        static="region",
        units=32,
        epochs=options.epochs or "auto",
        random_state=0,
    )
    start = time.perf_counter()
    result = backtest(forecaster, history, n_origins=3, step=HORIZON, refit=False)
    print(f"Three origins of the past, in {time.perf_counter() - start:.0f} s:")
    print(result.metrics.round(3).to_string())

    forecaster.fit(history)
    plans = future[["shop", "day", "promotion"]]  # what is known of the future
    forecasts = forecaster.predict(history, plans)
    print("\nThe days to come:")
    print(forecasts.head(3).to_string(index=False, float_format="%.1f"))
    print(plot(history, forecasts, future, options.output))


def make_table(n_shops, n_days=420):
    """Make sales that follow the weekday, the size of the shop and its promotions."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=n_days, freq="D")
    shops = []
    for k in range(n_shops):
        size, weekend = rng.lognormal(4, 1), rng.uniform(0.6, 1.8)
        promotion = rng.random(n_days) < 0.15
        visitors = size * np.where(days.day_of_week < 5, 1, weekend) * (1 + 0.6 * promotion)
        visitors = rng.poisson(visitors)
        sales = visitors * rng.normal(1, 0.1, n_days).clip(0) * (1 + 0.2 * promotion)
        shops.append(
            pd.DataFrame(
                {
                    "shop": f"shop {k}",
                    "day": days,
                    "region": "north" if k % 2 else "south",
                    "promotion": promotion,
                    "visitors": visitors,
                    "sales": sales.round(1),
                }
            )
        )
    return pd.concat(shops, ignore_index=True)


def plot(history, forecasts, truth, path):
    """Draw two shops; return what the user is told about it."""
    recent = history[history["day"] > history["day"].max() - pd.Timedelta(days=6 * 7)]
    try:
        display = ForecastDisplay.from_predictions(
            recent, forecasts, truth, target="sales", time="day", series="shop", n_series=2
        )
    except ImportError:
        return 'No picture of the forecasts: pip install "sklstm[plot]" gets you one.'
    display.figure_.savefig(path)
    return f"Two shops are drawn in {path.absolute()}."


if __name__ == "__main__":
    main()
