"""Keras callbacks of our own, and those that a user brings."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import keras
import numpy as np
from tqdm import tqdm

from sklstm.network.training.fingerprint import changes, describe, may_change
from sklstm.network.training.interrupts import Interrupts
from sklstm.network.training.settings import Progress, Snapshot

TRAIN_BATCH_EVENTS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)
TEST_BATCH_EVENTS = ("on_test_batch_begin", "on_test_batch_end")


class UserCallbacks(keras.callbacks.Callback):
    """The callbacks of a user, each told of every event in turn.

    What one changes in the model takes effect from the next compiled call on. Ctrl-C ends a
    callback at once.

    Parameters
    ----------
    callbacks : iterable
        Keras's callbacks, of which shallow copies are made: training changes their attributes.
        Functions of ``(epoch, logs)`` are called at the end of each epoch.
    interrupts : Interrupts
    """

    def __init__(self, callbacks: Iterable, interrupts: Interrupts) -> None:
        super().__init__()
        self.callbacks = [_prepare(callback) for callback in callbacks]
        self.interrupts = interrupts
        self.changed: list[str] = []  # what each change was, in a sentence

    def want(self, events: Iterable[str]) -> bool:
        """Whether a callback must hear of such events, which come with every batch."""
        return any(_wants(callback, event) for callback in self.callbacks for event in events)

    @contextmanager
    def noted_in_errors(self) -> Iterator[None]:
        """Add to errors what callbacks had changed: a momentum that was not there before fails."""
        try:
            yield
        except Exception as error:
            for sentence in self.changed:
                error.add_note(sentence)
            raise

    def set_params(self, params: dict) -> None:
        """Pass on."""
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: keras.Model) -> None:
        """Pass on."""
        super().set_model(model)
        if self.callbacks:
            self.described = describe(model)
        self._tell("set_model", model)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_train_begin", logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_epoch_end", epoch, logs)

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_test_begin", logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_test_end", logs)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Pass on."""
        self._tell("on_test_batch_end", batch, logs)

    def _tell(self, event: str, *arguments: object) -> None:
        for callback in self.callbacks:
            with self.interrupts.at_once():
                getattr(callback, event)(*arguments)
            self._look_for_changes(callback)

    def _look_for_changes(self, callback: keras.callbacks.Callback) -> None:
        described = describe(self.model)
        changed = changes(self.described, described)
        if not changed:
            return
        refused = [name for name in changed if not may_change(name)]
        if refused:
            raise ValueError(
                f"The callback {_name(callback)} changed in the model: {', '.join(refused)}. "
                "A callback may change weights, the learning rate, settings of the optimizer and "
                "of the loss, rates of dropout, and what is trainable. Set the rest before the "
                "fit, by the parameters of the estimator."
            )
        self.described = described
        self.changed.append(f"The callback {_name(callback)} had changed {', '.join(changed)}.")
        self.model.forget_loops()


def _name(callback: keras.callbacks.Callback) -> str:
    return type(callback).__name__


def _prepare(callback: object) -> keras.callbacks.Callback:
    if isinstance(callback, keras.callbacks.Callback):
        return copy.copy(callback)
    return keras.callbacks.LambdaCallback(on_epoch_end=callback)


def _wants(callback: keras.callbacks.Callback, event: str) -> bool:
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        return False
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
