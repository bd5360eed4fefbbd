"""A search over digits in two processes, against the same search in one process on one core.

    python benchmarks/parallel_search.py

A is `GridSearchCV(n_jobs=2)` under loky, whose workers have one core each of two. B is `n_jobs=1`
with one core's threads: `n_jobs=1` in this process would give TensorFlow all cores, so B runs in
a process of its own that is started with OMP_NUM_THREADS=1, the variable by which joblib tells its
workers their share, and by which sklstm sets its threads. Both have run a shorter search of the
same networks before: their imports are done and their models compiled, as far as the order in
which loky deals out fits brings every network to both workers. (Workers that wait for more than
five minutes are ended by loky: B must not take longer.)

B should take 60 s at least; the default number of epochs is for cores of about 3 GHz. The scores
of all candidates must agree to the last digit, as every fit of both has one thread.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _data import digits
from _timing import Row, compare, parser, seconds, show, show_machine, timed
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMClassifier

GRID = {"units": [32, 64], "learning_rate": [0.001, 0.003]}
FOLDS = 5
SHARE_FOR_WARMING = 0.1
MIN_SECONDS = 60


def search_scores(epochs: int, n_jobs: int) -> list[float]:
    """Search; return the mean score of every candidate."""
    X, y = digits()
    estimator = LSTMClassifier(epochs=epochs, random_state=0)
    search = GridSearchCV(estimator, GRID, cv=FOLDS, n_jobs=n_jobs, refit=False)
    return search.fit(X, y).cv_results_["mean_test_score"].tolist()


def one_core_process() -> ProcessPoolExecutor:
    """Start a process that has one core's threads, and keep it."""
    process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        process.submit(int).result()
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
    return process


class Search:
    """A side: searches by a function, and remembers the scores of the candidates."""

    def __init__(self, scores: object) -> None:
        self._search = scores
        self.scores: list[float] = []

    def __call__(self, epochs: int) -> float:
        """Search; return the best score."""
        self.scores = self._search(epochs)
        return max(self.scores)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--epochs", type=int, default=200, help="of each fit")
    options = arguments.parse_args()
    show_machine()
    with one_core_process() as process:
        two = Search(partial(search_scores, n_jobs=2))
        one = Search(lambda epochs: process.submit(search_scores, epochs, 1).result())
        warming = max(20, round(SHARE_FOR_WARMING * options.epochs))
        for side in (two, one):
            side(warming)
        runs = (timed(partial(side, options.epochs)) for side in (two, one))
        comparison = compare(*runs, options.pairs, warm=False)
    show([Row("digits", "n_jobs=2", "n_jobs=1, one core", comparison)], "best score")
    difference = np.abs(np.subtract(two.scores, one.scores)).max()
    print(f"\nScores of {len(one.scores)} candidates: largest difference {difference:.2g}")
    if seconds(comparison.b) < MIN_SECONDS:
        print(f"n_jobs=1 took less than {MIN_SECONDS} s: set --epochs to more.")
    if difference:
        raise SystemExit("The scores differ.")


if __name__ == "__main__":
    main()
