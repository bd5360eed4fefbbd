"""ONNX graphs that read an array as `predict` reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, compose, helper

from sklstm._sequences import InputForm
from sklstm.network.onnx_graph import GraphWriter


class GraphNode(NamedTuple):
    """A node of a graph, by the names of its tensors."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, object]


def graph_with_reading(network: onnx.ModelProto, form: InputForm) -> onnx.ModelProto:
    """Put the reading of X before a network that takes values, lengths and static features.

    The input of the graph is ``X``: float64 of shape (n, n_columns) for a table, (n, T, n_columns)
    for sequences, or int32 ids of shape (n, T). Time steps that are absent at either end of a
    sequence are NaN, or ids of 0. X is not checked.
    """
    reading = _ReadingWriter(form).write()
    tensors = ["values", "lengths", *(["static"] if form.static else [])]
    return compose.merge_models(
        reading,
        network,
        io_map=[(name, name) for name in tensors],
        prefix1="reading_",
        prefix2="network_",
    )


def graph_of_windows(window: int, n_features: int) -> onnx.ModelProto:
    """Give each row of ``X``, (n, F) float64, the window of rows that ends with it, as ``windows``.

    The past that the first windows lack is NaN.
    """
    writer = GraphWriter()
    before = writer.constant(np.full((window - 1, n_features), np.nan))
    rows = writer.node("Concat", [before, "X"], axis=0)
    first = writer.node("Unsqueeze", [writer.range_over("X", 0), writer.constant([1])])
    of_window = writer.constant(list(range(window)))
    places = writer.node("Add", [first, of_window])
    writer.node("Gather", [rows, places], name="windows")
    inputs = [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["n", n_features])]
    shape = ["n", window, n_features]
    outputs = [helper.make_tensor_value_info("windows", TensorProto.DOUBLE, shape)]
    return writer.model(inputs, outputs)


def nodes_of(model: onnx.ModelProto) -> Iterator[GraphNode]:
    """Yield the nodes of a graph, in the order in which they are computed."""
    for node in model.graph.node:
        attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        yield GraphNode(node.op_type, list(node.input), list(node.output), attributes)


class _ReadingWriter(GraphWriter):
    """Writes the reading of X: each method takes and returns the names of tensors."""

    def __init__(self, form: InputForm) -> None:
        super().__init__()
        self.form = form
        self.is_tokens, self.is_table = form.kind == "tokens", form.kind == "table"

    def write(self) -> onnx.ModelProto:
        own, static = self._split()
        if self.is_table:
            own = self.node("Reshape", [own, self.constant([0, -1, self.form.n_features])])
        first, lengths = self._spans(own)
        values = self._shifted(own, first)
        self.node("Identity", [values], name="values")
        self.node("Cast", [lengths], name="lengths", to=TensorProto.INT32)
        if static is not None:
            if not self.is_table:  # each time step repeats them
                static = self.node("GatherND", [static, first], batch_dims=1)
            self.node("Identity", [static], name="static")
        return self.model([self._input()], self._outputs())

    def _split(self) -> tuple[str, str | None]:
        """Return the features of time steps, and the static ones."""
        if not self.form.static:
            return "X", None
        static = list(self.form.static)
        own = np.delete(np.arange(self.form.n_columns), static)
        return tuple(
            self.node("Gather", ["X", self.constant(list(map(int, columns)))], axis=-1)
            for columns in (own, static)
        )

    def _spans(self, x: str) -> tuple[str, str]:
        """Return the first present time step of each sequence, (n, 1), and its length, (n,)."""
        present = self.node("Cast", [self._present(x)], to=TensorProto.INT64)  # (n, T)
        first = self.node("ArgMax", [present], axis=1, keepdims=1)
        steps = self.node("Add", [self.range_over(x, 1), self.scalar(1)])
        ends = self.node("Mul", [present, steps])
        last = self.node("ReduceMax", [ends, self.constant([1])], keepdims=1)
        lengths = self.node("Squeeze", [self.node("Sub", [last, first]), self.constant([1])])
        return first, lengths

    def _present(self, x: str) -> str:
        if self.is_tokens:
            return self.node("Not", [self.node("Equal", [x, self._zero()])])
        missing = self.node("Cast", [self.node("IsNaN", [x])], to=TensorProto.FLOAT)
        absent = self.node("ReduceMin", [missing, self.constant([2])], keepdims=0)
        return self.node("Less", [absent, self.constant(np.array(0.5, np.float32))])

    def _shifted(self, x: str, first: str) -> str:
        """Let each sequence begin with its first present time step; the padding becomes zeros."""
        places = self.node("Add", [self.range_over(x, 1), first])
        places = self.node("Mod", [places, self.size(x, 1)])  # (n, T)
        places = self.node("Unsqueeze", [places, self.constant([2])])
        x = self.node("GatherND", [x, places], batch_dims=1)
        if self.is_tokens:
            return x
        return self.node("Where", [self.node("IsNaN", [x]), self._zero(), x])

    def _zero(self) -> str:
        return self.constant(np.array(0, np.int32 if self.is_tokens else np.float64))

    def _input(self) -> onnx.ValueInfoProto:
        if self.is_tokens:
            return helper.make_tensor_value_info("X", TensorProto.INT32, ["n", "T"])
        shape = ["n", self.form.n_columns] if self.is_table else ["n", "T", self.form.n_columns]
        return helper.make_tensor_value_info("X", TensorProto.DOUBLE, shape)

    def _outputs(self) -> list[onnx.ValueInfoProto]:
        if self.is_tokens:
            values = helper.make_tensor_value_info("values", TensorProto.INT32, ["n", "T"])
        else:
            shape = ["n", "T", self.form.n_features]
            values = helper.make_tensor_value_info("values", TensorProto.DOUBLE, shape)
        lengths = helper.make_tensor_value_info("lengths", TensorProto.INT32, ["n"])
        if not self.form.static:
            return [values, lengths]
        shape = ["n", len(self.form.static)]
        return [values, lengths, helper.make_tensor_value_info("static", TensorProto.DOUBLE, shape)]
