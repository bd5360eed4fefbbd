"""What training reads: rows in a drawn order, gathered into batches of one shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sklstm._sequences import Sequences

Arrays = tuple[np.ndarray, ...]

BYTES_PER_CHUNK = 8 * 2**20
MAX_BATCHES_PER_CHUNK = 64


class TrainingData(Protocol):
    """Rows that a network learns from: sequences, or windows of a text.

    A row is whatever `gather` understands: the arrays of rows are only cut and passed on.
    """

    def draw_epoch(self, rng: np.random.RandomState) -> np.ndarray:
        """Draw the rows of one epoch, in a random order."""

    def all_rows(self) -> np.ndarray:
        """Return the rows of an evaluation, in order."""

    def gather(self, rows: np.ndarray) -> Arrays:
        """Return values, lengths, targets and weights of these rows."""


@dataclass(frozen=True)
class SequenceData:
    """Sequences with a target and a weight each.

    Attributes
    ----------
    sequences : Sequences
    targets : ndarray of shape (n,) or (n, n_outputs)
    weights : ndarray of shape (n,), float32
    """

    sequences: Sequences
    targets: np.ndarray
    weights: np.ndarray

    def draw_epoch(self, rng: np.random.RandomState) -> np.ndarray:
        """Shuffle all rows."""
        return rng.permutation(len(self.sequences))

    def all_rows(self) -> np.ndarray:
        """Return all rows in order."""
        return np.arange(len(self.sequences))

    def gather(self, rows: np.ndarray) -> Arrays:
        """Return values, lengths, targets and weights of these rows."""
        lengths = self.sequences.lengths[rows].astype(np.int32)
        return self.sequences.values[rows], lengths, self.targets[rows], self.weights[rows]


@dataclass(frozen=True)
class TextWindows:
    """Windows of documents, every token of which is a target.

    A window starts from the zero state and lies within one document; each epoch cuts the
    documents at another offset. Id 0 marks the start of a document.

    Attributes
    ----------
    stream : ndarray of int32
        All documents, one after another, each after an id 0.
    starts : ndarray of shape (n_documents,)
        Where each document's 0 stands.
    window : int
        Length in tokens.
    """

    stream: np.ndarray
    starts: np.ndarray
    window: int

    def draw_epoch(self, rng: np.random.RandomState) -> np.ndarray:
        """Cut every document at a random offset and shuffle the windows."""
        return rng.permutation(self._cut(rng.randint(self.window, size=len(self.starts))))

    def all_rows(self) -> np.ndarray:
        """Cut every document from its start."""
        return self._cut(np.zeros(len(self.starts), int))

    def gather(self, rows: np.ndarray) -> Arrays:
        """Return ids, lengths, next ids (counted from 0) and weights of these windows."""
        places = rows[:, :1] + np.arange(self.window + 1)  # (n, window + 1)
        inside = places <= rows[:, 1:]
        ids = self.stream[np.where(inside, places, 0)]
        weights = inside[:, 1:].astype(np.float32)
        targets = np.where(inside[:, 1:], ids[:, 1:] - 1, 0)
        return ids[:, :-1], weights.sum(axis=1).astype(np.int32), targets, weights

    def _cut(self, offsets: np.ndarray) -> np.ndarray:
        """Return the first input and the last target of each window, (n, 2).

        The first window of a document is as long as the offset, unless that is 0.
        """
        last = np.append(self.starts[1:], len(self.stream)) - 1
        windows = []
        for start, stop, offset in zip(self.starts, last, offsets, strict=True):
            cuts = np.arange(start + offset, stop, self.window)
            firsts = np.union1d(start, cuts)
            windows.append(np.column_stack([firsts, np.append(firsts[1:], stop)]))
        return np.concatenate(windows)


@dataclass(frozen=True)
class Batches:
    """Training data in batches that all have one shape, and many of them in a chunk.

    Rows of weight zero fill the last batch, and the last chunk: a compiled program sees a single
    shape, whatever the number of rows.

    Attributes
    ----------
    data : TrainingData
    batch_size : int
    rng : RandomState
        Draws the order of the rows.
    """

    data: TrainingData
    batch_size: int
    rng: np.random.RandomState

    def draw_epoch(self) -> np.ndarray:
        """Draw the rows of one epoch."""
        return self.data.draw_epoch(self.rng)

    def chunks(self, rows: np.ndarray) -> Iterator[tuple[Arrays, int]]:
        """Yield the arrays of a chunk of batches and how many batches of it hold rows."""
        chunk = self.batch_size * self._batches_per_chunk(rows)
        for first in range(0, len(rows), chunk):
            part = rows[first : first + chunk]
            yield self._padded(part, chunk), self.count(part)

    def count(self, rows: np.ndarray) -> int:
        """Return the number of batches."""
        return -(-len(rows) // self.batch_size)

    def _batches_per_chunk(self, rows: np.ndarray) -> int:
        bytes_per_row = sum(array.nbytes for array in self.data.gather(rows[:1]))
        fit = BYTES_PER_CHUNK // (bytes_per_row * self.batch_size)
        return min(max(fit, 1), MAX_BATCHES_PER_CHUNK)

    def _padded(self, rows: np.ndarray, size: int) -> Arrays:
        values, lengths, targets, weights = self.data.gather(rows)
        missing = size - len(rows)
        if not missing:
            return values, lengths, targets, weights
        # Lengths of one, not zero: a mean over no time steps is NaN, and NaN times zero is NaN.
        return (
            _extend(values, missing, 0),
            _extend(lengths, missing, 1),
            _extend(targets, missing, 0),
            _extend(weights, missing, 0),
        )


def _extend(array: np.ndarray, missing: int, fill: int) -> np.ndarray:
    return np.concatenate([array, np.full((missing, *array.shape[1:]), fill, array.dtype)])
