"""An LSTM layer whose training is fast on the CPU: Keras's layer with its own gradient through time."""

import keras
import tensorflow as tf


def _recurrence(
    projected: tf.Tensor, recurrent_kernel: tf.Tensor, return_sequences: bool
) -> tf.Tensor:
    """Hidden states of an LSTM, from the zero state.

    Parameters
    ----------
    projected : tensor of shape (T, n, 4 * units)
        Inputs times kernel plus bias; gates in Keras's order: input, forget, cell, output.
    recurrent_kernel : tensor of shape (units, 4 * units)
    return_sequences : bool

    Returns
    -------
    tensor of shape (T, n, units), or (n, units) for the last state only
    """

    @tf.custom_gradient
    def states(projected, recurrent_kernel):
        steps, batch = tf.shape(projected)[0], tf.shape(projected)[1]
        units = recurrent_kernel.shape[0]
        zeros = tf.zeros((batch, units), projected.dtype)
        step_shape = (projected.shape[1], units)
        zeros = tf.ensure_shape(zeros, step_shape)

        def array(width=units):
            return tf.TensorArray(projected.dtype, steps, element_shape=(projected.shape[1], width))

        def forward(t, hidden, cell, gates, cells, hiddens):
            z = projected[t] + hidden @ recurrent_kernel
            i, f, g, o = tf.split(z, 4, axis=1)
            i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
            cells = cells.write(t, cell)
            hiddens = hiddens.write(t, hidden)
            cell = f * cell + i * g
            hidden = o * tf.tanh(cell)
            return t + 1, hidden, cell, gates.write(t, tf.concat([i, f, g, o], 1)), cells, hiddens

        _, last, last_cell, gates, cells, hiddens = tf.while_loop(
            lambda t, *_: t < steps,
            forward,
            (0, zeros, zeros, array(4 * units), array(), array()),
        )
        gates, cells, hiddens = gates.stack(), cells.stack(), hiddens.stack()

        def gradient(upstream):
            def backward(t, dhidden, dcell, next_cell, dz):
                if return_sequences:
                    dhidden = dhidden + upstream[t]
                i, f, g, o = tf.split(gates[t], 4, axis=1)
                cell = cells[t]
                activated = tf.tanh(next_cell)
                dcell = dcell + dhidden * o * (1 - activated * activated)
                step = tf.concat(
                    [
                        dcell * g * i * (1 - i),
                        dcell * cell * f * (1 - f),
                        dcell * i * (1 - g * g),
                        dhidden * activated * o * (1 - o),
                    ],
                    1,
                )
                dhidden = tf.matmul(step, recurrent_kernel, transpose_b=True)
                return t - 1, dhidden, dcell * f, cell, dz.write(t, step)

            first = zeros if return_sequences else upstream
            *_, dz = tf.while_loop(
                lambda t, *_: t >= 0,
                backward,
                (steps - 1, first, zeros, last_cell, array(4 * units)),
            )
            dz = dz.stack()
            dkernel = tf.matmul(
                tf.reshape(hiddens, (-1, units)), tf.reshape(dz, (-1, 4 * units)), transpose_a=True
            )
            return dz, dkernel

        if return_sequences:
            return tf.concat([hiddens[1:], last[None]], 0), gradient
        return last, gradient

    return states(projected, recurrent_kernel)


@tf.custom_gradient
def _rows(table: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Rows of a table, whose gradient is a product: XLA's scatter runs on one core."""

    def gradient(upstream):
        width = table.shape[1]
        one_hot = tf.one_hot(tf.reshape(ids, [-1]), table.shape[0], dtype=upstream.dtype)
        return tf.matmul(one_hot, tf.reshape(upstream, (-1, width)), transpose_a=True), None

    return tf.gather(table, ids), gradient


@keras.saving.register_keras_serializable(package="sklstm")
class SequenceLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with the same weights and results, trained faster on the CPU.

    What it does not cover (masks, initial states, dropout, other activations, a GPU) is left to Keras.

    Parameters
    ----------
    units : int
    one_hot_size : int, default=None
        Inputs are integer ids of shape (n, T), 0 <= id < one_hot_size, that stand for one-hot vectors.
    **kwargs : parameters of `keras.layers.LSTM`
    """

    def __init__(self, units: int, *, one_hot_size: int | None = None, **kwargs) -> None:
        super().__init__(units, **kwargs)
        self.one_hot_size = one_hot_size
        if one_hot_size is not None:
            self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, sequences_shape, initial_state_shape=None) -> None:
        if self.one_hot_size is not None:
            sequences_shape = (*sequences_shape, self.one_hot_size)
        super().build(sequences_shape, initial_state_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if not self._is_plain(initial_state, mask, training):
            if self.one_hot_size is not None:
                sequences = tf.one_hot(sequences, self.one_hot_size, dtype=self.compute_dtype)
            return super().call(sequences, initial_state, mask, training)
        steps_first = tf.transpose(sequences, [1, 0, 2][: len(sequences.shape)])
        if self.go_backwards:
            steps_first = tf.reverse(steps_first, [0])
        kernel, recurrent_kernel, bias = map(
            tf.convert_to_tensor, (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        )
        if self.one_hot_size is None:
            projected = tf.matmul(steps_first, kernel) + bias
        else:
            projected = _rows(kernel + bias, steps_first)
        states = _recurrence(projected, recurrent_kernel, self.return_sequences)
        return tf.transpose(states, [1, 0, 2]) if self.return_sequences else states

    def _is_plain(self, initial_state, mask, training) -> bool:
        return (
            initial_state is None
            and mask is None
            and not (self.stateful or self.return_state or self.unroll)
            and not (training and (self.dropout or self.recurrent_dropout))
            and self.use_bias
            and self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and not tf.config.list_physical_devices("GPU")
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "one_hot_size": self.one_hot_size}
