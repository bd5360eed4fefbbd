"""Data sets: ``load_*`` needs no file, ``fetch_*`` finds a copy or downloads one.

A fetcher looks in the folder that the environment variable ``SKLSTM_DATA`` names, then in the
cache (``data_home``, by default the folder that ``SKLSTM_HOME`` names, or ``~/sklstm_data``), and
then downloads the published file into the cache, where its checksum is compared on every read.
"""

import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from sklstm._published import Copy, Published, own_path, read_cache, read_copy

__all__ = [
    "decode_reviews",
    "fetch_imdb",
    "fetch_mnist",
    "fetch_shakespeare",
    "load_airline_passengers",
    "load_python_reference",
    "split_documents",
]

_AIRLINE_PASSENGERS = """
112 118 132 129 121 135 148 148 136 119 104 118
115 126 141 135 125 149 170 170 158 133 114 140
145 150 178 163 172 178 199 199 184 162 146 166
171 180 193 181 183 218 230 242 209 191 172 194
196 196 236 235 229 243 264 272 237 211 180 201
204 188 235 227 234 264 302 293 259 229 203 229
242 233 267 269 270 315 364 347 312 274 237 278
284 277 317 313 318 374 413 405 355 306 271 306
315 301 356 348 355 422 465 467 404 347 305 336
340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405
417 391 419 461 472 535 622 606 508 461 390 432
"""

_RESERVED_WORDS = ("<pad>", "<start>", "<unknown>", "<unused>")
_START, _UNKNOWN = 1, 2
_RANK_TO_ID = 3  # ranks count from 1, so the most frequent word has id 4

_PLACES = {"data_home": [str, os.PathLike, None], "download": ["boolean"]}


_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_SHAKESPEARE = Published(
    name="shakespeare.txt",
    url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    checksum="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    own="shakespeare.txt",
)
_MNIST = Published(
    name="mnist.npz",
    url=_KERAS + "mnist.npz",
    checksum="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    own="mnist.npz",
    repacked=True,
)
_OWN_REVIEWS, _OWN_WORDS = "imdb_int.npz", "imdb_word_index.json"
_IMDB = Published(
    name="imdb.npz",
    url=_KERAS + "imdb.npz",
    checksum="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    own=f"{_OWN_REVIEWS} and {_OWN_WORDS}",
)
_IMDB_WORDS = Published(
    name="imdb_word_index.json",
    url=_KERAS + "imdb_word_index.json",
    checksum="bfafd718b763782e994055a2d397834f",
    own=f"{_OWN_REVIEWS} and {_OWN_WORDS}",
    algorithm="md5",  # the only sum that Keras publishes for it
)


# ---------------------------------------------------------------------------------------- loaders


def load_airline_passengers() -> np.ndarray:
    """Load the monthly totals of international airline passengers, 1949 to 1960.

    Returns
    -------
    passengers : ndarray of shape (144,), dtype float64
        Thousands of passengers, one value per month, January 1949 first.

    References
    ----------
    G. E. P. Box and G. M. Jenkins, *Time Series Analysis: Forecasting and Control*, Holden-Day
    (1970), series G.

    Examples
    --------
    >>> from sklstm.datasets import load_airline_passengers
    >>> passengers = load_airline_passengers()
    >>> passengers.shape
    (144,)
    >>> passengers[:3]
    array([112., 118., 132.])
    """
    return np.array(_AIRLINE_PASSENGERS.split(), dtype=np.float64)


def load_python_reference() -> str:
    """Load the English prose of the Python language reference, about half a megabyte.

    The text is what ``help("topics")`` offers, so every Python carries it and nothing is
    downloaded. Another Python version has a somewhat different text.

    Returns
    -------
    text : str
        The texts of the topics in alphabetical order of their names, an empty line between them.

    References
    ----------
    The module ``pydoc_data.topics`` of the standard library, made from the Python documentation.

    Examples
    --------
    >>> from sklstm.datasets import load_python_reference
    >>> load_python_reference().splitlines()[0]
    'The "assert" statement'
    """
    from pydoc_data.topics import topics  # half a megabyte, read only when asked for

    return "\n\n".join(topics[name].strip("\n") for name in sorted(topics)) + "\n"


@validate_params(
    {"text": [str], "n": [Interval(Integral, 1, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def split_documents(text: str, n: int) -> list[str]:
    r"""Cut one long text into documents of similar length, at ends of lines where there are any.

    scikit-learn's splitters need a list of documents: they would cut a bare string into single
    characters.

    Parameters
    ----------
    text : str
        At least two characters for each document.
    n : int
        How many documents.

    Returns
    -------
    list of str
        ``"".join(documents)`` is `text`.

    Raises
    ------
    ValueError
        If `text` is too short for `n` documents of two characters.

    Examples
    --------
    >>> from sklstm.datasets import split_documents
    >>> split_documents("one\ntwo\nthree\nfour\n", 2)
    ['one\ntwo\n', 'three\nfour\n']
    """
    if len(text) < 2 * n:
        raise ValueError(
            f"A text of {len(text)} characters does not make n={n} documents of two characters "
            "or more."
        )
    cuts = [0]
    for document in range(1, n):
        ideal, latest = document * len(text) // n, len(text) - 2 * (n - document)
        earliest = cuts[-1] + 2
        cuts.append(min(max(_nearest_line_end(text, ideal), earliest), latest))
    return [text[start:stop] for start, stop in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _nearest_line_end(text: str, place: int) -> int:
    """Return the end of the line nearest to a place, or the place itself in one long line."""
    ends = [text.rfind("\n", 0, place) + 1, text.find("\n", place) + 1]
    return min([end for end in ends if end > 0] or [place], key=lambda end: abs(end - place))


# --------------------------------------------------------------------------------------- fetchers


@validate_params(_PLACES, prefer_skip_nested_validation=True)
def fetch_shakespeare(*, data_home: str | os.PathLike | None = None, download: bool = True) -> str:
    """Fetch "tiny Shakespeare": 40,000 lines of his plays.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` goes first.
    download : bool, default=True
        Whether to download the file (1 MB) when no copy is found.

    Returns
    -------
    text : str
        1,115,394 characters, 65 of them distinct.

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download`` is False.
    OSError
        If the download fails, or a file is not the published one.

    References
    ----------
    A. Karpathy, *char-rnn* (2015), https://github.com/karpathy/char-rnn. The text is in the
    public domain.

    Examples
    --------
    >>> from sklstm.datasets import fetch_shakespeare
    >>> text = fetch_shakespeare()  # doctest: +SKIP
    >>> text[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return read_copy(_SHAKESPEARE, data_home, download).payload.decode("utf-8")


@validate_params(_PLACES, prefer_skip_nested_validation=True)
def fetch_mnist(*, data_home: str | os.PathLike | None = None, download: bool = True) -> Bunch:
    """Fetch MNIST: 70,000 images of handwritten digits, in their original order.

    An LSTM reads an image as 28 time steps (rows) of 28 features (pixels), so the arrays are of
    the form that the estimators take. Divide by 255 for values between 0 and 1.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` goes first.
    download : bool, default=True
        Whether to download the file (11 MB) when no copy is found.

    Returns
    -------
    mnist : :class:`~sklearn.utils.Bunch`
        With these attributes:

        - ``data_train``, ``data_test``: uint8 arrays of shape (60000, 28, 28) and (10000, 28, 28),
          0 for the background to 255 for ink
        - ``target_train``, ``target_test``: uint8 arrays of shape (60000,) and (10000,), the digits
        - ``target_names``: list of str, the names of the ten classes
        - ``DESCR``: str, what the data is

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download`` is False.
    OSError
        If the download fails, or a file is damaged or not the published one.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, *Gradient-based learning applied to document
    recognition*, Proceedings of the IEEE 86 (1998). CC BY-SA 3.0.

    Examples
    --------
    >>> from sklstm.datasets import fetch_mnist
    >>> mnist = fetch_mnist()  # doctest: +SKIP
    >>> mnist.data_train.shape  # doctest: +SKIP
    (60000, 28, 28)
    """
    copy = read_copy(_MNIST, data_home, download)
    with _blaming(copy.path):
        arrays = _load_npz(copy.payload, ["x_train", "y_train", "x_test", "y_test"])
        _check_images(arrays["x_train"], arrays["y_train"])
        _check_images(arrays["x_test"], arrays["y_test"])
    return Bunch(
        data_train=arrays["x_train"],
        target_train=arrays["y_train"],
        data_test=arrays["x_test"],
        target_test=arrays["y_test"],
        target_names=[str(digit) for digit in range(10)],
        DESCR="MNIST: grey images of handwritten digits, 28 x 28 pixels (LeCun et al. 1998).",
    )


@validate_params(
    {
        "num_words": [Interval(Integral, 5, None, closed="left"), None],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        **_PLACES,
    },
    prefer_skip_nested_validation=True,
)
def fetch_imdb(
    *,
    num_words: int | None = None,
    shuffle: bool = True,
    random_state: int | np.random.RandomState | None = 0,
    data_home: str | os.PathLike | None = None,
    download: bool = True,
) -> Bunch:
    """Fetch the IMDB reviews: 50,000 film reviews as word ids, half of them positive.

    Id 0 is padding (no review contains it), 1 starts every review, 2 is an unknown word, 3 is
    unused, and 4 and above are the words, the most frequent first.

    Parameters
    ----------
    num_words : int, default=None
        How many ids there are at most, the four reserved ones included; at least 5. Words with
        an id of ``num_words`` and above become 2. None keeps every word of the file.
    shuffle : bool, default=True
        Whether to shuffle the training and the test reviews. The files are sorted by class:
        without it, the first thousand reviews are all of the same one.
    random_state : int, RandomState instance or None, default=0
        The order that ``shuffle`` draws. An int gives the same order on every call.
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` (``imdb_int.npz`` and
        ``imdb_word_index.json``) goes first.
    download : bool, default=True
        Whether to download the files (19 MB) when no copy is found.

    Returns
    -------
    imdb : :class:`~sklearn.utils.Bunch`
        With these attributes:

        - ``data_train``, ``data_test``: object arrays of shape (25000,), each element an int32
          array of word ids of shape (n_words,)
        - ``target_train``, ``target_test``: int64 arrays of shape (25000,), 1 for positive
        - ``target_names``: list of str, the names of the two classes
        - ``vocabulary``: list of str, the word of every id; longer than every id that occurs
        - ``DESCR``: str, what the data is

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download`` is False.
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
    A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng and C. Potts, *Learning word vectors
    for sentiment analysis*, ACL (2011).

    Examples
    --------
    >>> from sklstm.datasets import decode_reviews, fetch_imdb
    >>> imdb = fetch_imdb(num_words=10_000)  # doctest: +SKIP
    >>> len(imdb.data_train), len(imdb.vocabulary)  # doctest: +SKIP
    (25000, 10000)
    >>> text = decode_reviews(imdb.data_train[:1], imdb.vocabulary)[0]  # doctest: +SKIP
    """
    train, test, words = _own_imdb() or _keras_imdb(data_home, download)
    if shuffle:
        rng = check_random_state(random_state)
        train, test = _shuffled(train, rng), _shuffled(test, rng)
    size = num_words or 1 + max(ids.max() for ids in [*train.reviews, *test.reviews])
    return Bunch(
        data_train=_cap_ids(train.reviews, size),
        target_train=train.target,
        data_test=_cap_ids(test.reviews, size),
        target_test=test.target,
        target_names=["negative", "positive"],
        vocabulary=words[:size],
        DESCR="IMDB: film reviews as word ids, negative or positive (Maas et al. 2011).",
    )


def decode_reviews(reviews: Iterable[Sequence[int]], vocabulary: Sequence[str]) -> list[str]:
    """Turn the word ids of reviews back into text.

    Parameters
    ----------
    reviews : iterable of integer array-likes of shape (n_words,), or array of shape (n, n_words)
        The word ids. Padding (0) is left out.
    vocabulary : sequence of str
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


# ------------------------------------------------------------------------------- reading the files


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Say which file is at fault: a damaged archive fails in a dozen ways, few of which name it."""
    try:
        yield
    except Exception as error:
        raise OSError(
            f"{path} is damaged or another file: {error!r}. Delete or replace {path}."
        ) from error


def _load_npz(payload: bytes, keys: list[str], *, allow_pickle: bool = False) -> dict:
    with np.load(io.BytesIO(payload), allow_pickle=allow_pickle) as archive:
        return {key: archive[key] for key in keys}


def _check_images(images: np.ndarray, digits: np.ndarray) -> None:
    if images.shape != (len(digits), 28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"the images have shape {images.shape} and dtype {images.dtype}, expected "
            f"({len(digits)}, 28, 28) and uint8"
        )


class _Split(NamedTuple):
    """Reviews as int32 arrays of word ids in an object array, and their classes."""

    reviews: np.ndarray
    target: np.ndarray


def _own_imdb() -> tuple[_Split, _Split, list[str]] | None:
    """Read the reviews and words in ``SKLSTM_DATA``, where the words are in one flat array."""
    path = own_path(_OWN_REVIEWS)
    if path is None:
        return None
    words = own_path(_OWN_WORDS)
    if words is None:  # the ranks of another word list would give other words
        raise FileNotFoundError(f"{path.with_name(_OWN_WORDS)} is missing: it belongs to {path}")
    keys = [f"{part}_{what}" for part in ("train", "test") for what in ("tokens", "offsets")]
    with _blaming(path):
        arrays = _load_npz(path.read_bytes(), [*keys, "y_train", "y_test"])
        train = _split_of(_cut(arrays["train_tokens"], arrays["train_offsets"]), arrays["y_train"])
        test = _split_of(_cut(arrays["test_tokens"], arrays["test_offsets"]), arrays["y_test"])
    return train, test, _read_words(Copy(words, words.read_bytes()))


def _keras_imdb(
    data_home: str | os.PathLike | None, download: bool
) -> tuple[_Split, _Split, list[str]]:
    """Read the files that Keras publishes, where each review is a list of ranks."""
    words = _read_words(read_cache(_IMDB_WORDS, data_home, download))
    copy = read_cache(_IMDB, data_home, download)
    with _blaming(copy.path):
        # A pickle runs code: these are the very bytes whose checksum has just been compared.
        arrays = _load_npz(
            copy.payload, ["x_train", "y_train", "x_test", "y_test"], allow_pickle=True
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


def _read_words(copy: Copy) -> list[str]:
    """Return the word of every id, from a JSON object that has the rank of every word."""
    with _blaming(copy.path):
        ranks = json.loads(copy.payload)
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
