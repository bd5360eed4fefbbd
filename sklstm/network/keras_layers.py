"""Layers that Keras does not have, for the models that train and for those of users."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from sklstm.network.quantiles import order_matrices


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
        """Pool (n, T, F) to (n, F)."""
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
        """Return None: the result has no time steps to mask."""

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"pooling": self.pooling, "n_directions": self.n_directions}
        return {**own, "name": self.name, "dtype": self.dtype}

    @staticmethod
    def _sum_where(x: object, chosen: object) -> object:
        return ops.sum(ops.where(chosen[:, :, None], x, 0.0), axis=1)


@keras.saving.register_keras_serializable(package="sklstm")
class LastOutputs(keras.layers.Layer):
    """Select from (n, T, F) the output of each direction at the last time step that it reads.

    For the forward direction that is the last time step, for the backward direction the first.
    """

    def __init__(self, n_directions: int, *, name: str | None = None, dtype: object = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.n_directions = n_directions

    def call(self, x: object) -> object:
        """Select."""
        return _last_outputs(x, self.n_directions, lambda x: x[:, -1])

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"n_directions": self.n_directions, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sklstm")
class LastSteps(keras.layers.Layer):
    """Select the last time steps of (n, T, units), beside some of the features of these steps.

    Called with ``[x, values]``, of shapes (n, T, units) and (n, T, F); returns
    (n, horizon, units + n_direct).

    Parameters
    ----------
    horizon : int
        Number of time steps.
    n_direct : int
        How many of the features, the first ones.
    """

    def __init__(
        self, horizon: int, n_direct: int, *, name: str | None = None, dtype: object = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.horizon, self.n_direct = horizon, n_direct
        self.supports_masking = True

    def call(self, inputs: list) -> object:
        """Select."""
        x, values = (array[:, -self.horizon :] for array in inputs)
        return ops.concatenate([x, values[:, :, : self.n_direct]], axis=2) if self.n_direct else x

    def compute_mask(self, inputs: list, previous_mask: list) -> None:
        """Return None: all sequences have the last time steps."""

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"horizon": self.horizon, "n_direct": self.n_direct}
        return {**own, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sklstm")
class MaskPadding(keras.layers.Layer):
    """Compute the mask of right-padded sequences: False where a time step is padding.

    Called with ``[x, lengths]``, of shapes (n, T, F) or (n, T), and (n,); returns bool (n, T).
    """

    def call(self, inputs: list) -> object:
        """Compute the mask."""
        x, lengths = inputs
        return ops.arange(ops.shape(x)[1], dtype=lengths.dtype)[None, :] < lengths[:, None]


@keras.saving.register_keras_serializable(package="sklstm")
class CountSteps(keras.layers.Layer):
    """Measure the lengths of right-padded sequences; return ``[values, lengths]``.

    Time steps that are all NaN (numbers) or 0 (token ids) are padding.
    """

    def call(self, x: object) -> list:
        """Measure."""
        if len(x.shape) == 2:
            return [x, ops.sum(ops.cast(x != 0, "int32"), axis=1)]
        missing = ops.isnan(x)
        present = ops.logical_not(ops.all(missing, axis=-1))
        return [ops.where(missing, 0.0, x), ops.sum(ops.cast(present, "int32"), axis=1)]


@keras.saving.register_keras_serializable(package="sklstm")
class ScaleInputs(keras.layers.Layer):
    """Append deltas to unscaled features, (n, T, F) float64, and standardize all to float32.

    Static features, (n, S), have no deltas.

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
        """Append deltas, subtract means and divide by scales."""
        columns = [x]
        if self.deltas_of:
            differences = ops.take(x, self.deltas_of, axis=2)
            for _ in range(2):
                before = ops.concatenate([differences[:, :1], differences[:, :-1]], axis=1)
                differences = differences - before
                columns.append(differences)
        mean, scale = (ops.convert_to_tensor(v, "float64") for v in (self.mean, self.scale))
        return ops.cast((ops.concatenate(columns, axis=-1) - mean) / scale, "float32")

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"deltas_of": self.deltas_of, "mean": self.mean, "scale": self.scale}
        return {**own, "name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sklstm")
class OrderQuantiles(keras.layers.Layer):
    """Make quantiles of outputs that never cross; see `sklstm.network.quantiles`.

    Parameters
    ----------
    n_quantiles : int
    """

    def __init__(self, n_quantiles: int, *, name: str | None = None, dtype: object = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.n_quantiles = n_quantiles

    def call(self, x: object) -> object:
        """Put the quantiles of each number in order."""
        of_middle, of_steps = order_matrices(x.shape[-1], self.n_quantiles)
        return ops.matmul(x, of_middle) + ops.matmul(ops.softplus(x), of_steps)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        return {"n_quantiles": self.n_quantiles, "name": self.name, "dtype": self.dtype}


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
        """Multiply and add."""
        scale, mean = (ops.convert_to_tensor(v, "float64") for v in (self.scale, self.mean))
        return x * scale + mean

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {"scale": self.scale, "mean": self.mean}
        return {**own, "name": self.name, "dtype": self.dtype}


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


def _last_outputs(x: object, n_directions: int, last_of: Callable[[object], object]) -> object:
    """Join the last outputs of the forward direction with the first of the backward direction."""
    forward, *backward = ops.split(x, n_directions, axis=-1)
    return ops.concatenate([last_of(forward), *(outputs[:, 0] for outputs in backward)], axis=-1)
