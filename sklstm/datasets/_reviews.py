"""Reviews as word ids, and their words."""

import json
import os
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch, check_random_state

from sklstm._sklearn_compat import Interval, validate_params
from sklstm.datasets._fetch import (
    FETCH_CONSTRAINTS,
    LocalCopy,
    RemoteFile,
    load_npz,
    local_path,
    naming_file,
    read_cache,
)

_RESERVED_WORDS = ("<pad>", "<start>", "<unknown>", "<unused>")
_START, _UNKNOWN = 1, 2
_RANK_TO_ID = 3  # ranks count from 1, so the most frequent word has id 4

_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_LOCAL_REVIEWS, _LOCAL_WORDS = "imdb_int.npz", "imdb_word_index.json"
_IMDB = RemoteFile(
    name="imdb.npz",
    url=_KERAS + "imdb.npz",
    checksum="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    local_name=f"{_LOCAL_REVIEWS} and {_LOCAL_WORDS}",
)
_IMDB_WORDS = RemoteFile(
    name="imdb_word_index.json",
    url=_KERAS + "imdb_word_index.json",
    checksum="bfafd718b763782e994055a2d397834f",
    local_name=f"{_LOCAL_REVIEWS} and {_LOCAL_WORDS}",
    algorithm="md5",  # the only sum that Keras publishes for it
)


@validate_params(
    {
        "vocabulary_size": [Interval(Integral, 5, None, closed="left"), None],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        **FETCH_CONSTRAINTS,
    },
    prefer_skip_nested_validation=True,
)
def fetch_imdb(
    *,
    vocabulary_size: int | None = None,
    shuffle: bool = True,
    random_state: int | np.random.RandomState | None = 0,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
) -> Bunch:
    """Fetch the IMDB reviews: 50,000 film reviews as word ids, half of them positive.

    They are the labelled reviews of [1]_. Id 0 is padding (no review contains it), 1 starts every
    review, 2 is an unknown word, 3 is unused, and 4 and above are the words, the most frequent
    first.

    Parameters
    ----------
    vocabulary_size : int, default=None
        How many ids there are at most, the four reserved ones included; at least 5. Words with
        an id of ``vocabulary_size`` and above become 2. None keeps every word of the file.
    shuffle : bool, default=True
        Whether to shuffle the training and the test reviews. The files are sorted by class:
        without it, the first thousand reviews are all of the same one.
    random_state : int, RandomState instance or None, default=0
        The order that ``shuffle`` draws. An int gives the same order on every call.
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` (``imdb_int.npz`` and
        ``imdb_word_index.json``) goes first.
    download_if_missing : bool, default=True
        Whether to download the files (19 MB) when no copy is found.

    Returns
    -------
    imdb : :class:`~sklearn.utils.Bunch`
        With these attributes:

        - ``data_train``, ``data_test``: object arrays of shape (25000,), each element an int32
          array of word ids of shape (n_words,)
        - ``target_train``, ``target_test``: int64 arrays of shape (25000,), 1 for positive
        - ``target_names``: list of str, the names of the two classes
        - ``vocabulary``: object array of str, the word of every id; longer than every id that
          occurs
        - ``DESCR``: str, what the data is

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download_if_missing`` is False.
    OSError
        If the download fails, or a file is damaged or not the published one.

    See Also
    --------
    decode_reviews : Word ids back to text.

    Notes
    -----
    The download is the file that ``keras.datasets.imdb`` uses. Its reviews are a pickle, which
    could run code, so it is opened only after its checksum matched. The copy in ``SKLSTM_DATA`` is
    made from the same reviews but knows the 20,000 most frequent words only, and orders the
    reviews and the rare words otherwise.

    References
    ----------
    .. [1] A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng and C. Potts, *Learning word
       vectors for sentiment analysis*, ACL (2011).

    Examples
    --------
    >>> from sklstm.datasets import decode_reviews, fetch_imdb
    >>> imdb = fetch_imdb(vocabulary_size=10_000)  # doctest: +SKIP
    >>> len(imdb.data_train), len(imdb.vocabulary)  # doctest: +SKIP
    (25000, 10000)
    >>> text = decode_reviews(imdb.data_train[:1], imdb.vocabulary)[0]  # doctest: +SKIP
    """
    train, test, words = _local_imdb() or _keras_imdb(data_home, download_if_missing)
    if shuffle:
        rng = check_random_state(random_state)
        train, test = _shuffled(train, rng), _shuffled(test, rng)
    size = vocabulary_size or 1 + max(ids.max() for ids in [*train.reviews, *test.reviews])
    return Bunch(
        data_train=_cap_ids(train.reviews, size),
        target_train=train.target,
        data_test=_cap_ids(test.reviews, size),
        target_test=test.target,
        target_names=["negative", "positive"],
        vocabulary=np.array(words[:size], dtype=object),
        DESCR="IMDB: film reviews as word ids, negative or positive (Maas et al. 2011).",
    )


def decode_reviews(reviews: Iterable[Sequence[int]], vocabulary: Sequence[str]) -> list[str]:
    """Turn the word ids of reviews back into text.

    Parameters
    ----------
    reviews : iterable of integer array-likes of shape (n_words,), or array of shape (n, n_words)
        The word ids. Padding (0) is left out.
    vocabulary : array-like of str
        The word of every id, as in ``fetch_imdb().vocabulary``.

    Returns
    -------
    texts : list of str
        The words of each review, separated by spaces.

    Raises
    ------
    ValueError
        If a review is not a sequence of integers, or contains an id outside the vocabulary.

    Examples
    --------
    >>> from sklstm.datasets import decode_reviews
    >>> vocabulary = ["<pad>", "<start>", "<unknown>", "<unused>", "the", "film"]
    >>> decode_reviews([[1, 4, 5, 0, 0], [1, 4, 2]], vocabulary)
    ['<start> the film', '<start> the <unknown>']
    """
    return [_decode(ids, vocabulary, number) for number, ids in enumerate(reviews)]


class _Split(NamedTuple):
    """Reviews as int32 arrays of word ids in an object array, and their classes."""

    reviews: np.ndarray
    target: np.ndarray


def _local_imdb() -> tuple[_Split, _Split, list[str]] | None:
    """Read the reviews and words in ``SKLSTM_DATA``, where the words are in one flat array."""
    path = local_path(_LOCAL_REVIEWS)
    if path is None:
        return None
    words = local_path(_LOCAL_WORDS)
    if words is None:  # the ranks of another word list would give other words
        raise FileNotFoundError(f"{path.with_name(_LOCAL_WORDS)} is missing: it belongs to {path}")
    keys = [f"{part}_{what}" for part in ("train", "test") for what in ("tokens", "offsets")]
    with naming_file(path):
        arrays = load_npz(path.read_bytes(), [*keys, "y_train", "y_test"])
        train = _split_of(_cut(arrays["train_tokens"], arrays["train_offsets"]), arrays["y_train"])
        test = _split_of(_cut(arrays["test_tokens"], arrays["test_offsets"]), arrays["y_test"])
    return train, test, _read_words(LocalCopy(words, words.read_bytes()))


def _keras_imdb(
    data_home: str | os.PathLike | None, download_if_missing: bool
) -> tuple[_Split, _Split, list[str]]:
    """Read the files that Keras publishes, where each review is a list of ranks."""
    words = _read_words(read_cache(_IMDB_WORDS, data_home, download_if_missing))
    copy = read_cache(_IMDB, data_home, download_if_missing)
    with naming_file(copy.path):
        # A pickle runs code: these are the very bytes whose checksum has just been compared.
        arrays = load_npz(
            copy.content, ["x_train", "y_train", "x_test", "y_test"], allow_pickle=True
        )
        train = _split_of(map(_from_ranks, arrays["x_train"]), arrays["y_train"])
        test = _split_of(map(_from_ranks, arrays["x_test"]), arrays["y_test"])
    return train, test, words


def _split_of(reviews: Iterable[np.ndarray], target: np.ndarray) -> _Split:
    reviews = np.fromiter(reviews, dtype=object)
    if len(reviews) != len(target):
        raise ValueError(f"there are {len(reviews)} reviews and {len(target)} classes")
    return _Split(reviews, target.astype(np.int64))


def _cut(tokens: np.ndarray, offsets: np.ndarray) -> list[np.ndarray]:
    if offsets[0] != 0 or offsets[-1] != len(tokens) or np.any(np.diff(offsets) < 1):
        raise ValueError(f"the offsets do not cut {len(tokens)} words into reviews")
    return np.split(tokens.astype(np.int32), offsets[1:-1])


def _from_ranks(ranks: Sequence[int]) -> np.ndarray:
    ids = np.empty(len(ranks) + 1, dtype=np.int32)
    ids[0] = _START
    ids[1:] = ranks
    ids[1:] += _RANK_TO_ID
    return ids


def _read_words(copy: LocalCopy) -> list[str]:
    """Return the word of every id, from a JSON object that has the rank of every word."""
    with naming_file(copy.path):
        ranks = json.loads(copy.content)
        if min(ranks.values()) < 1:
            raise ValueError(f"it has the rank {min(ranks.values())}; ranks count from 1")
        words = [*_RESERVED_WORDS, *["<unused>"] * max(ranks.values())]
        for word, rank in ranks.items():
            words[rank + _RANK_TO_ID] = word
    return words


def _shuffled(split: _Split, rng: np.random.RandomState) -> _Split:
    order = rng.permutation(len(split.target))
    return _Split(split.reviews[order], split.target[order])


def _cap_ids(reviews: np.ndarray, size: int) -> np.ndarray:
    unknown = np.int32(_UNKNOWN)
    return np.fromiter((np.where(ids < size, ids, unknown) for ids in reviews), dtype=object)


def _decode(ids: Sequence[int], vocabulary: Sequence[str], number: int) -> str:
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise ValueError(
            f"review {number} has shape {ids.shape} and dtype {ids.dtype}; a review is a sequence "
            "of integer word ids, and decode_reviews takes a list of reviews"
        )
    outside = ids[(ids < 0) | (ids >= len(vocabulary))]
    if outside.size:
        raise ValueError(
            f"review {number} contains the id {outside[0]}; valid are 0 to {len(vocabulary) - 1}"
        )
    return " ".join(vocabulary[i] for i in ids if i != 0)
