"""
Many series at once: every shop of a table
==========================================

The table has one row for each shop and day: sales, the visitors that were counted,
whether there was a promotion, and the region of the shop. Promotions are planned, so
they are known for the days to come; visitors are not. One network learns from all
shops, large and small, and forecasts each of them for two weeks, with intervals. It is
compared with the sales of a week ago, which are the simplest forecast that knows the
season.
"""

# %%
# The table
# ---------
# It is generated: sales follow the weekday, the size of the shop and its promotions.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklstm.forecasting import ForecastDisplay, LSTMForecaster, backtest

N_SHOPS, N_DAYS, HORIZON = 12, 420, 14


def make_shop(number, rng):
    days = pd.date_range("2024-01-01", periods=N_DAYS, freq="D")
    size, weekend = rng.lognormal(4, 1), rng.uniform(0.6, 1.8)
    promotion = rng.random(N_DAYS) < 0.15
    weekly = np.where(days.day_of_week < 5, 1, weekend)
    visitors = rng.poisson(size * weekly * (1 + 0.6 * promotion))
    sales = visitors * rng.normal(1, 0.1, N_DAYS).clip(0) * (1 + 0.2 * promotion)
    return pd.DataFrame(
        {
            "shop": f"shop {number}",
            "day": days,
            "region": "north" if number % 2 else "south",
            "promotion": promotion,
            "visitors": visitors,
            "sales": sales.round(1),
        }
    )


rng = np.random.default_rng(0)
table = pd.concat([make_shop(k, rng) for k in range(N_SHOPS)], ignore_index=True)
is_future = table["day"] > table["day"].max() - pd.Timedelta(days=HORIZON)
history, future = table[~is_future], table[is_future]
print(history.head(3).to_string(index=False))

# %%
# How good would it have been?
# ----------------------------
# The forecaster is told what each column is. ``backtest`` forecasts from three origins
# in the past, 14 days each, and compares the forecasts with what came. The second row
# is the seasonal naive forecast from the same origins, over the same 14 days.
forecaster = LSTMForecaster(
    HORIZON,
    target="sales",
    time="day",
    series="shop",
    known="promotion",
    observed="visitors",
    static="region",
    units=32,
    random_state=0,
)
result = backtest(forecaster, history, n_origins=3, step=HORIZON, refit=False)
print(result.metrics.round(3).T.to_string())

# %%
# The days to come
# ----------------
# What is known of the future is the plan of the promotions.
forecaster.fit(history)
plans = future[["shop", "day", "promotion"]]
forecasts = forecaster.predict(history, plans)
print(forecasts.head(3).to_string(index=False, float_format="%.1f"))

# %%
# The forecasts of three shops, with the sales that came. The peaks are promotions: a
# forecast that did not know the plans could not foresee them.
fig, axes = plt.subplots(3, figsize=(6.5, 7), layout="constrained")
ForecastDisplay.from_predictions(
    history,
    forecasts,
    future,
    target="sales",
    time="day",
    series="shop",
    n_series=3,
    n_past=42,
    ax=axes,
)
for ax in axes:
    ax.set(ylabel="sales a day")
plt.show()
