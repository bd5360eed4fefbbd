"""`TimeDistributed`: a transformer of tables, applied to every time step."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklstm._sklearn_compat import HasMethods, estimator_has, fit_context, safe_indexing
from sklstm.input.absent_steps import TimeSteps
from sklstm.input.containers import as_numbers
from sklstm.input.feature_names import check_names
from sklstm.preprocessing._base import SequenceOutputMixin, as_object_array
from sklstm.preprocessing._read_sequences import (
    as_list,
    check_n_features,
    read_sequences,
    strip_padding,
)

DELEGATES = ("transformer_", "transformer")


class TimeDistributed(SequenceOutputMixin, MetaEstimatorMixin, TransformerMixin, BaseEstimator):
    """Apply a transformer of tables to every time step of sequences.

    The time steps of all sequences are the rows that the inner transformer sees, in `fit` and in
    `transform`. Time steps that are all NaN, at the ends of a sequence, are padding: the inner
    transformer does not see them, and they stay. Inside a sequence they are a gap, which it sees
    as rows of NaN: `SimpleImputer` fills it, `StandardScaler` leaves it, and others raise.

    Parameters
    ----------
    transformer : transformer
        Of 2-D input, such as `StandardScaler`, `PCA` or a Pipeline of such. It is cloned.

    Attributes
    ----------
    transformer_ : transformer
        The fitted clone.
    n_features_in_ : int
        Features per time step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X was a list of DataFrames with string names.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sklstm.preprocessing import TimeDistributed
    >>> X = np.array([[[0.0], [4.0]], [[1.0], [np.nan]]])
    >>> TimeDistributed(MinMaxScaler()).fit_transform(X)
    array([[[0.  ],
            [1.  ]],
    <BLANKLINE>
           [[0.25],
            [ nan]]])
    """

    _parameter_constraints: ClassVar[dict] = {"transformer": [HasMethods(["fit", "transform"])]}

    def __init__(self, transformer: BaseEstimator) -> None:
        self.transformer = transformer

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the transformer on all time steps.

        Parameters
        ----------
        X : array of shape (n, T, F), or list or object array of n arrays (T_i, F) or (T_i,)
        y : array-like of shape (n,) or (n, n_outputs), default=None
            A target per sequence. The transformer sees it at each time step of the sequence.

        Returns
        -------
        self : TimeDistributed

        Raises
        ------
        ValueError
            If X is a table, empty, not numeric, infinite, of unequal features, or has a sequence
            without a time step; and whatever the transformer raises.

        Warns
        -----
        UserWarning
            If a feature is NaN at every time step.
        """
        steps = read_sequences(X)
        mask = _step_mask(steps)
        rows = steps.values[mask]
        self.transformer_ = clone(self.transformer)
        targets = () if y is None else (_repeat_targets(y, steps, mask),)
        _warn_of_empty_features(rows)
        with np.errstate(invalid="ignore"):  # of the mean of no values: the warning above says so
            self.transformer_.fit(rows, *targets)
        check_names(self, as_list(X), steps, reset=True)
        return self

    def transform(self, X: Any) -> Any:
        """Transform every time step.

        Parameters
        ----------
        X : array of shape (n, T, F), or list or object array of n arrays (T_i, F) or (T_i,)

        Returns
        -------
        X_out : ndarray of shape (n, T, F_out), list or object array of n arrays (T_i, F_out)
            As X is. Padding stays NaN, so integers become floats.

        Raises
        ------
        ValueError
            As in `fit`, and if X has another number of features.
        """
        check_is_fitted(self)
        steps = read_sequences(X)
        check_n_features(self, steps, self.n_features_in_)
        check_names(self, as_list(X), steps, reset=False)
        return self._map_rows("transform", steps, X)

    @available_if(estimator_has("inverse_transform", delegates=DELEGATES))
    def inverse_transform(self, X: Any) -> Any:
        """Undo `transform` on every time step.

        Available if the transformer has `inverse_transform`.

        Parameters
        ----------
        X : array of shape (n, T, F_out), or list or object array of n arrays (T_i, F_out)

        Returns
        -------
        X_in : ndarray of shape (n, T, F), list or object array of n arrays (T_i, F)
            As X is.

        Raises
        ------
        ValueError
            As in `transform`.
        """
        check_is_fitted(self)
        return self._map_rows("inverse_transform", read_sequences(X), X)

    @available_if(estimator_has("get_feature_names_out", delegates=DELEGATES))
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Get the names of the features (the last axis of the output) from the transformer.

        Parameters
        ----------
        input_features : array-like of str of shape (F,), default=None
            Passed on.

        Returns
        -------
        feature_names_out : ndarray of shape (F_out,), dtype object
        """
        check_is_fitted(self)
        return self.transformer_.get_feature_names_out(input_features)

    def _map_rows(self, method: str, steps: TimeSteps, X: Any) -> Any:
        """Apply a method of the transformer to the time steps, and give back the form of X."""
        mask = _step_mask(steps)
        rows = getattr(self.transformer_, method)(steps.values[mask])
        source = f"{method} of {type(self.transformer_).__name__}"
        rows = _as_rows(rows, int(mask.sum()), source)
        # (sum of T_i, F_out), in a dtype that has NaN
        values = np.full((len(mask), rows.shape[1]), np.nan, np.result_type(rows, np.float32))
        values[mask] = rows
        if len(getattr(X, "shape", ())) == 3:
            return values.reshape(X.shape[0], -1, values.shape[1])
        sequences = np.split(values, steps.offsets[1:-1])
        return as_object_array(sequences) if isinstance(X, np.ndarray) else sequences

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.target_tags.required = inner.target_tags.required
        if inner.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = inner.transformer_tags.preserves_dtype
        tags.non_deterministic = inner.non_deterministic
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.input_tags.positive_only = inner.input_tags.positive_only
        return tags


def _step_mask(steps: TimeSteps) -> np.ndarray:
    """Return a mask of the rows that are time steps of a sequence, gaps included, not padding."""
    starts, stops = strip_padding(steps, allow_gaps=True)
    mask = np.zeros(len(steps.values), bool)
    for start, stop in zip(starts, stops, strict=True):
        mask[start:stop] = True
    return mask


def _warn_of_empty_features(rows: np.ndarray) -> None:
    empty = np.flatnonzero(np.isnan(rows).all(axis=0))
    if len(empty):
        warnings.warn(
            f"Feature(s) {', '.join(map(str, empty))} of X are NaN at every time step, so that "
            "nothing can be learnt of them: leave them out.",
            UserWarning,
            stacklevel=4,
        )


def _repeat_targets(y: Any, steps: TimeSteps, mask: np.ndarray) -> Any:
    lengths = np.diff(steps.offsets)
    check_consistent_length(lengths, y)
    return safe_indexing(y, np.repeat(np.arange(len(lengths)), lengths)[mask])


def _as_rows(rows: Any, n: int, source: str) -> np.ndarray:
    """Check that a transformer returned one row of numbers for each time step."""
    rows = rows.toarray() if issparse(rows) else np.asarray(rows)
    if rows.ndim != 2 or len(rows) != n or rows.dtype.kind not in "biufO":
        raise ValueError(
            f"{source} returned an array of shape {rows.shape} and dtype {rows.dtype} for {n} time "
            f"steps: valid are numbers of shape ({n}, F_out), one row for each time step."
        )
    return as_numbers(rows, f"What {source} returned", lambda i: f"row {i[0]}, column {i[1]}")
