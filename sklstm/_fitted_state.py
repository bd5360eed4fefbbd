"""What a fit has learnt, as one frozen value that is assigned when the fit is complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklstm._sequences import InputForm
from sklstm._targets import Targets
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.scaling import InputScaling
from sklstm.network.training.settings import OptimizerState, Snapshot, TrainingResult

History = dict[str, list[float]]


@dataclass(frozen=True, eq=False)
class LearntFromData:
    """What a fit has learnt of its data before the network is trained.

    Attributes
    ----------
    targets : Targets
        What the outputs of the network mean: classes, numbers, or tokens.
    input_form : InputForm or None
        How X was read; None for texts.
    input_scaling : InputScaling or None
        What X passes on its way to the network; None for token ids and for texts.
    lengths_vary : bool
        Whether sequences of X differed in length.
    batch_size : int
        In samples.
    fixed_parameters : mapping
        Parameters of the estimator that a fit which continues this one must share.
    """

    targets: Targets
    input_form: InputForm | None
    input_scaling: InputScaling | None
    lengths_vary: bool
    batch_size: int
    fixed_parameters: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class FittedState:
    """Everything that a fit has learnt.

    An estimator holds its parameters and one of these, so it is fitted as a whole or not at all,
    and a prediction reads one attribute, whatever happens in other threads.

    Attributes
    ----------
    network : OnnxPredictor
        The network: its spec and its weights by name.
    data : LearntFromData
    history : dict of lists
        One entry per epoch, of all fits that continued one another.
    n_epochs : int
        Epochs run, in all of these fits.
    training_loop : str
        What ran the epochs.
    interrupted : bool
        Whether Ctrl-C ended the training.
    optimizer_state : OptimizerState or None
        Where a fit that continues starts; None if none is to come.
    random_generator : RandomState or None
        The generator that a fit which continues draws from.
    checkpoint : CheckpointState or None
        Only in the file of a checkpoint.
    """

    network: OnnxPredictor
    data: LearntFromData
    history: History
    n_epochs: int
    training_loop: str
    interrupted: bool
    optimizer_state: OptimizerState | None = None
    random_generator: np.random.RandomState | None = None
    checkpoint: CheckpointState | None = None

    @classmethod
    def after(
        cls, trained: TrainingResult, data: LearntFromData, previous: FittedState | None
    ) -> Self:
        """Return the state after a training, which may have continued a previous one.

        Neither the optimizer's state nor the random generator is kept.
        """
        n_before = 0 if previous is None else previous.n_epochs
        return cls(
            network=OnnxPredictor(trained.spec, trained.weights),
            data=data,
            history=_joined(previous, trained),
            n_epochs=n_before + trained.last.n_epochs,
            training_loop=trained.loop,
            interrupted=trained.interrupted,
        )


@dataclass(frozen=True, eq=False)
class CheckpointState:
    """What the file of a checkpoint holds besides a fitted state.

    Attributes
    ----------
    snapshot : Snapshot
        Where the training stands.
    data_digest : str
        Of the data that the fit learns from.
    """

    snapshot: Snapshot
    data_digest: str


def _joined(previous: FittedState | None, trained: TrainingResult) -> History:
    """Put the epochs of a fit after those before it; NaN where a fit did not measure."""
    before, n_before = ({}, 0) if previous is None else (previous.history, previous.n_epochs)
    now, n_now = trained.last.history, trained.last.n_epochs
    return {
        name: before.get(name, [np.nan] * n_before) + now.get(name, [np.nan] * n_now)
        for name in {**before, **now}
    }
