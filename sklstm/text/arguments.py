"""Checks arguments of methods that several public classes inherit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np
from sklearn import get_config

from sklstm._sklearn_compat import validate_parameter_constraints


def checked(constraints: Mapping[str, list]) -> Callable[[Callable], Callable]:
    """Decorate a method: its arguments are checked as scikit-learn's `validate_params` does it.

    Errors name the class of the object, which is public, and not the one that holds the method.
    Numbers of numpy become Python's: a count never outgrows their width. The method computes with
    what one fit has learnt, even if another one ends meanwhile.

    Parameters
    ----------
    constraints : mapping of str to list
        By the arguments' names, as in `_parameter_constraints` of an estimator.
    """

    def decorate(method: Callable) -> Callable:
        signature = inspect.signature(method)

        @wraps(method)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            caller = f"{type(self).__name__}.{method.__name__}"
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError as error:
                valid = ", ".join([*signature.parameters][1:])
                raise TypeError(f"{caller}() {error}: valid are {valid}.") from None
            bound.apply_defaults()
            bound.arguments.update({name: plain(v) for name, v in bound.arguments.items()})
            if not get_config()["skip_parameter_validation"]:
                validate_parameter_constraints(constraints, bound.arguments, caller_name=caller)
            bound.arguments["self"] = self._as_learnt()
            return method(*bound.args, **bound.kwargs)

        return call

    return decorate


def plain(value: Any) -> Any:
    """Return a number, a string or a truth value of numpy's as Python's, others as they are."""
    return value.item() if isinstance(value, np.generic) else value
