"""Targets and scales from a file fit to the network, and to the estimator that holds them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sklstm._targets import ClassTargets, MultilabelTargets, NumberTargets
from sklstm.network.scaling import InputScaling, TargetScaling
from sklstm.network.spec import NetworkSpec
from sklstm.persistence._checks import check_array, check_type, is_count, shown
from sklstm.persistence._trusted_types import NAMES_OF_OURS
from sklstm.persistence._walk import full_name
from sklstm.preprocessing._read_texts import UNKNOWN_TOKEN
from sklstm.text.vocabulary import Vocabulary, WordVocabulary

TARGETS_OF = {
    "sklstm.CharSequenceGenerator": {"sklstm.CharVocabulary"},
    "sklstm.LSTMClassifier": {"sklstm.ClassTargets", "sklstm.MultilabelTargets"},
    "sklstm.LSTMForecaster": {"sklstm.PanelForm"},
    "sklstm.LSTMRegressor": {"sklstm.NumberTargets"},
    "sklstm.WordSequenceGenerator": {"sklstm.WordVocabulary"},
}
LABELS = "biufU"  # kinds of dtypes that the labels of an array may have, besides objects


def check_targets(targets: Any, estimator_name: str, spec: NetworkSpec, place: str) -> None:
    """Check that targets are those of the estimator and of the network's outputs."""
    name = NAMES_OF_OURS.get(full_name(type(targets)))
    if name not in TARGETS_OF[estimator_name]:
        raise ValueError(f"{place} are of another estimator: {type(targets).__name__}")
    if (spec.horizon is not None) != (name == "sklstm.PanelForm"):
        raise ValueError(f"{place} are of another network: {shown(spec, 200)}")
    if name == "sklstm.PanelForm":
        targets.check_contents(spec, place)
    elif isinstance(targets, ClassTargets):
        _check_classes(targets.classes, spec, f"{place}.classes")
    elif isinstance(targets, MultilabelTargets):
        if not is_count(targets.n_columns) or targets.n_columns != spec.n_outputs:
            raise ValueError(f"{place}.n_columns is {shown(targets.n_columns)}")
    elif isinstance(targets, NumberTargets):
        _check_numbers(targets, spec, place)
    else:
        _check_vocabulary(targets, spec, place)
    if (targets.activation, targets.n_quantiles) != (spec.activation, spec.n_quantiles):
        raise ValueError(f"{place} are not what its network puts out: {shown(spec, 200)}")


def _check_classes(classes: Any, spec: NetworkSpec, place: str) -> None:
    check_array(classes, (spec.n_outputs,), place)
    are_labels = classes.dtype.kind in LABELS or _are_strings(classes)
    if not are_labels or not np.array_equal(classes, np.unique(classes)):
        raise ValueError(f"{place} are no labels in order: {shown(classes)}")


def _check_numbers(targets: NumberTargets, spec: NetworkSpec, place: str) -> None:
    check_type(targets.loss, (str,), f"{place}.loss")
    if not is_count(targets.n_quantiles):
        raise ValueError(f"{place}.n_quantiles is {shown(targets.n_quantiles)}")
    is_shape = isinstance(targets.shape, tuple) and all(map(is_count, targets.shape))
    if not is_shape or math.prod(targets.shape) * targets.n_quantiles != spec.n_outputs:
        raise ValueError(f"{place}.shape is {shown(targets.shape)}, outputs: {spec.n_outputs}")
    _check_scale(targets.scaling, spec.n_outputs, place)


def _check_vocabulary(vocabulary: Vocabulary, spec: NetworkSpec, place: str) -> None:
    tokens, place = vocabulary.tokens, f"{place}.tokens"
    check_array(tokens, (spec.n_outputs,), place)
    if not _are_strings(tokens):
        raise ValueError(f"{place} holds what is no text: {shown(tokens)}")
    if spec.vocabulary_size != len(tokens) + 1:
        raise ValueError(f"{place} are {len(tokens)}, read by a network of {shown(spec, 200)}")
    known = tokens.tolist()
    if isinstance(vocabulary, WordVocabulary):
        check_type(vocabulary.lowercase, (bool,), f"{place.removesuffix('tokens')}lowercase")
        is_valid = len(set(known)) == len(known) and known[-1] == UNKNOWN_TOKEN
    else:
        is_valid = known == sorted(set(known)) and all(len(token) == 1 for token in known)
    if not is_valid:
        raise ValueError(f"{place} are no tokens of a {type(vocabulary).__name__}: {shown(known)}")


def _are_strings(array: np.ndarray) -> bool:
    return array.dtype == object and all(isinstance(value, str) for value in array.flat)


def check_input_scaling(scaling: InputScaling | None, spec: NetworkSpec, place: str) -> None:
    """Check the scales of X, of which a network of tokens or of windows in scale has none."""
    if (scaling is None) != (spec.reads_tokens or spec.horizon is not None):
        raise ValueError(f"{place} is {shown(scaling)}, which does not go with {shown(spec, 200)}")
    if scaling is None:
        return
    check_type(scaling.deltas_of, (tuple,), f"{place}.deltas_of")
    n_features = spec.n_features - 2 * len(scaling.deltas_of)
    if not all(is_count(each, 0) and each < n_features for each in scaling.deltas_of):
        raise ValueError(f"{place} scales deltas of the features {shown(scaling.deltas_of)}")
    _check_scale(scaling, spec.n_features, place)
    _check_scale(scaling, spec.n_static, place, "static_")


def _check_scale(
    scaling: InputScaling | TargetScaling, size: int, place: str, prefix: str = ""
) -> None:
    for name in (f"{prefix}mean", f"{prefix}scale"):
        values = getattr(scaling, name)
        check_array(values, (size,), f"{place}.{name}")
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise ValueError(f"{place}.{name} holds what is no finite number")
    if not (values > 0).all():
        raise ValueError(f"{place}.{name} holds what is not above 0")
