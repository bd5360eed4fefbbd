"""The parser of X for language models: reads a text or documents as a list of strings."""

from __future__ import annotations

from typing import Any

from sklstm.preprocessing._read_texts import VALID_TEXTS, read_texts

VALID_DOCUMENTS = f"{VALID_TEXTS}, or one string"


def as_documents(
    X: Any, *, name: str = "X", item: str = "Document", min_length: int = 2
) -> list[str]:
    """Read X as a list of documents; a single string is one document.

    Parameters
    ----------
    X : str, list, array, Series or data frame of str
    name, item : str
        The names of X and of one of its documents in error messages.
    min_length : int, default=2
        In characters.

    Raises
    ------
    ValueError
        If there is no document, X is a table of several columns, or a document is shorter than
        `min_length`.
    TypeError
        If X is of another kind, or a document is not a string.
    """
    X = [X] if isinstance(X, str) else X
    documents = read_texts(X, name=name, item=item, valid=VALID_DOCUMENTS)
    for index, document in enumerate(documents):
        if len(document) < min_length:
            found = f", {document!r}, has {len(document)} character" if document else " is empty"
            raise ValueError(
                f"{item} {index} of {name}{found}, while a minimum of {min_length} characters is "
                f"required: the first and one that follows it.{_hint(documents)}"
            )
    return documents


def _hint(documents: list[str]) -> str:
    if len(documents) == 1 or max(map(len, documents)) > 1:
        return ""
    return (
        " scikit-learn's splitters cut a bare string into single characters: split it into "
        "documents first, by sklstm.datasets.split_documents(text, n_documents)."
    )
