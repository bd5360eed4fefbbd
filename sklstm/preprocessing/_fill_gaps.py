"""`FillGaps`: fills what is missing in sequences, and tells the network what was missing."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.input.containers import is_frame
from sklstm.preprocessing._base import SequenceOutputMixin
from sklstm.preprocessing._gaps import fill_forward, fill_linear
from sklstm.preprocessing._series_rows import BY_CONSTRAINT, By, Column, column_at, position_of
from sklstm.preprocessing._step_columns import (
    StepColumns,
    as_text,
    is_text,
    read_step_columns,
    read_times_of,
    typical_values,
)
from sklstm.preprocessing._step_tables import StepTable, give_back, read_step_table

METHODS = {"forward", "linear", "mean"}
Method = str | float


class FillGaps(SequenceOutputMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Fill what is missing inside sequences: single values, and whole time steps.

    NaN, None, NA and masked values are missing. A time step of which everything is missing is a
    gap inside a sequence, and is filled. At the start or the end of a sequence it is padding, "no
    such time step", and stays. With `add_mask` and `add_delta` a network is also told what was
    missing, and for how long [1]_: how a gap was filled then matters less.

    Parameters
    ----------
    method : {"forward", "linear", "mean"}, float or dict, default="forward"
        What a missing value becomes. "forward": the last known value of the same feature in its
        sequence. "linear": the value on the line between the known values before and after it;
        before the first and after the last one, that one. "mean": the mean that `fit` has learnt.
        A number: that number. A dict gives features, by name or position, methods of their own;
        the others have "forward". What no value is known for, such as a feature before its first
        value with "forward", becomes the mean that `fit` has learnt.
    times : str or int, default=None
        The feature that holds the time of each step, by name or position (or a level of the index
        of pandas, by name): numbers, dates or durations, never falling within a sequence. Lines
        and intervals then go by these times, those of dates in days. It is left out of the output.
        None takes equal steps of length 1.
    by : str, int or sequence of them, default=None
        For a table whose rows are time steps: the columns that tell the series, as in
        `SlidingWindow`, which stay as they are. ``by=[]`` reads a single series. Such a table has
        no padding: everything is filled.
    timesteps : int, default=None
        For a table whose rows are sequences: the columns are this many time steps, all features
        of the first one, then all of the second. `method` and `times` then take the positions of
        features in a time step.
    add_mask : bool, default=False
        Whether to add for each feature whether its value was known: 1, or 0 where it was missing.
    add_delta : bool, default=False
        Whether to add for each feature the time since its last known value before the step: 0 at
        the first step, and the time since that step as long as no value is known.
    add_interval : bool, default=False
        Whether to add the time since the step before, 0 at the first step.

    Attributes
    ----------
    fill_values_ : ndarray of shape (F,)
        The mean of the known values of each feature, without the times; of a column that holds no
        numbers, the most frequent value (the first one of equally frequent ones).
    n_features_in_ : int
        Columns of a table, otherwise features per time step, times included.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X was a DataFrame with string names, or a list of them.

    See Also
    --------
    TimeDistributed : Applies another transformer, such as an encoder, to every time step.

    Notes
    -----
    Columns of text, categories, dates and truth values in frames are filled too: by the most
    frequent value for the method "mean", otherwise by the last known one.

    "linear" reads values after a gap. That is right where a sequence is known as a whole. Before
    `SlidingWindow` it would show a window what came after it: there, take "forward".

    References
    ----------
    .. [1] Z. Che, S. Purushotham, K. Cho, D. Sontag, Y. Liu, "Recurrent neural networks for
       multivariate time series with missing values", Scientific Reports, 2018: the masking and
       the time interval of equations 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm.preprocessing import FillGaps
    >>> nan = np.nan
    >>> X = np.array([[1.0, nan, nan, 4.0, nan]])[:, :, np.newaxis]
    >>> FillGaps().fit_transform(X)[0, :, 0]
    array([ 1.,  1.,  1.,  4., nan])
    >>> FillGaps("linear").fit_transform(X)[0, :, 0]
    array([ 1.,  2.,  3.,  4., nan])
    >>> FillGaps(add_mask=True, add_delta=True).fit_transform(X)[0]
    array([[ 1.,  1.,  0.],
           [ 1.,  0.,  1.],
           [ 1.,  0.,  2.],
           [ 4.,  1.,  3.],
           [nan, nan, nan]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "method": [StrOptions(METHODS), Real, Mapping],
        "times": [str, Integral, None],
        "by": BY_CONSTRAINT,
        "timesteps": [Interval(Integral, 1, None, closed="left"), None],
        "add_mask": ["boolean"],
        "add_delta": ["boolean"],
        "add_interval": ["boolean"],
    }

    def __init__(
        self,
        method: str | float | Mapping[Column, Method] = "forward",
        *,
        times: Column | None = None,
        by: By = None,
        timesteps: int | None = None,
        add_mask: bool = False,
        add_delta: bool = False,
        add_interval: bool = False,
    ) -> None:
        self.method = method
        self.times = times
        self.by = by
        self.timesteps = timesteps
        self.add_mask = add_mask
        self.add_delta = add_delta
        self.add_interval = add_interval

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the mean of each feature, or its most frequent value.

        Parameters
        ----------
        X : array of shape (n, T, F), list of arrays (T_i, F) or (T_i,) or of DataFrames, or table
            A table is an array or a DataFrame, read as `by` or `timesteps` say.
        y : None
            Ignored.

        Returns
        -------
        self : FillGaps

        Raises
        ------
        ValueError or TypeError
            If a parameter is not valid, X is empty, of unequal features, infinite, or a table of
            which neither `by` nor `timesteps` says what its rows are, a sequence has no time step,
            or a time is missing, neither a number nor a date, or earlier than the one before it.

        Warns
        -----
        UserWarning
            If a feature has no value at all. It becomes 0.
        """
        self._check_parameters()
        table = self._table(X, reset=True)
        place = self._place_of_times(table)
        self._positions = [j for j in range(table.table.shape[1]) if j != place]
        if not self._positions:
            raise ValueError(f"X has no feature besides times={self.times!r}: nothing is left.")
        self._n_steps = int(self.timesteps) if table.form == "table" else 1
        kept = table.kept or range(table.table.shape[1])
        self._columns_of_features = [kept[j] for j in self._positions]
        self._column_of_times = None if place is None else kept[place]
        self._methods = self._methods_of(table)
        in_frame = hasattr(table.table, "columns")
        self._text = [
            k
            for k, j in enumerate(self._positions)
            if in_frame and is_text(column_at(table.table, j))
        ]
        columns = self._columns(table, {k: [] for k in self._text})
        self.fill_values_ = typical_values(columns)
        _check_unique(self.get_feature_names_out().tolist())
        return self

    def transform(self, X: Any) -> Any:
        """Fill the gaps, and add the features that are asked for.

        Parameters
        ----------
        X : sequences as in `fit`

        Returns
        -------
        X_out : of the form of X
            The features without the times, then the masks of all of them, their deltas, and the
            interval. In a table with `timesteps`, these are the columns of a time step. Numbers
            become floats; frames keep their index and the dtypes of text.

        Raises
        ------
        ValueError or TypeError
            As in `fit`, and if X has other features.
        """
        check_is_fitted(self)
        table = self._table(X, reset=False)
        in_frame = hasattr(table.table, "columns")
        if self._text and not in_frame:
            names_in = super().get_feature_names_out()
            names = [names_in[self._columns_of_features[k]] for k in self._text]
            raise ValueError(
                f"{type(self).__name__} was fitted on frames with text in column(s) {names}, but X "
                "holds arrays: pass frames with the same columns."
            )
        columns = self._columns(table, {k: [self.fill_values_[k]] for k in self._text})
        out = list(self._filled(columns).T)
        for k in self._text:
            like = column_at(table.table, self._positions[k])
            out[k] = as_text(out[k], columns.labels[k], like)
        out += self._added(columns)
        return give_back(X, table, out, self._labels_of(X, table), self._columns_of_features)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Get the names of the output's features, or of its columns if it is a table.

        Parameters
        ----------
        input_features : array-like of str of shape (`n_features_in_`,), default=None
            Names of the features or columns of X, where `fit` saw none.

        Returns
        -------
        feature_names_out : ndarray of str, dtype object
            Those of the features without the times, then ``mask_`` and ``delta_`` with the name of
            each feature, and ``interval``; in a table with `timesteps`, for each time step, and
            with ``interval_0``, ``interval_1`` and so on.
        """
        names = super().get_feature_names_out(input_features)
        return np.array(self._labels_out(names.tolist()), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        of_table = self.by is not None or self.timesteps is not None
        tags.input_tags.two_d_array = of_table
        tags.input_tags.three_d_array = self.by is None
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_parameters(self) -> None:
        if self.by is not None and self.timesteps is not None:
            raise ValueError(
                f"by={self.by!r} says that the rows of a table are time steps, and timesteps="
                f"{self.timesteps} that they are sequences: set one of them."
            )
        if not isinstance(self.method, Mapping):
            _check_method(self.method, "method")

    def _table(self, X: Any, *, reset: bool) -> StepTable:
        return read_step_table(self, X, by=self.by, timesteps=self.timesteps, reset=reset)

    def _place_of_times(self, table: StepTable) -> int | None:
        """Return the position of the times in a table; None if they are not in it."""
        if self.times is None:
            return None
        return self._position(table, self.times, f"times={self.times!r}")

    def _position(self, table: StepTable, key: Column, asked: str) -> int | None:
        if table.kept is None or not isinstance(key, Integral):
            return position_of(table.table, key, "X", asked)
        n = self.n_features_in_
        place = int(key) % n if -n <= key < n else n
        if place not in table.kept:
            raise ValueError(f"{asked} is no feature of X: valid are {table.kept}.")
        return table.kept.index(place)

    def _methods_of(self, table: StepTable) -> list[Method]:
        """Return the method of each feature."""
        if not isinstance(self.method, Mapping):
            return [self.method] * len(self._positions)
        methods: list[Method] = ["forward"] * len(self._positions)
        for key, method in self.method.items():
            _check_method(method, f"method[{key!r}]")
            position = self._position(table, key, f"The key {key!r} of method")
            if position not in self._positions:
                raise ValueError(f"method[{key!r}] is for the times, which are not filled.")
            methods[self._positions.index(position)] = method
        return methods

    def _columns(self, table: StepTable, labels: dict[int, list[Any]]) -> StepColumns:
        times = None
        if self.times is not None:
            times = read_times_of(table, self.times, self._place_of_times(table))
        return read_step_columns(table, self._positions, labels, times, self.times)

    def _filled(self, columns: StepColumns) -> np.ndarray:
        """Return the values without gaps, of shape (N, F); padding stays NaN."""
        filled = columns.values.copy()
        for k, method in enumerate(self._methods):
            column = columns.values[columns.present, k]
            known = ~np.isnan(column)
            if known.all():
                continue
            otherwise = 0 if k in columns.labels else self.fill_values_[k]  # 0 is its code
            if method == "linear" and k not in columns.labels:
                fill_linear(column, known, columns.steps, otherwise)
            elif method == "mean":
                column[~known] = otherwise
            elif isinstance(method, str) or k in columns.labels:
                fill_forward(column, known, columns.steps, otherwise)
            else:
                column[~known] = method
            filled[columns.present, k] = column
        return filled

    def _added(self, columns: StepColumns) -> list[np.ndarray]:
        """Return the masks, the deltas and the interval, of shape (N,) each."""
        known = ~np.isnan(columns.values[columns.present])
        added = []
        if self.add_mask:
            added += list(known.T)
        if self.add_delta:
            added += [columns.steps.since_known(of_feature) for of_feature in known.T]
        if self.add_interval:
            added.append(columns.steps.intervals())
        return [_with_padding(each, columns) for each in added]

    def _labels_of(self, X: Any, table: StepTable) -> list[Any]:
        """Return the labels of the output's columns; for arrays there are none."""
        frame = X if is_frame(X) else table.table
        if not is_frame(frame):
            return []
        labels = self._labels_out(list(frame.columns))
        are_mixed = len({isinstance(label, str) for label in labels}) > 1
        # which scikit-learn refuses
        return self.get_feature_names_out().tolist() if are_mixed else labels

    def _labels_out(self, labels: list[Any]) -> list[Any]:
        """Return the labels of the output's columns, given those of the columns of X."""
        n = len(labels) // self._n_steps
        return [
            label
            for step in range(self._n_steps)
            for label in self._labels_of_step(labels[step * n : (step + 1) * n], step)
        ]

    def _labels_of_step(self, labels: list[Any], step: int) -> list[Any]:
        if not labels:
            return []
        features = [labels[j] for j in self._columns_of_features]
        out = [label for j, label in enumerate(labels) if j != self._column_of_times]
        out += [f"mask_{label}" for label in features if self.add_mask]
        out += [f"delta_{label}" for label in features if self.add_delta]
        if self.add_interval:
            out.append("interval" if self._n_steps == 1 else f"interval_{step}")
        return out


def _check_method(method: Any, name: str) -> None:
    is_number = isinstance(method, Real) and not isinstance(method, bool) and np.isfinite(method)
    if not (is_number or (isinstance(method, str) and method in METHODS)):
        raise ValueError(
            f"{name}={method!r} is not valid: valid are {sorted(METHODS)} or a number."
        )


def _with_padding(of_present: np.ndarray, columns: StepColumns) -> np.ndarray:
    whole = np.full(len(columns.present), np.nan, columns.values.dtype)
    whole[columns.present] = of_present
    return whole


def _check_unique(names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"The output would have the feature(s) {repeated} twice: rename those of X."
        )
