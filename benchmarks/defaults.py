"""How good the default parameters are: many small tasks, several settings.

    python benchmarks/defaults.py                 the scores of all settings on all tasks
    python benchmarks/defaults.py --tasks first   tasks whose names contain this
    python benchmarks/defaults.py --accurate      the defaults beside slower, more accurate settings

Scores are accuracies of classifiers and R2 of regressors (-1 at worst) in percent, means over the
seeds; a seed draws the rows, or the fold, and the initial weights. "fit" is the time of a fit whose
model is compiled already, summed over the tasks. The first setting is what one would take from
Keras's examples; each next one changes one thing more, and the last are the defaults. Of the
archive's sets only the training rows are seen here; `accuracy.py tsc` has their test rows.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _tasks import Split, Task, tasks
from _timing import show_machine, show_table
from sklearn.base import BaseEstimator

from sklstm import LSTMClassifier, LSTMRegressor

CHANGES: dict[str, dict[str, Any]] = {
    "plain": {
        "pooling": "last",
        "learning_rate": 0.003,
        "learning_rate_schedule": "constant",
        "batch_size": 32,
        "standardize": False,
        "differences": False,
    },
    "max": {"pooling": "max"},
    "small batches": {"batch_size": "auto"},
    "X scaled": {"standardize": True},
    "cosine from 0.01": {"learning_rate": "auto", "learning_rate_schedule": "cosine"},
    "changes of slow features": {"differences": "auto"},
}

ACCURATE: dict[str, dict[str, Any]] = {
    "default": {},
    "5 networks": {"n_networks": 5},
    "120 epochs": {"epochs": 120, "n_networks": 5},
    "both directions": {"bidirectional": True, "n_networks": 5},
    "concat": {"pooling": "concat", "n_networks": 5},
    "both, concat": {"bidirectional": True, "pooling": "concat", "n_networks": 5},
    "dropout": {"dropout": 0.3, "n_networks": 5},
}


def settings() -> dict[str, dict[str, Any]]:
    """Add up the changes."""
    added: dict[str, Any] = {}
    return {name: (added := added | change) for name, change in CHANGES.items()}


@dataclass(frozen=True)
class Figures:
    """Scores of the seeds, and the seconds of the quickest fit."""

    scores: list[float]
    seconds: float

    @property
    def score(self) -> float:
        """Their mean, in percent."""
        return 100 * float(np.mean(np.maximum(self.scores, -1)))


def make(task: Task, setting: Mapping[str, Any], seed: int) -> BaseEstimator:
    """Make the estimator of a task."""
    estimator = LSTMRegressor if task.is_regression else LSTMClassifier
    return estimator(embedding_dim=task.embedding_dim, random_state=seed, **setting)


def measure(setting: Mapping[str, Any], task: Task, n_seeds: int) -> Figures:
    """Fit and score with each seed; the first fit compiles, the quickest one is the time."""
    scores, times = [], []
    for seed in range(n_seeds):
        split = task.draw(seed)
        estimator = make(task, setting, seed)
        start = time.perf_counter()
        estimator.fit(split.X, split.y)
        times.append(time.perf_counter() - start)
        scores.append(_score(estimator, split))
    return Figures(scores, min(times))


def _score(estimator: BaseEstimator, split: Split) -> float:
    return float(estimator.score(split.X_test, split.y_test))


def compare(
    chosen: Sequence[Task], settings: Mapping[str, Mapping[str, Any]], n_seeds: int
) -> None:
    """Print the scores of all settings, task by task, then their means and times."""
    columns: list[list[Figures]] = []
    lines = []
    for task in chosen:
        row = [measure(setting, task, n_seeds) for setting in settings.values()]
        lines.append([task.name, *(f"{figures.score:.1f}" for figures in row)])
        print(*lines[-1], flush=True)
        columns.append(row)
    by_setting = list(zip(*columns, strict=True))
    means = [np.mean([figures.score for figures in column]) for column in by_setting]
    times = [sum(figures.seconds for figures in column) for column in by_setting]
    lines.append(["mean", *(f"{mean:.1f}" for mean in means)])
    lines.append(["fit", *(f"{seconds:.0f} s" for seconds in times)])
    print()
    show_table(["task", *settings], lines)


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    arguments.add_argument("--tasks", default="", help="only tasks whose names contain this")
    arguments.add_argument("--settings", default="", help="only settings whose names contain this")
    arguments.add_argument("--accurate", action="store_true", help="settings for more accuracy")
    options = arguments.parse_args()
    chosen = [task for task in tasks() if options.tasks in task.name]
    candidates = ACCURATE if options.accurate else settings()
    compared = {name: of for name, of in candidates.items() if options.settings in name}
    if not chosen or not compared:
        arguments.error("there is no such task or setting; archives need SKLSTM_DATA")
    show_machine()
    compare(chosen, compared, options.seeds)


if __name__ == "__main__":
    main()
