"""Characters per second: `generate` against the loop of article B, and int8 against float32.

    python benchmarks/generation.py
    SKLSTM_DATA=folder python benchmarks/generation.py int8

Without an argument: LSTM(128) and LSTM(256), 65 characters, one sample and 64 at once, temperature
0.6, drawing included. Article B calls Keras's `model.predict` on the one-hot window of the last 100
characters, for each character anew; its weights are ours. Both sides run in turns. Then: how far
the probability of each written character is from the one that Keras computes from the whole text,
and how far the log-probabilities of 10,000 characters, read in one pass, in pieces of 1,000 and
character by character, are from each other.

`int8`: both values of `precision`, in turns, from the same weights: LSTM(256) that has learnt 90 %
of tiny Shakespeare, LSTM(512), two layers, and words with an output layer of 10,000. Then both read
the rest of Shakespeare, in 64 pieces side by side: nats per character, and how far the
probabilities of all 65 characters after each of them are from each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import _peers
import numpy as np
from _data import N_CHARACTERS, text
from _text import shakespeare
from _timing import Comparison, Run, compare, parser, seconds, show_machine, show_table, timed
from scipy.special import softmax

from sklstm import CharSequenceGenerator, WordSequenceGenerator
from sklstm.network.onnx_sampler import PRECISIONS
from sklstm.text.decoding import BEGINNING
from sklstm.text.generator import TextGenerator

WINDOW = 100
TEMPERATURE = 0.6
PEER_CHARACTERS = 20
CHARACTERS = {1: 4000, 64: 400}  # of each sample, by the number of samples
LONG = 10_000
# Of int8 against float32.
TOKENS = {1: 2000, 64: 200}
RECIPE = {
    "epochs": 4,
    "window": 64,
    "batch_size": 64,
    "learning_rate": 0.003,
    "random_state": 0,
}
READERS = 64
N_WORDS = 10_000


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


def of_precision(model: TextGenerator, n_samples: int, precision: str) -> Callable[[], Run]:
    """Make runs whose seconds are those of one token."""
    length = TOKENS[n_samples]
    run = timed(
        lambda: (
            model.generate(length=length, n_samples=n_samples, random_state=0, precision=precision)
            is None
        )
    )
    return lambda: Run(run().seconds / (length * n_samples))


def precision_cells(name: str, n_samples: int, comparison: Comparison) -> list[str]:
    a, b = comparison.a, comparison.b  # of int8 and of float32
    best = [1 / min(run.seconds for run in runs) for runs in (b, a)]
    return [
        *(name, str(n_samples)),
        *(f"{1 / seconds(r):,.0f} ({most:,.0f})" for r, most in zip((b, a), best, strict=True)),
        f"{median(comparison.pair_ratios):.2f}",
        f"{best[1] / best[0]:.2f}",
    ]


def read_side_by_side(generator: CharSequenceGenerator, ids: np.ndarray, precision: str):
    """Yield the probabilities of each character after those before it, for rows of (T, n) ids."""
    network, n = generator._fitted_state.network, ids.shape[1]
    state = [part[0] for part in network.initial_state(n)]
    steps = network.steps(np.full(n, BEGINNING), state, precision=precision)
    for row in ids:
        steps.write(np.zeros((1, n)))
        yield softmax(steps.scores.astype(np.float64), axis=1)
        steps.tokens[:] = row  # instead of what was drawn


def precision_errors(generator: CharSequenceGenerator, held_out: str) -> list[str]:
    ids = np.searchsorted(generator.vocabulary_, list(held_out))
    ids = ids[: len(ids) // READERS * READERS].reshape(READERS, -1).T
    p, q = (np.array([*read_side_by_side(generator, ids, each)]) for each in PRECISIONS)
    losses = [-np.log(np.take_along_axis(x, ids[..., np.newaxis], 2)).mean() for x in (p, q)]
    largest = np.abs(p - q).max(axis=2)
    return [
        *(f"{loss:.5f}" for loss in losses),
        f"{losses[1] - losses[0]:+.5f}",
        f"{largest.max():.4f}",
        f"{largest.mean():.4f}",
        f"{np.quantile(largest, 0.999):.4f}",
    ]


def against_float32(pairs: int) -> None:
    split = shakespeare()
    part = split.train[: 4 * LONG]
    learnt = CharSequenceGenerator(256, vocabulary=split.vocabulary, **RECIPE).fit(split.train)
    models = {
        "LSTM(256), 65 characters": learnt,
        "LSTM(512), 65 characters": CharSequenceGenerator(512, epochs=1).fit(part),
        "LSTM(256) twice, 65 characters": CharSequenceGenerator((256, 256), epochs=1).fit(part),
        "LSTM(256), 10,000 words": WordSequenceGenerator(
            256, vocabulary=[*map(str, range(N_WORDS))], epochs=1
        ).fit("0 1 2 3 " * 1000),
    }
    speeds = [
        precision_cells(
            name,
            n_samples,
            compare(*(of_precision(model, n_samples, p) for p in reversed(PRECISIONS)), pairs),
        )
        for name, model in models.items()
        for n_samples in TOKENS
    ]
    show_table(
        ["network", "samples", "float32, tokens/s (best)", "int8 (best)", "ratio", "of the best"],
        speeds,
    )
    print()
    show_table(
        ["float32, nats", "int8, nats", "difference", "largest of p", "mean", "99.9 %"],
        [precision_errors(learnt, split.held_out)],
    )


def against_article_b(pairs: int) -> None:
    document = text(4 * LONG)
    prompt, held_out = document[:WINDOW], document[-LONG:]
    speeds, distances = [], []
    for units in (128, 256):
        generator = our_generator(units, document[:-LONG])
        peer = article_b(generator, prompt)
        for n_samples in CHARACTERS:
            comparison = compare(ours(generator, prompt, n_samples), peer, pairs)
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


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("case", nargs="?", choices=["article-b", "int8"], default="article-b")
    options = arguments.parse_args()
    show_machine()
    run = against_float32 if options.case == "int8" else against_article_b
    run(options.pairs)


if __name__ == "__main__":
    main()
