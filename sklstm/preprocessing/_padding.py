"""`SequencePadder`: padding and truncating sequences to one length."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.input.absent_steps import TimeSteps, drop_absent_steps
from sklstm.input.containers import is_missing
from sklstm.input.feature_names import check_names
from sklstm.preprocessing._base import SequenceOutputMixin, as_object_array
from sklstm.preprocessing._read_sequences import (
    as_list,
    check_n_features,
    read_sequences,
    strip_padding,
)

Side = Literal["post", "pre"]


class SequencePadder(SequenceOutputMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Pad and truncate sequences to one length.

    Sequences of floats are padded with NaN, token ids (1-D sequences of integers) with 0: what
    the estimators of this package read as "no such time step". Such steps at the ends of a
    sequence of X are padding already, and are replaced.

    Parameters
    ----------
    max_length : int or None, default=None
        Time steps of the output. None takes the longest sequence seen by `fit`; longer ones are
        truncated in `transform`.
    padding : {"post", "pre"}, default="post"
        Whether padding goes to the end or to the start of a sequence.
    truncating : {"post", "pre"}, default="post"
        Whether a longer sequence loses its end or its start.

    Attributes
    ----------
    max_length_ : int
        Time steps of the output.
    n_features_in_ : int
        Features per time step; 1 for token ids.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where X was a list of DataFrames with string names.

    Notes
    -----
    An integer series that holds zeros as values (counts) is no sequence of token ids: pass it as
    floats.

    Examples
    --------
    >>> from sklstm.preprocessing import SequencePadder
    >>> SequencePadder().fit_transform([[5, 2, 7], [3]])
    array([[5, 2, 7],
           [3, 0, 0]])
    >>> padder = SequencePadder(padding="pre")
    >>> X = padder.fit_transform([[0.5, 2.0], [1.5]])
    >>> X.shape
    (2, 2, 1)
    >>> X[1, :, 0]
    array([nan, 1.5])
    >>> padder.inverse_transform(X)
    array([array([0.5, 2. ]), array([1.5])], dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "padding": [StrOptions({"post", "pre"})],
        "truncating": [StrOptions({"post", "pre"})],
    }

    def __init__(
        self,
        max_length: int | None = None,
        *,
        padding: Side = "post",
        truncating: Side = "post",
    ) -> None:
        self.max_length = max_length
        self.padding = padding
        self.truncating = truncating

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the length, and whether X holds token ids.

        Parameters
        ----------
        X : array of shape (n, T, F), array or DataFrame of shape (n, T), or list of n arrays
            Arrays of a list (or an object array, or a Series) are of shape (T_i, F) or (T_i,).
            Shape (n, T) is for token ids only, and a list of 1-D sequences of integers is read as
            token ids. What is masked, None or NA is no time step.
        y : None
            Ignored.

        Returns
        -------
        self : SequencePadder

        Raises
        ------
        ValueError
            If X is a table of other than integers, empty, not numeric, infinite, of unequal
            features, or a sequence has padding inside or consists of padding only.
        """
        self._holds_ids = _read_token_ids(X) is not None
        steps, starts, stops = self._read(X)
        self._drops_feature_axis = not self._holds_ids and _is_list_of_1d(X)
        if self._holds_ids:
            self.n_features_in_ = 1
            vars(self).pop("feature_names_in_", None)
        else:
            check_names(self, as_list(X), steps, reset=True)
        self.max_length_ = int(self.max_length or (stops - starts).max())
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Pad and truncate.

        Parameters
        ----------
        X : sequences as in `fit`

        Returns
        -------
        X_out : ndarray of shape (n, `max_length_`, F), or of shape (n, `max_length_`) for token ids
            Of the dtype of X; integers that are no token ids become floats.

        Raises
        ------
        ValueError
            As in `fit`, and if X has another number of features or is no longer of token ids.
        """
        check_is_fitted(self)
        return pad(
            self._unpadded(X, has_names=True),
            self.max_length_,
            padding=self.padding,
            truncating=self.truncating,
            fill=0 if self._holds_ids else np.nan,
        )

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Strip the padding.

        Parameters
        ----------
        X : array of shape (n, T, F), or of shape (n, T) for token ids

        Returns
        -------
        sequences : ndarray of shape (n,), dtype object
            Arrays of shape (T_i, F), or (T_i,) if `fit` saw such. What was truncated does not
            come back.

        Raises
        ------
        ValueError
            As in `transform`.
        """
        check_is_fitted(self)
        sequences = self._unpadded(X)
        if self._drops_feature_axis:
            sequences = [sequence[:, 0] for sequence in sequences]
        return as_object_array([sequence.copy() for sequence in sequences])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False  # but for token ids
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _unpadded(self, X: Any, *, has_names: bool = False) -> list[np.ndarray]:
        """Return the sequences without padding, as views."""
        steps, starts, stops = self._read(X)
        if not self._holds_ids:
            check_n_features(self, steps, self.n_features_in_)
            if has_names:
                check_names(self, as_list(X), steps, reset=False)
        return [steps.values[a:b] for a, b in zip(starts, stops, strict=True)]

    def _read(self, X: Any) -> tuple[TimeSteps, np.ndarray, np.ndarray]:
        if not self._holds_ids:
            steps = read_sequences(X)
            return steps, *strip_padding(steps)
        if (ids := _read_token_ids(X)) is None:
            raise ValueError(
                "SequencePadder was fitted on token ids, but X holds other than 1-D sequences of "
                "integers: valid are integers of shape (n, T) or a list of integer arrays (T_i,)."
            )
        steps = _concatenate_ids(ids)
        return steps, *drop_absent_steps(steps, lambda _, block: block == 0, "padding (id 0)")


def pad(
    sequences: list[np.ndarray],
    length: int,
    *,
    padding: Side,
    truncating: Side,
    fill: float,
) -> np.ndarray:
    """Pad and truncate sequences of shapes (T_i, ...) to one array.

    Returns
    -------
    padded : ndarray of shape (n, length, ...)
    """
    first = sequences[0]
    padded = np.full((len(sequences), length, *first.shape[1:]), fill, first.dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        kept = truncate(sequence, length, truncating)
        start = 0 if padding == "post" else length - len(kept)
        row[start : start + len(kept)] = kept
    return padded


def truncate(sequence: Any, length: int | None, truncating: Side) -> Any:
    """Return the first or the last `length` time steps, all of them for None."""
    if length is None or truncating == "post":
        return sequence[:length]
    return sequence[-length:]


def _is_list_of_1d(X: Any) -> bool:
    sequences = as_list(X)
    return bool(sequences) and all(np.ndim(x) == 1 for x in sequences)


def _read_token_ids(X: Any) -> list[np.ndarray] | None:
    """Read token ids, sequence by sequence; None if X holds anything else."""
    rows = as_list(X)
    if rows is None and len(getattr(X, "shape", ())) == 2:
        rows = _rows_of_table(X)
    if rows is None or (not rows and getattr(X, "dtype", None) is None):
        return None
    ids = [_as_ids(row, sample) for sample, row in enumerate(rows)]
    return None if any(row is None for row in ids) else ids


def _rows_of_table(X: Any) -> list[Any] | None:
    if isinstance(X, np.ndarray):
        return list(X) if X.dtype.kind in "iuO" else None
    if hasattr(X, "rows"):  # polars: its arrays turn integers into floats beside a null
        return X.rows()
    return list(X.to_numpy()) if hasattr(X, "to_numpy") else None


def _as_ids(row: Any, sample: int) -> np.ndarray | None:
    """Read one sequence of integers; what is masked or missing becomes padding."""
    if isinstance(row, np.ma.MaskedArray) and row.dtype.kind in "iu":
        row = row.filled(0)
    # integers of pandas and polars would become floats beside a missing value
    is_foreign = not isinstance(getattr(row, "dtype", np.dtype(int)), np.dtype)
    array = as_object_array(list(row)) if is_foreign else np.asarray(row)
    if array.ndim != 1 or array.dtype.kind not in "iuO":
        return None
    if array.dtype == object:
        array = as_object_array([0 if is_missing(id_) else id_ for id_ in array])
        if not all(isinstance(id_, Integral) and not isinstance(id_, bool) for id_ in array):
            return None
    if len(array) and array.max() > np.iinfo(np.int64).max:
        raise ValueError(
            f"Sequence {sample} of X holds the token id {array.max()}: valid are integers below "
            "2**63."
        )
    return array.astype(np.int64) if array.dtype == object else array


def _concatenate_ids(rows: list[np.ndarray]) -> TimeSteps:
    if not rows:
        raise ValueError("X is empty: found 0 sample(s) while a minimum of 1 is required.")
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    values = np.concatenate(rows)  # floats where signed and unsigned ids meet
    return TimeSteps(values.astype(np.int64) if values.dtype.kind == "f" else values, offsets)
