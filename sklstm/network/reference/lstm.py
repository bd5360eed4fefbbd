r"""The equations of the LSTM in plain numpy.

With the input :math:`x_t`, the output :math:`h_{t-1}` and the cell :math:`c_{t-1}` of the time
step before, an LSTM layer computes

.. math::

    i_t &= \sigma(x_t W_i + h_{t-1} U_i + b_i) && \text{input gate} \\
    f_t &= \sigma(x_t W_f + h_{t-1} U_f + b_f) && \text{forget gate} \\
    \tilde c_t &= \tanh(x_t W_c + h_{t-1} U_c + b_c) && \text{candidate} \\
    o_t &= \sigma(x_t W_o + h_{t-1} U_o + b_o) && \text{output gate} \\
    c_t &= f_t \odot c_{t-1} + i_t \odot \tilde c_t && \text{cell} \\
    h_t &= o_t \odot \tanh(c_t) && \text{output}

It is slow and simple on purpose: tests compare the fast code with it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit as sigmoid
from scipy.special import softmax

from sklstm._sequences import Sequences
from sklstm.network.quantiles import in_order
from sklstm.network.spec import (
    NetworkSpec,
    Weights,
    dense_weights,
    lstm_weights,
    split_weights,
)

ACTIVATIONS = {
    "softmax": lambda z: softmax(z, axis=-1),
    "sigmoid": sigmoid,
    "linear": lambda z: z,
    "exponential": np.exp,
}


def lstm_over_time(
    x: np.ndarray, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray
) -> dict[str, np.ndarray]:
    """Run one LSTM layer over one sequence, or over several of one length side by side.

    Parameters
    ----------
    x : ndarray of shape (T, F) or (T, n, F)
    kernel : ndarray of shape (F, 4 * units)
        Columns of the input gate, the forget gate, the candidate and the output gate.
    recurrent_kernel : ndarray of shape (units, 4 * units)
    bias : ndarray of shape (4 * units,)

    Returns
    -------
    dict of ndarrays of shape (T, units) or (T, n, units)
        ``input_gate``, ``forget_gate``, ``candidate``, ``output_gate``, ``cell`` and ``output``.
    """
    units = len(recurrent_kernel)
    h = c = np.zeros((*x.shape[1:-1], units))
    names = ("input_gate", "forget_gate", "candidate", "output_gate", "cell", "output")
    rows = []
    for x_t in x:
        z_i, z_f, z_c, z_o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
        i, f, candidate, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_c), sigmoid(z_o)
        c = f * c + i * candidate
        h = o * np.tanh(c)
        rows.append((i, f, candidate, o, c, h))
    return {
        name: np.stack(steps) for name, steps in zip(names, zip(*rows, strict=True), strict=True)
    }


def forward(spec: NetworkSpec, weights: Weights, sequences: Sequences) -> np.ndarray:
    """Compute the outputs of a whole network, one sequence after another, in float64.

    Returns
    -------
    ndarray of shape (n, n_outputs), or without pooling (n, T, n_outputs) or (n, horizon, n_outputs)
        Outputs past the end of a sequence are zero.
    """
    if spec.n_networks > 1:
        each = split_weights(spec, weights)
        return np.mean([forward(spec.single, one, sequences) for one in each], axis=0)
    static = np.zeros((len(sequences), 0)) if sequences.static is None else sequences.static
    rows = [_forward_one(spec, weights, *one) for one in zip(sequences, static, strict=True)]
    if not spec.carries_state:
        return np.stack(rows)
    outputs = np.zeros((len(sequences), sequences.longest, spec.n_outputs))
    for padded, row in zip(outputs, rows, strict=True):
        padded[: len(row)] = row
    return outputs


def gates_over_time(
    spec: NetworkSpec, weights: Weights, x: np.ndarray
) -> Iterator[list[dict[str, np.ndarray]]]:
    """Run one LSTM layer after another over one sequence, or over several of one length.

    Parameters
    ----------
    spec : NetworkSpec
    weights : dict of ndarray
        By the names of ``spec.weight_shapes()``.
    x : ndarray of shape (T, F) or (T, n, F), or of ids, (T,) or (T, n)

    Yields
    ------
    list of dict
        Of one layer: what `lstm_over_time` returns, for each direction. Entry t belongs to time
        step t of x in the backward direction too.
    """
    weights = _as_float64(weights)
    yield from _lstm_layers(spec, weights, _first_input(spec, weights, x))


def _forward_one(
    spec: NetworkSpec, weights: Weights, x: np.ndarray, static: np.ndarray
) -> np.ndarray:
    weights = _as_float64(weights)
    values = x = _first_input(spec, weights, x)
    final = x[-1]
    for forward, *backward in _lstm_layers(spec, weights, x):
        x = _side_by_side([forward, *backward])
        final = np.concatenate([forward["output"][-1], *(d["output"][0] for d in backward)])
    if spec.pooling is not None:
        pooled = {"last": final, "mean": x.mean(axis=0), "max": x.max(axis=0)}
        x = np.concatenate([pooled[pooling] for pooling in spec.poolings])
    if spec.horizon is not None:
        x = np.concatenate([x, values[:, : spec.n_direct]], axis=1)[-spec.horizon :]
    x = np.concatenate([x, np.broadcast_to(static, (*x.shape[:-1], len(static)))], axis=-1)
    n_hidden = len(spec.dense_units)
    for layer in range(n_hidden):
        x = np.maximum(_dense(weights, layer, x), 0)
    outputs = ACTIVATIONS[spec.activation](_dense(weights, n_hidden, x))
    return outputs if spec.n_quantiles == 1 else in_order(outputs, spec.n_quantiles)


def _dense(weights: Weights, layer: int, x: np.ndarray) -> np.ndarray:
    kernel, bias = dense_weights(weights, layer)
    return x @ kernel + bias


def _as_float64(weights: Weights) -> Weights:
    return {name: np.asarray(weight, np.float64) for name, weight in weights.items()}


def _first_input(spec: NetworkSpec, weights: Weights, x: np.ndarray) -> np.ndarray:
    """Turn token ids into vectors; numbers stay as they are."""
    if spec.embedding_dim is not None:
        return weights["embedding"][x]
    if spec.one_hot:
        return np.eye(spec.vocabulary_size)[x]
    return x


def _lstm_layers(
    spec: NetworkSpec, weights: Weights, x: np.ndarray
) -> Iterator[list[dict[str, np.ndarray]]]:
    for layer in range(len(spec.units)):
        directions = [lstm_over_time(x, *lstm_weights(weights, layer, "forward"))]
        if spec.bidirectional:
            backward = lstm_over_time(x[::-1], *lstm_weights(weights, layer, "backward"))
            directions.append({name: values[::-1] for name, values in backward.items()})
        x = _side_by_side(directions)
        yield directions


def _side_by_side(directions: list[dict[str, np.ndarray]]) -> np.ndarray:
    return np.concatenate([direction["output"] for direction in directions], axis=-1)
