"""Keras callbacks of our own, and those that a user brings."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable

import keras
import numpy as np
from tqdm import tqdm

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
                f"learning_rate (it is {rate:g}), clipnorm=1.0, or scale X (StandardScaler in a "
                "TimeDistributed)."
            )


class LastEpoch(keras.callbacks.Callback):
    """Keeps the weights of the last whole epoch, for a fit that Ctrl-C ends."""

    def __init__(self, copy_weights: Callable[[], list[np.ndarray]]) -> None:
        super().__init__()
        self.copy_weights = copy_weights
        self.weights: list[np.ndarray] | None = None
        self.history: dict[str, list[float]] = {}
        self.n_epochs = 0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Copy."""
        self.weights = self.copy_weights()
        self.n_epochs += 1
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class ProgressBar(keras.callbacks.Callback):
    """One bar over the epochs, with loss and metrics."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Open the bar."""
        self.bar = tqdm(total=self.epochs, unit="epoch", desc="fit")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Advance the bar."""
        self.bar.set_postfix({name: f"{value:.4g}" for name, value in logs.items()}, refresh=False)
        self.bar.update()

    def close(self) -> None:
        """Close the bar, however the fit ended."""
        if hasattr(self, "bar"):
            self.bar.close()
