"""What callbacks change in a compiled model: what may change, and what may not."""

from __future__ import annotations

import keras

PLAIN = (bool, int, float, str, type(None))
# A network that predicts knows none of these, so they may change while it trains.
FOR_TRAINING_ONLY = ("optimizer.", "loss.")
CHANGEABLE = (".trainable", ".constraint", ".regularizer", ".rate")


def describe(model: keras.Model) -> dict[str, object]:
    """Write down all that is compiled into the steps of a model; arrays of numbers are not."""
    loss = model.loss.get_config() if hasattr(model.loss, "get_config") else {}
    layers = model._flatten_layers(include_self=False)
    return {
        "the optimizer object": id(model.optimizer),
        "what compile() sets": id(model._loss_tracker),
        "the LearningRateSchedule": _schedule_of(model.optimizer),
        **_attributes("optimizer", model.optimizer),
        **{f"loss.{name}": value for name, value in loss.items()},
        **{
            f"{variable.path}.{name}": getattr(variable, name)
            for variable in model.variables
            for name in ("trainable", "constraint", "regularizer")
        },
        **{key: value for layer in layers for key, value in _attributes(layer.path, layer).items()},
    }


def changes(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Name what differs."""
    missing = object()
    names = dict.fromkeys([*before, *after])
    return [name for name in names if before.get(name, missing) != after.get(name, missing)]


def may_change(name: str) -> bool:
    """Whether a callback may change this: all that predictions need not know."""
    return name.startswith(FOR_TRAINING_ONLY) or name.endswith(CHANGEABLE)


def _attributes(owner: str, of: object) -> dict[str, object]:
    """Return the public attributes that are plain values or can be called."""
    return {
        f"{owner}.{name}": value
        for name, value in vars(of).items()
        if not name.startswith("_") and (isinstance(value, PLAIN) or callable(value))
    }


def _schedule_of(optimizer: object) -> object:
    """Return a LearningRateSchedule of Keras's; a rate that is a number is set by every fit."""
    rate = getattr(optimizer, "_learning_rate", None)
    return None if isinstance(rate, keras.Variable) else id(rate)
