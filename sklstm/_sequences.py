"""`Sequences`: the ragged array that every form of X is read into."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklstm.input.stored_arrays import StoredSteps


@dataclass(frozen=True)
class Sequences:
    """Validated sequences of any lengths, stored in one array of all their time steps.

    Indexing selects sequences and copies no time step.

    Attributes
    ----------
    steps : ndarray or StoredSteps
        All time steps, one below the other: ``(N, F)`` in the dtype of X (floats of up to 64
        bits, integers or bool), or ``(N,)`` int32 token ids. `StoredSteps` reads those of a large
        array from the disk.
    starts : ndarray of shape (n,)
        The row of `steps` at which each sequence begins.
    lengths : ndarray of shape (n,)
        Time steps of each sequence, 1 or more.
    static : ndarray of shape (n, S) or None
        Features that belong to a sequence and not to a time step; None if there are none.
    """

    steps: np.ndarray | StoredSteps
    starts: np.ndarray
    lengths: np.ndarray
    static: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: slice | np.ndarray) -> Sequences:
        static = None if self.static is None else self.static[rows]
        return Sequences(self.steps, self.starts[rows], self.lengths[rows], static)

    def __iter__(self) -> Iterator[np.ndarray]:
        for start, length in zip(self.starts, self.lengths, strict=True):
            yield self.steps[start : start + length]

    @property
    def n_steps(self) -> int:
        """Time steps of all sequences."""
        return int(self.lengths.sum())

    @property
    def longest(self) -> int:
        """Time steps of the longest sequence."""
        return int(self.lengths.max())

    @property
    def varies(self) -> bool:
        """Whether lengths differ."""
        return bool((self.lengths != self.lengths[0]).any())

    @property
    def pieces(self) -> np.ndarray | None:
        """The piece of the disk that each sequence is read with; None for steps in memory."""
        return None if isinstance(self.steps, np.ndarray) else self.steps.piece_of(self.starts)

    def padded(self, n_steps: int | None = None) -> np.ndarray:
        """Return an array of shape (n, n_steps, F) or (n, n_steps), right-padded with zeros.

        `n_steps` is that of the longest sequence unless given. The array is a view where possible.
        """
        n_steps = n_steps or self.longest
        if len(self) == 1 and self.lengths[0] == n_steps:  # a fast path for predictions of one row
            start = int(self.starts[0])
            return self.steps[np.newaxis, start : start + n_steps]
        if self._fill_rows_of(n_steps):
            rows = self.starts // n_steps
            if len(rows) and (np.diff(rows) == 1).all():
                rows = slice(rows[0], rows[-1] + 1)
            return self.steps.reshape(-1, n_steps, *self.steps.shape[1:])[rows]
        padded = np.zeros((len(self), n_steps, *self.steps.shape[1:]), self.steps.dtype)
        for row, sequence in zip(padded, self, strict=True):
            row[: len(sequence)] = sequence
        return padded

    def compact(self) -> Sequences:
        """Return the same sequences one after another, with no other time step between them."""
        stops = np.cumsum(self.lengths)
        starts = stops - self.lengths
        if not len(self):
            return Sequences(self.steps[:0], starts, self.lengths, self.static)
        first, end = self.starts[0], self.starts[0] + stops[-1]
        if (self.starts - first == starts).all():
            return Sequences(self.steps[first:end], starts, self.lengths, self.static)
        rows = np.repeat(self.starts - starts, self.lengths) + np.arange(stops[-1])
        return Sequences(self.steps[rows], starts, self.lengths, self.static)

    def blocks(self, size: int) -> Iterator[tuple[slice, Sequences]]:
        """Yield blocks of about `size` numbers: their place as a slice, and compact sequences."""
        numbers = np.cumsum(self.lengths) * math.prod(self.steps.shape[1:])
        if not len(self) or numbers[-1] <= size:
            yield slice(len(self)), self.compact()
            return
        first = 0
        while first < len(self):
            before = numbers[first - 1] if first else 0
            stop = max(first + 1, int(np.searchsorted(numbers, before + size, side="right")))
            yield slice(first, stop), self[first:stop].compact()
            first = stop

    def _fill_rows_of(self, n_steps: int) -> bool:
        """Whether each sequence is one whole row of `steps` cut into rows of `n_steps`."""
        is_cut = len(self.steps) % n_steps == 0 and not (self.starts % n_steps).any()
        return is_cut and bool((self.lengths == n_steps).all())


@dataclass(frozen=True)
class InputForm:
    """How ``fit`` read X; ``predict`` reads it the same way.

    Attributes
    ----------
    kind : {"table", "sequences", "tokens"}
    n_features : int
        Features per time step, without static ones; 1 for tokens.
    n_columns : int
        Columns of a table, or of the arrays of sequences; the static ones are among them.
    names : tuple of str or None
        Names of the columns of a data frame, or of the data frames in a list.
    timesteps : int or None
        Number of time steps that the columns of a table hold.
    vocabulary_size : int or None
        All token ids are below it.
    static : tuple of int
        The columns of X that are features of a whole sequence, in ascending order.
    """

    kind: str
    n_features: int
    n_columns: int
    names: tuple[str, ...] | None = None
    timesteps: int | None = None
    vocabulary_size: int | None = None
    static: tuple[int, ...] = ()

    def name_of(self, column: int) -> str:
        """Return the name of a column of X, or its index, as errors show it."""
        return repr(column if self.names is None else self.names[column])
