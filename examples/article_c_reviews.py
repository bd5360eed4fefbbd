"""Article C, reviews: is a film review positive? The average of its words' vectors tells.

A review is a sequence of word ids, padded at its end to 256. Each of the 10,000 most frequent
words gets a vector of 16 numbers; their average over the review goes through a dense layer. No
LSTM layer is involved (units=()), but the same estimator. Padding is not averaged, and training
stops when the validation loss has stopped falling, whose best weights are kept.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from sklstm import LSTMClassifier, SequencePadder
from sklstm.datasets import decode_reviews, fetch_imdb
from sklstm.inspection import TrainingHistoryDisplay


def main():
    parser = argparse.ArgumentParser(description="Tell positive reviews as article C does.")
    parser.add_argument("--epochs", type=int, default=40, help="at most (default: 40)")
    parser.add_argument("--samples", type=int, default=25_000, help="reviews (default: 25000)")
    parser.add_argument(
        "--output", type=Path, default=Path("article_c_reviews.png"), metavar="FILE"
    )
    options = parser.parse_args()
    try:
        imdb = fetch_imdb(vocabulary_size=10_000)
    except OSError as error:
        sys.exit(str(error))
    X_train, y_train = imdb.data_train[: options.samples], imdb.target_train[: options.samples]
    X_test, y_test = imdb.data_test[: options.samples], imdb.target_test[: options.samples]

    classifier = LSTMClassifier(
        units=(),
        vocabulary_size=len(imdb.vocabulary),
        embedding_dim=16,
        pooling="mean",
        dense_units=16,
        learning_rate=0.003,
        learning_rate_schedule="constant",
        batch_size=512,
        epochs=options.epochs,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=3,
        random_state=0,
    )
    pipeline = Pipeline([("pad", SequencePadder(256, truncating="pre")), ("average", classifier)])
    start = time.perf_counter()
    pipeline.fit(X_train, y_train)
    print(f"{len(X_train):,} reviews, {classifier.n_iter_} epochs, ", end="")
    print(f"{time.perf_counter() - start:.0f} s")
    print(f"test accuracy, averaged vectors:    {pipeline.score(X_test, y_test):.4f}")
    linear = make_pipeline(TfidfVectorizer(analyzer=list), LogisticRegression(C=3))
    accuracy = linear.fit(X_train, y_train).score(X_test, y_test)
    print(f"test accuracy, logistic regression: {accuracy:.4f} (of all words, each on its own)")

    positive = pipeline.predict_proba(X_test)[:, 1]
    wrong = np.abs(positive - y_test).argmax()
    for title, index in ("first test", 0), ("most mistaken", wrong):
        truth = imdb.target_names[y_test[index]]
        print(f"\nThe {title} review, {truth}; positive with probability {positive[index]:.3f}:")
        print(decode_reviews(X_test[[index]], imdb.vocabulary)[0][:400])
    print(f"\n{save_curves(classifier, options.output)}")


def save_curves(classifier, path):
    """Draw accuracy and loss over the epochs; return what the user is told about it."""
    try:
        display = TrainingHistoryDisplay.from_estimator(classifier)
    except ImportError:
        return 'No picture of the learning curves: pip install "sklstm[plot]" gets you one.'
    display.figure_.savefig(path)
    return f"The learning curves are in {path.absolute()}."


if __name__ == "__main__":
    main()
