"""Sequences in many forms, and ways to spoil them."""

import numpy as np
import pandas as pd
import pytest

from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY, first_step_task, ragged

X, y = first_step_task()
TABLE = X.reshape(24, 10)
SEQUENCES = ragged(X)
IDS = np.random.default_rng(0).integers(1, 7, (24, 5))
TOKENS = [row[: 5 - i % 3] for i, row in enumerate(IDS)]
both = pytest.mark.parametrize("estimator", [LSTMClassifier(**TINY), LSTMRegressor(**TINY)])


def zero_padded(tokens, n_steps, side="right"):
    padded = np.zeros((len(tokens), n_steps), int)
    for row, ids in zip(padded, tokens, strict=True):
        place = slice(len(ids)) if side == "right" else slice(n_steps - len(ids), None)
        row[place] = ids
    return padded


def memory_map(array, folder):
    path = folder / "X.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def as_lists(sequences):
    return [sequence.tolist() for sequence in sequences]


def with_value(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def frame_with(column):
    """Return the table as a DataFrame with another last column."""
    return pd.DataFrame(TABLE).rename(columns=str).assign(**{"9": column})


def without(sequences, row):
    """Take all time steps of one sequence away."""
    return [*sequences[:row], sequences[row][:0], *sequences[row + 1 :]]
