"""A `GridSearchCV` over digits: sklstm against scikeras and skorch, imports excluded.

    python benchmarks/grid_search.py

2 units x 2 learning rates x 5 folds, 10 epochs each, and the refit: 21 fits of LSTM networks that
read images as 8 x 8, in batches of 32, one after another (n_jobs=1). All sides begin from the same
weights, with the same Adam, on the same folds; each shuffles in its own order. The score is the
best mean accuracy of the folds.

Ours is measured twice: "cold", with the pool of compiled models emptied before each search, as
in a process that has fitted nothing yet, and "warm", as every later search of a session. The
first search of each side in this process, which also starts its library, is printed by itself.
scikeras takes about 40 s a search: three pairs by default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import _peers
from _data import digits
from _timing import Row, compare, parser, show, show_machine, show_table, timed
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from sklstm import LSTMClassifier

UNITS = [32, 64]
LEARNING_RATES = [0.003, 0.01]


def best_score(estimator: Any, names: tuple[str, str], folds: int) -> float:
    """Search over units and learning rates, called by their names in the estimator."""
    X, y = digits()
    grid = dict(zip(names, (UNITS, LEARNING_RATES), strict=True))
    search = GridSearchCV(estimator, grid, cv=StratifiedKFold(folds), error_score="raise")
    return search.fit(X, y).best_score_


def our_search(epochs: int, folds: int) -> float:
    estimator = LSTMClassifier(**_peers.PLAIN, epochs=epochs)
    return best_score(estimator, ("units", "learning_rate"), folds)


def our_cold_search(epochs: int, folds: int) -> float:
    from sklstm.network.training.model_pool import pool

    pool._idle.clear()  # nobody else fits meanwhile
    return our_search(epochs, folds)


def scikeras_search(epochs: int, folds: int) -> float:
    estimator = _peers.scikeras_digits(units=32, learning_rate=0.003, epochs=epochs)
    return best_score(estimator, ("model__units", "optimizer__learning_rate"), folds)


def skorch_search(peers: Any, epochs: int, folds: int) -> float:
    net = peers.skorch_classifier(peers.DigitsNetwork, units=32, learning_rate=0.003, epochs=epochs)
    return best_score(net, ("module__units", "lr"), folds)


def searches(epochs: int, folds: int) -> dict[str, Callable[[], float]]:
    """Name every side."""
    sides = {
        "sklstm, cold": partial(our_cold_search, epochs, folds),
        "sklstm, warm": partial(our_search, epochs, folds),
        "scikeras": partial(scikeras_search, epochs, folds),
    }
    if (torch_peers := _peers.torch_peers()) is not None:
        sides["skorch"] = partial(skorch_search, torch_peers, epochs, folds)
    return sides


def main() -> None:
    arguments = parser(__doc__, pairs=3)
    arguments.add_argument("--epochs", type=int, default=10, help="of each fit")
    arguments.add_argument("--folds", type=int, default=5)
    arguments.add_argument("--peer", default="", help="only peers whose names contain this")
    options = arguments.parse_args()
    show_machine()
    sides = searches(options.epochs, options.folds)
    sides = {name: timed(side) for name, side in sides.items() if options.peer in name
             or name.startswith("sklstm")}  # fmt: skip
    first = [(name, side()) for name, side in sides.items()]
    print("\nThe first search of each side in this process:\n")
    show_table(
        ["side", "takes", "best score"],
        [[name, f"{run.seconds:.1f} s", f"{run.score:.4f}"] for name, run in first],
    )
    print("\nLater searches, in turns:\n")
    names = list(sides)
    rows = [
        Row("digits", ours, peer, compare(sides[ours], sides[peer], options.pairs, warm=False))
        for peer in names[2:]
        for ours in names[:2]
    ]
    show(rows, "best score")


if __name__ == "__main__":
    main()
