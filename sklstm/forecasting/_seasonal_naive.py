"""`SeasonalNaiveForecaster`: the value of one season ago, for each of many series."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklstm._doc_link import DocLinkMixin
from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.forecasting._future import forecast_frame
from sklstm.forecasting._origins import season_of
from sklstm.forecasting._panel import Roles, read_panel
from sklstm.forecasting._roles import read_quantiles, read_roles
from sklstm.forecasting._scoring import score_last_steps
from sklstm.forecasting._series_rows import quantile_column

N_ERRORS = 5  # of fewer, quantiles are not taken where a nearer season has more


class SeasonalNaiveForecaster(DocLinkMixin, BaseEstimator):
    """Forecast, for each series, the value of one season ago.

    It learns nothing, and is often hard to beat: forecasters are compared with it [1]_.

    Parameters
    ----------
    horizon : int, default=1
        How many time steps are forecast.
    target : str, default="y"
        Column of the values.
    time : str, default="time"
        Column of the time steps: dates, periods or numbers, at equal distances.
    series : str, sequence of str or None, default=None
        Columns that tell which series a row belongs to; None if there is one.
    season : int or "auto", default="auto"
        Length of a season, in time steps. "auto" follows the frequency: 24 for hours, 48 for half
        hours (a day), 7 for days, 52 for weeks, 12 for months, 4 for quarters, and 1 for years,
        which repeats the last value. If times are numbers, it is found in the values. A week of
        hours is 168.
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        Quantiles that are predicted beside the median, in ascending order.
    frequency : str, int, float or None, default=None
        The distance of two time steps, as an alias of pandas ("h", "D", "MS") or a number; None
        infers it.

    Attributes
    ----------
    season_ : int
        Length of the season, in time steps.
    frequency_ : str, int or float
        Of the history.

    See Also
    --------
    backtest : Compares a forecaster with this one.

    Notes
    -----
    Where the value of a season ago is missing, that of two seasons ago is taken, and so on; where
    none is known, the last known value of the series. A series without any has NaN.

    The quantiles are those of the errors that the forecast makes within the history, added to the
    forecast. The first season of the horizon has the errors of values one season apart, the second
    those of values two seasons apart, and so on: one block of the horizon after another. A block
    with fewer than 5 errors takes those of an earlier block, times the root of the ratio of their
    numbers, as the errors of a random walk grow. All this is measured on the history that
    `predict` is given; a series of one season or less has no errors, and its quantiles other than
    the median are NaN. The forecast itself is the median; no other quantile lies beyond it.

    References
    ----------
    .. [1] R. J. Hyndman, G. Athanasopoulos, "Forecasting: principles and practice", 3rd edition,
       2021, section 5.2 and, for the root, section 5.5.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm.forecasting import SeasonalNaiveForecaster
    >>> dates = pd.date_range("2024-01-01", periods=28)
    >>> visits = pd.DataFrame({"date": dates, "visits": 10 * (np.arange(28) % 7)})
    >>> forecaster = SeasonalNaiveForecaster(horizon=2, target="visits", time="date")
    >>> forecaster.fit(visits).predict(visits)
            date  visits  visits_0.1  visits_0.5  visits_0.9
    0 2024-01-29     0.0         0.0         0.0         0.0
    1 2024-01-30    10.0        10.0        10.0        10.0
    """

    _parameter_constraints: ClassVar[dict] = {
        "horizon": [Interval(Integral, 1, None, closed="left")],
        "target": [str],
        "time": [str],
        "series": [str, list, tuple, None],
        "season": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "quantiles": ["array-like"],
        "frequency": [str, Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        horizon: int = 1,
        target: str = "y",
        time: str = "time",
        series: str | Sequence[str] | None = None,
        season: int | str = "auto",
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        frequency: str | float | None = None,
    ) -> None:
        self.horizon = horizon
        self.target = target
        self.time = time
        self.series = series
        self.season = season
        self.quantiles = quantiles
        self.frequency = frequency

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, history: Any, y: None = None) -> Self:
        """Read the frequency, and with it the length of the season.

        Parameters
        ----------
        history : DataFrame of pandas or polars
            One row for each series and time step, in any order: the columns `series`, `time` and
            `target`, where a missing value is NaN.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError or TypeError
            If a parameter or the frame is not valid.
        """
        read_quantiles(self.quantiles)
        panel = read_panel(history, self._roles(), "history", frequency=self.frequency)
        is_auto = self.season == "auto"
        self.season_ = season_of(panel, self.target) if is_auto else int(self.season)
        self.frequency_ = panel.axis.frequency
        return self

    def predict(self, history: Any, future: Any = None) -> Any:
        """Forecast the time steps after the last one of each series.

        Parameters
        ----------
        history : DataFrame of pandas or polars
            As in `fit`; other series are valid too.
        future : DataFrame of pandas or polars, default=None
            Ignored: what is known of the future changes nothing.

        Returns
        -------
        DataFrame of pandas or polars, as the history
            `horizon` rows for each series: its columns, `time`, `target` (the median) and a column
            for each quantile, such as "sales_0.1".

        Raises
        ------
        ValueError or TypeError
            If the frame is not valid.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        roles = self._roles()
        panel = read_panel(history, roles, "history", frequency=self.frequency_)
        quantiles = read_quantiles(self.quantiles)
        each = [
            np.column_stack(naive_quantiles(values, self.season_, self.horizon, quantiles))
            for values in np.split(panel.columns[self.target], panel.stops[:-1])
        ]
        names = [self.target, *(quantile_column(self.target, q) for q in quantiles)]
        return forecast_frame(history, panel, roles, np.stack(each), names)

    def score(self, history: Any, y: None = None) -> float:
        """Return minus the MASE of forecasts of the last `horizon` time steps of a history.

        Parameters
        ----------
        history : DataFrame of pandas or polars
            As in `fit`. The last `horizon` time steps are forecast from those before.
        y : None
            Ignored.

        Returns
        -------
        float
            The higher the better. The errors are scaled by the season of the frequency, whatever
            `season` is: so the scores of different seasons compare.

        Raises
        ------
        ValueError or TypeError
            If the frame is not valid, or has no time step before the last `horizon` ones.
        NotFittedError
            If `fit` was not called.
        """
        check_is_fitted(self)
        return score_last_steps(self, history)

    def _roles(self) -> Roles:
        return read_roles(self.target, self.time, series=self.series)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # a frame with text and dates
        return tags


def naive_quantiles(
    values: np.ndarray, season: int, horizon: int, quantiles: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Forecast one series.

    Parameters
    ----------
    values : ndarray of shape (T,)
        NaN is missing.
    season, horizon : int
        In time steps.
    quantiles : sequence of float

    Returns
    -------
    median : ndarray of shape (horizon,)
    forecasts : ndarray of shape (horizon, n_quantiles)
    """
    seasons_ahead = np.arange(horizon) // season
    median = _last_season(values, season)[np.arange(horizon) % season]
    of_errors = _quantiles_of_errors(values, season, int(seasons_ahead[-1]) + 1, quantiles)
    for j, quantile in enumerate(quantiles):
        bound = np.maximum if quantile > 0.5 else np.minimum
        of_errors[:, j] = 0 if quantile == 0.5 else bound(of_errors[:, j], 0)
    return median, median[:, np.newaxis] + of_errors[seasons_ahead]


def _last_season(values: np.ndarray, season: int) -> np.ndarray:
    """Return the last known value of each place in the season, of shape (season,)."""
    padding = np.full(-len(values) % season, np.nan)
    seasons = np.concatenate([padding, values]).reshape(-1, season)
    is_known = ~np.isnan(seasons)
    last = len(seasons) - 1 - np.argmax(is_known[::-1], axis=0)
    found = seasons[last, np.arange(season)]
    known = values[~np.isnan(values)]
    return np.where(np.isnan(found), known[-1] if len(known) else np.nan, found)


def _quantiles_of_errors(
    values: np.ndarray, season: int, n_blocks: int, quantiles: Sequence[float]
) -> np.ndarray:
    """Return quantiles of the errors 1, 2, … seasons ahead, of shape (n_blocks, n_quantiles)."""
    found = np.full((n_blocks, len(quantiles)), np.nan)
    source = 0  # the last block that has errors enough
    for block in range(n_blocks):
        lag = (block + 1) * season
        errors = values[lag:] - values[:-lag]
        errors = errors[~np.isnan(errors)]
        if len(errors) >= (1 if block == 0 else N_ERRORS):
            found[block], source = _quantiles(errors, quantiles), block
        else:
            found[block] = found[source] * np.sqrt((block + 1) / (source + 1))
    return found


def _quantiles(errors: np.ndarray, quantiles: Sequence[float]) -> np.ndarray:
    """Return what `numpy.quantile` does, in a seventh of its time for short series."""
    ranks = np.arange(len(errors))
    return np.interp(np.multiply(quantiles, len(errors) - 1), ranks, np.sort(errors))
