"""Draw the picture of the landing page and of the README: `python docs/forecast_picture.py`.

The airline passengers of 1960, forecast at once from the eleven years before. The errors that the
page states are printed.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import pandas as pd
from sklearn.metrics import mean_absolute_error

from sklstm.datasets import load_airline_passengers
from sklstm.forecasting import ForecastDisplay, LSTMForecaster

HORIZON = 12  # months
PICTURE = Path(__file__).parent / "_static" / "forecast.png"


def main():
    """Fit, forecast, print the errors and draw."""
    passengers = load_airline_passengers()
    months = pd.date_range("1949-01-01", periods=len(passengers), freq="MS")
    table = pd.DataFrame({"month": months, "passengers": passengers})
    history, truth = table[:-HORIZON], table[-HORIZON:]
    forecaster = LSTMForecaster(
        HORIZON, target="passengers", time="month", n_networks=5, conformal=True, random_state=0
    )
    forecasts = forecaster.fit(history).predict(history)
    values = truth["passengers"].to_numpy()
    last_year = history["passengers"].tail(HORIZON)
    inside = (forecasts["passengers_0.1"] <= values) & (values <= forecasts["passengers_0.9"])
    print(f"mean absolute error, forecast: {mean_absolute_error(values, forecasts.passengers):.1f}")
    print(f"mean absolute error, last year's values: {mean_absolute_error(values, last_year):.1f}")
    print(f"inside their intervals: {inside.sum()} of {HORIZON} months")
    display = ForecastDisplay.from_predictions(
        history, forecasts, truth, target="passengers", time="month", n_past=60
    )
    display.axes_[0].set(ylabel="thousands of passengers")
    display.figure_.set_size_inches(8, 3.2)
    display.figure_.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
