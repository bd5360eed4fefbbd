"""The data of a training: rows in a random order, gathered into batches of few shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from sklstm._sequences import Sequences
from sklstm.network.scaling import InputScaling
from sklstm.network.training.bucketing import choose_shapes, draw_order, draw_order_by_blocks

Arrays = tuple[np.ndarray, ...]

BYTES_PER_CHUNK = 8 * 2**20
MAX_BATCHES_PER_CHUNK = 64
# Where lengths vary, batches of one shape that are within a turn are run together, as a chunk.
TIME_STEPS_PER_CHUNK, TIME_STEPS_PER_TURN = 512, 2048
ALL = slice(None)


class TrainingData(Protocol):
    """Rows that a network learns from: sequences, or windows of a text.

    Only `gather` knows what a row is. All other code cuts arrays of rows and passes them on.
    """

    def __len__(self) -> int:
        """Return the number of rows."""

    def shapes(self, batch_size: int) -> tuple[int, ...]:
        """Return the lengths that batches have, in time steps, in ascending order."""

    def draw_epoch(self, rng: np.random.RandomState, batch_size: int) -> np.ndarray:
        """Draw the rows of one epoch, in a random order."""

    def all_rows(self, batch_size: int) -> np.ndarray:
        """Return the rows of an evaluation."""

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the time steps of rows."""

    def gather(self, rows: np.ndarray, n_steps: int) -> Arrays:
        """Return values, padded to `n_steps`, their context, targets and weights.

        The context is an int for each row: its length, or whether it continues the row before.
        Static features, if there are some, stand before the targets.
        """


@dataclass(frozen=True)
class SequenceData:
    """Sequences with a target and a weight each.

    Attributes
    ----------
    sequences : Sequences
    targets : ndarray of shape (n,) or (n, n_outputs)
    weights : ndarray of shape (n,), float32
    scaling : InputScaling or None
        Scales each batch when it is gathered: if X was scaled as a whole, it would be in memory
        twice. None for token ids.
    """

    sequences: Sequences
    targets: np.ndarray
    weights: np.ndarray
    scaling: InputScaling | None = None

    def __len__(self) -> int:
        return len(self.sequences)

    def shapes(self, batch_size: int) -> tuple[int, ...]:
        """Choose the lengths of the buckets."""
        return choose_shapes(self.sequences.lengths, batch_size)

    def draw_epoch(self, rng: np.random.RandomState, batch_size: int) -> np.ndarray:
        """Shuffle all rows, such that those of a batch are of similar length.

        Rows that are read from a disk are shuffled block by block.
        """
        lengths, pieces = self.sequences.lengths, self.sequences.pieces
        if pieces is None:
            return draw_order(lengths, batch_size, rng)
        n_at_once = self.sequences.steps.pieces_at_once
        return draw_order_by_blocks(pieces, n_at_once, lengths, batch_size, rng)

    def all_rows(self, batch_size: int) -> np.ndarray:
        """Return all rows, the shortest first, of each block if they are read from a disk."""
        lengths, pieces = self.sequences.lengths, self.sequences.pieces
        if pieces is None:
            return np.argsort(lengths, kind="stable")
        return np.lexsort((lengths, pieces // self.sequences.steps.pieces_at_once))

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the lengths of these sequences."""
        return self.sequences.lengths[rows]

    def gather(self, rows: np.ndarray, n_steps: int) -> Arrays:
        """Return values, lengths, static features if there are, targets and weights of rows."""
        chosen = self.sequences[rows]
        lengths = chosen.lengths.astype(np.int32)
        if self.scaling is not None:
            chosen = self.scaling.transform(chosen)
        static = () if chosen.static is None else (chosen.static,)
        return chosen.padded(n_steps), lengths, *static, self.targets[rows], self.weights[rows]


@dataclass(frozen=True)
class TextWindows:
    """Windows of documents, in which every token is a target.

    Each row of the batches is a lane: row j of a batch goes on where row j of the batch before
    ended, unless a document begins there. A window lies within one document. The id 0 marks the
    beginning of each document.

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

    def __len__(self) -> int:
        return len(self._cut(np.zeros(len(self.starts), int)))

    @property
    def n_targets(self) -> int:
        """Number of targets in an epoch: all tokens, without the marks of beginnings."""
        return len(self.stream) - len(self.starts)

    def shapes(self, batch_size: int) -> tuple[int]:
        """Return the length of every window."""
        return (self.window,)

    def draw_epoch(self, rng: np.random.RandomState, batch_size: int) -> np.ndarray:
        """Cut documents into windows from a random offset on, and the windows into lanes."""
        n_targets = np.diff(self.starts, append=len(self.stream)) - 1
        offsets = rng.randint(self.window, size=len(self.starts)) * (n_targets > self.window)
        windows = self._cut(offsets, rng.permutation(len(self.starts)))
        return _in_lanes(np.roll(windows, rng.randint(len(windows)), axis=0), batch_size)

    def all_rows(self, batch_size: int) -> np.ndarray:
        """Cut every document into windows from its beginning on."""
        return _in_lanes(self._cut(np.zeros(len(self.starts), int)), batch_size)

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the length of the windows."""
        return np.full(len(rows), self.window)

    def gather(self, rows: np.ndarray, n_steps: int) -> Arrays:
        """Return ids, whether rows continue, next ids (counted from 0) and weights."""
        first, last, continues = rows.T[:, :, np.newaxis]
        places = first + np.arange(n_steps + 1)  # (n, n_steps + 1)
        inside = places <= last
        ids = self.stream[np.where(inside, places, 0)]
        weights = inside[:, 1:].astype(np.float32)
        targets = np.where(inside[:, 1:], ids[:, 1:] - 1, 0)
        return ids[:, :-1], continues[:, 0].astype(np.int32), targets, weights

    def _cut(self, offsets: np.ndarray, order: np.ndarray | slice = ALL) -> np.ndarray:
        """Return the windows, (n, 3): places of first input and last target, whether it continues.

        The first window of a document is as long as the offset, unless that is 0. It is padded at
        its end, so the state after it is of no use and the next window does not continue from it.
        """
        stops = np.append(self.starts[1:], len(self.stream)) - 1
        starts, stops, offsets = (array[order] for array in (self.starts, stops, offsets))
        n_short = (offsets > 0).astype(int)  # first windows that are shorter than the others
        counts = n_short - (offsets + starts - stops) // self.window
        document = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(document)) - (np.cumsum(counts) - counts)[document]
        number -= n_short[document]  # -1 for a short one
        first_full = (starts + offsets)[document]
        firsts = np.where(number < 0, starts[document], first_full + number * self.window)
        lasts = np.minimum(first_full + (number + 1) * self.window, stops[document])
        return np.column_stack([firsts, lasts, number > 0])


def _in_lanes(windows: np.ndarray, n_lanes: int) -> np.ndarray:
    """Order windows (n, 3) so that each batch holds the next window of every lane.

    Lanes are equally long; empty windows fill the last ones.
    """
    n_batches = -(-len(windows) // n_lanes)
    missing = n_batches * n_lanes - len(windows)
    lanes = np.concatenate([windows, np.zeros((missing, 3), windows.dtype)])
    lanes = lanes.reshape(n_lanes, n_batches, 3).copy()
    lanes[:, 0, 2] = 0
    return lanes.swapaxes(0, 1).reshape(-1, 3)


@dataclass(frozen=True)
class Batches:
    """Training data in batches of few shapes, and several of one shape in a chunk.

    With a `capacity`, batches are filled up with rows of weight zero, rows with padding, and chunks
    with batches that are not run. Compiled code then sees few shapes, whatever the lengths and the
    number of rows.

    Attributes
    ----------
    data : TrainingData
    batch_size : int
    rng : RandomState
        Draws the order of the rows.
    capacity : int, default=None
        Rows of the arrays of a batch, `batch_size` or more. None for arrays of any shape.
    """

    data: TrainingData
    batch_size: int
    rng: np.random.RandomState
    capacity: int | None = None

    def draw_epoch(self) -> np.ndarray:
        """Draw the rows of one epoch."""
        return self.data.draw_epoch(self.rng, self.batch_size)

    def all_rows(self) -> np.ndarray:
        """Return the rows of an evaluation."""
        return self.data.all_rows(self.batch_size)

    def chunks(self, rows: np.ndarray) -> Iterator[tuple[Arrays, int]]:
        """Yield the arrays of a chunk and how many of its batches hold rows.

        Their shapes are (batches, rows, ...), of the values (batches, rows, time steps, ...).
        """
        for n_steps, batches in self._turns(rows):
            size = self._batches_per_chunk[n_steps]
            for first in range(0, len(batches), size):
                chosen = batches[first : first + size]
                places = chosen[:, np.newaxis] * self.batch_size + np.arange(self.batch_size)
                in_chunk = rows[places[places < len(rows)]]
                yield self._filled_up(in_chunk, n_steps, size), len(chosen)

    def count(self, rows: np.ndarray) -> int:
        """Return the number of batches."""
        return -(-len(rows) // self.batch_size)

    def _turns(self, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield lengths and the numbers of their batches, nearly in the order of the rows."""
        shapes = np.array(list(self._batches_per_chunk))
        firsts = np.arange(0, len(rows), self.batch_size)
        if len(shapes) == 1:
            yield int(shapes[0]), np.arange(len(firsts))
            return
        longest = np.maximum.reduceat(self.data.lengths_of(rows), firsts)
        shape_of = np.searchsorted(shapes, longest)  # of each batch
        turn_of = np.cumsum(shapes[shape_of]) // TIME_STEPS_PER_TURN
        groups = turn_of * len(shapes) + shape_of
        _, counts = np.unique(groups, return_counts=True)
        members = np.split(np.argsort(groups, kind="stable"), np.cumsum(counts)[:-1])
        for batches in sorted(members, key=lambda batches: batches[0]):
            yield int(shapes[shape_of[batches[0]]]), batches

    @cached_property
    def _batches_per_chunk(self) -> dict[int, int]:
        """How many batches a chunk has, for each length of batches, the shortest first."""
        rows = self.all_rows()
        lengths = self.data.lengths_of(rows)
        varies = bool((lengths != lengths[0]).any())
        shapes = self.data.shapes(self.batch_size)
        return {n_steps: self._fitting_a_chunk(rows[:0], n_steps, varies) for n_steps in shapes}

    def _fitting_a_chunk(self, no_rows: np.ndarray, n_steps: int, varies: bool) -> int:
        arrays = self.data.gather(no_rows, n_steps)
        bytes_per_row = sum(array.itemsize * math.prod(array.shape[1:]) for array in arrays)
        fit = BYTES_PER_CHUNK // (bytes_per_row * self._rows_per_batch)
        if varies:
            fit = min(fit, TIME_STEPS_PER_CHUNK // n_steps)
        return min(max(fit, 1), MAX_BATCHES_PER_CHUNK)

    @property
    def _rows_per_batch(self) -> int:
        return self.batch_size if self.capacity is None else self.capacity

    def _filled_up(self, rows: np.ndarray, n_steps: int, n_batches: int) -> Arrays:
        longest = int(self.data.lengths_of(rows).max())
        values, context, *others = self.data.gather(rows, longest)
        if self.capacity is None:
            n_batches, n_steps = self.count(rows), longest
        # Rows that fill up get the shortest length of the others, not 0: a mean over no time steps
        # is NaN, and so is NaN times zero; and where all rows have one length, so must these.
        return (
            self._in_batches(values, n_batches, 0, n_steps),
            self._in_batches(context, n_batches, context.min()),
            *(self._in_batches(array, n_batches, 0) for array in others),
        )

    def _in_batches(
        self, array: np.ndarray, n_batches: int, fill: int, n_steps: int | None = None
    ) -> np.ndarray:
        """Copy rows into larger batches that are filled up; with `n_steps`, also longer rows."""
        row_shape = array.shape[1:] if n_steps is None else (n_steps, *array.shape[2:])
        shape = (n_batches, self._rows_per_batch, *row_shape)
        if array.size == math.prod(shape):
            return array.reshape(shape)
        filled = np.full(shape, fill, array.dtype)
        place = tuple(map(slice, array.shape[1:]))
        n_whole, n_left = divmod(len(array), self.batch_size)
        whole, left = np.split(array, [n_whole * self.batch_size])
        whole = whole.reshape(n_whole, self.batch_size, *array.shape[1:])
        filled[(slice(n_whole), slice(self.batch_size), *place)] = whole
        if n_left:
            filled[(n_whole, slice(n_left), *place)] = left
        return filled
