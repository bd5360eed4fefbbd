"""What is fitted inside an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sklearn.base import BaseEstimator


def nested_estimators(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and what is fitted inside it, at all depths.

    What a meta-estimator fitted has a name that ends in an underscore, as ``best_estimator_``
    has; its parameters are templates then, which may differ. Others, as a Pipeline, fit their
    parameters themselves.
    """
    yield estimator
    if not isinstance(estimator, BaseEstimator):
        return
    fitted = [value for name, value in vars(estimator).items() if name.endswith("_")]
    parts = list(_estimators_in(fitted))
    for part in parts or _estimators_in(estimator.get_params(deep=False).values()):
        yield from nested_estimators(part)


def _estimators_in(values: Iterable[Any]) -> Iterator[BaseEstimator]:
    for value in values:
        if isinstance(value, BaseEstimator):
            yield value
        elif isinstance(value, list | tuple):
            yield from _estimators_in(value)
