"""Checks of language models: arguments of their methods, and combinations of parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator

from sklstm._sklearn_compat import validate_parameter_constraints
from sklstm.persistence._checkpoint import check_parameters


def checked(constraints: Mapping[str, list]) -> Callable[[Callable], Callable]:
    """Decorate a method so that its arguments are checked as by scikit-learn's `validate_params`.

    Errors name the class of the object, which is public, and not the class that defines the method.
    numpy's numbers become Python's, which do not overflow.

    Parameters
    ----------
    constraints : mapping of str to list
        By the names of the arguments, as in `_parameter_constraints` of an estimator.
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
            return method(*bound.args, **bound.kwargs)

        return call

    return decorate


def check_combinations(model: BaseEstimator, X_val: Any, *, partial: bool) -> None:
    """Check that the parameters of a language model can be used together.

    Raises
    ------
    ValueError
        If early stopping has no validation text, or a checkpoint is set together with
        `warm_start` or an optimizer object.
    """
    if model.early_stopping and X_val is None and not partial:
        raise ValueError("early_stopping=True needs a validation text: fit(X, X_val=...).")
    check_parameters(model)


def plain(value: Any) -> Any:
    """Convert a numpy scalar to a Python one; return other values unchanged."""
    return value.item() if isinstance(value, np.generic) else value
