"""Memory that `fit` takes beside X, for each form of X, in processes of their own.

The model that trains is compiled before, on the first rows. The peak is that of the resident
memory while `fit` runs, read 200 times a second, above the level right before it.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _timing import in_new_process, parser, resident_mib, show_machine, show_table

N_STEPS, N_FEATURES = 100, 8
N_WARM = 8000  # enough for XLA to compile


def make(n: int, dtype: str = "float32") -> np.ndarray:
    X = np.empty((n, N_STEPS, N_FEATURES), dtype)
    for rows in np.array_split(np.arange(n), max(1, n // 1000)):
        X[rows] = np.random.default_rng(rows[0]).normal(size=(len(rows), N_STEPS, N_FEATURES))
    return X


def padded(n: int) -> np.ndarray:
    X = make(n)
    for row in range(n):
        X[row, N_STEPS - row % 50 :] = np.nan
    return X


def memory_map(n: int) -> np.ndarray:
    path = Path(tempfile.mkdtemp(), "X.npy")
    np.save(path, make(n))
    return np.load(path, mmap_mode="r")


FORMS: dict[str, tuple[Callable[[int], object], dict]] = {
    "array, float32": (make, {}),
    "the same, not scaled": (make, {"standardize": False, "differences": False}),
    "the same, differences=True": (make, {"differences": True}),
    "array, float64": (lambda n: make(n, "float64"), {}),
    "memory map, float32": (memory_map, {}),
    "padded with NaN, float32": (padded, {}),
    "list of arrays, float32": (lambda n: [x.copy() for x in make(n)], {}),
}


def beside(form: str, n: int) -> tuple[float, float]:
    """Return the size of X and the memory that `fit` took beside it, in MiB."""
    from sklstm import LSTMClassifier

    form_of, options = FORMS[form]
    network = LSTMClassifier(4, epochs=1, batch_size=256, random_state=0, **options)
    network.fit(form_of(N_WARM), np.arange(N_WARM) % 2)
    X = form_of(n)
    before, levels, done = resident_mib(), [], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            levels.append(resident_mib())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        network.fit(X, np.arange(n) % 2)
    finally:
        done.set()
        thread.join()
    size = (sum(x.nbytes for x in X) if isinstance(X, list) else X.nbytes) / 2**20
    return size, max(levels) - before


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--mib", type=int, default=200, help="size of a float32 X")
    options.add_argument("--only", choices=FORMS, help="one form")
    arguments = options.parse_args()
    show_machine()
    n = arguments.mib * 2**20 // (4 * N_STEPS * N_FEATURES)
    lines = []
    for form in [arguments.only] if arguments.only else FORMS:
        size, taken = in_new_process(beside, form, n)
        lines.append((form, f"{size:.0f} MiB", f"{taken:.0f} MiB", f"{taken / size:.2f}"))
    show_table(("X", "its size", "fit beside it", "ratio"), lines)


if __name__ == "__main__":
    main()
