"""The description of a network, `NetworkSpec`, and the weights that it starts from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]  # by the names of `NetworkSpec.weight_shapes`


@dataclass(frozen=True)
class NetworkSpec:
    """A network of LSTM layers, from its input to its outputs.

    Sequences pass an embedding or one-hot coding (tokens only), LSTM layers, a pooling over time,
    hidden dense layers of rectified linear units and the output layer.

    Attributes
    ----------
    n_outputs : int
        Units of the output layer.
    activation : {"softmax", "sigmoid", "linear", "exponential"}
        Of the output layer.
    n_features : int
        Features per time step; unused for tokens.
    vocabulary_size : int or None
        Token ids are below it; None for sequences of numbers.
    embedding_dim : int or None
        Length of the vector learnt for each token; None for one-hot coded tokens.
    units : tuple of int
        One LSTM layer each; empty for none.
    bidirectional : bool
        Whether each LSTM layer reads the sequence in both directions.
    dropout : float
        Share of the outputs of each layer that training sets to zero, the same ones at all time
        steps of a sequence [1]_.
    pooling : {"last", "mean", "max", "concat", None}
        How the outputs of all time steps become one vector; "concat" concatenates the last, the
        mean and the maximum [2]_. None computes outputs of time steps, of all of them or, with a
        `horizon`, of the last.
    dense_units : tuple of int
        One hidden dense layer each.
    n_quantiles : int
        Quantiles that are predicted of each number, side by side and in ascending order; see
        `sklstm.network.quantiles`. `n_outputs` counts all of them.
    n_networks : int
        Networks of this kind side by side, whose outputs are averaged. The weights of network k
        have names that begin with ``network_k/``; those of a single network have no such beginning.
    horizon : int or None
        Of how many time steps at the end of a sequence outputs are computed, where `pooling` is
        None; all sequences then have one length. None computes those of every time step, and a
        sequence can go on from the state that another has ended with.
    n_direct : int
        With a `horizon`, the first so many features of a time step go to the first dense layer
        directly too, beside the outputs of the last LSTM layer at that time step.
    n_static : int
        Features of a whole sequence, which go to the first dense layer only, beside the pooled
        outputs of the last LSTM layer or, with a `horizon`, beside those of each time step.

    References
    ----------
    .. [1] Y. Gal, Z. Ghahramani, "A theoretically grounded application of dropout in recurrent
       neural networks", 2016.
    .. [2] J. Howard, S. Ruder, "Universal language model fine-tuning for text classification",
       2018.
    """

    n_outputs: int
    activation: str
    n_features: int = 1
    vocabulary_size: int | None = None
    embedding_dim: int | None = None
    units: tuple[int, ...] = (64,)
    bidirectional: bool = False
    dropout: float = 0.0
    pooling: str | None = "last"
    dense_units: tuple[int, ...] = ()
    n_quantiles: int = 1
    n_networks: int = 1
    horizon: int | None = None
    n_direct: int = 0
    n_static: int = 0

    @property
    def carries_state(self) -> bool:
        """Whether every time step has outputs, and a sequence can go on from another's state."""
        return self.pooling is None and self.horizon is None

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the outputs of one sequence; None stands for its number of time steps."""
        if self.pooling is not None:
            return (self.n_outputs,)
        return (self.horizon, self.n_outputs)

    @property
    def single(self) -> NetworkSpec:
        """The spec of each of the networks."""
        return self if self.n_networks == 1 else replace(self, n_networks=1)

    @property
    def reads_tokens(self) -> bool:
        """Whether the input is token ids."""
        return self.vocabulary_size is not None

    @property
    def one_hot(self) -> bool:
        """Whether tokens are one-hot coded on their way into the first LSTM layer."""
        return self.reads_tokens and self.embedding_dim is None

    @property
    def directions(self) -> tuple[str, ...]:
        """Directions in which each LSTM layer reads."""
        return ("forward", "backward") if self.bidirectional else ("forward",)

    @property
    def n_directions(self) -> int:
        """Number of directions in which each LSTM layer reads."""
        return len(self.directions)

    @property
    def poolings(self) -> tuple[str, ...]:
        """The poolings whose results are concatenated to one vector."""
        if self.pooling == "concat":
            return ("last", "mean", "max")
        return () if self.pooling is None else (self.pooling,)

    @property
    def input_size(self) -> int:
        """Numbers per time step that enter the first layer."""
        if not self.reads_tokens:
            return self.n_features
        return self.embedding_dim or self.vocabulary_size

    @property
    def work_per_step(self) -> int:
        """Multiplications that a time step of one sequence takes; embeddings are only looked up."""
        shapes = self.weight_shapes().items()
        return sum(math.prod(shape) for name, shape in shapes if not name.endswith("embedding"))

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight, in Keras's order.

        LSTM weights hold the gates in Keras's order: input, forget, cell, output.
        """
        if self.n_networks > 1:
            shapes = self.single.weight_shapes()
            return join_weights([shapes] * self.n_networks)
        shapes: dict[str, tuple[int, ...]] = {}
        if self.embedding_dim is not None:
            shapes["embedding"] = (self.vocabulary_size, self.embedding_dim)
        size = self.input_size
        for layer, units in enumerate(self.units):
            for direction in self.directions:
                name = f"lstm_{layer}/{direction}"
                shapes[f"{name}/kernel"] = (size, 4 * units)
                shapes[f"{name}/recurrent_kernel"] = (units, 4 * units)
                shapes[f"{name}/bias"] = (4 * units,)
            size = units * self.n_directions
        size = size * (len(self.poolings) or 1) + self.n_direct + self.n_static
        for layer, units in enumerate((*self.dense_units, self.n_outputs)):
            shapes[f"dense_{layer}/kernel"] = (size, units)
            shapes[f"dense_{layer}/bias"] = (units,)
            size = units
        return shapes

    def initial_weights(self, rng: np.random.RandomState) -> Weights:
        """Draw weights as Keras's layers do by default, from `rng` alone.

        Kernels are Glorot uniform [1]_, recurrent kernels orthogonal [2]_, embeddings uniform in
        ±0.05. Biases are zero, except for those of the forget gate, which are one [3]_.

        References
        ----------
        .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward
           neural networks", 2010.
        .. [2] A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
           learning in deep linear neural networks", 2014.
        .. [3] R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of recurrent
           network architectures", 2015.
        """
        return {name: _draw(name, shape, rng) for name, shape in self.weight_shapes().items()}


def join_weights(networks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the weights, or their shapes, of several networks under the names of all."""
    if len(networks) == 1:
        return networks[0]
    return {
        f"network_{k}/{name}": value
        for k, network in enumerate(networks)
        for name, value in network.items()
    }


def split_weights(spec: NetworkSpec, weights: Weights) -> list[Weights]:
    """Return the weights of each network under the names of a single one."""
    if spec.n_networks == 1:
        return [weights]
    names = spec.single.weight_shapes()
    return [
        {name: weights[f"network_{k}/{name}"] for name in names} for k in range(spec.n_networks)
    ]


def lstm_weights(
    weights: Weights, layer: int, direction: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the kernel, the recurrent kernel and the bias of an LSTM layer in one direction."""
    kernel, recurrent_kernel, bias = (
        weights[f"lstm_{layer}/{direction}/{name}"]
        for name in ("kernel", "recurrent_kernel", "bias")
    )
    return kernel, recurrent_kernel, bias


def dense_weights(weights: Weights, layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernel and the bias of a dense layer; the last one is the output layer."""
    return weights[f"dense_{layer}/kernel"], weights[f"dense_{layer}/bias"]


def _draw(name: str, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    if name == "embedding":
        weight = rng.uniform(-0.05, 0.05, shape)
    elif name.endswith("/recurrent_kernel"):
        weight = _orthogonal(shape, rng)
    elif name.endswith("/kernel"):
        limit = np.sqrt(6 / sum(shape))
        weight = rng.uniform(-limit, limit, shape)
    else:
        weight = np.zeros(shape)
        if name.startswith("lstm"):
            units = shape[0] // 4
            weight[units : 2 * units] = 1
    return weight.astype(np.float32)


def _orthogonal(shape: tuple[int, int], rng: np.random.RandomState) -> np.ndarray:
    """Draw a wide matrix with orthonormal rows, uniformly."""
    rows, columns = shape
    q, r = np.linalg.qr(rng.standard_normal((columns, rows)))
    return (q * np.sign(np.diag(r))).T
