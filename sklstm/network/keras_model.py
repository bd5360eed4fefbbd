"""Keras models of a spec: `build_model` for training, `model_for_users` for `to_keras`."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from sklstm.network.keras_layers import (
    CountSteps,
    LastOutputs,
    LastSteps,
    MaskPadding,
    OneHot,
    OrderQuantiles,
    PoolSequence,
    ScaleInputs,
    ScaleTargets,
)
from sklstm.network.scaling import InputScaling, TargetScaling
from sklstm.network.spec import NetworkSpec, Weights

KERAS_BATCH_SIZE = 32  # of `keras.Model.predict`

POOLING_LAYERS = {
    "mean": keras.layers.GlobalAveragePooling1D,
    "max": keras.layers.GlobalMaxPooling1D,
}


@keras.saving.register_keras_serializable(package="sklstm")
class FullPrecisionModel(keras.Model):
    """A model whose `predict` hands float64 arrays to its layers without rounding.

    Keras converts arrays to float32 before a model reads them, but not the arrays of a dataset.
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
        if any(getattr(array, "dtype", None) == np.float64 for array in keras.tree.flatten(x)):
            arrays = (tuple(x),) if isinstance(x, list | tuple) else x  # a pair would be x and y
            dataset = tf.data.Dataset.from_tensor_slices(arrays)
            x, batch_size = dataset.batch(batch_size or KERAS_BATCH_SIZE), None
        return super().predict(x, batch_size, verbose, steps, callbacks)


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
        with zeros; otherwise ``values`` alone. A network with static features has ``static`` as
        its last input.
    lstm, dropout : callables, default=None
        Functions that make these layers for training; Keras's own layers where None. A layer that
        ``lstm`` makes with a ``one_hot_size`` reads token ids; ``dropout`` takes the rate and
        the number of the dropout layer, 0, 1, ….
    carries_state : bool, default=False
        Whether the layers that `lstm` makes carry their states from batch to batch. The inputs are
        then ``[values, continues]``.
    model_class : type, default=keras.Model
    """
    return _ModelBuilder(spec, varies, lstm, dropout, carries_state).build(model_class)


def model_for_users(
    spec: NetworkSpec,
    weights: Weights,
    *,
    varies: bool,
    timesteps: int | None = None,
    input_scaling: InputScaling | None = None,
    target_scaling: TargetScaling | None = None,
) -> keras.Model:
    """Build a model with these weights, whose input marks the lengths by padding.

    A network with static features has these as a second input. With scalings, the model itself
    scales its inputs, X in its own units, and its outputs are in the units of y, in float64.
    """
    builder = _ModelBuilder(spec, varies, None, None, False)
    builder.counts_steps, builder.timesteps = varies, timesteps
    builder.input_scaling, builder.target_scaling = input_scaling, target_scaling
    model = builder.build(keras.Model if input_scaling is None else FullPrecisionModel)
    set_weights(spec, model, weights)
    return model


def trainable_variables(spec: NetworkSpec, model: keras.Model) -> dict[str, keras.Variable]:
    """Return the trainable variables by the names of ``spec.weight_shapes()``, in that order.

    Keras's own order follows the depth of the layers, which differs where lengths vary.
    """
    names = {layer.name for layer in model.layers}
    layers = [_owner(name, names) for name in spec.weight_shapes()]
    variables = [
        variable
        for layer in dict.fromkeys(layers)
        for variable in model.get_layer(layer).trainable_variables
    ]
    return dict(zip(spec.weight_shapes(), variables, strict=True))


def _owner(weight: str, layers: set[str]) -> str:
    """Return the layer that a weight belongs to.

    That of "lstm_0/forward/kernel" is "lstm_0_forward", or "lstm_0" where it reads in both
    directions; that of "embedding" is "embedding".
    """
    parts = weight.split("/")
    candidates = ("_".join(parts[: len(parts) - left_out]) for left_out in range(3))
    return next(name for name in candidates if name in layers)


def set_weights(spec: NetworkSpec, model: keras.Model, weights: Weights) -> None:
    """Set the trainable variables of a model."""
    for name, variable in trainable_variables(spec, model).items():
        variable.assign(weights[name])


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
        # Set for the models of users only.
        self.counts_steps = False
        self.timesteps: int | None = None
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
        self.static, others = self._read_static()
        self.mask = None if self.lengths is None else MaskPadding()([x, self.lengths])
        networks = []
        for k in range(spec.n_networks):
            self.prefix = f"network_{k}_" if spec.n_networks > 1 else ""
            networks.append(self._network(x))
        outputs = networks[0] if len(networks) == 1 else keras.layers.Average()(networks)
        if self.target_scaling is not None:
            outputs = ScaleTargets(*(array.tolist() for array in self.target_scaling))(outputs)
        inputs = [values, *context, *others]
        return model_class(inputs if len(inputs) > 1 else values, outputs)

    def _network(self, x: object) -> object:
        """Return the outputs of one network."""
        spec, values = self.spec, x
        if spec.embedding_dim is not None:
            x = keras.layers.Embedding(
                spec.vocabulary_size,
                spec.embedding_dim,
                embeddings_initializer=_uniform(),
                name=f"{self.prefix}embedding",
            )(x)
        elif spec.one_hot and (self.lstm is None or not spec.units):
            x = OneHot(spec.vocabulary_size)(x)
        for layer, units in enumerate(spec.units):
            x = self._drop(self._lstm_layer(x, units, layer), units * spec.n_directions)
        if spec.horizon is not None:
            x = LastSteps(spec.horizon, spec.n_direct)([x, values])
        elif not (spec.pooling is None or (spec.pooling == "last" and spec.units)):
            x = self._pool(x)
        if self.static is not None:
            x = self._beside_static(x)
        for layer, units in enumerate(spec.dense_units):
            x = self._drop(self._dense(units, "relu", layer)(x), units)
        x = self._dense(spec.n_outputs, spec.activation, len(spec.dense_units))(x)
        return x if spec.n_quantiles == 1 else OrderQuantiles(spec.n_quantiles)(x)

    def _input(self) -> object:
        if self.spec.reads_tokens:
            return keras.Input((self.timesteps,), dtype="int32", name="values")
        if self.input_scaling is None:
            return keras.Input((self.timesteps, self.spec.n_features), name="values")
        shape = (self.timesteps, self.input_scaling.n_features)
        return keras.Input(shape, dtype="float64", name="values")

    def _read(self, values: object) -> tuple[object, list]:
        """Return the input of the first layer, and the other inputs of the model."""
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

    def _read_static(self) -> tuple[object | None, list]:
        """Return the static features as the networks read them, and the input that they are."""
        size, scaling = self.spec.n_static, self.input_scaling
        if not size:
            return None, []
        if scaling is None:
            static = keras.Input((size,), name="static")
            return static, [static]
        static = keras.Input((size,), dtype="float64", name="static")
        mean, scale = scaling.static_mean.tolist(), scaling.static_scale.tolist()
        return ScaleInputs((), mean, scale)(static), [static]

    def _beside_static(self, x: object) -> object:
        """Put the static features of each sequence beside its outputs, at every time step."""
        static = self.static
        if self.spec.horizon is not None:
            static = keras.layers.RepeatVector(self.spec.horizon)(static)
        return keras.layers.Concatenate()([x, static])

    def _lstm_layer(self, x: object, units: int, layer: int) -> object:
        is_last = layer == len(self.spec.units) - 1
        keep_steps = not (is_last and self.spec.pooling == "last")
        name = f"{self.prefix}lstm_{layer}"
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

    def _dense(self, units: int, activation: str, layer: int) -> keras.layers.Layer:
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed=0),
            name=f"{self.prefix}dense_{layer}",
        )

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


def _uniform() -> keras.initializers.Initializer:
    # Seeded, as all initializers here: unseeded, they draw from Python's global generator.
    return keras.initializers.RandomUniform(-0.05, 0.05, seed=0)
