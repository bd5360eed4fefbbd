"""Accuracy on published data sets, beside simple models on the same rows.

    SKLSTM_DATA=folder python benchmarks/accuracy.py tsc      three sets of the UCR/UEA archive
    SKLSTM_DATA=folder python benchmarks/accuracy.py mnist    images, row by row
    SKLSTM_DATA=folder python benchmarks/accuracy.py imdb     film reviews, word by word
    SKLSTM_DATA=folder python benchmarks/accuracy.py watch    movements of 947 to 2,618 steps

`tsc`, which is run where none is named, is the standard split of each set: five seeds of the
default network, of five networks, which docs/guide/training.md recommends where accuracy counts
more than time, and of five that read in both directions (`defaults.py --accurate` compares such
settings without the test rows). `mnist` and `imdb` are scored once on their 10,000 and 25,000 test
rows; their recipes were chosen on a part of the training rows. `watch` is cross-validated over
subjects: nobody is in training and test at once. MNIST and IMDB are downloaded where SKLSTM_DATA is
not set; the others are not.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _data import ARCHIVE, archive_file, archive_folder
from _timing import show_machine, show_table
from scipy.ndimage import affine_transform
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, SequencePadder
from sklstm.datasets import fetch_imdb, fetch_mnist, load_ts

Split = tuple[Any, Any, Any, Any]  # X_train, X_test, y_train, y_test
NETWORKS: dict[str, dict[str, Any]] = {
    "LSTMClassifier()": {},
    "n_networks=5": {"n_networks": 5},
    "n_networks=5, bidirectional=True": {"n_networks": 5, "bidirectional": True},
}
HEAD = ["data", "model", "test rows", "accuracy %", "mean %", "a fit takes"]


def scores(make: Callable[[int], BaseEstimator], split: Split, seeds: int) -> tuple[list, float]:
    """Fit a model of each seed; return the accuracies and the mean seconds of a fit."""
    X_train, X_test, y_train, y_test = split
    accuracies, taken = [], 0.0
    for seed in range(seeds):
        start = time.perf_counter()
        model = make(seed).fit(X_train, y_train)
        taken += time.perf_counter() - start
        accuracies.append(model.score(X_test, y_test))
    return accuracies, taken / seeds


def line(data: str, model: str, n_test: int, result: tuple[list, float]) -> list[str]:
    """Write a row of the table."""
    accuracies, taken = result
    percents = [100 * accuracy for accuracy in accuracies]
    each = ", ".join(f"{percent:.2f}" for percent in percents)
    return [data, model, f"{n_test:,}", each, f"{np.mean(percents):.2f}", f"{taken:.1f} s"]


def flat(X: Any) -> np.ndarray:
    """Return time steps side by side, for models of tables."""
    return np.asarray(X).reshape(len(X), -1)


def linear() -> BaseEstimator:
    """Return logistic regression on scaled columns."""
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def tsc(seeds: int, part: str) -> list[list[str]]:
    """Score one network, five, and five of both directions on the standard splits."""
    lines = []
    for name in filter(lambda name: part in name, ARCHIVE):
        files = [archive_file(name, which) for which in ("TRAIN", "TEST")]
        (X_train, y_train), (X_test, y_test) = map(load_ts, files)
        split = (X_train, X_test, y_train, y_test)
        for model, options in NETWORKS.items():
            lines.append(line(name, model, len(y_test), scores(_with(**options), split, seeds)))
            print(*lines[-1], flush=True)
        tables = (flat(X_train), flat(X_test), y_train, y_test)
        theirs = scores(lambda _: linear(), tables, 1)
        lines.append(line(name, "logistic regression", len(y_test), theirs))
    return lines


def mnist(seeds: int, part: str) -> list[list[str]]:
    """Score article C's network, a larger one, and two that see distorted images too."""
    images = fetch_mnist()
    X_train, X_test = images.data_train / 255, images.data_test / 255
    split = (X_train, X_test, images.target_train, images.target_test)
    X_more, y_more = with_distorted_images(X_train, images.target_train)
    with_distorted = (X_more, X_test, y_more, images.target_test)
    models = {
        "article C: LSTM(128)": {
            "units": 128,
            "pooling": "last",
            "learning_rate": 0.001,
            "batch_size": 32,
            "epochs": 12,
        },
        "two bidirectional layers of 128": {
            "units": (128, 128),
            "bidirectional": True,
            "dropout": 0.3,
            "learning_rate": 0.002,
            "batch_size": 64,
            "epochs": 12,
        },
    }
    distorted = {
        "two networks, distorted images": {
            "units": 128,
            "bidirectional": True,
            "pooling": "concat",
            "dropout": 0.2,
            "learning_rate": 0.003,
            "batch_size": 128,
            "epochs": 4,
            "differences": False,
            "n_networks": 2,
        }
    }
    return [
        line("MNIST", name, len(X_test), scores(_with(**options, standardize=False), rows, seeds))
        for options_of, rows in ((models, split), (distorted, with_distorted))
        for name, options in options_of.items()
        if part in name
    ]


def with_distorted_images(
    X: np.ndarray, y: np.ndarray, n_copies: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return images and distorted copies of them: turned, sheared, scaled and shifted a little.

    The entries of the affine map differ by up to 0.15 from those of the identity, and the centre
    moves by up to two pixels.
    """
    rng = np.random.default_rng(seed)
    copies = [X.astype(np.float32)]
    centre = (np.array(X.shape[1:]) - 1) / 2
    for _ in range(n_copies):
        maps = np.eye(2) + rng.uniform(-0.15, 0.15, (len(X), 2, 2))
        shifts = rng.uniform(-2, 2, (len(X), 2))
        copies.append(
            np.stack(
                [
                    affine_transform(image, map_, centre + shift - map_ @ centre, order=1)
                    for image, map_, shift in zip(copies[0], maps, shifts, strict=True)
                ]
            )
        )
    return np.concatenate(copies), np.tile(y, n_copies + 1)


def imdb(seeds: int, part: str) -> list[list[str]]:
    """Score an LSTM, article C's averaged vectors and word counts."""
    reviews = fetch_imdb(vocabulary_size=20_000)
    split = (
        reviews.data_train,
        reviews.data_test,
        reviews.target_train,
        reviews.target_test,
    )
    size, n_test = len(reviews.vocabulary), len(reviews.target_test)
    recipe = {
        "units": 32,
        "bidirectional": True,
        "dropout": 0.5,
        "vocabulary_size": size,
        "embedding_dim": 64,
        "learning_rate": 0.002,
        "batch_size": 64,
        "epochs": 2,
    }
    average = _with(
        units=(),
        pooling="mean",
        dense_units=16,
        vocabulary_size=size,
        embedding_dim=16,
        learning_rate=0.003,
        batch_size=512,
        epochs=40,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=3,
    )
    counts = make_pipeline(TfidfVectorizer(analyzer=list), LogisticRegression(C=3))
    models: dict[str, tuple[Callable, int]] = {
        "bidirectional LSTM(32)": (_with(**recipe), seeds),
        "five bidirectional LSTM(32)": (_with(**recipe, n_networks=5), 1),
        "article C: averaged vectors": (
            lambda seed: make_pipeline(SequencePadder(256, truncating="pre"), average(seed)),
            seeds,
        ),
        "TF-IDF and logistic regression": (lambda _: counts, 1),
    }
    return [
        line("IMDB", name, n_test, scores(make, split, n))
        for name, (make, n) in models.items()
        if part in name
    ]


def watch(seeds: int, part: str) -> list[list[str]]:
    """Score movements of subjects that were not in training, five folds."""
    with np.load(archive_folder() / "watch_shoulder_exercise.npz", allow_pickle=False) as file:
        X = np.split(file["signal"], file["offsets"][1:-1])
        y, subjects = file["label"], file["subject"]
    models: dict[str, tuple[Callable, Callable]] = {
        "LSTMClassifier()": (_with(), list),
        "statistics and random forest": (
            lambda seed: RandomForestClassifier(500, random_state=seed),
            lambda rows: np.stack([statistics(row) for row in rows]),
        ),
    }
    lines = []
    for name, (make, prepare) in models.items():
        if part not in name:
            continue
        accuracies, taken = [], 0.0
        for train, test in GroupKFold(5).split(X, y, subjects):
            parts = (prepare([X[row] for row in rows]) for rows in (train, test))
            (of_fold, *_), seconds = scores(make, (*parts, y[train], y[test]), 1)
            accuracies.append(of_fold)
            taken += seconds / 5
        lines.append(line("watch", name, len(y), (accuracies, taken)))
    return lines


def statistics(x: np.ndarray) -> np.ndarray:
    """Summarise a sequence: what its features and their changes are like, whatever the order."""
    parts = (x, np.diff(x, axis=0))
    measures: Sequence[Callable] = (np.mean, np.std, np.min, np.max, np.median)
    return np.concatenate([measure(part, axis=0) for part in parts for measure in measures])


def _with(**options: Any) -> Callable[[int], LSTMClassifier]:
    return lambda seed: LSTMClassifier(**options, random_state=seed)


CASES = {"tsc": (tsc, 5), "mnist": (mnist, 1), "imdb": (imdb, 3), "watch": (watch, 1)}


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("case", nargs="?", default="tsc", choices=CASES)
    arguments.add_argument("--seeds", type=int, help="default: 5 of tsc, 3 of imdb, 1 of others")
    arguments.add_argument(
        "--only", default="", help="models, or data of tsc, whose names contain this"
    )
    options = arguments.parse_args()
    show_machine()
    run, seeds = CASES[options.case]
    show_table(HEAD, run(options.seeds or seeds, options.only))


if __name__ == "__main__":
    main()
