"""Token ids: whole numbers below the size of a vocabulary, 0 for padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklstm._sequences import Sequences
from sklstm.input.absent_steps import TimeSteps, drop_absent_steps
from sklstm.input.containers import as_numbers, refuse_container

HIGHEST_ID = 2**31 - 1
# If its size is learnt from X, a larger vocabulary is valid only if X holds as many ids.
LARGEST_SPARSE_VOCABULARY = 1_000_000


def read_token_ids(
    X: np.ndarray | list, vocabulary_size: int | None, first_sample: int = 0
) -> tuple[Sequences, int]:
    """Read a 2-D array, or a list of 1-D ones, as token ids; return the vocabulary's size too.

    Without `vocabulary_size`, the size is the highest id + 1.

    Raises
    ------
    ValueError
        If X is empty, or holds a value that is not an id of the vocabulary.
    """
    steps = _steps_of_ids(X, first_sample)
    steps = TimeSteps(_as_ids(steps, vocabulary_size), steps.offsets, first_sample)
    if vocabulary_size is None:
        vocabulary_size = _learnt_size(steps)

    def find_absent(first: int, block: np.ndarray) -> np.ndarray | None:
        absent = block == 0
        return absent if absent.any() else None

    starts, stops = drop_absent_steps(
        steps, find_absent, "padding (id 0)", "number the tokens from 1, or leave the 0 out"
    )
    return Sequences(steps.values, starts, stops - starts), vocabulary_size


def _steps_of_ids(X: np.ndarray | list, first_sample: int) -> TimeSteps:
    """Concatenate the token ids of all sequences, in their own dtype."""
    if isinstance(X, np.ndarray) and X.ndim == 2:
        _check_dtype(X, "X")
        return TimeSteps(X.reshape(-1), np.arange(len(X) + 1) * X.shape[1], first_sample)
    if not len(X):
        raise ValueError("X is empty: found 0 sample(s) while a minimum of 1 is required.")
    arrays = [_row_of_ids(row, sample) for sample, row in enumerate(X, first_sample)]
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])])
    filled = [array for array in arrays if len(array)]
    return TimeSteps(np.concatenate(filled or arrays), offsets, first_sample)


def _row_of_ids(row: Any, sample: int) -> np.ndarray:
    name = f"Sequence {sample} of X"
    refuse_container(row, name)
    array = np.asanyarray(row)
    if array.ndim != 1:
        raise ValueError(
            f"{name} has shape {array.shape}, but token ids (embedding_dim is set) "
            "are an integer array of shape (n, T) or a list of arrays of shape (T_i,)."
        )
    if array.dtype == object or isinstance(array, np.ma.MaskedArray):
        array = as_numbers(array, name, lambda index: f"time step {index[0]}")
    if array.size:
        _check_dtype(array, name)
    return array


def _check_dtype(array: np.ndarray, name: str) -> None:
    if array.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} has dtype {array.dtype}, but token ids are integers: "
            "make them with SequenceTokenizer, or leave embedding_dim=None for numbers."
        )


def _as_ids(steps: TimeSteps, vocabulary_size: int | None) -> np.ndarray:
    """Check ids block by block, and convert them to int32."""
    is_done = steps.values.dtype == np.int32
    ids = steps.values if is_done else np.empty(len(steps.values), np.int32)
    for first, block in steps.blocks():
        if block.dtype.kind == "f":
            _check_whole(steps, first, block)
        _check_range(steps, first, block, vocabulary_size)
        if not is_done:
            ids[first : first + len(block)] = block
    return ids


def _check_whole(steps: TimeSteps, first: int, block: np.ndarray) -> None:
    broken = block != np.trunc(block)  # true for NaN; infinity is out of range
    if broken.any():
        place = int(np.flatnonzero(broken)[0])
        hint = (
            "Padding is 0, neither NaN nor a mask: fill it with 0."
            if np.isnan(block[place])
            else "Make them with SequenceTokenizer, or leave embedding_dim=None for numbers."
        )
        raise ValueError(
            f"X holds {block[place]} in {steps.locate(first + place)}, but token ids are "
            f"integers. {hint}"
        )


def _check_range(
    steps: TimeSteps, first: int, block: np.ndarray, vocabulary_size: int | None
) -> None:
    highest = HIGHEST_ID if vocabulary_size is None else min(vocabulary_size - 1, HIGHEST_ID)
    if block.min() >= 0 and block.max() <= highest:
        return
    place = int(np.flatnonzero((block < 0) | (block > highest))[0])
    token_id = block[place]
    if vocabulary_size is None and highest < token_id < np.inf:
        _refuse_vocabulary(steps, first + place)
    valid = "0 (padding) and above" if vocabulary_size is None else f"0 (padding) to {highest}"
    hint = " Set vocabulary_size to the highest possible id + 1." if token_id > highest else ""
    raise ValueError(
        f"Token id {token_id} in {steps.locate(first + place)} is outside the vocabulary: valid "
        f"are {valid}.{hint}"
    )


def _learnt_size(steps: TimeSteps) -> int:
    ids = steps.values
    size = int(ids.max(initial=0)) + 1
    if size > max(LARGEST_SPARSE_VOCABULARY, len(ids)):
        _refuse_vocabulary(steps, int(ids.argmax()))
    return size


def _refuse_vocabulary(steps: TimeSteps, step: int) -> None:
    """Raise ValueError for an id that needs an embedding far larger than the data."""
    token_id = int(steps.values[step])
    is_possible = token_id <= HIGHEST_ID
    raise ValueError(
        f"Token id {token_id} in {steps.locate(step)} would make a vocabulary of "
        f"{token_id + 1:,} ids, but X holds {len(steps.values):,} ids in all"
        f"{'' if is_possible else f', and the highest possible is {HIGHEST_ID:,}'}. If it is "
        "wrong, correct it; otherwise number the tokens from 1, as SequenceTokenizer does"
        f"{', or set vocabulary_size to the highest possible id + 1' if is_possible else ''}."
    )
