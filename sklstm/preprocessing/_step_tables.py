"""The time steps of all sequences as the rows of one table, of any form of X, and back again."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import FLOAT_DTYPES, validate_data

from sklstm.input.absent_steps import TimeSteps
from sklstm.input.containers import as_numbers, frame_as_array, is_frame
from sklstm.input.feature_names import check_names
from sklstm.input.frames import take_rows
from sklstm.input.parse_x import is_table
from sklstm.preprocessing._base import as_object_array
from sklstm.preprocessing._read_sequences import as_list, check_n_features, read_sequences
from sklstm.preprocessing._series_rows import By, SeriesRows, column_at, split_by_series

MAY_BE_MISSING = {"dtype": FLOAT_DTYPES, "ensure_all_finite": "allow-nan"}
SAY_WHAT_ROWS_ARE = (
    "Of a table, say what a row is: timesteps=..., if it is a sequence; by=..., the columns that "
    "tell the series, if it is a time step of one of several series; by=[] for a single series."
)


@dataclass(frozen=True)
class StepTable:
    """The time steps of all sequences, one below the other.

    Attributes
    ----------
    form : {"array", "sequences", "frames", "table", "rows"}
        What X is: a 3-D array, a list of arrays or of frames, or a table, whose rows are sequences
        ("table") or time steps ("rows").
    table : DataFrame or ndarray of shape (N, C)
        A column for each feature. Numbers of an array are floats.
    offsets : ndarray of shape (n + 1,)
        Sequence i has the rows ``offsets[i]`` to ``offsets[i + 1] - 1``.
    rows : SeriesRows or None
        Where the rows of X are time steps: which belong to which series.
    kept : list of int or None
        Then also: the columns of X that are features.
    """

    form: str
    table: Any
    offsets: np.ndarray
    rows: SeriesRows | None = None
    kept: list[int] | None = None

    def locate(self, step: int) -> str:
        """Return the place of a row of the table, as text for an error."""
        if self.rows is not None:
            return f"row {self.rows.order[step]}"
        return TimeSteps(self.table, self.offsets).locate(step)


def read_step_table(
    estimator: BaseEstimator, X: Any, *, by: By, timesteps: int | None, reset: bool
) -> StepTable:
    """Read the time steps of X, and learn or check its columns for an estimator.

    Raises
    ------
    ValueError or TypeError
        If X has no valid form, other columns than in ``fit``, or arrays hold what is no number.
    """
    if by is not None:
        return _rows_of_series(estimator, X, by, reset=reset)
    sequences = as_list(X)
    if timesteps is not None and (is_frame(X) or is_table(X)):
        return _rows_of_sequences(estimator, X, timesteps, reset=reset)
    if sequences is None and (is_frame(X) or len(np.shape(X)) == 2):
        raise ValueError(
            f"X has shape {np.shape(X)}, but sequences are needed: valid are an array of shape "
            f"(n, T, F), padded with NaN, or a list of arrays. {SAY_WHAT_ROWS_ARE}"
        )
    if sequences and is_frame(sequences[0]):
        check_names(estimator, sequences, None, reset=reset)
        lengths = [len(frame) for frame in sequences]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return StepTable("frames", _concatenated(sequences), offsets)
    steps = read_sequences(X)
    if not reset:
        check_n_features(estimator, steps, estimator.n_features_in_)
    check_names(estimator, sequences, steps, reset=reset)
    form = "array" if sequences is None else "sequences"
    return StepTable(form, steps.values, steps.offsets)


def _rows_of_series(estimator: BaseEstimator, X: Any, by: By, *, reset: bool) -> StepTable:
    rest, rows, kept = split_by_series(X, by, "X")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    if not is_frame(rest):
        numbers = as_numbers(rest, "X", lambda place: f"row {place[0]}, column {kept[place[1]]}")
        rest = check_array(numbers, estimator=estimator, input_name="X", **MAY_BE_MISSING)
    elif not len(rest):
        raise ValueError("X is empty: found 0 sample(s) while a minimum of 1 is required.")
    return StepTable("rows", take_rows(rest, rows.order), rows.offsets, rows, kept)


def _rows_of_sequences(
    estimator: BaseEstimator, X: Any, timesteps: int, *, reset: bool
) -> StepTable:
    if is_frame(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        table = check_array(frame_as_array(X, "X"), estimator=estimator, **MAY_BE_MISSING)
    else:
        table = validate_data(estimator, _unmasked(X), reset=reset, **MAY_BE_MISSING)
    n, n_columns = table.shape
    if n_columns % timesteps:
        raise ValueError(
            f"timesteps={timesteps} does not divide the {n_columns} columns of X: each time step "
            "needs the same number of features."
        )
    return StepTable("table", table.reshape(n * timesteps, -1), np.arange(n + 1) * timesteps)


def _unmasked(X: Any) -> Any:
    if isinstance(X, np.ma.MaskedArray):
        return as_numbers(X, "X", str)
    return X


def _concatenated(frames: list[Any]) -> Any:
    if not hasattr(frames[0], "iloc"):
        import polars as pl

        return pl.concat(frames, how="vertical_relaxed")
    import pandas as pd

    with warnings.catch_warnings():  # pandas 2 warns of columns without a value
        warnings.simplefilter("ignore", FutureWarning)
        return pd.concat(frames)


def give_back(
    X: Any, steps: StepTable, columns: list[Any], names: list[str], places: list[int]
) -> Any:
    """Return columns of all time steps in the form that X has.

    Parameters
    ----------
    X : what the steps were read from
    steps : StepTable
    columns : list of arrays or Series of shape (N,)
        Where rows of X are time steps, its columns that tell the series are put among them.
    names : list of str
        Of all columns, for frames.
    places : list of int
        The columns of X that the first ones of `columns` come from.
    """
    n = len(steps.offsets) - 1
    if steps.form == "rows":
        return _as_rows(X, steps, columns, names, places)
    if steps.form == "frames":
        whole = frame_of(columns, names, steps.table)
        bounds = zip(steps.offsets[:-1], steps.offsets[1:], strict=True)
        frames = [_copied(whole[a:b]) for a, b in bounds]
        return as_object_array(frames) if isinstance(X, np.ndarray) else frames
    values = np.stack(columns, axis=1)
    if steps.form == "array":
        return values.reshape(n, -1, len(columns))
    if steps.form == "table":
        table = values.reshape(n, -1)
        return frame_of(list(table.T), names, X) if is_frame(X) else table
    sequences = [part.copy() for part in np.split(values, steps.offsets[1:-1])]
    return as_object_array(sequences) if isinstance(X, np.ndarray) else sequences


def _as_rows(
    X: Any, steps: StepTable, columns: list[Any], names: list[str], places: list[int]
) -> Any:
    back = np.argsort(steps.rows.order)
    columns = [take_rows(column, back) for column in columns]
    table = X if is_frame(X) else np.asanyarray(X)
    tell_series = {j: column_at(table, j) for j in range(table.shape[1]) if j not in steps.kept}
    first = dict(zip(places, columns, strict=False)) | tell_series
    columns = [first[j] for j in sorted(first)] + columns[len(places) :]
    if is_frame(X):
        return frame_of(columns, names, X)
    return np.column_stack(columns)  # objects, where the series have names


def frame_of(columns: list[Any], names: list[str], like: Any) -> Any:
    """Make a DataFrame of the library and with the index of another one."""
    if not hasattr(like, "iloc"):
        import polars as pl

        return pl.DataFrame([pl.Series(n, c) for n, c in zip(names, columns, strict=True)])
    import pandas as pd

    series = [c if isinstance(c, pd.Series) else pd.Series(c, index=like.index) for c in columns]
    frame = pd.concat(series, axis=1)
    return frame.set_axis(names, axis=1)


def _copied(part: Any) -> Any:
    return part.copy() if hasattr(part, "iloc") else part
