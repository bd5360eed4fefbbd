"""The time steps of sequences as the rows of one table, and back."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from sklstm.input.absent_steps import TimeSteps
from sklstm.input.containers import as_numbers, is_frame
from sklstm.input.feature_names import first_frame
from sklstm.input.frames import (
    column_of,
    cut_rows,
    find_empty_rows,
    find_missing,
    join_frames,
    take_rows,
)
from sklstm.preprocessing._base import as_object_array
from sklstm.preprocessing._read_sequences import as_list, read_sequences, strip_padding


@dataclass(frozen=True)
class StepRows:
    """The time steps of all sequences, without padding, one below the other.

    Attributes
    ----------
    values : ndarray of shape (m, F) or DataFrame of m rows
        Floats of an array; the columns of data frames, in their dtypes.
    mask : ndarray of shape (sum of T_i,)
        Which time steps of X are rows of `values`: m of them. The others are padding.
    offsets : ndarray of shape (n + 1,)
        Sequence i is ``mask[offsets[i]:offsets[i + 1]]``.
    """

    values: Any
    mask: np.ndarray
    offsets: np.ndarray


def read_step_rows(X: Any) -> StepRows:
    """Read sequences of numbers, or a list of data frames with columns of any kind.

    Raises
    ------
    ValueError
        As `read_sequences`, and if the frames of a list differ in their columns.
    """
    sequences = as_list(X)
    if sequences is None or first_frame(sequences) is None:
        steps = read_sequences(X)
        mask = _step_mask(steps)
        return StepRows(steps.values[mask], mask, steps.offsets)
    frame, offsets = join_frames(sequences)
    absent = TimeSteps(np.where(find_empty_rows(frame), np.nan, 0)[:, np.newaxis], offsets)
    _check_finite(frame, absent)
    mask = _step_mask(absent)
    return StepRows(frame if mask.all() else take_rows(frame, mask), mask, offsets)


def names_of_empty_features(rows: Any) -> list[Any]:
    """Return the names, or for an array the numbers, of the features without any value."""
    if not is_frame(rows):
        return np.flatnonzero(np.isnan(rows).all(axis=0)).tolist()
    columns = (column_of(rows, j) for j in range(rows.shape[1]))
    return [column.name for column in columns if find_missing(column).all()]


@contextmanager
def naming_text_columns(rows: Any) -> Iterator[None]:
    """Say which columns hold text where a transformer of numbers finds some."""
    try:
        yield
    except ValueError as error:
        if not is_frame(rows) or "could not convert string to float" not in str(error):
            raise
        names = [name for j, name in enumerate(rows.columns) if _holds_text(column_of(rows, j))]
        raise ValueError(
            f"{error}. Columns of text: {names}. Encode them, and name the columns of each "
            "transformer: TimeDistributed(make_column_transformer("
            f"(OneHotEncoder(), {names}), (StandardScaler(), [...])))."
        ) from error


def _holds_text(column: Any) -> bool:
    known = column.drop_nulls() if hasattr(column, "drop_nulls") else column.dropna()
    return len(known) > 0 and isinstance(next(iter(known)), str)


def as_numeric_rows(rows: Any, n: int, source: str) -> np.ndarray:
    """Check that a transformer returned one row of numbers for each time step."""
    rows = rows.toarray() if issparse(rows) else np.asarray(rows)
    if rows.ndim != 2 or len(rows) != n or rows.dtype.kind not in "biufO":
        raise ValueError(
            f"{source} returned an array of shape {rows.shape} and dtype {rows.dtype} for {n} time "
            f"steps: valid are numbers of shape ({n}, F_out), one row for each time step."
        )
    return as_numbers(rows, f"What {source} returned", lambda i: f"row {i[0]}, column {i[1]}")


def sequences_of_arrays(rows: np.ndarray, steps: StepRows, X: Any) -> Any:
    """Give numbers back in the form of X: an array of three axes, a list or an object array."""
    # (sum of T_i, F_out), in a dtype that has NaN
    values = np.full((len(steps.mask), rows.shape[1]), np.nan, np.result_type(rows, np.float32))
    values[steps.mask] = rows
    if len(getattr(X, "shape", ())) == 3:
        return values.reshape(X.shape[0], -1, values.shape[1])
    return _in_form_of(X, np.split(values, steps.offsets[1:-1]))


def sequences_of_frames(
    rows: Any, steps: StepRows, X: Any, *, library: str, names: list[Any] | None, source: str
) -> Any:
    """Give rows back as data frames, one for each sequence, as a list or an object array.

    `names` are those of the columns, of which a frame has its own. Padding is rows of missing
    values.
    """
    rows = rows.toarray() if issparse(rows) else rows
    if np.ndim(rows) != 2 or len(rows) != len(steps.values):
        as_numeric_rows(rows, len(steps.values), source)
    table = _as_frame(rows, library, names)
    sequences = as_list(X)
    if library == "pandas":
        table = _with_padding_in_pandas(table, steps.mask)
        table.index = _index_of(sequences, steps.offsets)
    else:
        table = _with_padding_in_polars(table, steps.mask)
    return _in_form_of(X, cut_rows(table, steps.offsets))


def _step_mask(steps: TimeSteps) -> np.ndarray:
    """Return a mask of the rows that are time steps of a sequence, gaps included, not padding."""
    starts, stops = strip_padding(steps, allow_gaps=True)
    edges = np.zeros(len(steps.values) + 1, np.int64)
    np.add.at(edges, starts, 1)
    np.add.at(edges, stops, -1)
    return edges[:-1].cumsum() > 0


def _check_finite(frame: Any, steps: TimeSteps) -> None:
    for j, name in enumerate(frame.columns):
        column = column_of(frame, j)
        if not _holds_floats(column.dtype):
            continue
        if (infinite := np.isinf(_as_floats(column))).any():
            where = steps.locate(int(np.argmax(infinite)))
            raise ValueError(
                f"Input X contains infinity in {where}, column {name!r}. Scale or clip X."
            )


def _holds_floats(dtype: Any) -> bool:
    return dtype.is_float() if hasattr(dtype, "is_float") else getattr(dtype, "kind", "") == "f"


def _as_floats(column: Any) -> np.ndarray:
    if hasattr(column.dtype, "na_value"):  # nullable in pandas
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(column)


def _as_frame(rows: Any, library: str, names: list[Any] | None) -> Any:
    """Make a data frame of a table; objects get the dtypes of their values."""
    module = importlib.import_module(library)
    if is_frame(rows):
        if isinstance(rows, module.DataFrame):
            return rows
        names = list(rows.columns)
    columns = np.asarray(rows).T
    if columns.dtype == object:
        columns = map(list, columns)
    if names is None:
        names = [f"column_{j}" for j in range(rows.shape[1])]
    return module.DataFrame(dict(zip(names, columns, strict=True)))


def _with_padding_in_pandas(table: Any, mask: np.ndarray) -> Any:
    if mask.all():
        return table.copy(deep=False)
    return table.set_axis(np.flatnonzero(mask)).reindex(np.arange(len(mask)))


def _with_padding_in_polars(table: Any, mask: np.ndarray) -> Any:
    if mask.all():
        return table
    polars = importlib.import_module("polars")
    rows = polars.Series(np.cumsum(mask) - 1).set(polars.Series(~mask), None)
    return table.select(polars.all().gather(rows))


def _index_of(sequences: list[Any], offsets: np.ndarray) -> Any:
    """Return the index of the sequences, one below the other; from 0 in each that has none."""
    if all(hasattr(sequence, "iloc") for sequence in sequences):
        return sequences[0].index.append([sequence.index for sequence in sequences[1:]])
    return np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))


def _in_form_of(X: Any, sequences: list[Any]) -> Any:
    return as_object_array(sequences) if isinstance(X, np.ndarray) else sequences
