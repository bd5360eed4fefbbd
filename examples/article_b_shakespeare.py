"""Article B: an LSTM learns Shakespeare, and shows after each epoch how well it writes by now.

The article codes windows of 100 characters one-hot, 29 GB of numbers for this text, and predicts
one character from each. Here characters stay integers until they are inside the network, which
predicts every character of a window. A callback is told the epoch and its losses, but cannot
write: so each epoch is a partial_fit, after which the generator is ready to be used.
"""

import argparse
import os
import sys
import time
from collections import Counter
from math import log

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sklstm import CharSequenceGenerator
from sklstm.datasets import fetch_shakespeare


def main():
    parser = argparse.ArgumentParser(description="Learn Shakespeare as article B does.")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the text (default: 10)")
    parser.add_argument("--characters", type=int, help="of the text (default: all)")
    options = parser.parse_args()
    try:
        text = fetch_shakespeare()[: options.characters]
    except OSError as error:
        sys.exit(str(error))
    cut = len(text) * 9 // 10
    train, test = text[:cut], text[cut:]
    print(f"{cut:,} characters to learn, {len(test):,} held out; nats per character of these")
    print(f"from the frequencies of characters: {nats_of_frequencies(train, test):.3f}")

    generator = CharSequenceGenerator(
        128, window=100, optimizer="rmsprop", learning_rate=0.01, batch_size=128, random_state=0
    )
    for epoch in range(options.epochs):
        start = time.perf_counter()
        generator.partial_fit(train)
        seconds = time.perf_counter() - start
        print(f"\nafter epoch {epoch + 1} ({seconds:.1f} s): {-generator.score(test):.3f}")
        text = generator.generate("\n\n", 400, temperature=0.6, random_state=epoch)
        print("\n".join(f"  | {line}" for line in text.splitlines()), flush=True)


def nats_of_frequencies(train, test):
    counts = Counter(train)
    return -sum(log((counts[c] + 1) / (len(train) + len(counts) + 1)) for c in test) / len(test)


if __name__ == "__main__":
    main()
