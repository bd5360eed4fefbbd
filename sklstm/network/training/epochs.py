"""A `keras.Model` that runs many training steps in one compiled call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from sklstm.network.training.data import Batches
from sklstm.network.training.learning_rate import Schedule

SECONDS_PER_CALL = 0.5  # how long Ctrl-C may have to wait
SEEDS_PER_PART = 2**29
# Of another rank than the rates of a chunk: TensorFlow takes a loop that is compiled for any number
# of rates for none of them, too.
NO_RATES = np.zeros((), np.float32)

Part = list[tf.Tensor]  # values, context, targets and weights of some rows of a batch
States = list[list[tf.Tensor]]  # for each part, what its layers carry from batch to batch


@keras.saving.register_keras_serializable(package="sklstm")
class EpochModel(keras.Model):
    """A model whose `fit` reads `Batches` and compiles the loop over them.

    Its maker calls `set_up` once, after `compile`. With ``batch_events`` set, callbacks hear of
    every batch of training, with ``test_batch_events`` of validation: the same compiled steps run
    one by one, slower.
    """

    batch_events: bool = False
    test_batch_events: bool = False

    def __call__(self, inputs: object, training: bool = False, mask: object = None) -> tf.Tensor:
        """Run the network. Sequences that come without their lengths have all their time steps."""
        takes_lengths = [tensor.name for tensor in self.inputs] == ["values", "lengths"]
        if takes_lengths and not isinstance(inputs, list | tuple | dict):
            shape = tf.shape(inputs)
            inputs = [tf.convert_to_tensor(inputs), tf.fill(shape[:1], shape[1])]
        return super().__call__(inputs, training=training, mask=mask)

    def set_up(
        self,
        metrics: list[keras.metrics.Metric],
        *,
        xla: bool,
        n_shards: int = 1,
        any_shape: bool = False,
    ) -> None:
        """Make the loops that are compiled, by XLA or as plain graphs, when first called.

        Parameters
        ----------
        metrics : list of Metric
            All whose state an epoch begins anew.
        xla : bool
        n_shards : int, default=1
            In how many parts a batch is computed, side by side. The model takes a part's rows.
        any_shape : bool, default=False
            Whether one graph serves batches of any number of rows and time steps, which XLA cannot
            do. Otherwise the loops are compiled for each shape of a chunk.
        """
        self._n_parts, self._any_shape = n_shards, any_shape
        self._weight_ids = [id(variable) for variable in self.trainable_variables]
        metric_states = [variable for metric in metrics for variable in metric.variables]
        self.forget_loops = partial(self._make_loops, metric_states, xla=xla)
        self.forget_loops()

    def _make_loops(self, metric_states: list[keras.Variable], *, xla: bool) -> None:
        """Make the loops anew: they are traced when next called, as the model then is."""
        n_shards = self._n_parts
        compiled = tf.function(jit_compile=xla, autograph=False)
        # Parts are computed side by side as functions of a graph, which XLA would put in a row.
        outer = compiled if n_shards == 1 else tf.function(autograph=False)
        inner = compiled if n_shards > 1 else lambda function: function
        self._gradients_of = inner(self._gradients_of_part)
        self._outputs_of = inner(self._outputs_of_part)
        self._update_by, self._judge_by = inner(self._update), inner(self._judge)
        self._train_loop = outer(self._loop_over(self._train_batch, metric_states))
        self._test_loop = outer(self._loop_over(self._test_batch, metric_states))
        self._traced: dict[tuple, Callable] = {}

    @property
    def n_compiled(self) -> int:
        """Number of compiled loops."""
        return len(self._traced)

    def _train_batch(self, parts: list[Part], states: States, rate: tf.Tensor | None) -> States:
        """Take one step of the optimizer; rows of weight zero do not count."""
        results = [self._gradients_of(*of) for of in zip(parts, states, strict=True)]
        gradients, outputs, losses, states = (list(column) for column in zip(*results, strict=True))
        self._update_by(parts, gradients, outputs, losses, rate)
        return states

    def _test_batch(self, parts: list[Part], states: States, rate: None) -> States:
        """Evaluate one batch."""
        results = [self._outputs_of(*of) for of in zip(parts, states, strict=True)]
        outputs, losses, states = (list(column) for column in zip(*results, strict=True))
        self._judge_by(parts, outputs, losses)
        return states

    def _gradients_of_part(self, part: Part, state: list[tf.Tensor]) -> tuple:
        weights = [variable.value for variable in self.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            outputs, loss, state = self._run_part(part, weights, state, training=True)
        return tape.gradient(loss, weights), outputs, loss, state

    def _outputs_of_part(self, part: Part, state: list[tf.Tensor]) -> tuple:
        weights = [variable.value for variable in self.trainable_variables]
        return self._run_part(part, weights, state, training=False)

    def _run_part(
        self, part: Part, weights: list[tf.Tensor], state: list[tf.Tensor], *, training: bool
    ) -> tuple:
        """Return outputs, loss and the state (what the layers carry) after some rows."""
        values, context, targets, row_weights = part
        outputs, state = self._call_with(weights, state, [values, context], training)
        if self._n_parts > 1:  # a mean over no rows is NaN, and NaN times zero is NaN
            row_weights = tf.where(
                tf.reduce_sum(row_weights) > 0, row_weights, tf.ones_like(row_weights)
            )
        loss = self.compute_loss(
            y=targets, y_pred=outputs, sample_weight=row_weights, training=training
        )
        return outputs, loss, state

    def _call_with(
        self, weights: list[tf.Tensor], state: list[tf.Tensor], x: object, training: bool
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Compute outputs and state; weights that a callback has frozen stay as they are."""
        given = dict(zip(map(id, self._carried()), state, strict=True))
        others = self.non_trainable_variables
        constants = [given.get(id(variable), variable.value) for variable in others]
        outputs, after = self.stateless_call(weights, constants, x, training=training)
        pairs = zip(others, after, strict=True)
        return outputs, [value for variable, value in pairs if id(variable) in given]

    def _carried(self) -> list[keras.Variable]:
        """List what goes from batch to batch beside the weights: seeds, states."""
        return [v for v in self.non_trainable_variables if id(v) not in self._weight_ids]

    def _update(
        self,
        parts: list[Part],
        gradients: list[list[tf.Tensor]],
        outputs: list[tf.Tensor],
        losses: list[tf.Tensor],
        rate: tf.Tensor | None,
    ) -> None:
        if rate is not None:
            self.optimizer.learning_rate.assign(rate)
        shares = self._shares(parts)
        whole = [_weighted_sum(shares, of_parts) for of_parts in zip(*gradients, strict=True)]
        if whole:  # a callback may have frozen all
            self.optimizer.apply_gradients(zip(whole, self.trainable_variables, strict=True))
        self._judge(parts, outputs, losses)

    def _judge(self, parts: list[Part], outputs: list[tf.Tensor], losses: list[tf.Tensor]) -> None:
        """Add to the metrics."""
        _, _, targets, weights = (tf.concat(column, 0) for column in zip(*parts, strict=True))
        loss = _weighted_sum(self._shares(parts), losses)
        self._loss_tracker.update_state(loss, sample_weight=tf.reduce_sum(weights))
        self.compute_metrics(None, targets, tf.concat(outputs, 0), sample_weight=weights)

    def _shares(self, parts: list[Part]) -> list[tf.Tensor | float]:
        """Return the parts' shares of a batch's weight."""
        if self._n_parts == 1:
            return [1.0]
        totals = [tf.reduce_sum(weights) for *_, weights in parts]
        return [total / tf.add_n(totals) for total in totals]

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
            What callbacks are told: batches of an epoch, and whether progress is shown.
        schedule : Schedule, default=None
            What the learning rate is multiplied by.
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
        self._seconds_per_batch: dict[Callable, float] = {}
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
        states = self._begin_states()
        if self._schedule is not None:
            self._rate = float(self.optimizer.learning_rate)
        calls = self._calls(self._train_loop, batches, batches.draw_epoch(), epoch)
        for tensors, first, n_batches, n_done in calls:
            if self.batch_events:
                events.on_train_batch_begin(n_done)
            results, states = self._run(
                self._train_loop, tensors, states, first, n_batches, n_done == 0
            )
            if self.batch_events:
                events.on_train_batch_end(n_done, _logs(results))
            if self._on_progress is not None:
                self._on_progress(n_batches)
            if self.batch_events and self.stop_training:
                break
        self._keep_seeds(states)
        if self._schedule is not None:  # what callbacks see, change, and the next epoch begins with
            self.optimizer.learning_rate.assign(self._rate)
        return _logs(results)

    def _evaluate(self, batches: Batches, events: keras.callbacks.CallbackList) -> dict[str, float]:
        self.stop_evaluating = False
        events.on_test_begin()
        states = self._begin_states()
        calls = self._calls(self._test_loop, batches, batches.all_rows())
        for tensors, first, n_batches, n_done in calls:
            if self.test_batch_events:
                events.on_test_batch_begin(n_done)
            results, states = self._run(
                self._test_loop, tensors, states, first, n_batches, n_done == 0
            )
            if self.test_batch_events:
                events.on_test_batch_end(n_done, _logs(results))
            if self.stop_evaluating:
                break
        logs = _logs(results)
        events.on_test_end(logs)
        return logs

    def _calls(
        self, loop: Callable, batches: Batches, rows: np.ndarray, epoch: int | None = None
    ) -> Iterator[tuple[list[tf.Tensor], int, int, int]]:
        """Yield a chunk, the first batch of it and how many to run, and how many were done before.

        Batches of training need the number of their `epoch`, for their learning rates.
        """
        n_done = 0
        for arrays, count in batches.chunks(rows):
            rates = self._rates(epoch, n_done, len(arrays[0]))
            tensors = [tf.convert_to_tensor(array) for array in (*arrays, rates)]
            first = 0
            while first < count:
                n_batches = self._batches_per_call(loop, count - first)
                yield tensors, first, n_batches, n_done + first
                first += n_batches
            n_done += count

    def _begin_states(self) -> States:
        """Return what each part's layers carry from batch to batch: seeds, states."""
        values = [variable.value for variable in self._carried()]
        return [[_beginning(value, part) for value in values] for part in range(self._n_parts)]

    def _keep_seeds(self, states: States) -> None:
        for variable, value in zip(self._carried(), states[0], strict=True):
            if value.dtype.is_integer:
                variable.assign(value)

    def _rates(self, epoch: int | None, n_done: int, n_batches: int) -> np.ndarray:
        """Return the learning rates of a chunk's batches; none where there is no schedule."""
        if self._schedule is None or epoch is None:
            return NO_RATES
        factors = self._schedule.factors(epoch, n_done + np.arange(n_batches))
        return (self._rate * factors).astype(np.float32)

    def _run(
        self,
        loop: Callable,
        tensors: list[tf.Tensor],
        states: States,
        first: int,
        n_batches: int,
        is_new: bool,
    ) -> tuple[dict[str, tf.Tensor], States]:
        """Run some batches of a chunk; return the metrics since the last call that was new."""
        self._before_call()
        start = time.perf_counter()
        run = self._trace(loop, tensors, states)
        results, states = run(
            tensors, states, tf.constant(first), tf.constant(n_batches), tf.constant(is_new)
        )
        self._seconds_per_batch[loop] = (time.perf_counter() - start) / n_batches
        return results, states

    def _trace(self, loop: Callable, tensors: list[tf.Tensor], states: States) -> Callable:
        """Return the loop for arrays of these shapes, traced once."""
        shapes = [tensor.shape for tensor in tensors]
        if self._any_shape:
            shapes = [
                _any_batches(shape, is_values=not place) for place, shape in enumerate(shapes)
            ]
        key = (loop, *map(tuple, shapes))
        if key not in self._traced:
            arrays = [
                tf.TensorSpec(shape, tensor.dtype)
                for shape, tensor in zip(shapes, tensors, strict=True)
            ]
            states = tf.nest.map_structure(tf.TensorSpec.from_tensor, states)
            numbers = [tf.TensorSpec((), dtype) for dtype in (tf.int32, tf.int32, tf.bool)]
            self._traced[key] = loop.get_concrete_function(arrays, states, *numbers)
        return self._traced[key]

    def _batches_per_call(self, loop: Callable, left: int) -> int:
        seconds = self._seconds_per_batch.get(loop)
        one_by_one = self.batch_events if loop is self._train_loop else self.test_batch_events
        if seconds is None or one_by_one:
            return 1
        return int(np.clip(SECONDS_PER_CALL / seconds, 1, left))

    def _loop_over(self, step: Callable, metric_states: list[keras.Variable]) -> Callable:
        def run(
            tensors: list[tf.Tensor],
            states: States,
            first: tf.Tensor,
            n_batches: tf.Tensor,
            is_new: tf.Tensor,
        ) -> tuple[dict[str, tf.Tensor], States]:
            *arrays, rates = tensors
            # In here rather than between the calls: each would cost as much as some small steps.
            for state in metric_states:
                state.assign(tf.where(is_new, tf.zeros_like(state.value), state.value))

            def one(index: tf.Tensor, states: States) -> tuple:
                columns = [tf.split(tf.gather(array, index), self._n_parts) for array in arrays]
                parts = [list(part) for part in zip(*columns, strict=True)]
                rate = rates[index] if rates.shape.rank else None
                return index + 1, step(parts, states, rate)

            stop = first + n_batches
            _, states = tf.while_loop(lambda index, _: index < stop, one, (first, states))
            return self.get_metrics_result(), states

        return run


def _beginning(value: tf.Tensor, part: int) -> tf.Tensor:
    """Return the zero state, or the seed from which a part draws."""
    if not value.dtype.is_integer:
        return tf.zeros_like(value)
    return tf.add(value, [0, part * SEEDS_PER_PART])


def _weighted_sum(weights: list[tf.Tensor | float], tensors: list[tf.Tensor]) -> tf.Tensor:
    if len(tensors) == 1:
        return tensors[0]
    return tf.add_n([weight * tensor for weight, tensor in zip(weights, tensors, strict=True)])


def _logs(results: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in results.items()}


def _any_batches(shape: tf.TensorShape, *, is_values: bool) -> list[int | None]:
    """Leave open how many batches, rows and time steps there are."""
    if shape.rank < 2:  # learning rates, or none
        return [None] * shape.rank
    n_open = 3 if is_values else 2
    return [None] * n_open + list(shape[n_open:])
