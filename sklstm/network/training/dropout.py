"""The dropout layer of the models that train."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="sklstm")
class SequenceDropout(keras.layers.Layer):
    """Set random outputs to zero, the same ones at all time steps of a sequence.

    The random numbers follow from a seed that each fit sets. They are drawn once per sequence and
    not once per time step: in compiled code the drawing would cost more than a small network.

    Parameters
    ----------
    rate : float
        Share of the outputs that are set to zero.
    place : int
        Number of this dropout layer in the network, so that no two layers draw alike.

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
        """Set the seed of a fit."""
        self.seed.assign([seed ^ self.place, 0])

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Set outputs to zero and scale the others up, while training."""
        if not training:
            return x
        shape = [tf.shape(x)[0], *([1] * (len(x.shape) - 2)), x.shape[-1]]
        uniform = tf.random.stateless_uniform(shape, self.seed.value, alg="philox")
        self.seed.assign_add([0, 1])
        return x * tf.cast(uniform >= self.rate, x.dtype) / (1 - self.rate)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"rate": self.rate, "place": self.place, "name": self.name, "dtype": self.dtype}
