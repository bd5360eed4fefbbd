"""Reads X as documents: the door of what learns texts."""

from __future__ import annotations

from typing import Any


def as_documents(X: Any, *, min_length: int = 2) -> list[str]:
    """Read X as a list of documents; a bare string is one.

    Raises
    ------
    ValueError
        If there is no document, or one is shorter than `min_length` characters.
    TypeError
        If a document is not a string.
    """
    documents = [X] if isinstance(X, str) else list(X)
    if not documents:
        raise ValueError("X is empty: found 0 documents while a minimum of 1 is required.")
    for index, document in enumerate(documents):
        if not isinstance(document, str):
            raise TypeError(
                f"Document {index} of X is of type {type(document).__name__}, not a string: "
                "valid are one text, or a list of texts."
            )
        if len(document) < min_length:
            raise ValueError(
                f"Document {index} of X, {document!r}, has {len(document)} character(s) while a "
                f"minimum of {min_length} is required. scikit-learn's splitters cut a bare string "
                "into single characters: split it into documents first, by "
                "sklstm.datasets.split_documents(text, n)."
            )
    return [str(document) for document in documents]
