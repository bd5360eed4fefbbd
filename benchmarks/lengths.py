"""One epoch over reviews of all lengths: as they are, padded to the longest, of equal length.

    SKLSTM_DATA=folder python benchmarks/lengths.py

`LSTMClassifier(32, embedding_dim=32)` on movie reviews (without SKLSTM_DATA they are downloaded),
the longest of 2,494 words among them. "A" takes the reviews as they are. "B" is, in turns, what
one has without variable length: every review filled up to the longest with a token of its own,
which the network reads like any other; and the limit: as many reviews of the mean length, so that
the number of time steps is the same. A run is the median epoch of a fit without the first two,
which compile.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _timing import EpochClock, Row, Run, compare, parser, show, show_machine

from sklstm import LSTMClassifier
from sklstm.datasets import fetch_imdb

N_WORDS = 10_000
EPOCHS = 4


def reviews(n: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return some reviews, the longest of all among them, and whether they are positive."""
    imdb = fetch_imdb(vocabulary_size=N_WORDS)
    lengths = [len(review) for review in imdb.data_train]
    chosen = np.arange(n)
    chosen[0] = np.argmax(lengths)
    return list(imdb.data_train[chosen]), imdb.target_train[chosen]


def filled_up(X: list[np.ndarray]) -> np.ndarray:
    """Fill reviews up to the longest with a token that is not the padding's 0."""
    filled = np.full((len(X), max(map(len, X))), N_WORDS)
    for row, review in zip(filled, X, strict=True):
        row[: len(review)] = review
    return filled


def equally_long(X: list[np.ndarray]) -> np.ndarray:
    """Cut the words of all reviews, one after another, into as many of equal length."""
    words = np.concatenate(X)
    length = len(words) // len(X)
    return words[: len(X) * length].reshape(len(X), length)


def epoch(X: list[np.ndarray] | np.ndarray, y: np.ndarray, batch_size: int) -> Run:
    """Fit; return the median epoch."""
    clock = EpochClock()
    LSTMClassifier(
        32,
        embedding_dim=32,
        vocabulary_size=N_WORDS + 1,
        batch_size=batch_size,
        epochs=EPOCHS,
        callbacks=[clock.epoch_ends],
        random_state=0,
    ).fit(X, y)
    return clock.run()


def main() -> None:
    """Print the table."""
    arguments = parser(__doc__, pairs=5)
    arguments.add_argument("--reviews", type=int, default=2000, help="default: %(default)s")
    arguments.add_argument("--batch-size", type=int, default=32, help="default: %(default)s")
    arguments.add_argument("--only", default="", help="sides B whose names contain this")
    options = arguments.parse_args()
    show_machine()
    X, y = reviews(options.reviews)
    lengths = [len(review) for review in X]
    print(f"{len(X)} reviews, {np.mean(lengths):.0f} words on average, {max(lengths)} at most")
    ours = partial(epoch, X, y, options.batch_size)
    sides: dict[str, Callable[[], Run]] = {
        "padded to the longest": partial(epoch, filled_up(X), y, options.batch_size),
        "of equal length": partial(epoch, equally_long(X), y, options.batch_size),
    }
    rows = [
        Row("reviews", "as they are", name, compare(ours, side, options.pairs, warm=False))
        for name, side in sides.items()
        if options.only in name
    ]
    show(rows, "loss")


if __name__ == "__main__":
    main()
