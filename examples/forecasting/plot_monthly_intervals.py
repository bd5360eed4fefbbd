"""
Monthly forecasts with intervals
================================

The number of airline passengers, one value for each month, grows by per cent and has a
season of a year. The last 28 months are held out. They are forecast in two ways: all
at once from where the training ends, with intervals, and each from the month before
it, with parts that scikit-learn's users know.
"""

# %%
# 28 months at once
# -----------------
# :class:`~sklstm.forecasting.LSTMForecaster` takes a table with a column of dates. It
# forecasts all months directly, and the quantiles between which 80 % of the values are
# to lie. Two simple forecasts know as much as it does: the last year again and again,
# and the last year with the growth that it had over the year before it.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMRegressor, SlidingWindow, TimeDistributed
from sklstm.datasets import load_airline_passengers
from sklstm.forecasting import (
    ConformalQuantileRegressor,
    DifferencedRegressor,
    ForecastDisplay,
    LSTMForecaster,
)

SEASON, N_TEST = 12, 28  # months

passengers = load_airline_passengers()  # thousands
months = pd.date_range("1949-01-01", periods=len(passengers), freq="MS")
table = pd.DataFrame({"month": months, "passengers": passengers})
known, future = table[:-N_TEST], table[-N_TEST:]
truth = future["passengers"].to_numpy()
columns = {"target": "passengers", "time": "month"}

forecaster = LSTMForecaster(
    N_TEST, **columns, units=32, epochs=8, conformal=True, random_state=0
)
forecasts = forecaster.fit(known).predict(known)

last_year, year_before = passengers[:-N_TEST][-24:].reshape(2, SEASON)[::-1]
repeated = np.resize(last_year, N_TEST)
growth = last_year.sum() / year_before.sum()
grown = repeated * growth ** (1 + np.arange(N_TEST) // SEASON)


def print_errors(forecasts):
    for name, values in forecasts.items():
        error = root_mean_squared_error(truth, values)
        print(f"  {name + ':':<34} {error:5.1f} thousand passengers")


def print_coverage(low, high):
    inside = ((low <= truth) & (truth <= high)).sum()
    print(f"inside their 80 % intervals: {inside} of {N_TEST} months")


print(f"error (RMSE) of {N_TEST} months from one origin")
print_errors(
    {
        "LSTMForecaster": forecasts["passengers"],
        "the last year, repeated": repeated,
        "the last year, with its growth": grown,
    }
)
print_coverage(forecasts["passengers_0.1"], forecasts["passengers_0.9"])

# %%
# The display draws the end of the history, the forecasts, and what came. The forecasts
# are close, but fewer months than 80 % are inside: a single series of ten years has
# few past errors from which the width of the intervals could be learnt.
fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ForecastDisplay.from_predictions(known, forecasts, future, n_past=48, ax=ax, **columns)
ax.set(ylabel="passengers a month, thousands")
plt.show()

# %%
# Month by month
# --------------
# At the end of each month, the next one is forecast. Each forecast is the change from
# the last month in logarithms: :class:`~sklstm.forecasting.DifferencedRegressor`
# inside, scikit-learn's ``TransformedTargetRegressor`` outside. Any regressor fits in;
# here an LSTM and a linear model get the same windows of 13 months.
X, y = passengers[:-1, np.newaxis], passengers[1:]  # this month, and the next


def make_model(regressor):
    changes = DifferencedRegressor(
        make_pipeline(TimeDistributed(StandardScaler()), regressor)
    )
    return TransformedTargetRegressor(
        make_pipeline(FunctionTransformer(np.log), SlidingWindow(SEASON + 1), changes),
        func=np.log,
        inverse_func=np.exp,
    )


def flatten(windows):
    """Make rows of windows; where the first ones lack values, the mean stands."""
    return np.nan_to_num(windows.reshape(len(windows), -1))


linear = make_model(make_pipeline(FunctionTransformer(flatten), Ridge(0.1)))
linear.fit(X[:-N_TEST], y[:-N_TEST])

# %%
# The network learns the quantiles of the next month, with the median among them.
# :class:`~sklstm.forecasting.ConformalQuantileRegressor` widens or narrows the
# intervals by how often they were right before, month after month.
network = LSTMRegressor(32, epochs=100, loss="quantile", random_state=0)
quantiles = ConformalQuantileRegressor(make_model(network), coverage=0.8)
quantiles.fit(X[:-N_TEST], y[:-N_TEST])
median = quantiles.predict(X)[-N_TEST:]
low, high = quantiles.rolling_interval(X, truth).T

year_ago = passengers[-N_TEST - SEASON : -SEASON]
change = year_ago / passengers[-N_TEST - SEASON - 1 : -SEASON - 1]
print("error (RMSE) one month ahead")
print_errors(
    {
        "LSTM": median,
        "linear model": linear.predict(X)[-N_TEST:],
        "the month before": X[-N_TEST:, 0],
        "the same month of the last year": year_ago,
        "the change of a year ago": X[-N_TEST:, 0] * change,
    }
)
print_coverage(low, high)

# %%
# So short a series, of which 115 rows are left to learn from, favours models with few
# parameters: one month ahead, the linear model is the one to use. The intervals of the
# network hold about as many months as they should.
forecasts = pd.DataFrame(
    {
        "month": future["month"],
        "passengers": median,
        "passengers_0.1": low,
        "passengers_0.9": high,
    }
)
fig, ax = plt.subplots(figsize=(6.5, 3.4), layout="constrained")
ForecastDisplay.from_predictions(known, forecasts, future, n_past=24, ax=ax, **columns)
ax.set(ylabel="passengers a month, thousands")
plt.show()
