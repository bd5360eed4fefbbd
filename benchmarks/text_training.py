"""Training on text: the curve of a recipe, its memory, and languages of many symbols.

    python benchmarks/text_training.py curve        nats per character over seconds
    python benchmarks/text_training.py memory       peak memory of an epoch of the recipe
    python benchmarks/text_training.py languages    an epoch of 4,500 symbols, and of 65

`curve` fits a recipe on the first 90 % of tiny Shakespeare and scores the last 10 % after epochs,
read once in one stream from the zero state; with --choose, on the first 80 % and the 10 % after
these: recipes are chosen there. Seconds count from the start of `fit`, loading TensorFlow and
compiling included, scoring left out. Every parameter of the recipe is an option; the default is
the documented one. `memory` compares with the one-hot windows that article B makes of that text.
`languages` trains LSTM(128) on texts of equal length, each in a process of its own; the seconds
are those of the whole `fit`. The text comes from SKLSTM_DATA, the cache or a download.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from _data import N_CHARACTERS, markov_text
from _text import Split, shakespeare
from _timing import duration, in_new_process, parser, peak_mib, show_machine, show_table

from sklstm import CharSequenceGenerator
from sklstm.network.training.settings import TrainingResult
from sklstm.persistence._checkpoint import Checkpoint

# The documented recipe.
RECIPE: dict[str, Any] = {
    "units": 384,
    "layers": 1,
    "dropout": 0.5,
    "window": 64,
    "batch_size": 64,
    "learning_rate": 0.006,
    "learning_rate_schedule": "cosine",
    "warmup": 0.02,
    "clipnorm": 1.0,
    "epochs": 14,
    "random_state": 0,
}
CURVE_HEAD = ("epoch", "seconds", "held-out nats", "training loss")
ARTICLE_B_WINDOW = 100
LANGUAGE_CHARACTERS, LANGUAGE_SYMBOLS = 855_000, 4500


class Point(NamedTuple):
    """Where a fit stands after an epoch."""

    epoch: int
    seconds: float
    nats: float
    loss: float


@dataclass
class Curve:
    """What a fit has reached over its seconds.

    Attributes
    ----------
    held_out : str
    every : int
        Epochs between two points; the last epoch has one, too.
    points : list of Point
    """

    held_out: str
    every: int
    points: list[Point] = field(default_factory=list)

    def begin(self) -> None:
        """Start the clock, and print the head of the table."""
        show_table(CURVE_HEAD, [])
        self._start = time.perf_counter()

    def add(self, generator: CharSequenceGenerator) -> None:
        """Score a generator after an epoch, and put the clock back by what that takes."""
        stopped = time.perf_counter()
        epoch = generator.n_iter_
        if epoch % self.every and epoch < generator.epochs:
            return
        nats = -generator.score(self.held_out)
        point = Point(epoch, stopped - self._start, nats, generator.history_["loss"][-1])
        self.points.append(point)
        _show_point(point)
        self._start += time.perf_counter() - stopped


class WatchedGenerator(CharSequenceGenerator):
    """A generator that shows itself after every epoch: a callback sees no weights."""

    watch: Callable[[CharSequenceGenerator], None]

    def _after_epoch(self, checkpoint: Checkpoint | None, trained: TrainingResult) -> None:
        super()._after_epoch(checkpoint, trained)
        self.watch(self._as_of(trained))


class Fit(NamedTuple):
    """What a fit took, in seconds and MiB, and its loss in the last epoch."""

    seconds: float
    peak: float
    loss: float


def generator_of(
    recipe: dict[str, Any], split: Split, kind: type[CharSequenceGenerator] = CharSequenceGenerator
) -> CharSequenceGenerator:
    options = {name: value for name, value in recipe.items() if name not in ("units", "layers")}
    units = (recipe["units"],) * recipe["layers"]
    return kind(units, vocabulary=split.vocabulary, **options)


def measured_fit(generator: CharSequenceGenerator, text: str) -> Fit:
    start = time.perf_counter()
    generator.fit(text)
    return Fit(time.perf_counter() - start, peak_mib(), generator.history_["loss"][-1])


def curve(recipe: dict[str, Any], split: Split, every: int, picture: str) -> None:
    """Print nats per character over seconds, and draw them."""
    print(", ".join(f"{name}={value}" for name, value in recipe.items()))
    print(f"{len(split.train):,} characters to learn, {len(split.held_out):,} held out\n")
    reached = Curve(split.held_out, every)
    generator = generator_of(recipe, split, WatchedGenerator)
    generator.watch = reached.add
    reached.begin()
    generator.fit(split.train)
    last = reached.points[-1]
    print(f"\n{last.nats:.4f} nats/character after {duration(last.seconds)} of training; "
          f"peak memory {peak_mib():.0f} MiB, scoring included")  # fmt: skip
    draw(reached.points, picture)


def draw(points: list[Point], picture: str) -> None:
    """Draw a curve into a file, where matplotlib is installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("matplotlib is not installed: no picture.")
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    seconds = [point.seconds for point in points]
    axes.plot(seconds, [point.nats for point in points], "o-", label="held out")
    axes.plot(seconds, [point.loss for point in points], ":", label="training")
    axes.set(xlabel="seconds since the start of fit", ylabel="nats per character")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=150)
    print(f"Drawn in {picture}")


def memory(recipe: dict[str, Any], split: Split) -> None:
    """Print the peak memory of an epoch beside the arrays of article B."""
    generator = generator_of(recipe | {"epochs": 1}, split)
    fit = in_new_process(measured_fit, generator, split.train)
    length = len(split.train) + len(split.held_out)
    arrays = (length - ARTICLE_B_WINDOW) * ARTICLE_B_WINDOW * len(split.vocabulary) * 4
    show_table(
        ["an epoch of", "peak memory", "article B's one-hot windows of the text", "ratio"],
        [
            [
                f"{len(split.train):,} characters, LSTM({recipe['units']}) x {recipe['layers']}",
                f"{fit.peak:.0f} MiB ({fit.peak / 1024:.2f} GiB)",
                f"{arrays / 2**20:,.0f} MiB ({arrays / 1e9:.1f} GB)",
                f"{arrays / 2**20 / fit.peak:.1f}",
            ]
        ],
    )
    print(f"\nThe epoch took {duration(fit.seconds)}; loss {fit.loss:.4f}")


def languages(length: int, n_symbols: int) -> None:
    """Print an epoch of a text of many symbols beside one of few."""
    lines = []
    for n in (n_symbols, N_CHARACTERS):
        generator = CharSequenceGenerator(128, epochs=1, random_state=0)
        fit = in_new_process(measured_fit, generator, markov_text(length, n))
        rate = f"{length / fit.seconds:,.0f}"
        lines.append([f"{n:,}", f"{fit.seconds:.1f}", rate, f"{fit.peak:.0f}", f"{fit.loss:.3f}"])
    print(f"{length:,} characters, one epoch of LSTM(128)\n")
    show_table(["symbols", "seconds", "characters/s", "peak MiB", "training loss"], lines)


def _show_point(point: Point) -> None:
    cells = (point.epoch, f"{point.seconds:.1f}", f"{point.nats:.4f}", f"{point.loss:.4f}")
    padded = (f"{cell:>{len(name)}}" for cell, name in zip(cells, CURVE_HEAD, strict=True))
    print(f"| {' | '.join(padded)} |", flush=True)


def read_options() -> argparse.Namespace:
    arguments = parser(__doc__)
    arguments.add_argument("case", choices=["curve", "memory", "languages"])
    arguments.add_argument("--choose", action="store_true", help="score the 10 %% before the last")
    arguments.add_argument("--every", type=int, default=1, help="epochs between two scores")
    arguments.add_argument("--picture", default="text_training.png", help="file of the curve")
    arguments.add_argument("--characters", type=int, help="of the text (default: all)")
    arguments.add_argument("--symbols", type=int, default=LANGUAGE_SYMBOLS, help="of languages")
    for name, value in RECIPE.items():
        option = f"--{name.replace('_', '-')}"
        arguments.add_argument(option, type=type(value), default=value, help="default: %(default)s")
    return arguments.parse_args()


def main() -> None:
    options = read_options()
    show_machine()
    if options.case == "languages":
        languages(options.characters or LANGUAGE_CHARACTERS, options.symbols)
        return
    recipe = {name: getattr(options, name) for name in RECIPE}
    split = shakespeare(choose=options.choose, length=options.characters)
    if options.case == "memory":
        memory(recipe, split)
    else:
        curve(recipe, split, options.every, options.picture)


if __name__ == "__main__":
    main()
