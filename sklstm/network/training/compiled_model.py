"""A model that is compiled once and serves one fit after another: `CompiledModel`."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np

from sklstm.network.keras_model import build_model, trainable_variables
from sklstm.network.spec import Weights
from sklstm.network.training.dropout import SequenceDropout
from sklstm.network.training.epoch_model import EpochModel
from sklstm.network.training.keras_adapter import KerasAdapter
from sklstm.network.training.losses import METRICS
from sklstm.network.training.lstm_layer import CarryingLSTM, SequenceLSTM
from sklstm.network.training.model_changes import describe_model
from sklstm.network.training.model_key import ModelKey
from sklstm.network.training.processes import limit_to_share_of_machine
from sklstm.network.training.settings import OptimizerState, Snapshot, TrainingSettings


class CompiledModel:
    """A compiled model, set to any weights, optimizer state and learning rate before each fit."""

    def __init__(self, key: ModelKey, settings: TrainingSettings) -> None:
        limit_to_share_of_machine()
        self.key = key
        metrics = [METRICS[settings.metric](name="accuracy")] if settings.metric else []
        self.model = KerasAdapter(settings, partial(_compile, key, metrics)).compiled_model()
        self._weights = trainable_variables(key.spec, self.model)
        self.model.optimizer.build(list(self._weights.values()))
        self.model.set_up(
            [*metrics, self.model._loss_tracker],
            xla=key.xla,
            n_shards=key.n_shards,
            any_shape=key.any_shape,
        )
        self._fresh_state = self.optimizer_state()
        rate = self.model.optimizer.learning_rate
        self._own_rate = _copy(rate) if isinstance(rate, keras.Variable) else None  # a schedule
        self._made = describe_model(self.model)

    @property
    def is_as_made(self) -> bool:
        """Whether a callback has left everything unchanged that a fit does not set anyway."""
        return describe_model(self.model) == self._made

    @property
    def n_compiled(self) -> int:
        """Number of compiled loops: of training and of evaluation, for each shape."""
        return self.model.n_compiled

    @property
    def sets_learning_rate(self) -> bool:
        """Whether the learning rate is a number, and not a LearningRateSchedule of Keras's."""
        return self._own_rate is not None

    def reset(
        self,
        weights: Weights,
        optimizer_state: OptimizerState | None,
        learning_rate: float | None,
        seed: int,
    ) -> None:
        """Set everything that a fit changes to the beginning of a fit."""
        self._set_weights(weights)
        state = optimizer_state if self._can_take(optimizer_state) else self._fresh_state
        self._set_optimizer(state)
        if self.sets_learning_rate:
            rate = self._own_rate if learning_rate is None else learning_rate
            self.model.optimizer.learning_rate = rate
        for layer in self._dropout_layers():
            layer.reseed(seed)

    def restore(self, snapshot: Snapshot) -> None:
        """Set the state of a training that is resumed."""
        self._set_weights(snapshot.weights)
        self._set_optimizer(snapshot.optimizer_state)
        for layer, seed in zip(self._dropout_layers(), snapshot.seeds, strict=True):
            layer.seed.assign(seed)

    def snapshot(self, rng: np.random.RandomState, history: dict[str, list[float]]) -> Snapshot:
        """Copy the state of a training, after the epochs of a history."""
        return Snapshot(
            weights=self.weights(),
            optimizer_state=self.optimizer_state(),
            seeds=[_copy(layer.seed) for layer in self._dropout_layers()],
            rng_state=rng.get_state(legacy=False),
            history=history,
            n_epochs=len(history["loss"]),
            best_weights=None,
        )

    def weights(self) -> Weights:
        """Copy the weights."""
        return {name: _copy(variable) for name, variable in self._weights.items()}

    def optimizer_state(self) -> OptimizerState:
        """Copy the state of the optimizer."""
        variables = [_copy(variable) for variable in self._optimizer_variables()]
        return OptimizerState(type(self.model.optimizer).__name__, variables)

    def _dropout_layers(self) -> list[SequenceDropout]:
        return [layer for layer in self.model.layers if isinstance(layer, SequenceDropout)]

    def _set_weights(self, weights: Weights) -> None:
        for name, variable in self._weights.items():
            variable.assign(weights[name])

    def _set_optimizer(self, state: OptimizerState) -> None:
        for variable, value in zip(self._optimizer_variables(), state.variables, strict=True):
            variable.assign(value)

    def _optimizer_variables(self) -> list[keras.Variable]:
        return [v for v in self.model.optimizer.variables if v.name != "learning_rate"]

    def _can_take(self, state: OptimizerState | None) -> bool:
        """Whether a state is that of an optimizer of the same class, for the same weights."""
        if state is None or state.optimizer != self._fresh_state.optimizer:
            return False
        ours = [value.shape for value in self._fresh_state.variables]
        return [value.shape for value in state.variables] == ours


def _compile(
    key: ModelKey, metrics: list[keras.metrics.Metric], compile_kwargs: dict
) -> EpochModel:
    """Build the network with layers that train fast, and compile it."""
    rows = key.carried_rows
    if rows is None:
        lstm = partial(SequenceLSTM, one_length=not key.varies)
    else:
        lstm = partial(CarryingLSTM, batch_size=rows // key.n_shards)
    model = build_model(
        key.spec,
        varies=rows is None,
        lstm=lstm,
        carries_state=rows is not None,
        dropout=SequenceDropout,
        model_class=EpochModel,
    )
    model.compile(**compile_kwargs | {"weighted_metrics": metrics})
    return model


def _copy(variable: keras.Variable) -> np.ndarray:
    # np.array(variable) warns: Keras's __array__ knows no copy argument.
    return np.asarray(variable.value.numpy())
