"""How a network is trained, in plain values: importing this loads no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklstm.network.spec import NetworkSpec


@dataclass(frozen=True)
class TrainingSettings:
    """What `train` is told besides the network and the data.

    Attributes
    ----------
    loss : str
        A name of Keras's, or "pinball".
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
    callbacks : tuple
        Keras's callbacks, and functions of ``(epoch, logs)``.
    verbose : int
        1 shows a progress bar.
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
    callbacks: tuple = ()
    verbose: int = 0


@dataclass(frozen=True)
class OptimizerState:
    """Where an optimizer stands, but for its learning rate.

    Attributes
    ----------
    optimizer : str
        The name of its class.
    variables : list of ndarray
        Its count of steps and its moments.
    """

    optimizer: str
    variables: list[np.ndarray]


@dataclass
class Trained:
    """A network's weights, and what is needed to go on training them.

    Attributes
    ----------
    spec : NetworkSpec
    weights : list of ndarray
    optimizer_state : OptimizerState
    history : dict of lists
        One entry per epoch.
    n_epochs : int
        Epochs run.
    interrupted : bool
        Whether Ctrl-C ended the training.
    loop : {"xla", "graph", "keras"}
        Which loop ran the epochs.
    """

    spec: NetworkSpec
    weights: list[np.ndarray]
    optimizer_state: OptimizerState
    history: dict[str, list[float]]
    n_epochs: int
    interrupted: bool
    loop: str
