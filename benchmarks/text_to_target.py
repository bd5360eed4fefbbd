"""Seconds until a character LSTM has learnt tiny Shakespeare to a target, against others.

    python benchmarks/text_to_target.py torch        LSTM(256) to 1.70 nats/character
    python benchmarks/text_to_target.py article-b    LSTM(128) to 2.0 nats/character

Both sides learn the first 90 % and are scored by the same function on the last 10 %, read once in
one stream from the zero state. No clock runs meanwhile. Each pair has a seed of its own; ours goes
first, from an empty pool of models: compiling is on its clock, loading TensorFlow is not, as
loading PyTorch is not.

`torch`: the same weights, windows in the same order, batches, states carried in the same lanes,
Adam, rate and clipping; nn.LSTM and nn.Linear on one-hot characters. Both are scored after every
epoch. `article-b`: windows of 100 at every character, one target each, RMSprop 0.01, batches of
128, Keras's plain `fit`; fed as integers, since its one-hot arrays take 29 GB; scored every
--batches batches. The stream begins with an id of ours that its network does not have: no input
at all. The other side is given up after --limit times our seconds (4 and 25).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import _peers
import keras
import numpy as np
from _data import character_ids
from _text import Reached, Split, held_out_loss, shakespeare, train_until
from _timing import PAUSE, Comparison, Row, parser, show, show_machine, show_table

from sklstm import CharSequenceGenerator
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.batches import Batches, TextWindows
from sklstm.network.training.model_pool import pool

# What ours is trained with, and PyTorch too.
AGAINST_TORCH: dict[str, Any] = {
    "units": 256,
    "window": 64,
    "batch_size": 64,
    "learning_rate": 0.003,
    "clipnorm": 1.0,
}
AGAINST_ARTICLE_B: dict[str, Any] = {
    "units": 128,
    "window": 64,
    "batch_size": 32,
    "learning_rate": 0.01,
    "clipnorm": 1.0,
}
OUR_LIMIT = 1800.0  # seconds
ARTICLE_B = {"units": 128, "window": 100, "batch_size": 128, "learning_rate": 0.01}


def ours(split: Split, target: float, recipe: dict[str, Any], seed: int) -> Reached:
    """Train ours epoch by epoch, at a constant rate."""
    pool._idle.clear()  # nobody else fits meanwhile
    generator = CharSequenceGenerator(
        vocabulary=split.vocabulary,
        learning_rate_schedule="constant",
        random_state=seed,
        **recipe,
    )
    n_batches = batches_per_epoch(text_batches(split, recipe, seed))

    def epoch() -> int:
        generator.partial_fit(split.train)
        return n_batches

    return train_until(target, epoch, lambda: -generator.score(split.held_out), OUR_LIMIT)


def torch_loop(
    peers: Any, split: Split, target: float, recipe: dict[str, Any], seed: int, limit: float
) -> Reached:
    """Train PyTorch's network epoch by epoch, on the batches of ours."""
    batches = text_batches(split, recipe, seed)
    n_batches = batches_per_epoch(batches)
    n, units = len(split.vocabulary), recipe["units"]
    spec = NetworkSpec(n, "softmax", vocabulary_size=n + 1, units=(units,), pooling=None)
    network = peers.Network(spec.initial_weights(batches.rng), every_step=True, one_hot=True)
    optimizer = peers.KerasAdam(network, recipe["learning_rate"])
    options = {name: recipe[name] for name in ("batch_size", "clipnorm")}

    def epoch() -> int:
        batches.rng.randint(2**31)  # ours draws the seed of its dropout here: so the orders agree
        arrays = batches.data.gather(batches.draw_epoch(), recipe["window"])
        peers.carried_epoch(network, optimizer, arrays, **options)
        return n_batches

    loss = partial(torch_loss, network, split)
    return train_until(target, epoch, loss, limit)


def torch_loss(network: Any, split: Split) -> float:
    return held_out_loss(network.keras_weights(), split)


def text_batches(split: Split, recipe: dict[str, Any], seed: int) -> Batches:
    """Cut the text as a fit of ours does."""
    stream = np.append(0, 1 + ids_of(split)).astype(np.int32)
    data = TextWindows(stream, np.zeros(1, int), recipe["window"])
    return Batches(data, recipe["batch_size"], np.random.RandomState(seed))


def batches_per_epoch(batches: Batches) -> int:
    return batches.count(batches.all_rows())


def ids_of(split: Split) -> np.ndarray:
    """Return the ids of the text to learn; the vocabulary may hold more than it."""
    return character_ids(split.vocabulary + split.train)[len(split.vocabulary) :]


def article_b(split: Split, target: float, every: int, seed: int, limit: float) -> Reached:
    """Train as article B does."""
    n = len(split.vocabulary)
    rng = np.random.RandomState(seed)
    spec = NetworkSpec(n, "softmax", n_features=n, units=(ARTICLE_B["units"],))
    model = _peers.keras_model(spec.initial_weights(rng), one_hot=True)
    model.compile(keras.optimizers.RMSprop(ARTICLE_B["learning_rate"]), _peers.LOSS)
    ids = ids_of(split).astype(np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(ids, ARTICLE_B["window"] + 1)
    size = ARTICLE_B["batch_size"]
    parts = shuffled_parts(len(windows), every * size, rng)

    def some_batches() -> int:
        rows = windows[next(parts)]
        model.fit(rows[:, :-1], rows[:, -1], batch_size=size, shuffle=False, verbose=0)
        return -(-len(rows) // size)

    return train_until(target, some_batches, partial(article_b_loss, model, split), limit)


def shuffled_parts(n: int, size: int, rng: np.random.RandomState) -> Iterator[np.ndarray]:
    """Shuffle n rows anew for every epoch; yield some at a time, for ever."""
    while True:
        order = rng.permutation(n)
        yield from (order[first : first + size] for first in range(0, n, size))


def article_b_loss(model: keras.Model, split: Split) -> float:
    weights = _peers.weights_of(model)
    kernel = weights[_peers.KERNEL]
    no_input = np.zeros_like(kernel[:1])
    return held_out_loss(weights | {_peers.KERNEL: np.concatenate([no_input, kernel])}, split)


def compare_seeds(
    a: Callable[[int], Reached],
    b: Callable[[int, float], Reached],
    *,
    pairs: int,
    limit: float,
) -> Comparison:
    """Run two sides in turns, b for at most `limit` times the seconds of a."""
    comparison = Comparison([], [])
    for seed in range(pairs):
        print(f"sklstm, seed {seed}")
        comparison.a.append(a(seed))
        time.sleep(PAUSE)
        print(f"the other side, seed {seed}")
        comparison.b.append(b(seed, limit * comparison.a[-1].seconds))
        time.sleep(PAUSE)
    return comparison


def show_pairs(comparison: Comparison, target: float) -> None:
    """Print where both sides of every pair ended."""
    sides = zip(comparison.a, comparison.b, comparison.pair_ratios, strict=True)
    lines = [
        [str(seed), *_cells(a, target), *_cells(b, target), f"{ratio:.2f}"]
        for seed, (a, b, ratio) in enumerate(sides)
    ]
    columns = [f"{side} {name}" for side in "AB" for name in ("seconds", "batches", "nats")]
    show_table(["seed", *columns, "B / A"], lines)
    missed = sum(run.score > target for run in comparison.b)
    if missed:
        print(f"B did not reach {target} in {missed} of {len(comparison.b)} runs: those ratios are "
              "lower bounds.")  # fmt: skip


def _cells(run: Reached, target: float) -> list[str]:
    missed = "" if run.score <= target else " (not reached)"
    return [f"{run.seconds:.1f}{missed}", f"{run.batches:,}", f"{run.score:.4f}"]


def against_torch(split: Split, options: argparse.Namespace) -> Comparison | None:
    if (peers := _peers.torch_peers()) is None:
        return None
    recipe = AGAINST_TORCH
    return compare_seeds(
        partial(ours, split, options.target, recipe),
        partial(torch_loop, peers, split, options.target, recipe),
        pairs=options.pairs,
        limit=options.limit,
    )


def against_article_b(split: Split, options: argparse.Namespace) -> Comparison:
    return compare_seeds(
        partial(ours, split, options.target, AGAINST_ARTICLE_B),
        partial(article_b, split, options.target, options.batches),
        pairs=options.pairs,
        limit=options.limit,
    )


# The comparison, the name of the other side, the target and the limit.
CASES = {
    "torch": (against_torch, "PyTorch", 1.70, 4.0),
    "article-b": (against_article_b, "article B", 2.0, 25.0),
}


def read_options() -> argparse.Namespace:
    arguments = parser(__doc__, pairs=3)
    arguments.add_argument("case", choices=CASES)
    arguments.add_argument("--target", type=float, help="nats/character (default: by case)")
    arguments.add_argument("--limit", type=float, help="of B's time over ours (default: by case)")
    arguments.add_argument("--batches", type=int, default=200, help="between article B's scores")
    arguments.add_argument("--choose", action="store_true", help="score the 10 %% before the last")
    arguments.add_argument("--characters", type=int, help="of the text (default: all)")
    return arguments.parse_args()


def main() -> None:
    options = read_options()
    compare_case, other, target, limit = CASES[options.case]
    options.target, options.limit = options.target or target, options.limit or limit
    show_machine()
    split = shakespeare(choose=options.choose, length=options.characters)
    comparison = compare_case(split, options)
    if comparison is None:
        return
    print(f"\nTo {options.target} nats/character; A is sklstm, B {other}\n")
    show_pairs(comparison, options.target)
    print()
    show([Row("to the target", "sklstm", other, comparison)], "nats")


if __name__ == "__main__":
    main()
