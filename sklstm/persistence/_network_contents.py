"""A network from a file fits together, and so does where its training stands."""

from __future__ import annotations

from dataclasses import fields
from types import NoneType
from typing import Any

import numpy as np

from sklstm._fitted_state import CheckpointState
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.settings import OptimizerState, Snapshot
from sklstm.persistence._checks import check_array, check_type, is_count, shown
from sklstm.persistence._random import checked_random_state
from sklstm.persistence._walk import full_name

ACTIVATIONS = ("softmax", "sigmoid", "linear", "exponential")
POOLINGS = ("last", "mean", "max", "concat", None)


def check_network(spec: Any, weights: Any, place: str) -> None:
    """Raise ValueError unless the weights are those of the network."""
    _check_spec(spec, place)
    _check_weights(weights, spec, place)


def _check_spec(spec: Any, place: str) -> None:
    is_valid = (
        isinstance(spec, NetworkSpec)
        and set(vars(spec)) == {field.name for field in fields(NetworkSpec)}
        and all(map(is_count, (spec.n_outputs, spec.n_features, spec.n_networks)))
        and is_count(spec.n_quantiles)
        and spec.n_outputs % spec.n_quantiles == 0
        and (spec.vocabulary_size is None or is_count(spec.vocabulary_size))
        and (spec.embedding_dim is None or (is_count(spec.embedding_dim) and spec.reads_tokens))
        and all(isinstance(sizes, tuple) for sizes in (spec.units, spec.dense_units))
        and all(map(is_count, (*spec.units, *spec.dense_units)))
        and isinstance(spec.bidirectional, bool)
        and isinstance(spec.dropout, float)
        and spec.activation in ACTIVATIONS
        and spec.pooling in POOLINGS
        and (spec.horizon is None or (is_count(spec.horizon) and spec.pooling is None))
        and (spec.n_direct == 0 or _has_direct(spec))
        and (spec.n_static == 0 or _has_static(spec))
    )
    if not is_valid:
        raise ValueError(f"{place} is no network: {shown(spec, 200)}")


def _has_direct(spec: NetworkSpec) -> bool:
    """Whether a network can hand so many features to its dense layers directly."""
    return is_count(spec.n_direct) and spec.horizon is not None and not spec.reads_tokens


def _has_static(spec: NetworkSpec) -> bool:
    """Whether a network can have so many static features."""
    return is_count(spec.n_static) and not (spec.carries_state or spec.reads_tokens)


def _check_weights(weights: Any, spec: NetworkSpec, place: str) -> None:
    if not isinstance(weights, dict):
        raise ValueError(f"{place} holds weights of type {full_name(weights):.80}, valid is a dict")
    if spec.n_networks > len(weights):  # before the names of them all are made
        raise ValueError(f"{place} is {spec.n_networks} networks, of {len(weights)} weights")
    shapes = spec.weight_shapes()
    if set(weights) != set(shapes):
        found = sorted(map(str, weights))
        raise ValueError(
            f"{place} holds the weights {shown(found, 200)}, its network has {[*shapes]}"
        )
    for name, shape in shapes.items():
        check_array(weights[name], shape, f"{place}: {name}")
        if weights[name].dtype != np.float32:
            raise ValueError(f"{place}: {name} holds {weights[name].dtype!s:.40}, valid is float32")


def check_optimizer(state: Any, spec: NetworkSpec, place: str) -> None:
    """Check the count of steps, and that moments are those of the weights of one network."""
    check_type(state, (OptimizerState,), place)
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
        raise ValueError(
            f"{place}.variables has the shapes {shown(found, 200)}, weights have {shapes}"
        )


def _are_of_weights(found: list[tuple[int, ...]], shapes: list[tuple[int, ...]]) -> bool:
    """Say whether these are moments of all weights, one after another or side by side."""
    return not found or any(
        found[: n * len(shapes)] == [shape for shape in shapes for _ in range(n)]
        and _are_of_weights(found[n * len(shapes) :], shapes)
        for n in range(1, 5)
    )


def check_checkpoint(checkpoint: Any, spec: NetworkSpec, place: str) -> None:
    """Check the snapshots of the networks whose training has begun."""
    check_type(checkpoint, (CheckpointState,), place)
    check_type(checkpoint.data_digest, (str,), f"{place}.data_digest")
    snapshots = checkpoint.snapshots
    check_type(snapshots, (tuple,), f"{place}.snapshots")
    n_begun = sum(snapshot is not None for snapshot in snapshots)
    if n_begun != spec.n_networks:
        raise ValueError(f"{place}.snapshots are {n_begun}, valid are {spec.n_networks}")
    for k, snapshot in enumerate(snapshots):
        check_type(snapshot, (Snapshot, NoneType), f"{place}.snapshots[{k}]")
        if snapshot is not None:
            _check_snapshot(snapshot, spec.single, f"{place}.snapshots[{k}]")


def _check_snapshot(last: Snapshot, spec: NetworkSpec, place: str) -> None:
    _check_weights(last.weights, spec, f"{place}.weights")
    if last.best_weights is not None:
        _check_weights(last.best_weights, spec, f"{place}.best_weights")
    check_optimizer(last.optimizer_state, spec, f"{place}.optimizer_state")
    check_history(last.history, f"{place}.history")
    if not is_count(last.n_epochs) or len(last.history["loss"]) != last.n_epochs:
        raise ValueError(f"{place}.history is not one of {shown(last.n_epochs)} epochs")
    if not isinstance(last.seeds, list) or not all(_is_seed(seed) for seed in last.seeds):
        raise ValueError(f"{place}.seeds are no seeds of a dropout")
    check_type(last.rng_state, (dict,), f"{place}.rng_state")
    checked_random_state(last.rng_state)


def check_history(history: Any, place: str) -> None:
    """Check that there is a number for every epoch, and at least the loss."""
    check_type(history, (dict,), place)
    losses = history.get("loss")
    if not isinstance(losses, list) or not all(isinstance(name, str) for name in history):
        raise ValueError(f"{place} holds no losses of a training")
    if not all(_are_losses(values, len(losses)) for values in history.values()):
        raise ValueError(f"{place} is not one of {len(losses)} epochs")


def _are_losses(values: Any, n_epochs: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == n_epochs
        and all(isinstance(value, int | float) for value in values)
    )


def _is_seed(seed: Any) -> bool:
    return isinstance(seed, np.ndarray) and seed.dtype.kind in "iu" and seed.size <= 4
