"""Time steps that are absent: found and left out at the ends of sequences, refused inside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklstm.input.stored_arrays import StoredSteps

BYTES_PER_CHECK = 2 * 2**20  # of X, checked at once: masks stay small and values in the cache

FindAbsent = Callable[[int, np.ndarray], np.ndarray | None]


@dataclass(frozen=True)
class TimeSteps:
    """All time steps of all sequences, one below the other, before absent ones are left out.

    Attributes
    ----------
    values : ndarray or StoredSteps, of shape (sum of T_i, F)
        In the input's own dtype.
    offsets : ndarray of shape (n + 1,)
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    first_sample : int
        The number that errors give to the first sequence.
    """

    values: np.ndarray | StoredSteps
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
    if steps.values.nbytes <= BYTES_PER_CHECK and find_absent(0, steps.values[:]) is None:
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
