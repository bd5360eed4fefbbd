"""Finding the fitted estimators inside an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sklearn.base import BaseEstimator


def nested_estimators(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and the fitted estimators inside it, at all depths.

    A meta-estimator keeps what it fitted under a name that ends in an underscore, such as
    ``best_estimator_``. Its parameters are then unfitted templates, whose values may differ.
    An estimator without such attributes, as a Pipeline, fits its parameters themselves.
    """
    yield estimator
    if not isinstance(estimator, BaseEstimator):
        return
    fitted = [value for name, value in vars(estimator).items() if name.endswith("_")]
    inner = list(_estimators_in(fitted))
    for nested in inner or _estimators_in(estimator.get_params(deep=False).values()):
        yield from nested_estimators(nested)


def _estimators_in(values: Iterable[Any]) -> Iterator[BaseEstimator]:
    for value in values:
        if isinstance(value, BaseEstimator):
            yield value
        elif isinstance(value, list | tuple):
            yield from _estimators_in(value)
