"""Walks through everything that an estimator holds and that a model file has to keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._sklearn_compat import CALLBACK_ATTRIBUTES

SCALARS = (str, int, float, bool, type(None))


def parts(estimator: BaseEstimator, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the place and the value of everything that an estimator holds, each value once.

    Numbers, strings and None are left out, as a model file can always keep them.
    """
    waiting, seen = [(place, estimator)], set()
    while waiting:
        place, part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield place, part
        waiting += reversed(list(_inside(part, place)))


def _inside(part: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield what a container, or an object of sklstm or scikit-learn, directly holds."""
    if isinstance(part, dict):
        yield from _with_places(part.items(), place)
    elif isinstance(part, list | tuple | set):
        for i, value in enumerate(part):
            if isinstance(value, tuple) and len(value) > 1 and isinstance(value[0], str):
                yield from ((f"{place}[{value[0]!r}]", item) for item in value[1:])  # a named step
            elif type(value) not in SCALARS:
                yield f"{place}[{i}]", value
    elif isinstance(part, np.ndarray) and part.dtype == object:
        yield from _with_places(enumerate(part.flat), place)
    elif _is_opened(part) and isinstance(state := part.__getstate__(), dict):
        passing = passing_attributes(part)
        yield from (
            (f"{place}.{name}", value)
            for name, value in state.items()
            if name not in passing and type(value) not in SCALARS
        )


def _with_places(items: Iterable[tuple[Any, Any]], place: str) -> Iterator[tuple[str, Any]]:
    return ((f"{place}[{key!r}]", part) for key, part in items if type(part) not in SCALARS)


def passing_attributes(part: Any) -> dict[str, Any]:
    """Return the attributes that scikit-learn's callbacks set on an estimator."""
    attributes = getattr(part, "__dict__", {}) if isinstance(part, BaseEstimator) else {}
    return {
        name: value
        for name, value in attributes.items()
        if name in CALLBACK_ATTRIBUTES or _is_context(value)
    }


def _is_context(value: Any) -> bool:
    return type(value).__module__.startswith("sklearn.callback.")


def _is_opened(part: Any) -> bool:
    """Whether it is an object, not a type or function, of sklstm or scikit-learn."""
    is_object = hasattr(part, "__dict__") and not hasattr(part, "__name__")
    return is_object and full_name(part).split(".")[0] in {"sklearn", "sklstm"}


def full_name(value: Any) -> str:
    """Return the full name of a type or a function, or of the type of another object."""
    named = value if hasattr(value, "__name__") else type(value)
    module = getattr(named, "__module__", None) or type(named).__module__
    return f"{module}.{named.__name__}"


def keys_last(mapping: dict) -> bool:
    """Whether the keys can be restored from JSON, which writes all keys as text."""
    lasting = (str, int, float, np.integer, np.floating)
    distinct = {str(key) for key in mapping}
    return len(distinct) == len(mapping) and all(
        isinstance(key, lasting) and not isinstance(key, bool) for key in mapping
    )
