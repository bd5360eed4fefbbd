"""Characters per second: `generate` against the loop of article B.

    python benchmarks/generation.py

LSTM(128) and LSTM(256), 65 characters, one sample and 64 at once, temperature 0.6, drawing
included. Article B calls Keras's `model.predict` on the one-hot window of the last 100 characters,
for each character anew; its weights are ours. Both sides run in turns. Then: how far the
probability of each written character is from the one that Keras computes from the whole text, and
how far the log-probabilities of 10,000 characters, read in one pass, in pieces of 1,000 and
character by character, are from each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import _peers
import numpy as np
from _data import N_CHARACTERS, text
from _timing import Comparison, Run, compare, parser, show_machine, show_table, timed

from sklstm import CharSequenceGenerator

WINDOW = 100
TEMPERATURE = 0.6
PEER_CHARACTERS = 20
CHARACTERS = {1: 4000, 64: 400}  # of each sample, by the number of samples
LONG = 10_000


def our_generator(units: int, document: str) -> CharSequenceGenerator:
    return CharSequenceGenerator(
        units, vocabulary=text(N_CHARACTERS), epochs=2, learning_rate=0.01, random_state=0
    ).fit(document)


def ours(generator: CharSequenceGenerator, prompt: str, n_samples: int) -> Callable[[], Run]:
    """Make runs whose seconds are those of one character."""
    length = CHARACTERS[n_samples]
    run = timed(
        lambda: (
            generator.generate(
                prompt, length, temperature=TEMPERATURE, n_samples=n_samples, random_state=0
            )
            is None
        )
    )
    return lambda: Run(run().seconds / (length * n_samples))


def article_b(generator: CharSequenceGenerator, prompt: str) -> Callable[[], Run]:
    """Make runs of the article's loop, on our weights; the first row of ours stands for no text."""
    weights = generator._fitted_state.network.weights
    model = _peers.keras_model(weights | {_peers.KERNEL: weights[_peers.KERNEL][1:]})
    rng = np.random.default_rng(0)

    def run() -> Run:
        ids = list(np.searchsorted(generator.vocabulary_, list(prompt)))
        start = time.perf_counter()
        for _ in range(PEER_CHARACTERS):
            x = np.zeros((1, WINDOW, N_CHARACTERS), np.float32)
            x[0, np.arange(WINDOW), ids[-WINDOW:]] = 1
            powers = np.log(model.predict(x, verbose=0)[0].astype("float64") + 1e-30) / TEMPERATURE
            powers = np.exp(powers - powers.max())
            ids.append(rng.choice(N_CHARACTERS, p=powers / powers.sum()))
        return Run((time.perf_counter() - start) / PEER_CHARACTERS)

    return run


def speed_cells(units: int, n_samples: int, comparison: Comparison) -> list[str]:
    rates = [1 / run.seconds for run in comparison.a]
    return [
        *(f"LSTM({units})", str(n_samples)),
        f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})",
        f"{1 / median(run.seconds for run in comparison.b):.1f}",
        f"{comparison.ratio:,.0f}",
    ]


def distance_from_keras(generator: CharSequenceGenerator) -> float:
    """Return the greatest difference of a written character's probability."""
    written, logs = generator.generate(length=1000, random_state=0, return_logprobs=True)
    tokens = np.searchsorted(generator.vocabulary_, list(written))
    ids = np.append(0, tokens[:-1] + 1)[np.newaxis]
    outputs = generator.to_keras().predict(ids, verbose=0)[0]
    return float(np.abs(np.exp(logs) - outputs[np.arange(len(tokens)), tokens]).max())


def distance_of_carried_states(generator: CharSequenceGenerator, document: str) -> float:
    """Return the greatest difference of a log-probability."""
    whole, *others = (
        np.concatenate(list(logs_in_pieces(generator, document, size))) for size in (LONG, 1000, 1)
    )
    return float(max(np.abs(whole - other).max() for other in others))


def logs_in_pieces(generator: CharSequenceGenerator, document: str, size: int):
    state = None
    for first in range(0, len(document), size):
        logs, state = generator.log_probabilities(
            document[first : first + size], state=state, return_state=True
        )
        yield logs


def main() -> None:
    options = parser(__doc__).parse_args()
    show_machine()
    document = text(4 * LONG)
    prompt, held_out = document[:WINDOW], document[-LONG:]
    speeds, distances = [], []
    for units in (128, 256):
        generator = our_generator(units, document[:-LONG])
        peer = article_b(generator, prompt)
        for n_samples in CHARACTERS:
            comparison = compare(ours(generator, prompt, n_samples), peer, options.pairs)
            speeds.append(speed_cells(units, n_samples, comparison))
        distances.append(
            [
                f"LSTM({units})",
                f"{distance_from_keras(generator):.1e}",
                f"{distance_of_carried_states(generator, held_out):.1e}",
            ]
        )
    show_table(
        ["network", "samples", "sklstm, characters/s", "article B, characters/s", "ratio"], speeds
    )
    print()
    show_table(
        ["network", "probabilities against Keras", "log-probabilities, carried state"], distances
    )


if __name__ == "__main__":
    main()
