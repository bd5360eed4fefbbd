"""What a fit has learnt, as one frozen value that is assigned when the fit is complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklstm._sequences import InputForm
from sklstm._targets import Targets
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.scaling import InputScaling
from sklstm.network.spec import NetworkSpec, join_weights
from sklstm.network.training.settings import OptimizerState, Snapshot, TrainingResult

History = dict[str, list[float]]


@dataclass(frozen=True, eq=False)
class LearntFromData:
    """What a fit has learnt from its data before the network is trained.

    Attributes
    ----------
    targets : Targets
        What the outputs of the network mean: classes, numbers, or tokens.
    input_form : InputForm or None
        How X was read; None for texts.
    input_scaling : InputScaling or None
        How X is scaled before the network reads it; None for token ids and for texts.
    lengths_vary : bool
        Whether sequences of X differed in length.
    batch_size : int
        Samples per step of the optimizer.
    fixed_parameters : mapping
        Parameters of the estimator that cannot change in a fit that continues this one.
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

    An estimator holds its parameters and one such state, which is assigned when a fit is complete.
    A prediction reads it once, so a fit in another thread cannot change it half way.

    Attributes
    ----------
    network : OnnxPredictor
        The network: its spec and its weights by name.
    data : LearntFromData
    histories : tuple of dict of lists
        Of each network: one entry per epoch, of all fits that continued one another.
    training_loop : str
        How the epochs were run: by XLA or as a graph.
    interrupted : bool
        Whether Ctrl-C ended the training.
    optimizer_states : tuple of OptimizerState or None
        Where a fit that continues starts, for each network; None if none is to come.
    random_generator : RandomState or None
        The generator that a fit which continues this one draws from.
    checkpoint : CheckpointState or None
        Set only in a checkpoint file.
    """

    network: OnnxPredictor
    data: LearntFromData
    histories: tuple[History, ...]
    training_loop: str
    interrupted: bool
    optimizer_states: tuple[OptimizerState, ...] | None = None
    random_generator: np.random.RandomState | None = None
    checkpoint: CheckpointState | None = None

    @classmethod
    def after(
        cls,
        spec: NetworkSpec,
        trained: Sequence[TrainingResult],
        data: LearntFromData,
        previous: FittedState | None,
    ) -> Self:
        """Return the state after a training, which may have continued a previous one.

        Neither the optimizers' states nor the random generator are kept.

        Parameters
        ----------
        spec : NetworkSpec
        trained : sequence of TrainingResult
            One for each network.
        """
        before = [{}] * len(trained) if previous is None else previous.histories
        return cls(
            network=OnnxPredictor(spec, join_weights([one.weights for one in trained])),
            data=data,
            histories=tuple(map(_joined, before, (one.last.history for one in trained))),
            training_loop=trained[0].loop,
            interrupted=any(one.interrupted for one in trained),
        )

    @property
    def history(self) -> History:
        """One entry per epoch: the mean over the networks that ran it."""
        if len(self.histories) == 1:
            return self.histories[0]
        names = self.histories[0]
        return {
            name: [
                float(np.mean(values))
                for values in _columns([history[name] for history in self.histories])
            ]
            for name in names
        }

    @property
    def n_epochs(self) -> int:
        """Epochs run, in all fits that continued one another: those of the longest training."""
        return max(map(_n_epochs, self.histories))


@dataclass(frozen=True, eq=False)
class CheckpointState:
    """What a checkpoint file holds in addition to the fitted state.

    Attributes
    ----------
    snapshots : tuple of (Snapshot or None)
        Where the training of each network stands; None where it has not completed an epoch.
    data_digest : str
        Digest of the data that the fit learns from.
    """

    snapshots: tuple[Snapshot | None, ...]
    data_digest: str


def _joined(before: History, now: History) -> History:
    """Put the epochs of a fit after those before it; NaN where a fit did not measure."""
    n_before, n_now = _n_epochs(before), _n_epochs(now)
    return {
        name: before.get(name, [np.nan] * n_before) + now.get(name, [np.nan] * n_now)
        for name in {**before, **now}
    }


def _n_epochs(history: History) -> int:
    return len(history.get("loss", ()))


def _columns(rows: list[list[float]]) -> Iterator[list[float]]:
    """Yield the entries of each epoch, of the rows that reach so far."""
    for epoch in range(max(map(len, rows))):
        yield [row[epoch] for row in rows if epoch < len(row)]
