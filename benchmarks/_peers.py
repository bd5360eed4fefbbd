"""The peers that come with sklstm, plain Keras and scikeras, on the same weights as ours.

Keras runs its own `fit`, scikeras Keras's. `torch_peers` is None where PyTorch or skorch is not
installed; benchmarks then leave these peers out.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from types import ModuleType

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scikeras.wrappers import KerasClassifier

from sklstm.network.spec import NetworkSpec, Weights

SEED = 0
KERNEL = "lstm_0/forward/kernel"
LOSS = "sparse_categorical_crossentropy"
# A classifier of ours that does the same work as the peers do.
PLAIN = {
    "pooling": "last",
    "standardize": False,
    "differences": False,
    "learning_rate": 0.003,
    "learning_rate_schedule": "constant",
    "clipnorm": None,
    "batch_size": 32,
    "random_state": SEED,
}


def torch_peers() -> ModuleType | None:
    """Import the peers that PyTorch runs, or say that it is not installed."""
    missing = [name for name in ("torch", "skorch") if find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)} not installed: PyTorch and skorch are left out.")
        return None
    import _torch_peers

    return _torch_peers


def initial_weights(spec: NetworkSpec) -> Weights:
    """Return the weights that a fit of ours with `random_state=SEED` starts from."""
    return spec.initial_weights(np.random.RandomState(SEED))


def keras_model(
    weights: Weights, *, every_step: bool = False, one_hot: bool = False
) -> keras.Model:
    """Build one LSTM layer and a softmax, as a user of Keras does.

    Parameters
    ----------
    weights : dict of ndarray
        Of one LSTM layer and the output layer, by the names of ``spec.weight_shapes()``.
    every_step : bool
        Whether every time step has an output.
    one_hot : bool
        Whether inputs are integers that the model turns into one-hot vectors.
    """
    n_inputs, n_outputs = len(weights[KERNEL]), len(weights["dense_0/bias"])
    units = len(weights["lstm_0/forward/recurrent_kernel"])
    if one_hot:
        to_vectors = keras.layers.Lambda(lambda ids: keras.ops.one_hot(ids, n_inputs))
        entrance = [keras.Input((None,), dtype="int32"), to_vectors]
    else:
        entrance = [keras.Input((None, n_inputs))]
    lstm = keras.layers.LSTM(units, return_sequences=every_step)
    model = keras.Sequential([*entrance, lstm, keras.layers.Dense(n_outputs, "softmax")])
    model.set_weights(list(weights.values()))
    return model


def weights_of(model: keras.Model) -> Weights:
    """Return the weights of `keras_model` by name."""
    names = NetworkSpec(n_outputs=1, activation="linear").weight_shapes()
    return dict(zip(names, model.get_weights(), strict=True))


class KerasFit:
    """A compiled Keras model, fitted again and again from the same weights.

    Parameters
    ----------
    model : keras.Model
    learning_rate : float
    jit_compile : bool or "auto"
        Whether XLA compiles the training step; Keras's own choice on a CPU is not to.
    """

    def __init__(
        self, model: keras.Model, learning_rate: float, jit_compile: bool | str = "auto"
    ) -> None:
        optimizer = keras.optimizers.Adam(learning_rate)
        model.compile(optimizer, LOSS, metrics=["accuracy"], jit_compile=jit_compile)
        optimizer.build(model.trainable_variables)
        self.model = model
        self._variables = [*model.variables, *optimizer.variables]
        self._start = [np.array(variable.numpy()) for variable in self._variables]

    def fit(self, X: np.ndarray, y: np.ndarray, **options: object) -> keras.callbacks.History:
        """Put the first weights and optimizer state back, and fit."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)
        return self.model.fit(X, y, verbose=0, **options)


def digits_model(units: int, *, flat: bool = False) -> keras.Model:
    """Build the model of digits, read as 8 rows of 8 pixels, for scikeras to compile.

    Parameters
    ----------
    units : int
    flat : bool
        Whether an image comes as a row of 64 pixels.
    """
    model = keras_model(initial_weights(digits_spec(units)))
    if not flat:
        return model
    return keras.Sequential([keras.Input((64,)), keras.layers.Reshape((8, 8)), *model.layers])


def digits_spec(units: int) -> NetworkSpec:
    """Describe the network of digits."""
    return NetworkSpec(n_outputs=10, activation="softmax", n_features=8, units=(units,))


def scikeras_digits(
    *, units: int, learning_rate: float, epochs: int, flat: bool = False, **options: object
) -> KerasClassifier:
    """Make scikeras's classifier of digits."""
    return KerasClassifier(
        model=digits_model,
        model__units=units,
        model__flat=flat,
        optimizer="adam",
        optimizer__learning_rate=learning_rate,
        loss=LOSS,
        metrics=["accuracy"],
        batch_size=32,
        epochs=epochs,
        verbose=0,
        **options,
    )
