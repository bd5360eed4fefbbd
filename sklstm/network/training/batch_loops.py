"""The compiled loops over the batches of a chunk, of training and of evaluation: `BatchLoops`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
from tensorflow.python.framework.ops import uid  # nothing public tells how names are counted

if TYPE_CHECKING:
    from sklstm.network.training.epoch_model import EpochModel

SEEDS_PER_SHARD = 2**29
ROUND_NUMBER = 100_000  # more than the names of a loop and the tensors of most fits
_TRACING = threading.Lock()  # names are counted for all threads together

Shard = list[tf.Tensor]  # the model's inputs, targets and weights of some rows of a batch
State = list[tf.Tensor]  # what the layers carry from batch to batch: seeds of dropout, LSTM states


class BatchLoops:
    """Compiled functions that train or evaluate a model on many batches in one call.

    A batch is computed in shards, side by side: each shard has a state of its own, and the
    gradients of all shards together make one step of the optimizer.

    Parameters
    ----------
    model : EpochModel
        It takes the rows of one shard.
    metrics : list of Metric
        Those that each epoch computes anew.
    xla : bool
        Whether XLA compiles the loops, or TensorFlow makes plain graphs of them.
    n_shards : int
        In how many shards a batch is computed.
    any_shape : bool
        Whether one graph takes batches of any number of rows and time steps, which XLA cannot do.
        Otherwise a loop is compiled for each shape of a chunk.
    """

    def __init__(
        self,
        model: EpochModel,
        metrics: list[keras.metrics.Metric],
        *,
        xla: bool,
        n_shards: int,
        any_shape: bool,
    ) -> None:
        self.model, self.xla, self.n_shards, self.any_shape = model, xla, n_shards, any_shape
        self._weight_ids = {id(variable) for variable in model.trainable_variables}
        self._metric_variables = [variable for metric in metrics for variable in metric.variables]
        self.forget()

    def forget(self) -> None:
        """Forget what is compiled: the next call compiles anew, as the model then is."""
        compiled = tf.function(jit_compile=self.xla, autograph=False)
        # TensorFlow computes shards side by side where each is a function of an outer graph; XLA
        # would compute them one after another. So XLA compiles the inner functions only.
        sharded = self.n_shards > 1
        outer = tf.function(autograph=False) if sharded else compiled
        inner = compiled if sharded else lambda function: function
        self._compute_gradients = inner(self._gradients_of_shard)
        self._compute_outputs = inner(self._outputs_of_shard)
        self._update_model, self._update_metrics = inner(self._update), inner(self._measure)
        self._train = outer(self._loop_over(self._train_batch))
        self._test = outer(self._loop_over(self._test_batch))
        self._traced: dict[tuple, Callable] = {}

    @property
    def n_compiled(self) -> int:
        """Number of compiled loops."""
        return len(self._traced)

    def run(
        self,
        tensors: list[tf.Tensor],
        states: list[State],
        first: int,
        n_batches: int,
        *,
        training: bool,
        resets_metrics: bool,
    ) -> tuple[dict[str, tf.Tensor], list[State]]:
        """Train or evaluate on some batches of a chunk.

        Parameters
        ----------
        tensors : list of tensors
            Inputs (values, context and perhaps static features), targets, weights and learning
            rates of the chunk's batches; of the rates a scalar where they stay as they are.
        states : list of State
            Of each shard.
        first, n_batches : int
            The first of the batches, and how many they are.
        training : bool
        resets_metrics : bool
            Whether the metrics begin anew.

        Returns
        -------
        metrics : dict of tensors
        states : list of State
        """
        loop = self._traced_for(tensors, states, training=training)
        numbers = tf.constant(first), tf.constant(n_batches), tf.constant(resets_metrics)
        return loop(tensors, states, *numbers)

    def initial_states(self) -> list[State]:
        """Return the state of each shard at the beginning of an epoch."""
        values = [variable.value for variable in self._carried_variables()]
        return [[_initial(value, shard) for value in values] for shard in range(self.n_shards)]

    def keep_seeds(self, states: list[State]) -> None:
        """Set the model's seeds to those that an epoch ended with."""
        for variable, value in zip(self._carried_variables(), states[0], strict=True):
            if value.dtype.is_integer:
                variable.assign(value)

    def _carried_variables(self) -> list[keras.Variable]:
        """List the variables whose values go from batch to batch: all but the weights."""
        variables = self.model.non_trainable_variables  # also weights that a callback has frozen
        return [variable for variable in variables if id(variable) not in self._weight_ids]

    def _traced_for(
        self, tensors: list[tf.Tensor], states: list[State], *, training: bool
    ) -> Callable:
        """Return the loop for tensors of these shapes, traced once."""
        shapes = [tensor.shape for tensor in tensors]
        if self.any_shape:
            shapes = [
                _any_batches(shape, is_values=not place) for place, shape in enumerate(shapes)
            ]
        key = (training, *map(tuple, shapes))
        if key not in self._traced:
            arrays = [
                tf.TensorSpec(shape, tensor.dtype)
                for shape, tensor in zip(shapes, tensors, strict=True)
            ]
            states = tf.nest.map_structure(tf.TensorSpec.from_tensor, states)
            numbers = [tf.TensorSpec((), dtype) for dtype in (tf.int32, tf.int32, tf.bool)]
            loop = self._train if training else self._test
            with _TRACING:
                if self.xla:
                    _count_names_from_round_number()
                self._traced[key] = loop.get_concrete_function(arrays, states, *numbers)
        return self._traced[key]

    def _loop_over(self, step: Callable) -> Callable:
        """Make a function that runs a step for one batch after another."""

        def run(
            tensors: list[tf.Tensor],
            states: list[State],
            first: tf.Tensor,
            n_batches: tf.Tensor,
            resets_metrics: tf.Tensor,
        ) -> tuple[dict[str, tf.Tensor], list[State]]:
            *arrays, rates = tensors
            # Inside of the compiled function: outside, each assignment would take as long as some
            # steps of a small network.
            for variable in self._metric_variables:
                zeros = tf.zeros_like(variable.value)
                variable.assign(tf.where(resets_metrics, zeros, variable.value))

            def one(index: tf.Tensor, states: list[State]) -> tuple:
                columns = [tf.split(tf.gather(array, index), self.n_shards) for array in arrays]
                shards = [list(shard) for shard in zip(*columns, strict=True)]
                rate = rates[index] if rates.shape.rank else None
                return index + 1, step(shards, states, rate)

            stop = first + n_batches
            _, states = tf.while_loop(lambda index, _: index < stop, one, (first, states))
            return self.model.get_metrics_result(), states

        return run

    def _train_batch(
        self, shards: list[Shard], states: list[State], rate: tf.Tensor | None
    ) -> list[State]:
        """Take one step of the optimizer; rows of weight zero do not count."""
        results = [self._compute_gradients(*of) for of in zip(shards, states, strict=True)]
        gradients, outputs, losses, states = (list(column) for column in zip(*results, strict=True))
        self._update_model(shards, gradients, outputs, losses, rate)
        return states

    def _test_batch(self, shards: list[Shard], states: list[State], rate: None) -> list[State]:
        """Evaluate one batch."""
        results = [self._compute_outputs(*of) for of in zip(shards, states, strict=True)]
        outputs, losses, states = (list(column) for column in zip(*results, strict=True))
        self._update_metrics(shards, outputs, losses)
        return states

    def _gradients_of_shard(self, shard: Shard, state: State) -> tuple:
        weights = [variable.value for variable in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            outputs, loss, state = self._run_shard(shard, weights, state, training=True)
        return tape.gradient(loss, weights), outputs, loss, state

    def _outputs_of_shard(self, shard: Shard, state: State) -> tuple:
        weights = [variable.value for variable in self.model.trainable_variables]
        return self._run_shard(shard, weights, state, training=False)

    def _run_shard(
        self, shard: Shard, weights: list[tf.Tensor], state: State, *, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, State]:
        """Return the outputs and the loss of a shard, and the state after it."""
        *inputs, targets, row_weights = shard
        outputs, state = self._call_model(weights, state, inputs, training)
        if self.n_shards > 1:  # a mean over no rows is NaN, and NaN times zero is NaN
            row_weights = tf.where(
                tf.reduce_sum(row_weights) > 0, row_weights, tf.ones_like(row_weights)
            )
        loss = self.model.compute_loss(
            y=targets, y_pred=outputs, sample_weight=row_weights, training=training
        )
        return outputs, loss, state

    def _call_model(
        self, weights: list[tf.Tensor], state: State, x: object, training: bool
    ) -> tuple[tf.Tensor, State]:
        """Compute outputs and state; weights that a callback has frozen stay as they are."""
        given = dict(zip(map(id, self._carried_variables()), state, strict=True))
        others = self.model.non_trainable_variables
        constants = [given.get(id(variable), variable.value) for variable in others]
        outputs, after = self.model.stateless_call(weights, constants, x, training=training)
        pairs = zip(others, after, strict=True)
        return outputs, [value for variable, value in pairs if id(variable) in given]

    def _update(
        self,
        shards: list[Shard],
        gradients: list[list[tf.Tensor]],
        outputs: list[tf.Tensor],
        losses: list[tf.Tensor],
        rate: tf.Tensor | None,
    ) -> None:
        """Give the optimizer the gradients of a batch, and update the metrics."""
        optimizer, variables = self.model.optimizer, self.model.trainable_variables
        if rate is not None:
            optimizer.learning_rate.assign(rate)
        shares = self._shares(shards)
        whole = [_weighted_sum(shares, of_shards) for of_shards in zip(*gradients, strict=True)]
        if whole:  # a callback may have frozen all
            optimizer.apply_gradients(zip(whole, variables, strict=True))
        self._measure(shards, outputs, losses)

    def _measure(
        self, shards: list[Shard], outputs: list[tf.Tensor], losses: list[tf.Tensor]
    ) -> None:
        """Update the loss and the other metrics."""
        *_, targets, weights = (tf.concat(column, 0) for column in zip(*shards, strict=True))
        loss = _weighted_sum(self._shares(shards), losses)
        self.model._loss_tracker.update_state(loss, sample_weight=tf.reduce_sum(weights))
        self.model.compute_metrics(None, targets, tf.concat(outputs, 0), sample_weight=weights)

    def _shares(self, shards: list[Shard]) -> list[tf.Tensor | float]:
        """Return the share of a batch's weight that each shard has."""
        if self.n_shards == 1:
            return [1.0]
        totals = [tf.reduce_sum(weights) for *_, weights in shards]
        return [total / tf.add_n(totals) for total in totals]


def _initial(value: tf.Tensor, shard: int) -> tf.Tensor:
    """Return the zero state of an LSTM layer, or the seed from which a shard draws."""
    if not value.dtype.is_integer:
        return tf.zeros_like(value)
    return tf.add(value, [0, shard * SEEDS_PER_SHARD])


def _weighted_sum(weights: list[tf.Tensor | float], tensors: list[tf.Tensor]) -> tf.Tensor:
    if len(tensors) == 1:
        return tensors[0]
    return tf.add_n([weight * tensor for weight, tensor in zip(weights, tensors, strict=True)])


def _any_batches(shape: tf.TensorShape, *, is_values: bool) -> list[int | None]:
    """Leave open how many batches, rows and time steps there are."""
    if shape.rank < 2:  # learning rates, or none
        return [None] * shape.rank
    n_open = 3 if is_values else 2
    return [None] * n_open + list(shape[n_open:])


def _count_names_from_round_number() -> None:
    """Let the numbers in names depend on how many loops came before, not on all that was computed.

    TensorFlow numbers functions and tensors together, and finds code that was compiled in another
    process by what is in the graph, names included.
    """
    while uid() % ROUND_NUMBER:
        pass
