"""A file that a fit writes after every epoch, and from which an interrupted fit continues."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from sklstm import persistence
from sklstm._files import check_writable
from sklstm._fitted_state import CheckpointState, FittedState
from sklstm.input.containers import rows_per_block
from sklstm.network.training.settings import Snapshot

if TYPE_CHECKING:
    from sklstm._base import BaseNetwork
    from sklstm.input.stored_arrays import StoredSteps

# What may change between two runs of a fit without changing its result so far.
FREE_PARAMETERS = {"callbacks", "checkpoint", "sample_length", "verbose"}
BYTES_PER_READ = 2 * 2**20


class Checkpoint:
    """The checkpoint of one fit: a model file that also holds a snapshot of the training.

    Parameters
    ----------
    estimator : estimator
        With ``checkpoint`` among its parameters: the name of a file, or of a folder, in which each
        fit has a file of its own, named by its parameters and its data.
    data : iterable of ndarray, StoredSteps or None
        The data that the fit learns from, to tell whether a file belongs to the same fit.
    """

    def __init__(
        self, estimator: BaseNetwork, data: Iterable[np.ndarray | StoredSteps | None]
    ) -> None:
        self.estimator = estimator
        self.path = Path(estimator.checkpoint)
        self.data_digest = _digest(data)
        if self.path.is_dir():
            self.path /= f"{self._digest_of_fit()}.sklstm"

    def read(self) -> tuple[Snapshot | None, ...] | None:
        """Return where the networks of an earlier run stood; None if there is no file.

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
            self._refuse("that learnt other data")
        if len(found.snapshots) != getattr(self.estimator, "n_networks", 1):
            self._refuse(f"that trained {len(found.snapshots)} networks")
        n_epochs = max(one.n_epochs for one in found.snapshots if one is not None)
        if n_epochs > self.estimator.epochs:
            self._refuse(f"that ran {n_epochs} epochs, and this has epochs={self.estimator.epochs}")
        return found.snapshots

    def _load(self) -> BaseEstimator:
        try:
            return persistence.load(self.path)
        except ValueError as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} cannot be gone on from: {error} To begin anew, "
                "delete or move the file, or name another one."
            ) from error

    def write(self, state: FittedState, snapshots: tuple[Snapshot | None, ...]) -> None:
        """Write the estimator as it stands after an epoch, whole or not at all."""
        begun = [one for one in snapshots if one is not None]
        state = replace(
            state,
            optimizer_states=tuple(one.optimizer_state for one in begun),
            checkpoint=CheckpointState(snapshots, self.data_digest),
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

    def _digest_of_fit(self) -> str:
        """Return a name that fits of other parameters or other data do not have."""
        parts = [type(self.estimator).__name__, self.data_digest]
        parts += [f"{name}={value!r}" for name, value in self._fixed_parameters().items()]
        return hashlib.sha256("|".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _refuse(self, reason: str) -> None:
        raise ValueError(
            f"checkpoint={str(self.path)!r} was written by another fit: {reason}. Delete or move "
            "the file to begin anew, name another one, or set the parameters as they were. In a "
            "search or a cross-validation, where every candidate and every fold is another fit, "
            "name a folder that exists: each fit then has a file of its own there."
        )


def check_parameters(estimator: BaseEstimator) -> None:
    """Check that the parameters of an estimator go with a checkpoint.

    Raises
    ------
    ValueError
        If they do not.
    """
    if estimator.checkpoint is None:
        return
    if estimator.warm_start:
        raise ValueError(
            f"checkpoint={str(estimator.checkpoint)!r} goes on with a fit that was interrupted, "
            "warm_start=True with one that was complete: set one of them."
        )
    if callable(getattr(estimator, "scoring", None)):
        raise ValueError(
            f"checkpoint={str(estimator.checkpoint)!r} needs scoring by name: a model file cannot "
            f"keep {estimator.scoring!r}."
        )
    if not isinstance(estimator.optimizer, str):
        raise ValueError(
            f"checkpoint={str(estimator.checkpoint)!r} needs an optimizer given by name: a model "
            f"file cannot keep {estimator.optimizer!r}."
        )


def _checkpoint_state(saved: BaseEstimator) -> CheckpointState | None:
    """Return the checkpoint state of a loaded estimator; None if it has none."""
    state = vars(saved).get("_fitted_state")
    return state.checkpoint if isinstance(state, FittedState) else None


def _digest(data: Iterable[np.ndarray | StoredSteps | None]) -> str:
    digest = hashlib.sha256()
    for array in data:
        for content in _contents(array):
            digest.update(content)
        digest.update(b"|")
    return digest.hexdigest()


def _contents(array: np.ndarray | StoredSteps | None) -> Iterator[bytes]:
    """Yield the bytes of an array, a part at a time."""
    if array is None or array.dtype == object:  # words: the bytes of such an array are addresses
        yield repr(None if array is None else array.tolist()).encode("utf-8", "surrogatepass")
        return
    n_rows = rows_per_block(array, BYTES_PER_READ)
    for first in range(0, len(array), n_rows):
        yield np.ascontiguousarray(array[first : first + n_rows]).tobytes()
