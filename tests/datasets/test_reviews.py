"""IMDB."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_files import CLASSES, IDS, npz, own_imdb_npz
from sklstm.datasets import (
    decode_reviews,
    fetch_imdb,
)

# ------------------------------------------------------------------------------------------- IMDB


def reviews_of(bunch, part="train"):
    return [ids.tolist() for ids in bunch[f"data_{part}"]]


def test_own_imdb(own_imdb):
    imdb = fetch_imdb(shuffle=False)
    assert reviews_of(imdb) == reviews_of(imdb, "test") == IDS
    assert imdb.target_train.tolist() == imdb.target_test.tolist() == CLASSES
    assert imdb.data_train.dtype == object
    assert imdb.data_train[0].dtype == np.int32
    assert imdb.target_train.dtype == np.int64
    assert imdb.target_names == ["negative", "positive"]
    assert list(imdb.vocabulary) == [
        "<pad>",
        "<start>",
        "<unknown>",
        "<unused>",
        "the",
        "film",
        "bad",
        "good",
    ]


def test_the_download_has_the_same_form(published_imdb, own_imdb, cache, monkeypatch):
    own = fetch_imdb()
    monkeypatch.delenv("SKLSTM_DATA")
    downloaded = fetch_imdb()
    assert {path.name for path in cache.iterdir()} == {"imdb.npz", "imdb_word_index.json"}
    assert reviews_of(own) == reviews_of(downloaded)
    assert list(own.vocabulary) == list(downloaded.vocabulary)
    assert own.target_train.tolist() == downloaded.target_train.tolist()
    assert own.data_train[0].dtype == downloaded.data_train[0].dtype
    assert own.target_train.dtype == downloaded.target_train.dtype


def test_reviews_of_one_length_stay_an_array_of_arrays(own_imdb):
    ids = [[1, 4], [1, 5], [1, 6], [1, 7]]
    (own_imdb / "imdb_int.npz").write_bytes(own_imdb_npz(ids))
    imdb = fetch_imdb(shuffle=False)
    assert imdb.data_train.shape == (4,)
    assert reviews_of(imdb) == ids


def test_vocabulary_size_counts_the_reserved_ids(own_imdb):
    imdb = fetch_imdb(vocabulary_size=6, shuffle=False)
    assert reviews_of(imdb) == [[1, 4, 5], [1, 2], [1, 4, 5, 2], [1, 2]]
    assert list(imdb.vocabulary) == ["<pad>", "<start>", "<unknown>", "<unused>", "the", "film"]
    assert len(fetch_imdb(vocabulary_size=1000).vocabulary) == 8


@pytest.mark.parametrize("vocabulary_size", [4, 0, -1, 10.5, "all", True])
def test_vocabulary_size_out_of_range(own_imdb, vocabulary_size):
    message = rf"'vocabulary_size'.*\[5, inf\) or None\. Got {vocabulary_size!r}"
    with pytest.raises(ValueError, match=message):
        fetch_imdb(vocabulary_size=vocabulary_size)


def test_shuffling_keeps_reviews_and_classes_together(own_imdb):
    ids = [[1, 4 + i % 4] + [4] * i for i in range(50)]
    classes = [i // 25 for i in range(50)]
    (own_imdb / "imdb_int.npz").write_bytes(own_imdb_npz(ids, classes))
    imdb = fetch_imdb()
    for part in ("train", "test"):
        shuffled = reviews_of(imdb, part)
        assert shuffled != ids
        assert sorted(shuffled) == sorted(ids)
        assert [classes[ids.index(r)] for r in shuffled] == imdb[f"target_{part}"].tolist()
    assert reviews_of(imdb) == reviews_of(fetch_imdb(random_state=0))
    assert reviews_of(imdb) != reviews_of(fetch_imdb(random_state=1))
    assert reviews_of(imdb) != reviews_of(imdb, "test")


def test_shuffling_leaves_the_global_random_state_alone(own_imdb):
    before = np.random.get_state()[1].copy()
    fetch_imdb()
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_own_reviews_need_their_own_words(own_imdb, published_imdb):
    (own_imdb / "imdb_word_index.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"imdb_word_index\.json is missing: it belongs to"):
        fetch_imdb()


def test_own_words_alone_are_not_mixed_with_the_published_reviews(own_imdb, published_imdb, server):
    (own_imdb / "imdb_int.npz").unlink()
    (own_imdb / "imdb_word_index.json").write_bytes(b'{"other": 1}')
    assert "film" in fetch_imdb().vocabulary
    assert sorted(server.requested) == ["/imdb.npz", "/imdb_word_index.json"]


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("imdb_int.npz", b"no archive", "ValueError"),
        ("imdb_int.npz", own_imdb_npz(classes=[0, 1]), "4 reviews and 2 classes"),
        ("imdb_int.npz", own_imdb_npz([[1, 4], [], [1], [1]]), "do not cut 4 words"),
        ("imdb_word_index.json", b"{", "JSONDecodeError"),
        ("imdb_word_index.json", b"[1]", "AttributeError"),
        ("imdb_word_index.json", b'{"the": 0}', "rank 0; ranks count from 1"),
    ],
)
def test_damaged_own_imdb(own_imdb, name, payload, reason):
    (own_imdb / name).write_bytes(payload)
    with pytest.raises(OSError, match=reason) as error:
        fetch_imdb()
    assert f"Delete or replace {own_imdb / name}" in str(error.value)


class _Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_an_unchecked_pickle_is_never_opened(published_imdb, server, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bomb = np.array([_Bomb()], dtype=object)
    payload = npz(x_train=bomb, y_train=[0], x_test=bomb, y_test=[0])
    server.payloads["/imdb.npz"] = payload
    with pytest.raises(OSError, match="Nothing was kept"):
        fetch_imdb()
    (cache / "imdb.npz").write_bytes(payload)
    with pytest.raises(OSError, match="is damaged or another file"):
        fetch_imdb()
    assert not (tmp_path / "exploded").exists()


@pytest.mark.slow
@pytest.mark.data
def test_real_imdb(real_data):
    real_data("imdb_int.npz", "imdb_word_index.json")
    imdb = fetch_imdb(vocabulary_size=10_000, download_if_missing=False)
    for part in ("train", "test"):
        reviews = imdb[f"data_{part}"]
        assert reviews.shape == (25000,)
        assert imdb[f"target_{part}"].sum() == 12500
        assert all(ids[0] == 1 for ids in reviews)
        assert max(ids.max() for ids in reviews) == 9999
        assert min(ids.min() for ids in reviews) == 1
        assert 450 < imdb[f"target_{part}"][:1000].sum() < 550  # shuffled
    assert len(imdb.vocabulary) == 10_000
    assert list(imdb.vocabulary[4:7]) == ["the", "and", "a"]
    brilliant = ["brilliant" in text for text in decode_reviews(imdb.data_train, imdb.vocabulary)]
    assert imdb.target_train[brilliant].mean() > 0.7


# ---------------------------------------------------------------------------------------- decoding


VOCABULARY = ["<pad>", "<start>", "<unknown>", "<unused>", "the", "film"]


def test_decode_leaves_padding_out():
    padded = np.array([[0, 0, 1, 4], [1, 5, 0, 0], [0, 0, 0, 0]])
    assert decode_reviews(padded, VOCABULARY) == ["<start> the", "<start> film", ""]
    assert decode_reviews([[], np.uint8([4])], VOCABULARY) == ["", "the"]


@pytest.mark.parametrize("wrong", [6, -1])
def test_decode_names_an_id_outside_the_vocabulary(wrong):
    with pytest.raises(ValueError, match=f"review 1 contains the id {wrong}; valid are 0 to 5"):
        decode_reviews([[1, 4], [1, wrong]], VOCABULARY)


@pytest.mark.parametrize("wrong", [[1, 4], "ab", [[1.0, 4.0]], np.zeros((1, 2, 2), int)])
def test_decode_wants_a_list_of_reviews(wrong):
    with pytest.raises(ValueError, match=r"review 0 has shape .* takes a list of reviews"):
        decode_reviews(wrong, VOCABULARY)


@given(st.lists(st.lists(st.integers(0, 5))))
def test_decode_inverts_encode(reviews):
    texts = decode_reviews(reviews, VOCABULARY)
    encoded = [[VOCABULARY.index(word) for word in text.split()] for text in texts]
    assert encoded == [[i for i in ids if i] for ids in reviews]
