"""The memory of a service that fits one network again and again, on sequences of many lengths.

    python benchmarks/refits.py              1,000 fits over 60 lengths, 3 to 62 time steps
    python benchmarks/refits.py --fits 120   the same lengths twice

All sequences of a fit have one length, the next one; how many there are and the size of batches
change too, as folds and partial fits do. After the first 60 fits, 200 and all, the resident memory
is printed, and how many compiled models and loops the pool holds. Nothing new is compiled once
all sizes have been seen: the memory should then grow by 60 MiB at most, and a fit take what its
epochs take. Run it in a process of its own. There is no peer.
"""

from __future__ import annotations

import gc
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _timing import parser, resident_mib, show_machine, show_table

from sklstm import LSTMClassifier
from sklstm.network.training.model_pool import pool

N_STEPS = range(3, 63)
BATCH_SIZES = (32, 30, 29)  # one size of compiled batches


def refit(index: int, rng: np.random.RandomState, epochs: int) -> None:
    """Fit on the next length."""
    X = rng.normal(size=(rng.randint(140, 200), N_STEPS[index % len(N_STEPS)], 3))
    y = X[:, 0, 0] > 0
    batch_size = BATCH_SIZES[rng.randint(len(BATCH_SIZES))]
    LSTMClassifier(16, epochs=epochs, batch_size=batch_size, random_state=index).fit(X, y)


def level(index: int, seconds: float) -> list[str]:
    """Return a line of the table."""
    gc.collect()
    n_models, n_loops = pool.counts()
    cells = (f"{index:,}", f"{resident_mib():.0f}", f"{n_models}", f"{n_loops}")
    return [*cells, f"{seconds:.0f} s"]


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__)
    arguments.add_argument("--fits", type=int, default=1000, help="default: %(default)s")
    arguments.add_argument("--epochs", type=int, default=10, help="of each fit")
    options = arguments.parse_args()
    show_machine()
    rng = np.random.RandomState(0)
    lines = []
    start = time.perf_counter()
    for index in range(options.fits):
        refit(index, rng, options.epochs)
        if index + 1 in (len(N_STEPS), 200, options.fits):
            lines.append(level(index + 1, time.perf_counter() - start))
            print(*lines[-1], flush=True)
    print()
    show_table(["fits", "resident MiB", "models", "compiled loops", "after"], lines)


if __name__ == "__main__":
    main()
