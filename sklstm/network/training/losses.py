"""The losses and metrics that a network can be trained with, by name."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sklstm")
class PinballLoss(keras.losses.Loss):
    """The loss whose minimum is a quantile; of several quantiles, their mean.

    Parameters
    ----------
    quantile : float or sequence of float
        Between 0 and 1. The columns of what is predicted are those of each number in turn, for
        all quantiles; the targets are repeated for each.

    References
    ----------
    R. Koenker, G. Bassett, "Regression quantiles", 1978.
    """

    def __init__(
        self,
        quantile: float | Sequence[float] = 0.5,
        reduction: str = "mean_with_sample_weight",
        name: str = "pinball_loss",
        dtype: object = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.quantile = quantile

    def call(self, y_true: object, y_pred: object) -> object:
        """Compute the loss of each sample."""
        error = y_true - y_pred
        quantile = self.quantile
        if not isinstance(quantile, float):
            n_numbers = y_pred.shape[-1] // len(quantile)
            quantile = ops.convert_to_tensor([*quantile] * n_numbers, y_pred.dtype)
        loss = ops.maximum(quantile * error, (quantile - 1) * error)
        return ops.mean(loss, axis=-1)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {**super().get_config(), "quantile": self.quantile}


# LSTMRegressor lists those that users may name; NumberTargets knows which of them scale y.
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
