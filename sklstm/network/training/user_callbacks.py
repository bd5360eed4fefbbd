"""The callbacks that a user gives to a training: `UserCallbacks`."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import keras

from sklstm.network.training.interrupts import Interrupts
from sklstm.network.training.model_changes import describe_model, may_change, names_of_changes

TRAIN_BATCH_EVENTS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)
TEST_BATCH_EVENTS = ("on_test_batch_begin", "on_test_batch_end")


class UserCallbacks(keras.callbacks.Callback):
    """The callbacks of a user, each told of every event in turn.

    What a callback changes in the model takes effect from the next compiled call on. While a
    callback runs, Ctrl-C ends it at once.

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
        self.changed: list[str] = []  # a sentence for each change

    def want(self, events: Iterable[str]) -> bool:
        """Whether any callback handles one of these events, which come with every batch."""
        return any(_wants(callback, event) for callback in self.callbacks for event in events)

    @contextmanager
    def noted_in_errors(self) -> Iterator[None]:
        """Add to errors what callbacks had changed, which may be their cause."""
        try:
            yield
        except Exception as error:
            for sentence in self.changed:
                error.add_note(sentence)
            raise

    def set_params(self, params: dict) -> None:
        """Pass the parameters of the training on."""
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: keras.Model) -> None:
        """Pass the model on."""
        super().set_model(model)
        if self.callbacks:
            self.described = describe_model(model)
        self._tell("set_model", model)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_train_begin", logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_epoch_end", epoch, logs)

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_test_begin", logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_test_end", logs)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Pass the event on."""
        self._tell("on_test_batch_end", batch, logs)

    def _tell(self, event: str, *arguments: object) -> None:
        for callback in self.callbacks:
            with self.interrupts.at_once():
                getattr(callback, event)(*arguments)
            self._look_for_changes(callback)

    def _look_for_changes(self, callback: keras.callbacks.Callback) -> None:
        described = describe_model(self.model)
        changed = names_of_changes(self.described, described)
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
