"""What the transformers of sequences share: reading sequences, and output that is no table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._sequences import TimeSteps, drop_absent_steps, find_spans
from sklstm.input.containers import is_lazy_array, is_series, load_lazy_array, rows_per_block
from sklstm.input.parse_x import BYTES_PER_READ, flatten_sequences

VALID_SEQUENCES = (
    "valid are an array of shape (n, T, F), padded with NaN, "
    "or a list of arrays of shape (T_i, F) or (T_i,)"
)


class SequenceOutputMixin:
    """A transformer whose output is no table, so that no data frame can hold it.

    Left of `TransformerMixin`, it switches scikit-learn's wrapping off and keeps `set_output`,
    which a Pipeline calls on all its steps.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__(auto_wrap_output_keys=None)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Leave the output as it is: sequences have no data frame form.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            Accepted so that ``Pipeline.set_output`` works, and ignored.

        Returns
        -------
        self : estimator
        """
        return self


def read_sequences(X: Any) -> TimeSteps:
    """Lay the time steps of all sequences one below the other, as floats, which know NaN.

    What is masked or None is NaN.

    Raises
    ------
    ValueError
        If X is a table, empty, of unequal features, not numeric or infinite.
    """
    sequences = listed(X)
    steps = flatten_sequences(_as_sequence_array(X) if sequences is None else sequences)
    steps = replace(steps, values=_as_floats(steps.values))
    if (infinite := np.isinf(steps.values).any(axis=1)).any():
        where = steps.locate(int(np.flatnonzero(infinite)[0]))
        raise ValueError(f"Input X contains infinity in {where}. Scale or clip X.")
    return steps


def listed(X: Any) -> list[Any] | None:
    """Return the sequences of a list, an object array or a Series; None for other forms."""
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
    if not hasattr(X, "__array__"):
        raise ValueError(f"X is of type {type(X).__name__}: {VALID_SEQUENCES}.")
    array = np.asanyarray(X)
    if array.ndim != 3:
        raise ValueError(
            f"X has shape {array.shape}, but sequences are needed: {VALID_SEQUENCES}. "
            "To read each row as a sequence of one feature, pass X[:, :, np.newaxis]."
        )
    return array


def present_steps(steps: TimeSteps) -> tuple[np.ndarray, np.ndarray]:
    """Find where each sequence starts and stops; a step that is all NaN is absent.

    Returns
    -------
    starts, stops : ndarrays of shape (n,)
        Rows of ``steps.values``.

    Raises
    ------
    ValueError
        If an absent step lies inside a sequence, or a sequence has no step left.
    """
    return drop_absent_steps(steps, _all_missing, "NaN")


def spans(steps: TimeSteps) -> tuple[np.ndarray, np.ndarray]:
    """Find where each sequence starts and stops, gaps inside it included.

    Returns
    -------
    starts, stops : ndarrays of shape (n,)
        Rows of ``steps.values``.

    Raises
    ------
    ValueError
        If a sequence has no step that is not all NaN.
    """
    return find_spans(steps, _all_missing, "NaN")[:2]


def _all_missing(_: int, block: np.ndarray) -> np.ndarray:
    return np.isnan(block).all(axis=1)


def check_n_features(estimator: BaseEstimator, steps: TimeSteps, n_features: int) -> None:
    """Raise ValueError unless the time steps have `n_features` features."""
    if steps.values.shape[1] != n_features:
        raise ValueError(
            f"X has {steps.values.shape[1]} features per time step, but "
            f"{type(estimator).__name__} is expecting {n_features} features per time step as input."
        )


def as_object_array(items: list[Any]) -> np.ndarray:
    """Make an object array of shape (n,), which numpy would else make 2-D of equal lengths."""
    return np.fromiter(items, dtype=object, count=len(items))
