"""A `keras.Model` whose `fit` runs many training steps in one compiled call: `EpochModel`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

from sklstm.network.training.batch_loops import BatchLoops, State
from sklstm.network.training.batches import Batches
from sklstm.network.training.learning_rate import Schedule

SECONDS_PER_CALL = 0.5  # how long Ctrl-C may have to wait
# Of another rank than the rates of a chunk: TensorFlow takes a loop that is compiled for any number
# of rates for none of them, too.
NO_RATES = np.zeros((), np.float32)


@keras.saving.register_keras_serializable(package="sklstm")
class EpochModel(keras.Model):
    """A model whose `fit` reads `Batches` and compiles the loop over them.

    Call `set_up` once, after `compile`. With ``batch_events`` set, callbacks hear of every batch
    of training, with ``test_batch_events`` of validation: each compiled call then runs one
    batch, which is slower.
    """

    batch_events: bool = False
    test_batch_events: bool = False

    def __call__(self, inputs: object, training: bool = False, mask: object = None) -> tf.Tensor:
        """Run the network. Sequences that come without their lengths have all their time steps."""
        names = [tensor.name for tensor in self.inputs]
        if "lengths" in names and not isinstance(inputs, dict):
            given = inputs if isinstance(inputs, list | tuple) else [inputs]
            if len(given) == len(names) - 1:
                values, *static = map(tf.convert_to_tensor, given)
                shape = tf.shape(values)
                inputs = [values, tf.fill(shape[:1], shape[1]), *static]
        return super().__call__(inputs, training=training, mask=mask)

    def set_up(
        self,
        metrics: list[keras.metrics.Metric],
        *,
        xla: bool,
        n_shards: int = 1,
        any_shape: bool = False,
    ) -> None:
        """Make the loops over batches; see `BatchLoops` for the parameters."""
        self._loops = BatchLoops(self, metrics, xla=xla, n_shards=n_shards, any_shape=any_shape)

    def forget_loops(self) -> None:
        """Compile the loops anew when they are next called: a callback has changed the model."""
        self._loops.forget()

    @property
    def n_compiled(self) -> int:
        """Number of compiled loops."""
        return self._loops.n_compiled

    def fit(
        self,
        x: Batches,
        y: None = None,
        *,
        validation_data: Batches | None = None,
        epochs: int = 1,
        initial_epoch: int = 0,
        steps: int | None = None,
        verbose: int = 0,
        schedule: Schedule | None = None,
        callbacks: list[keras.callbacks.Callback] | None = None,
        before_call: Callable[[], None] = lambda: None,
        on_progress: Callable[[int], None] | None = None,
    ) -> keras.callbacks.History:
        """Train for some epochs, with Keras's events for callbacks.

        Parameters
        ----------
        x, validation_data : Batches
        epochs, initial_epoch : int
            The epoch to stop before and the one to begin with.
        steps, verbose : int
            What callbacks are told: the batches of an epoch, and whether progress is shown.
        schedule : Schedule, default=None
            What the learning rate is multiplied by in each batch.
        callbacks : list
        before_call : callable, optional
            Called before each compiled call; what it raises ends the training.
        on_progress : callable, default=None
            Called after each compiled call with its number of batches.
        """
        if not isinstance(x, Batches):
            raise TypeError(
                f"model.fit was given {type(x).__name__}: inside of a fit of an estimator, a "
                "callback can evaluate, predict with and save the model, but not fit it."
            )
        events = keras.callbacks.CallbackList(
            callbacks, add_history=True, model=self, epochs=epochs, steps=steps, verbose=verbose
        )
        self.stop_training = False
        self._seconds_per_batch: dict[bool, float] = {}  # of training, and of evaluation
        self._schedule, self._before_call, self._on_progress = schedule, before_call, on_progress
        events.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(initial_epoch, epochs):
            events.on_epoch_begin(epoch)
            logs = self._train_epoch(x, events, epoch)
            if validation_data is not None:
                val_logs = self._evaluate(validation_data, events)
                logs |= {f"val_{name}": value for name, value in val_logs.items()}
            events.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        self.optimizer.finalize_variable_values(self.trainable_variables)  # averages, if any
        events.on_train_end(logs)
        return self.history

    def _train_epoch(
        self, batches: Batches, events: keras.callbacks.CallbackList, epoch: int
    ) -> dict[str, float]:
        states = self._loops.initial_states()
        if self._schedule is not None:
            self._rate = float(self.optimizer.learning_rate)
        calls = self._calls(batches, batches.draw_epoch(), epoch)
        for tensors, first, n_batches, n_done in calls:
            if self.batch_events:
                events.on_train_batch_begin(n_done)
            results, states = self._run(tensors, states, first, n_batches, n_done, training=True)
            if self.batch_events:
                events.on_train_batch_end(n_done, _logs(results))
            if self._on_progress is not None:
                self._on_progress(n_batches)
            if self.batch_events and self.stop_training:
                break
        self._loops.keep_seeds(states)
        if self._schedule is not None:  # what callbacks see, change, and the next epoch begins with
            self.optimizer.learning_rate.assign(self._rate)
        return _logs(results)

    def _evaluate(self, batches: Batches, events: keras.callbacks.CallbackList) -> dict[str, float]:
        self.stop_evaluating = False
        events.on_test_begin()
        states = self._loops.initial_states()
        for tensors, first, n_batches, n_done in self._calls(batches, batches.all_rows()):
            if self.test_batch_events:
                events.on_test_batch_begin(n_done)
            results, states = self._run(tensors, states, first, n_batches, n_done, training=False)
            if self.test_batch_events:
                events.on_test_batch_end(n_done, _logs(results))
            if self.stop_evaluating:
                break
        logs = _logs(results)
        events.on_test_end(logs)
        return logs

    def _calls(
        self, batches: Batches, rows: np.ndarray, epoch: int | None = None
    ) -> Iterator[tuple[list[tf.Tensor], int, int, int]]:
        """Yield, for each call, a chunk, its first batch, how many to run and how many are done.

        `epoch` is the number of the epoch, on which learning rates depend; None to evaluate.
        """
        n_done = 0
        for arrays, count in batches.chunks(rows):
            rates = self._rates(epoch, n_done, len(arrays[0]))
            tensors = [tf.convert_to_tensor(array) for array in (*arrays, rates)]
            first = 0
            while first < count:
                n_batches = self._batches_per_call(count - first, training=epoch is not None)
                yield tensors, first, n_batches, n_done + first
                first += n_batches
            n_done += count

    def _rates(self, epoch: int | None, n_done: int, n_batches: int) -> np.ndarray:
        """Return the learning rates of a chunk's batches; none where there is no schedule."""
        if self._schedule is None or epoch is None:
            return NO_RATES
        factors = self._schedule.factors(epoch, n_done + np.arange(n_batches))
        return (self._rate * factors).astype(np.float32)

    def _batches_per_call(self, left: int, *, training: bool) -> int:
        seconds = self._seconds_per_batch.get(training)
        one_by_one = self.batch_events if training else self.test_batch_events
        if seconds is None or one_by_one:
            return 1
        return int(np.clip(SECONDS_PER_CALL / seconds, 1, left))

    def _run(
        self,
        tensors: list[tf.Tensor],
        states: list[State],
        first: int,
        n_batches: int,
        n_done: int,
        *,
        training: bool,
    ) -> tuple[dict[str, tf.Tensor], list[State]]:
        """Run some batches of a chunk; return the metrics of the epoch so far, and the states."""
        self._before_call()
        start = time.perf_counter()
        results, states = self._loops.run(
            tensors, states, first, n_batches, training=training, resets_metrics=n_done == 0
        )
        self._seconds_per_batch[training] = (time.perf_counter() - start) / n_batches
        return results, states


def _logs(results: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in results.items()}
