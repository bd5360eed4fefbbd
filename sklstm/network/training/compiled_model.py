"""Compiled training programs, and the pool that keeps them for the next fit."""

from __future__ import annotations

import gc
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from scikeras.wrappers import BaseWrapper
from tensorflow.python.eager.context import context  # nothing public tells whether it started

from sklstm.network.keras_layers import PinballLoss
from sklstm.network.keras_model import build_model, trainable_variables
from sklstm.network.onnx_predictor import available_cores
from sklstm.network.spec import NetworkSpec, Weights
from sklstm.network.training.epochs import EpochModel
from sklstm.network.training.fingerprint import describe
from sklstm.network.training.lstm_layer import CarryingLSTM, SequenceLSTM
from sklstm.network.training.settings import (
    OptimizerState,
    Snapshot,
    TrainingSettings,
)

POOL_SIZE = 16
MIN_WORK_FOR_SHARDS = 2**27  # multiplications of a batch
MIN_ROWS_FOR_SHARDS = 32

LOSSES = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "squared_error": keras.losses.MeanSquaredError,
    "absolute_error": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
    "poisson": keras.losses.Poisson,
    "quantile": PinballLoss,
}
METRICS = {
    "sparse_categorical_accuracy": keras.metrics.SparseCategoricalAccuracy,
    "binary_accuracy": keras.metrics.BinaryAccuracy,
}


@dataclass(frozen=True)
class ModelKey:
    """What two fits must share to share a program: all that is compiled into it.

    Attributes
    ----------
    spec : NetworkSpec
    settings : str
        Loss, metric and optimizer, but for the learning rate's value.
    varies : bool
        Whether lengths differ within a batch.
    carried_rows : int or None
        Rows of a batch where they carry states to the next batch; None where they carry none, and
        the program serves batches of all sizes.
    n_shards : int
        In how many parts a batch is computed; see `count_shards`.
    xla : bool
    """

    spec: NetworkSpec
    settings: str
    varies: bool
    carried_rows: int | None
    n_shards: int
    xla: bool

    @property
    def any_shape(self) -> bool:
        """Whether one graph serves batches of any number of rows and time steps."""
        return not self.xla and self.carried_rows is None


def count_shards(
    spec: NetworkSpec, settings: TrainingSettings, *, n_steps: float, batch_size: int, xla: bool
) -> int:
    """Return in how many parts batches of so many time steps are computed, side by side.

    The matrix products of a batch are spread over the cores anyway, but nothing else is. Two
    halves take up to a third less time on two cores where a batch is much work. The number is
    the same however many cores there are, and so are the results. A GPU would compute one half
    after the other.
    """
    work = batch_size * n_steps * spec.work_per_step
    is_large = work >= MIN_WORK_FOR_SHARDS and batch_size >= MIN_ROWS_FOR_SHARDS
    # of which that of a batch can be told
    is_mean = "loss__reduction" not in settings.keras_params
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    return 2 if xla and is_large and is_mean and not has_gpu else 1


def settings_key(settings: TrainingSettings) -> str:
    """Write down all of the settings that a program is compiled for."""
    optimizer = settings.optimizer
    if not isinstance(optimizer, str):
        # The type too: a class that is defined anew has the name of the one before.
        optimizer = [id(type(optimizer)), keras.optimizers.serialize(optimizer)]
    has_rate = settings.learning_rate is not None
    params = dict(sorted(settings.keras_params.items()))
    parts = [settings.loss, settings.metric, optimizer, params, settings.clipnorm, has_rate]
    return json.dumps(parts, default=repr)


@keras.saving.register_keras_serializable(package="sklstm")
class SequenceDropout(keras.layers.Layer):
    """Hide the same outputs at all time steps of a sequence, drawn from a seed that is set.

    XLA's random numbers cost more than a small network: one draw per sequence keeps them cheap.

    References
    ----------
    Y. Gal, Z. Ghahramani, "A theoretically grounded application of dropout in recurrent neural
    networks", 2016.
    """

    def __init__(
        self, rate: float, place: int, *, name: str | None = None, dtype: object = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.rate, self.place = rate, place
        self.supports_masking = True
        self.seed = self.add_weight(shape=(2,), dtype="int32", trainable=False, initializer="zeros")

    def reseed(self, seed: int) -> None:
        """Start the draws of a fit."""
        self.seed.assign([seed ^ self.place, 0])

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Hide and scale."""
        if not training:
            return x
        shape = [tf.shape(x)[0], *([1] * (len(x.shape) - 2)), x.shape[-1]]
        uniform = tf.random.stateless_uniform(shape, self.seed.value, alg="philox")
        self.seed.assign_add([0, 1])
        return x * tf.cast(uniform >= self.rate, x.dtype) / (1 - self.rate)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"rate": self.rate, "place": self.place, "name": self.name, "dtype": self.dtype}


class KerasAdapter(BaseWrapper):
    """scikeras's part: from names and routed parameters to a compiled `keras.Model`."""

    def __init__(
        self,
        key: ModelKey,
        settings: TrainingSettings,
        weighted_metrics: list[keras.metrics.Metric],
        routed: dict,
    ) -> None:
        super().__init__(
            optimizer=settings.optimizer,
            loss=LOSSES[settings.loss],
            random_state=None,
            **{"loss__reduction": "mean_with_sample_weight"} | routed,
        )
        self.key, self.settings = key, settings
        self.weighted_metrics = weighted_metrics

    def _keras_build_fn(self, compile_kwargs: dict) -> keras.Model:
        rows = self.key.carried_rows
        if rows is None:
            lstm = partial(SequenceLSTM, one_length=not self.key.varies)
        else:
            lstm = partial(CarryingLSTM, batch_size=rows // self.key.n_shards)
        model = build_model(
            self.key.spec,
            varies=rows is None,
            lstm=lstm,
            carries_state=rows is not None,
            dropout=SequenceDropout,
            model_class=EpochModel,
        )
        model.compile(**compile_kwargs | {"weighted_metrics": self.weighted_metrics})
        return model

    def compiled_model(self) -> EpochModel:
        """Build and compile.

        Raises
        ------
        ValueError
            If a routed parameter is none of the optimizer's or the loss's.
        """
        self._random_state = None
        try:
            return self._build_keras_model()
        except (TypeError, ValueError) as error:
            params = dict(self.settings.keras_params)
            with_params = f" with keras_params={params!r}" if params else ""
            raise ValueError(
                f"Keras makes no network with optimizer={self.optimizer!r} and "
                f"loss={self.settings.loss!r}{with_params}: {error}"
            ) from error


class CompiledModel:
    """A compiled model, set to any weights, optimizer state and learning rate before each fit."""

    def __init__(self, key: ModelKey, settings: TrainingSettings) -> None:
        share_machine()  # heard only before TensorFlow computes for the first time
        routed = dict(settings.keras_params)
        if isinstance(settings.optimizer, str):
            for name in ("learning_rate", "clipnorm"):
                value = getattr(settings, name)
                if value is not None:
                    routed.setdefault(f"optimizer__{name}", value)
        else:
            config = settings.optimizer.get_config()
            settings = replace(settings, optimizer=type(settings.optimizer).from_config(config))
        self.key = key
        metrics = [METRICS[settings.metric](name="accuracy")] if settings.metric else []
        adapter = KerasAdapter(key, settings, metrics, routed)
        self.model = adapter.compiled_model()
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
        self._made = describe(self.model)

    @property
    def is_as_made(self) -> bool:
        """Whether nothing has changed that a fit does not set."""
        return describe(self.model) == self._made

    @property
    def n_compiled(self) -> int:
        """Number of loops that are compiled: of training and of evaluation, for each shape."""
        return self.model.n_compiled

    @property
    def sets_learning_rate(self) -> bool:
        """Whether the learning rate is a number, not a schedule of Keras's."""
        return self._own_rate is not None

    def reset(
        self,
        weights: Weights,
        optimizer_state: OptimizerState | None,
        learning_rate: float | None,
        seed: int,
    ) -> None:
        """Set everything that a fit changes."""
        self._set_weights(weights)
        state = optimizer_state if self._can_take(optimizer_state) else self._fresh_state
        self._set_optimizer(state)
        if self.sets_learning_rate:
            rate = self._own_rate if learning_rate is None else learning_rate
            self.model.optimizer.learning_rate = rate
        for layer in self._dropout_layers():
            layer.reseed(seed)

    def restore(self, snapshot: Snapshot) -> None:
        """Set where a training stood."""
        self._set_weights(snapshot.weights)
        self._set_optimizer(snapshot.optimizer_state)
        for layer, seed in zip(self._dropout_layers(), snapshot.seeds, strict=True):
            layer.seed.assign(seed)

    def snapshot(self, rng: np.random.RandomState, history: dict[str, list[float]]) -> Snapshot:
        """Copy where a training stands, after the epochs of a history."""
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
        """Copy what the optimizer has gathered."""
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
        """Whether a state is one of an optimizer of the same kind."""
        if state is None or state.optimizer != self._fresh_state.optimizer:
            return False
        ours = [value.shape for value in self._fresh_state.variables]
        return [value.shape for value in state.variables] == ours


def _copy(variable: keras.Variable) -> np.ndarray:
    # np.array(variable) warns: Keras's __array__ knows no copy argument.
    return np.asarray(variable.value.numpy())


class ModelPool:
    """Programs that wait for their next fit, the latest used last.

    A fit takes its program out and puts it back, so that threads never share one. A program that
    a callback has changed does not come back.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._process: int | None = None
        self._idle: list[CompiledModel] = []
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self, key: ModelKey, settings: TrainingSettings) -> Iterator[CompiledModel]:
        """Lend a program for a key, made anew if none is idle."""
        program = self._take(key) or CompiledModel(key, settings)
        try:
            yield program
        finally:
            with self._lock:
                if program.is_as_made:
                    self._idle.append(program)
                is_full = len(self._idle) > self.size
                del self._idle[: -self.size]
            if is_full:
                gc.collect()  # models hold themselves in cycles, and tens of MiB of compiled code

    def refuse_forks(self) -> None:
        """Raise an error where TensorFlow would wait for threads that a fork has not copied."""
        here = os.getpid()
        if self._process == here:
            return
        if self._process is not None or has_lost_threads():
            raise RuntimeError(
                "TensorFlow cannot train in this process: it had started in the parent process, "
                "which was then forked, and it would wait for ever. Start processes by 'spawn' or "
                "'forkserver' (multiprocessing.get_context), or by joblib's backend 'loky'. "
                "predict works in a forked process too."
            )
        self._process = here

    def counts(self) -> tuple[int, int]:
        """Return how many programs wait, and how many compiled loops they have."""
        with self._lock:
            return len(self._idle), sum(program.n_compiled for program in self._idle)

    def _take(self, key: ModelKey) -> CompiledModel | None:
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index].key == key:
                    program = self._idle.pop(index)
                    # A callback may have kept the model, and changed it since.
                    return program if program.is_as_made else None
        return None


def has_lost_threads() -> bool:
    """Whether TensorFlow has started, but in a process that this one is a fork of.

    The names of the threads tell, on Linux; elsewhere the answer is no.
    """
    if not context()._initialized:
        return False
    names = [name for path in Path("/proc/self/task").glob("*/comm") if (name := _read(path))]
    return bool(names) and not any(name.startswith("tf_") for name in names)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread has just ended
        return ""


def share_machine() -> None:
    """Give TensorFlow, in a worker of joblib's, its share of the cores and of GPUs' memory.

    joblib tells its workers their share of the cores by environment variables, which TensorFlow
    does not read. Of a GPU's memory the first process would take all.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(available_cores())
        tf.config.threading.set_inter_op_parallelism_threads(1)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # somebody has computed with TensorFlow already: its threads are theirs
        return


pool = ModelPool(POOL_SIZE)
