"""The matrix products that a training step of an LSTM must do, and a compiled loop of only those.

No training step is faster than its products: the loop is the limit that epochs are held against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Shapes:
    """Sizes of one LSTM layer with an output, and of a batch."""

    batch: int
    steps: int
    inputs: int
    units: int
    outputs: int
    every_step: bool = True

    def products(self) -> list[tuple[str, int, tuple[int, int], tuple[int, int]]]:
        """List the products of a batch: name, how often, and the shapes of both factors."""
        n, steps, f, u, o = self.batch, self.steps, self.inputs, self.units, self.outputs
        rows = n * steps
        out_rows = rows if self.every_step else n
        return [
            ("input, forward", 1, (rows, f), (f, 4 * u)),
            ("recurrent, forward", steps, (n, u), (u, 4 * u)),
            ("output, forward", 1, (out_rows, u), (u, o)),
            ("output, backward", 1, (out_rows, o), (o, u)),
            ("recurrent, backward", steps, (n, 4 * u), (4 * u, u)),
            ("output, weight gradient", 1, (u, out_rows), (out_rows, o)),
            ("recurrent, weight gradient", 1, (u, rows), (rows, 4 * u)),
            ("input, weight gradient", 1, (f, rows), (rows, 4 * u)),
        ]

    def gflop(self, *, with_input: bool = True) -> float:
        """Count 10^9 floating point operations of a batch, a multiplication and an addition each.

        Inputs that are integers may be looked up and need no product: `with_input=False`.
        """
        flop = sum(
            2 * times * m * k * n
            for name, times, (m, k), (_, n) in self.products()
            if with_input or not name.startswith("input")
        )
        return flop / 1e9


def compiled_products(shapes: Shapes, *, with_input: bool = True) -> Callable[[int], None]:
    """Compile a loop over batches by XLA: the products of every time step predicted, in order.

    The results change the weights by next to nothing, so that nothing may be left out or moved
    out of the loop; every other operation is there to chain the products.
    """
    n, steps, units = shapes.batch, shapes.steps, shapes.units
    rng = np.random.RandomState(0)

    def matrix(rows: int, columns: int) -> tf.Tensor:
        values = rng.normal(scale=rows**-0.5, size=(rows, columns))
        return tf.constant(values.astype(np.float32))

    weights = (
        matrix(shapes.inputs, 4 * units),
        matrix(units, 4 * units),
        matrix(units, shapes.outputs),
    )
    x = matrix(steps * n, shapes.inputs)
    looked_up = matrix(steps * n, 4 * units)

    def batch(kernel: tf.Tensor, recurrent: tf.Tensor, out: tf.Tensor) -> tuple:
        projected = x @ kernel if with_input else looked_up
        hidden = _forward(tf.reshape(projected, (steps, n, -1)), recurrent)
        rows = tf.reshape(hidden, (-1, units))
        outputs = rows @ out
        upstream = tf.matmul(outputs, out, transpose_b=True)
        dz = _backward(tf.reshape(upstream, (steps, n, -1)), recurrent)
        dz = tf.reshape(dz, (-1, 4 * units))
        dkernel = tf.matmul(x, dz, transpose_a=True) if with_input else 0.0
        drecurrent = tf.matmul(rows, dz, transpose_a=True)
        dout = tf.matmul(rows, outputs, transpose_a=True)
        return kernel + 1e-9 * dkernel, recurrent + 1e-9 * drecurrent, out + 1e-9 * dout

    @tf.function(jit_compile=True, autograph=False)
    def run(n_batches: tf.Tensor) -> tuple:
        def body(i: tf.Tensor, *weights: tf.Tensor) -> tuple:
            return (i + 1, *batch(*weights))

        return tf.while_loop(lambda i, *_: i < n_batches, body, (0, *weights))

    def run_batches(n_batches: int) -> None:
        total = float(tf.reduce_sum(run(tf.constant(n_batches))[2]))
        if not np.isfinite(total):
            raise FloatingPointError("The products overflow, which no LSTM's do.")

    return run_batches


def _forward(projected: tf.Tensor, recurrent: tf.Tensor) -> tf.Tensor:
    """Chain the recurrent products; return (T, n, units)."""
    steps, n, _ = projected.shape
    units = recurrent.shape[0]
    states = tf.TensorArray(tf.float32, steps, element_shape=(n, units))

    def step(t: tf.Tensor, hidden: tf.Tensor, states: tf.TensorArray) -> tuple:
        i, f, g, o = tf.split(projected[t] + hidden @ recurrent, 4, axis=1)
        hidden = 0.2 * (i + f + g + o)
        return t + 1, hidden, states.write(t, hidden)

    start = (0, tf.zeros((n, units)), states)
    return tf.while_loop(lambda t, *_: t < steps, step, start)[2].stack()


def _backward(upstream: tf.Tensor, recurrent: tf.Tensor) -> tf.Tensor:
    """Chain the transposed recurrent products; return (T, n, 4 * units)."""
    steps, n, units = upstream.shape
    gates = tf.TensorArray(tf.float32, steps, element_shape=(n, 4 * units))

    def step(t: tf.Tensor, dhidden: tf.Tensor, gates: tf.TensorArray) -> tuple:
        dhidden = 0.2 * (dhidden + upstream[t])
        dz = tf.concat([dhidden, -dhidden, dhidden, -dhidden], 1)
        return t - 1, tf.matmul(dz, recurrent, transpose_b=True), gates.write(t, dz)

    start = (steps - 1, tf.zeros((n, units)), gates)
    return tf.while_loop(lambda t, *_: t >= 0, step, start)[2].stack()
