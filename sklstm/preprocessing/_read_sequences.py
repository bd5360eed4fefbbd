"""Reading the sequences that a transformer is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklstm.input.absent_steps import TimeSteps, drop_absent_steps, find_spans
from sklstm.input.containers import (
    is_frame,
    is_lazy_array,
    is_series,
    load_lazy_array,
    refuse_nested_columns,
    rows_per_block,
)
from sklstm.input.frames import code_for_long_table
from sklstm.input.parse_x import BYTES_PER_READ, flatten_sequences

VALID_SEQUENCES = (
    "valid are an array of shape (n, T, F), padded with NaN, "
    "or a list of arrays of shape (T_i, F) or (T_i,)"
)


def read_sequences(X: Any) -> TimeSteps:
    """Read sequences as floats; the time steps of all sequences are rows of one array.

    Values that are masked or None become NaN.

    Raises
    ------
    ValueError
        If X is a table, empty, of unequal features, not numeric or infinite.
    """
    sequences = as_list(X)
    steps = flatten_sequences(_as_sequence_array(X) if sequences is None else sequences)
    steps = replace(steps, values=_as_floats(steps.values))
    if (infinite := np.isinf(steps.values).any(axis=1)).any():
        where = steps.locate(int(np.flatnonzero(infinite)[0]))
        raise ValueError(f"Input X contains infinity in {where}. Scale or clip X.")
    return steps


def as_list(X: Any) -> list[Any] | None:
    """Return the sequences as a list if X is a list, an object array or a Series, else None."""
    if isinstance(X, list | tuple):
        return list(X)
    is_array = isinstance(X, np.ndarray) or is_series(X)
    return list(X) if is_array and np.asarray(X).dtype == object and np.ndim(X) == 1 else None


def _as_floats(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return values
    return values.astype(np.result_type(values.dtype, np.float32))


def _as_sequence_array(X: Any) -> np.ndarray:
    if is_lazy_array(X):
        X = load_lazy_array(X, rows_per_block(X, BYTES_PER_READ))
    if is_frame(X):
        refuse_nested_columns(X, "X")
        raise ValueError(
            f"X is one DataFrame of shape {X.shape}, but sequences are needed: pass [X] if it is "
            f"one sequence, or {code_for_long_table(X)} if it holds several, one below the other. "
            "To read each row as a sequence of one feature, pass X.to_numpy()[:, :, np.newaxis]."
        )
    if not hasattr(X, "__array__"):
        raise ValueError(f"X is of type {type(X).__name__}: {VALID_SEQUENCES}.")
    array = np.asanyarray(X)
    if array.ndim != 3:
        raise ValueError(
            f"X has shape {array.shape}, but sequences are needed: {VALID_SEQUENCES}. "
            "To read each row as a sequence of one feature, pass X[:, :, np.newaxis]."
        )
    return array


def strip_padding(steps: TimeSteps, *, allow_gaps: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Find where each sequence starts and stops without its padding, time steps that are all NaN.

    Parameters
    ----------
    steps : TimeSteps
    allow_gaps : bool, default=False
        Whether time steps that are all NaN may lie inside a sequence too.

    Returns
    -------
    starts, stops : ndarrays of shape (n,)
        Rows of ``steps.values``.

    Raises
    ------
    ValueError
        If a gap is not allowed, or a sequence consists of padding only.
    """
    if allow_gaps:
        starts, stops, _ = find_spans(steps, _is_all_nan, "NaN")
        return starts, stops
    return drop_absent_steps(steps, _is_all_nan, "NaN")


def _is_all_nan(_: int, block: np.ndarray) -> np.ndarray:
    return np.isnan(block).all(axis=1)


def check_n_features(estimator: BaseEstimator, steps: TimeSteps, n_features: int) -> None:
    """Raise ValueError unless the time steps have `n_features` features."""
    if steps.values.shape[1] != n_features:
        raise ValueError(
            f"X has {steps.values.shape[1]} features per time step, but "
            f"{type(estimator).__name__} is expecting {n_features} features per time step as input."
        )
