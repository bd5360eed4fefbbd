"""Five networks against one: the first fit and its memory, later fits, and predictions.

    python benchmarks/ensembles.py
    python benchmarks/ensembles.py --case fit

LSTM(32) on the digits, 10 epochs. A is one network, B five, in turns. The first fit and the most
memory that a process has held are those of a new process, which has imported TensorFlow and finds
code that XLA compiled before, unless SKLSTM_COMPILED_CODE_CACHE=0 keeps none. Later fits share
what their process has compiled. Predictions are of 1 row and of 512, by one call. Scores are
accuracies on a fifth of the rows, which no fit has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
from _data import digits
from _timing import (
    Comparison,
    Row,
    Run,
    compare,
    in_new_process,
    parser,
    peak_mib,
    show,
    show_machine,
    show_table,
    timed,
)

from sklstm import LSTMClassifier

N_NETWORKS = 5
EPOCHS = 10
SECONDS_PER_RUN = 0.3  # of predictions in a row
CASES = ("first", "fit", "predict")


def train_and_test() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    X, y = digits()
    n = len(X) // 5
    return X[n:], y[n:], X[:n], y[:n]


def fit_once(n_networks: int) -> float:
    """Fit, and return the accuracy."""
    X, y, X_test, y_test = train_and_test()
    model = LSTMClassifier(32, n_networks=n_networks, epochs=EPOCHS, random_state=0).fit(X, y)
    return model.score(X_test, y_test)


def first_fit(n_networks: int) -> tuple[Run, float]:
    """Fit in this process, which is new; return the run and the most memory that was held."""
    import tensorflow  # noqa: F401

    run = timed(partial(fit_once, n_networks))()
    return run, peak_mib()


def first_fits(pairs: int) -> tuple[Comparison, list[float]]:
    """Compare first fits in new processes; return also the ratio of the memory of each pair."""
    for n_networks in (1, N_NETWORKS):
        in_new_process(first_fit, n_networks)  # compiles, and keeps the code
    comparison, memory = Comparison([], []), {1: [], N_NETWORKS: []}
    for _ in range(pairs):
        for n_networks, runs in ((1, comparison.a), (N_NETWORKS, comparison.b)):
            run, peak = in_new_process(first_fit, n_networks)
            runs.append(run)
            memory[n_networks].append(peak)
    one, several = median(memory[1]), median(memory[N_NETWORKS])
    return comparison, [one, several]


def predicting(model: LSTMClassifier, X: np.ndarray, expected: np.ndarray) -> Callable[[], Run]:
    """Make runs of as many calls as take a while; the score is the accuracy."""
    accuracy = float((model.predict(X) == expected).mean())
    once = timed(lambda: model.predict(X) is None, calls=3)().seconds
    calls = int(np.clip(SECONDS_PER_RUN / once, 1, 1000))
    call = timed(lambda: model.predict(X) is None, calls)
    return lambda: call()._replace(score=accuracy)


def predictions(pairs: int) -> list[Row]:
    X, y = digits()
    models = [
        LSTMClassifier(32, n_networks=n, epochs=EPOCHS, random_state=0).fit(X, y)
        for n in (1, N_NETWORKS)
    ]
    rows = []
    for n_rows in (1, 512):
        sides = [predicting(model, X[:n_rows], y[:n_rows]) for model in models]
        rows.append(named(f"predict, rows: {n_rows}", compare(*sides, pairs)))
    return rows


def named(work: str, comparison: Comparison) -> Row:
    return Row(work, "1 network", f"{N_NETWORKS} networks", comparison)


def main() -> None:
    arguments = parser(__doc__, pairs=5)
    arguments.add_argument("--case", choices=CASES, help="only this one")
    options = arguments.parse_args()
    show_machine()
    cases = [options.case] if options.case else CASES
    rows = []
    if "first" in cases:  # before this process has grown: new ones inherit its peak of memory
        comparison, (one, several) = first_fits(options.pairs)
        rows.append(named("first fit", comparison))
        memory = [f"{one:.0f} MiB", f"{several:.0f} MiB", f"{several / one:.2f}"]
        show_table(["memory, A", "memory, B", "B / A"], [memory])
        print()
    if "fit" in cases:
        sides = [timed(partial(fit_once, n)) for n in (1, N_NETWORKS)]
        rows.append(named("fit", compare(*sides, options.pairs)))
    if "predict" in cases:
        rows += predictions(options.pairs)
    show(rows, "accuracy")


if __name__ == "__main__":
    main()
