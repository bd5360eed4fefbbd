"""The writing of text, one token after another, with the state carried: `TokenSampler`.

One call of ONNX Runtime reads the last token of each row and draws the next one. Small networks
take some microseconds for that, so nothing is allocated or converted between two calls: the graph
reads from and writes to the same arrays every time.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from sklstm.network.onnx_graph import GraphWriter, order_gates, state_sizes
from sklstm.network.spec import NetworkSpec, Weights, dense_weights, lstm_weights

# From Keras's order (i, f, c, o) to i, f, o, c: one sigmoid then serves three of them.
SIGMOID_GATES_FIRST = [0, 1, 3, 2]
PRECISIONS = ("float32", "int8")
MIN_WEIGHTS = 2**17  # of a product of integers: with fewer, one of float32 is as fast
# Outputs of LSTM layers are between -1 and 1: one scale serves all of them, so that a row is
# rounded alike whatever stands beside it. They become integers from 1 to 127, for which weights may
# be from -127 to 127: some processors add products up in pairs, in 16 bits, and cut off the rest.
ZERO_OUTPUT, LARGEST_OUTPUT, LARGEST_WEIGHT = 64, 63, 127
MIN_TEMPERATURE = 1e-30  # its inverse times a score is finite in float32
NO_TOP_P = 2.0  # more than all probabilities together


def build_step_graph(
    spec: NetworkSpec,
    weights: Weights,
    *,
    truncates: bool,
    n_drawn: int,
    precision: str = "float32",
) -> onnx.ModelProto:
    """Write a graph that reads a token and draws the next, for any number of rows.

    Only the first `n_drawn` tokens are drawn; the probabilities of these are normalised. With the
    `precision` "int8" large matrices that outputs of LSTM layers are multiplied by are integers.

    Token k is output k of the network and its input k + 1. Token -1 is the input 0, which comes
    before the first token of a document.

    Inputs are ``tokens``, (n,) int64, the state ``output_0``, ``cell_0`` and so on, (n, units)
    each, ``inverse_temperature``, a float32, and ``uniforms``, (n, 1) float64 from [0, 1); with
    `truncates`, also ``top_k``, (1,) int64, and ``top_p``, a float64. Outputs are ``next_tokens``,
    ``scores``, (n, n_outputs), the logarithms of the probabilities up to a constant, and the new
    state, ``next_output_0`` and so on.
    """
    writer = _StepWriter if precision == "float32" else _Int8StepWriter
    return writer(spec, weights).write(truncates=truncates, n_drawn=n_drawn)


class _StepWriter(GraphWriter):
    def __init__(self, spec: NetworkSpec, weights: Weights) -> None:
        super().__init__()
        self.spec, self.weights = spec, weights

    def write(self, *, truncates: bool, n_drawn: int) -> onnx.ModelProto:
        x = ""
        table = self._table()
        for layer, units in enumerate(self.spec.units):
            x = self._lstm(x or table, layer, units)
        n_hidden = len(self.spec.dense_units)
        for layer in range(n_hidden):
            x = self.node("Relu", [self._dense(x, layer)])
        scores = self._dense(x, n_hidden, name="scores")
        self._draw(self._first(scores, n_drawn), truncates=truncates)
        inputs = [_info("tokens", TensorProto.INT64, "n"), *self._states("")]
        inputs += [_info("inverse_temperature"), _info("uniforms", TensorProto.DOUBLE, "n", 1)]
        if truncates:
            inputs += [_info("top_k", TensorProto.INT64, 1), _info("top_p", TensorProto.DOUBLE)]
        outputs = [
            _info("next_tokens", TensorProto.INT64, "n"),
            _info("scores", TensorProto.FLOAT, "n", self.spec.n_outputs),
        ]
        return self.model(inputs, outputs + self._states("next_"))

    def _table(self) -> str:
        """Look up what each token adds to the gates of the first layer: this needs no product."""
        kernel, _, bias = self._lstm_weights(0)
        vectors = self.weights.get("embedding")
        rows = (kernel if vectors is None else vectors @ kernel) + bias
        # Row k for token k, and the last one, of input 0, for token -1.
        return self.node("Gather", [self.constant(np.roll(rows, -1, axis=0)), "tokens"])

    def _gates(self, x: str, layer: int) -> str:
        output = f"output_{layer}"
        kernel, recurrent, bias = self._lstm_weights(layer)
        if layer == 0:
            return self._product(output, recurrent, x)
        both = self.node("Concat", [x, output], axis=1)
        return self._product(both, np.vstack([kernel, recurrent]), self.constant(bias))

    def _product(
        self, outputs: str, kernel: np.ndarray, added: str, *, name: str | None = None
    ) -> str:
        """Multiply outputs of an LSTM layer by a matrix, and add what is given."""
        return self._float_product(outputs, kernel, added, name=name)

    def _float_product(self, x: str, kernel: np.ndarray, added: str, *, name: str | None) -> str:
        return self.node("Gemm", [x, self.constant(kernel), added], name=name)

    def _lstm_weights(self, layer: int) -> list[np.ndarray]:
        own = lstm_weights(self.weights, layer, "forward")
        return [order_gates(weight, SIGMOID_GATES_FIRST) for weight in own]

    def _lstm(self, x: str, layer: int, units: int) -> str:
        """Return the new output, (n, units)."""
        sizes = self.constant([3 * units, units])
        gates, candidate = self.node("Split", [self._gates(x, layer), sizes], 2, axis=1)
        gates, candidate = self.node("Sigmoid", [gates]), self.node("Tanh", [candidate])
        thirds = self.constant([units] * 3)
        enter, keep, show = self.node("Split", [gates, thirds], 3, axis=1)
        kept = self.node("Mul", [keep, f"cell_{layer}"])
        entered = self.node("Mul", [enter, candidate])
        cell = self.node("Add", [kept, entered], name=f"next_cell_{layer}")
        shown = self.node("Tanh", [cell])
        return self.node("Mul", [show, shown], name=f"next_output_{layer}")

    def _dense(self, x: str, layer: int, name: str | None = None) -> str:
        kernel, bias = dense_weights(self.weights, layer)
        product = self._product if layer == 0 else self._float_product
        return product(x, kernel, self.constant(bias), name=name)

    def _first(self, scores: str, n: int) -> str:
        """Return the scores of the first n tokens, (rows, n)."""
        if n == self.spec.n_outputs:
            return scores
        return self.node("Slice", [scores, *map(self.constant, ([0], [n], [1]))])

    def _draw(self, scores: str, *, truncates: bool) -> None:
        """Draw a token for each row by inverting the cumulative probabilities, in float64."""
        if truncates:
            # Ordered, the most probable first; of equals, the first of the vocabulary.
            scores, tokens = self.node("TopK", [scores, "top_k"], 2, axis=1)
        p = self.node("Softmax", [self.node("Mul", [scores, "inverse_temperature"])])
        p = self.node("Cast", [p], to=TensorProto.DOUBLE)
        sums = self.node("CumSum", [p, self.constant(np.array(1))])
        total = self._total(sums, p) if truncates else self._last(sums)
        # The total may not be exactly one, because of rounding: the uniform number is scaled by it,
        # so that a token is found in any case.
        is_past = self.node("Greater", [sums, self.node("Mul", [total, "uniforms"])])
        place = self.node("Cast", [is_past], to=TensorProto.INT32)
        if not truncates:
            self.node("ArgMax", [place], axis=1, keepdims=0, name="next_tokens")
            return
        place = self.node("ArgMax", [place], axis=1)
        drawn = self.node("GatherElements", [tokens, place], axis=1)
        self.node("Squeeze", [drawn, self.constant([1])], name="next_tokens")

    def _total(self, sums: str, p: str) -> str:
        """Sum the probabilities of the tokens that `top_p` keeps, (n, 1)."""
        limit = self.node("Mul", [self._last(sums), "top_p"])
        is_kept = self.node("Less", [self.node("Sub", [sums, p]), limit])
        kept = self.node("Where", [is_kept, sums, self.constant(np.array(0.0))])
        return self.node("ReduceMax", [kept, self.constant([1])])

    def _last(self, sums: str) -> str:
        return self.node("Gather", [sums, self.constant([-1])], axis=1)  # (n, 1)

    def _states(self, prefix: str) -> list[onnx.ValueInfoProto]:
        return [
            _info(f"{prefix}{name}", TensorProto.FLOAT, "n", units)
            for name, units in state_sizes(self.spec).items()
        ]


class _Int8StepWriter(_StepWriter):
    """Rounds both factors of the LSTM layers' large products to integers; the sums are exact.

    ONNX Runtime's own operators that dequantise too are slower for one row (`MatMulIntegerToFloat`)
    or for many (`MatMulNBits`), or round a row by those beside it (`DynamicQuantizeMatMul`).
    """

    def _product(
        self, outputs: str, kernel: np.ndarray, added: str, *, name: str | None = None
    ) -> str:
        if kernel.size < MIN_WEIGHTS:
            return self._float_product(outputs, kernel, added, name=name)
        largest = np.maximum(np.abs(kernel).max(axis=0), np.finfo(np.float32).tiny)
        scale = largest / LARGEST_WEIGHT  # of each column
        weights = self.constant(np.round(kernel / scale).astype(np.int8))
        step = self.constant(np.array(1 / LARGEST_OUTPUT, np.float32))
        zero = self.constant(np.array(ZERO_OUTPUT, np.uint8))
        outputs = self.node("QuantizeLinear", [outputs, step, zero])
        sums = self.node("MatMulInteger", [outputs, weights, zero])
        sums = self.node("Cast", [sums], to=TensorProto.FLOAT)
        scale = self.constant((scale / LARGEST_OUTPUT).astype(np.float32))
        return self.node("Add", [self.node("Mul", [sums, scale]), added], name=name)


class TokenSampler:
    """Draws the next tokens of some rows, side by side.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of `build_step_graph`.
    spec : NetworkSpec
    tokens : int array of shape (n,)
        The last token of each row, not yet read; -1 at a document's beginning.
    state : list of ndarray of shape (n, units)
        The output and the cell of each layer, before those tokens.
    temperature : float
    top_k : int or None
    top_p : float or None
        Both None for a session whose graph does not truncate.
    n_drawn : int or None
        As of the graph; None for all tokens.

    Attributes
    ----------
    scores : ndarray of shape (n, n_outputs), float32
        Of the tokens of the last step, logarithms of probabilities up to a constant.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        spec: NetworkSpec,
        tokens: np.ndarray,
        state: list[np.ndarray],
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        n_drawn: int | None = None,
    ) -> None:
        self.tokens = tokens.astype(np.int64)
        self.state = [np.array(array, np.float32, order="C") for array in state]
        self._uniforms = np.zeros((len(tokens), 1))
        self.scores = np.zeros((len(tokens), spec.n_outputs), np.float32)
        inputs = {
            "tokens": self.tokens,
            "uniforms": self._uniforms,
            "inverse_temperature": np.array(1 / max(temperature, MIN_TEMPERATURE), np.float32),
            **dict(zip(state_sizes(spec), self.state, strict=True)),
        }
        if top_k is not None or top_p is not None:
            most = spec.n_outputs if n_drawn is None else n_drawn
            inputs["top_k"] = np.array([most if top_k is None else min(top_k, most)], np.int64)
            inputs["top_p"] = np.array(NO_TOP_P if top_p in (None, 1) else top_p)
        # In place: each array is read before what depends on it is written.
        outputs = {f"next_{name}": inputs[name] for name in ("tokens", *state_sizes(spec))}
        self._arrays = inputs  # which the binding does not keep alive
        self._session = session
        self._binding = _bind(session, inputs, outputs | {"scores": self.scores})

    def write(
        self, uniforms: np.ndarray, *, log_probabilities: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Draw a token for each uniform number.

        Parameters
        ----------
        uniforms : ndarray of shape (T, n)
            From [0, 1).
        log_probabilities : bool, default=False
            Whether to compute them: those that the network gives, at temperature 1.

        Returns
        -------
        tokens : int array of shape (T, n)
        log_probabilities : ndarray of shape (T, n), or None
        """
        tokens = np.empty(uniforms.shape, np.int64)
        logs = np.empty(uniforms.shape) if log_probabilities else None
        run, binding, drawn = self._session.run_with_iobinding, self._binding, self.tokens
        place = self._uniforms[:, 0]
        for t, numbers in enumerate(uniforms):
            place[:] = numbers
            run(binding)
            tokens[t] = drawn
            if logs is not None:
                logs[t] = self._log_probabilities()
        return tokens, logs

    def _log_probabilities(self) -> np.ndarray:
        scores = self.scores.astype(np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        totals = np.log(np.exp(scores).sum(axis=1))
        return scores[np.arange(len(scores)), self.tokens] - totals


def _bind(
    session: onnxruntime.InferenceSession,
    inputs: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
) -> onnxruntime.IOBinding:
    binding = session.io_binding()
    for bind, arrays in ((binding.bind_input, inputs), (binding.bind_output, outputs)):
        for name, array in arrays.items():
            bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
    return binding


def _info(name: str, kind: int = TensorProto.FLOAT, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
