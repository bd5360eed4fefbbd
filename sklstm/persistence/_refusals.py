"""Refuses what a model file cannot keep, before anything is written; errors say where it is."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sklearn.base import BaseEstimator

from sklstm.persistence._walk import full_name, keys_last, parts

# Objects of other packages are refused before skops looks into them.
KNOWN_PACKAGES = {"builtins", "collections", "numpy", "scipy", "sklearn", "sklstm"}


def refuse_foreign(estimator: BaseEstimator, trusted: set[str]) -> None:
    """Raise TypeError for objects of unknown packages, before skops follows their references."""

    def is_foreign(name: str) -> bool:
        return name not in trusted and name.partition(".")[0] not in KNOWN_PACKAGES

    refuse(estimator, is_foreign)


def refuse(
    estimator: BaseEstimator, is_refused: Callable[[str], bool], names: Collection[str] = ()
) -> None:
    """Raise a TypeError that names the first refused object, and its place."""
    for place, part in parts(estimator, type(estimator).__name__):
        if is_refused(name := full_name(part)):
            raise TypeError(
                f"{place} holds {name}, which a model file cannot keep. {_advice(place, name)}"
            )
    if names:
        raise TypeError(
            f"{type(estimator).__name__} holds {', '.join(names)}, which a model file cannot keep. "
            f"{_advice('', next(iter(names)))}"
        )


def _advice(place: str, name: str) -> str:
    attribute = place.rpartition(".")[2].partition("[")[0]
    if attribute == "optimizer":
        return (
            "Name the optimizer, such as set_params(optimizer='adam'): its state is kept all the "
            "same."
        )
    if attribute == "callbacks":
        return "They are for training only: set_params(callbacks=None) before saving."
    if attribute == "checkpoint":
        return "Name the file by a str, or set_params(checkpoint=None) before saving."
    return (
        f"If it is safe to load, give trusted=[{name!r}] to save and load; or save without it (of "
        "a search, best_estimator_)."
    )


def refuse_keys(estimator: BaseEstimator) -> None:
    """Raise TypeError for keys of dicts that JSON would not give back unchanged."""
    for place, part in parts(estimator, type(estimator).__name__):
        if isinstance(part, dict) and not keys_last(part):
            raise TypeError(
                f"{place} has the keys {list(part)!r:.80}: a model file keeps strings, ints and "
                "floats, all different as text. Use such keys, or a pickle."
            )
