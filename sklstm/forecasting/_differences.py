"""`DifferencedRegressor`: learn the change from the last time step, instead of the level."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklstm._doc_link import DocLinkMixin
from sklstm._sklearn_compat import HasMethods, fit_context
from sklstm.input.containers import as_numbers
from sklstm.input.parse_y import read_numbers_as_shaped


class DifferencedRegressor(DocLinkMixin, RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Read windows relative to their last time step, and learn the change from there.

    The regressor sees ``X - last`` and learns ``y - last``, where `last` is the last time step of
    each window; `predict` adds it again [1]_. So the values of a series with a trend stay in the
    range of the training data, and a regressor that predicts 0 forecasts the last value.

    Parameters
    ----------
    regressor : estimator
        It is fitted on windows of the shape of X. It is cloned.

    Attributes
    ----------
    regressor_ : estimator
        Fitted on the changes.
    n_features_in_ : int
        Features per time step of a 3-D X, columns of a 2-D X.

    See Also
    --------
    sklstm.preprocessing.SlidingWindow : Makes the windows inside a Pipeline.

    Notes
    -----
    Where a series grows by per cent, changes grow with the level. Take logarithms first: a
    `FunctionTransformer` before the windows, and `TransformedTargetRegressor` around it all.

    References
    ----------
    .. [1] A. Zeng, M. Chen, L. Zhang, Q. Xu, "Are transformers effective for time series
       forecasting?", AAAI 2023, section "NLinear".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklstm import sliding_windows
    >>> from sklstm.forecasting import DifferencedRegressor
    >>> X, y = sliding_windows(np.arange(20.0), window=3)
    >>> model = DifferencedRegressor(LinearRegression()).fit(X[:, :, 0], y)
    >>> model.predict([[100.0, 101.0, 102.0]])
    array([103.])
    """

    _parameter_constraints: ClassVar[dict] = {"regressor": [HasMethods(["fit", "predict"])]}

    def __init__(self, regressor: BaseEstimator) -> None:
        self.regressor = regressor

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> Self:
        """Fit the regressor on the changes.

        Parameters
        ----------
        X : array of shape (n, T, F) or (n, T)
            Windows of T time steps; a 2-D X has one feature. Time steps that are missing are NaN,
            at the start of a window, as `SlidingWindow` makes them.
        y : array-like of shape (n,), (n, F) or (n, horizon, F)
            The values that are forecast: one for each feature, or `horizon` for each. Those of
            one feature may have the shape (n, horizon).

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X is neither 2-D nor 3-D or misses a last time step, or y has not the samples and
            the features of X.
        """
        X = _read_windows(X)
        y = read_numbers_as_shaped(y)
        check_consistent_length(X, y)
        n_features = X.shape[2] if X.ndim == 3 else 1
        n_in_y = y.shape[-1] if y.ndim > 1 else 1
        if not (n_in_y == n_features or (n_features == 1 and y.ndim == 2)):
            raise ValueError(
                f"y has shape {y.shape}, but windows of {n_features} feature(s) per time step need "
                f"shape (n, {n_features}) or (n, horizon, {n_features})."
            )
        self._n_dimensions, self._y_shape = X.ndim, y.shape[1:]
        self.n_features_in_ = X.shape[-1]
        self.regressor_ = clone(self.regressor).fit(_relative(X), y - _last_steps(X, y.ndim))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the change and add the last time step.

        Parameters
        ----------
        X : array of shape (n, T, F) or (n, T)
            Windows, with as many dimensions as in `fit`.

        Returns
        -------
        ndarray of shape (n,), (n, F) or (n, horizon, F)
            As the y of `fit`, and with one dimension more where the regressor predicts several
            quantiles.

        Raises
        ------
        ValueError
            If X is not valid, or has other dimensions or features than in `fit`.
        """
        check_is_fitted(self)
        X = _read_windows(X)
        if X.ndim != self._n_dimensions or X.shape[-1] != self.n_features_in_:
            raise ValueError(
                f"X has shape {X.shape}, but {type(self).__name__} was fitted on an X of "
                f"{self._n_dimensions} dimensions and {self.n_features_in_} features."
            )
        changes = self.regressor_.predict(_relative(X))
        changes = np.reshape(changes, (len(X), *self._y_shape, -1))  # the last axis: quantiles
        predicted = changes + _last_steps(X, changes.ndim - 1)[..., np.newaxis]
        return predicted[..., 0] if predicted.shape[-1] == 1 else predicted

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.three_d_array = True
        return tags


def _read_windows(X: Any) -> np.ndarray:
    if isinstance(X, np.ma.MaskedArray):
        X = as_numbers(X, "X", str)  # what is masked is NaN
    X = check_array(X, allow_nd=True, dtype=np.float64, ensure_all_finite="allow-nan")
    if X.ndim > 3 or 0 in X.shape:
        raise ValueError(f"X has shape {X.shape}: valid are (n, T, F) and (n, T), none of them 0.")
    if (missing := np.isnan(X[:, -1]).reshape(len(X), -1).any(axis=1)).any():
        raise ValueError(
            f"The last time step of window {np.flatnonzero(missing)[0]} of X is NaN: windows may "
            "be padded at the start only."
        )
    return X


def _relative(X: np.ndarray) -> np.ndarray:
    return X - X[:, -1:]


def _last_steps(X: np.ndarray, n_dimensions: int) -> np.ndarray:
    """Return the last time steps, (n, F), as (n,) or (n, 1, F) where y has such dimensions."""
    last = X[:, -1].reshape(len(X), -1)
    return (
        last[:, 0] if n_dimensions == 1 else np.expand_dims(last, tuple(range(1, n_dimensions - 1)))
    )
