"""The scaling of inputs (deltas of slow features, standardized columns) and of targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np

from sklstm._sequences import Sequences

# A feature is slow if it changes by less than this share of its standard deviation in a time step.
SLOW = 0.25
NUMBERS_PER_BLOCK = 2**18  # 2 MiB of float64, which fit into the cache
# Spreads of less than this share of the largest value are the rounding of a constant.
ROUNDING = 4 * np.finfo(np.float64).eps

Block = tuple[np.ndarray, np.ndarray]  # columns of some time steps, and the steps' weights
Numbers = np.ndarray | range  # by which error messages name the sequences


@dataclass(frozen=True)
class InputScaling:
    """The deltas, means and scales that a fit has measured, by which every X is transformed.

    All is computed in float64, and only the result is float32: in float32, small changes of large
    numbers would be lost.

    Attributes
    ----------
    deltas_of : tuple of int
        The features whose first and second differences over time are appended.
    mean, scale : ndarray of shape (F + 2 * len(deltas_of),), float64
        What is subtracted from each column, and what it is divided by.
    static_mean, static_scale : ndarray of shape (S,), float64
        The same for the static features.

    References
    ----------
    S. Furui, "Speaker-independent isolated word recognition using dynamic features of speech
    spectrum", 1986: differences beside the features themselves.
    """

    deltas_of: tuple[int, ...]
    mean: np.ndarray
    scale: np.ndarray
    static_mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    static_scale: np.ndarray = field(default_factory=lambda: np.ones(0))

    @classmethod
    def fit(
        cls,
        sequences: Sequences,
        weights: np.ndarray,
        *,
        standardize: bool,
        differences: bool | str,
    ) -> Self:
        """Measure the features over all time steps; each counts with the weight of its sequence.

        A feature that is constant has the scale 1. Static features are measured over sequences.
        """
        n_features = sequences.steps.shape[1]
        static = _measured_static(sequences.static, weights, standardize=standardize)
        weights = weights / (weights * sequences.lengths).sum()  # a mean is then a sum
        mean, scale = _measured(sequences, weights)
        if isinstance(differences, str):  # "auto"
            deltas_of = _slow_features(sequences, weights, scale)
        else:
            deltas_of = tuple(range(n_features)) if differences else ()
        if not standardize:
            size = n_features + 2 * len(deltas_of)
            return cls(deltas_of, np.zeros(size), np.ones(size), *static)
        if deltas_of:
            blocks = _blocks_of(sequences, weights, lambda block: deltas(block, deltas_of))
            of_deltas = _mean_and_scale(blocks)
            mean, scale = np.append(mean, of_deltas[0]), np.append(scale, of_deltas[1])
        return cls(deltas_of, mean, scale, *static)

    @property
    def n_features(self) -> int:
        """Features of X per time step."""
        return len(self.mean) - 2 * len(self.deltas_of)

    def transform(
        self, sequences: Sequences, numbers: Numbers | None = None, name: str = "X"
    ) -> Sequences:
        """Return scaled sequences, float32, without gaps between them.

        Raises
        ------
        ValueError
            If a value is too large for float32. It names the array, and the sequence by its entry
            in `numbers` (from 0 if None).
        """
        numbers = range(len(sequences)) if numbers is None else numbers
        static = self._scaled_static(sequences.static, numbers, name)
        steps, starts = None, np.cumsum(sequences.lengths) - sequences.lengths
        for rows, block in sequences.blocks(NUMBERS_PER_BLOCK):
            scaled = self._scaled(block, numbers[rows], name)
            if len(block) == len(sequences):
                return Sequences(scaled, starts, block.lengths, static)
            if steps is None:
                steps = np.empty((sequences.n_steps, len(self.mean)), np.float32)
            first = starts[rows.start]
            steps[first : first + len(scaled)] = scaled
        return Sequences(steps, starts, sequences.lengths, static)

    def check(self, sequences: Sequences, numbers: Numbers, name: str) -> None:
        """Check what `transform` checks, without keeping what it returns."""
        self._scaled_static(sequences.static, numbers, name)
        for rows, block in sequences.blocks(NUMBERS_PER_BLOCK):
            self._scaled(block, numbers[rows], name)

    def _scaled(self, block: Sequences, numbers: Numbers, name: str) -> np.ndarray:
        columns = _features(block)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.deltas_of:
                columns = np.concatenate([columns, deltas(block, self.deltas_of)], axis=1)
            scaled = columns - self.mean
            scaled /= self.scale
            scaled = scaled.astype(np.float32)
            if not np.isfinite(scaled.sum()):  # faster than to look at each
                self._check_finite(scaled, block, numbers, name)
        return scaled

    def _scaled_static(
        self, static: np.ndarray | None, numbers: Numbers, name: str
    ) -> np.ndarray | None:
        if static is None:
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = ((static - self.static_mean) / self.static_scale).astype(np.float32)
        finite = np.isfinite(scaled)
        if not finite.all():
            row, column = (int(places[0]) for places in np.nonzero(~finite))
            raise ValueError(
                f"Input {name} contains {static[row, column]:g} in static feature {column} of "
                f"sample {numbers[row]}: {self._too_large(self.static_scale[column])}"
            )
        return scaled

    def _check_finite(
        self, scaled: np.ndarray, block: Sequences, numbers: Numbers, name: str
    ) -> None:
        if np.isfinite(scaled).all():
            return
        step, column = (int(places[0]) for places in np.nonzero(~np.isfinite(scaled)))
        feature = (*range(self.n_features), *self.deltas_of, *self.deltas_of)[column]
        sample = int(np.searchsorted(block.starts, step, side="right")) - 1
        raise ValueError(
            f"Input {name} contains {block.steps[step, feature]:g} in feature {feature}"
            f"{' (static ones not counted)' if len(self.static_mean) else ''} of sample "
            f"{numbers[sample]} at time step {step - block.starts[sample]}: "
            f"{self._too_large(self.scale[column])}"
        )

    @staticmethod
    def _too_large(scale: float) -> str:
        return (
            f"a value too large for dtype('float32'), where the scale is {scale:g}. Scale or "
            "clip X."
        )


class TargetScaling(NamedTuple):
    """The scale that outputs are multiplied by, and the mean then added, (n_outputs,) each."""

    scale: np.ndarray
    mean: np.ndarray

    @classmethod
    def fit(cls, y: np.ndarray, weights: np.ndarray) -> Self:
        """Measure the columns of y, (n, n_outputs) float64.

        Raises
        ------
        ValueError
            If y is too large.
        """
        weights = weights / weights.sum()
        try:
            mean, scale = _mean_and_scale(lambda: iter([(y, weights)]))
        except OverflowError:
            raise ValueError(
                f"y reaches {np.abs(y).max():g}, too large to be standardised: scale y."
            ) from None
        return cls(scale, mean)


def deltas(sequences: Sequences, features: tuple[int, ...], orders: int = 2) -> np.ndarray:
    """Compute first and second differences over time, 0 at the first time step.

    Parameters
    ----------
    sequences : Sequences
        Without gaps between them.
    features : tuple of int
    orders : int, default=2
        1 for the first differences only.

    Returns
    -------
    ndarray of shape (N, orders * len(features)), float64
    """
    differences = sequences.steps[:, list(features)].astype(np.float64)
    columns = []
    for _ in range(orders):
        differences = np.diff(differences, axis=0, prepend=differences[:1])
        differences[sequences.starts] = 0
        columns.append(differences)
    return np.concatenate(columns, axis=1)


def _features(block: Sequences) -> np.ndarray:
    return block.steps.astype(np.float64, copy=False)


def _measured(sequences: Sequences, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the scale of each feature."""
    try:
        return _mean_and_scale(_blocks_of(sequences, weights, _features))
    except OverflowError as error:
        raise ValueError(
            f"Feature {error} of X spreads over more than float64 can hold: scale or clip X."
        ) from None


def _measured_static(
    static: np.ndarray | None, weights: np.ndarray, *, standardize: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the scale of each static feature; each sequence counts by its weight."""
    size = 0 if static is None else static.shape[1]
    if not (size and standardize):
        return np.zeros(size), np.ones(size)
    try:
        return _mean_and_scale(lambda: iter([(static, weights / weights.sum())]))
    except OverflowError as error:
        raise ValueError(
            f"Static feature {error} of X spreads over more than float64 can hold: scale or clip X."
        ) from None


def _blocks_of(
    sequences: Sequences, weights: np.ndarray, columns_of: Callable[[Sequences], np.ndarray]
) -> Callable[[], Iterator[Block]]:
    """Return a function that yields columns and weights of all time steps, block by block."""

    def blocks() -> Iterator[Block]:
        for rows, block in sequences.blocks(NUMBERS_PER_BLOCK):
            yield columns_of(block), np.repeat(weights[rows], block.lengths)

    return blocks


def _mean_and_scale(blocks: Callable[[], Iterator[Block]]) -> tuple[np.ndarray, np.ndarray]:
    """Compute the mean and the standard deviation of each column; 1 where it is constant.

    Means are those of the distance to the first time step, which is 0 for constants, and squares
    are taken in units of the largest distance, so that they neither vanish nor overflow. Raises
    OverflowError with the number of a column whose distances are too large for float64.
    """
    origin = next(blocks())[0][0].copy()
    distance, largest, size = (np.zeros(len(origin)) for _ in range(3))
    with np.errstate(over="ignore", invalid="ignore"):
        for columns, weights in blocks():
            from_origin = columns - origin
            distance += _weighted_sum(from_origin, weights)
            largest = np.maximum(largest, np.abs(from_origin).max(axis=0))
            size = np.maximum(size, np.abs(columns).max(axis=0))
        if not np.isfinite(largest + distance).all():
            raise OverflowError(int(np.flatnonzero(~np.isfinite(largest + distance))[0]))
    mean = origin + distance
    unit = np.where(largest > 0, largest, 1)
    variance = sum(_weighted_sum(((x - mean) / unit) ** 2, weights) for x, weights in blocks())
    scale = np.sqrt(variance) * unit
    return mean, np.where(scale > ROUNDING * size, scale, 1)


def _slow_features(sequences: Sequences, weights: np.ndarray, scale: np.ndarray) -> tuple[int, ...]:
    """Return the features that vary, but change little from one time step to the next."""
    squares, every = np.zeros(len(scale)), tuple(range(len(scale)))
    changes = _blocks_of(sequences, weights, lambda block: deltas(block, every, orders=1))
    for of_block, of_steps in changes():
        squares += _weighted_sum((of_block / scale) ** 2, of_steps)
    n_changes = float((weights * (sequences.lengths - 1)).sum())
    if not n_changes:
        return ()
    size_of_changes = np.sqrt(squares / n_changes)
    slow = (size_of_changes > 0) & (size_of_changes < SLOW)
    return tuple(np.flatnonzero(slow).tolist())


def _weighted_sum(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # Not a matrix product: its last bits depend on the number of threads.
    return (columns * weights[:, np.newaxis]).sum(axis=0)
