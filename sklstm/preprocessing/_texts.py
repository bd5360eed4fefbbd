"""Reading texts: the door of the transformers that take strings."""

from __future__ import annotations

from collections import Counter
from typing import Any

# Letters, digits and underscores of any script, with apostrophes inside.
WORD = r"\w+(?:['’]\w+)*"
UNKNOWN_TOKEN = "<unk>"
VALID_TEXTS = "valid is a list or a 1-D array of strings"


def read_texts(X: Any) -> list[str]:
    """Make a list of strings of a list, a 1-D array or a Series of strings.

    Raises
    ------
    ValueError
        If X is one bare string, a table, or empty.
    TypeError
        If X cannot be iterated, or an element is no string; the message names the sample.
    """
    if isinstance(X, str | bytes):
        raise ValueError(f"X is one string, {X[:40]!r}: {VALID_TEXTS}. For one text, pass [text].")
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(
            f"X has shape {X.shape}: {VALID_TEXTS}. Of a DataFrame, take the column that holds the "
            "texts, X['name'] (in a ColumnTransformer 'name', not ['name'])."
        )
    if not hasattr(X, "__iter__"):
        raise TypeError(f"X is of type {type(X).__name__}: {VALID_TEXTS}.")
    texts = list(X)
    if not texts:
        raise ValueError("X is empty: found 0 sample(s) while a minimum of 1 is required.")
    for sample, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(
                f"Sample {sample} of X is {text!r:.40} of type {type(text).__name__}: "
                f"{VALID_TEXTS}."
            )
    return texts


def most_frequent(counts: Counter[str], n: int | None) -> list[str]:
    """Return n tokens by falling frequency, equally frequent ones in alphabetical order."""
    return sorted(counts, key=lambda token: (-counts[token], token))[:n]
