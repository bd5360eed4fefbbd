"""A spec as a `keras.Model`: the one that trains, and the one that users take home."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from sklstm._scaling import InputScaling, TargetScaling
from sklstm.network.spec import NetworkSpec

KERAS_BATCH_SIZE = 32  # of `keras.Model.predict`

POOLING_LAYERS = {
    "mean": keras.layers.GlobalAveragePooling1D,
    "max": keras.layers.GlobalMaxPooling1D,
}


@keras.saving.register_keras_serializable(package="sklstm")
class PoolSequence(keras.layers.Layer):
    """Pool right-padded sequences over the time steps that each has.

    Called with ``[x, lengths]``, of shapes (n, T, F) and (n,).

    Parameters
    ----------
    pooling : {"last", "mean", "max"}
    n_directions : {1, 2}
        Of the layer before: the last step that the second direction reads is the first one.
    """

    def __init__(
        self,
        pooling: str,
        n_directions: int = 1,
        *,
        name: str | None = None,
        dtype: object = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.pooling, self.n_directions = pooling, n_directions
        self.supports_masking = True

    def call(self, inputs: list) -> object:
        """Pool."""
        x, lengths = inputs
        steps = ops.arange(ops.shape(x)[1], dtype=lengths.dtype)[None, :]
        if self.pooling == "last":
            chosen = steps == lengths[:, None] - 1
            return _last_outputs(x, self.n_directions, lambda x: self._sum_where(x, chosen))
        present = steps < lengths[:, None]  # (n, T)
        if self.pooling == "max":
            return ops.max(ops.where(present[:, :, None], x, -float("inf")), axis=1)
        return self._sum_where(x, present) / ops.cast(lengths, x.dtype)[:, None]

    def compute_mask(self, inputs: list, previous_mask: list) -> None:
        """Return that no time steps are left to mask."""

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"pooling": self.pooling, "n_directions": self.n_directions}
        return {**own, "name": self.name, "dtype": self.dtype}

    @staticmethod
    def _sum_where(x: object, chosen: object) -> object:
        return ops.sum(ops.where(chosen[:, :, None], x, 0.0), axis=1)


@keras.saving.register_keras_serializable(package="sklstm")
class LastOutputs(keras.layers.Layer):
    """Take from (n, T, F) what each direction gives at the last time step that it reads."""

    def __init__(self, n_directions: int, *, name: str | None = None, dtype: object = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.n_directions = n_directions

    def call(self, x: object) -> object:
        """Take."""
        return _last_outputs(x, self.n_directions, lambda x: x[:, -1])

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"n_directions": self.n_directions, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sklstm")
class MaskPadding(keras.layers.Layer):
    """Tell which time steps right-padded sequences have.

    Called with ``[x, lengths]``, of shapes (n, T, F) or (n, T), and (n,); returns bool (n, T).
    """

    def call(self, inputs: list) -> object:
        """Compare."""
        x, lengths = inputs
        return ops.arange(ops.shape(x)[1], dtype=lengths.dtype)[None, :] < lengths[:, None]


@keras.saving.register_keras_serializable(package="sklstm")
class CountSteps(keras.layers.Layer):
    """Split right-padded sequences, as users hold them, into ``[values, lengths]``.

    Time steps that are all NaN (numbers) or 0 (token ids) are padding.
    """

    def call(self, x: object) -> list:
        """Count."""
        if len(x.shape) == 2:
            return [x, ops.sum(ops.cast(x != 0, "int32"), axis=1)]
        missing = ops.isnan(x)
        present = ops.logical_not(ops.all(missing, axis=-1))
        return [ops.where(missing, 0.0, x), ops.sum(ops.cast(present, "int32"), axis=1)]


@keras.saving.register_keras_serializable(package="sklstm")
class ScaleInputs(keras.layers.Layer):
    """Append deltas to X as it is, (n, T, F) float64, and bring all columns to one scale, float32.

    Parameters
    ----------
    deltas_of : list of int
        Features whose first and second differences over time are appended, 0 at the first time
        step.
    mean, scale : list of float
        What is subtracted from each column, and what it is divided by.
    """

    def __init__(
        self,
        deltas_of: list[int],
        mean: list[float],
        scale: list[float],
        *,
        name: str | None = None,
        dtype: object = "float64",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.deltas_of, self.mean, self.scale = list(deltas_of), list(mean), list(scale)

    def call(self, x: object) -> object:
        """Append and scale."""
        columns = [x]
        if self.deltas_of:
            changed = ops.take(x, self.deltas_of, axis=2)
            for _ in range(2):
                changed = changed - ops.concatenate([changed[:, :1], changed[:, :-1]], axis=1)
                columns.append(changed)
        mean, scale = (ops.convert_to_tensor(v, "float64") for v in (self.mean, self.scale))
        return ops.cast((ops.concatenate(columns, axis=2) - mean) / scale, "float32")

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"deltas_of": self.deltas_of, "mean": self.mean, "scale": self.scale}
        return {**own, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sklstm")
class ScaleTargets(keras.layers.Layer):
    """Multiply the outputs of a regressor by a scale and add a mean, in float64.

    Parameters
    ----------
    scale, mean : list of float
    """

    def __init__(
        self,
        scale: list[float],
        mean: list[float],
        *,
        name: str | None = None,
        dtype: object = "float64",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.scale, self.mean = list(scale), list(mean)

    def call(self, x: object) -> object:
        """Scale."""
        scale, mean = (ops.convert_to_tensor(v, "float64") for v in (self.scale, self.mean))
        return x * scale + mean

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"scale": self.scale, "mean": self.mean}
        return {**own, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sklstm")
class FullPrecisionModel(keras.Model):
    """A model whose `predict` gives float64 arrays to its layers as they are.

    Keras narrows arrays to float32 before a model reads them, but not what a dataset holds.
    """

    def predict(
        self,
        x: object,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: list | None = None,
    ) -> np.ndarray:
        """Predict as `keras.Model` does."""
        if isinstance(x, np.ndarray) and x.dtype == np.float64:
            x = tf.data.Dataset.from_tensor_slices(x).batch(batch_size or KERAS_BATCH_SIZE)
            batch_size = None
        return super().predict(x, batch_size, verbose, steps, callbacks)


@keras.saving.register_keras_serializable(package="sklstm")
class OneHot(keras.layers.Layer):
    """Turn token ids (n, T) into one-hot vectors (n, T, size)."""

    def __init__(self, size: int, *, name: str | None = None, dtype: object = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.size = size

    def call(self, ids: object) -> object:
        """Encode."""
        return ops.one_hot(ids, self.size, dtype=self.compute_dtype)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"size": self.size, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sklstm")
class PinballLoss(keras.losses.Loss):
    """The loss whose minimum is a quantile.

    Parameters
    ----------
    quantile : float
        Between 0 and 1.

    References
    ----------
    R. Koenker, G. Bassett, "Regression quantiles", 1978.
    """

    def __init__(
        self,
        quantile: float = 0.5,
        reduction: str = "mean_with_sample_weight",
        name: str = "pinball_loss",
        dtype: object = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.quantile = quantile

    def call(self, y_true: object, y_pred: object) -> object:
        """Compute the loss of each sample."""
        error = y_true - y_pred
        loss = ops.maximum(self.quantile * error, (self.quantile - 1) * error)
        return ops.mean(loss, axis=-1)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {**super().get_config(), "quantile": self.quantile}


def build_model(
    spec: NetworkSpec,
    *,
    varies: bool,
    lstm: Callable[..., keras.layers.Layer] | None = None,
    dropout: Callable[..., keras.layers.Layer] | None = None,
    carries_state: bool = False,
    model_class: type[keras.Model] = keras.Model,
) -> keras.Model:
    """Build the network that a spec describes.

    Parameters
    ----------
    spec : NetworkSpec
    varies : bool
        Whether sequences differ in length. The inputs are then ``[values, lengths]``, right-padded
        with zeros; otherwise ``values`` alone.
    lstm, dropout : callables, default=None
        What makes these layers for training; Keras's own where None. ``lstm`` takes a
        ``one_hot_size`` and then token ids; ``dropout`` takes the rate and the place, 0, 1, ….
    carries_state : bool, default=False
        Whether the layers that `lstm` makes carry their states from batch to batch. The inputs are
        then ``[values, continues]``.
    model_class : type, default=keras.Model
    """
    return _ModelBuilder(spec, varies, lstm, dropout, carries_state).build(model_class)


def model_for_users(
    spec: NetworkSpec,
    weights: list[np.ndarray],
    *,
    varies: bool,
    input_scaling: InputScaling | None = None,
    target_scaling: TargetScaling | None = None,
) -> keras.Model:
    """Build a model of one input, as users hold it, with these weights.

    With scalings the input is X as it is, and the outputs are those of y as it is, in float64.
    """
    builder = _ModelBuilder(spec, varies, None, None, False)
    builder.counts_steps = varies
    builder.input_scaling, builder.target_scaling = input_scaling, target_scaling
    model = builder.build(keras.Model if input_scaling is None else FullPrecisionModel)
    set_weights(spec, model, weights)
    return model


def trainable_variables(spec: NetworkSpec, model: keras.Model) -> list[keras.Variable]:
    """List the trainable weights in the order of ``spec.weight_shapes()``.

    Keras's own order follows the depth of the layers, which differs where lengths vary.
    """
    # "lstm_0/forward/kernel" belongs to the layer "lstm_0_forward", or to "lstm_0"
    owners = [name.split("/")[:-1] or [name] for name in spec.weight_shapes()]
    names = {layer.name for layer in model.layers}
    layers = ["_".join(owner) if "_".join(owner) in names else owner[0] for owner in owners]
    return [v for name in dict.fromkeys(layers) for v in model.get_layer(name).trainable_variables]


def set_weights(spec: NetworkSpec, model: keras.Model, weights: list[np.ndarray]) -> None:
    """Set the trainable weights, in the order of ``spec.weight_shapes()``."""
    for variable, weight in zip(trainable_variables(spec, model), weights, strict=True):
        variable.assign(weight)


class _ModelBuilder:
    def __init__(
        self,
        spec: NetworkSpec,
        varies: bool,
        lstm: Callable[..., keras.layers.Layer] | None,
        dropout: Callable[..., keras.layers.Layer] | None,
        carries_state: bool,
    ) -> None:
        self.spec, self.varies = spec, varies
        # Set for the models of users: one input, with the padding in it, X and y as they are.
        self.counts_steps = False
        self.input_scaling: InputScaling | None = None
        self.target_scaling: TargetScaling | None = None
        self.continues = keras.Input((), dtype="int32", name="continues") if carries_state else None
        self.lstm = lstm
        self.dropout = dropout
        self.n_dropouts = 0

    def build(self, model_class: type[keras.Model]) -> keras.Model:
        spec = self.spec
        values = self._input()
        x, context = self._read(values)
        self.mask = None if self.lengths is None else MaskPadding()([x, self.lengths])
        if spec.embedding_dim is not None:
            x = keras.layers.Embedding(
                spec.vocabulary_size,
                spec.embedding_dim,
                embeddings_initializer=_uniform(),
                name="embedding",
            )(x)
        elif spec.one_hot and (self.lstm is None or not spec.units):
            x = OneHot(spec.vocabulary_size)(x)
        for layer, units in enumerate(spec.units):
            x = self._drop(self._lstm_layer(x, units, layer), units * spec.n_directions)
        if not (spec.pooling is None or (spec.pooling == "last" and spec.units)):
            x = self._pool(x)
        for layer, units in enumerate(spec.dense_units):
            x = self._drop(_dense(units, "relu", layer)(x), units)
        outputs = _dense(spec.n_outputs, spec.activation, len(spec.dense_units))(x)
        if self.target_scaling is not None:
            outputs = ScaleTargets(*(array.tolist() for array in self.target_scaling))(outputs)
        return model_class([values, *context] if context else values, outputs)

    def _input(self) -> object:
        if self.spec.reads_tokens:
            return keras.Input((None,), dtype="int32", name="values")
        if self.input_scaling is None:
            return keras.Input((None, self.spec.n_features), name="values")
        shape = (None, self.input_scaling.n_features)
        return keras.Input(shape, dtype="float64", name="values")

    def _read(self, values: object) -> tuple[object, list]:
        """Return what the first layer reads, and the other inputs of the model."""
        x, context, self.lengths = values, [], None
        if self.counts_steps:
            x, self.lengths = CountSteps(dtype="float64")(values)
        elif self.varies:
            self.lengths = keras.Input((), dtype="int32", name="lengths")
            context = [self.lengths]
        if self.continues is not None:
            context = [*context, self.continues]
        if (scaling := self.input_scaling) is not None:
            mean, scale = scaling.mean.tolist(), scaling.scale.tolist()
            x = ScaleInputs(scaling.deltas_of, mean, scale)(x)
        return x, context

    def _lstm_layer(self, x: object, units: int, layer: int) -> object:
        is_last = layer == len(self.spec.units) - 1
        keep_steps = not (is_last and self.spec.pooling == "last")
        name = f"lstm_{layer}"
        if self.continues is not None:
            return self._make_lstm(units, True, layer, f"{name}_forward")(x, self.continues)
        if not self.spec.bidirectional:
            return self._make_lstm(units, keep_steps, layer, f"{name}_forward")(x, mask=self.mask)
        lstm = self._make_lstm(units, keep_steps, layer, name)
        return keras.layers.Bidirectional(lstm, name=name)(x, mask=self.mask)

    def _make_lstm(
        self, units: int, return_sequences: bool, layer: int, name: str
    ) -> keras.layers.Layer:
        options = {
            "return_sequences": return_sequences,
            "kernel_initializer": keras.initializers.GlorotUniform(seed=0),
            "recurrent_initializer": keras.initializers.Orthogonal(seed=0),
            "seed": 0,
            "name": name,
        }
        if self.lstm is None:
            return keras.layers.LSTM(units, **options)
        one_hot_size = self.spec.vocabulary_size if self.spec.one_hot and layer == 0 else None
        return self.lstm(units, one_hot_size=one_hot_size, **options)

    def _drop(self, x: object, size: int) -> object:
        if not self.spec.dropout:
            return x
        over_time = len(x.shape) == 3
        if self.dropout is not None:
            layer = self.dropout(self.spec.dropout, self.n_dropouts)
        else:
            shape = (None, 1, size) if over_time else (None, size)
            layer = keras.layers.Dropout(self.spec.dropout, noise_shape=shape, seed=0)
        self.n_dropouts += 1
        return layer(x)

    def _pool(self, x: object) -> object:
        pooled = [self._pool_by(pooling, x) for pooling in self.spec.poolings]
        return keras.layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]

    def _pool_by(self, pooling: str, x: object) -> object:
        n_directions = self.spec.n_directions if self.spec.units else 1
        if self.lengths is not None:
            return PoolSequence(pooling, n_directions)([x, self.lengths])
        if pooling == "last":
            return LastOutputs(n_directions)(x)
        return POOLING_LAYERS[pooling]()(x)


def _last_outputs(x: object, n_directions: int, last_of: Callable[[object], object]) -> object:
    """Join the last step of what reads forwards with the first one of what reads backwards."""
    forward, *backward = ops.split(x, n_directions, axis=-1)
    return ops.concatenate([last_of(forward), *(part[:, 0] for part in backward)], axis=-1)


def _uniform() -> keras.initializers.Initializer:
    # Seeded, as all of them: an unseeded initializer draws from Python's global generator.
    return keras.initializers.RandomUniform(-0.05, 0.05, seed=0)


def _dense(units: int, activation: str, layer: int) -> keras.layers.Layer:
    kernel = keras.initializers.GlorotUniform(seed=0)
    return keras.layers.Dense(
        units, activation=activation, kernel_initializer=kernel, name=f"dense_{layer}"
    )
