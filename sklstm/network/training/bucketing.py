"""Bucketing: batches of sequences of similar length, padded to one of few lengths.

What is compiled for one shape of a batch serves all batches of that shape, so shapes must be few;
and sequences of similar length in a batch need little padding.
"""

from __future__ import annotations

import numpy as np

# The numbers of time steps and of rows that compiled batches may have: four between a power of two
# and the next one, all even from 4 on. For each that occurs, something is compiled once.
LADDER = np.array([1, 2, 3, 4, 6, *(n << shift for shift in range(1, 31) for n in (4, 5, 6, 7))])
MAX_SHAPES = 6
# What one more length must save, because compiling takes time: a share of all time steps, and so
# many time steps per row of a batch in an epoch.
MIN_SHARE_SAVED = 0.05
MIN_BATCH_STEPS_SAVED = 100
MIN_POOLS, MAX_BATCHES_PER_POOL = 4, 64


def round_up(size: int) -> int:
    """Round a number of time steps or rows up to the next one of `LADDER`."""
    return int(LADDER[np.searchsorted(LADDER, size)])


def choose_shapes(lengths: np.ndarray, batch_size: int) -> tuple[int, ...]:
    """Choose the few lengths of the buckets, to which batches are padded.

    Parameters
    ----------
    lengths : ndarray of shape (n,)
        Time steps of each sequence.
    batch_size : int

    Returns
    -------
    tuple of int
        In ascending order, up to `MAX_SHAPES` numbers of `LADDER`: of all choices the one with
        the fewest time steps, padding included.
    """
    sizes, counts = np.unique(LADDER[np.searchsorted(LADDER, lengths)], return_counts=True)
    before = np.append(0, np.cumsum(counts))
    # (from, to): time steps if sequences of the sizes in between are padded to the last one
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
    """Follow the choices back from the longest length to the shortest."""
    place, places = len(sizes) - 1, []
    for last in reversed(lasts):
        places.append(place)
        place = last[place]
    return tuple(int(size) for size in sizes[places[::-1]])


def draw_order(lengths: np.ndarray, batch_size: int, rng: np.random.RandomState) -> np.ndarray:
    """Shuffle rows such that those of a batch are of similar length, where lengths differ.

    Rows are sorted by length within random pools of some batches, and the batches are then
    shuffled: each epoch draws anew which rows are in a batch, and the order of the batches. A last
    batch that is not full has rows of any length, because each of them has a larger share in the
    gradient.
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


def draw_order_by_blocks(
    pieces: np.ndarray,
    n_at_once: int,
    lengths: np.ndarray,
    batch_size: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Shuffle rows that are read from a disk in pieces, such that each piece is read about once.

    A block is some pieces, drawn at random from the whole array. The rows of a block are shuffled
    as `draw_order` does, and the blocks follow one another.

    Parameters
    ----------
    pieces : ndarray of shape (n,)
        The piece that each row is in, counted from 0.
    n_at_once : int
        Pieces in a block.
    lengths : ndarray of shape (n,)
        Time steps of each row.
    batch_size : int
    rng : RandomState

    Returns
    -------
    ndarray of shape (n,)
    """
    place_of_piece = rng.permutation(int(pieces.max()) + 1)
    block = place_of_piece[pieces] // n_at_once
    rows_by_block = np.argsort(block, kind="stable")
    order, n_done = [], 0
    for rows in np.split(rows_by_block, np.cumsum(np.bincount(block))[:-1]):
        # The first rows fill up the batch that the block before began.
        first, others = np.split(rng.permutation(rows), [-n_done % batch_size])
        order.append(first)
        if len(others):
            order.append(others[draw_order(lengths[others], batch_size, rng)])
        n_done += len(rows)
    return np.concatenate(order)
