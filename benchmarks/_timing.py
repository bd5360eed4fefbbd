"""Interleaved measurements of two sides, and how they are printed.

Two sides are run in turns, A B A B, so that what the machine does meanwhile meets both. A run is
what it took and what it learnt: a time never stands without the loss or the score beside it.
This module imports nothing heavy: benchmarks of fresh processes start from a small parent.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

PACKAGES = (
    *("numpy", "scikit-learn", "tensorflow", "keras", "scikeras", "onnxruntime"),
    *("torch", "skorch"),
)
BUSY_LOAD = 0.5  # running processes, above which times are not to be trusted
Result = TypeVar("Result")
PAUSE = 0.05  # seconds between two runs: threads that spin after their work fall asleep


class Run(NamedTuple):
    """What one run took, in seconds, and the loss or the score that it ended with."""

    seconds: float
    score: float = float("nan")


@dataclass(frozen=True)
class Comparison:
    """Runs of two sides in turns.

    Attributes
    ----------
    a, b : list of Run
        As many of one as of the other; the ratios are how many times longer b takes.
    """

    a: list[Run]
    b: list[Run]

    @property
    def ratio(self) -> float:
        """Median of b over median of a."""
        return seconds(self.b) / seconds(self.a)

    @property
    def pair_ratios(self) -> list[float]:
        """Each b over the a that ran just before it."""
        return [b.seconds / a.seconds for a, b in zip(self.a, self.b, strict=True)]


class Row(NamedTuple):
    """A comparison, with the names of the work and of its sides."""

    work: str
    a: str
    b: str
    comparison: Comparison


def compare(
    a: Callable[[], Run], b: Callable[[], Run], pairs: int = 7, *, warm: bool = True
) -> Comparison:
    """Run two sides in turns; with `warm`, once each before that, uncounted."""
    if warm:
        a()
        b()
    comparison = Comparison([], [])
    for _ in range(pairs):
        for side, runs in ((a, comparison.a), (b, comparison.b)):
            time.sleep(PAUSE)
            runs.append(side())
    return comparison


def timed(function: Callable[[], float | None], calls: int = 1) -> Callable[[], Run]:
    """Make a run of some calls of a function; the seconds are those of one, the score its result.

    Parameters
    ----------
    function : callable
    calls : int
        Enough of them make a short call last longer than what the clock and the machine add.
    """

    def run() -> Run:
        start = time.perf_counter()
        for _ in range(calls):
            score = function()
        taken = (time.perf_counter() - start) / calls
        return Run(taken, float("nan") if score is None else float(score))

    return run


class EpochClock:
    """A callback that notes when epochs end, and the loss.

    A steady epoch is the time between two ends: all that an epoch does, and nothing of what a fit
    does once. The first epochs contain tracing and compiling, and are left out. (The alternative,
    the difference of a long and a short fit, takes twice the work and has the noise of both.)
    """

    def __init__(self, dropped: int = 2) -> None:
        self.dropped = dropped
        self.ends: list[float] = []
        self.loss = float("nan")

    def epoch_ends(self, epoch: int, logs: dict) -> None:
        """Take the time."""
        self.ends.append(time.perf_counter())
        self.loss = float(logs["loss"])

    def run(self) -> Run:
        """Return the median steady epoch, and the loss of the last one."""
        ends = self.ends[self.dropped - 1 :]
        return Run(median(end - start for start, end in pairwise(ends)), self.loss)


def seconds(runs: Sequence[Run]) -> float:
    """Return the median time."""
    return median(run.seconds for run in runs)


def score(runs: Sequence[Run]) -> float:
    """Return the median loss or score."""
    return median(run.score for run in runs)


def show(rows: Sequence[Row], score_name: str) -> None:
    """Print comparisons as a Markdown table, scores beside the times."""
    head = ["work", "A", "B", "A takes", "B takes", "B / A", "B / A of pairs"]
    lines = [_cells(row) for row in rows]
    show_table([*head, f"{score_name} A", f"{score_name} B"], lines)


def show_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    rule = ["-" * width for width in widths]
    for line in (head, rule, *lines):
        cells = (f"{cell:{width}}" for cell, width in zip(line, widths, strict=True))
        print(f"| {' | '.join(cells)} |", flush=True)


def duration(taken: float) -> str:
    """Write seconds in the unit that suits them."""
    units = {"s": 1, "ms": 1e-3, "µs": 1e-6}
    name = next((name for name, unit in units.items() if taken >= unit), "µs")
    return f"{taken / units[name]:.3g} {name}"


def _cells(row: Row) -> list[str]:
    comparison = row.comparison
    ratios = comparison.pair_ratios
    return [
        *(row.work, row.a, row.b),
        *(_times(comparison.a), _times(comparison.b)),
        f"{comparison.ratio:.2f}",
        f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        *(f"{score(comparison.a):.4f}", f"{score(comparison.b):.4f}"),
    ]


def _times(runs: Sequence[Run]) -> str:
    """Write the median and the range."""
    times = [run.seconds for run in runs]
    return f"{duration(median(times))} ({duration(min(times))} to {duration(max(times))})"


def parser(doc: str, pairs: int = 7) -> argparse.ArgumentParser:
    """Make the parser of a benchmark, described by its docstring."""
    arguments = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--pairs", type=int, default=pairs, help="runs of each side (default: %(default)s)"
    )
    return arguments


def show_machine() -> None:
    """Print what the figures were measured on, and whether it was busy."""
    cores = len(os.sched_getaffinity(0))
    versions = ", ".join(map(_version, PACKAGES))
    print(f"{_processor()}, {cores} cores; Python {platform.python_version()}, {versions}")
    load = os.getloadavg()[0]
    if load > BUSY_LOAD:
        print(f"The machine is not quiet: load average {load:.1f} before the start.")
    print(flush=True)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def resident_mib() -> float:
    """Return the memory that this process holds now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mib() -> float:
    """Return the most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_new_process(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function of a module in a process of its own, for the memory that it takes.

    A process inherits the peak of the one that starts it: that one should be small.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        return processes.submit(function, *arguments).result()
