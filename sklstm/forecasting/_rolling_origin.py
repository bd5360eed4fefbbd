"""`RollingOrigin`: cross-validation of forecasters, on later and later time steps."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from sklstm._sklearn_compat import Interval, validate_parameter_constraints
from sklstm.forecasting._origins import rolling_origins, time_positions

COUNT = Interval(Integral, 1, None, closed="left")


class RollingOrigin(BaseCrossValidator):
    """Split a long frame at origins in time, for the cross-validation of forecasters.

    A forecaster is fitted on the rows up to an origin. The rows that test it are the same rows
    **and** those of the next `horizon` time steps: its ``score`` forecasts the last `horizon` time
    steps of what it is given, from those before. So the training rows are part of the test rows,
    as the history of the forecasts, and only later rows are scored [1]_.

    Parameters
    ----------
    n_splits : int, default=3
        How many origins. The last one is `horizon` time steps before the end of the frame.
    horizon : int, default=1
        How many time steps are forecast: the `horizon` of the forecaster.
    step : int, default=None
        Distance of two origins, in time steps; None is `horizon`, so that no time step is
        forecast twice.
    time : str, default="time"
        Column of the time steps: dates, periods or numbers, at equal distances. All series are
        split at the same times.
    max_train_steps : int, default=None
        How many time steps up to the origin are trained on; None is all.
    frequency : str, int, float or None, default=None
        The distance of two time steps, as an alias of pandas ("h", "D", "MS") or a number; None
        infers it. A time step that no series has counts as one.

    See Also
    --------
    backtest : Forecasts and metrics from rolling origins, beside the seasonal naive forecast.
    sklearn.model_selection.TimeSeriesSplit : Splits rows, for a table of one series.

    References
    ----------
    .. [1] L. J. Tashman, "Out-of-sample tests of forecasting accuracy: an analysis and review",
       International Journal of Forecasting 16, 2000.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklstm.forecasting import RollingOrigin, SeasonalNaiveForecaster
    >>> frame = pd.DataFrame({"shop": ["a"] * 5 + ["b"] * 5, "time": [1, 2, 3, 4, 5] * 2})
    >>> cv = RollingOrigin(n_splits=2)
    >>> for train, test in cv.split(frame):
    ...     print(train, test)
    [0 1 2 5 6 7] [0 1 2 3 5 6 7 8]
    [0 1 2 3 5 6 7 8] [0 1 2 3 4 5 6 7 8 9]
    >>> frame["y"] = [1, 4, 1, 4, 1, 30, 60, 30, 60, 30]
    >>> forecaster = SeasonalNaiveForecaster(series="shop")
    >>> GridSearchCV(forecaster, {"season": [1, 2]}, cv=cv).fit(frame).best_params_
    {'season': 2}
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_splits": [COUNT],
        "horizon": [COUNT],
        "step": [COUNT, None],
        "time": [str],
        "max_train_steps": [COUNT, None],
        "frequency": [str, Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(
        self,
        n_splits: int = 3,
        horizon: int = 1,
        step: int | None = None,
        time: str = "time",
        max_train_steps: int | None = None,
        frequency: str | float | None = None,
    ) -> None:
        self.n_splits = n_splits
        self.horizon = horizon
        self.step = step
        self.time = time
        self.max_train_steps = max_train_steps
        self.frequency = frequency

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each split, the earliest origin first.

        Parameters
        ----------
        X : DataFrame of pandas or polars
            One row for each series and time step, in any order.
        y, groups : None
            Ignored.

        Yields
        ------
        train : ndarray of int
            The rows up to the origin, in the order of the frame.
        test : ndarray of int
            These rows and those of the next `horizon` time steps.

        Raises
        ------
        ValueError or TypeError
            If a parameter or the frame is not valid, or it has too few time steps.
        """
        validate_parameter_constraints(
            self._parameter_constraints, vars(self), caller_name=type(self).__name__
        )
        positions = time_positions(X, self.time, "X", self.frequency)
        step = self.horizon if self.step is None else self.step
        n_steps = int(positions.max()) + 1
        for origin in rolling_origins(n_steps, self.n_splits, self.horizon, step, "n_splits"):
            first = 0 if self.max_train_steps is None else origin + 1 - self.max_train_steps
            train = np.flatnonzero((first <= positions) & (positions <= origin))
            yield train, np.flatnonzero(positions <= origin + self.horizon)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : None
            Ignored.

        Returns
        -------
        int
        """
        return self.n_splits
