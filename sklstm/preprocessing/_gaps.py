"""What is missing in sequences: found, filled, and told as features. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class StepTimes:
    """The time steps of all sequences, one after another, and their times.

    Attributes
    ----------
    times : ndarray of shape (N,), float64
        Never falling within a sequence.
    firsts, lasts : ndarrays of shape (N,)
        The rows of the first and of the last time step of the sequence that a row belongs to.
    """

    times: np.ndarray
    firsts: np.ndarray
    lasts: np.ndarray

    @classmethod
    def of(cls, lengths: np.ndarray, times: np.ndarray | None) -> StepTimes:
        """Return the steps of sequences of these lengths; without times, a step takes 1."""
        stops = np.cumsum(lengths)
        firsts = np.repeat(stops - lengths, lengths)
        steps = np.arange(len(firsts))
        times = (steps - firsts).astype(np.float64) if times is None else times
        return cls(times, firsts, np.repeat(stops - 1, lengths))

    def intervals(self) -> np.ndarray:
        """Return the time from the step before to each step, 0 at the first of a sequence."""
        before = np.maximum(np.arange(len(self.times)) - 1, self.firsts)
        return self.times - self.times[before]

    def last_known(self, known: np.ndarray) -> np.ndarray:
        """Return the row of the last known value of a feature up to each step; -1 for none."""
        rows = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        return np.where(rows < self.firsts, -1, rows)

    def next_known(self, known: np.ndarray) -> np.ndarray:
        """Return the row of the first known value from each step on; -1 for none."""
        n = len(known)
        rows = np.where(known, np.arange(n), n)
        rows = np.minimum.accumulate(rows[::-1])[::-1]
        return np.where(rows > self.lasts, -1, rows)

    def since_known(self, known: np.ndarray) -> np.ndarray:
        """Return the time interval of Che et al., 2018: from the last known value before a step.

        It is 0 at the first step of a sequence, and counts from that step until a value is known.
        """
        steps = np.arange(len(known))
        rows = np.maximum.accumulate(np.where(known | (steps == self.firsts), steps, -1))
        before = rows[np.maximum(steps - 1, self.firsts)] if len(steps) else steps
        return self.times - self.times[before]


def fill_forward(values: np.ndarray, known: np.ndarray, steps: StepTimes, otherwise: float) -> None:
    """Give what is missing the last known value of its sequence; `otherwise` before the first."""
    rows = steps.last_known(known)
    values[:] = np.where(rows < 0, otherwise, values[rows])


def fill_linear(values: np.ndarray, known: np.ndarray, steps: StepTimes, otherwise: float) -> None:
    """Give what is missing the value on the line between its known neighbours.

    Before the first and after the last known value, it is that value; `otherwise` if none is known.
    """
    before, after = steps.last_known(known), steps.next_known(known)
    before, after = np.where(before < 0, after, before), np.where(after < 0, before, after)
    span = steps.times[after] - steps.times[before]
    share = (steps.times - steps.times[before]) / np.where(span > 0, span, 1)
    start, stop = values[before].astype(np.float64), values[after].astype(np.float64)
    # of start and stop apart: their difference may overflow
    line = start * (1 - share) + stop * share
    values[:] = np.where(known, values, np.where(before < 0, otherwise, line))
