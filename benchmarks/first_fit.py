"""The first fit of a new process: code that XLA compiled before is kept, or is not.

    python benchmarks/first_fit.py fit       LSTM(32) on digits, and the second fit in the process
    python benchmarks/first_fit.py search    GridSearchCV(n_jobs=2), whose workers are new
    python benchmarks/first_fit.py tour      python -m sklstm

Three sides take turns, each run in a new process: `off` keeps no code, as it was before; `empty`
finds an empty folder and fills it; `kept` finds what two runs have left there. What is timed is
the fit (of the tour the whole process), `import tensorflow` is not. CPU times mean something on a
busy machine too; those of a search and of a tour include imports. Folders are temporary ones.
Losses, or scores, must agree to the last digit on all sides.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from _timing import duration, parser, show_machine, show_table

HERE = Path(__file__).parent
VARIABLE = "SKLSTM_COMPILED_CODE_CACHE"
FIT = """
import time
import tensorflow
from _data import digits
from sklstm import LSTMClassifier
X, y = digits()
for _ in range(2):
    start, start_cpu = time.perf_counter(), time.process_time()
    model = LSTMClassifier(32, epochs=10, random_state=0).fit(X, y)
    print(time.perf_counter() - start, time.process_time() - start_cpu)
print(model.history_["loss"][-1])
"""
SEARCH = """
import time
import tensorflow
from _data import digits
from sklearn.model_selection import GridSearchCV
from sklstm import LSTMClassifier
X, y = digits()
grid = {"units": [16, 32], "learning_rate": [0.003, 0.01]}
model = LSTMClassifier(epochs=10, random_state=0)
start = time.perf_counter()
search = GridSearchCV(model, grid, cv=3, n_jobs=2, refit=False).fit(X, y)
print(time.perf_counter() - start)
print(search.cv_results_["mean_test_score"].sum())
"""


def run_once(command: list[str], folder: str, *, prints: bool) -> list[float]:
    """Run Python in a new process; return the numbers that it prints, or what it took.

    The processor time is that of the process and of its children.
    """
    paths = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        VARIABLE: folder,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    before, start = os.times(), time.perf_counter()
    with tempfile.TemporaryDirectory() as where:
        process = subprocess.run(
            [sys.executable, *command], env=environment, cwd=where, capture_output=True, text=True
        )
    taken, after = time.perf_counter() - start, os.times()
    if process.returncode:
        raise RuntimeError(f"{command} failed:\n{process.stderr}")
    cpu = sum(after[2:4]) - sum(before[2:4])
    if not prints:
        return [taken, cpu, float("nan")]
    numbers = [float(number) for number in process.stdout.split()]
    return numbers if len(numbers) > 2 else [numbers[0], cpu, numbers[1]]


def compare(
    once: Callable[[str], list[float]], rounds: int, n_before: int
) -> dict[str, list[list[float]]]:
    """Run the three sides in turns; return the numbers of each side's runs."""
    runs: dict[str, list[list[float]]] = {"off": [], "empty": [], "kept": []}
    with tempfile.TemporaryDirectory() as kept:
        for _ in range(n_before):
            once(kept)
        for _ in range(rounds):
            runs["off"].append(once("0"))
            with tempfile.TemporaryDirectory() as empty:
                runs["empty"].append(once(empty))
            runs["kept"].append(once(kept))
    return runs


def show(runs: dict[str, list[list[float]]], names: list[str]) -> None:
    """Print medians and ranges of each side, and ratios to the side that keeps nothing."""
    ends = {repr(numbers[-1]) for of_side in runs.values() for numbers in of_side}
    if len(ends) > 1:
        raise AssertionError(f"The runs did not end alike: {ends}")
    lines = []
    for side, numbers in runs.items():
        *times, scores = (list(column) for column in zip(*numbers, strict=True))
        ratios = [_ratios(numbers, runs["off"], column) for column in (0, 1)]
        lines.append([side, *map(_median_and_range, times), *ratios, str(scores[0])])
    head = ["compiled code", *names, "time / off, of rounds", "CPU / off", "loss or score"]
    show_table(head, lines)


def _ratios(numbers: list[list[float]], off: list[list[float]], column: int) -> str:
    pairs = [one[column] / other[column] for one, other in zip(numbers, off, strict=True)]
    return f"{median(pairs):.2f} ({min(pairs):.2f} to {max(pairs):.2f})"


def _median_and_range(times: list[float]) -> str:
    return f"{duration(median(times))} ({duration(min(times))} to {duration(max(times))})"


def main() -> None:
    arguments = parser(__doc__, pairs=5)
    arguments.add_argument("case", choices=["fit", "search", "tour"])
    arguments.add_argument("--before", type=int, default=2, help="runs that fill the kept folder")
    options = arguments.parse_args()
    show_machine()
    cases = {
        "fit": (["-c", FIT], ["first fit", "its CPU time", "second fit", "its CPU time"]),
        "search": (["-c", SEARCH], ["search", "CPU time of all processes"]),
        "tour": (["-m", "sklstm"], ["tour", "CPU time"]),
    }
    command, names = cases[options.case]
    once = partial(run_once, command, prints=options.case != "tour")
    show(compare(once, options.pairs, options.before), names)


if __name__ == "__main__":
    main()
