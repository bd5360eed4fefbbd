"""Prediction without TensorFlow: a spec and its weights as an ONNX graph in ONNX Runtime."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np
import onnx
import onnxruntime
from joblib import cpu_count
from onnx import TensorProto, helper, numpy_helper

from sklstm._sequences import Sequences
from sklstm.network.spec import NetworkSpec

OPSET, IR_VERSION = 17, 9
ONNX_GATES = [0, 3, 1, 2]  # from Keras's order (i, f, c, o) to ONNX's (i, o, f, c)
BYTES_PER_BATCH = 6 * 2**20  # of gates over time, which then stay in the cache
MIN_ROWS_PER_BATCH = 8
# Below this many multiplications a batch is faster on one thread than spread over the cores.
MIN_WORK_FOR_THREADS = 2**25

State = list[np.ndarray]


class Runtime:
    """A fitted network that predicts.

    Parameters
    ----------
    spec : NetworkSpec
    weights : list of ndarray
        As ``spec.weight_shapes()`` lists them.

    Notes
    -----
    ONNX sessions, one for small and one for large batches, are made when first needed, and anew
    after a fork or an unpickling: they own threads. Predictions may come from several threads at
    once.
    """

    def __init__(self, spec: NetworkSpec, weights: list[np.ndarray]) -> None:
        self.spec = spec
        self.weights = weights
        self._forget_sessions()

    def __getstate__(self) -> dict:
        return {"spec": self.spec, "weights": self.weights}

    def __setstate__(self, state: dict) -> None:
        self.__init__(**state)

    def predict(
        self, sequences: Sequences, on_progress: Callable[[int], object] | None = None
    ) -> np.ndarray:
        """Compute the outputs of every sequence, in batches of similar length.

        Parameters
        ----------
        sequences : Sequences
        on_progress : callable, default=None
            Called after each batch with its number of sequences.

        Returns
        -------
        ndarray of shape (n, n_outputs), float32
        """
        order = np.argsort(sequences.lengths, kind="stable") if sequences.varies else slice(None)
        sequences = sequences[order]
        outputs = np.empty((len(sequences), self.spec.n_outputs), np.float32)
        rows = self._rows_per_batch(sequences.n_steps)
        for first in range(0, len(sequences), rows):
            batch = sequences[first : first + rows]
            outputs[first : first + rows] = self._run(batch)
            if on_progress is not None:
                on_progress(len(batch))
        result = np.empty_like(outputs)
        result[order] = outputs
        return result

    def initial_state(self, n: int = 1) -> State:
        """Return the zero state of `n` sequences: the output and the cell of each layer."""
        return [np.zeros((1, n, units), np.float32) for units in self.spec.units for _ in range(2)]

    def read(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Read some time steps, of a network that keeps every time step, from a state on.

        Parameters
        ----------
        ids : int array of shape (n, T)
            Token ids.
        state : list of ndarray
            From `initial_state` or the call before.

        Returns
        -------
        outputs : ndarray of shape (n, T, n_outputs)
        state : list of ndarray
        """
        feeds = dict(zip(self._state_names, state, strict=True))
        outputs, *state = self._session_for(ids.size).run(None, {"values": ids, **feeds})
        return outputs, state

    def to_onnx(self) -> onnx.ModelProto:
        """Return the graph: inputs ``values`` and ``lengths`` (or states), output ``outputs``."""
        return build_graph(self.spec, self.weights)

    @cached_property
    def _state_names(self) -> list[str]:
        return [f"{name}_{i}" for i in range(len(self.spec.units)) for name in ("output", "cell")]

    def _run(self, batch: Sequences) -> np.ndarray:
        longest = int(batch.lengths.max())
        feeds = {
            "values": np.ascontiguousarray(batch.values[:, :longest]),
            "lengths": batch.lengths.astype(np.int32),
        }
        return self._session_for(len(batch) * longest).run(None, feeds)[0]

    def _rows_per_batch(self, n_steps: int) -> int:
        gates = 4 * self.spec.n_directions * max(self.spec.units, default=1)
        return max(MIN_ROWS_PER_BATCH, BYTES_PER_BATCH // (4 * gates * n_steps))

    @cached_property
    def _work_per_step(self) -> int:
        """Multiplications that a time step takes."""
        shapes = self.spec.weight_shapes().items()
        return sum(int(np.prod(shape)) for name, shape in shapes if name != "embedding")

    def _session_for(self, n_steps: int) -> onnxruntime.InferenceSession:
        """Return a session for a batch of this many time steps, all rows together."""
        if self._process != os.getpid():
            self._forget_sessions()
        is_large = n_steps * self._work_per_step >= MIN_WORK_FOR_THREADS
        n_threads = available_cores() if is_large else 1
        if n_threads not in self._sessions:
            with self._lock:
                if n_threads not in self._sessions:
                    self._sessions[n_threads] = _make_session(self.to_onnx(), n_threads)
        return self._sessions[n_threads]

    def _forget_sessions(self) -> None:
        self._sessions: dict[int, onnxruntime.InferenceSession] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()


def available_cores() -> int:
    """Return the cores that are ours: in a joblib worker, its share of them."""
    share = os.environ.get("OMP_NUM_THREADS", "")
    return int(share) if share.isdigit() and int(share) > 0 else cpu_count()


def _make_session(model: onnx.ModelProto, n_threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def build_graph(spec: NetworkSpec, weights: list[np.ndarray]) -> onnx.ModelProto:
    """Write a network as an ONNX graph.

    Inputs are ``values``, (n, T, F) float32 or (n, T) int32 ids, and ``lengths``, (n,) int32.
    A network that keeps every time step has, instead of ``lengths``, the state that it continues
    from: ``output_0``, ``cell_0`` and so on, (1, n, units) each, and after ``outputs`` the state
    after the last time step: ``next_output_0``, ``next_cell_0`` and so on.
    """
    return _GraphWriter(spec, weights).write()


class _GraphWriter:
    """Writes the nodes in order; each method takes and returns the names of tensors."""

    def __init__(self, spec: NetworkSpec, weights: list[np.ndarray]) -> None:
        self.spec = spec
        self.weights = iter(weights)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.carries_state = spec.pooling is None

    def write(self) -> onnx.ModelProto:
        x = self._time_major_input()
        for layer in range(len(self.spec.units)):
            x, final = self._lstm(x, layer)
        if self.spec.pooling is not None:
            x = final if self.spec.pooling == "last" and self.spec.units else self._pool(x)
        for _ in self.spec.dense_units:
            x = self.node("Relu", [self._dense(x)])
        x = self._activate(self._dense(x))
        if self.carries_state:
            x = self.node("Transpose", [x], perm=[1, 0, 2])  # (n, T, n_outputs)
        self.nodes.append(helper.make_node("Identity", [x], ["outputs"]))
        graph = helper.make_graph(
            self.nodes, "sklstm", self._inputs(), self._outputs(), self.constants
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(
            graph, producer_name="sklstm", opset_imports=[opset], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model)
        return model

    def node(self, op: str, inputs: list[str], n_outputs: int = 1, **attributes: object) -> str:
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(n_outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names[0] if n_outputs == 1 else names

    def constant(self, value: np.ndarray | list[int]) -> str:
        name = f"constant_{len(self.constants)}"
        array = np.asarray(value, np.int64) if isinstance(value, list) else value
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _time_major_input(self) -> str:
        x = "values"
        if self.spec.reads_tokens:
            ids = self.node("Transpose", [x], perm=[1, 0])
            if self.spec.embedding_dim is not None:
                return self.node("Gather", [self.constant(next(self.weights)), ids])
            depth = self.constant([self.spec.vocabulary_size])
            off_on = self.constant(np.array([0, 1], np.float32))
            ids = self.node("Cast", [ids], to=TensorProto.INT64)  # all that OneHot takes
            return self.node("OneHot", [ids, depth, off_on])
        return self.node("Transpose", [x], perm=[1, 0, 2])  # (T, n, F)

    def _lstm(self, x: str, layer: int) -> tuple[str, str]:
        """Return the outputs over time, (T, n, size), and the last ones, (n, size)."""
        units, directions = self.spec.units[layer], self.spec.n_directions
        kernels = [self._directional_weights() for _ in range(directions)]
        w, r, b = (self.constant(np.stack(parts)) for parts in zip(*kernels, strict=True))
        state = [f"output_{layer}", f"cell_{layer}"] if self.carries_state else []
        inputs = [x, w, r, b, "" if self.carries_state else "lengths", *state]
        direction = "bidirectional" if self.spec.bidirectional else "forward"
        y, h, c = self.node("LSTM", inputs, 3, hidden_size=units, direction=direction)
        if self.carries_state:
            for tensor, name in ((h, f"next_output_{layer}"), (c, f"next_cell_{layer}")):
                self.nodes.append(helper.make_node("Identity", [tensor], [name]))
        shape = self.constant([0, 0, units * directions])
        y = self.node("Reshape", [self.node("Transpose", [y], perm=[0, 2, 1, 3]), shape])
        shape = self.constant([0, units * directions])
        h = self.node("Reshape", [self.node("Transpose", [h], perm=[1, 0, 2]), shape])
        return y, h

    def _directional_weights(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        kernel, recurrent, bias = (_to_onnx_gates(next(self.weights)) for _ in range(3))
        return kernel.T, recurrent.T, np.concatenate([bias, np.zeros_like(bias)])

    def _pool(self, x: str) -> str:
        """Pool (T, n, size) over the time steps that each sequence has, to (n, size)."""
        n_steps = self.node("Gather", [self.node("Shape", [x]), self._scalar(0)])
        steps = self.node("Range", [self._scalar(0), n_steps, self._scalar(1)])
        steps = self.node("Unsqueeze", [steps, self.constant([1])])  # (T, 1)
        lengths = self.node("Cast", ["lengths"], to=TensorProto.INT64)
        present = self.node("Less", [steps, lengths])  # (T, n)
        present = self.node("Unsqueeze", [present, self.constant([2])])
        if self.spec.pooling == "max":
            lowest = self.constant(np.array(-np.inf, np.float32))
            x = self.node("Where", [present, x, lowest])
            return self.node("ReduceMax", [x], axes=[0], keepdims=0)
        if self.spec.pooling == "last":
            last = self.node("Equal", [steps, self.node("Sub", [lengths, self._scalar(1)])])
            present = self.node("Unsqueeze", [last, self.constant([2])])
        x = self.node("Where", [present, x, self.constant(np.array(0, np.float32))])
        total = self.node("ReduceSum", [x, self.constant([0])], keepdims=0)
        if self.spec.pooling == "last":
            return total
        counts = self.node("Unsqueeze", [lengths, self.constant([1])])
        return self.node("Div", [total, self.node("Cast", [counts], to=TensorProto.FLOAT)])

    def _scalar(self, value: int) -> str:
        return self.constant(np.array(value, np.int64))

    def _dense(self, x: str) -> str:
        kernel, bias = next(self.weights), next(self.weights)
        return self.node(
            "Add", [self.node("MatMul", [x, self.constant(kernel)]), self.constant(bias)]
        )

    def _activate(self, x: str) -> str:
        op = {"softmax": "Softmax", "sigmoid": "Sigmoid", "exponential": "Exp"}
        return self.node(op[self.spec.activation], [x]) if self.spec.activation in op else x

    def _inputs(self) -> list[onnx.ValueInfoProto]:
        if self.spec.reads_tokens:
            values = helper.make_tensor_value_info("values", TensorProto.INT32, ["n", "T"])
        else:
            shape = ["n", "T", self.spec.n_features]
            values = helper.make_tensor_value_info("values", TensorProto.FLOAT, shape)
        if not self.carries_state:
            return [values, helper.make_tensor_value_info("lengths", TensorProto.INT32, ["n"])]
        return [values, *self._state_infos("")]

    def _outputs(self) -> list[onnx.ValueInfoProto]:
        shape = ["n", "T"] if self.carries_state else ["n"]
        shape = [*shape, self.spec.n_outputs]
        outputs = [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, shape)]
        return outputs + (self._state_infos("next_") if self.carries_state else [])

    def _state_infos(self, prefix: str) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(
                f"{prefix}{name}_{layer}", TensorProto.FLOAT, [1, "n", units]
            )
            for layer, units in enumerate(self.spec.units)
            for name in ("output", "cell")
        ]


def _to_onnx_gates(weight: np.ndarray) -> np.ndarray:
    parts = np.split(weight, 4, axis=-1)
    return np.concatenate([parts[gate] for gate in ONNX_GATES], axis=-1)
