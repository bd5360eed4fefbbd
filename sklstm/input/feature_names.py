"""Names of the features: learnt from data frames, and checked wherever X comes again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sklstm._sequences import InputForm
from sklstm._sklearn_compat import check_columns, get_feature_names
from sklstm.input.absent_steps import TimeSteps
from sklstm.input.containers import is_frame, refuse_container


def names_of_frame(frame: Any) -> tuple[str, ...] | None:
    """Return the names of the columns; None if they are no strings."""
    names = get_feature_names(frame)
    return None if names is None else tuple(names.tolist())


def names_in_list(X: Any) -> tuple[str, ...] | None:
    """Return the feature names in a list of DataFrames; None if X has no names."""
    first = first_frame(X)
    with _naming_sequence_0():
        return None if first is None else names_of_frame(first)


def check_names(estimator: BaseEstimator, X: Any, steps: TimeSteps, *, reset: bool) -> None:
    """Learn or check the feature names in a list of DataFrames as scikit-learn does for one.

    X is what `steps` were read from. Only a list of DataFrames has names.
    """
    if isinstance(X, np.ndarray) and not hasattr(estimator, "feature_names_in_"):
        return  # there are no names, and scikit-learn's check takes longer than a prediction
    first = first_frame(X)
    with _naming_sequence_0():
        validate_data(
            estimator,
            steps.values[:1] if first is None else first,
            reset=reset,
            skip_check_array=True,
        )


def check_names_in_list(X: Any, steps: TimeSteps, form: InputForm, estimator_name: str) -> None:
    """Check that a list of DataFrames has the names that ``fit`` learnt."""
    if isinstance(X, np.ndarray) and form.names is None:
        return  # there are no names, and scikit-learn's check takes longer than a prediction
    first = first_frame(X)
    with _naming_sequence_0():
        check_form_columns(steps.values[:1] if first is None else first, form, estimator_name)


def check_form_columns(X: Any, form: InputForm, estimator_name: str) -> None:
    """Check that a table has the columns that ``fit`` learnt."""
    check_columns(X, n_columns=form.n_columns, names=form.names, estimator_name=estimator_name)


def first_frame(X: Any) -> Any:
    """Check that all frames of a list have the same columns; return the first, or None."""
    frames = X if isinstance(X, list | tuple) else []
    if not any(is_frame(x) for x in frames):
        return None
    first = previous = None
    for sample, x in enumerate(frames):
        columns = x.columns if is_frame(x) else None
        if previous is not None and _are_equal(columns, previous):
            continue
        refuse_container(x, f"Sequence {sample} of X")
        names = None if columns is None else list(columns)
        if sample == 0:
            first = names
        if names != first:
            raise ValueError(
                f"Sequence {sample} of X has {_columns(names)}, but sequence 0 has "
                f"{_columns(first)}: all need the same columns in the same order."
            )
        previous = columns
    return frames[0]


def _are_equal(columns: Any, others: Any) -> bool:
    """Whether columns are equal: pandas sees at once that those of slices of one table are."""
    if hasattr(columns, "equals"):
        return columns.equals(others)
    return isinstance(columns, list) and columns == others


@contextmanager
def _naming_sequence_0() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Sequence 0 of X: {error}") from None


def _columns(names: list | None) -> str:
    return "no column names" if names is None else f"the columns {names}"
