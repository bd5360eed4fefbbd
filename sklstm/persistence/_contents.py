"""What a loaded estimator holds fits together: arrays have the shapes that its network has."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._fitted_state import CheckpointState, FittedState, LearntFromData
from sklstm._sequences import InputForm
from sklstm._targets import ClassTargets, MultilabelTargets, NumberTargets
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.scaling import InputScaling, TargetScaling
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.settings import OptimizerState, Snapshot
from sklstm.persistence._random import checked_random_state
from sklstm.persistence._trust import NAMES_OF_OURS
from sklstm.persistence._walk import full_name, parts
from sklstm.text.vocabulary import CharVocabulary, Vocabulary, WordVocabulary

NETWORKS = {  # estimators that hold one network each, once they are fitted
    "sklstm.CharSequenceGenerator",
    "sklstm.LSTMClassifier",
    "sklstm.LSTMRegressor",
    "sklstm.WordSequenceGenerator",
}
READING_FORMS = {"sklstm.LSTMClassifier", "sklstm.LSTMRegressor"}
ACTIVATIONS = ("softmax", "sigmoid", "linear", "exponential")
POOLINGS = ("last", "mean", "max", "concat", None)
TARGETS_OF = {
    "sklstm.CharSequenceGenerator": CharVocabulary,
    "sklstm.LSTMClassifier": ClassTargets | MultilabelTargets,
    "sklstm.LSTMRegressor": NumberTargets,
    "sklstm.WordSequenceGenerator": WordVocabulary,
}
TARGETS = (ClassTargets, MultilabelTargets, NumberTargets, Vocabulary)


def check_contents(estimator: BaseEstimator) -> None:
    """Compare what an estimator holds with what its networks say of themselves.

    Raises
    ------
    ValueError
        If weights, the state of an optimizer, scales or labels do not belong to the network. The
        message says where.
    """
    for place, part in parts(estimator, type(estimator).__name__):
        name = _our_name(part)
        if is_dataclass(part) and name:
            _check_fields(part, place)
        if isinstance(part, BaseEstimator) and name:
            _check_parameters(part, place)
        if name == "sklstm.OnnxPredictor":
            _check_spec(part.spec, place)
            _check_weights(part.weights, part.spec, place)
        elif name in NETWORKS:
            _check_network(part, place)


def _our_name(part: Any) -> str:
    """Return the name of an object's type if it is one of ours."""
    is_object = hasattr(part, "__dict__") and not isinstance(part, type)
    return NAMES_OF_OURS.get(full_name(type(part)), "") if is_object else ""


def _check_fields(part: Any, place: str) -> None:
    names = {field.name for field in fields(part)}
    if set(vars(part)) != names:
        raise ValueError(f"{place} has the fields {sorted(vars(part))!a:.80}, valid are {names}")


def _check_parameters(estimator: BaseEstimator, place: str) -> None:
    missing = set(estimator._get_param_names()) - set(vars(estimator))
    if missing:
        raise ValueError(f"{place} lacks the parameters {', '.join(sorted(missing))}")


def _check_spec(spec: Any, place: str) -> None:
    is_valid = (
        isinstance(spec, NetworkSpec)
        and set(vars(spec)) == {field.name for field in fields(NetworkSpec)}
        and all(map(_is_count, (spec.n_outputs, spec.n_features, spec.n_networks)))
        and _is_count(spec.n_quantiles)
        and spec.n_outputs % spec.n_quantiles == 0
        and all(size is None or _is_count(size) for size in (spec.vocabulary_size,))
        and (spec.embedding_dim is None or (_is_count(spec.embedding_dim) and spec.reads_tokens))
        and all(isinstance(sizes, tuple) for sizes in (spec.units, spec.dense_units))
        and all(map(_is_count, (*spec.units, *spec.dense_units)))
        and isinstance(spec.bidirectional, bool)
        and isinstance(spec.dropout, float)
        and spec.activation in ACTIVATIONS
        and spec.pooling in POOLINGS
    )
    if not is_valid:
        raise ValueError(f"{place} is no network: {spec!a:.200}")


def _check_weights(weights: Any, spec: NetworkSpec, place: str) -> None:
    shapes = spec.weight_shapes()
    if not isinstance(weights, dict):
        raise ValueError(f"{place} holds weights of type {full_name(weights):.80}, valid is a dict")
    if set(weights) != set(shapes):
        found = sorted(map(str, weights))
        raise ValueError(f"{place} holds the weights {found!a:.200}, its network has {[*shapes]}")
    for name, shape in shapes.items():
        _check_array(weights[name], shape, f"{place}: {name}")
        if weights[name].dtype != np.float32:
            raise ValueError(f"{place}: {name} holds {weights[name].dtype!s:.40}, valid is float32")


def _check_array(array: Any, shape: tuple[int, ...], place: str) -> None:
    if not isinstance(array, np.ndarray) or array.shape != shape:
        found = array.shape if isinstance(array, np.ndarray) else f"type {full_name(array)}"
        raise ValueError(f"{place} has the shape {found!a:.80}, valid is {shape}")


def _check_network(estimator: BaseEstimator, place: str) -> None:
    """Check what an estimator has learnt against its network."""
    if not estimator.__sklearn_is_fitted__():
        return
    state, place = estimator._fitted_state, f"{place}._fitted_state"
    _check_types(state, place)
    spec, data = state.network.spec, state.data
    _check_targets(data.targets, estimator, spec, f"{place}.data.targets")
    _check_scalings(data.input_scaling, data.targets.scaling, spec, f"{place}.data")
    reads_forms = _our_name(estimator) in READING_FORMS
    if (spec.pooling is None) == reads_forms or reads_forms != (data.input_form is not None):
        raise ValueError(f"{place} holds a network of another estimator: {spec!a:.200}")
    if reads_forms:
        _check_form(data, spec, f"{place}.data.input_form")
    for k, optimizer_state in enumerate(state.optimizer_states or ()):
        _check_optimizer(optimizer_state, spec.single, f"{place}.optimizer_states[{k}]")
    for k, snapshot in enumerate(state.checkpoint.snapshots if state.checkpoint else ()):
        if snapshot is not None:
            _check_snapshot(snapshot, spec.single, f"{place}.checkpoint.snapshots[{k}]")


def _check_types(state: Any, place: str) -> None:
    """Check the types of what a fitted state holds."""
    _check_type(state, (FittedState,), place)
    _check_type(state.network, (OnnxPredictor,), f"{place}.network")
    data = state.data
    _check_type(data, (LearntFromData,), f"{place}.data")
    _check_type(data.targets, TARGETS, f"{place}.data.targets")
    _check_type(data.input_form, (InputForm, NoneType), f"{place}.data.input_form")
    _check_type(data.input_scaling, (InputScaling, NoneType), f"{place}.data.input_scaling")
    _check_type(data.fixed_parameters, (dict,), f"{place}.data.fixed_parameters")
    generator = state.random_generator
    _check_type(generator, (np.random.RandomState, NoneType), f"{place}.random_generator")
    n_networks = state.network.spec.n_networks
    if state.optimizer_states is not None:
        _check_each(state.optimizer_states, OptimizerState, n_networks, f"{place}.optimizer_states")
    _check_type(state.checkpoint, (CheckpointState, NoneType), f"{place}.checkpoint")
    if state.checkpoint is not None:
        _check_snapshots(state.checkpoint.snapshots, f"{place}.checkpoint.snapshots")
    _check_each(state.histories, dict, n_networks, f"{place}.histories")
    for history in state.histories:
        losses = history.get("loss")
        if not isinstance(losses, list):
            raise ValueError(f"{place}.histories hold no losses of a training")
        if any(not _are_losses(values, len(losses)) for values in history.values()):
            raise ValueError(f"{place}.histories are not those of {len(losses)} epochs")


def _check_each(values: Any, kind: type, n: int, place: str) -> None:
    """Check that there is one value of a type for each network."""
    is_valid = isinstance(values, tuple) and len(values) == n
    if not is_valid or not all(isinstance(value, kind) for value in values):
        raise ValueError(f"{place} is not a {kind.__name__} for each of {n} networks")


def _check_snapshots(snapshots: Any, place: str) -> None:
    """Check that there is a snapshot, or None, for each network, and one at least."""
    is_valid = isinstance(snapshots, tuple) and any(snapshots)
    if not is_valid or not all(isinstance(each, Snapshot | NoneType) for each in snapshots):
        raise ValueError(f"{place} are no states of a training")


def _check_type(value: Any, kinds: tuple[type, ...], place: str) -> None:
    if not isinstance(value, kinds):
        valid = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"{place} is of type {full_name(value)}, valid is {valid}")


def _check_targets(targets: Any, estimator: BaseEstimator, spec: NetworkSpec, place: str) -> None:
    """Check that targets are those of the estimator and of the network's outputs."""
    if not isinstance(targets, TARGETS_OF[_our_name(estimator)]):
        raise ValueError(f"{place} are of another estimator: {type(targets).__name__}")
    n_outputs = (spec.n_outputs,)
    if isinstance(targets, ClassTargets):
        _check_array(targets.classes, n_outputs, f"{place}.classes")
    elif isinstance(targets, Vocabulary):
        _check_array(targets.tokens, n_outputs, f"{place}.tokens")
    elif isinstance(targets, NumberTargets):
        is_shape = isinstance(targets.shape, tuple) and all(map(_is_count, targets.shape))
        is_shape &= _is_count(targets.n_quantiles) and targets.n_quantiles == spec.n_quantiles
        if not is_shape or math.prod(targets.shape) * spec.n_quantiles != spec.n_outputs:
            raise ValueError(f"{place}.shape is {targets.shape!a:.80}, outputs: {spec.n_outputs}")
    elif targets.n_columns != spec.n_outputs:
        raise ValueError(f"{place}.n_columns is {targets.n_columns!a:.80}")


def _check_scalings(
    of_inputs: InputScaling | None,
    of_targets: TargetScaling | None,
    spec: NetworkSpec,
    place: str,
) -> None:
    """Check the scales of X and of y, of which a network of tokens has neither."""
    if of_inputs is not None:
        n_deltas = 2 * len(of_inputs.deltas_of)
        n_features = spec.n_features - n_deltas
        if not all(_is_count(each, 0) and each < n_features for each in of_inputs.deltas_of):
            raise ValueError(f"{place} scales deltas of the features {of_inputs.deltas_of!a:.80}")
        _check_scale(of_inputs, spec.n_features, f"{place}: X")
    if of_targets is not None:
        _check_scale(of_targets, spec.n_outputs, f"{place}: y")


def _check_scale(scaling: InputScaling | TargetScaling, size: int, place: str) -> None:
    for name in ("mean", "scale"):
        values = getattr(scaling, name)
        _check_array(values, (size,), f"{place}, {name}")
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise ValueError(f"{place}, {name} holds what is no finite number")
    if not (scaling.scale > 0).all():
        raise ValueError(f"{place}, scale holds what is not above 0")


def _check_form(data: LearntFromData, spec: NetworkSpec, place: str) -> None:
    """Check how X is read."""
    form, scaling = data.input_form, data.input_scaling
    sizes = (form.timesteps, form.vocabulary_size)
    is_valid = (
        isinstance(form.kind, str)
        and _is_count(form.n_columns)
        and all(size is None or _is_count(size) for size in sizes)
        and form.vocabulary_size == spec.vocabulary_size
        and form.n_features == (spec.n_features if scaling is None else scaling.n_features)
        and (form.names is None or _are_names(form.names, form.n_columns))
    )
    if not is_valid:
        raise ValueError(f"{place} is not how X of its network is read: {form!a:.200}")


def _are_names(names: Any, n: int) -> bool:
    is_tuple = isinstance(names, tuple) and len(names) == n
    return is_tuple and all(isinstance(name, str) for name in names)


def _check_optimizer(state: OptimizerState, spec: NetworkSpec, place: str) -> None:
    """Check the count of steps, and that moments are those of the weights."""
    variables = state.variables
    if not isinstance(state.optimizer, str) or not isinstance(variables, list) or not variables:
        raise ValueError(f"{place} is no state of an optimizer")
    if not all(isinstance(each, np.ndarray) and each.dtype.kind in "fiu" for each in variables):
        raise ValueError(f"{place}.variables holds what is no array of numbers")
    if variables[0].shape or variables[0].dtype.kind != "i":
        raise ValueError(f"{place}.variables[0] is no count of steps")
    shapes = list(spec.weight_shapes().values())
    found = [variable.shape for variable in variables if variable.shape]
    if state.optimizer == "Adafactor":  # which keeps means along one axis
        means = {shape[:axis] + shape[axis + 1 :] for shape in shapes for axis in range(len(shape))}
        is_valid = set(found) <= means | set(shapes) | {(1,)}
    else:
        is_valid = _are_of_weights(found, shapes)
    if not is_valid:
        raise ValueError(f"{place}.variables has the shapes {found!a:.200}, weights have {shapes}")


def _are_of_weights(found: list[tuple[int, ...]], shapes: list[tuple[int, ...]]) -> bool:
    """Say whether these are moments of all weights, one after another or side by side."""
    return not found or any(
        found[: n * len(shapes)] == [shape for shape in shapes for _ in range(n)]
        and _are_of_weights(found[n * len(shapes) :], shapes)
        for n in range(1, 5)
    )


def _check_snapshot(last: Snapshot, spec: NetworkSpec, place: str) -> None:
    _check_weights(last.weights, spec, f"{place}.weights")
    if last.best_weights is not None:
        _check_weights(last.best_weights, spec, f"{place}.best_weights")
    if not isinstance(last.optimizer_state, OptimizerState):
        raise ValueError(f"{place} holds no state of an optimizer")
    if not _is_count(last.n_epochs) or not isinstance(last.history, dict):
        raise ValueError(f"{place} holds no history of a training")
    if any(not _are_losses(values, last.n_epochs) for values in last.history.values()):
        raise ValueError(f"{place}.history is not one of {last.n_epochs} epochs")
    if not isinstance(last.seeds, list) or not all(_is_seed(seed) for seed in last.seeds):
        raise ValueError(f"{place}.seeds are no seeds of a dropout")
    checked_random_state(last.rng_state)


def _are_losses(values: Any, n_epochs: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == n_epochs
        and all(isinstance(value, int | float) for value in values)
    )


def _is_seed(seed: Any) -> bool:
    return isinstance(seed, np.ndarray) and seed.dtype.kind in "iu" and seed.size <= 4


def _is_count(value: Any, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
