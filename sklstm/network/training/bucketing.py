"""Sequences of similar length in one batch, and the few sizes that compiled programs have."""

from __future__ import annotations

import numpy as np

# Time steps and rows of compiled batches: four to an octave, even from 4 on. Each that is needed is
# compiled once, whatever the data.
LADDER = np.array([1, 2, 3, 4, 6, *(n << shift for shift in range(1, 31) for n in (4, 5, 6, 7))])
MAX_SHAPES = 6
# What one length more must save, because each is compiled: of all time steps, and in an epoch.
MIN_SHARE_SAVED = 0.05
MIN_BATCH_STEPS_SAVED = 100
MIN_POOLS, MAX_BATCHES_PER_POOL = 4, 64


def round_up(size: int) -> int:
    """Return the least size of the ladder that holds so many time steps or rows."""
    return int(LADDER[np.searchsorted(LADDER, size)])


def choose_shapes(lengths: np.ndarray, batch_size: int) -> tuple[int, ...]:
    """Choose the few lengths to which batches are filled up.

    Parameters
    ----------
    lengths : ndarray of shape (n,)
        Time steps of each sequence.
    batch_size : int

    Returns
    -------
    tuple of int
        In ascending order: up to `MAX_SHAPES` of the ladder, of all choices the one with the
        fewest time steps.
    """
    sizes, counts = np.unique(LADDER[np.searchsorted(LADDER, lengths)], return_counts=True)
    before = np.append(0, np.cumsum(counts))
    # (from, to): time steps if sequences of the sizes in between are filled up to the last one
    steps = np.triu(before[1:] - before[:-1, np.newaxis]) * sizes.astype(float)
    steps[np.tril_indices(len(sizes), -1)] = np.inf
    best, lasts = steps[0], [np.zeros(len(sizes), int)]
    least = batch_size * MIN_BATCH_STEPS_SAVED
    while len(lasts) < min(MAX_SHAPES, len(sizes)):
        # (last of the others, to): with one length more
        ways = best[:-1, np.newaxis] + steps[1:]
        saved = best[-1] - ways[:, -1].min()
        if saved < max(least, MIN_SHARE_SAVED * best[-1]):
            break
        best = ways.min(axis=0)
        lasts.append(ways.argmin(axis=0))
    return _read_back(sizes, lasts)


def _read_back(sizes: np.ndarray, lasts: list[np.ndarray]) -> tuple[int, ...]:
    """Follow the choices from the longest length to the shortest."""
    place, places = len(sizes) - 1, []
    for last in reversed(lasts):
        places.append(place)
        place = last[place]
    return tuple(int(size) for size in sizes[places[::-1]])


def draw_order(lengths: np.ndarray, batch_size: int, rng: np.random.RandomState) -> np.ndarray:
    """Shuffle rows such that those of a batch are of similar length, where lengths differ.

    Rows are sorted within random pools of some batches, and the batches then shuffled: which rows
    meet in a batch, and when, is drawn anew in every epoch. The rows of a short last batch are
    random ones, as they weigh more.
    """
    order = rng.permutation(len(lengths))
    if (lengths == lengths[0]).all():
        return order
    n_batches = len(lengths) // batch_size
    in_batches, rest = np.split(order, [n_batches * batch_size])
    size = batch_size * int(np.clip(n_batches // MIN_POOLS, 1, MAX_BATCHES_PER_POOL))
    for pool in np.split(in_batches, range(size, len(in_batches), size)):  # views
        pool[:] = pool[np.argsort(lengths[pool], kind="stable")]
    return np.append(rng.permutation(in_batches.reshape(n_batches, batch_size)), rest)
