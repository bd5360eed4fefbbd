"""Checks of single values that a model file holds; each error names the place of the value."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklstm.persistence._walk import full_name


def check_type(value: Any, kinds: tuple[type, ...], place: str) -> None:
    """Raise ValueError unless a value is of one of some types."""
    if not isinstance(value, kinds):
        valid = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"{place} is of type {full_name(value):.80}, valid is {valid}")


def check_each(values: Any, kind: type, n: int, place: str) -> None:
    """Raise ValueError unless there is one value of a type for each network."""
    is_valid = isinstance(values, tuple) and len(values) == n
    if not is_valid or not all(isinstance(value, kind) for value in values):
        raise ValueError(f"{place} is not a {kind.__name__} for each of {n} networks")


def check_array(array: Any, shape: tuple[int, ...], place: str) -> None:
    """Raise ValueError unless a value is an array of a shape."""
    if not isinstance(array, np.ndarray) or array.shape != shape:
        found = array.shape if isinstance(array, np.ndarray) else f"type {full_name(array)}"
        raise ValueError(f"{place} has the shape {shown(found)}, valid is {shape}")


def is_count(value: Any, least: int = 1) -> bool:
    """Say whether a value is an integer, no truth value, and not too small."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def shown(value: Any, n: int = 80) -> str:
    """Show the beginning of a value in one line, whatever it is."""
    return " ".join(ascii(value).split())[:n]
