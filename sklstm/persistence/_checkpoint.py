"""A file that a fit writes after every epoch, and from which an interrupted fit continues."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from sklstm import persistence
from sklstm._files import check_writable
from sklstm._fitted_state import CheckpointState, FittedState
from sklstm.network.training.settings import Snapshot

if TYPE_CHECKING:
    from sklstm._base import BaseNetwork

# What may change between two runs of a fit without changing its result so far.
FREE_PARAMETERS = {"callbacks", "checkpoint", "sample_length", "verbose"}


class Checkpoint:
    """The checkpoint of one fit: a model file that also holds a snapshot of the training.

    Parameters
    ----------
    estimator : estimator
        Its parameter ``checkpoint`` is the path of the file.
    data : iterable of ndarray or None
        The data that the fit learns from, to tell whether a file belongs to the same fit.
    """

    def __init__(self, estimator: BaseNetwork, data: Iterable[np.ndarray | None]) -> None:
        self.estimator = estimator
        self.path = Path(estimator.checkpoint)
        self.data_digest = _digest(data)

    def read(self) -> Snapshot | None:
        """Return the last snapshot of an earlier run of the fit; None if there is no file.

        Raises
        ------
        OSError
            If the file could not be written after the first epoch.
        ValueError
            If the file is damaged, not a checkpoint, or one of another fit.
        """
        check_writable(self.path)
        if not self.path.exists():
            return None
        saved = self._load()
        found = _checkpoint_state(saved)
        if not isinstance(saved, type(self.estimator)) or found is None:
            self._refuse(f"it holds a {type(saved).__name__} and no state of a training")
        for name, value in self._fixed_parameters().items():
            if repr(before := getattr(saved, name)) != repr(value):
                self._refuse(f"that had {name}={before!r}, and this has {name}={value!r}")
        if found.data_digest != self.data_digest:
            self._refuse("that learnt another text")
        if found.snapshot.n_epochs > self.estimator.epochs:
            self._refuse(
                f"that ran {found.snapshot.n_epochs} epochs, and this has "
                f"epochs={self.estimator.epochs}"
            )
        return found.snapshot

    def _load(self) -> BaseEstimator:
        try:
            return persistence.load(self.path)
        except ValueError as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} cannot be gone on from: {error} To begin anew, "
                "delete or move the file, or name another one."
            ) from error

    def write(self, state: FittedState, snapshot: Snapshot) -> None:
        """Write the estimator after an epoch; the file is replaced only when it is complete."""
        state = replace(
            state,
            optimizer_states=(snapshot.optimizer_state,),
            checkpoint=CheckpointState(snapshot, self.data_digest),
        )
        saved = self.estimator._with_state(state)
        persistence.save(saved.set_params(callbacks=None, checkpoint=None), self.path)

    def _fixed_parameters(self) -> dict[str, object]:
        """Return the parameters that determine the epochs run so far."""
        parameters = self.estimator.get_params(deep=False)
        free = set(FREE_PARAMETERS)
        if parameters["learning_rate_schedule"] == "constant" and not parameters["warmup"]:
            free.add("epochs")
        if not isinstance(parameters["random_state"], Integral):
            free.add("random_state")
        return {name: value for name, value in parameters.items() if name not in free}

    def _refuse(self, reason: str) -> None:
        raise ValueError(
            f"checkpoint={str(self.path)!r} was written by another fit: {reason}. Delete or move "
            "the file to begin anew, name another one, or set the parameters as they were. In a "
            "search or a cross-validation, where every candidate and every fold is another fit, "
            "set checkpoint=None."
        )


def _checkpoint_state(saved: BaseEstimator) -> CheckpointState | None:
    """Return the checkpoint state of a loaded estimator; None if it has none."""
    state = vars(saved).get("_fitted_state")
    return state.checkpoint if isinstance(state, FittedState) else None


def _digest(data: Iterable[np.ndarray | None]) -> str:
    digest = hashlib.sha256()
    for array in data:
        digest.update(_content(array))
        digest.update(b"|")
    return digest.hexdigest()


def _content(array: np.ndarray | None) -> bytes:
    if array is None or array.dtype == object:  # words: the bytes of such an array are addresses
        return repr(None if array is None else array.tolist()).encode("utf-8", "surrogatepass")
    return np.ascontiguousarray(array).tobytes()
