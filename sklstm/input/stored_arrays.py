"""Arrays on a disk, of which a fit holds a block in memory: `StoredSteps` and `StoredRows`."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from sklstm._sklearn_compat import safe_indexing
from sklstm.input.containers import NUMBERS, is_lazy_array, rows_per_block

# What a fit holds in memory of an array on a disk, and how much is read from it at once.
BYTES_PER_BLOCK, BYTES_PER_PIECE = 256 * 2**20, 2 * 2**20


def exceeds_a_block(X: Any) -> bool:
    """Whether X is a 3-D array of numbers on a disk, of more bytes than a fit holds of it.

    A memory map counts only if it is not contiguous: any part of a contiguous one is read from the
    disk where it is used.
    """
    is_strided_map = isinstance(X, np.memmap) and not X.flags.c_contiguous
    if not (is_strided_map or is_lazy_array(X)) or len(X.shape) != 3:
        return False
    holds_numbers = X.dtype.kind in NUMBERS and X.dtype.itemsize <= 8
    return holds_numbers and math.prod(X.shape) * X.dtype.itemsize > BYTES_PER_BLOCK


class StoredSteps:
    """The time steps of a 3-D array on a disk, read in pieces of adjacent sequences.

    It is indexed like an array of shape (N, F), by a slice or an array of rows. Each thread holds
    the pieces that it used last, of `BYTES_PER_BLOCK` in all. A piece is a whole number of the
    chunks in which the array is stored.

    Parameters
    ----------
    array : array of shape (n, T, F)
        A memory map, an h5py dataset, a Zarr array, or another object that can be sliced.
    """

    ndim = 2

    def __init__(self, array: Any) -> None:
        n, n_steps, n_features = array.shape
        self.array, self.dtype = array, np.dtype(array.dtype)
        self.shape = n * n_steps, n_features
        self.rows_per_piece = min(rows_per_block(array, BYTES_PER_PIECE), n)
        self.steps_per_piece = self.rows_per_piece * n_steps
        bytes_per_piece = self.steps_per_piece * n_features * self.itemsize
        self._n_pieces = -(-n // self.rows_per_piece)
        self._n_held = min(max(1, BYTES_PER_BLOCK // bytes_per_piece), self._n_pieces)
        self._held = _HeldPieces(self)

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return math.prod(self.shape) * self.itemsize

    @property
    def pieces_at_once(self) -> int:
        """How many pieces to mix: half of those that are held.

        While the rows of one half are still in use, those of the next are read already.
        """
        return max(1, self._n_held // 2)

    def piece_of(self, steps: np.ndarray) -> np.ndarray:
        """Return the piece that each of some time steps lies in."""
        return steps // self.steps_per_piece

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, steps: slice | np.ndarray) -> np.ndarray:
        if isinstance(steps, slice):
            steps = np.arange(*steps.indices(len(self)))
        return self._held.take(steps)

    def read_piece(self, piece: int) -> np.ndarray:
        """Read the time steps of one piece from the disk."""
        first = piece * self.rows_per_piece
        rows = np.asarray(self.array[first : first + self.rows_per_piece])
        return rows.reshape(-1, self.shape[1])


class _HeldPieces(threading.local):
    """The pieces that one thread holds in memory. Every thread has a set of its own.

    Parameters
    ----------
    stored : StoredSteps
    """

    def __init__(self, stored: StoredSteps) -> None:
        self.stored = stored
        n_held, size = stored._n_held, stored.steps_per_piece
        # (places, time steps, F): memory that is not written to yet is not taken yet
        self.values = np.empty((n_held, size, stored.shape[1]), stored.dtype)
        self.place_of = np.full(stored._n_pieces, -1)
        self.piece_in = np.full(n_held, -1)
        self.last_use = np.zeros(n_held, int)
        self.n_uses = 0

    def take(self, steps: np.ndarray) -> np.ndarray:
        """Return some time steps, in their order."""
        piece, within = np.divmod(steps, self.stored.steps_per_piece)
        needed = np.unique(piece)
        is_held = self.place_of[needed] >= 0
        if is_held.all():
            return self._take_held(piece, within)
        taken = np.empty((len(steps), self.stored.shape[1]), self.stored.dtype)
        missing = needed[~is_held]
        groups = np.split(missing, range(len(self.values), len(missing), len(self.values)))
        for group in (needed[is_held], *groups):  # a piece that is read may replace a held one
            self._hold(group)
            here = np.isin(piece, group)
            taken[here] = self._take_held(piece[here], within[here])
        return taken

    def _take_held(self, piece: np.ndarray, within: np.ndarray) -> np.ndarray:
        places = self.place_of[piece]
        self.n_uses += 1
        self.last_use[places] = self.n_uses
        return self.values[places, within]

    def _hold(self, pieces: np.ndarray) -> None:
        """Read those pieces that are not held, each in place of the one not used for longest."""
        for piece in pieces[self.place_of[pieces] < 0]:
            place = int(self.last_use.argmin())
            if self.piece_in[place] >= 0:
                self.place_of[self.piece_in[place]] = -1
            read = self.stored.read_piece(piece)
            self.values[place, : len(read)] = read
            self.place_of[piece], self.piece_in[place] = place, piece
            self.n_uses += 1
            self.last_use[place] = self.n_uses


class StoredRows:
    """Some rows of an array on a disk; a slice of them is read from the disk when it is asked for.

    Parameters
    ----------
    array : array
        A memory map, an h5py dataset, a Zarr array, or another object that can be sliced.
    rows : ndarray of shape (n,)
    """

    def __init__(self, array: Any, rows: np.ndarray) -> None:
        self.array, self.rows, self.dtype = array, rows, array.dtype
        self.shape, self.ndim = (len(rows), *array.shape[1:]), len(array.shape)

    def __getitem__(self, places: slice) -> np.ndarray:
        rows = self.rows[places]
        read = np.empty((len(rows), *self.shape[1:]), self.dtype)
        n_at_once = rows_per_block(self.array, BYTES_PER_PIECE)
        piece = rows // n_at_once
        for number in np.unique(piece):
            first, here = number * n_at_once, piece == number
            read[here] = np.asarray(self.array[first : first + n_at_once])[rows[here] - first]
        return read


def rows_of(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of X; those of an array on a disk stay there."""
    on_disk = is_lazy_array(X) or isinstance(X, np.memmap)
    return StoredRows(X, rows) if on_disk else safe_indexing(X, rows)
