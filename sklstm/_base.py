"""`BaseNetwork`: what all estimators of the package share, and how they train a network."""

from __future__ import annotations

import copy
import threading
import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from dataclasses import fields, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklstm._doc_link import DocLinkMixin
from sklstm._fit_tasks import CallbackSupportMixin, FitTasks
from sklstm._fitted_state import FittedState, LearntFromData
from sklstm._parameters import (
    as_float,
    as_int,
    check_optimizer,
    checked_callbacks,
    checked_keras_params,
)
from sklstm._sequences import Sequences
from sklstm._sklearn_compat import without_callbacks
from sklstm._targets import Targets
from sklstm.network.quiet_import import importing_tensorflow
from sklstm.network.spec import NetworkSpec, Weights, split_weights
from sklstm.network.summary import summarize
from sklstm.network.training.batches import TrainingData
from sklstm.network.training.interrupts import Interrupts
from sklstm.network.training.settings import (
    Progress,
    Snapshot,
    Start,
    TrainingResult,
    TrainingSettings,
)

if TYPE_CHECKING:
    import keras
    import onnx

EPOCHS = Progress()
SnapshotsOfNetworks = tuple[Snapshot | None, ...]  # of each network; None before its first epoch


class BaseNetwork(CallbackSupportMixin, DocLinkMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of all estimators that train a network, on sequences of numbers or on texts.

    An estimator holds its parameters and, once it is fitted, one `FittedState`.
    """

    # Parameters that a fit which continues another cannot change, such as the loss.
    _fixed_parameters: ClassVar[tuple[str, ...]] = ()

    @property
    def history_(self) -> dict[str, list[float]]:
        """Loss and metrics of each epoch, and ``val_*`` with a validation set."""
        return self._fitted().history

    @property
    def histories_(self) -> list[dict[str, list[float]]]:
        """The history of each network; `history_` is the mean of those that ran an epoch."""
        return list(self._fitted().histories)

    @property
    def n_iter_(self) -> int:
        """Epochs run; with several networks, those of the longest training."""
        return self._fitted().n_epochs

    @property
    def training_loop_(self) -> str:
        """How the epochs were run: "xla" or "graph", perhaps with ", batch by batch"."""
        return self._fitted().training_loop

    @property
    def interrupted_(self) -> bool:
        """Whether Ctrl-C ended the last fit before its last epoch."""
        return self._fitted().interrupted

    def summary(self) -> None:
        """Print what the network is made of, and the shape and the size of each weight array.

        That is: input and how it is scaled, layers, pooling, output, and the number of networks.
        The arrays of several networks have the same names and shapes, which are printed once.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        state = self._fitted()
        standardize = state.data.fixed_parameters.get("standardize", False)
        print(
            summarize(state.network.spec, state.data.input_scaling, standardize=bool(standardize))
        )

    def to_keras(self, timesteps: int | None = None) -> keras.Model:
        """Build a `keras.Model` with the fitted weights; this loads TensorFlow.

        Parameters
        ----------
        timesteps : int, default=None
            Number of time steps that the input of the model has. None is any number, which some
            tools that read the shape of the input cannot use, such as SHAP.

        Returns
        -------
        keras.Model
            Takes X in the units of ``fit``: arrays of shape (n, T, F), or (n, T) for token ids.
            Where sequences varied in length in ``fit``, they are right-padded with NaN (ids with
            0). With static features it takes ``[X, static]``, X without them and a row of them for
            each sequence. The outputs of a regressor are in the units of y; those of several
            networks are averaged.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If TensorFlow, Keras or SciKeras is not installed; it says what to install.
        """
        state = self._fitted()
        with Interrupts(), importing_tensorflow():
            from sklstm.network.keras_model import model_for_users

        return model_for_users(
            state.network.spec,
            state.network.weights,
            varies=state.data.lengths_vary,
            timesteps=timesteps,
            input_scaling=state.data.input_scaling,
            target_scaling=state.data.targets.scaling,
        )

    def to_onnx(self) -> onnx.ModelProto:
        """Return the network as an ONNX model, for other languages and machines.

        Returns
        -------
        onnx.ModelProto
            Its inputs are described in the user guide. Of several networks it computes the mean.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        state = self._fitted()
        return state.network.to_onnx(state.data.input_scaling, state.data.targets.scaling)

    @abstractmethod
    def _sequences(self, X: Any) -> Sequences:
        """Read X, in any form that ``predict`` takes, into the sequences that the network reads."""

    def __sklearn_clone__(self) -> Self:
        """Clone as scikit-learn does, but keep the same callback objects, without a copy.

        Callbacks may hold something that cannot be copied, such as a lock, or report to an object
        that the user reads. Each fit makes shallow copies of them anyway.
        """
        without = copy.copy(self)
        without.callbacks = None
        cloned = super(BaseNetwork, without).__sklearn_clone__()
        cloned.callbacks = copy.copy(self.callbacks)
        return cloned

    def __sklearn_is_fitted__(self) -> bool:
        return "_fitted_state" in vars(self)

    def _state(self) -> FittedState | None:
        """Return the fitted state, or None before the first fit."""
        return vars(self).get("_fitted_state")

    def _fitted(self) -> FittedState:
        """Return the fitted state: one object, which a fit in another thread does not change."""
        state = self._state()
        if state is None:
            check_is_fitted(self)
        return state

    def _with_state(self, state: FittedState) -> Self:
        """Return a shallow copy of the estimator that has another fitted state."""
        copied = without_callbacks(self)
        copied._fitted_state = state
        return copied

    def _state_to_continue(self) -> FittedState | None:
        """Return the state that ``fit`` continues from, with `warm_start`; otherwise None."""
        return self._state() if self.warm_start else None

    def _keras_params(self) -> dict[str, Any]:
        """Return the parameters that scikeras routes to the optimizer and the loss."""
        return checked_keras_params(self.keras_params)

    def _fixed_values(self) -> dict[str, Any]:
        """Return what the fixed parameters mean, as plain values."""
        return {name: getattr(self, name) for name in self._fixed_parameters}

    def _checked_fixed_parameters(self, previous: FittedState | None) -> dict[str, Any]:
        """Return the fixed parameters; check that they are those of the fit that is continued."""
        values = self._fixed_values()
        before = values if previous is None else previous.data.fixed_parameters
        for name, value in before.items():
            if values[name] != value:
                raise ValueError(
                    f"{name}={values[name]!r} cannot go on from a fit with {name}={value!r}: what "
                    "was learnt depends on it. Set it as it was, or fit anew, with "
                    "warm_start=False."
                )
        return dict(before)

    def _settings(
        self,
        targets: Targets,
        *,
        batch_size: int,
        learning_rate: float | None,
        partial: bool,
        patience: int | None,
        score: Callable[[Weights], float] | None = None,
        progress: Progress = EPOCHS,
        always_xla: bool = False,
    ) -> TrainingSettings:
        routed = self._keras_params()
        check_optimizer(self.optimizer, routed)
        by_name = isinstance(self.optimizer, str)
        sets_rate = by_name and "optimizer__learning_rate" not in routed
        scheduled = by_name and not partial
        return TrainingSettings(
            loss=targets.loss,
            metric=targets.metric,
            optimizer=self.optimizer,
            learning_rate=as_float(learning_rate, "learning_rate") if sets_rate else None,
            clipnorm=as_float(self.clipnorm, "clipnorm") if by_name else None,
            keras_params=routed,
            batch_size=int(batch_size),
            epochs=1 if partial else int(self.epochs),
            patience=as_int(patience),
            schedule=self.learning_rate_schedule if scheduled else "constant",
            warmup=float(self.warmup) if scheduled else 0.0,
            always_xla=always_xla,
            score=score,
            callbacks=checked_callbacks(self.callbacks),
            progress=replace(progress, as_lines=self.verbose == 2) if self.verbose else None,
        )

    def _random_generator(self, previous: FittedState | None) -> np.random.RandomState:
        """Return the generator of a fit; with a seed, a fit that continues uses the last fit's.

        Without a seed a new generator is made: numpy's global generator is never used.
        """
        if self.random_state is None:
            return np.random.RandomState()
        kept = None if previous is None else previous.random_generator
        if kept is not None and isinstance(self.random_state, Integral):
            return copy.deepcopy(kept)  # a fit that fails must not change the fitted state
        return check_random_state(self.random_state)

    def _train(
        self,
        spec: NetworkSpec,
        settings: TrainingSettings,
        data: tuple[TrainingData, TrainingData | None],
        learnt: LearntFromData,
        rng: np.random.RandomState,
        *,
        varies: bool,
        previous: FittedState | None,
        partial: bool,
        resume: SnapshotsOfNetworks | None = None,
        on_epoch: Callable[[FittedState, SnapshotsOfNetworks], None] | None = None,
        tasks: FitTasks | None = None,
    ) -> FittedState:
        """Train a network, and return the fitted state.

        Parameters
        ----------
        data : tuple of TrainingData
            The training data, and the validation data or None.
        varies : bool
            Whether sequences in this data differ in length.
        previous : FittedState or None
            The state that this fit continues.
        partial : bool
            Whether this is one epoch of ``partial_fit``.
        resume : tuple of (Snapshot or None), default=None
            Where the networks of a fit that was interrupted stood.
        on_epoch : callable, default=None
            Called after each epoch with the fitted state so far and a snapshot of the training.
        tasks : FitTasks, default=None
            What tells scikit-learn's callbacks of the fit.
        """
        # If its import were interrupted, TensorFlow could not be imported again.
        with Interrupts(), importing_tensorflow():
            from sklstm.network.training.ensemble import train_networks

        if previous is not None:
            _check_same_network(previous.network.spec, spec)

        snapshots = list(resume or [None] * spec.n_networks)
        lock = threading.Lock()

        def report(k: int, trained: TrainingResult) -> bool:
            with lock:
                snapshots[k] = trained.last
                done = [trained.at(snapshot) for snapshot in snapshots if snapshot is not None]
                so_far = replace(spec, n_networks=len(done))
                state = FittedState.after(so_far, done, learnt, previous)
                if on_epoch is not None:
                    on_epoch(state, tuple(snapshots))
                return tasks is not None and tasks.end_epoch(state)

        if tasks is not None:
            tasks.begin(spec.n_networks, settings.epochs)
        trained = train_networks(
            spec,
            settings,
            *data,
            _starts(spec, previous, rng),
            varies=varies,
            resume=resume,
            before_epoch=None if tasks is None else tasks.begin_epoch,
            on_epoch=None if on_epoch is None and tasks is None else report,
        )
        state = FittedState.after(spec, trained, learnt, previous)
        if partial or self.warm_start:
            optimizer_states = tuple(one.last.optimizer_state for one in trained)
            state = replace(state, optimizer_states=optimizer_states, random_generator=rng)
        if tasks is not None:
            tasks.end(state)
        return state

    def _learn(self, state: FittedState, stacklevel: int = 5) -> None:
        """Assign the fitted state, and warn if the fit was interrupted, at the line that fits."""
        self._fitted_state = state
        if state.interrupted:
            warnings.warn(
                f"Training was interrupted: the weights are those after epoch {state.n_epochs}.",
                ConvergenceWarning,
                stacklevel=stacklevel,
            )


def _starts(
    spec: NetworkSpec, previous: FittedState | None, rng: np.random.RandomState
) -> list[Start]:
    """Return where each network begins; several draw from generators of their own."""
    n = spec.n_networks
    rngs = [rng] if n == 1 else [np.random.RandomState(rng.randint(2**31)) for _ in range(n)]
    if previous is None:
        return [Start(spec.single.initial_weights(own), None, own) for own in rngs]
    weights = split_weights(spec, previous.network.weights)
    states = previous.optimizer_states or [None] * n
    return [Start(*each) for each in zip(weights, states, rngs, strict=True)]


def _check_same_network(before: NetworkSpec, now: NetworkSpec) -> None:
    """Check that a fit can start from the weights of the previous one."""
    changed = [
        f"{field.name}={getattr(now, field.name)!r} (it was {getattr(before, field.name)!r})"
        for field in fields(NetworkSpec)
        if field.name != "dropout" and getattr(now, field.name) != getattr(before, field.name)
    ]
    if changed:
        raise ValueError(
            f"This fit goes on with the fitted weights, but the network has changed since: "
            f"{', '.join(changed)}. Set it as it was, or fit anew, with warm_start=False."
        )
