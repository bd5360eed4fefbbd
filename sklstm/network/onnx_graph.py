"""ONNX graphs of networks: `build_graph`, and `GraphWriter`, on which other graphs build too."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sklstm.network.quantiles import order_matrices
from sklstm.network.scaling import InputScaling, TargetScaling
from sklstm.network.spec import (
    NetworkSpec,
    Weights,
    dense_weights,
    lstm_weights,
    split_weights,
)

OPSET, IR_VERSION = 18, 9
LAST = 2**31 - 1  # the end of a slice that goes on to the last time step
ONNX_GATES = [0, 3, 1, 2]  # from Keras's order (i, f, c, o) to ONNX's (i, o, f, c)


def build_graph(
    spec: NetworkSpec,
    weights: Weights,
    *,
    time_major: bool = False,
    input_scaling: InputScaling | None = None,
    target_scaling: TargetScaling | None = None,
    averages: bool = True,
) -> onnx.ModelProto:
    """Write a network as an ONNX graph.

    Inputs are ``values``, (n, T, F) float32 or (n, T) int32 ids, and ``lengths``, (n,) int32.
    A network with static features has the input ``static`` too, (n, S) float32.
    With `time_major` the values are (T, n, F) or (T, n), as ONNX's LSTM reads them.
    With `input_scaling` the graph scales its values and its static features, X in its own units,
    float64; with `target_scaling` the outputs are in the units of y, float64 too.
    Outputs of several networks are averaged; without `averages` all of them are returned, of shape
    (n, n_networks, n_outputs).
    A network that keeps every time step has, instead of ``lengths``, the state that it continues
    from: ``output_0``, ``cell_0`` and so on, (1, n, units) each, and after ``outputs`` the state
    after the last time step: ``next_output_0``, ``next_cell_0`` and so on.
    """
    writer = _NetworkWriter(spec, weights, time_major, input_scaling, target_scaling, averages)
    return writer.write()


class GraphWriter:
    """Collects the nodes of a graph, in the order in which they are computed, and its constants.

    Both are referred to by the names of their tensors.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def model(
        self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Return the graph as a model, checked by ONNX."""
        graph = helper.make_graph(self.nodes, "sklstm", inputs, outputs, self.constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(
            graph, producer_name="sklstm", opset_imports=[opset], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model)
        return model

    def node(
        self,
        op: str,
        inputs: list[str],
        n_outputs: int = 1,
        *,
        name: str | None = None,
        **attributes: object,
    ) -> str:
        """Add a node; return the names of its outputs, made up where `name` is None."""
        names = [name or f"{op}_{len(self.nodes)}_{i}" for i in range(n_outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names[0] if n_outputs == 1 else names

    def constant(self, value: np.ndarray | list[int]) -> str:
        """Add a constant; return its name. Lists become arrays of int64."""
        name = f"constant_{len(self.constants)}"
        array = np.asarray(value, np.int64) if isinstance(value, list) else value
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def scalar(self, value: int) -> str:
        """Add a constant integer; return its name."""
        return self.constant(np.array(value, np.int64))

    def size(self, x: str, axis: int) -> str:
        """Return the size of a tensor along an axis."""
        return self.node("Gather", [self.node("Shape", [x]), self.scalar(axis)])

    def range_over(self, x: str, axis: int) -> str:
        """Return the integers from 0 up to the size of a tensor along an axis."""
        return self.node("Range", [self.scalar(0), self.size(x, axis), self.scalar(1)])


class _NetworkWriter(GraphWriter):
    """Writes a network: each method takes and returns the names of tensors."""

    def __init__(
        self,
        spec: NetworkSpec,
        weights: Weights,
        time_major: bool,
        input_scaling: InputScaling | None,
        target_scaling: TargetScaling | None,
        averages: bool,
    ) -> None:
        super().__init__()
        self.spec, self.weights = spec, weights
        self.carries_state = spec.carries_state
        self.time_major = time_major
        self.input_scaling, self.target_scaling = input_scaling, target_scaling
        self.averages = averages

    def write(self) -> onnx.ModelProto:
        values, self.static = self._values(), self._static()
        outputs = []
        for weights in split_weights(self.spec, self.weights):
            self.weights = weights
            outputs.append(self._network(values))
        x = self._joined(outputs)
        if self.target_scaling is not None:
            x = self._in_units_of_y(x, *self.target_scaling)
        self.node("Identity", [x], name="outputs")
        return self.model(self._inputs(), self._outputs())

    def _joined(self, outputs: list[str]) -> str:
        """Return the mean of the outputs of all networks, or all of them side by side."""
        if not self.averages:
            axis = self.constant([1])
            columns = [self.node("Unsqueeze", [x, axis]) for x in outputs]
            return self.node("Concat", columns, axis=1)
        return outputs[0] if len(outputs) == 1 else self.node("Mean", outputs)

    def _network(self, values: str) -> str:
        """Return the outputs of one network, for values of shape (T, n, F) or (T, n)."""
        x = self._embedded(values)
        for layer in range(len(self.spec.units)):
            x, final = self._lstm(x, layer)
        if self.spec.horizon is not None:
            x = self._last_steps(x, values)
        if self.spec.pooling is not None:
            pooled = [
                final if pooling == "last" and self.spec.units else self._pool(x, pooling)
                for pooling in self.spec.poolings
            ]
            x = self.node("Concat", pooled, axis=1) if len(pooled) > 1 else pooled[0]
        if self.static is not None:
            x = self._beside_static(x)
        n_hidden = len(self.spec.dense_units)
        for layer in range(n_hidden):
            x = self.node("Relu", [self._dense(x, layer)])
        x = self._activate(self._dense(x, n_hidden))
        if self.spec.n_quantiles > 1:
            x = self._in_order(x)
        if self.spec.pooling is None:
            x = self.node("Transpose", [x], perm=[1, 0, 2])  # (n, T, n_outputs)
        return x

    def _last_steps(self, x: str, values: str) -> str:
        """Return the last time steps of x, beside the values that go to the dense layers."""
        starts, ends = self.constant([-self.spec.horizon]), self.constant([LAST])
        x = self.node("Slice", [x, starts, ends, self.constant([0])])
        if not self.spec.n_direct:
            return x
        starts, ends = [-self.spec.horizon, 0], [LAST, self.spec.n_direct]
        bounds = map(self.constant, (starts, ends, [0, 2]))
        return self.node("Concat", [x, self.node("Slice", [values, *bounds])], axis=2)

    def _beside_static(self, x: str) -> str:
        """Put the static features of each sequence beside its outputs, at every time step."""
        static = self.static
        if self.spec.horizon is not None:
            static = self.node("Expand", [static, self.constant([self.spec.horizon, 1, 1])])
        return self.node("Concat", [x, static], axis=-1)

    def _values(self) -> str:
        """Return the values as all networks read them, (T, n, F) scaled or (T, n) ids."""
        x = "values"
        if not self.time_major:
            x = self.node("Transpose", [x], perm=[1, 0] if self.spec.reads_tokens else [1, 0, 2])
        if self.spec.reads_tokens or self.input_scaling is None:
            return x
        return self._scaled(x, self.input_scaling)

    def _static(self) -> str | None:
        """Return the static features as all networks read them, (n, S) scaled."""
        if not self.spec.n_static:
            return None
        scaling = self.input_scaling
        if scaling is None:
            return "static"
        return self._standardized("static", scaling.static_mean, scaling.static_scale)

    def _embedded(self, x: str) -> str:
        """Return what the first layer reads, (T, n, size)."""
        if not self.spec.reads_tokens:
            return x
        if self.spec.embedding_dim is not None:
            return self.node("Gather", [self.constant(self.weights["embedding"]), x])
        depth = self.constant([self.spec.vocabulary_size])
        off_on = self.constant(np.array([0, 1], np.float32))
        ids = self.node("Cast", [x], to=TensorProto.INT64)  # OneHot takes no int32
        return self.node("OneHot", [ids, depth, off_on])

    def _scaled(self, x: str, scaling: InputScaling) -> str:
        """Append deltas to unscaled features, float64, and standardize all to float32."""
        if scaling.deltas_of:
            x = self._with_deltas(x, scaling.deltas_of)
        return self._standardized(x, scaling.mean, scaling.scale)

    def _standardized(self, x: str, mean: np.ndarray, scale: np.ndarray) -> str:
        x = self.node("Sub", [x, self.constant(mean)])
        x = self.node("Div", [x, self.constant(scale)])
        return self.node("Cast", [x], to=TensorProto.FLOAT)

    def _in_units_of_y(self, x: str, scale: np.ndarray, mean: np.ndarray) -> str:
        x = self.node("Cast", [x], to=TensorProto.DOUBLE)
        x = self.node("Mul", [x, self.constant(scale)])
        return self.node("Add", [x, self.constant(mean)])

    def _with_deltas(self, x: str, features: tuple[int, ...]) -> str:
        first, last = self.constant([0]), self.constant([-1])
        columns = [x]
        differences = self.node("Gather", [x, self.constant(list(features))], axis=2)
        for _ in range(2):
            begin = self.node("Slice", [differences, first, self.constant([1]), first])
            before = self.node("Slice", [differences, first, last, first])
            before = self.node("Concat", [begin, before], axis=0)
            differences = self.node("Sub", [differences, before])
            columns.append(differences)
        return self.node("Concat", columns, axis=2)

    def _lstm(self, x: str, layer: int) -> tuple[str, str]:
        """Return the outputs of all time steps, (T, n, size), and the last ones, (n, size)."""
        size = self.spec.units[layer] * self.spec.n_directions
        each = [self._lstm_weights(layer, direction) for direction in self.spec.directions]
        w, r, b = (self.constant(np.stack(arrays)) for arrays in zip(*each, strict=True))
        state = [f"output_{layer}", f"cell_{layer}"] if self.carries_state else []
        inputs = [x, w, r, b, "" if self.carries_state else "lengths", *state]
        direction = "bidirectional" if self.spec.bidirectional else "forward"
        y, h, c = self.node(
            "LSTM", inputs, 3, hidden_size=self.spec.units[layer], direction=direction
        )
        if self.carries_state:
            for tensor, name in ((h, f"next_output_{layer}"), (c, f"next_cell_{layer}")):
                self.node("Identity", [tensor], name=name)
        shape = self.constant([0, 0, size])
        y = self.node("Reshape", [self.node("Transpose", [y], perm=[0, 2, 1, 3]), shape])
        shape = self.constant([0, size])
        h = self.node("Reshape", [self.node("Transpose", [h], perm=[1, 0, 2]), shape])
        return y, h

    def _lstm_weights(
        self, layer: int, direction: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the weights of one direction as ONNX's LSTM reads them."""
        own = lstm_weights(self.weights, layer, direction)
        kernel, recurrent, bias = (order_gates(weight, ONNX_GATES) for weight in own)
        return kernel.T, recurrent.T, np.concatenate([bias, np.zeros_like(bias)])

    def _pool(self, x: str, pooling: str) -> str:
        """Pool (T, n, size) over the time steps of each sequence, without padding, to (n, size)."""
        steps = self.node("Unsqueeze", [self.range_over(x, 0), self.constant([1])])  # (T, 1)
        lengths = self.node("Cast", ["lengths"], to=TensorProto.INT64)
        present = self.node("Less", [steps, lengths])  # (T, n)
        present = self.node("Unsqueeze", [present, self.constant([2])])
        if pooling == "max":
            lowest = self.constant(np.array(-np.inf, np.float32))
            x = self.node("Where", [present, x, lowest])
            return self.node("ReduceMax", [x, self.constant([0])], keepdims=0)
        if pooling == "last":
            last = self.node("Equal", [steps, self.node("Sub", [lengths, self.scalar(1)])])
            present = self.node("Unsqueeze", [last, self.constant([2])])
        x = self.node("Where", [present, x, self.constant(np.array(0, np.float32))])
        total = self.node("ReduceSum", [x, self.constant([0])], keepdims=0)
        if pooling == "last":
            return total
        counts = self.node("Unsqueeze", [lengths, self.constant([1])])
        return self.node("Div", [total, self.node("Cast", [counts], to=TensorProto.FLOAT)])

    def _dense(self, x: str, layer: int) -> str:
        kernel, bias = dense_weights(self.weights, layer)
        return self.node(
            "Add", [self.node("MatMul", [x, self.constant(kernel)]), self.constant(bias)]
        )

    def _activate(self, x: str) -> str:
        op = {"softmax": "Softmax", "sigmoid": "Sigmoid", "exponential": "Exp"}
        return self.node(op[self.spec.activation], [x]) if self.spec.activation in op else x

    def _in_order(self, x: str) -> str:
        """Make quantiles of the outputs that never cross."""
        matrices = order_matrices(self.spec.n_outputs, self.spec.n_quantiles)
        of_middle, of_steps = map(self.constant, matrices)
        steps = self.node("MatMul", [self.node("Softplus", [x]), of_steps])
        return self.node("Add", [self.node("MatMul", [x, of_middle]), steps])

    def _inputs(self) -> list[onnx.ValueInfoProto]:
        shape = ["T", "n"] if self.time_major else ["n", "T"]
        if self.spec.reads_tokens:
            values = helper.make_tensor_value_info("values", TensorProto.INT32, shape)
        else:
            scaling = self.input_scaling
            kind = TensorProto.FLOAT if scaling is None else TensorProto.DOUBLE
            shape = [*shape, self.spec.n_features if scaling is None else scaling.n_features]
            values = helper.make_tensor_value_info("values", kind, shape)
        if self.carries_state:
            return [values, *self._state_infos("")]
        lengths = helper.make_tensor_value_info("lengths", TensorProto.INT32, ["n"])
        if not self.spec.n_static:
            return [values, lengths]
        kind = TensorProto.FLOAT if self.input_scaling is None else TensorProto.DOUBLE
        shape = ["n", self.spec.n_static]
        return [values, lengths, helper.make_tensor_value_info("static", kind, shape)]

    def _outputs(self) -> list[onnx.ValueInfoProto]:
        of_each = [] if self.averages else [self.spec.n_networks]
        of_sequence = ["T" if size is None else size for size in self.spec.output_shape]
        shape = ["n", *of_each, *of_sequence]
        kind = TensorProto.FLOAT if self.target_scaling is None else TensorProto.DOUBLE
        outputs = [helper.make_tensor_value_info("outputs", kind, shape)]
        return outputs + (self._state_infos("next_") if self.carries_state else [])

    def _state_infos(self, prefix: str) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(f"{prefix}{name}", TensorProto.FLOAT, [1, "n", units])
            for name, units in state_sizes(self.spec).items()
        ]


def state_sizes(spec: NetworkSpec) -> dict[str, int]:
    """Return the names of the tensors that carry the state, and the units of each."""
    return {
        f"{name}_{layer}": units
        for layer, units in enumerate(spec.units)
        for name in ("output", "cell")
    }


def order_gates(weight: np.ndarray, gates: list[int]) -> np.ndarray:
    """Reorder the gates on the last axis of a weight, which are in Keras's order."""
    columns = np.split(weight, 4, axis=-1)  # of each gate
    return np.concatenate([columns[gate] for gate in gates], axis=-1)
