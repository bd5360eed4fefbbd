"""Static features of sequences: which they are, and their permutation among sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklstm._base_lstm import BaseLSTM
from sklstm.forecasting._nested_estimators import nested_estimators
from sklstm.input.absent_steps import TimeSteps
from sklstm.input.feature_names import first_frame
from sklstm.input.frames import join_frames
from sklstm.input.parse_x import flatten_sequences
from sklstm.preprocessing._step_columns import read_codes_of


def static_features(estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the features of X that a fitted estimator reads as static.

    If X passes other estimators before a network that has static features, these may stand in
    other columns of X: then the features are meant that are constant in every sequence, unless
    all are.
    """
    if isinstance(estimator, BaseLSTM):
        return estimator._fitted().data.input_form.static
    has_static = any(
        isinstance(inner, BaseLSTM)
        and inner.__sklearn_is_fitted__()
        and inner._fitted().data.input_form.static
        for inner in nested_estimators(estimator)
    )
    return _constant_features(X) if has_static else ()


def permute_static(
    steps: TimeSteps,
    is_missing: np.ndarray,
    feature: int,
    order: np.ndarray | None,
    out: np.ndarray,
) -> None:
    """Write a static feature into `out`, that of the next sequence in `order` at all time steps.

    Missing time steps keep their value. None as the order restores the own one.
    """
    values = steps.values[:, feature]
    if order is None:
        out[:, feature] = values
        return
    present = np.flatnonzero(~is_missing)
    first = present[np.searchsorted(present, steps.offsets[:-1])]
    moved = np.empty(len(order), values.dtype)
    moved[order] = values[first][np.roll(order, -1)]
    of_steps = np.repeat(moved, np.diff(steps.offsets))
    out[:, feature] = np.where(is_missing, values, of_steps)


def _constant_features(X: Any) -> tuple[int, ...]:
    """Return the features that are constant in every sequence; none if all are."""
    values, offsets = _codes_of(X)
    inside = np.ones(len(values), bool)
    inside[offsets[:-1]] = False
    changes = (values[1:] != values[:-1]) & ~np.isnan(values[1:]) & ~np.isnan(values[:-1])
    changing = (changes & inside[1:, np.newaxis]).any(axis=0)
    return tuple(np.flatnonzero(~changing).tolist()) if changing.any() else ()


def _codes_of(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers that are equal where values are, NaN where they are missing, and offsets."""
    frames = list(X) if isinstance(X, list | tuple) else []
    if first_frame(frames) is None:
        steps = flatten_sequences(X)
        return steps.values, steps.offsets
    frame, offsets = join_frames(frames)
    columns = [read_codes_of(frame[name], []) for name in frame.columns]
    return np.stack(columns, axis=1), offsets
