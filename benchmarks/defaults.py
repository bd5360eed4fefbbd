"""How good the default parameters are: many small tasks, several settings.

    python benchmarks/defaults.py                 the scores of all settings on all tasks
    python benchmarks/defaults.py --tasks first   tasks whose names contain this
    SKLSTM_DATA=folder python benchmarks/defaults.py test    the archive's own test splits, 5 seeds

Scores are accuracies of classifiers and R2 of regressors (-1 at worst) in percent, means over the
seeds; a seed draws the rows, or the fold, and the initial weights. "fit" is the time of a fit whose
program is compiled already, summed over the tasks. A setting says only where it differs
from LSTM(64) that reads forwards, "last" pooled, Adam at 0.003, 60 epochs of batches of 32. Choose
by the folds and the tasks without a file; `test` is for the very end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from _tasks import ARCHIVE, Split, Task, archive_task, tasks
from _timing import show_machine, show_table
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.preprocessing import TimeDistributed

BEFORE = {
    "units": 64,
    "bidirectional": False,
    "pooling": "last",
    "learning_rate": 0.003,
    "learning_rate_schedule": "constant",
    "warmup": 0.0,
    "clipnorm": 1.0,
    "batch_size": 32,
    "epochs": 60,
}
MAX = {"pooling": "max"}
SLOW = 0.25  # spread of the changes over that of the values; white noise has 1.4


class SlowChanges(TransformerMixin, BaseEstimator):
    """Append the change from the step before, of features whose changes are small beside them.

    A smooth series differs from step to step by a few percent of its spread: a network must learn
    such a change as the difference of two large numbers, unless it is told.
    """

    def fit(self, X: np.ndarray, y: object = None) -> Self:
        """Find the features."""
        X = as_steps(X)
        self.slow_ = np.diff(X, axis=1).std(axis=(0, 1)) < SLOW * X.std(axis=(0, 1))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Append their changes; that of the first step is 0."""
        X = as_steps(X)
        changes = np.diff(X[:, :, self.slow_], axis=1, prepend=X[:, :1, self.slow_])
        return np.concatenate([X, changes], axis=2)


def as_steps(X: np.ndarray) -> np.ndarray:
    """Read the columns of a table as time steps."""
    return X[:, :, None] if X.ndim == 2 else X


@dataclass(frozen=True)
class Setting:
    """What to change of the parameters before.

    Attributes
    ----------
    name : str
    parameters : dict
    small_batches : bool
        Whether few rows are learnt in smaller batches: a tenth of them, 4 to 32.
    scaled : bool
        Whether each feature of X is standardised over all steps of the training rows.
    changes : bool
        Whether features that change slowly also enter by their changes (`SlowChanges`).
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    small_batches: bool = False
    scaled: bool = False
    changes: bool = False

    def estimator(self, task: Task, n_rows: int, seed: int) -> BaseEstimator:
        """Make the estimator for a task of so many training rows."""
        parameters = BEFORE | self.parameters
        if self.small_batches:
            parameters["batch_size"] = int(np.clip(n_rows // 10, 4, 32))
        estimator = LSTMRegressor if task.is_regression else LSTMClassifier
        network = estimator(embedding_dim=task.embedding_dim, random_state=seed, **parameters)
        if task.embedding_dim:
            return network
        steps = [SlowChanges()] if self.changes else []
        if self.scaled:
            steps.append(TimeDistributed(StandardScaler()))
        return make_pipeline(*steps, network)


ALL = MAX | {"learning_rate": 0.005, "learning_rate_schedule": "cosine"}
SETTINGS = (
    Setting("before"),
    Setting("max", MAX),
    Setting("max, small batches", MAX, small_batches=True),
    Setting("and X scaled", MAX, small_batches=True, scaled=True),
    Setting("and cosine from 0.005", ALL, small_batches=True, scaled=True),
    Setting("and slow changes", ALL, small_batches=True, scaled=True, changes=True),
)


@dataclass(frozen=True)
class Figures:
    """Scores of the seeds, and the seconds of the quickest fit."""

    scores: list[float]
    seconds: float

    @property
    def score(self) -> float:
        """Their mean, in percent."""
        return 100 * float(np.mean(np.maximum(self.scores, -1)))


def measure(setting: Setting, task: Task, n_seeds: int) -> Figures:
    """Fit and score with each seed; the first fit compiles, the quickest one is the time."""
    scores, times = [], []
    for seed in range(n_seeds):
        split = task.draw(seed)
        estimator = setting.estimator(task, len(split.y), seed)
        start = time.perf_counter()
        estimator.fit(split.X, split.y)
        times.append(time.perf_counter() - start)
        scores.append(_score(estimator, split))
    return Figures(scores, min(times))


def _score(estimator: BaseEstimator, split: Split) -> float:
    return float(estimator.score(split.X_test, split.y_test))


def compare(chosen: Sequence[Task], settings: Sequence[Setting], n_seeds: int) -> None:
    """Print the scores of all settings, task by task, then their means and times."""
    columns: list[list[Figures]] = []
    lines = []
    for task in chosen:
        row = [measure(setting, task, n_seeds) for setting in settings]
        lines.append([task.name, *(f"{figures.score:.1f}" for figures in row)])
        print(*lines[-1], flush=True)
        columns.append(row)
    by_setting = list(zip(*columns, strict=True))
    means = [np.mean([figures.score for figures in column]) for column in by_setting]
    times = [sum(figures.seconds for figures in column) for column in by_setting]
    lines.append(["mean", *(f"{mean:.1f}" for mean in means)])
    lines.append(["fit", *(f"{seconds:.0f} s" for seconds in times)])
    print()
    show_table(["task", *(setting.name for setting in settings)], lines)


def _test_tasks() -> Iterator[Task]:
    for name in ARCHIVE:
        if (task := archive_task(name)) is not None:
            yield task


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("what", nargs="?", choices=["tasks", "test"], default="tasks")
    arguments.add_argument("--seeds", type=int, help="of each fit (default: 3, of test 5)")
    arguments.add_argument("--tasks", default="", help="only tasks whose names contain this")
    arguments.add_argument("--settings", default="", help="only settings whose names contain this")
    options = arguments.parse_args()
    is_test = options.what == "test"
    available = _test_tasks() if is_test else tasks()
    chosen = [task for task in available if options.tasks in task.name]
    settings = [setting for setting in SETTINGS if options.settings in setting.name]
    if not chosen or not settings:
        arguments.error("there is no such task or setting; archives need SKLSTM_DATA")
    show_machine()
    compare(chosen, settings, options.seeds or (5 if is_test else 3))


if __name__ == "__main__":
    main()
