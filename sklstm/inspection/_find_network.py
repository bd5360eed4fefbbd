"""Finding the LSTM network in an estimator, a Pipeline or a search."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklstm._base import BaseNetwork
from sklstm._sklearn_compat import BaseSearchCV


def find_network(estimator: BaseEstimator) -> tuple[list[Pipeline], BaseNetwork]:
    """Find the fitted network in an estimator.

    Parameters
    ----------
    estimator : BaseNetwork, or a Pipeline or a search that ends in one

    Returns
    -------
    transformers : list of Pipeline
        The transformers that X passes before the network, in order.
    network : BaseNetwork

    Raises
    ------
    TypeError
        If the estimator holds no LSTM network of this package.
    NotFittedError
        If it is not fitted.
    ValueError
        If a search was not refitted.
    """
    transformers = []
    while not isinstance(estimator, BaseNetwork):
        if isinstance(estimator, BaseSearchCV):
            estimator = _best_estimator(estimator)
        elif isinstance(estimator, Pipeline):
            transformers += [estimator[:-1]] if len(estimator) > 1 else []
            estimator = estimator[-1]
        else:
            raise TypeError(
                f"{estimator!r} holds no LSTM network: valid are LSTMClassifier, LSTMRegressor, "
                "CharSequenceGenerator, WordSequenceGenerator, a Pipeline whose last step is one "
                "of them, and a fitted search over either."
            )
    check_is_fitted(estimator)
    return transformers, estimator


def find_network_and_input(estimator: BaseEstimator, X: Any) -> tuple[BaseNetwork, Any]:
    """Find the network in an estimator, and transform X to what this network takes."""
    transformers, network = find_network(estimator)
    for transformer in transformers:
        X = transformer.transform(X)
    return network, X


def _best_estimator(search: BaseSearchCV) -> BaseEstimator:
    check_is_fitted(search)
    if not hasattr(search, "best_estimator_"):
        raise ValueError(
            f"{type(search).__name__} was fitted with refit={search.refit!r} and has no "
            "best_estimator_: set refit=True, or give a fitted estimator."
        )
    return search.best_estimator_
