"""Snapshots after every epoch, and early stopping: which epoch was the best, and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from sklstm.network.spec import Weights
from sklstm.network.training.settings import Snapshot


class Snapshots(keras.callbacks.Callback):
    """Takes a snapshot after every epoch, and stops where the validation no longer gets better.

    Parameters
    ----------
    take : callable
        Takes a snapshot, given the history of all epochs so far.
    patience : int or None
        Epochs without a better validation after which the training stops.
    resume : Snapshot or None
        Where the training begins, if an earlier one is resumed.
    score : callable or None
        Says how good weights are, greater is better: the history has it as "val_score". None
        judges by the validation loss.
    """

    def __init__(
        self,
        take: Callable[[dict[str, list[float]]], Snapshot],
        patience: int | None,
        resume: Snapshot | None,
        score: Callable[[Weights], float] | None = None,
    ) -> None:
        super().__init__()
        self.take, self.patience, self.score = take, patience, score
        self.latest = resume

    @property
    def n_epochs(self) -> int:
        """Number of epochs run so far."""
        return self.latest.n_epochs if self.latest else 0

    @property
    def is_done(self) -> bool:
        """Whether the training stops early, or had stopped before it was resumed."""
        if self.patience is None or self.latest is None:
            return False
        return self._epochs_since_best(self.latest.history) >= self.patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Take a snapshot."""
        before = self.latest.history if self.latest else {}
        history = {name: [*before.get(name, []), value] for name, value in logs.items()}
        snapshot = self.take(history)
        if self.score is not None:
            logs["val_score"] = self.score(snapshot.weights)
            history["val_score"] = [*before.get("val_score", []), logs["val_score"]]
        if self.patience is not None:
            is_best = not self._epochs_since_best(history)
            best = snapshot.weights if is_best else self.latest.best_weights
            snapshot = replace(snapshot, best_weights=best)
        self.latest = snapshot
        self.model.stop_training |= self.is_done

    def _epochs_since_best(self, history: dict[str, list[float]]) -> int:
        if self.score is None:
            return _epochs_since_least(history["val_loss"])
        return _epochs_since_least([-score for score in history["val_score"]])


def _epochs_since_least(losses: list[float]) -> int:
    """Count the epochs since the least loss; NaN is never the least."""
    finite = [loss if np.isfinite(loss) else np.inf for loss in losses]
    return len(losses) - 1 - int(np.argmin(finite))
