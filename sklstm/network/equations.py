r"""The LSTM in numpy, as its equations have it.

With the input :math:`x_t`, the output :math:`h_{t-1}` and the cell :math:`c_{t-1}` of the time
step before, an LSTM layer computes

.. math::

    i_t &= \sigma(x_t W_i + h_{t-1} U_i + b_i) && \text{input gate} \\
    f_t &= \sigma(x_t W_f + h_{t-1} U_f + b_f) && \text{forget gate} \\
    \tilde c_t &= \tanh(x_t W_c + h_{t-1} U_c + b_c) && \text{candidate} \\
    o_t &= \sigma(x_t W_o + h_{t-1} U_o + b_o) && \text{output gate} \\
    c_t &= f_t \odot c_{t-1} + i_t \odot \tilde c_t && \text{cell} \\
    h_t &= o_t \odot \tanh(c_t) && \text{output}

Slow and plain on purpose: everything fast is tested against it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit as sigmoid
from scipy.special import softmax

from sklstm._sequences import Sequences
from sklstm.network.spec import NetworkSpec

ACTIVATIONS = {
    "softmax": lambda z: softmax(z, axis=-1),
    "sigmoid": sigmoid,
    "linear": lambda z: z,
    "exponential": np.exp,
}


def lstm_over_time(
    x: np.ndarray, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray
) -> dict[str, np.ndarray]:
    """Run one LSTM layer over one sequence.

    Parameters
    ----------
    x : ndarray of shape (T, F)
    kernel : ndarray of shape (F, 4 * units)
        Columns of the input gate, the forget gate, the candidate and the output gate.
    recurrent_kernel : ndarray of shape (units, 4 * units)
    bias : ndarray of shape (4 * units,)

    Returns
    -------
    dict of ndarrays of shape (T, units)
        ``input_gate``, ``forget_gate``, ``candidate``, ``output_gate``, ``cell`` and ``output``.
    """
    units = len(recurrent_kernel)
    h, c = np.zeros(units), np.zeros(units)
    names = ("input_gate", "forget_gate", "candidate", "output_gate", "cell", "output")
    rows = []
    for x_t in x:
        z_i, z_f, z_c, z_o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4)
        i, f, candidate, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_c), sigmoid(z_o)
        c = f * c + i * candidate
        h = o * np.tanh(c)
        rows.append((i, f, candidate, o, c, h))
    return {
        name: np.stack(steps) for name, steps in zip(names, zip(*rows, strict=True), strict=True)
    }


def forward(spec: NetworkSpec, weights: list[np.ndarray], sequences: Sequences) -> np.ndarray:
    """Compute the outputs of a whole network, one sequence after another, in float64.

    Returns
    -------
    ndarray of shape (n, n_outputs), or (n, T, n_outputs) without pooling
        Outputs past the end of a sequence are zero.
    """
    rows = [
        _forward_one(spec, weights, values[:length])
        for values, length in zip(sequences.values, sequences.lengths, strict=True)
    ]
    if spec.pooling is not None:
        return np.stack(rows)
    outputs = np.zeros((len(sequences), sequences.n_steps, spec.n_outputs))
    for padded, row in zip(outputs, rows, strict=True):
        padded[: len(row)] = row
    return outputs


def _forward_one(spec: NetworkSpec, weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    remaining = iter(np.asarray(weight, np.float64) for weight in weights)
    if spec.embedding_dim is not None:
        x = next(remaining)[x]
    elif spec.one_hot:
        x = np.eye(spec.vocabulary_size)[x]
    final = x[-1]
    for _ in spec.units:
        x, final = _both_directions(spec, remaining, x)
    if spec.pooling is not None:
        x = final if spec.pooling == "last" else getattr(x, spec.pooling)(axis=0)
    for _ in spec.dense_units:
        x = np.maximum(x @ next(remaining) + next(remaining), 0)
    return ACTIVATIONS[spec.activation](x @ next(remaining) + next(remaining))


def _both_directions(
    spec: NetworkSpec, remaining: Iterator[np.ndarray], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs over time, and those of the last step that each direction reads."""
    outputs = lstm_over_time(x, next(remaining), next(remaining), next(remaining))["output"]
    if not spec.bidirectional:
        return outputs, outputs[-1]
    backward = lstm_over_time(x[::-1], next(remaining), next(remaining), next(remaining))["output"]
    return np.hstack([outputs, backward[::-1]]), np.concatenate([outputs[-1], backward[-1]])
