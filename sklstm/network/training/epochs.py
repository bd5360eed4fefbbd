"""A `keras.Model` that runs many training steps in one compiled call."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from sklstm.network.training.data import Batches

SECONDS_PER_CALL = 0.5  # how long Ctrl-C may have to wait


@keras.saving.register_keras_serializable(package="sklstm")
class EpochModel(keras.Model):
    """A model whose `fit` reads `Batches` and compiles the loop over them.

    Its maker calls `set_up` once, after `compile`. With ``batch_events`` set, callbacks hear of
    every batch: the same compiled steps run one by one, slower.
    """

    batch_events: bool = False

    def set_up(self, batch_size: int, metrics: list[keras.metrics.Metric], *, xla: bool) -> None:
        """Make the loops that are compiled, by XLA or as plain graphs, when first called."""
        self._batch_size = batch_size
        compiled = tf.function(jit_compile=xla, autograph=False)
        states = [variable for metric in metrics for variable in metric.variables]
        self._train_loop = compiled(self._loop_over(self.train_step, states))
        self._test_loop = compiled(self._loop_over(self.test_step, states))
        self._traced: dict[tuple, Callable] = {}

    def train_step(self, data: tuple) -> dict:
        """Take one step of the optimizer; rows of weight zero do not count."""
        x, y, weights = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weights)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self._loss_tracker.update_state(loss, sample_weight=tf.reduce_sum(weights))
        return self.compute_metrics(x, y, y_pred, sample_weight=weights)

    def test_step(self, data: tuple) -> dict:
        """Evaluate one batch."""
        x, y, weights = data
        y_pred = self(x, training=False)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=weights, training=False)
        self._loss_tracker.update_state(loss, sample_weight=tf.reduce_sum(weights))
        return self.compute_metrics(x, y, y_pred, sample_weight=weights)

    def fit(
        self,
        x: Batches,
        *,
        validation_data: Batches | None = None,
        epochs: int = 1,
        callbacks: list[keras.callbacks.Callback] | None = None,
    ) -> keras.callbacks.History:
        """Train for some epochs, with Keras's events for callbacks."""
        events = keras.callbacks.CallbackList(
            callbacks, add_history=True, model=self, epochs=epochs, verbose=0
        )
        self.stop_training = False
        self._seconds_per_batch = None
        events.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(epochs):
            events.on_epoch_begin(epoch)
            logs = self._train_epoch(x, events)
            if validation_data is not None:
                val_logs = self._evaluate(validation_data)
                logs |= {f"val_{name}": value for name, value in val_logs.items()}
            events.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        events.on_train_end(logs)
        return self.history

    @property
    def is_padded(self) -> bool:
        """Whether the model takes lengths beside the values."""
        return len(self.inputs) == 2

    def _train_epoch(
        self, batches: Batches, events: keras.callbacks.CallbackList
    ) -> dict[str, float]:
        n_done = 0
        for arrays, count in batches.chunks(batches.draw_epoch()):
            tensors = [tf.convert_to_tensor(array) for array in arrays]
            first = 0
            while first < count and not (self.batch_events and self.stop_training):
                n_batches = 1 if self.batch_events else self._batches_per_call(count - first)
                if self.batch_events:
                    events.on_train_batch_begin(n_done + first)
                is_new = n_done + first == 0
                results = self._run(self._train_loop, tensors, first, n_batches, is_new)
                if self.batch_events:
                    events.on_train_batch_end(n_done + first, _logs(results))
                first += n_batches
            n_done += count
        return _logs(results)

    def _evaluate(self, batches: Batches) -> dict[str, float]:
        is_new = True
        for arrays, count in batches.chunks(batches.data.all_rows()):
            tensors = [tf.convert_to_tensor(array) for array in arrays]
            results = self._run(self._test_loop, tensors, 0, count, is_new)
            is_new = False
        return _logs(results)

    def _run(
        self, loop: Callable, tensors: list[tf.Tensor], first: int, n_batches: int, is_new: bool
    ) -> dict[str, tf.Tensor]:
        """Run some batches of a chunk; return the metrics since the last call that was new."""
        start = time.perf_counter()
        run = self._trace(loop, tensors)
        results = run(*tensors, tf.constant(first), tf.constant(n_batches), tf.constant(is_new))
        self._seconds_per_batch = (time.perf_counter() - start) / n_batches
        return results

    def _trace(self, loop: Callable, tensors: list[tf.Tensor]) -> Callable:
        """Return the loop for arrays of these shapes, traced once."""
        key = (loop, *(tuple(tensor.shape) for tensor in tensors))
        if key not in self._traced:
            arrays = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
            numbers = [tf.TensorSpec((), dtype) for dtype in (tf.int32, tf.int32, tf.bool)]
            self._traced[key] = loop.get_concrete_function(*arrays, *numbers)
        return self._traced[key]

    def _batches_per_call(self, left: int) -> int:
        if self._seconds_per_batch is None:
            return 1
        return int(np.clip(SECONDS_PER_CALL / self._seconds_per_batch, 1, left))

    def _loop_over(self, step: Callable, metric_states: list[keras.Variable]) -> Callable:
        size = self._batch_size

        def run(
            values: tf.Tensor,
            lengths: tf.Tensor,
            targets: tf.Tensor,
            weights: tf.Tensor,
            first: tf.Tensor,
            n_batches: tf.Tensor,
            is_new: tf.Tensor,
        ) -> dict[str, tf.Tensor]:
            # In here rather than between the calls: each would cost as much as some small steps.
            for state in metric_states:
                state.assign(tf.where(is_new, tf.zeros_like(state.value), state.value))

            def one(index: tf.Tensor) -> tuple[tf.Tensor]:
                arrays = (values, lengths, targets, weights)
                batch = [_rows(array, index * size, size) for array in arrays]
                step(_as_keras_batch(batch, self.is_padded))
                return (index + 1,)

            stop = first + n_batches
            tf.while_loop(lambda index: index < stop, one, (first,))
            return self.get_metrics_result()

        return run


def _logs(results: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in results.items()}


def _as_keras_batch(batch: list, is_padded: bool) -> tuple:
    values, lengths, targets, weights = batch
    return ([values, lengths] if is_padded else values), targets, weights


def _rows(array: tf.Tensor, first: tf.Tensor, count: int) -> tf.Tensor:
    rest = [0] * (array.shape.rank - 1)
    rows = tf.slice(array, [first, *rest], [count, *array.shape[1:]])
    return tf.ensure_shape(rows, [count, *array.shape[1:]])
