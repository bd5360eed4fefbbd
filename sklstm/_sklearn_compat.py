"""Every private name of scikit-learn that the package uses, in one place.

Other modules import them from here. If scikit-learn moves one, only this file has to change.
"""

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.base import _fit_context as fit_context
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils._plotting import _validate_style_kwargs as validate_style_kwargs
from sklearn.utils._set_output import _get_output_config as get_output_config
from sklearn.utils.validation import _check_feature_names, _check_n_features
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _estimator_has as estimator_has
from sklearn.utils.validation import _get_feature_names as get_feature_names
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "CALLBACK_ATTRIBUTES",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "check_columns",
    "check_matplotlib_support",
    "check_sample_weight",
    "estimator_has",
    "fit_context",
    "get_feature_names",
    "get_output_config",
    "has_callbacks",
    "num_samples",
    "safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
    "validate_style_kwargs",
    "without_callbacks",
]

# What scikit-learn's callbacks leave in an estimator, the first for good and the others for a fit.
CALLBACK_ATTRIBUTES = (
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
)


def has_callbacks(estimator: BaseEstimator) -> bool:
    """Whether an estimator has callbacks of scikit-learn's, its own or those of a search."""
    return bool(getattr(estimator, "_skl_callbacks", ()))


def without_callbacks(estimator: BaseEstimator) -> BaseEstimator:
    """Return a shallow copy of an estimator that has no callbacks of scikit-learn's."""
    copied = copy.copy(estimator)
    for name in CALLBACK_ATTRIBUTES:
        vars(copied).pop(name, None)
    return copied


def check_columns(
    X: Any, *, n_columns: int, names: Sequence[str] | None, estimator_name: str
) -> None:
    """Check the number of columns and their names as scikit-learn's `validate_data` does.

    scikit-learn reads the learnt columns from attributes of an estimator, and its messages name
    the estimator's class. Here a temporary object of a class of that name has the attributes.

    Raises
    ------
    ValueError
        If X has other columns.
    """
    stand_in = _class_of_name(estimator_name)()
    stand_in.n_features_in_ = n_columns
    if names is not None:
        stand_in.feature_names_in_ = names
    _check_feature_names(stand_in, X, reset=False)
    _check_n_features(stand_in, X, reset=False)


@lru_cache
def _class_of_name(name: str) -> type:
    return type(name, (), {})
