"""`SlidingWindow` and `sliding_windows`: windows of a series."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import FLOAT_DTYPES, check_is_fitted, validate_data

from sklstm._sklearn_compat import Interval, fit_context, validate_params
from sklstm.input.containers import is_frame
from sklstm.preprocessing._base import SequenceOutputMixin
from sklstm.preprocessing._read_sequences import check_n_features, read_sequences
from sklstm.preprocessing._read_series import check_finite, read_series

CHECK_ARRAY_OPTIONS = {"dtype": FLOAT_DTYPES, "ensure_all_finite": False}
POSITIVE = [Interval(Integral, 1, None, closed="left")]


class SlidingWindow(SequenceOutputMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Give each row of a series the window of rows that ends with it.

    Rows are time steps, in order. There are as many windows as rows, so that a Pipeline can hold
    this transformer; the past that the first windows lack is NaN, which the estimators of this
    package read as "no such time step".

    Parameters
    ----------
    window : int, default=10
        Time steps (rows) of a window.

    Attributes
    ----------
    n_features_in_ : int
        Columns of the series.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X is a DataFrame with string names.

    See Also
    --------
    sliding_windows : Only windows without missing past, and the targets that follow them.

    Notes
    -----
    The window of row t includes row t. To forecast the next row, X is ``series[:-1]`` and y is
    ``series[1:]``. A window holds the rows before its own: where a series is split, the first
    windows of the second part lack their past. Split with `TimeSeriesSplit`, without shuffling.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm.preprocessing import SlidingWindow
    >>> series = np.array([[1.0], [2.0], [3.0]])
    >>> windows = SlidingWindow(window=2).fit_transform(series)
    >>> windows.shape
    (3, 2, 1)
    >>> windows[:, :, 0]
    array([[nan,  1.],
           [ 1.,  2.],
           [ 2.,  3.]])
    """

    _parameter_constraints: ClassVar[dict] = {"window": POSITIVE}

    def __init__(self, window: int = 10) -> None:
        self.window = window

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the number of features.

        Parameters
        ----------
        X : array or DataFrame of shape (n, F)
            A series of n time steps.
        y : None
            Ignored.

        Returns
        -------
        self : SlidingWindow

        Raises
        ------
        ValueError
            If X is not 2-D, empty, not numeric, or contains NaN or infinity, or its index of times
            or numbers is not in order.
        """
        self._read(X, reset=True)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Make the windows.

        Parameters
        ----------
        X : array or DataFrame of shape (n, F)
            A series of n time steps.

        Returns
        -------
        windows : ndarray of shape (n, window, F), float32 or float64
            Row t is ``X[t - window + 1 : t + 1]``, NaN where that is before the start. A read-only
            view: windows share their memory.

        Raises
        ------
        ValueError
            As in `fit`, and if X has another number of features.
        """
        check_is_fitted(self)
        series = self._read(X, reset=False)
        window = int(self.window)  # small integers of numpy overflow
        past = np.full((window - 1, series.shape[1]), np.nan, series.dtype)
        return _window_views(np.concatenate([past, series]), window)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Read the series back: the last row of each window.

        Parameters
        ----------
        X : array of shape (n, T, F)

        Returns
        -------
        series : ndarray of shape (n, F)

        Raises
        ------
        ValueError
            If X is not 3-D, empty, infinite, or has another number of features.
        """
        check_is_fitted(self)
        steps = read_sequences(X)
        check_n_features(self, steps, self.n_features_in_)
        return steps.values[steps.offsets[1:] - 1]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _read(self, X: Any, *, reset: bool) -> np.ndarray:
        series = read_series(X, "X")
        if is_frame(X):  # its names
            validate_data(self, X, reset=reset, skip_check_array=True)
            series = check_array(series, estimator=self, **CHECK_ARRAY_OPTIONS)
        else:
            series = validate_data(self, series, reset=reset, **CHECK_ARRAY_OPTIONS)
        check_finite(series, X, "X")
        return series


@validate_params(
    {
        "series": ["array-like"],
        "window": POSITIVE,
        "horizon": POSITIVE,
        "stride": POSITIVE,
    },
    prefer_skip_nested_validation=True,
)
def sliding_windows(
    series: Any, window: int, horizon: int = 1, stride: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a series into windows and the values that follow them.

    The targets of a window start after its end, so nothing of them leaks into it.

    Parameters
    ----------
    series : array-like of shape (n,) or (n, F), Series or DataFrame
        n time steps, in order. A series of shape (n,) has one feature.
    window : int
        Time steps of a window.
    horizon : int, default=1
        Time steps to forecast.
    stride : int, default=1
        Time steps from the start of one window to the start of the next.

    Returns
    -------
    X : ndarray of shape (m, window, F)
        Window i is ``series[i * stride : i * stride + window]``;
        ``m = (n - window - horizon) // stride + 1``.
    y : ndarray of shape (m, horizon, F), less the axes of size 1
        The `horizon` time steps after each window: of shape (m,) for ``horizon=1`` and one
        feature, (m, horizon) for one feature, (m, F) for ``horizon=1``. `LSTMRegressor` takes all
        of them; a regressor that takes no third axis takes ``y.reshape(len(y), -1)``. Both arrays
        are read-only views of the series, in its dtype: copy before you write.

    Raises
    ------
    ValueError
        If `series` is neither 1-D nor 2-D, not numeric or too short for one window, or its index
        of times or numbers is not in order, or `window`, `horizon` or `stride` is below 1.

    See Also
    --------
    SlidingWindow : The same in a Pipeline, a window per row.

    Examples
    --------
    >>> from sklstm.preprocessing import sliding_windows
    >>> X, y = sliding_windows([1, 2, 3, 4, 5], window=3)
    >>> X[:, :, 0]
    array([[1, 2, 3],
           [2, 3, 4]])
    >>> y
    array([4, 5])
    """
    window, horizon, stride = int(window), int(horizon), int(stride)  # numpy's may overflow
    series = check_array(
        read_series(series, "series"),
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite=False,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name="series",
    )
    if series.ndim not in (1, 2) or 0 in series.shape[1:]:
        raise ValueError(f"series has shape {series.shape}: valid are (n,) and (n, F).")
    if len(series) < window + horizon:
        raise ValueError(
            f"series has {len(series)} time steps, too few for one window of window={window} "
            f"and horizon={horizon}: at least {window + horizon} are needed."
        )
    whole = _window_views(series.reshape(len(series), -1), window + horizon)[::stride]
    return whole[:, :window], _drop_axes_of_one(whole[:, window:])


def _window_views(series: np.ndarray, length: int) -> np.ndarray:
    """Return all windows of a series of shape (n, F) as a view, (n - length + 1, length, F)."""
    windows = np.lib.stride_tricks.sliding_window_view(series, length, axis=0)
    return windows.swapaxes(1, 2)


def _drop_axes_of_one(targets: np.ndarray) -> np.ndarray:
    return np.squeeze(targets, axis=tuple(a for a in (1, 2) if targets.shape[a] == 1))
