"""Reading the texts that a transformer or generator is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

UNKNOWN_TOKEN = "<unk>"
VALID_TEXTS = (
    "valid is a list or a 1-D array of strings, a Series of them, or a table of one column"
)


def read_texts(
    X: Any, *, name: str = "X", item: str = "Sample", valid: str = VALID_TEXTS
) -> list[str]:
    """Make a list of strings of a list, a 1-D array, a Series or a table of one column.

    Parameters
    ----------
    X : list, array, Series or data frame of str
    name, item, valid : str
        What messages call X and an element of it, and what they say is valid.

    Raises
    ------
    ValueError
        If X is one bare string, a table of several columns, or empty.
    TypeError
        If X is of another kind, or an element is no string; the message names the sample.
    """
    if isinstance(X, str):
        raise ValueError(f"{name} is one string, {X[:40]!r}: {valid}. For one text, pass [text].")
    texts = list(_one_column(X, name, valid))
    if not texts:
        raise ValueError(f"{name} is empty: found 0 sample(s) while a minimum of 1 is required.")
    for sample, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"{item} {sample} of {name} is {text!r:.40} of type {type(text).__name__}: {valid}."
            )
    return [str(text) for text in texts]  # numpy's strings are a type of their own


def _one_column(X: Any, name: str, valid: str) -> Any:
    """Check that X holds samples one after another; take the column out of a table of one."""
    is_sequence = hasattr(X, "__len__") and hasattr(X, "__getitem__")
    if not is_sequence or isinstance(X, Mapping | Set | bytes | bytearray | memoryview | type):
        hint = " It can be read only once: pass list(X)." if hasattr(X, "__next__") else ""
        raise TypeError(f"{name} is of type {type(X).__name__}: {valid}.{hint}")
    shape = getattr(X, "shape", None)
    if shape is None or len(shape) == 1:
        return X
    if len(shape) != 2 or shape[1] != 1 or not hasattr(X, "__array__"):
        raise ValueError(
            f"{name} has shape {shape}: {valid}. Of a DataFrame, take the column that holds the "
            "texts, X['name'] (in a ColumnTransformer 'name')."
        )
    return np.asarray(X, dtype=object)[:, 0]


def most_frequent(counts: Counter[str], n: int | None) -> list[str]:
    """Return n tokens by falling frequency, equally frequent ones in alphabetical order."""
    return sorted(counts, key=lambda token: (-counts[token], token))[:n]
