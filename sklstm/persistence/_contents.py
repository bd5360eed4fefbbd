"""What a loaded estimator holds fits together: arrays have the shapes that its network has."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._fitted_state import FittedState, LearntFromData
from sklstm._sequences import InputForm
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.scaling import InputScaling
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.settings import OptimizerState
from sklstm.persistence._checks import check_each, check_type, is_count, shown
from sklstm.persistence._network_contents import (
    check_checkpoint,
    check_history,
    check_network,
    check_optimizer,
)
from sklstm.persistence._targets_contents import TARGETS_OF, check_input_scaling, check_targets
from sklstm.persistence._trusted_types import NAMES_OF_OURS
from sklstm.persistence._walk import SCALARS, full_name, parts

READING_FORMS = {"sklstm.LSTMClassifier", "sklstm.LSTMRegressor"}
NETWORKS = set(TARGETS_OF)  # estimators that hold one fitted state each, once they are fitted


def check_contents(estimator: BaseEstimator) -> None:
    """Compare what an estimator holds with what its networks say of themselves.

    Raises
    ------
    ValueError
        If weights, the state of an optimizer, scales or labels do not belong to the network. The
        message says where.
    """
    networks = []  # whose parts stand behind them
    for place, part in parts(estimator, type(estimator).__name__):
        name = _our_name(part)
        if is_dataclass(part) and name:
            _check_fields(part, place)
        if isinstance(part, BaseEstimator) and name:
            _check_parameters(part, place)
        if name == "sklstm.OnnxPredictor":
            _check_predictor(part, place)
        elif name in NETWORKS and part.__sklearn_is_fitted__():
            networks.append((part, place))
    for network, place in networks:
        _check_fitted(network, vars(network)["_fitted_state"], f"{place}._fitted_state")


def _our_name(part: Any) -> str:
    """Return the name of an object's type if it is one of ours."""
    is_object = hasattr(part, "__dict__") and not isinstance(part, type)
    return NAMES_OF_OURS.get(full_name(type(part)), "") if is_object else ""


def _check_fields(part: Any, place: str) -> None:
    names = [field.name for field in fields(part)]
    if set(vars(part)) != set(names):
        found = sorted(map(str, vars(part)))
        raise ValueError(f"{place} has the fields {shown(found)}, valid are {names}")


def _check_parameters(estimator: BaseEstimator, place: str) -> None:
    missing = set(estimator._get_param_names()) - set(vars(estimator))
    if missing:
        raise ValueError(f"{place} lacks the parameters {', '.join(sorted(missing))}")


def _check_predictor(network: OnnxPredictor, place: str) -> None:
    held = vars(network)
    check_network(held.get("spec"), held.get("weights"), place)


def _check_fitted(estimator: BaseEstimator, state: Any, place: str) -> None:
    """Check what an estimator has learnt against its network."""
    check_type(state, (FittedState,), place)
    check_type(state.network, (OnnxPredictor,), f"{place}.network")
    spec, name = state.network.spec, _our_name(estimator)
    if (spec.pooling is None) == (name in READING_FORMS):
        raise ValueError(f"{place} holds a network of another estimator: {shown(spec, 200)}")
    _check_data(state.data, estimator, spec, f"{place}.data")
    _check_training(state, spec, place)


def _check_data(data: Any, estimator: BaseEstimator, spec: NetworkSpec, place: str) -> None:
    """Check what a fit has learnt of its data."""
    name = _our_name(estimator)
    check_type(data, (LearntFromData,), place)
    check_targets(data.targets, name, spec, f"{place}.targets")
    check_type(data.input_scaling, (InputScaling, NoneType), f"{place}.input_scaling")
    check_input_scaling(data.input_scaling, spec, f"{place}.input_scaling")
    check_type(
        data.input_form, (InputForm if name in READING_FORMS else NoneType,), f"{place}.input_form"
    )
    if data.input_form is not None:
        _check_form(data.input_form, data.input_scaling, spec, f"{place}.input_form")
    check_type(data.lengths_vary, (bool,), f"{place}.lengths_vary")
    if not is_count(data.batch_size):
        raise ValueError(f"{place}.batch_size is {shown(data.batch_size)}")
    names = type(estimator)._fixed_parameters
    _check_fixed_parameters(data.fixed_parameters, names, f"{place}.fixed_parameters")


def _check_form(
    form: InputForm, scaling: InputScaling | None, spec: NetworkSpec, place: str
) -> None:
    """Check how X is read."""
    sizes = (form.timesteps, form.vocabulary_size)
    is_valid = (
        is_count(form.n_features)
        and is_count(form.n_columns)
        and all(size is None or is_count(size) for size in sizes)
        and form.vocabulary_size == spec.vocabulary_size
        and form.n_features == (1 if scaling is None else scaling.n_features)
        and _are_columns(form.static, form.n_columns)
        and len(form.static) == spec.n_static
        and form.n_columns == _n_columns(form)
        and (form.kind == "tokens") == spec.reads_tokens
        and (form.names is None or _are_names(form.names, form.n_columns))
    )
    if not is_valid:
        raise ValueError(f"{place} is not how X of its network is read: {shown(form, 200)}")


def _n_columns(form: InputForm) -> int | None:
    """Return how many columns an X of this form has; None for a form that is none."""
    if form.kind == "table":
        n_static = len(form.static)
        return form.n_features * (form.timesteps or form.n_columns - n_static) + n_static
    return form.n_features + len(form.static) if form.kind in ("sequences", "tokens") else None


def _are_columns(columns: Any, n: int) -> bool:
    is_tuple = isinstance(columns, tuple) and all(is_count(each, 0) for each in columns)
    return is_tuple and sorted({each for each in columns if each < n}) == list(columns)


def _are_names(names: Any, n: int) -> bool:
    is_tuple = isinstance(names, tuple) and len(names) == n
    return is_tuple and all(isinstance(name, str) for name in names)


def _check_fixed_parameters(parameters: Any, names: tuple[str, ...], place: str) -> None:
    check_type(parameters, (dict,), place)
    are_values = all(
        isinstance(each, (*SCALARS, np.generic))
        for value in parameters.values()
        for each in (value if isinstance(value, tuple) else (value,))  # several quantiles
    )
    if set(parameters) != set(names) or not are_values:
        raise ValueError(f"{place} is {shown(parameters)}, valid are values of {names}")


def _check_training(state: FittedState, spec: NetworkSpec, place: str) -> None:
    """Check what is known of the training, and where one that continues it starts."""
    check_type(state.training_loop, (str,), f"{place}.training_loop")
    check_type(state.interrupted, (bool,), f"{place}.interrupted")
    check_each(state.histories, dict, spec.n_networks, f"{place}.histories")
    for k, history in enumerate(state.histories):
        check_history(history, f"{place}.histories[{k}]")
    generator = state.random_generator
    check_type(generator, (np.random.RandomState, NoneType), f"{place}.random_generator")
    if state.optimizer_states is not None:
        n, states = spec.n_networks, state.optimizer_states
        check_each(states, OptimizerState, n, f"{place}.optimizer_states")
        for k, optimizer_state in enumerate(states):
            check_optimizer(optimizer_state, spec.single, f"{place}.optimizer_states[{k}]")
    if state.checkpoint is not None:
        check_checkpoint(state.checkpoint, spec, f"{place}.checkpoint")
