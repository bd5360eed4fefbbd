"""
The next value of a series, from a window of values
===================================================

The smallest forecast: a window of the last 30 values goes in, the next value comes
out. The table has one row for each day. :class:`~sklstm.SlidingWindow` makes the
windows inside a Pipeline, as an array of shape (samples, time steps, features), and
the regressor scales its targets by itself.
"""

# %%
# The series
# ----------
# Ten years of daily minimum temperatures in Melbourne, where there is a copy (see
# :func:`sklstm.datasets.fetch_daily_temperatures`). Otherwise this page is built with
# a series that is generated: the equation of Mackey and Glass (1977), a usual test of
# forecasts of series that are neither linear nor periodic.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMRegressor, SlidingWindow
from sklstm.datasets import fetch_daily_temperatures

WINDOW, EPOCHS = 30, 20  # time steps, passes over the training rows
plt.rcParams["date.converter"] = "concise"


def solve_mackey_glass(n, delay=17, every=6):
    """Return n values, 6 units of time apart."""
    parts = 10  # of a time unit
    x = [1.2] * (delay * parts + 1)
    for _ in range((n + 50) * every * parts):
        late = x[-1 - delay * parts]
        x.append(x[-1] + (0.2 * late / (1 + late**10) - 0.1 * x[-1]) / parts)
    return np.array(x[:: every * parts])[-n:]


def read_series():
    """Return a title, the label of the values, their times, and the values."""
    try:
        values = fetch_daily_temperatures(download_if_missing=False)
    except FileNotFoundError:
        return (
            "Mackey and Glass's equation",
            "value",
            np.arange(1500),
            solve_mackey_glass(1500),
        )
    days = np.arange("1981-01-01", "1991-01-01", dtype="datetime64[D]")
    missing = np.array(["1984-12-31", "1988-12-31"], dtype="datetime64[D]")
    days = days[~np.isin(days, missing)]  # the table lacks these two
    return "Minimum temperature in Melbourne", "temperature, °C", days, values


title, label, times, series = read_series()
X, y = series[:-1, np.newaxis], series[1:]  # row by row: a value, and the next one
n_test = len(y) // 5
print(f"This page was built with: {title} ({label}),")
print(f"{len(y) - n_test:,} rows to learn, {n_test} to test")

# %%
# The forecasts
# -------------
# The network has 128 units; it is trained by Adam on the squared error, in batches of
# 32. A linear model gets the same windows. The windows of the first test rows reach
# back into the training rows, so the whole series goes into ``predict``.
network = LSTMRegressor(
    128,
    pooling="last",
    learning_rate=0.001,
    learning_rate_schedule="constant",
    batch_size=32,
    epochs=EPOCHS,
    random_state=0,
)
lstm = make_pipeline(StandardScaler(), SlidingWindow(WINDOW), network)


def flatten(windows):
    """Make rows of windows; where the first ones lack values, the mean stands."""
    return np.nan_to_num(windows.reshape(len(windows), -1))


linear = make_pipeline(
    StandardScaler(), SlidingWindow(WINDOW), FunctionTransformer(flatten), Ridge(1e-3)
)
lstm.fit(X[:-n_test], y[:-n_test])
linear.fit(X[:-n_test], y[:-n_test])

truth = y[-n_test:]
forecasts = {
    "LSTM": lstm.predict(X)[-n_test:],
    "linear model": linear.predict(X)[-n_test:],
    "value before": X[-n_test:, 0],
    "mean of the training rows": np.full(n_test, y[:-n_test].mean()),
}
print(f"error (RMSE) of the next {label}")
for name, values in forecasts.items():
    print(f"{name + ':':<27} {root_mean_squared_error(truth, values):.3f}")

# %%
# The network against a linear model
# ----------------------------------
# Both see the same 30 values. Where they are about as good as each other, the linear
# model is the one to use: it is simpler, and its coefficients can be read.
last = slice(-min(n_test, 120), None)
fig, (above, below) = plt.subplots(
    2, sharex=True, figsize=(6.5, 4.6), layout="constrained"
)
above.plot(times[last], truth[last], color="black", linewidth=1, label="measured")
for name, colour, line in ("LSTM", "#0072b2", "-"), ("linear model", "#d55e00", "--"):
    values = forecasts[name][last]
    above.plot(times[last], values, line, color=colour, linewidth=1.5, label=name)
    below.plot(times[last], values - truth[last], line, color=colour)
below.axhline(0, color="black", linewidth=0.8)
above.set(title=title, ylabel=label)
below.set(xlabel="time", ylabel="error")
fig.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()
