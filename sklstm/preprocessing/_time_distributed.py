"""`TimeDistributed`: a transformer of tables, applied to every time step."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.utils import Tags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sklstm._sklearn_compat import (
    HasMethods,
    estimator_has,
    fit_context,
    get_output_config,
    safe_indexing,
)
from sklstm.input.containers import frame_as_array, is_frame
from sklstm.input.feature_names import check_names
from sklstm.preprocessing._base import SequenceOutputMixin
from sklstm.preprocessing._read_sequences import as_list, check_n_features
from sklstm.preprocessing._step_rows import (
    StepRows,
    as_numeric_rows,
    names_of_empty_features,
    naming_text_columns,
    read_step_rows,
    sequences_of_arrays,
    sequences_of_frames,
)

DELEGATES = ("transformer_", "transformer")


class TimeDistributed(SequenceOutputMixin, MetaEstimatorMixin, TransformerMixin, BaseEstimator):
    """Apply a transformer of tables to every time step of sequences.

    The time steps of all sequences are the rows that the inner transformer sees, in `fit` and in
    `transform`: an array, or one data frame if X is a list of data frames. So a
    `ColumnTransformer` encodes and scales the columns of sequences by their names, whatever their
    dtypes are.

    Time steps that are all missing, at the ends of a sequence, are padding: the inner transformer
    does not see them, and they stay. Inside a sequence they are a gap, which it sees as rows of
    missing values: `SimpleImputer` fills it, `StandardScaler` leaves it, and others raise.

    Parameters
    ----------
    transformer : transformer
        Of 2-D input, such as `StandardScaler`, `PCA`, `ColumnTransformer` or a Pipeline of such.
        It is cloned.

    Attributes
    ----------
    transformer_ : transformer
        The fitted clone.
    n_features_in_ : int
        Features per time step.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X was a list of DataFrames with string names.

    See Also
    --------
    sklstm.preprocessing.sequences_from_table : Makes a list of data frames of a long table.

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

    Columns of data frames, by their names:

    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> X = [
    ...     pd.DataFrame({"channel": ["web", "shop"], "amount": [0.0, 4.0]}),
    ...     pd.DataFrame({"channel": ["web"], "amount": [1.0]}),
    ... ]
    >>> columns = make_column_transformer(
    ...     (OneHotEncoder(), ["channel"]),
    ...     (MinMaxScaler(), ["amount"]),
    ...     verbose_feature_names_out=False,
    ... )
    >>> distributed = TimeDistributed(columns).fit(X)
    >>> distributed.get_feature_names_out().tolist()
    ['channel_shop', 'channel_web', 'amount']
    >>> distributed.transform(X)[1]
    array([[0.  , 1.  , 0.25]])
    """

    _parameter_constraints: ClassVar[dict] = {"transformer": [HasMethods(["fit", "transform"])]}

    def __init__(self, transformer: BaseEstimator) -> None:
        self.transformer = transformer

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the transformer on all time steps.

        Parameters
        ----------
        X : array of shape (n, T, F), or list, object array or Series of n sequences
            Sequences are arrays of shape (T_i, F) or (T_i,), or data frames of pandas or polars
            with T_i rows and one column per feature, of any dtypes.
        y : array-like of shape (n,) or (n, n_outputs), default=None
            A target per sequence. The transformer sees it at each time step of the sequence.

        Returns
        -------
        self : TimeDistributed

        Raises
        ------
        ValueError
            If X is a table, empty, infinite, of unequal features or columns, arrays of other than
            numbers, or has a sequence without a time step; and whatever the transformer raises.

        Warns
        -----
        UserWarning
            If a feature is NaN at every time step.
        """
        self._fit(X, y, transforms=False)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit the transformer on all time steps, and transform them by its `fit_transform`.

        Parameters
        ----------
        X, y : as in `fit`

        Returns
        -------
        X_out : as in `transform`

        Raises
        ------
        ValueError
            As in `fit`.
        """
        steps, rows = self._fit(X, y, transforms=True)
        return self._in_form_of(X, rows, steps)

    def transform(self, X: Any) -> Any:
        """Transform every time step.

        Parameters
        ----------
        X : sequences as in `fit`

        Returns
        -------
        X_out : ndarray of shape (n, T, F_out), list or object array of n arrays (T_i, F_out)
            As X is. Padding stays NaN, so integers become floats. After
            ``set_output(transform="pandas")``, a list of data frames.

        Raises
        ------
        ValueError
            As in `fit`, and if X has another number of features or other columns.
        """
        check_is_fitted(self)
        steps = read_step_rows(X)
        if not is_frame(steps.values):
            check_n_features(self, steps, self.n_features_in_)
        check_names(self, as_list(X), steps, reset=False)
        with naming_text_columns(steps.values):
            rows = self.transformer_.transform(steps.values)
        return self._in_form_of(X, rows, steps)

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
        steps = read_step_rows(X)
        values = steps.values
        values = frame_as_array(values, "X") if is_frame(values) else values
        rows = self.transformer_.inverse_transform(values)
        rows = as_numeric_rows(rows, len(steps.values), self._source("inverse_transform"))
        return sequences_of_arrays(rows, steps, X)

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

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Choose what the sequences of a list become: arrays or data frames.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            "default" is arrays. "pandas" and "polars" make data frames, whose columns have the
            names of `get_feature_names_out`. None changes nothing. An array of shape (n, T, F)
            stays an array.

        Returns
        -------
        self : TimeDistributed
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _fit(self, X: Any, y: Any, *, transforms: bool) -> tuple[StepRows, Any]:
        """Fit a clone of the transformer; return the time steps, and what it makes of them."""
        steps = read_step_rows(X)
        arguments = (steps.values,) if y is None else (steps.values, _repeat_targets(y, steps))
        _warn_of_empty_features(steps.values)
        transformer, rows = clone(self.transformer), None
        # the mean of no values is invalid: the warning says so
        with np.errstate(invalid="ignore"), naming_text_columns(steps.values):
            if transforms and hasattr(transformer, "fit_transform"):
                rows = transformer.fit_transform(*arguments)
            else:
                transformer.fit(*arguments)
        if transforms and not hasattr(transformer, "fit_transform"):
            rows = transformer.transform(steps.values)
        self.transformer_ = transformer
        check_names(self, as_list(X), steps, reset=True)
        return steps, rows

    def _in_form_of(self, X: Any, rows: Any, steps: StepRows) -> Any:
        """Give what the transformer returned the form of X, or make data frames of it."""
        library = get_output_config("transform", self)["dense"]
        source = self._source("transform")
        if library == "default" or as_list(X) is None:
            rows = as_numeric_rows(rows, len(steps.values), source)
            return sequences_of_arrays(rows, steps, X)
        return sequences_of_frames(
            rows, steps, X, library=library, names=self._names_out(), source=source
        )

    def _names_out(self) -> list[str] | None:
        try:
            return list(self.transformer_.get_feature_names_out())
        except AttributeError:  # it has no such method, or a part of it has none
            return None

    def _source(self, method: str) -> str:
        return f"{method} of {type(self.transformer_).__name__}"

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


def _warn_of_empty_features(rows: Any) -> None:
    if empty := names_of_empty_features(rows):
        warnings.warn(
            f"Feature(s) {', '.join(map(str, empty))} of X are NaN at every time step, so that "
            "nothing can be learnt of them: leave them out.",
            UserWarning,
            stacklevel=5,
        )


def _repeat_targets(y: Any, steps: StepRows) -> Any:
    lengths = np.diff(steps.offsets)
    check_consistent_length(lengths, y)
    return safe_indexing(y, np.repeat(np.arange(len(lengths)), lengths)[steps.mask])
