"""The text of ``summary()``: what a fitted network is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sklstm.network.scaling import InputScaling
from sklstm.network.spec import NetworkSpec

POOLINGS = {
    "last": "the last time step",
    "mean": "the mean over time",
    "max": "the maximum over time",
    "concat": "the last time step, the mean and the maximum over time",
}


def summarize(spec: NetworkSpec, scaling: InputScaling | None, *, standardize: bool) -> str:
    """Describe the layers of a network in words, and list its weight arrays.

    The arrays of several networks have the same names and shapes, which are listed once.

    Parameters
    ----------
    spec : NetworkSpec
    scaling : InputScaling or None
        None for token ids, and for windows that are scaled one by one.
    standardize : bool
        Whether the scaling standardizes.
    """
    parts = [("input", _input(spec, scaling, standardize=standardize)), *_layers_of(spec)]
    described = [f"{name:10}{text}" for name, text in parts]
    return "\n".join([*described, "", *_weight_table(spec)])


def _layers_of(spec: NetworkSpec) -> Iterator[tuple[str, str]]:
    if spec.units:
        read = ", bidirectional" if spec.bidirectional else ""
        yield "LSTM", f"{_layers(spec.units)}{read}{_dropout(spec)}"
    yield "pooling", _pooling(spec)
    if spec.dense_units:
        yield "dense", f"{_layers(spec.dense_units)}, relu{_dropout(spec)}"
    yield "output", f"{_count(spec.n_outputs, 'unit')}, {spec.activation}"
    averaged = ", whose outputs are averaged" if spec.n_networks > 1 else ""
    yield "networks", f"{spec.n_networks}{averaged}"


def _input(spec: NetworkSpec, scaling: InputScaling | None, *, standardize: bool) -> str:
    if spec.reads_tokens:
        coding = "one-hot coded" if spec.one_hot else f"embedded as {spec.embedding_dim} numbers"
        return f"token ids below {spec.vocabulary_size}, {coding}"
    if scaling is None:
        return f"{_count(spec.n_features, 'feature')}, each window scaled by its own past"
    n_slow = len(scaling.deltas_of)
    parts = [
        f"{_count(scaling.n_features, 'feature')}, {'' if standardize else 'not '}standardized",
        f"differences of {n_slow} of them" if n_slow else "no differences",
    ]
    if spec.n_static:
        parts.append(_count(spec.n_static, "static feature"))
    return ", ".join(parts)


def _pooling(spec: NetworkSpec) -> str:
    if spec.pooling is not None:
        return POOLINGS[spec.pooling]
    if spec.horizon is None:
        return "none: an output at every time step"
    return f"none: an output at each of the last {_count(spec.horizon, 'time step')}"


def _layers(units: tuple[int, ...]) -> str:
    of_each = f"{units[0]} units" if len(set(units)) == 1 else f"{units} units"
    return f"{_count(len(units), 'layer')} of {of_each}"


def _dropout(spec: NetworkSpec) -> str:
    return f", dropout {spec.dropout:g}" if spec.dropout else ""


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _weight_table(spec: NetworkSpec) -> Iterator[str]:
    rows = [
        (name, str(shape), math.prod(shape)) for name, shape in spec.single.weight_shapes().items()
    ]
    total = sum(size for *_, size in rows)
    rows.append(("total", "", total))
    if spec.n_networks > 1:
        rows.append((f"{spec.n_networks} networks", "", spec.n_networks * total))
    width = max(len(name) for name, *_ in rows)
    for name, shape, size in rows:
        yield f"{name:{width}}  {shape:>14}  {size:>10,}"
