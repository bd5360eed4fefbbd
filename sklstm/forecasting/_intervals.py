"""`ConformalQuantileRegressor`: prediction intervals from quantiles, calibrated on later rows."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, check_array, get_tags
from sklearn.utils.validation import check_is_fitted

from sklstm._doc_link import DocLinkMixin
from sklstm._regressor import LSTMRegressor
from sklstm._sklearn_compat import (
    HasMethods,
    Interval,
    fit_context,
    num_samples,
    safe_indexing,
    validate_params,
)
from sklstm._targets import as_columns
from sklstm.forecasting._differences import DifferencedRegressor
from sklstm.preprocessing._read_series import check_finite, read_numbers
from sklstm.preprocessing._time_index import check_time_order


class ConformalQuantileRegressor(DocLinkMixin, RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Prediction intervals that contain the next value with a chosen probability.

    A quantile regressor learns the median and the two ends of the interval. To calibrate them,
    it is fitted on the earlier rows first, and the last rows, which it has not seen, measure by
    how much its intervals miss. All intervals are widened (or narrowed) by that amount.

    Parameters
    ----------
    estimator : estimator
        With one parameter `quantile` somewhere in it, such as a Pipeline that ends with
        ``LSTMRegressor(loss="quantile")``, or scikit-learn's `QuantileRegressor`. It is cloned.
    coverage : float in (0, 1), default=0.8
        Share of the values that the intervals are to contain.
    calibration_fraction : float in (0, 1), default=0.25
        Share of the rows, taken from the end, that calibrate the intervals.
    adaptation_rate : float, default=0.05
        How fast `rolling_interval` adapts to values outside (or inside) their intervals: the
        gamma of [2]_. 0 does not adapt.

    Attributes
    ----------
    quantiles_ : ndarray of shape (3,)
        ``(1 - coverage) / 2``, 0.5 and ``(1 + coverage) / 2``.
    estimators_ : list of estimators
        Fitted on all rows: one for each of `quantiles_`, or a single one that predicts all three.
    scores_ : ndarray of shape (n_calibration,) or (n_calibration, horizon)
        Distance by which the y of each calibration row lies outside its interval, in units of y;
        negative for a y inside it.
    margin_ : float or ndarray of shape (horizon,)
        What `predict_interval` widens the intervals by, in units of y.
    n_features_in_ : int
        That of the estimator, where it has one.

    See Also
    --------
    sklstm.LSTMRegressor : Has ``loss="quantile"``.

    Notes
    -----
    Rows are time steps, in order: nothing is shuffled. If rows were exchangeable and the
    estimator were not fitted again on all rows, the coverage would be guaranteed [1]_. A
    series drifts, and `rolling_interval` adapts to the coverage that it observes [2]_.

    An `LSTMRegressor` learns all three quantiles at once, also at the end of a Pipeline, in a
    `DifferencedRegressor`, or in a `TransformedTargetRegressor` with a `func` and a y of one
    column: it is fitted twice, once for the calibration and once on all rows. Any other
    estimator is fitted five times, for one quantile each: two for the calibration and three on
    all rows.

    References
    ----------
    .. [1] Y. Romano, E. Patterson, E. Candès, "Conformalized quantile regression", NeurIPS 2019.
    .. [2] I. Gibbs, E. Candès, "Adaptive conformal inference under distribution shift", NeurIPS
       2021.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import QuantileRegressor
    >>> from sklstm.forecasting import ConformalQuantileRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(500, 1))
    >>> y = X[:, 0] * rng.normal(size=500)
    >>> model = ConformalQuantileRegressor(QuantileRegressor(alpha=0)).fit(X[:400], y[:400])
    >>> lower, upper = model.rolling_interval(X[400:], y[400:]).T
    >>> inside = (lower <= y[400:]) & (y[400:] <= upper)
    >>> bool(0.7 < inside.mean() < 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict", "get_params", "set_params"])],
        "coverage": [Interval(Real, 0, 1, closed="neither")],
        "calibration_fraction": [Interval(Real, 0, 1, closed="neither")],
        "adaptation_rate": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        *,
        coverage: float = 0.8,
        calibration_fraction: float = 0.25,
        adaptation_rate: float = 0.05,
    ) -> None:
        self.estimator = estimator
        self.coverage = coverage
        self.calibration_fraction = calibration_fraction
        self.adaptation_rate = adaptation_rate

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> Self:
        """Measure the margin on the last rows, then fit on all.

        Parameters
        ----------
        X : whatever the estimator takes, n rows
            In the order of time.
        y : array-like of shape (n,) or (n, horizon)
            What follows each row: the next value, or several, each with a margin of its own. A
            single column is read as shape (n,).

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or y is not valid, X or y has an index of dates that is not in order,
            the estimator has no `quantile` or another loss, or too few rows are left to fit on;
            and whatever the estimator raises.
        """
        y = _read_values(X, y)
        check_finite(y, y, "y")
        name = _quantile_parameter(self.estimator)
        n_train = len(y) - int(np.ceil(self.calibration_fraction * len(y)))
        if n_train < 1 or num_samples(X) != len(y):
            raise ValueError(
                f"X has {num_samples(X)} and y {len(y)} row(s): valid are equal numbers, of which "
                f"calibration_fraction={self.calibration_fraction} leaves some to fit on."
            )
        tail = (1 - self.coverage) / 2
        self.quantiles_ = np.array([tail, 0.5, 1 - tail])
        self._y_shape = y.shape[1:]
        earlier = safe_indexing(X, slice(n_train)), y[:n_train]
        at_once = _learns_several(self.estimator, y)
        ends = self.quantiles_ if at_once else self.quantiles_[[0, -1]]  # the median is not needed
        calibrating = self._fit_quantiles(name, ends, *earlier, at_once=at_once)
        self.scores_ = _scores(self._ends(calibrating, X)[n_train:], y[n_train:])
        self.margin_ = _margin(self.scores_, 1 - self.coverage)
        self.estimators_ = self._fit_quantiles(name, self.quantiles_, X, y, at_once=at_once)
        if hasattr(self.estimators_[0], "n_features_in_"):
            self.n_features_in_ = self.estimators_[0].n_features_in_
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the median.

        Parameters
        ----------
        X : whatever the estimator takes, n rows

        Returns
        -------
        ndarray of shape (n,) or (n, horizon)
        """
        check_is_fitted(self)
        middle = self.estimators_[len(self.estimators_) // 2 :][:1]
        predicted = self._predict_quantiles(middle, X)
        return predicted[..., predicted.shape[-1] // 2]

    def predict_interval(self, X: Any) -> np.ndarray:
        """Predict intervals, as calibrated in `fit`.

        Parameters
        ----------
        X : whatever the estimator takes, n rows

        Returns
        -------
        ndarray of shape (n, 2) or (n, horizon, 2), float64
            The lower and the upper end, in units of y.
        """
        check_is_fitted(self)
        return _widen(self._ends(self.estimators_, X), self.margin_)

    @validate_params(
        {
            "X": "no_validation",
            "y": ["array-like"],
            "horizon": [Interval(Integral, 1, None, closed="left"), "array-like"],
        },
        prefer_skip_nested_validation=True,
    )
    def rolling_interval(self, X: Any, y: Any, *, horizon: int | Sequence[int] = 1) -> np.ndarray:
        """Predict intervals one after another, each calibrated on the values before it.

        The margin is taken from the errors of the latest rows, as many as the calibration had.
        After a value outside its interval the next intervals aim at a higher coverage, after a
        value inside it at a slightly lower one. The estimator itself does not change.

        Parameters
        ----------
        X : whatever the estimator takes, at least n rows
            In the order of time, after those of `fit`. Rows before the last n get no interval; with
            a `SlidingWindow` they fill the first windows.
        y : array-like of shape (n,) or (n, n_columns)
            The true values of the last n rows of X. The interval of row t is calibrated on those
            up to row t - `horizon`. NaN is a value that is not known, and is left out.
        horizon : int or sequence of int, default=1
            How many time steps after row t its y is known, of each column; an int is that of the
            first column, and each further column is known one time step later.

        Returns
        -------
        ndarray of shape (n, 2) or (n, n_columns, 2), float64
            The lower and the upper end, in units of y.

        Raises
        ------
        ValueError
            If y has more rows than X, other columns than in `fit`, is not numeric or infinite, X
            or y has an index of dates that is not in order, or `horizon` is not valid.
        """
        check_is_fitted(self)
        y = _read_values(X, y)
        if not 0 < len(y) <= num_samples(X):
            raise ValueError(f"y has {len(y)} row(s): valid are 1 to {num_samples(X)}, as X has.")
        if y.shape[1:] != self._y_shape:
            raise ValueError(
                f"y has {_columns(y.shape[1:])}, but {_columns(self._y_shape)} in fit."
            )
        ends = self._ends(self.estimators_, X)[-len(y) :]
        scores = _scores(ends, y)
        horizons = _checked_horizons(horizon, as_columns(y).shape[1])
        margins = [
            _rolling_margins(known, new, 1 - self.coverage, self.adaptation_rate, steps)
            for known, new, steps in zip(
                as_columns(self.scores_).T, as_columns(scores).T, horizons, strict=True
            )
        ]
        return _widen(ends, np.stack(margins, axis=-1).reshape(y.shape))

    def _fit_quantiles(
        self, name: str, quantiles: np.ndarray, X: Any, y: np.ndarray, *, at_once: bool
    ) -> list[Any]:
        """Fit one copy of the estimator for all quantiles, or one for each."""
        values = [quantiles.tolist()] if at_once else quantiles.tolist()
        return [clone(self.estimator).set_params(**{name: value}).fit(X, y) for value in values]

    def _predict_quantiles(self, estimators: list[Any], X: Any) -> np.ndarray:
        """Predict by each of the estimators; the last axis is that of the quantiles."""
        each = (np.asarray(estimator.predict(X)) for estimator in estimators)
        return np.concatenate(
            [np.reshape(one, (len(one), *self._y_shape, -1)) for one in each], axis=-1
        )

    def _ends(self, estimators: list[Any], X: Any) -> np.ndarray:
        """Predict both ends, on the last axis; ends that cross are put in order."""
        ends = [estimators[0], estimators[-1]] if len(estimators) > 1 else estimators
        return np.sort(self._predict_quantiles(ends, X)[..., [0, -1]], axis=-1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _read_values(X: Any, y: Any) -> np.ndarray:
    """Read y, which may hold NaN, and check that the rows of X and y are in the order of time."""
    for rows, name in ((X, "X"), (y, "y")):
        check_time_order(rows, name, dates_only=True, strictly=False)
    y = check_array(
        read_numbers(y, "y"),
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite="allow-nan",
        input_name="y",
    )
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _columns(shape: tuple[int, ...]) -> str:
    return f"{shape[0] if shape else 1} column(s)"


def _checked_horizons(horizon: int | Sequence[int], n_columns: int) -> list[int]:
    """Return how many steps after a row each of its columns is known."""
    if isinstance(horizon, Integral):
        return [int(horizon) + column for column in range(n_columns)]
    horizons = list(horizon)
    are_valid = all(isinstance(each, Integral) and each >= 1 for each in horizons)
    if not are_valid or len(horizons) != n_columns:
        raise ValueError(
            f"horizon={horizon!r} is not valid: give an int of 1 or more, or one for each of "
            f"{n_columns} column(s) of y."
        )
    return [int(each) for each in horizons]


def _learns_several(estimator: BaseEstimator, y: np.ndarray) -> bool:
    """Whether an estimator learns several quantiles at once: an `LSTMRegressor`, or one wrapped."""
    if isinstance(estimator, Pipeline):
        return _learns_several(estimator.steps[-1][1], y)
    if isinstance(estimator, DifferencedRegressor):
        return _learns_several(estimator.regressor, y)
    if isinstance(estimator, TransformedTargetRegressor):  # which takes two dimensions at most
        goes_through = estimator.transformer is None and y.ndim == 1
        return goes_through and _learns_several(estimator.regressor, y)
    return isinstance(estimator, LSTMRegressor)


def _quantile_parameter(estimator: BaseEstimator) -> str:
    """Return the name of the one parameter that is the quantile."""
    parameters = estimator.get_params()
    names = [name for name in parameters if name.rpartition("__")[2] == "quantile"]
    if len(names) != 1:
        raise ValueError(
            f"{type(estimator).__name__} has {len(names)} parameters named quantile {names}: "
            "valid is an estimator with one, such as LSTMRegressor(loss='quantile')."
        )
    loss = parameters.get(names[0].removesuffix("quantile") + "loss", "quantile")
    if loss != "quantile":
        raise ValueError(f"The estimator has loss={loss!r}: intervals need loss='quantile'.")
    return names[0]


def _scores(ends: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the distance by which y lies outside its interval, negative inside."""
    return np.maximum(ends[..., 0] - y, y - ends[..., 1])


def _margin(scores: np.ndarray, miss_rate: float) -> float | np.ndarray:
    """Return the margin, for each column, that a share of `miss_rate` of next values exceeds."""
    level = (1 - miss_rate) * (1 + 1 / len(scores))  # the next value counts as one of them
    margins = np.quantile(scores, np.clip(level, 0, 1), axis=0, method="inverted_cdf")
    return float(margins) if scores.ndim == 1 else margins


def _rolling_margins(
    known: np.ndarray, scores: np.ndarray, miss_rate: float, rate: float, horizon: int
) -> np.ndarray:
    """Return a margin for each row, from the scores of the rows up to `horizon` before it."""
    all_scores = np.concatenate([known, scores])
    all_scores = all_scores[~np.isnan(all_scores)]
    # (n + 1,) of how many scores there are before each row
    n_before = len(all_scores) - np.count_nonzero(~np.isnan(scores))
    n_before = n_before + np.concatenate([[0], np.cumsum(~np.isnan(scores))])
    margins = np.empty(len(scores))
    target_rate = miss_rate
    for t in range(len(scores)):
        latest = t - horizon
        if latest >= 0 and not np.isnan(scores[latest]):
            target_rate += rate * (miss_rate - (scores[latest] > margins[latest]))
        stop = n_before[max(0, latest + 1)]
        margins[t] = _margin(all_scores[stop - len(known) : stop], target_rate)
    return margins


def _widen(ends: np.ndarray, margin: float | np.ndarray) -> np.ndarray:
    """Move both ends outwards by the margin, or inwards up to the middle."""
    middle = ends.mean(axis=-1)
    half = np.maximum(0, (ends[..., 1] - ends[..., 0]) / 2 + margin)
    return np.stack([middle - half, middle + half], axis=-1)
