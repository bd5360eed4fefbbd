"""The one currency inside the house: `Sequences`, made here from every form that X may have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

VALID_FORMS = (
    "valid are an array of shape (n, T, F), a 2-D array or DataFrame of shape (n, T), "
    "or a list of arrays of shape (T_i, F) or (T_i,)"
)
BYTES_PER_BLOCK = 64 * 2**20


@dataclass(frozen=True)
class Sequences:
    """Validated sequences of any lengths: where each lies among the time steps of all.

    Rows are chosen without copying a time step.

    Attributes
    ----------
    steps : ndarray
        All time steps, one below the other: ``(N, F)`` float32, or ``(N,)`` int32 token ids.
    starts : ndarray of shape (n,)
        The row of `steps` at which each sequence begins.
    lengths : ndarray of shape (n,)
        Time steps of each sequence, 1 or more.
    """

    steps: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: slice | np.ndarray) -> Sequences:
        return Sequences(self.steps, self.starts[rows], self.lengths[rows])

    def __iter__(self) -> Iterator[np.ndarray]:
        for start, length in zip(self.starts, self.lengths, strict=True):
            yield self.steps[start : start + length]

    @property
    def n_steps(self) -> int:
        """Time steps of all sequences."""
        return int(self.lengths.sum())

    @property
    def longest(self) -> int:
        """Time steps of the longest sequence."""
        return int(self.lengths.max())

    @property
    def varies(self) -> bool:
        """Whether lengths differ."""
        return bool((self.lengths != self.lengths[0]).any())

    def padded(self, n_steps: int | None = None) -> np.ndarray:
        """Return an array of shape (n, n_steps, F) or (n, n_steps), zero behind each end.

        `n_steps` is that of the longest sequence unless given. The array is a view where it can.
        """
        n_steps = n_steps or self.longest
        if self._fill_rows_of(n_steps):
            rows = self.starts // n_steps
            if len(rows) and (np.diff(rows) == 1).all():
                rows = slice(rows[0], rows[-1] + 1)
            return self.steps.reshape(-1, n_steps, *self.steps.shape[1:])[rows]
        padded = np.zeros((len(self), n_steps, *self.steps.shape[1:]), self.steps.dtype)
        for row, sequence in zip(padded, self, strict=True):
            row[: len(sequence)] = sequence
        return padded

    def compact(self) -> Sequences:
        """Return the same sequences one after another, with no other time step between them."""
        stops = np.cumsum(self.lengths)
        starts = stops - self.lengths
        if not len(self):
            return Sequences(self.steps[:0], starts, self.lengths)
        first, end = self.starts[0], self.starts[0] + stops[-1]
        if (self.starts - first == starts).all():
            return Sequences(self.steps[first:end], starts, self.lengths)
        rows = np.repeat(self.starts - starts, self.lengths) + np.arange(stops[-1])
        return Sequences(self.steps[rows], starts, self.lengths)

    def blocks(self, size: int) -> Iterator[Sequences]:
        """Yield all sequences in order, compact, some at once: of about `size` numbers."""
        numbers = np.cumsum(self.lengths) * math.prod(self.steps.shape[1:])
        if len(self) and numbers[-1] <= size:
            yield self.compact()
            return
        first = 0
        while first < len(self):
            before = numbers[first - 1] if first else 0
            stop = max(first + 1, int(np.searchsorted(numbers, before + size, side="right")))
            yield self[first:stop].compact()
            first = stop

    def _fill_rows_of(self, n_steps: int) -> bool:
        """Whether each sequence is a whole row where `steps` is cut into rows."""
        is_cut = len(self.steps) % n_steps == 0 and not (self.starts % n_steps).any()
        return is_cut and bool((self.lengths == n_steps).all())


@dataclass(frozen=True)
class InputForm:
    """How ``fit`` read X; ``predict`` reads it the same way.

    Attributes
    ----------
    kind : {"table", "sequences", "tokens"}
    n_features : int
        Features per time step; 1 for tokens.
    timesteps : int or None
        Time steps that the columns of a table hold.
    vocabulary_size : int or None
        Token ids are below it.
    """

    kind: str
    n_features: int
    timesteps: int | None = None
    vocabulary_size: int | None = None


@dataclass(frozen=True)
class Steps:
    """All time steps of all sequences, one below the other.

    Attributes
    ----------
    values : ndarray of shape (sum of T_i, F)
        In the input's own dtype.
    offsets : ndarray of shape (n + 1,)
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    first_sample : int
        The number that errors give to the first sequence.
    """

    values: np.ndarray
    offsets: np.ndarray
    first_sample: int = 0

    def locate(self, step: int) -> str:
        """Name the sample and the time step of a row of `values`."""
        sample = int(np.searchsorted(self.offsets, step, side="right")) - 1
        return f"sample {sample + self.first_sample} at time step {step - self.offsets[sample]}"


def read_for_fit(
    estimator: BaseEstimator,
    X: Any,
    *,
    timesteps: int | None = None,
    tokens: bool = False,
    vocabulary_size: int | None = None,
) -> tuple[Sequences, InputForm]:
    """Read X and remember its form; set ``n_features_in_`` (and ``feature_names_in_``).

    Raises
    ------
    ValueError
        If X is none of the forms of the user guide, empty, of unequal features, or not finite.
    """
    if tokens:
        steps = _token_steps(X)
        size = vocabulary_size or int(steps.values.max(initial=0)) + 1
        form = InputForm("tokens", 1, vocabulary_size=size)
        _set_n_features(estimator, 1)
        return _tokens(steps, form), form
    if is_table(X):
        table = _read_table(estimator, X, timesteps, reset=True)
        form = InputForm("table", table.shape[1] // (timesteps or table.shape[1]), timesteps)
        return _from_table(table, form), form
    steps = flatten_sequences(X)
    _set_n_features(estimator, steps.values.shape[1])
    return _floats(steps), InputForm("sequences", steps.values.shape[1], timesteps)


def read_for_predict(
    estimator: BaseEstimator, X: Any, form: InputForm, *, first_sample: int = 0
) -> Sequences:
    """Read X in a form that means the same as the one seen by ``fit``.

    `first_sample` is the number of X's first row where X is a part of something longer: errors
    name samples of the whole.
    """
    if form.kind == "tokens":
        return _tokens(_token_steps(X, first_sample), form)
    if is_table(X) and form.kind == "table":
        table = _read_table(estimator, X, form.timesteps, reset=False)
        return _from_table(table, form, first_sample)
    if is_table(X):
        X = _steps_of_table(_as_matrix(X), form)
    steps = flatten_sequences(X)
    _check_n_features(estimator, steps.values.shape[1], form)
    return _floats(replace(steps, first_sample=first_sample))


def read_in_blocks(estimator: BaseEstimator, X: Any, form: InputForm) -> Iterator[Sequences]:
    """Read X block by block where it is an array, so that memory maps may exceed the memory."""
    rows = _rows_per_block(X)
    if rows is None or len(X) <= rows:
        yield read_for_predict(estimator, X, form)
        return
    for first in range(0, len(X), rows):
        yield read_for_predict(estimator, X[first : first + rows], form, first_sample=first)


def is_table(X: Any) -> bool:
    """Whether X is two-dimensional (or scikit-learn has to say why it is not)."""
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.ndim == 1):
        return not _holds_arrays(X)
    return getattr(X, "ndim", 0) < 3


def flatten_sequences(X: Any) -> Steps:
    """Lay the time steps of a 3-D array or of a list of arrays one below the other.

    Nothing is dropped, and floats keep their dtype.
    """
    if isinstance(X, list | tuple) or getattr(X, "dtype", None) == np.dtype(object):
        return _steps_of_list([np.asarray(x) for x in X])
    return _steps_of_array(np.asarray(X))


def drop_absent_steps(steps: Steps, absent: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Find where each sequence starts and stops when absent steps at its ends are dropped.

    Parameters
    ----------
    steps : Steps
    absent : ndarray of bool, shape (sum of T_i,)
    what : str
        The name of an absent step, for the errors: "NaN" or "padding (id 0)".

    Returns
    -------
    starts, stops : ndarrays of shape (n,)
        Rows of ``steps.values``.

    Raises
    ------
    ValueError
        If an absent step lies inside a sequence, or a sequence has no step left.
    """
    offsets = steps.offsets
    present = np.flatnonzero(~absent)
    # (n,) the rows in `present` at which each sequence begins and ends
    first, end = np.searchsorted(present, offsets[:-1]), np.searchsorted(present, offsets[1:])
    if (empty := first == end).any():
        sample = int(np.flatnonzero(empty)[0]) + steps.first_sample
        raise ValueError(
            f"Sequence {sample} of X is empty: it has no time step"
            f"{' other than ' + what if absent.any() else ''}. Every sequence needs at least one."
        )
    starts, stops = present[first], present[end - 1] + 1
    if (holes := (stops - starts) != (end - first)).any():
        sample = int(np.flatnonzero(holes)[0])
        step = starts[sample] + int(np.flatnonzero(absent[starts[sample] : stops[sample]])[0])
        raise ValueError(
            f"Input X contains {what} in {steps.locate(step)}, inside the sequence. Only time "
            "steps at the start or the end of a sequence may be absent: impute the gap, or cut "
            "the sequence there."
        )
    return starts, stops


def _rows_per_block(X: Any) -> int | None:
    if not isinstance(X, np.ndarray) or X.ndim < 2 or X.dtype == object:
        return None
    return max(1, BYTES_PER_BLOCK // max(1, 4 * math.prod(X.shape[1:])))


def _holds_arrays(X: Any) -> bool:
    """Whether a list holds arrays (or lists of lists), that is: sequences, not rows of numbers."""
    if len(X) == 0:
        return False
    first = X[0]
    _refuse_string(first)
    if isinstance(first, list | tuple):
        _check_same_lengths(X)
        return len(first) > 0 and np.ndim(first[0]) > 0
    return getattr(first, "ndim", 0) > 0


def _check_same_lengths(rows: Any) -> None:
    """Check that rows of numbers, in lists, are a table."""
    for index, row in enumerate(rows):
        if len(row) != len(rows[0]) and np.ndim(row[0] if len(row) else 0) == 0:
            raise ValueError(
                f"Row {index} of X has {len(row)} numbers, but row 0 has {len(rows[0])}. A list of "
                "lists of numbers is a table; make sequences of varying length arrays: "
                "[np.asarray(x) for x in X]."
            )


def _refuse_string(first: Any) -> None:
    if isinstance(first, str | bytes):
        raise ValueError(
            f"X holds strings (the first is {first[:40]!r}), and an LSTM takes numbers: put a "
            "CharOneHotEncoder or a SequenceTokenizer before it."
        )


def _as_matrix(X: Any) -> np.ndarray:
    """Leave it to scikit-learn to say why X is not one."""
    return check_array(X, dtype=None, ensure_all_finite=False, input_name="X")


def _read_table(estimator: Any, X: Any, timesteps: int | None, *, reset: bool) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        table = validate_data(
            estimator, X, reset=reset, dtype=np.float32, order="C", ensure_all_finite=False
        )
    if timesteps and table.shape[1] % timesteps:
        raise ValueError(
            f"timesteps={timesteps} does not divide the {table.shape[1]} columns of X: "
            "each time step needs the same number of features."
        )
    return table


def _from_table(table: np.ndarray, form: InputForm, first_sample: int = 0) -> Sequences:
    array = table.reshape(len(table), -1, form.n_features)
    steps = replace(_steps_of_array(array), first_sample=first_sample)
    if not form.timesteps and np.isnan(table).any():
        place = steps.locate(int(np.flatnonzero(np.isnan(table).ravel())[0]))
        raise ValueError(
            f"Input X contains NaN in {place}. NaN pads sequences in 3-D arrays, in lists and in "
            "tables with timesteps set; in other tables impute it."
        )
    return _floats(steps)


def _steps_of_table(X: np.ndarray, form: InputForm) -> np.ndarray:
    """Read a 2-D array by an estimator that was fitted on sequences of F features."""
    n_features = form.n_features
    columns = n_features * form.timesteps if form.timesteps else X.shape[1]
    if X.shape[1] != columns or (n_features > 1 and not form.timesteps):
        raise ValueError(
            f"X has shape {X.shape}, but was fitted on sequences of {n_features} features per "
            f"time step: {VALID_FORMS}, with F = {n_features}."
        )
    return X.reshape(len(X), -1, n_features)


def _steps_of_array(array: np.ndarray) -> Steps:
    if array.ndim != 3:
        raise ValueError(f"X has shape {array.shape}: {VALID_FORMS}.")
    if 0 in array.shape:
        raise ValueError(
            f"X of shape {array.shape} is empty: found array with {array.shape[0]} sample(s), "
            f"{array.shape[1]} time step(s) and {array.shape[2]} feature(s), "
            "while a minimum of 1 of each is required."
        )
    n, n_steps, n_features = array.shape
    values = np.ascontiguousarray(_as_floats(array, "X")).reshape(n * n_steps, n_features)
    return Steps(values, np.arange(n + 1) * n_steps)


def _steps_of_list(arrays: list[np.ndarray]) -> Steps:
    if not arrays:
        raise ValueError(
            f"X is empty: found 0 sample(s) while a minimum of 1 is required; {VALID_FORMS}."
        )
    columns = [_as_column(array, sample) for sample, array in enumerate(arrays)]
    n_features = columns[0].shape[1]
    for sample, column in enumerate(columns):
        if column.shape[1] != n_features:
            raise ValueError(
                f"Sequence {sample} of X has {column.shape[1]} features per time step, but "
                f"sequence 0 has {n_features}: all sequences need the same features."
            )
    offsets = np.concatenate([[0], np.cumsum([len(column) for column in columns])])
    return Steps(np.concatenate(columns), offsets)


def _as_column(array: np.ndarray, sample: int) -> np.ndarray:
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        raise ValueError(
            f"Sequence {sample} of X has shape {array.shape}: valid are (T, F) and (T,)."
        )
    floats = _as_floats(array, f"Sequence {sample} of X")
    return floats[:, np.newaxis] if floats.ndim == 1 else floats


def _as_floats(array: np.ndarray, name: str) -> np.ndarray:
    if np.issubdtype(array.dtype, np.floating):
        return array
    if np.iscomplexobj(array):
        raise ValueError(f"Complex data not supported: {name} has dtype {array.dtype}.")
    if array.dtype.kind in "biu":
        return array.astype(np.result_type(array.dtype, np.float32))
    try:
        if array.dtype.kind == "O":
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name} has dtype {array.dtype}, and not all of it are numbers.")


def _floats(steps: Steps) -> Sequences:
    """Turn steps into float32 sequences; NaN at the ends means "no such time step"."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = steps.values.astype(np.float32, copy=False)
        total = values.sum()  # not finite if any value is not: faster than to look at each
    lengths = np.diff(steps.offsets)
    if np.isfinite(total) and lengths.all():
        return Sequences(values, steps.offsets[:-1], lengths)
    missing = np.isnan(values)
    _check_finite(replace(steps, values=values), missing)
    starts, stops = drop_absent_steps(steps, missing.all(axis=1), "NaN")
    return Sequences(values, starts, stops - starts)


def _check_finite(steps: Steps, missing: np.ndarray) -> None:
    partly = missing.any(axis=1) & ~missing.all(axis=1)
    infinite = np.isinf(steps.values).any(axis=1)
    for rows, what, hint in (
        (infinite, "infinity or a value too large for dtype('float32')", "Scale or clip X."),
        (partly, "NaN", "A time step is absent only if all its features are NaN: impute the rest."),
    ):
        if rows.any():
            step = int(np.flatnonzero(rows)[0])
            raise ValueError(f"Input X contains {what} in {steps.locate(step)}. {hint}")


def _token_steps(X: Any, first_sample: int = 0) -> Steps:
    """Lay the token ids of a 2-D integer array, or of a list of 1-D ones, one after another."""
    is_list = isinstance(X, list | tuple) or getattr(X, "ndim", 0) not in (0, 2)
    rows = list(X if is_list else _as_matrix(X))
    if not rows:
        raise ValueError("X is empty: found 0 sample(s) while a minimum of 1 is required.")
    _refuse_string(rows[0])
    arrays = [_as_ids(row, sample) for sample, row in enumerate(rows, first_sample)]
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])])
    return Steps(np.concatenate(arrays), offsets, first_sample)


def _as_ids(row: Any, sample: int) -> np.ndarray:
    array = np.asarray(row)
    if array.ndim != 1:
        raise ValueError(
            f"Sequence {sample} of X has shape {array.shape}, but token ids (embedding_dim is set) "
            "are an integer array of shape (n, T) or a list of arrays of shape (T_i,)."
        )
    if array.size and array.dtype.kind not in "iu":
        ids = (
            array.astype(np.int64) if array.dtype.kind == "f" and np.isfinite(array).all() else None
        )
        if ids is None or (ids != array).any():
            raise ValueError(
                f"Sequence {sample} of X has dtype {array.dtype}, but token ids are integers: "
                "make them with SequenceTokenizer, or leave embedding_dim=None for numbers."
            )
        return ids
    return array.astype(np.int64)


def _tokens(steps: Steps, form: InputForm) -> Sequences:
    ids = steps.values
    if (outside := (ids < 0) | (ids >= form.vocabulary_size)).any():
        step = int(np.flatnonzero(outside)[0])
        raise ValueError(
            f"Token id {ids[step]} in {steps.locate(step)} is outside the "
            f"vocabulary: valid are 0 (padding) to {form.vocabulary_size - 1}. "
            "Set vocabulary_size to the highest possible id + 1."
        )
    starts, stops = drop_absent_steps(steps, ids == 0, "padding (id 0)")
    return Sequences(ids.astype(np.int32), starts, stops - starts)


def _set_n_features(estimator: Any, n_features: int) -> None:
    estimator.n_features_in_ = n_features
    vars(estimator).pop("feature_names_in_", None)


def _check_n_features(estimator: BaseEstimator, n_features: int, form: InputForm) -> None:
    if n_features != form.n_features:
        raise ValueError(
            f"X has {n_features} features per time step, but {type(estimator).__name__} is "
            f"expecting {form.n_features} features per time step as input."
        )
