"""The matrix products that a training step of an LSTM must do, and a compiled loop of only those.

No training step is faster than its products: the loop is the limit that epochs are held against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import dynamic_update_slice


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
    """Compile a loop over batches by XLA: the products of a network whose every step has an output.

    Recurrent products form chains, as they must, with nothing between two of them that takes time.
    What is left of a chain goes into some rows of the states (or gates) that the next products
    read, and each weight gradient changes its weights by next to nothing: so every product
    depends on the one before, and XLA can neither leave one out nor move it out of the loop.
    """
    rng = np.random.RandomState(0)
    rows, units = shapes.steps * shapes.batch, shapes.units

    def matrix(height: int, width: int, scale: float = 1.0) -> tf.Tensor:
        values = rng.normal(scale=scale, size=(height, width))
        return tf.constant(values.astype(np.float32))

    x = matrix(rows, shapes.inputs)
    start = (
        matrix(shapes.inputs, 4 * units, shapes.inputs**-0.5),
        matrix(units, 4 * units, units**-0.5),
        matrix(units, shapes.outputs, units**-0.5),
        matrix(rows, units),
        matrix(rows, 4 * units),
    )

    def batch(kernel, recurrent, out, states, gates) -> tuple:
        hidden = states[-shapes.batch :]
        if with_input:
            hidden += (x @ kernel)[: shapes.batch, :units]
        states = _put(states, _forward(hidden, recurrent, shapes.steps))
        outputs = states @ out
        upstream = tf.matmul(outputs, out, transpose_b=True)
        gates = _put(gates, _backward(upstream[: shapes.batch], recurrent, shapes.steps))
        recurrent = _changed(recurrent, states, gates)
        if with_input:
            kernel = _changed(kernel, x, gates)
        return kernel, recurrent, _changed(out, states, outputs), states, gates

    @tf.function(jit_compile=True, autograph=False)
    def run(n_batches: tf.Tensor) -> tuple:
        def body(i: tf.Tensor, *tensors: tf.Tensor) -> tuple:
            return (i + 1, *batch(*tensors))

        _, *weights, _, _ = tf.while_loop(lambda i, *_: i < n_batches, body, (0, *start))
        return weights

    def run_batches(n_batches: int) -> None:
        if not all(np.isfinite(weight).all() for weight in run(tf.constant(n_batches))):
            raise FloatingPointError("The products overflow: their time means nothing.")

    return run_batches


def _forward(hidden: tf.Tensor, recurrent: tf.Tensor, steps: int) -> tf.Tensor:
    """Chain the recurrent products; return (n, units)."""
    units = recurrent.shape[0]

    def step(t: tf.Tensor, hidden: tf.Tensor) -> tuple:
        return t + 1, (hidden @ recurrent)[:, :units]

    return tf.while_loop(lambda t, _: t < steps, step, (0, hidden))[1]


def _backward(dhidden: tf.Tensor, recurrent: tf.Tensor, steps: int) -> tf.Tensor:
    """Chain the transposed recurrent products; return (n, 4 * units)."""

    def step(t: tf.Tensor, dz: tf.Tensor) -> tuple:
        return t + 1, _as_gates(tf.matmul(dz, recurrent, transpose_b=True))

    return tf.while_loop(lambda t, _: t < steps, step, (0, _as_gates(dhidden)))[1]


def _as_gates(dhidden: tf.Tensor) -> tf.Tensor:
    return tf.concat([0.5 * dhidden] * 4, axis=1)


def _put(matrix: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Write into the first rows of a matrix, in place once compiled."""
    return dynamic_update_slice(matrix, rows, [0, 0])


def _changed(weights: tf.Tensor, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return weights + 1e-9 * tf.matmul(a, b, transpose_a=True)
