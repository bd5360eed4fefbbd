"""Attributes that scikit-learn adds to an estimator besides parameters and fitted attributes.

Metadata requests (`set_fit_request` and similar methods) refer back to the estimator. As a model
file cannot hold such cycles, it keeps the requests separately, as plain values. Callbacks that were
set by `set_callbacks`, and the context of a fit that is still running, are not kept.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from sklstm.persistence._walk import parts, passing_attributes

ATTRIBUTE = "_metadata_request"
METHODS = {name for name in vars(MetadataRequest(owner="nobody")) if name != "owner"}

Requests = dict[str, dict[str, dict[str, Any]]]  # place, method, parameter: alias or bool


def separate(estimator: BaseEstimator) -> tuple[BaseEstimator, Requests]:
    """Return the estimator, or a copy, without these attributes, and the requests by place."""
    holders = dict(_holders(estimator))
    if not holders:
        return estimator, {}
    passing = {place: passing_attributes(part) for place, part in holders.items()}
    left_out = [id(value) for attributes in passing.values() for value in attributes.values()]
    estimator = copy.deepcopy(estimator, dict.fromkeys(left_out, "left out"))
    requests = {}
    for place, part in parts(estimator, type(estimator).__name__):
        for name in passing.get(place, ()):
            del vars(part)[name]
        if ATTRIBUTE in getattr(part, "__dict__", {}):
            requests[place] = _as_values(vars(part).pop(ATTRIBUTE))
    return estimator, requests


def restore_requests(estimator: BaseEstimator, requests: Requests) -> None:
    """Set the requests of an estimator and of the estimators inside it.

    Raises
    ------
    ValueError
        If there is no such place, or no such method.
    """
    if not requests:
        return
    places = dict(parts(estimator, type(estimator).__name__))
    for place, methods in requests.items():
        if not isinstance(places.get(place), BaseEstimator):
            raise ValueError(f"metadata requests are of {place!a:.80}, which is no estimator")
        request = MetadataRequest(owner=places[place])
        for method, aliases in methods.items():
            if method not in METHODS:
                raise ValueError(f"metadata requests are of the method {method!a:.80}")
            for name, alias in aliases.items():
                getattr(request, method).add_request(param=name, alias=alias)
        setattr(places[place], ATTRIBUTE, request)


def _holders(estimator: BaseEstimator) -> Iterator[tuple[str, Any]]:
    """Find the objects that have one of these attributes, and their places."""
    for place, part in parts(estimator, type(estimator).__name__):
        if ATTRIBUTE in getattr(part, "__dict__", {}) or passing_attributes(part):
            yield place, part


def _as_values(request: MetadataRequest) -> dict[str, dict[str, Any]]:
    methods = vars(request).items()
    return {name: dict(method.requests) for name, method in methods if name != "owner"}
