"""`backtest`: forecasts from rolling origins beside what came, and the seasonal naive forecast."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone

from sklstm._sklearn_compat import HasMethods, Interval, StrOptions, validate_params
from sklstm.forecasting._backtest_result import BacktestResult, Comparison, metrics_frame
from sklstm.forecasting._calibration import apply_offsets, learn_offsets
from sklstm.forecasting._long_frames import make_frame
from sklstm.forecasting._origins import (
    History,
    Windows,
    predict_at,
    rolling_origins,
)
from sklstm.forecasting._panel import Roles
from sklstm.forecasting._seasonal_naive import naive_quantiles
from sklstm.forecasting._series_rows import quantile_column, quantile_columns

COUNT = Interval(Integral, 1, None, closed="left")
NAIVE = "seasonal_naive"
PARAMETERS = ("horizon", "target", "time", "series")


class Run(NamedTuple):
    """Forecasts from one origin, of shape (n, horizon, 1 + n_quantiles)."""

    windows: Windows
    forecasts: np.ndarray


@validate_params(
    {
        "forecaster": [HasMethods(["fit", "predict", "get_params"])],
        "history": "no_validation",
        "n_origins": [COUNT],
        "step": [COUNT, None],
        "refit": ["boolean"],
        "conformal": ["boolean"],
        "n_calibration": [COUNT],
        "season": [COUNT, StrOptions({"auto"})],
    },
    prefer_skip_nested_validation=False,
)
def backtest(
    forecaster: BaseEstimator,
    history: Any,
    *,
    n_origins: int = 3,
    step: int | None = None,
    refit: bool = True,
    conformal: bool = False,
    n_calibration: int = 3,
    season: int | str = "auto",
) -> BacktestResult:
    """Forecast the past from rolling origins, as if what came after were not known.

    Each origin is a time step up to which the history is known. What a forecaster predicts from
    there is compared with what came, and with the seasonal naive forecast from the same origin
    [1]_.

    Parameters
    ----------
    forecaster : estimator
        A `SeasonalNaiveForecaster`, or another estimator with its methods and the parameters
        `horizon`, `target`, `time` and `series`, and maybe `known`. It is cloned.
    history : DataFrame of pandas or polars
        One row for each series and time step, in any order. The known columns of the future are
        taken from it.
    n_origins : int, default=3
        How many origins. The last one is one horizon before the end of the history.
    step : int, default=None
        Distance of two origins, in time steps; None is the horizon.
    refit : bool, default=True
        Whether the forecaster is fitted at each origin. If not, it is fitted once, on what is
        known at the first one, and predicts from all.
    conformal : bool, default=False
        Whether the quantiles are calibrated. From `n_calibration` earlier origins forecasts are
        made, too. At each origin the errors of all forecasts from origins before it, as far as the
        truth is known by then, say by how much to move each quantile at each step of the horizon,
        in units of the spread of a series. The median is not moved.
    n_calibration : int, default=3
        How many origins, one horizon apart, come before the first of the `n_origins` if
        `conformal` is true.
    season : int or "auto", default="auto"
        Length of a season in time steps, for the seasonal naive forecast and the scale of MASE.
        "auto" follows the frequency: 24 for hours, 7 for days, 12 for months, 4 for quarters; if
        times are numbers, it is found in the history before the first origin.

    Returns
    -------
    BacktestResult
        With `forecasts`, a long frame, `metrics`, a table, and ``metrics_by``.

    Raises
    ------
    ValueError or TypeError
        If a parameter or the history is not valid, the history is too short for the origins, or
        the forecaster predicts no row of a series and a time step; and whatever it raises.

    Warns
    -----
    UserWarning
        If a series is left out at an origin, because it has no row there, or lacks rows in the
        horizon whose known columns the forecaster needs.

    See Also
    --------
    RollingOrigin : The same origins for the cross-validation of scikit-learn.
    ForecastDisplay : Draws the forecasts.

    Notes
    -----
    From each origin those series are forecast that have a row there and one in the horizon. A
    series that begins later or ends before is left out there.

    `conformal` is split conformal prediction on the errors of each quantile [2]_, scaled by the
    mean absolute error of the seasonal naive forecast before the origin.

    References
    ----------
    .. [1] L. J. Tashman, "Out-of-sample tests of forecasting accuracy: an analysis and review",
       International Journal of Forecasting 16, 2000.
    .. [2] Y. Romano, E. Patterson, E. Candès, "Conformalized quantile regression", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm.forecasting import SeasonalNaiveForecaster, backtest
    >>> dates = pd.date_range("2024-01-01", periods=70)
    >>> visits = 50 + 10 * (np.arange(70) % 14) + np.random.default_rng(0).normal(size=70)
    >>> history = pd.DataFrame({"date": dates, "visits": visits})
    >>> forecaster = SeasonalNaiveForecaster(7, target="visits", time="date", season=14)
    >>> result = backtest(forecaster, history, n_origins=4)
    >>> result.metrics[["MASE", "WAPE"]].round(2)
                             MASE  WAPE
    forecaster
    SeasonalNaiveForecaster  0.02  0.01
    seasonal_naive           1.00  0.60
    >>> result.forecasts.columns.tolist()[:6]
    ['origin', 'date', 'step', 'truth', 'visits', 'visits_0.1']
    """
    if missing := [name for name in PARAMETERS if not hasattr(forecaster, name)]:
        raise TypeError(
            f"{type(forecaster).__name__} has no parameter {missing[0]!r}: valid is a forecaster "
            f"of long frames, with the parameters {', '.join(PARAMETERS)}."
        )
    data = History.of(history, forecaster)
    _check_names(data.roles)
    horizon = data.horizon
    origins = rolling_origins(data.n_steps, n_origins, horizon, step or horizon, "n_origins")
    if conformal:
        origins = _with_earlier(origins, n_calibration, horizon)
    season = data.season_until(origins[0]) if season == "auto" else int(season)
    quantiles, runs = _run(forecaster, data, origins, season, refit)
    scored = runs[-n_origins:]
    forecasts = [run.forecasts for run in scored]
    if conformal:
        forecasts = [_calibrated(run, runs, quantiles) for run in scored]
    name = type(forecaster).__name__
    each = {
        name: np.concatenate(forecasts),
        NAIVE: np.concatenate([_naive(data, run.windows, season, quantiles) for run in scored]),
    }
    truth = np.concatenate([run.windows.truth for run in scored])
    scale = np.concatenate([run.windows.scale for run in scored])
    comparison = Comparison(truth, scale, quantiles, each)
    metrics = metrics_frame(history, list(comparison.metrics()), {})
    frame = _long_frame(data, [run.windows for run in scored], comparison, each[name])
    return BacktestResult(frame, metrics, _comparison=comparison)


def _check_names(roles: Roles) -> None:
    ours = {"origin", "step", "truth", "forecaster", NAIVE}
    for name in (*roles.series, roles.time, roles.target):
        if name in ours:
            raise ValueError(
                f"The history has the column {name!r}, which the result of backtest has too, for "
                "something else: give it another name."
            )


def _with_earlier(origins: np.ndarray, n_calibration: int, horizon: int) -> np.ndarray:
    """Put origins that calibrate before those that are scored."""
    earlier = origins[0] - horizon * np.arange(n_calibration, 0, -1)
    if earlier[0] < 0:
        raise ValueError(
            f"The history has {origins[0] + 1} time steps up to the first origin, but "
            f"n_calibration={n_calibration} with a horizon of {horizon} needs "
            f"{n_calibration * horizon + 1} or more: take fewer origins."
        )
    return np.concatenate([earlier, origins])


def _run(
    forecaster: BaseEstimator, data: History, origins: np.ndarray, season: int, refit: bool
) -> tuple[tuple[float, ...], list[Run]]:
    """Fit and predict; return the quantiles that are predicted, and the forecasts."""
    runs: list[Run] = []
    for origin in origins.tolist():
        if refit or not runs:
            fitted = clone(forecaster).fit(data.rows_until(origin))
        windows = data.windows(origin, season)
        predicted = predict_at(fitted, windows)
        if not runs:
            quantiles = tuple(quantile_columns(predicted, data.roles.target))
        runs.append(Run(windows, data.read_forecasts(predicted, windows, quantiles)))
    return quantiles, runs


def _calibrated(run: Run, runs: Sequence[Run], quantiles: tuple[float, ...]) -> np.ndarray:
    """Calibrate the quantiles of a run by the errors that are known at its origin."""
    if not quantiles:
        raise ValueError("The forecaster predicts no quantiles: there is nothing to calibrate.")
    before = [other for other in runs if other.windows.origin < run.windows.origin]
    steps = 1 + np.arange(run.windows.truth.shape[1])
    known = [
        np.where(other.windows.origin + steps <= run.windows.origin, other.windows.truth, np.nan)
        for other in before
    ]
    offsets = learn_offsets(
        np.concatenate([other.forecasts[..., 1:] for other in before]),
        np.concatenate(known),
        np.concatenate([other.windows.scale for other in before]),
        quantiles,
    )
    moved = apply_offsets(run.forecasts[..., 1:], offsets, run.windows.scale, quantiles)
    return np.concatenate([run.forecasts[..., :1], moved], axis=2)


def _naive(
    data: History, windows: Windows, season: int, quantiles: tuple[float, ...]
) -> np.ndarray:
    """Return the seasonal naive forecasts of windows, of shape (n, horizon, 1 + n_quantiles)."""
    values = data.panel.columns[data.roles.target]
    starts = data.panel.starts[windows.series]
    stops = starts + windows.origin + 1 - data.panel.first[windows.series]
    each = [
        naive_quantiles(values[start:stop], season, data.horizon, quantiles)
        for start, stop in zip(starts, stops, strict=True)
    ]
    return np.stack([np.column_stack(one) for one in each])


def _long_frame(
    data: History, windows: Sequence[Windows], comparison: Comparison, forecasts: np.ndarray
) -> Any:
    """Make the frame of forecasts."""
    horizon, target = data.horizon, data.roles.target
    series = np.concatenate([each.series for each in windows])
    origins = np.repeat([each.origin for each in windows], [len(each.series) for each in windows])
    steps = np.tile(1 + np.arange(horizon), len(series))
    positions = np.repeat(origins, horizon)
    columns = {"origin": data.panel.times(positions)}
    columns |= {name: np.repeat(ids[series], horizon) for name, ids in data.panel.ids.items()}
    columns[data.roles.time] = data.panel.times(positions + steps)
    columns |= {"step": steps, "truth": comparison.truth.ravel()}
    for name, values in ((target, forecasts), (NAIVE, comparison.forecasts[NAIVE])):
        names = [name, *(quantile_column(name, q) for q in comparison.quantiles)]
        columns |= {one: values[..., j].ravel() for j, one in enumerate(names)}
    frame = make_frame(data.frame, columns)
    if hasattr(frame, "iloc"):
        return frame
    return frame.with_columns(frame["origin"].cast(frame[data.roles.time].dtype))
