"""Texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklstm.datasets import (
    fetch_shakespeare,
    load_python_reference,
    split_documents,
)

# ---------------------------------------------------------------------------------------- loaders


def test_python_reference():
    text = load_python_reference()
    assert 300_000 < len(text) < 1_000_000
    assert text.startswith('The "assert" statement\n')
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    assert text == load_python_reference()


# ------------------------------------------------------------------------------------------- IMDB


@pytest.mark.data
def test_real_shakespeare(real_data):
    real_data("shakespeare.txt")
    text = fetch_shakespeare(download_if_missing=False)
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.startswith("First Citizen:\nBefore we proceed any further")


# ---------------------------------------------------------------------------------------- decoding


@given(st.text("ab\n", min_size=2, max_size=80), st.integers(1, 12))
def test_split_documents_lose_nothing(text, n):
    if len(text) < 2 * n:
        with pytest.raises(ValueError, match=f"n_documents={n} documents"):
            split_documents(text, n)
        return
    documents = split_documents(text, n)
    assert "".join(documents) == text
    assert len(documents) == n
    assert min(map(len, documents)) >= 2
