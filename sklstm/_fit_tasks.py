"""scikit-learn's callbacks, which are told of the tasks of a fit: `FitTasks`.

They are an experimental part of scikit-learn 1.9. What the package uses of them is in this file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext, CallbackSupportMixin

from sklstm._sklearn_compat import has_callbacks, num_samples, safe_indexing

__all__ = ["CallbackSupportMixin", "FitTasks", "fit_tasks"]


def fit_tasks(
    estimator: BaseEstimator,
    X: Any,
    y: Any = None,
    sample_weight: Any = None,
    rows: np.ndarray | None = None,
) -> FitTasks | None:
    """Return what tells the callbacks of an estimator of its fit; None if it has no callbacks.

    Parameters
    ----------
    estimator : estimator
        Its ``fit`` is decorated by scikit-learn's `fit_context`, which ends the callbacks however
        the fit ends.
    X, y, sample_weight
        As they were given to ``fit``.
    rows : ndarray of int, default=None
        The samples that the network learns from; None for all.
    """
    if not has_callbacks(estimator):
        return None

    def taken(values: Any) -> Callable[[], Any]:
        if rows is None or len(rows) == num_samples(X):
            return lambda: values
        return functools.cache(lambda: safe_indexing(values, rows))

    data = {"X": taken(X), "y": taken(y), "metadata": None}
    if np.ndim(sample_weight):  # one number for all samples changes nothing
        weights = taken(sample_weight)
        data["metadata"] = lambda: {"sample_weight": weights()}
    return FitTasks(estimator, data)


class FitTasks:
    """Tells callbacks of a fit: one task for each epoch, within one for each network of several.

    A callback gets an estimator that predicts as if the fit had ended with the task. The estimator
    that is being fitted does not change before the fit has ended.

    Parameters
    ----------
    estimator : estimator
    data : dict
        What callbacks are given as X, y and metadata: functions without arguments, called only
        where a callback asks for what they return.
    """

    def __init__(self, estimator: BaseEstimator, data: dict[str, Any]) -> None:
        self.estimator, self.data = estimator, data
        self.open: list[CallbackContext] = []  # tasks that have begun: fit, network, epoch
        self.network = -1

    def begin(self, n_networks: int, epochs: int) -> None:
        """Begin the fit."""
        self.n_networks, self.epochs = n_networks, epochs
        n_subtasks = epochs if n_networks == 1 else n_networks
        self._begin(self.estimator._init_callback_context(max_subtasks=n_subtasks))

    def begin_epoch(self, network: int) -> None:
        """Begin an epoch of a network, and the network where it is its first."""
        if self.n_networks > 1 and network != self.network:
            self._end_down_to(1)
            self._begin(self.open[-1].subcontext("network", max_subtasks=self.epochs))
            self.network = network
        self._begin(self.open[-1].subcontext("epoch"))

    def end_epoch(self, state: Any) -> bool:
        """End an epoch with what has been learnt; return whether a callback ends the training."""
        return self._end(state)

    def end(self, state: Any) -> None:
        """End the fit with what it has learnt, and before that an epoch that was interrupted."""
        self._end_down_to(1)
        self._end(state)

    def _begin(self, task: CallbackContext) -> None:
        self.open.append(task)
        task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def _end_down_to(self, n_open: int) -> None:
        while len(self.open) > n_open:
            self._end(None)

    def _end(self, state: Any) -> bool:
        learnt = None if state is None else {"_fitted_state": state}
        return self.open.pop().call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=learnt, **self.data
        )
