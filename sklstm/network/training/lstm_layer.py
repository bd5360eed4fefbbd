"""An LSTM layer that trains fast on the CPU: Keras's layer, with its own gradient through time.

The form of the two loops was chosen by measurement, for XLA on the CPU; for a GPU the same function
is compiled. What does not depend on the time step before is computed for all time steps at once:
the input projection before the forward loop, the gradients of weights and inputs after the backward
loop. Each gate has an array of its own, because XLA does not vectorise a kernel that reads one step
of one array at several offsets.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

ACTIVATIONS = (tf.sigmoid, tf.sigmoid, tf.tanh, tf.sigmoid)  # input, forget, cell, output gate


def sequence_function(
    return_sequences: bool, step_mask: StepMask | None = None
) -> Callable[..., tf.Tensor]:
    """Make the function that runs an LSTM over sequences, from a state on.

    Parameters
    ----------
    return_sequences : bool
        Whether it returns the hidden states of all time steps, or the last.
    step_mask : StepMask, default=None
        Which time steps are padding; None where there is none.

    Returns
    -------
    function of (inputs, kernel, recurrent_kernel, bias, hidden, cell)
        Inputs are time-major: features of shape (T, n, F), or integer ids of shape (T, n) that
        stand for one-hot vectors. The weights are Keras's, of shapes (F, 4 * units),
        (units, 4 * units) and (4 * units,). The state, twice (n, units), is a constant: gradients
        end there. The results are (T, n, units) or (n, units), and the last state.
    """

    @tf.custom_gradient
    def hidden_states(inputs, kernel, recurrent_kernel, bias, hidden, cell):
        projected = _project(inputs, kernel, bias)
        gates, cells, hiddens, *state = _forward(
            projected, recurrent_kernel, hidden, cell, step_mask
        )

        def gradient(upstream, *_of_state):
            dz = _backward(upstream, return_sequences, gates, cells, recurrent_kernel, step_mask)
            dinputs, dkernel, dbias = _project_gradient(inputs, kernel, dz)
            drecurrent = tf.matmul(_rows(hiddens[:-1]), _rows(dz), transpose_a=True)
            return dinputs, dkernel, drecurrent, dbias, None, None

        outputs = hiddens[1:] if return_sequences else state[0]
        return (outputs, *state), gradient

    return hidden_states


class StepMask:
    """Which time steps of padded sequences are data, and which are padding.

    At padding the state of a sequence stays as it is. The loops leave out the time steps that are
    padding in all sequences.

    Parameters
    ----------
    mask : bool tensor of shape (T, n)
    dtype : str
        Of the network.
    one_length : bool, default=False
        Whether all sequences have the same mask: the loops then need not read it for each.
    """

    def __init__(self, mask: tf.Tensor, dtype: str, *, one_length: bool = False) -> None:
        any_has = mask[:, 0] if one_length else tf.reduce_any(mask, axis=1)
        any_has = tf.cast(any_has, "int32")
        self.begin = tf.argmax(any_has, output_type="int32")
        self.end = self.begin + tf.reduce_sum(any_has)
        self.margins = None
        if not mask.shape.is_fully_defined():  # then nothing may be left out of a TensorArray
            self.margins = [self.begin, tf.shape(mask)[0] - self.end]
            mask = mask[self.begin : self.end]
            self.begin, self.end = 0, tf.shape(mask)[0]
        self.array = None
        if not one_length:
            present = tf.cast(mask, dtype)[:, :, tf.newaxis]  # (T, n, 1)
            self.array = _array(tf.shape(mask)[0], present[0]).unstack(present)

    def cut(self, steps: tf.Tensor) -> tf.Tensor:
        """Cut off padding of all sequences, of (T, n, ...), that the loops cannot leave out."""
        if self.margins is None:
            return steps
        before, after = self.margins
        return steps[before : tf.shape(steps)[0] - after]

    def restore(self, outputs: tf.Tensor) -> tf.Tensor:
        """Put zeros in the place of the time steps that `cut` has cut off."""
        return outputs if self.margins is None else tf.pad(outputs, [self.margins, [0, 0], [0, 0]])


def _span(step_mask: StepMask | None, n_steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return (0, n_steps) if step_mask is None else (step_mask.begin, step_mask.end)


def _of_each(step_mask: StepMask | None) -> tf.TensorArray | None:
    """Return the mask of each time step, (n, 1); None where all sequences have the same mask."""
    return None if step_mask is None else step_mask.array


def _project(inputs, kernel, bias) -> list[tf.Tensor]:
    """Return what the inputs add to each gate, four times (T, n, units)."""
    if inputs.dtype.is_integer:
        return [tf.gather(table, inputs) for table in tf.split(kernel + bias, 4, axis=1)]
    return tf.split(tf.matmul(inputs, kernel) + bias, 4, axis=2)


def _project_gradient(inputs, kernel, dz) -> tuple[tf.Tensor | None, tf.Tensor, tf.Tensor]:
    """Return the gradients with respect to inputs, kernel and bias; dz is (T, n, 4 * units)."""
    if inputs.dtype.is_integer:
        # A third of the time of the product with one-hot vectors, however many they are.
        ids, size = tf.reshape(inputs, [-1]), kernel.shape[0]
        dkernel = tf.math.unsorted_segment_sum(_rows(dz), ids, size)
        return None, dkernel, tf.reduce_sum(dkernel, 0)
    dkernel = tf.matmul(_rows(inputs), _rows(dz), transpose_a=True)
    return tf.matmul(dz, kernel, transpose_b=True), dkernel, tf.reduce_sum(dz, (0, 1))


def _forward(
    projected, recurrent_kernel, hidden, cell, step_mask
) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Run the loop over time forwards.

    Returns the activated gates, four times (T, n, units), both states over time, (T + 1, n, units),
    and the last ones, (n, units).
    """
    n_steps = tf.shape(projected[0])[0]
    begin, end = _span(step_mask, n_steps)
    has_steps = _of_each(step_mask)
    cells = _array(n_steps + 1, cell).write(begin, cell)
    hiddens = _array(n_steps + 1, hidden).write(begin, hidden)

    def step(t, hidden, cell, gates, cells, hiddens):
        z = tf.split(tf.matmul(hidden, recurrent_kernel), 4, axis=1)
        active = [
            activation(gate.read(t) + of_state)
            for activation, gate, of_state in zip(ACTIVATIONS, gates, z, strict=True)
        ]
        i, f, g, o = active
        new_cell = f * cell + i * g
        new_hidden = o * tf.tanh(new_cell)
        if has_steps is None:
            hidden, cell = new_hidden, new_cell
        else:
            has_step = has_steps.read(t) > 0
            hidden, cell = (
                tf.where(has_step, new_hidden, hidden),
                tf.where(has_step, new_cell, cell),
            )
        gates = [gate.write(t, value) for gate, value in zip(gates, active, strict=True)]
        return t + 1, hidden, cell, gates, cells.write(t + 1, cell), hiddens.write(t + 1, hidden)

    # A gate takes the place of its projection: one array less to fill.
    gates = [_array(n_steps, cell).unstack(each) for each in projected]
    _, hidden, cell, gates, cells, hiddens = tf.while_loop(
        lambda t, *_: t < end, step, (begin, hidden, cell, gates, cells, hiddens)
    )
    return [gate.stack() for gate in gates], cells.stack(), hiddens.stack(), hidden, cell


def _backward(upstream, return_sequences, gates, cells, recurrent_kernel, step_mask) -> tf.Tensor:
    """Run the loop over time backwards.

    Returns the gradient with respect to the sums before the gates' activations, (T, n, 4 * units).
    """
    n_steps = tf.shape(gates[0])[0]
    begin, end = _span(step_mask, n_steps)
    has_steps = _of_each(step_mask)
    zeros = tf.zeros_like(cells[0])
    gates = [_array(n_steps, zeros).unstack(gate) for gate in gates]
    cells = _array(n_steps + 1, zeros).unstack(cells)
    if return_sequences:
        upstream, dlast = _array(n_steps, zeros).unstack(upstream), zeros
    else:
        dlast = upstream

    def step(t, dhidden, dcell, dz):
        if return_sequences:
            dhidden = dhidden + upstream.read(t)
        kept_hidden = kept_cell = 0.0
        if has_steps is not None:
            has_step = has_steps.read(t)
            kept_hidden, kept_cell = (1 - has_step) * dhidden, (1 - has_step) * dcell
            dhidden, dcell = has_step * dhidden, has_step * dcell
        i, f, g, o = (gate.read(t) for gate in gates)
        squashed = tf.tanh(cells.read(t + 1))
        dcell = dcell + dhidden * o * (1 - squashed * squashed)
        dgates = (
            dcell * g * i * (1 - i),
            dcell * cells.read(t) * f * (1 - f),
            dcell * i * (1 - g * g),
            dhidden * squashed * o * (1 - o),
        )
        dsums = tf.concat(dgates, axis=1)
        dhidden = tf.matmul(dsums, recurrent_kernel, transpose_b=True)
        return t - 1, kept_hidden + dhidden, kept_cell + dcell * f, dz.write(t, dsums)

    dz = _array(n_steps, tf.concat([zeros] * 4, axis=1))
    *_, dz = tf.while_loop(lambda t, *_: t >= begin, step, (end - 1, dlast, zeros, dz))
    return dz.stack()


def _array(size, element) -> tf.TensorArray:
    return tf.TensorArray(element.dtype, size, element_shape=element.shape, clear_after_read=False)


def _rows(x) -> tf.Tensor:
    return tf.reshape(x, (-1, x.shape[-1]))


@keras.saving.register_keras_serializable(package="sklstm")
class SequenceLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, with the same weights and results, that trains faster on the CPU.

    Keras computes what the sequence function does not cover (initial and returned states, dropout,
    other activations), but never by cuDNN, which XLA cannot compile.

    Parameters
    ----------
    units : int
    one_hot_size : int, default=None
        When set, inputs are integer ids of shape (n, T) that stand for one-hot vectors of this
        size, 0 <= id < one_hot_size.
    one_length : bool, default=False
        Whether a mask is the same for all sequences of a batch, which takes less time.
    **kwargs
        The parameters of `keras.layers.LSTM`.
    """

    def __init__(
        self,
        units: int,
        *,
        one_hot_size: int | None = None,
        one_length: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(units, use_cudnn=False, **kwargs)
        self.one_hot_size, self.one_length = one_hot_size, one_length
        if one_hot_size is not None:
            self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, sequences_shape, initial_state_shape=None) -> None:
        """Make the weights; ids have those of one-hot vectors."""
        if self.one_hot_size is not None:
            sequences_shape = (*sequences_shape, self.one_hot_size)
        super().build(sequences_shape, initial_state_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        """Run the sequence function, or Keras's layer for what the function does not cover."""
        if initial_state is not None or not self._is_covered(training):
            return super().call(self._features(sequences), initial_state, mask, training)
        start = tf.zeros((tf.shape(sequences)[0], self.units), self.compute_dtype)
        return self._run(sequences, start, start, mask)[0]

    def _run(self, sequences, hidden, cell, mask=None) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Run the sequence function from a state; return the outputs and the last state."""
        if self.one_hot_size is not None:
            sequences = tf.cast(sequences, "int32")
        steps = self._in_order(sequences)
        step_mask = None
        if mask is not None:
            mask = self._in_order(mask)
            step_mask = StepMask(mask, self.compute_dtype, one_length=self.one_length)
            steps = step_mask.cut(steps)
        own = self.cell
        weights = map(tf.convert_to_tensor, (own.kernel, own.recurrent_kernel, own.bias))
        function = sequence_function(self.return_sequences, step_mask)
        outputs, hidden, cell = function(steps, *weights, hidden, cell)
        if self.return_sequences:
            outputs = outputs if step_mask is None else step_mask.restore(outputs)
            outputs = _swap_time_and_batch(outputs)
        return outputs, hidden, cell

    def _in_order(self, sequences) -> tf.Tensor:
        """Return time steps in the order in which the layer reads them, (T, n, ...)."""
        steps = _swap_time_and_batch(sequences)
        return tf.reverse(steps, [0]) if self.go_backwards else steps

    def _features(self, sequences) -> tf.Tensor:
        """Return what Keras's layer reads: one-hot vectors for ids."""
        if self.one_hot_size is None:
            return sequences
        ids = tf.cast(sequences, "int32")
        return tf.one_hot(ids, self.one_hot_size, dtype=self.compute_dtype)

    def _is_covered(self, training: bool) -> bool:
        return (
            self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and self.use_bias
            and not (self.return_state or self.stateful or self.unroll)
            and not (training and (self.dropout or self.recurrent_dropout))
        )

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"one_hot_size": self.one_hot_size, "one_length": self.one_length}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="sklstm")
class CarryingLSTM(SequenceLSTM):
    """An LSTM that starts each batch from the state in which the batch before ended.

    It returns all time steps, of batches of one size. Called with ``(sequences, continues)``: rows
    whose ``continues`` is 0 start from the zero state. Gradients are not carried
    back into the batch before.

    Parameters
    ----------
    units : int
    batch_size : int
    **kwargs
        Those of `SequenceLSTM`.

    References
    ----------
    R. J. Williams, J. Peng, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories", 1990.
    """

    def __init__(self, units: int, *, batch_size: int, **kwargs) -> None:
        super().__init__(units, **{**kwargs, "return_sequences": True})
        self.batch_size = batch_size

    def build(self, sequences_shape, continues_shape=None) -> None:
        """Make the weights, and the variables that carry the state."""
        super().build(sequences_shape)
        shape = (self.batch_size, self.units)
        self.hidden, self.carried_cell = (
            self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)
            for name in ("hidden", "carried_cell")
        )

    def call(self, sequences, continues, training=False):
        """Run from the carried state on, and carry the last state to the next batch."""
        kept = tf.cast(continues, self.compute_dtype)[:, tf.newaxis]
        state = [kept * self.hidden.value, kept * self.carried_cell.value]
        if self._is_covered(training):
            outputs, *state = self._run(sequences, *state)
        else:
            _, outputs, state = self.inner_loop(self._features(sequences), state, None, training)
        self.hidden.assign(state[0])
        self.carried_cell.assign(state[1])
        return outputs

    def compute_output_shape(self, sequences_shape, continues_shape=None) -> tuple:
        """Return (n, T, units)."""
        return (*sequences_shape[:2], self.units)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {**super().get_config(), "batch_size": self.batch_size}


def _swap_time_and_batch(x) -> tf.Tensor:
    return tf.transpose(x, [1, 0, 2] if len(x.shape) == 3 else [1, 0])
