"""Article C, images: an LSTM reads handwritten digits row by row.

An MNIST image is a sequence of 28 time steps, its rows, of 28 features, its pixels. The LSTM
reads them from top to bottom and tells the digit from its last state. Accuracy and loss over the
epochs go to a picture, those on a held-out tenth of the images beside those in training.

Without MNIST (see sklstm.datasets.fetch_mnist) the images are scikit-learn's digits of 8 by 8.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from sklstm import LSTMClassifier
from sklstm.datasets import fetch_mnist
from sklstm.inspection import TrainingHistoryDisplay


def main():
    parser = argparse.ArgumentParser(description="Read images row by row as article C does.")
    parser.add_argument("--epochs", type=int, default=8, help="passes (default: 8)")
    parser.add_argument("--samples", type=int, default=60_000, help="images (default: 60000)")
    parser.add_argument("--output", type=Path, default=Path("article_c_images.png"), metavar="FILE")
    options = parser.parse_args()

    X_train, X_test, y_train, y_test = read_images()
    X_train, y_train = X_train[: options.samples], y_train[: options.samples]
    print(
        f"{len(X_train):,} images of {X_train.shape[1]} time steps of {X_train.shape[2]} features"
    )

    classifier = LSTMClassifier(
        128,
        pooling="last",
        standardize=False,  # pixels are on one scale as they are
        learning_rate=0.001,
        batch_size=32,
        epochs=options.epochs,
        validation_fraction=0.1,
        callbacks=[print_epoch],
        random_state=0,
    )
    start = time.perf_counter()
    classifier.fit(X_train, y_train)
    print(f"fitted in {time.perf_counter() - start:.0f} s")
    print(f"test accuracy, LSTM:                {classifier.score(X_test, y_test):.4f}")

    # The first 10,000 images: it learns hardly more from all of them, and takes minutes.
    linear = LogisticRegression(max_iter=300, C=0.1)
    linear.fit(X_train.reshape(len(X_train), -1)[:10_000], y_train[:10_000])
    accuracy = linear.score(X_test.reshape(len(X_test), -1), y_test)
    print(f"test accuracy, logistic regression: {accuracy:.4f}")
    print(save_curves(classifier, options.output))


def read_images():
    """Read images of shape (n, rows, columns), from 0 for background to 1 for ink."""
    try:
        mnist = fetch_mnist()
    except OSError as error:
        print(f"Reading scikit-learn's digits instead of MNIST. {error}")
        digits = load_digits()
        return train_test_split(digits.images / 16, digits.target, random_state=0)
    images = mnist.data_train / 255, mnist.data_test / 255
    return *images, mnist.target_train, mnist.target_test


def print_epoch(epoch, logs):
    print(f"epoch {epoch + 1}:", ", ".join(f"{k} {v:.4f}" for k, v in logs.items()), flush=True)


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
