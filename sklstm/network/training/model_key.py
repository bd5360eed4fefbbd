"""What is compiled into a model, and so decides which fits can share one: `ModelKey`."""

from __future__ import annotations

import json
from dataclasses import dataclass

import keras
import tensorflow as tf

from sklstm.network.spec import NetworkSpec
from sklstm.network.training.settings import TrainingSettings

MIN_WORK_FOR_SHARDS = 2**27  # multiplications of a batch
MIN_ROWS_FOR_SHARDS = 32


@dataclass(frozen=True)
class ModelKey:
    """What two fits must have in common to share a compiled model.

    Attributes
    ----------
    spec : NetworkSpec
    settings : str
        Loss, metric and optimizer, but for the learning rate's value; see `settings_key`.
    varies : bool
        Whether lengths differ within a batch.
    carried_rows : int or None
        Rows of a batch where they carry states to the next batch; None where they carry none, and
        the model takes batches of all sizes.
    n_shards : int
        In how many shards a batch is computed; see `count_shards`.
    xla : bool
        Whether XLA compiles the model, or TensorFlow makes plain graphs of it.
    """

    spec: NetworkSpec
    settings: str
    varies: bool
    carried_rows: int | None
    n_shards: int
    xla: bool

    @property
    def any_shape(self) -> bool:
        """Whether one graph takes batches of any number of rows and time steps."""
        return not self.xla and self.carried_rows is None


def count_shards(
    spec: NetworkSpec, settings: TrainingSettings, *, n_steps: float, batch_size: int, xla: bool
) -> int:
    """Return in how many shards a batch is computed, side by side.

    TensorFlow spreads the matrix products of a batch over the cores, but nothing else. Two shards
    take up to a third less time on two cores where a batch is much work. The number is the same
    however many cores there are, and so are the results. A GPU would compute one shard after the
    other.

    Parameters
    ----------
    spec : NetworkSpec
    settings : TrainingSettings
    n_steps : float
        Mean length of the sequences, in time steps.
    batch_size : int
    xla : bool
    """
    work = batch_size * n_steps * spec.work_per_step
    is_large = work >= MIN_WORK_FOR_SHARDS and batch_size >= MIN_ROWS_FOR_SHARDS
    # The mean of a batch can be computed from those of its shards, other reductions cannot.
    is_mean = "loss__reduction" not in settings.keras_params
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    return 2 if xla and is_large and is_mean and not has_gpu else 1


def settings_key(settings: TrainingSettings) -> str:
    """Write down all of the settings that are compiled into a model."""
    optimizer = settings.optimizer
    if not isinstance(optimizer, str):
        # The type too: a class that is defined anew has the name of the one before.
        optimizer = [id(type(optimizer)), keras.optimizers.serialize(optimizer)]
    has_rate = settings.learning_rate is not None
    params = dict(sorted(settings.keras_params.items()))
    compiled = [settings.loss, settings.metric, optimizer, params, settings.clipnorm, has_rate]
    return json.dumps(compiled, default=repr)
