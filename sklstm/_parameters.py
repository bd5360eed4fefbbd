"""Parameters of the estimators: which values are valid, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklstm._sklearn_compat import HasMethods, Interval, StrOptions
from sklstm.network.training.learning_rate import SCHEDULES

OPTIMIZERS = {
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "ftrl",
    "lion",
    "nadam",
    "rmsprop",
    "sgd",
}
LARGEST_INT = 2**31 - 1
POSITIVE_INT = Interval(Integral, 1, LARGEST_INT, closed="both")

TRAINING_CONSTRAINTS: dict[str, list] = {
    "units": [POSITIVE_INT, "array-like"],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "optimizer": [StrOptions(OPTIMIZERS), HasMethods("apply_gradients")],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
    "learning_rate_schedule": [StrOptions(SCHEDULES)],
    "warmup": [Interval(Real, 0, 1, closed="left")],
    "clipnorm": [Interval(Real, 0, None, closed="neither"), None],
    "batch_size": [POSITIVE_INT],
    "epochs": [POSITIVE_INT],
    "callbacks": [list, tuple, None],
    "keras_params": [Mapping, None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


class LossNames(StrOptions):
    """Valid losses; their error names those for which Keras has another word."""

    def __str__(self) -> str:
        return (
            f"{super().__str__()} (Keras's 'mse' and 'mean_squared_error' are 'squared_error' "
            "here, 'mae' and 'mean_absolute_error' are 'absolute_error')"
        )


def as_int(value: Integral | None) -> int | None:
    """Return a Python int for a numpy one, whose arithmetic may overflow."""
    return None if value is None else int(value)


def as_float(value: Real | None, name: str) -> float | None:
    """Return any number as a float; `name` is the parameter that an error names."""
    try:
        return None if value is None else float(value)
    except OverflowError:
        raise ValueError(
            f"{name} is an int of {len(str(value))} digits: valid are numbers that a float holds."
        ) from None


def layer_units(units: Any, name: str) -> tuple[int, ...]:
    """Read the units of the layers: an int for one layer, or a sequence."""
    layers = (units,) if np.ndim(units) == 0 else tuple(units)
    layers = [n.item() if isinstance(n, np.generic | np.ndarray) else n for n in layers]
    if not all(type(n) is int and 1 <= n <= LARGEST_INT for n in layers):
        raise ValueError(
            f"{name}={units!r:.80} is not valid: give an int from 1 to {LARGEST_INT}, or a "
            "sequence of them, one for each layer."
        )
    return tuple(layers)


def static_features_of(static: Any) -> tuple[str | int, ...]:
    """Read names and indices of features: one, a sequence of them, or None for none.

    Raises
    ------
    ValueError
        If one is neither a name nor an index.
    """
    if static is None:
        return ()
    features = (static,) if np.ndim(static) == 0 else tuple(static)
    features = tuple(each.item() if isinstance(each, np.generic) else each for each in features)
    if not all(type(each) in (str, int) for each in features):
        raise ValueError(
            f"static={static!r:.80} is not valid: give names (str) or indices (int) of features of "
            "X, such as ['region'] or [0, 3]."
        )
    return features


def check_of_tokens(
    embedding_dim: int | None, vocabulary_size: int | None, static: tuple[str | int, ...]
) -> None:
    """Check that a vocabulary is set only where X is token ids, and static features only elsewhere.

    Raises
    ------
    ValueError
        If it is not so.
    """
    if vocabulary_size is not None and embedding_dim is None:
        raise ValueError(
            f"vocabulary_size={vocabulary_size} is for token ids, which are read where "
            "embedding_dim is set, but it is None."
        )
    if static and embedding_dim is not None:
        raise ValueError(
            f"static={list(static)!r:.80} are columns of numbers, but "
            f"embedding_dim={embedding_dim} reads X as token ids, which has no columns: set one of "
            "them."
        )


def quantiles_of(quantile: Any) -> float | tuple[float, ...]:
    """Read a quantile, or several in ascending order.

    Raises
    ------
    ValueError
        If one does not lie between 0 and 1, or they are not two or more in ascending order.
    """
    if np.ndim(quantile) == 0:
        return float(quantile)
    quantiles = tuple(q.item() if isinstance(q, np.generic) else q for q in quantile)
    are_numbers = all(isinstance(q, Real) and 0 < q < 1 for q in quantiles)
    if len(quantiles) < 2 or not are_numbers or list(quantiles) != sorted(set(quantiles)):
        raise ValueError(
            f"quantile={quantile!r:.80} is not valid: give a number between 0 and 1, or two or "
            "more of them in ascending order."
        )
    return tuple(map(float, quantiles))


def check_no_quantile(quantile: Any, loss: str) -> None:
    """Check that a quantile is not set for a loss that has none."""
    if np.ndim(quantile) > 0 or quantile != 0.5:
        raise ValueError(
            f"quantile={quantile} is for loss='quantile', but loss={loss!r}: set loss='quantile', "
            "or leave quantile=0.5."
        )


def check_optimizer(optimizer: Any, keras_params: Mapping) -> None:
    """Check that an optimizer is a name, or an object that no parameter is routed to."""
    by_name = isinstance(optimizer, str)
    if not by_name and (
        foreign := [name for name in keras_params if name.startswith("optimizer__")]
    ):
        raise ValueError(
            f"keras_params holds {foreign[0]!r}, which is for an optimizer given by name, and "
            f"optimizer={optimizer!r} is an object: set it there."
        )
    if isinstance(optimizer, type):
        name = optimizer.__name__
        raise ValueError(
            f"optimizer={name} is a class. Give an object, optimizer={name}(), or a name: "
            f"valid are {', '.join(sorted(OPTIMIZERS))}."
        )


def checked_callbacks(callbacks: list | tuple | None) -> tuple:
    """Check that each callback is a Keras callback or a function."""
    for callback in callbacks or ():
        is_either = callable(callback) or hasattr(callback, "on_epoch_end")
        if isinstance(callback, type) or not is_either:
            raise ValueError(
                f"callbacks holds {callback!r}: valid are Keras callbacks and functions of "
                "(epoch, logs)."
            )
    return tuple(callbacks or ())


def checked_keras_params(params: Mapping | None) -> dict[str, Any]:
    """Check the names of the parameters that scikeras routes."""
    for name in params or {}:
        if not str(name).startswith(("optimizer__", "loss__")):
            raise ValueError(
                f"keras_params holds {name!r}: valid names start with 'optimizer__' or 'loss__', "
                "such as 'optimizer__beta_1'."
            )
    return dict(params or {})
