"""A fit of an array on a disk beside one of the same array in memory: peak memory and epochs.

Each fit runs in a process of its own. Memory is what the kernel counts as anonymous, which
excludes pages of a memory map: those are dropped where memory is scarce. The peak is taken 200
times a second, above the peak of a fit of the first rows, which has the network, TensorFlow and
the batches in it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import h5py
import numpy as np
import zarr
from _timing import in_new_process, show_machine, show_table

N_STEPS, N_FEATURES, ROWS_PER_CHUNK = 20, 100, 64
N_FIRST = 8000  # rows of the fit that has all but the array; enough for XLA to compile
MIB_PER_BLOCK = 256  # what a fit holds of an array in HDF5 or Zarr


def write(folder: Path, n: int, dtype: str) -> None:
    """Write the same array to a file of numpy, to HDF5 and to Zarr."""
    shape, chunks = (n, N_STEPS, N_FEATURES), (ROWS_PER_CHUNK, N_STEPS, N_FEATURES)
    in_numpy = np.lib.format.open_memmap(folder / "X.npy", "w+", dtype, shape)
    in_zarr = zarr.create_array(folder / "X.zarr", shape=shape, dtype=dtype, chunks=chunks)
    with h5py.File(folder / "X.h5", "w") as file:
        in_hdf5 = file.create_dataset("X", shape, dtype, chunks=chunks)
        for first in range(0, n, 4 * ROWS_PER_CHUNK):
            rows = slice(first, min(first + 4 * ROWS_PER_CHUNK, n))
            size = (rows.stop - first, N_STEPS, N_FEATURES)
            block = np.random.default_rng(first).normal(size=size).astype(dtype)
            block[:, 0, 0] = np.abs(block[:, 0, 0]) * (2 * labels(n)[rows] - 1)
            for array in (in_numpy, in_zarr, in_hdf5):
                array[rows] = block


def labels(n: int) -> np.ndarray:
    """Return labels that are sorted, the worst case for blocks of adjacent rows."""
    return (np.arange(n) >= n // 2).astype(int)


SOURCES = {
    "in memory": lambda folder: np.load(folder / "X.npy"),
    "memory map": lambda folder: np.load(folder / "X.npy", mmap_mode="r"),
    "HDF5": lambda folder: h5py.File(folder / "X.h5")["X"],
    "Zarr": lambda folder: zarr.open_array(folder / "X.zarr", mode="r"),
}


def anonymous_mib() -> float:
    """Return the memory of this process that is not of a file, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("This kernel does not tell RssAnon.")


class Peak:
    """Notes the most anonymous memory while it is entered."""

    def __enter__(self) -> Peak:
        self.mib, self.done = 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        """Read the memory 200 times a second."""
        while not self.done.wait(0.005):
            self.mib = max(self.mib, anonymous_mib())

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()


def measure(source: str, folder: Path, epochs: int) -> tuple[float, float, float, float]:
    """Return the peak above that of the first rows, seconds before and of an epoch, the loss."""
    from sklstm import LSTMClassifier

    options = {"units": 4, "batch_size": 256, "random_state": 0, "differences": True}
    first = np.load(folder / "X.npy", mmap_mode="r")[:N_FIRST].copy()
    with Peak() as before:
        LSTMClassifier(epochs=epochs, **options).fit(first, np.arange(N_FIRST) % 2)
    ends = []
    network = LSTMClassifier(
        epochs=epochs, callbacks=[lambda *_: ends.append(time.perf_counter())], **options
    )
    start = time.perf_counter()
    with Peak() as peak:
        X = SOURCES[source](folder)
        network.fit(X, labels(X.shape[0]))
    seconds = median(end - begin for begin, end in pairwise(ends))
    return peak.mib - before.mib, ends[0] - start - seconds, seconds, network.history_["loss"][-1]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mib", type=int, default=2048, help="size of the array")
    options.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--only", choices=SOURCES, help="one source")
    arguments = options.parse_args()
    show_machine()
    itemsize = np.dtype(arguments.dtype).itemsize
    n = arguments.mib * 2**20 // (itemsize * N_STEPS * N_FEATURES)
    folder = Path(tempfile.mkdtemp())
    print(f"X of {arguments.mib} MiB, {arguments.dtype}, shape ({n}, {N_STEPS}, {N_FEATURES})")
    try:
        write(folder, n, arguments.dtype)
        lines = []
        for source in [arguments.only] if arguments.only else SOURCES:
            peak, before, epoch, loss = in_new_process(measure, source, folder, arguments.epochs)
            of_x, of_block = f"{peak / arguments.mib:.2f}", f"{peak / MIB_PER_BLOCK:.2f}"
            seconds = (f"{before:.1f} s", f"{epoch:.1f} s")
            lines.append((source, f"{peak:.0f} MiB", of_x, of_block, *seconds, f"{loss:.4f}"))
            print(*lines[-1], flush=True)
    finally:
        shutil.rmtree(folder)
    print()
    columns = ("peak", "of X", "of a block", "before the epochs", "an epoch", "loss")
    show_table(("X", *columns), lines)


if __name__ == "__main__":
    main()
