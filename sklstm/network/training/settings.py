"""The settings, the state and the result of a training, as plain values without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sklstm.network.spec import NetworkSpec, Weights


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of a training.

    Attributes
    ----------
    loss : str
        A key of `losses.LOSSES`.
    metric : str or None
        A Keras metric's name, reported as "accuracy".
    optimizer : str or keras.optimizers.Optimizer
    learning_rate, clipnorm : float or None
        For an optimizer given by name; None for its own default.
    keras_params : mapping
        Parameters that scikeras routes, such as ``{"optimizer__beta_1": 0.8}``.
    batch_size : int
        In samples.
    epochs : int
    patience : int or None
        Epochs without a better validation loss after which training stops; None never stops.
    schedule : {"constant", "cosine"}
        Course of the learning rate after the warm-up.
    warmup : float
        Share of all batches over which the learning rate rises.
    always_xla : bool
        Whether XLA compiles the training even if it is short. XLA rounds differently than plain
        graphs do, and a fit that is resumed from a file may have more epochs than before: it must
        not change from one to the other.
    score : callable or None
        Says how good weights are, on validation data of its own; greater is better. None judges by
        the validation loss.
    callbacks : tuple
        Keras's callbacks, and functions of ``(epoch, logs)``.
    progress : Progress or None
        How progress is shown; None shows none.
    """

    loss: str
    metric: str | None = None
    optimizer: Any = "adam"
    learning_rate: float | None = None
    clipnorm: float | None = None
    keras_params: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 32
    epochs: int = 1
    patience: int | None = None
    schedule: str = "constant"
    warmup: float = 0.0
    always_xla: bool = False
    score: Callable[[Weights], float] | None = None
    callbacks: tuple = ()
    progress: Progress | None = None


@dataclass(frozen=True)
class Progress:
    """How progress is shown.

    Attributes
    ----------
    unit : str
        What a progress bar counts.
    per_epoch : int
        Units in an epoch.
    loss : str
        What the loss is called.
    as_lines : bool
        Whether it is a line of text for each epoch, instead of a bar.
    """

    unit: str = "epoch"
    per_epoch: int = 1
    loss: str = "loss"
    as_lines: bool = False


@dataclass(frozen=True)
class OptimizerState:
    """The state of an optimizer, without its learning rate.

    Attributes
    ----------
    optimizer : str
        The name of its class.
    variables : list of ndarray
        Its count of steps and its moments.
    """

    optimizer: str
    variables: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Start:
    """Where the training of a network begins.

    Attributes
    ----------
    weights : dict of ndarray
        By the names of the spec's ``weight_shapes()``.
    optimizer_state : OptimizerState or None
        None, or one of another optimizer, for the optimizer's own beginning.
    rng : RandomState
        Draws the order of the rows and the dropout.
    """

    weights: Weights
    optimizer_state: OptimizerState | None
    rng: np.random.RandomState


@dataclass(frozen=True)
class Snapshot:
    """The state of a training after an epoch: a resumed training gives the same bits.

    Attributes
    ----------
    weights : dict of ndarray
    optimizer_state : OptimizerState
    seeds : list of ndarray
        Of the dropout.
    rng_state : dict
        Of the generator that draws the rows.
    history : dict of lists
        One entry per epoch.
    n_epochs : int
        Number of epochs run.
    best_weights : dict of ndarray or None
        Weights of the epoch with the least validation loss; None without early stopping.
    """

    weights: Weights
    optimizer_state: OptimizerState
    seeds: list[np.ndarray]
    rng_state: dict[str, Any]
    history: dict[str, list[float]]
    n_epochs: int
    best_weights: Weights | None


@dataclass
class TrainingResult:
    """The result of a training.

    Attributes
    ----------
    spec : NetworkSpec
    weights : dict of ndarray
        Of the last epoch, or with early stopping of the best one.
    last : Snapshot
        The state after the last epoch.
    interrupted : bool
        Whether Ctrl-C ended the training.
    loop : str
        How the epochs were run: "xla" or "graph", with ", batch by batch" for callbacks that hear
        of every batch.
    """

    spec: NetworkSpec
    weights: Weights
    last: Snapshot
    interrupted: bool
    loop: str

    def at(self, snapshot: Snapshot) -> TrainingResult:
        """Return what had come of the training, or of one like it, at a snapshot."""
        weights = snapshot.weights if snapshot.best_weights is None else snapshot.best_weights
        return replace(self, weights=weights, last=snapshot)
