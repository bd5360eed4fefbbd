"""Metadata requests of scikit-learn (`set_fit_request` and its kind) as plain values.

An estimator's requests refer back to the estimator. That is no tree, so a model file keeps them
beside it.
"""

from __future__ import annotations

import copy
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

from sklstm._parts import parts

ATTRIBUTE = "_metadata_request"

Requests = dict[str, dict[str, dict[str, Any]]]  # place, method, parameter: its alias, or whether


def without_requests(estimator: BaseEstimator) -> tuple[BaseEstimator, Requests]:
    """Return the estimator, or a copy of it, without requests, and these by their places."""
    if not _requesting(estimator):
        return estimator, {}
    estimator = copy.deepcopy(estimator)
    requests = {}
    for place, part in _requesting(estimator).items():
        request = vars(part).pop(ATTRIBUTE)
        requests[place] = {
            method: dict(of_method.requests)
            for method, of_method in vars(request).items()
            if method != "owner"
        }
    return estimator, requests


def restore_requests(estimator: BaseEstimator, requests: Requests) -> None:
    """Give their requests back to an estimator and what it holds."""
    if not requests:
        return
    places = dict(parts(estimator, type(estimator).__name__))
    for place, methods in requests.items():
        request = MetadataRequest(owner=places[place])
        for method, aliases in methods.items():
            for name, alias in aliases.items():
                getattr(request, method).add_request(param=name, alias=alias)
        setattr(places[place], ATTRIBUTE, request)


def _requesting(estimator: BaseEstimator) -> dict[str, Any]:
    """Find what has requests, by its place."""
    return {
        place: part
        for place, part in parts(estimator, type(estimator).__name__)
        if ATTRIBUTE in getattr(part, "__dict__", {})
    }
