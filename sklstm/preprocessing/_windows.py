"""`SlidingWindow` and `sliding_windows`: windows of one series or of several."""

from __future__ import annotations

import warnings
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
from sklstm.preprocessing._read_series import check_finite, read_numbers, read_series
from sklstm.preprocessing._series_rows import BY_CONSTRAINT, By, SeriesRows, split_by_series

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
    by : str, int or sequence of them, default=None
        The columns that tell which series a row belongs to, by name or position (or levels of the
        index of pandas, by name). A window holds rows of one series only. The rows of a series are
        in the order of time; those of other series may lie between them. These columns may hold
        text, and are left out of the windows. None reads one series.

    Attributes
    ----------
    n_features_in_ : int
        Columns of the table, those of `by` included.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X is a DataFrame with string names.

    See Also
    --------
    sliding_windows : Only windows without missing past, and the targets that follow them.
    FillGaps : Fills what is missing in a series, which windows must not lack.

    Notes
    -----
    The window of row t includes row t. To forecast the next row, X is ``series[:-1]`` and y is
    ``series[1:]``; with several series, y is the next row of the same series, as
    ``frame.groupby(by)[target].shift(-1)`` makes it, and the last row of each is left out. A
    window holds the rows before its own: where a series is split, the first windows of the second
    part lack their past. Split with `TimeSeriesSplit`, without shuffling; rows of several series
    are sorted by time for that.

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

    Two shops, the second column, day by day:

    >>> sales = np.array([[1.0, 7], [10.0, 8], [2.0, 7], [20.0, 8]])
    >>> SlidingWindow(window=2, by=1).fit_transform(sales)[:, :, 0]
    array([[nan,  1.],
           [nan, 10.],
           [ 1.,  2.],
           [10., 20.]])
    """

    _parameter_constraints: ClassVar[dict] = {"window": POSITIVE, "by": BY_CONSTRAINT}

    def __init__(self, window: int = 10, *, by: By = None) -> None:
        self.window = window
        self.by = by

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the number of features.

        Parameters
        ----------
        X : array or DataFrame of shape (n, n_columns)
            A row for each time step of a series, or of each series.
        y : None
            Ignored.

        Returns
        -------
        self : SlidingWindow

        Raises
        ------
        ValueError
            If X is not 2-D, empty, not numeric (but for the columns of `by`), or contains NaN or
            infinity, its index of times or numbers is not in order, or it lacks a column of `by`.
        """
        self._read(X, reset=True)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Make the windows.

        Parameters
        ----------
        X : array or DataFrame of shape (n, n_columns)
            A row for each time step of a series, or of each series.

        Returns
        -------
        windows : ndarray of shape (n, window, F), float32 or float64
            Window t ends with row t of X, and holds the rows before it in its series; before the
            start of the series it is NaN. F is the number of columns without those of `by`. For
            one series, a read-only view, as windows share their memory.

        Raises
        ------
        ValueError
            As in `fit`, and if X has other columns.
        """
        check_is_fitted(self)
        series, rows = self._read(X, reset=False)
        window = int(self.window)  # small integers of numpy overflow
        past = window - 1
        n_series = len(rows.labels)
        padded = np.full((len(series) + n_series * past, series.shape[1]), np.nan, series.dtype)
        number = np.repeat(np.arange(n_series), rows.lengths)  # of the series of each row
        starts = np.arange(len(series)) + number * past  # of the window of each row, in `padded`
        padded[starts + past] = series[rows.order]
        windows = _window_views(padded, window)
        return windows if n_series == 1 else windows[starts[np.argsort(rows.order)]]

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Read the rows back: the last one of each window.

        Parameters
        ----------
        X : array of shape (n, T, F)

        Returns
        -------
        series : ndarray of shape (n, F)
            Without the columns of `by`.

        Raises
        ------
        ValueError
            If X is not 3-D, empty, infinite, or has another number of features.
        """
        check_is_fitted(self)
        steps = read_sequences(X)
        check_n_features(self, steps, len(self._kept))
        return steps.values[steps.offsets[1:] - 1]

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Get the names of the features (the last axis of the output).

        Parameters
        ----------
        input_features : array-like of str of shape (`n_features_in_`,), default=None
            Names of the columns of X, where `fit` saw none.

        Returns
        -------
        feature_names_out : ndarray of shape (F,), dtype object
            The names of the columns without those of `by`.
        """
        names = super().get_feature_names_out(input_features)
        return names[self._kept]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _read(self, X: Any, *, reset: bool) -> tuple[np.ndarray, SeriesRows]:
        """Read the numbers of X, of shape (n, F), and which series their rows belong to."""
        if self.by is None:
            rows, kept, series = None, None, read_series(X, "X")
        else:
            table, rows, kept = split_by_series(X, self.by, "X")
            series = read_numbers(table, "X")
        if is_frame(X) or rows is not None:  # its names, or its columns that hold no numbers
            validate_data(self, X, reset=reset, skip_check_array=True)
            series = check_array(series, estimator=self, **CHECK_ARRAY_OPTIONS)
        else:
            series = validate_data(self, series, reset=reset, **CHECK_ARRAY_OPTIONS)
        check_finite(series, X if rows is None else table, "X")
        if reset:
            self._kept = list(range(series.shape[1])) if kept is None else kept
        return series, rows or SeriesRows.of_one_series(len(series))


@validate_params(
    {
        "series": ["array-like"],
        "window": POSITIVE,
        "horizon": POSITIVE,
        "stride": POSITIVE,
        "by": BY_CONSTRAINT,
        "return_rows": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def sliding_windows(
    series: Any,
    window: int,
    horizon: int = 1,
    stride: int = 1,
    *,
    by: By = None,
    return_rows: bool = False,
) -> tuple[np.ndarray, ...]:
    """Cut a series, or each of several, into windows and the values that follow them.

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
    by : str, int or sequence of them, default=None
        The columns that tell which series a row belongs to, as in `SlidingWindow`: a window and
        its targets are rows of one series. None reads one series.
    return_rows : bool, default=False
        Whether to return also where each window ends.

    Returns
    -------
    X : ndarray of shape (m, window, F)
        Window i is ``series[i * stride : i * stride + window]``;
        ``m = (n - window - horizon) // stride + 1``. With `by`, the windows of the first series,
        then those of the second, and so on.
    y : ndarray of shape (m, horizon, F), less the axes of size 1
        The `horizon` time steps after each window: of shape (m,) for ``horizon=1`` and one
        feature, (m, horizon) for one feature, (m, F) for ``horizon=1``. `LSTMRegressor` takes all
        of them; a regressor that takes no third axis takes ``y.reshape(len(y), -1)``. X and y
        are read-only views of the series, in its dtype: copy before you write. Those of several
        series are copies.
    rows : ndarray of shape (m,)
        Only if `return_rows`: the number of the row of `series` that is the last of each window,
        which tells the series and the time of a window: ``frame["shop"].iloc[rows]``.

    Raises
    ------
    ValueError
        If `series` is neither 1-D nor 2-D, not numeric or too short for one window, or its index
        of times or numbers is not in order, it lacks a column of `by`, or `window`, `horizon` or
        `stride` is below 1.

    Warns
    -----
    UserWarning
        If some of several series are too short for a window.

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
    if by is None:
        table, rows = read_series(series, "series"), None
    else:
        rest, rows, _ = split_by_series(series, by, "series")
        table = read_numbers(rest, "series")
    values = check_array(
        table,
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite=False,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name="series",
    )
    if values.ndim not in (1, 2) or 0 in values.shape[1:]:
        raise ValueError(f"series has shape {values.shape}: valid are (n,) and (n, F).")
    rows = rows or SeriesRows.of_one_series(len(values))
    starts = _starts_of_windows(rows, window, horizon, stride)
    values = values.reshape(len(values), -1)
    if len(rows.labels) == 1:
        whole = _window_views(values, window + horizon)[::stride]
    else:
        whole = _window_views(values[rows.order], window + horizon)[starts]
    found = whole[:, :window], _drop_axes_of_one(whole[:, window:])
    return (*found, rows.order[starts + window - 1]) if return_rows else found


def _starts_of_windows(rows: SeriesRows, window: int, horizon: int, stride: int) -> np.ndarray:
    """Return where in the rows, sorted by series, each window starts.

    Raises
    ------
    ValueError
        If no series is long enough.
    """
    needed = window + horizon
    too_short = np.flatnonzero(rows.lengths < needed)
    needs = f"window={window} and horizon={horizon}: at least {needed} are needed"
    if len(rows.labels) == 1 and len(too_short):
        raise ValueError(
            f"series has {rows.lengths[0]} time steps, too few for one window of {needs}."
        )
    if len(too_short):
        first = f"{rows.labels[too_short[0]]!r} has {rows.lengths[too_short[0]]} time step(s)"
        what = (
            f"{len(too_short)} of {len(rows.labels)} series are too short for a window of {needs}"
        )
        if len(too_short) == len(rows.labels):
            raise ValueError(f"{what}. The first of them, {first}.")
        warnings.warn(
            f"{what}, and have none. The first of them, {first}.", UserWarning, stacklevel=4
        )
    bounds = zip(rows.offsets[:-1], rows.offsets[1:], strict=True)
    return np.concatenate([np.arange(a, b - needed + 1, stride) for a, b in bounds])


def _window_views(series: np.ndarray, length: int) -> np.ndarray:
    """Return all windows of a series of shape (n, F) as a view, (n - length + 1, length, F)."""
    windows = np.lib.stride_tricks.sliding_window_view(series, length, axis=0)
    return windows.swapaxes(1, 2)


def _drop_axes_of_one(targets: np.ndarray) -> np.ndarray:
    return np.squeeze(targets, axis=tuple(a for a in (1, 2) if targets.shape[a] == 1))
