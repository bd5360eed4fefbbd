"""The memory of a process that fits again and again.

    python benchmarks/pool_memory.py reuse     200 fits over 8 specs, which fit the pool
    python benchmarks/pool_memory.py evict     100 specs, far more than the pool holds

`reuse` fits 8 networks in turns on a part of the digits that differs by some rows each time, as
folds do, and prints the resident memory after the 20th fit and at the end: the difference should
be at most 20 MiB. `evict` fits networks that all differ: when the pool is full, every fit evicts
a model, and what the memory grows by is what an evicted model leaves behind. Fits are long
enough for XLA; `--epochs 1` measures the plain graphs of short fits. Each command needs a process
of its own, since memory that was used before hides what is used now. There is no peer: figures
are compared with the memory that models built anew take, 10 MiB per fit in Keras.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _data import digits
from _timing import parser, resident_mib, show_machine

from sklstm import LSTMClassifier
from sklstm.network.training.model_pool import pool

FITS = {"reuse": 200, "evict": 100}
WARM_FITS = 20  # more than the pool holds


def reused(n: int, epochs: int) -> Iterator[LSTMClassifier]:
    """Yield estimators of 8 networks, in turns."""
    for index in range(n):
        units, pooling = (8, 16, 24, 32)[index % 4], ("last", "mean")[index // 4 % 2]
        yield LSTMClassifier(units, pooling=pooling, epochs=epochs, random_state=index)


def distinct(n: int, epochs: int) -> Iterator[LSTMClassifier]:
    """Yield estimators of `n` networks."""
    for index in range(n):
        yield LSTMClassifier(8 + index, epochs=epochs, random_state=index)


def memory_over_fits(estimators: Iterator[LSTMClassifier], warm: int) -> list[float]:
    """Fit one after another; return the resident memory after each, in MiB."""
    X, y = digits()
    rng = np.random.RandomState(0)
    memory = []
    start = time.perf_counter()
    for index, estimator in enumerate(estimators, start=1):
        rows = rng.permutation(len(X))[: rng.randint(1400, 1440)]
        estimator.fit(X[rows], y[rows])
        gc.collect()
        memory.append(resident_mib())
        if index % warm == 0:
            taken = time.perf_counter() - start
            print(f"{index:4} fits  {memory[-1]:6.0f} MiB  {taken:5.0f} s  "
                  f"loss {estimator.history_['loss'][-1]:.3f}  {estimator.training_loop_}",
                  flush=True)  # fmt: skip
    return memory


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("case", choices=FITS)
    arguments.add_argument("--fits", type=int, help="default: 200 to reuse, 100 to evict")
    arguments.add_argument("--epochs", type=int, default=12, help="of each fit")
    options = arguments.parse_args()
    show_machine()
    n = options.fits or FITS[options.case]
    make = reused if options.case == "reuse" else distinct
    warm = max(WARM_FITS, pool.size + 1) if options.case == "evict" else WARM_FITS
    memory = memory_over_fits(make(n, options.epochs), warm)
    more = memory[-1] - memory[warm - 1]
    print(f"\nAfter {warm} fits {memory[warm - 1]:.0f} MiB, after {n} {memory[-1]:.0f} MiB: "
          f"{more:.1f} MiB more")  # fmt: skip
    if options.case == "evict":
        evicted = n - warm
        print(f"{more / evicted:.2f} MiB per evicted model ({evicted}; the pool holds "
              f"{pool.size})")  # fmt: skip


if __name__ == "__main__":
    main()
