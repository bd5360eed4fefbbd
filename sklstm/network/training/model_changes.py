"""What a callback has changed in a compiled model, and whether it may."""

from __future__ import annotations

import keras

PLAIN = (bool, int, float, str, type(None))
# Predictions do not depend on these, so they may change while a network trains.
FOR_TRAINING_ONLY = ("optimizer.", "loss.")
CHANGEABLE = (".trainable", ".constraint", ".regularizer", ".rate")


def describe_model(model: keras.Model) -> dict[str, object]:
    """Return, by name, the settings of a model that are compiled into its training steps.

    Values of variables, such as the weights, are not among them: compiled code reads them anew.
    """
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


def names_of_changes(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Return the names of the settings that differ between two descriptions."""
    missing = object()
    names = dict.fromkeys([*before, *after])
    return [name for name in names if before.get(name, missing) != after.get(name, missing)]


def may_change(name: str) -> bool:
    """Whether a callback may change this setting: predictions must not depend on it."""
    return name.startswith(FOR_TRAINING_ONLY) or name.endswith(CHANGEABLE)


def _attributes(owner: str, of: object) -> dict[str, object]:
    """Return the public attributes of an object that are plain values or functions, by name."""
    return {
        f"{owner}.{name}": value
        for name, value in vars(of).items()
        if not name.startswith("_") and (isinstance(value, PLAIN) or callable(value))
    }


def _schedule_of(optimizer: object) -> object:
    """Return a LearningRateSchedule of Keras's; a rate that is a number is set by every fit."""
    rate = getattr(optimizer, "_learning_rate", None)
    return None if isinstance(rate, keras.Variable) else id(rate)
