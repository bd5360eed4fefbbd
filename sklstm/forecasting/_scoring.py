"""The score of forecasters of many series."""

from __future__ import annotations

import warnings
from typing import Any

from sklstm.forecasting._metrics import mean_absolute_scaled_error
from sklstm.forecasting._origins import History, predict_at, rolling_origins


def score_last_steps(forecaster: Any, frame: Any) -> float:
    """Forecast the last `horizon` time steps of a history from those before, and score them.

    Parameters
    ----------
    forecaster : estimator
        Fitted; maybe with `frequency_`.
    frame : DataFrame of pandas or polars
        The history. What the forecaster knows of the future is read from the last time steps.

    Returns
    -------
    float
        Minus the MASE, averaged over the series; the higher the better. The errors are scaled by
        the season of the frequency. A season that the forecaster has as a parameter would make
        scores that do not compare in a search over it.

    Raises
    ------
    ValueError or TypeError
        If the frame is not valid, or has no time step before the last `horizon` ones.

    Warns
    -----
    UserWarning
        If MASE leaves all series out; the score is NaN.
    """
    history = History.of(frame, forecaster, getattr(forecaster, "frequency_", None))
    (origin,) = rolling_origins(history.n_steps, 1, history.horizon, 1, "n_origins")
    season = history.season_until(origin)
    windows = history.windows(origin, season)
    predicted = predict_at(forecaster, windows)
    forecasts = history.read_forecasts(predicted, windows, ())
    error, n_left_out = mean_absolute_scaled_error(windows.truth, forecasts[..., 0], windows.scale)
    if n_left_out == len(windows.truth):
        warnings.warn(
            f"The score is NaN: none of {n_left_out} series has differences of one season "
            f"({season} time steps) before the last {history.horizon} time steps, by which MASE "
            "scales its errors. Give a longer history.",
            UserWarning,
            stacklevel=3,
        )
    return -error
