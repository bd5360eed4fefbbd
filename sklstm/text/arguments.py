"""Checks of what users pass to language models: arguments of methods, and parameters together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator

from sklstm._sklearn_compat import validate_parameter_constraints


def checked(constraints: Mapping[str, list]) -> Callable[[Callable], Callable]:
    """Decorate a method: its arguments are checked as scikit-learn's `validate_params` does it.

    Errors name the class of the object, which is public, and not the one that holds the method.
    Numbers of numpy become Python's: a count never outgrows their width.

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
            return method(*bound.args, **bound.kwargs)

        return call

    return decorate


def check_combinations(model: BaseEstimator, X_val: Any, *, partial: bool) -> None:
    """Check parameters of a language model that do not go with each other.

    Raises
    ------
    ValueError
        If early stopping has no validation text, or a checkpoint is set with what it cannot keep.
    """
    if model.early_stopping and X_val is None and not partial:
        raise ValueError("early_stopping=True needs a validation text: fit(X, X_val=...).")
    if model.checkpoint is None:
        return
    if model.warm_start:
        raise ValueError(
            f"checkpoint={str(model.checkpoint)!r} goes on with a fit that was interrupted, "
            "warm_start=True with one that was complete: set one of them."
        )
    if not isinstance(model.optimizer, str):
        raise ValueError(
            f"checkpoint={str(model.checkpoint)!r} needs an optimizer given by name: a model "
            f"file cannot keep {model.optimizer!r}."
        )


def plain(value: Any) -> Any:
    """Return a number, a string or a truth value of numpy's as Python's, others as they are."""
    return value.item() if isinstance(value, np.generic) else value
