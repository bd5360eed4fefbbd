"""Article A: two LSTM layers learn a text by its characters, and write on from a random window.

The article scales characters to numbers in [0, 1] and predicts the one that follows a window of
100. Here characters stay what they are, every character of a window is predicted, and writing
carries the network's state instead of reading a window again for each character. As in the
article, dropout hides a fifth of each layer's outputs, a checkpoint keeps the model of the lowest
loss, and the most probable character is always taken.

The text is Shakespeare's where there is a copy (see sklstm.datasets.fetch_shakespeare), and the
reference that comes with Python otherwise.
"""

import argparse
import os
import time
from collections import Counter
from itertools import pairwise
from math import log
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from sklstm import CharSequenceGenerator
from sklstm.datasets import fetch_shakespeare, load_python_reference

WINDOW = 100


def main():
    parser = argparse.ArgumentParser(description="Learn characters as article A does.")
    parser.add_argument("--epochs", type=int, default=4, help="passes over the text (default: 4)")
    parser.add_argument("--units", type=int, default=256, help="per layer (default: 256)")
    parser.add_argument("--characters", type=int, help="of the text (default: all)")
    parser.add_argument("--checkpoint", type=Path, default=Path("article_a.keras"), metavar="FILE")
    options = parser.parse_args()

    text = read_text()[: options.characters]
    cut = len(text) * 9 // 10
    generator = CharSequenceGenerator(
        (options.units, options.units),
        dropout=0.2,
        window=WINDOW,
        epochs=options.epochs,
        callbacks=[print_epoch, *keep_the_best(options.checkpoint)],
        random_state=0,
    )
    start = time.perf_counter()
    generator.fit(text[:cut])
    print(f"{cut:,} characters, {options.epochs} epochs: {time.perf_counter() - start:.0f} s")
    print(f"Held-out text, nats per character: LSTM {-generator.score(text[cut:]):.2f}, ", end="")
    print(f"from the character before alone {nats_of_pairs(text[:cut], text[cut:]):.2f}")
    print(f"The model of the lowest loss is in {options.checkpoint.absolute()}.")

    place = np.random.default_rng(0).integers(cut - WINDOW)
    prompt = text[place : place + WINDOW]
    print(f"\nFrom this window:\n{prompt}\n\n1,000 characters, always the most probable one:")
    print(generator.generate(prompt, 1000, temperature=0))
    print("\n400 characters, drawn at temperature 0.6, which does not run in circles:")
    print(generator.generate(prompt, 400, temperature=0.6, random_state=0))


def read_text():
    try:
        return fetch_shakespeare()
    except OSError as error:
        print(f"Reading the Python reference instead of Shakespeare. {error}")
        return load_python_reference()


def keep_the_best(path):
    """Save the model at each new lowest loss, and end with its weights in the generator."""
    from keras.callbacks import EarlyStopping, ModelCheckpoint

    return [
        ModelCheckpoint(path, monitor="loss", mode="min", save_best_only=True),
        EarlyStopping(monitor="loss", mode="min", patience=10, restore_best_weights=True),
    ]


def print_epoch(epoch, logs):
    print(
        f"epoch {epoch + 1}: loss {logs['loss']:.3f}, accuracy {logs['accuracy']:.3f}", flush=True
    )


def nats_of_pairs(train, test):
    """Score a text by how often each character follows another in the training text."""
    pairs, firsts = Counter(pairwise(train)), Counter(train)
    size = len(firsts) + 1
    nats = [-log((pairs[a, b] + 1) / (firsts[a] + size)) for a, b in pairwise(test)]
    return sum(nats) / len(nats)


if __name__ == "__main__":
    main()
