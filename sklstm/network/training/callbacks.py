"""Keras callbacks of our own, and those that a user brings."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace

import keras
import numpy as np
from tqdm import tqdm

from sklstm.network.training.settings import Progress, Snapshot

BATCH_EVENTS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)


def prepare(callbacks: Iterable) -> list[keras.callbacks.Callback]:
    """Copy Keras's callbacks, which training changes, and wrap functions of ``(epoch, logs)``."""
    return [
        copy.deepcopy(callback)
        if isinstance(callback, keras.callbacks.Callback)
        else keras.callbacks.LambdaCallback(on_epoch_end=callback)
        for callback in callbacks
    ]


def wants_batch_events(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback must hear of every batch."""
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return callback.save_freq != "epoch"
    return any(_overrides(callback, event) for event in BATCH_EVENTS)


def _overrides(callback: keras.callbacks.Callback, event: str) -> bool:
    theirs = inspect.unwrap(getattr(callback, event))
    return getattr(theirs, "__func__", theirs) is not getattr(keras.callbacks.Callback, event)


class FiniteLoss(keras.callbacks.Callback):
    """Stops a fit whose loss is not a number."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Check the loss."""
        loss = logs["loss"]
        if not np.isfinite(loss):
            rate = float(self.model.optimizer.learning_rate)
            raise ValueError(
                f"The loss is {loss} after epoch {epoch + 1}: training diverged. Try a smaller "
                f"learning_rate (it is {rate:g}), clipnorm=1.0, or standardize=True where it is "
                "off."
            )


class LastEpoch(keras.callbacks.Callback):
    """Takes a snapshot after every epoch, and stops where the validation loss no longer falls.

    Parameters
    ----------
    take : callable
        Makes the snapshot from a history.
    patience : int or None
        Epochs without a better validation loss after which the training stops.
    resume : Snapshot or None
        Where the training begins.
    """

    def __init__(
        self,
        take: Callable[[dict[str, list[float]]], Snapshot],
        patience: int | None,
        resume: Snapshot | None,
    ) -> None:
        super().__init__()
        self.take, self.patience = take, patience
        self.snapshot = resume

    @property
    def n_epochs(self) -> int:
        """Epochs run."""
        return self.snapshot.n_epochs if self.snapshot else 0

    @property
    def is_done(self) -> bool:
        """Whether the training stops early, or had when it was resumed."""
        if self.patience is None or self.snapshot is None:
            return False
        return _epochs_since_best(self.snapshot.history["val_loss"]) >= self.patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Take a snapshot."""
        before = self.snapshot.history if self.snapshot else {}
        history = {name: [*before.get(name, []), value] for name, value in logs.items()}
        snapshot = self.take(history)
        if self.patience is not None:
            is_best = not _epochs_since_best(history["val_loss"])
            best = snapshot.weights if is_best else self.snapshot.best_weights
            snapshot = replace(snapshot, best_weights=best)
        self.snapshot = snapshot
        self.model.stop_training |= self.is_done


def _epochs_since_best(losses: list[float]) -> int:
    """Count the epochs since the least loss; one that is no number is never the least."""
    finite = [loss if np.isfinite(loss) else np.inf for loss in losses]
    return len(losses) - 1 - int(np.argmin(finite))


class ProgressBar(keras.callbacks.Callback):
    """One bar over all epochs, with loss and metrics."""

    def __init__(self, progress: Progress, epochs: int, initial_epoch: int) -> None:
        super().__init__()
        self.progress, self.epochs, self.n_done = progress, epochs, initial_epoch

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Open the bar."""
        per_epoch = self.progress.per_epoch
        self.bar = tqdm(
            desc="fit",
            total=self.epochs * per_epoch,
            initial=self.n_done * per_epoch,
            unit=self.progress.unit,
            unit_scale=per_epoch > 1,
        )

    def advance(self, share: float) -> None:
        """Advance by a share of an epoch, if the bar counts parts of one."""
        per_epoch = self.progress.per_epoch
        if per_epoch > 1:  # a random cut makes an epoch a little longer than was foreseen
            left = self.n_done * per_epoch + per_epoch - self.bar.n
            self.bar.update(min(int(share * per_epoch), left))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Show the loss."""
        names = {"loss": self.progress.loss, "val_loss": f"val_{self.progress.loss}"}
        shown = {names.get(name, name): f"{value:.4g}" for name, value in logs.items()}
        self.bar.set_postfix({"epoch": epoch + 1, **shown}, refresh=False)
        self.n_done = epoch + 1
        self.bar.update(self.n_done * self.progress.per_epoch - self.bar.n)

    def close(self) -> None:
        """Close the bar, however the fit ended."""
        if hasattr(self, "bar"):
            self.bar.close()
