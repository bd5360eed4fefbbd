"""The parser of X: checks every valid form of X and reads it into `Sequences`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_array

from sklstm._sequences import InputForm, Sequences
from sklstm.input.absent_steps import TimeSteps, drop_absent_steps
from sklstm.input.containers import (
    NUMBERS,
    as_numbers,
    first_element,
    frame_as_array,
    is_frame,
    is_lazy_array,
    is_series,
    load_lazy_array,
    refuse_container,
    rows_per_block,
    sequence_as_array,
)
from sklstm.input.feature_names import (
    check_form_columns,
    check_names_in_list,
    first_frame,
    names_in_list,
    names_of_frame,
)
from sklstm.input.frames import code_for_long_table, join_frames, library_of
from sklstm.input.input_form import Static, check_n_features, form_of_sequences, form_of_table
from sklstm.input.static_features import split_steps, split_table, with_static
from sklstm.input.stored_arrays import StoredSteps, exceeds_a_block
from sklstm.input.token_ids import read_token_ids

VALID_FORMS = (
    "valid are an array of shape (n, T, F), a 2-D array or DataFrame of shape (n, T), "
    "or a list of arrays of shape (T_i, F) or (T_i,)"
)
BYTES_PER_BLOCK, BYTES_PER_READ = 64 * 2**20, 16 * 2**20


def read_for_fit(
    X: Any,
    *,
    timesteps: int | None = None,
    tokens: bool = False,
    vocabulary_size: int | None = None,
    static: Static = (),
) -> tuple[Sequences, InputForm]:
    """Read X, and return its form too, with the names of the columns.

    Raises
    ------
    ValueError
        If X has no valid form, is empty, has unequal numbers of features, or is not finite, or
        the static features are not in X or change within a sequence.
    """
    if not (tokens or static) and exceeds_a_block(X):
        form = form_of_sequences(X.shape[2], None, timesteps, static)
        return _present(_stored_steps(X)), form
    X = _opened(X)
    if tokens:
        sequences, size = read_token_ids(_rows_of_ids(X), vocabulary_size)
        return sequences, InputForm("tokens", 1, 1, vocabulary_size=size)
    if is_table(X):
        names = names_of_frame(X) if is_frame(X) else None
        table = _as_matrix(X)
        form = form_of_table(table.shape[1], names, timesteps, static)
        return _from_table(table, form), form
    steps = flatten_sequences(X)
    form = form_of_sequences(steps.values.shape[1], names_in_list(X), timesteps, static)
    return _from_steps(steps, form), form


def read_for_predict(
    X: Any, form: InputForm, estimator_name: str, *, first_sample: int = 0
) -> Sequences:
    """Read X, whose form must be compatible with the form in ``fit``.

    `first_sample` is the number of X's first row if X is a later block of a longer array: errors
    then count samples from its start, and the columns have been checked with the first block.
    """
    if form.kind == "sequences" and not form.static and exceeds_a_block(X):
        stored = _stored_steps(X)
        check_n_features(X.shape[2], form, estimator_name)
        check_names_in_list(X, stored, form, estimator_name)
        return _present(stored)
    X = _opened(X)
    if form.kind == "tokens":
        return read_token_ids(_rows_of_ids(X), form.vocabulary_size, first_sample)[0]
    of_table = is_table(X)
    if of_table and form.kind == "table":
        if is_frame(X):
            check_form_columns(X, form, estimator_name)
        table = _as_matrix(X, first_sample)
        if not is_frame(X) and not first_sample:
            check_form_columns(table, form, estimator_name)
        return _from_table(table, form, first_sample)
    if of_table:
        _check_no_long_table(X, form)
    steps = flatten_sequences(_steps_of_table(_as_matrix(X), form) if of_table else X)
    check_n_features(steps.values.shape[1], form, estimator_name)
    if form.kind == "sequences" and not of_table and not first_sample:
        check_names_in_list(X, steps, form, estimator_name)
    return _from_steps(replace(steps, first_sample=first_sample), form)


def read_in_blocks(X: Any, form: InputForm, estimator_name: str) -> Iterator[Sequences]:
    """Read X block by block if it is an array, so that X may exceed the memory.

    These are numpy arrays, memory maps, and all objects that have a shape and can be sliced.
    """
    is_array = isinstance(X, np.ndarray) and X.ndim > 1
    can_be_cut = (is_array or is_lazy_array(X)) and X.dtype.kind in NUMBERS
    rows = rows_per_block(X, BYTES_PER_BLOCK) if can_be_cut else None
    if rows is None or X.shape[0] <= rows:
        yield read_for_predict(X, form, estimator_name)
        return
    for first in range(0, X.shape[0], rows):
        block = X[first : first + rows]
        yield read_for_predict(block, form, estimator_name, first_sample=first)


def is_table(X: Any) -> bool:
    """Whether X is read as a table; reading raises an error if it is not two-dimensional."""
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.ndim == 1):
        return not _holds_arrays(X)
    return getattr(X, "ndim", 0) < 3


def flatten_sequences(X: Any) -> TimeSteps:
    """Concatenate the time steps of a 3-D array or of a list of arrays.

    No time step is dropped, and numbers keep their dtype.
    """
    if isinstance(X, list | tuple) or (isinstance(X, np.ndarray) and X.ndim == 1):
        if (first := first_frame(list(X))) is not None and library_of(first) is not None:
            return _steps_of_frames(list(X))
        return _steps_of_list([sequence_as_array(x, sample) for sample, x in enumerate(X)])
    return _steps_of_array(np.asanyarray(X))


def _opened(X: Any) -> Any:
    """Convert containers to an array in memory or a list; DataFrames stay; others are errors."""
    refuse_container(X, "X")
    if hasattr(X, "__array__") and not (hasattr(X, "ndim") or is_frame(X) or is_series(X)):
        X = np.asarray(X)
    if is_lazy_array(X):
        return load_lazy_array(X, rows_per_block(X, BYTES_PER_READ))
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1:
        return list(X)
    if is_series(X):
        first = first_element(X)
        if isinstance(first, str):
            refuse_container(first, "X")
        if first is not None and len(np.shape(first)) > 0:
            return [
                x if x is None or is_frame(x) else sequence_as_array(x, i) for i, x in enumerate(X)
            ]
    return X


def _holds_arrays(X: Any) -> bool:
    """Whether a list holds sequences (arrays or lists of lists) rather than rows of numbers."""
    first = first_element(X)
    if isinstance(first, str | bytes):
        refuse_container(first, "X")
    if isinstance(X, list | tuple) and len(X):
        sample = next((i for i, x in enumerate(X) if x is not None), 0)
        refuse_container(first, f"Sequence {sample} of X")
    if not isinstance(first, list | tuple):
        return is_frame(first) or is_series(first) or getattr(first, "ndim", 0) > 0
    values = next((row[0] for row in X if isinstance(row, list | tuple) and len(row)), 0)
    if np.ndim(values) > 0:
        return True
    _check_same_lengths(X)
    return False


def _check_same_lengths(rows: Any) -> None:
    """Check that lists of numbers have one length, as the rows of a table do."""
    for index, row in enumerate(rows):
        if row is None or np.ndim(row) == 0:
            raise ValueError(
                f"Row {index} of X is {row!r}, but others are lists of numbers: {VALID_FORMS}."
            )
        if len(row) != len(rows[0]):
            raise ValueError(
                f"Row {index} of X has {len(row)} numbers, but row 0 has {len(rows[0])}. A list of "
                "lists of numbers is a table; make sequences of varying length arrays: "
                "[np.asarray(x) for x in X]."
            )


def _as_matrix(X: Any, first_row: int = 0) -> np.ndarray:
    """Convert a table to a 2-D array of numbers; scikit-learn's check refuses what is not 2-D."""
    if is_frame(X):
        X = frame_as_array(X, "X")
    elif isinstance(X, list | tuple) and not len(X):
        raise ValueError(
            f"X is empty: found 0 sample(s) while a minimum of 1 is required; {VALID_FORMS}."
        )
    elif isinstance(X, np.ndarray | list | tuple) and not isinstance(X, np.matrix):
        X = _array_of_rows(X)
        if X.ndim == 2:
            X = as_numbers(X, "X", lambda index: f"row {first_row + index[0]}, column {index[1]}")
    return check_array(X, dtype=None, order="C", ensure_all_finite=False, input_name="X")


def _array_of_rows(X: Any) -> np.ndarray:
    try:
        return np.asanyarray(X)
    except ValueError:
        _check_same_lengths(X)
        raise


def _rows_of_ids(X: Any) -> Any:
    """Return a 2-D array, or a list of rows."""
    is_array = isinstance(X, np.ndarray)
    is_list = isinstance(X, list | tuple) or (is_array and X.ndim != 2 and X.ndim > 0)
    return X if is_list else _as_matrix(X)


def _from_table(table: np.ndarray, form: InputForm, first_sample: int = 0) -> Sequences:
    table, static = split_table(table, form, first_sample)
    array = table.reshape(len(table), -1, form.n_features)
    steps = replace(_steps_of_array(array), first_sample=first_sample)
    sequences = _present(steps, may_be_absent=form.timesteps is not None)
    return sequences if static is None else replace(sequences, static=static)


def _from_steps(steps: TimeSteps, form: InputForm) -> Sequences:
    own, repeated = split_steps(steps, form)
    sequences = _present(own)
    return sequences if repeated is None else with_static(sequences, repeated, steps, form)


def _check_no_long_table(X: Any, form: InputForm) -> None:
    """Refuse a data frame of one row per time step, for an estimator fitted on sequences."""
    if form.timesteps or not is_frame(X):
        return
    has_levels = hasattr(X, "iloc") and X.index.nlevels > 1
    if has_levels or form.n_features > 1 or form.names is not None:
        raise ValueError(
            f"X has shape {X.shape}, but was fitted on sequences of {form.n_features} features per "
            "time step: valid are an array of shape (n, T, F) and a list of arrays or DataFrames. "
            "If the DataFrame is one sequence, pass [X]; if it holds several, one below the other, "
            f"{code_for_long_table(X)}."
        )


def _steps_of_table(X: np.ndarray, form: InputForm) -> np.ndarray:
    """Cut the rows of a 2-D X into time steps, for an estimator that was fitted on sequences."""
    n_features = form.n_columns
    columns = n_features * form.timesteps if form.timesteps else X.shape[1]
    if X.shape[1] != columns or (n_features > 1 and not form.timesteps):
        raise ValueError(
            f"X has shape {X.shape}, but was fitted on sequences of {n_features} features per "
            f"time step: {VALID_FORMS}, with F = {n_features}."
        )
    return X.reshape(len(X), -1, n_features)


def _stored_steps(X: Any) -> TimeSteps:
    """Leave the time steps of a 3-D array on the disk."""
    return TimeSteps(StoredSteps(X), np.arange(X.shape[0] + 1) * X.shape[1])


def _steps_of_array(array: np.ndarray) -> TimeSteps:
    if array.ndim != 3:
        raise ValueError(f"X has shape {array.shape}: {VALID_FORMS}.")
    if 0 in array.shape:
        raise ValueError(
            f"X of shape {array.shape} is empty: found array with {array.shape[0]} sample(s), "
            f"{array.shape[1]} time step(s) and {array.shape[2]} feature(s), "
            "while a minimum of 1 of each is required."
        )
    n, n_steps, n_features = array.shape
    values = as_numbers(array, "X", _in_array).reshape(n * n_steps, n_features)
    return TimeSteps(np.asarray(values), np.arange(n + 1) * n_steps)


def _in_array(index: tuple[int, ...]) -> str:
    return "sample {} at time step {}, feature {}".format(*index)


def _steps_of_frames(frames: list[Any]) -> TimeSteps:
    """Join the frames before their numbers are read: 50,000 of them take seconds one by one."""
    frame, offsets = join_frames(frames)
    try:
        return TimeSteps(frame_as_array(frame, "X"), offsets)
    except (TypeError, ValueError):
        for sample, each in enumerate(frames):
            sequence_as_array(each, sample)  # raises an error that names the sequence
        raise


def _steps_of_list(arrays: list[np.ndarray]) -> TimeSteps:
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
    return TimeSteps(np.concatenate(columns), offsets)


def _as_column(array: np.ndarray, sample: int) -> np.ndarray:
    if array.shape == (0,):
        raise ValueError(
            f"Sequence {sample} of X is empty: it has no time step. Every sequence needs at "
            "least one."
        )
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        raise ValueError(
            f"Sequence {sample} of X has shape {array.shape}: valid are (T, F) and (T,)."
        )
    return array[:, np.newaxis] if array.ndim == 1 else array


def _present(steps: TimeSteps, *, may_be_absent: bool = True) -> Sequences:
    """Check that X is finite, and drop time steps that are all NaN at the ends of sequences."""
    hint = "A time step is absent only if all its features are NaN: impute the rest."
    if not may_be_absent:
        hint = (
            "NaN pads sequences in 3-D arrays, in lists and in tables with timesteps set; in "
            "other tables impute it."
        )

    def refuse(first: int, wrong: np.ndarray, what: str, advice: str) -> None:
        place = steps.locate(first + int(np.flatnonzero(wrong.any(axis=1))[0]))
        raise ValueError(f"Input X contains {what} in {place}. {advice}")

    def find_absent(first: int, block: np.ndarray) -> np.ndarray | None:
        if block.dtype.kind != "f" or _all_finite(block):
            return None
        missing = np.isnan(block)
        absent = missing.all(axis=1)
        n_unexpected = missing.sum() - (block.shape[1] * absent.sum() if may_be_absent else 0)
        infinite = np.isinf(block)
        if infinite.any():
            refuse(first, infinite, "infinity", "Clip or replace it.")
        if n_unexpected:
            refuse(
                first, missing & ~absent[:, np.newaxis] if may_be_absent else missing, "NaN", hint
            )
        return absent

    starts, stops = drop_absent_steps(steps, find_absent, "NaN")
    return Sequences(steps.values, starts, stops - starts)


def _all_finite(block: np.ndarray) -> bool:
    """Whether the sum is finite: a fast check. It may overflow, so False only means "maybe not"."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(block.sum(dtype=np.result_type(block, np.float32))))
