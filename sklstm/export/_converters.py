"""Converters for `skl2onnx`: a shape function and a conversion function for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import skl2onnx
from skl2onnx.common._apply_operation import apply_cast, apply_identity, apply_reshape
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope
from skl2onnx.common.data_types import FloatTensorType, guess_proto_type, guess_tensor_type
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.common.utils import check_input_and_output_numbers
from skl2onnx.common.utils_classifier import get_label_classes
from skl2onnx.proto import onnx_proto

from sklstm._classifier import LSTMClassifier
from sklstm._regressor import LSTMRegressor
from sklstm._targets import MultilabelTargets
from sklstm.network.onnx_graph import OPSET
from sklstm.network.onnx_reading import graph_of_windows, graph_with_reading, nodes_of
from sklstm.preprocessing import SlidingWindow, TimeDistributed

if TYPE_CHECKING:
    import onnx

FLOAT, INT64 = onnx_proto.TensorProto.FLOAT, onnx_proto.TensorProto.INT64
STRING = onnx_proto.TensorProto.STRING


def register() -> None:
    """Register the converters of all classes that have one."""
    skl2onnx.update_registered_converter(
        LSTMClassifier,
        "SklstmLSTMClassifier",
        shape_of_labels,
        convert_classifier,
        options={
            "zipmap": [True, False, "columns"],
            "output_class_labels": [False, True],
            "nocl": [True, False],
        },
    )
    for kind, shape_of_output, convert in (
        (LSTMRegressor, shape_of_numbers, convert_regressor),
        (SlidingWindow, shape_of_windows, convert_windows),
        (TimeDistributed, shape_of_time_steps, convert_time_distributed),
    ):
        skl2onnx.update_registered_converter(
            kind, f"Sklstm{kind.__name__}", shape_of_output, convert
        )


def shape_of_labels(operator: Operator) -> None:
    """Set the types and the shapes of labels and probabilities."""
    calculate_linear_classifier_output_shapes(operator)
    labels, probabilities = operator.outputs
    if _has_several_labels(operator.raw_operator):
        labels.type.shape = probabilities.type.shape
    probabilities.type = FloatTensorType(probabilities.type.shape)  # ZipMap takes no other


def convert_classifier(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """Add the network; its outputs are the probabilities, and the labels follow from them."""
    estimator, (labels, probabilities) = operator.raw_operator, operator.outputs
    outputs = _add_network(scope, operator, container)
    apply_identity(scope, outputs, probabilities.full_name, container)
    chosen = scope.get_unique_variable_name("chosen")
    if _has_several_labels(estimator):
        half = scope.get_unique_variable_name("half")
        container.add_initializer(half, FLOAT, [], [0.5])
        container.add_node("Greater", [outputs, half], chosen, op_version=OPSET)
        apply_cast(scope, chosen, labels.full_name, container, to=INT64)
        return
    container.add_node("ArgMax", outputs, chosen, axis=1, keepdims=0, op_version=OPSET)
    known = scope.get_unique_variable_name("classes")
    kind, values = _labels_in_onnx(get_label_classes(scope, estimator))
    container.add_initializer(known, kind, [len(values)], values)
    container.add_node("Gather", [known, chosen], labels.full_name, op_version=OPSET)


def shape_of_numbers(operator: Operator) -> None:
    """Set the type and the shape of a regressor's output."""
    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=1)
    shape = [operator.inputs[0].get_first_dimension(), *_shape_of_target(operator.raw_operator)]
    operator.outputs[0].type = guess_tensor_type(operator.inputs[0].type).__class__(shape)


def convert_regressor(scope: Scope, operator: Operator, container: ModelComponentContainer) -> None:
    """Add the network; its outputs are in the units of y."""
    outputs = _add_network(scope, operator, container)
    shaped = scope.get_unique_variable_name("shaped")
    shape = (-1, *_shape_of_target(operator.raw_operator))
    apply_reshape(scope, outputs, shaped, container, desired_shape=shape)
    variable = operator.outputs[0]
    kind = guess_proto_type(variable.type)
    apply_cast(scope, shaped, variable.full_name, container, to=kind)


def shape_of_windows(operator: Operator) -> None:
    """Set the type and the shape of a window for each row."""
    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=1)
    windows = operator.raw_operator
    if windows.by is not None:
        raise NotImplementedError(
            f"SlidingWindow(by={windows.by!r}) has no ONNX graph: it reads which series a row "
            "belongs to. Convert a Pipeline with by=None, and predict each series alone."
        )
    (given,), (made,) = operator.inputs, operator.outputs
    rows = given.get_first_dimension()
    made.type = given.type.__class__([rows, windows.window, windows.n_features_in_])


def convert_windows(scope: Scope, operator: Operator, container: ModelComponentContainer) -> None:
    """Add the gathering of rows into windows."""
    windows, (made,) = operator.raw_operator, operator.outputs
    graph = graph_of_windows(windows.window, windows.n_features_in_)
    gathered = _add_graph(scope, operator, container, graph)
    apply_cast(scope, gathered, made.full_name, container, to=guess_proto_type(made.type))


def shape_of_time_steps(operator: Operator) -> None:
    """Set the type and the shape of transformed sequences."""
    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=1)
    (given,), (made,) = operator.inputs, operator.outputs
    n, n_steps = given.type.shape[:2]
    made.type = given.type.__class__([n, n_steps, None])


def convert_time_distributed(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """Convert the transformer, which reads all time steps as rows of one table."""
    transformer = operator.raw_operator.transformer_
    n_features = operator.raw_operator.n_features_in_
    (given,), (made,) = operator.inputs, operator.outputs
    tensor = given.type.__class__
    rows = scope.declare_local_variable("steps", tensor([None, n_features]))
    shape = (-1, n_features)
    apply_reshape(scope, given.full_name, rows.full_name, container, desired_shape=shape)
    inner = scope.declare_local_operator(skl2onnx.get_model_alias(type(transformer)), transformer)
    inner.inputs.append(rows)
    transformed = scope.declare_local_variable("transformed", tensor())
    inner.outputs.append(transformed)
    n_and_steps, every = (scope.get_unique_variable_name(name) for name in ("first_axes", "every"))
    container.add_node("Shape", given.full_name, n_and_steps, start=0, end=2, op_version=OPSET)
    container.add_initializer(every, INT64, [1], [-1])
    shape = scope.get_unique_variable_name("shape")
    container.add_node("Concat", [n_and_steps, every], shape, axis=0, op_version=OPSET)
    container.add_node("Reshape", [transformed.full_name, shape], made.full_name, op_version=OPSET)


def _labels_in_onnx(classes: np.ndarray) -> tuple[int, list | np.ndarray]:
    """Return the type of the labels in ONNX, and the labels."""
    if isinstance(classes[0], str):
        return STRING, [label.encode() for label in classes]
    return INT64, classes.astype(np.int64)


def _has_several_labels(estimator: LSTMClassifier) -> bool:
    return isinstance(estimator._fitted().data.targets, MultilabelTargets)


def _shape_of_target(estimator: LSTMRegressor) -> tuple[int, ...]:
    """Return the shape of what ``predict`` returns for a sample, (1,) for a number."""
    targets = estimator._fitted().data.targets
    of_each = () if targets.n_quantiles == 1 else (targets.n_quantiles,)
    return (*targets.shape, *of_each) or (1,)


def _add_network(scope: Scope, operator: Operator, container: ModelComponentContainer) -> str:
    """Add the fitted network, with the reading of X; return the name of its outputs."""
    estimator = operator.raw_operator
    graph = graph_with_reading(estimator.to_onnx(), estimator._fitted().data.input_form)
    return _add_graph(scope, operator, container, graph)


def _add_graph(
    scope: Scope, operator: Operator, container: ModelComponentContainer, graph: onnx.ModelProto
) -> str:
    """Add a graph that takes the operator's input, X; return the name of its output."""
    if container.target_opset < OPSET:
        raise ValueError(
            f"{type(operator.raw_operator).__name__} needs ONNX opset {OPSET} or later, but "
            f"target_opset={container.target_opset}: pass target_opset={OPSET}, or leave it out."
        )
    (X,), (output,) = graph.graph.input, graph.graph.output
    names = {"": "", X.name: scope.get_unique_variable_name("X")}
    kind = X.type.tensor_type.elem_type
    apply_cast(scope, operator.inputs[0].full_name, names[X.name], container, to=kind)
    for constant in graph.graph.initializer:
        names[constant.name] = scope.get_unique_variable_name(constant.name)
        container.add_initializer(names[constant.name], None, None, constant)
    for op, inputs, outputs, attributes in nodes_of(graph):
        names |= {name: scope.get_unique_variable_name(name) for name in outputs}
        container.add_node(
            op,
            [names[name] for name in inputs],
            [names[name] for name in outputs],
            op_version=OPSET,
            **attributes,
        )
    return names[output.name]
