"""`Sequences`: the ragged array that every form of X is read into."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

BYTES_PER_CHECK = 2 * 2**20  # of X, checked at once: masks stay small and values in the cache

FindAbsent = Callable[[int, np.ndarray], np.ndarray | None]


@dataclass(frozen=True)
class Sequences:
    """Validated sequences of any lengths, stored in one array of all their time steps.

    Indexing selects sequences and copies no time step.

    Attributes
    ----------
    steps : ndarray
        All time steps, one below the other: ``(N, F)`` in the dtype of X (floats of up to 64
        bits, integers or bool), or ``(N,)`` int32 token ids.
    starts : ndarray of shape (n,)
        The row of `steps` at which each sequence begins.
    lengths : ndarray of shape (n,)
        Time steps of each sequence, 1 or more.
    """

    steps: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: slice | np.ndarray) -> Sequences:
        return Sequences(self.steps, self.starts[rows], self.lengths[rows])

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
            return Sequences(self.steps[:0], starts, self.lengths)
        first, end = self.starts[0], self.starts[0] + stops[-1]
        if (self.starts - first == starts).all():
            return Sequences(self.steps[first:end], starts, self.lengths)
        rows = np.repeat(self.starts - starts, self.lengths) + np.arange(stops[-1])
        return Sequences(self.steps[rows], starts, self.lengths)

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
        Features per time step; 1 for tokens.
    n_columns : int
        Columns of a table, otherwise the same as `n_features`.
    names : tuple of str or None
        Names of the columns of a data frame, or of the data frames in a list.
    timesteps : int or None
        Number of time steps that the columns of a table hold.
    vocabulary_size : int or None
        All token ids are below it.
    """

    kind: str
    n_features: int
    n_columns: int
    names: tuple[str, ...] | None = None
    timesteps: int | None = None
    vocabulary_size: int | None = None


@dataclass(frozen=True)
class TimeSteps:
    """All time steps of all sequences, one below the other, before absent ones are left out.

    Attributes
    ----------
    values : ndarray of shape (sum of T_i, F)
        In the input's own dtype.
    offsets : ndarray of shape (n + 1,)
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    first_sample : int
        The number that errors give to the first sequence.
    """

    values: np.ndarray
    offsets: np.ndarray
    first_sample: int = 0

    def locate(self, step: int) -> str:
        """Return the sample and the time step of a row of `values`, as text for an error."""
        sample = int(np.searchsorted(self.offsets, step, side="right")) - 1
        return f"sample {sample + self.first_sample} at time step {step - self.offsets[sample]}"

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield `values` in blocks of some MiB, each with the number of its first row."""
        row = max(1, self.values.itemsize * self.values[:1].size)
        n_rows = max(1, BYTES_PER_CHECK // row)
        for first in range(0, len(self.values), n_rows):
            yield first, self.values[first : first + n_rows]


def drop_absent_steps(
    steps: TimeSteps,
    find_absent: FindAbsent,
    what: str,
    advice: str = "impute the gap, or cut the sequence there",
) -> tuple[np.ndarray, np.ndarray]:
    """Find where each sequence starts and stops when absent steps at its ends are dropped.

    Parameters
    ----------
    steps : TimeSteps
    find_absent : callable
        Takes the number of the first row of a block of ``steps.values``, and the block; returns a
        mask of its absent steps, or None if there are none.
    what : str
        The name of an absent step, for the errors: "NaN" or "padding (id 0)".
    advice : str
        What to do about an absent step inside a sequence, for the errors.

    Returns
    -------
    starts, stops : ndarrays of shape (n,)
        Rows of ``steps.values``.

    Raises
    ------
    ValueError
        If an absent step lies inside a sequence, or a sequence has no step left.
    """
    if steps.values.nbytes <= BYTES_PER_CHECK and find_absent(0, steps.values) is None:
        starts, stops = steps.offsets[:-1], steps.offsets[1:]
        if (stops > starts).all():
            return starts, stops
    starts, stops, n_present = find_spans(steps, find_absent, what)
    if (holes := n_present != stops - starts).any():
        sample = int(np.flatnonzero(holes)[0])
        start = int(starts[sample])
        absent = find_absent(start, steps.values[start : stops[sample]])
        place = steps.locate(start + int(np.flatnonzero(absent)[0]))
        raise ValueError(
            f"Input X contains {what} in {place}, inside the sequence. Only time "
            f"steps at the start or the end of a sequence may be absent: {advice}."
        )
    return starts, stops


def find_spans(
    steps: TimeSteps, find_absent: FindAbsent, what: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find where the present steps of each sequence start and stop, and how many there are.

    The parameters, starts and stops are as in `drop_absent_steps`, but absent steps may lie
    inside a sequence.

    Raises
    ------
    ValueError
        If a sequence has no step left.
    """
    bounds = np.stack([steps.offsets[:-1], steps.offsets[1:]])
    starts, stops = bounds.copy()
    n_present = np.zeros(len(starts), np.int64)
    for first_row, block in steps.blocks():
        here, of_block = _sequences_of(steps.offsets, first_row, first_row + len(block))
        absent = find_absent(first_row, block)
        if absent is None:
            first, end = of_block[:-1], of_block[1:]
            n_here = end - first
        else:
            present = np.append(first_row + np.flatnonzero(~absent), 0)
            places = np.searchsorted(present[:-1], of_block)
            n_here = np.diff(places)
            first, end = present[places[:-1]], present[places[1:] - 1] + 1
        starts[here] = np.where((n_present[here] == 0) & (n_here > 0), first, starts[here])
        stops[here] = np.where(n_here > 0, end, stops[here])
        n_present[here] += n_here
    _check_not_empty(steps, n_present, what)
    return starts, stops, n_present


def _sequences_of(offsets: np.ndarray, first: int, end: int) -> tuple[slice, np.ndarray]:
    """Return which sequences lie in these rows, and where they begin and end in them."""
    first_sequence = int(np.searchsorted(offsets, first, side="right")) - 1
    end_sequence = int(np.searchsorted(offsets, end, side="left"))
    bounds = offsets[first_sequence : end_sequence + 1].clip(first, end)
    return slice(first_sequence, end_sequence), bounds


def _check_not_empty(steps: TimeSteps, n_present: np.ndarray, what: str) -> None:
    """Check that each sequence has a time step."""
    if n_present.all():
        return
    sample = int(np.flatnonzero(n_present == 0)[0])
    has_steps = steps.offsets[sample + 1] > steps.offsets[sample]
    raise ValueError(
        f"Sequence {sample + steps.first_sample} of X is empty: it has no time step"
        f"{' other than ' + what if has_steps else ''}. Every sequence needs at least one."
    )
