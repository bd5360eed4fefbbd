"""Small files in the forms of the real ones."""

import io
import json
import os

import numpy as np

from sklstm.datasets import (
    _images,
    _reviews,
    _series,
    _texts,
)

REAL_DATA = os.environ.get("SKLSTM_DATA")
MODULES = {
    "_DAILY_TEMPERATURES": _series,
    "_SUNSPOTS": _series,
    "_SHAKESPEARE": _texts,
    "_MNIST": _images,
    "_IMDB": _reviews,
    "_IMDB_WORDS": _reviews,
}


def published(constant):
    return getattr(MODULES[constant], constant)


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def mnist_npz(n_train=6, n_test=3, size=28):
    rng = np.random.RandomState(0)
    arrays = {}
    for part, n in (("train", n_train), ("test", n_test)):
        arrays[f"x_{part}"] = rng.randint(0, 256, (n, size, size), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.randint(0, 10, n, dtype=np.uint8)
    return npz(**arrays)


WORDS = json.dumps({"film": 2, "the": 1, "good": 4, "bad": 3}).encode()
# The same reviews twice: ids with the start mark, as in SKLSTM_DATA, and Keras's lists of ranks.
IDS = [[1, 4, 5], [1, 6], [1, 4, 5, 7], [1, 7]]
CLASSES = [0, 0, 1, 1]


def own_imdb_npz(ids=IDS, classes=CLASSES):
    tokens = np.concatenate(ids).astype(np.uint16)
    offsets = np.cumsum([0, *map(len, ids)])
    parts = {f"{part}_tokens": tokens for part in ("train", "test")}
    parts |= {f"{part}_offsets": offsets for part in ("train", "test")}
    return npz(**parts, y_train=np.int8(classes), y_test=np.int8(classes))


def keras_imdb_npz(ids=IDS, classes=CLASSES):
    ranks = np.empty(len(ids), dtype=object)
    ranks[:] = [[i - 3 for i in review[1:]] for review in ids]
    return npz(x_train=ranks, x_test=ranks, y_train=np.array(classes), y_test=np.array(classes))
