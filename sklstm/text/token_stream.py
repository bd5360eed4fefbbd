"""Joins documents to one stream of token ids and cuts it into training windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklstm.network.training.batches import TextWindows
from sklstm.network.training.bucketing import round_up
from sklstm.text.documents import as_documents
from sklstm.text.vocabulary import Vocabulary

START = 0  # the id that precedes a document's first token


def encode_documents(texts: list[str], vocabulary: Vocabulary, name: str) -> list[np.ndarray]:
    """Return the ids of each text; errors name text i by `name` and its number."""
    return [vocabulary.encode(text, f"{name} {i}") for i, text in enumerate(texts)]


def join_documents(
    documents: list[str], vocabulary: Vocabulary, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Concatenate the ids of documents, each preceded by the id `START`.

    Returns
    -------
    stream : ndarray of shape (N,), int32
        The ids of all documents.
    starts, stops : ndarray of shape (n,)
        Where each document starts and stops.
    """
    encoded = encode_documents(documents, vocabulary, name)
    stream = np.concatenate([part for ids in encoded for part in ([START], ids)])
    lengths = np.array([len(ids) + 1 for ids in encoded])
    stops = np.cumsum(lengths)
    return stream.astype(np.int32), stops - lengths, stops


def training_windows(
    documents: list[str], X_val: Any, vocabulary: Vocabulary, window: int
) -> tuple[TextWindows, TextWindows | None]:
    """Cut the training text and the validation text into windows of one length."""
    stream, starts, stops = join_documents(documents, vocabulary, "Document")
    window = min(window, round_up(int((stops - starts).max()) - 1))
    data = TextWindows(stream, starts, window)
    if X_val is None:
        return data, None
    held_out = as_documents(X_val, name="X_val")
    stream, starts, _ = join_documents(held_out, vocabulary, "Validation document")
    return data, TextWindows(stream, starts, window)
