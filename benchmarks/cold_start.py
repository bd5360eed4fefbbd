"""New processes: one that loads a pickled Pipeline and predicts, and one that only imports.

    python benchmarks/cold_start.py predict    wall time and peak memory, against scikeras
    python benchmarks/cold_start.py import     against sklearn.pipeline and sklearn.model_selection

`predict`: a new Python unpickles a Pipeline of a scaler and an LSTM classifier of digits, fitted
alike by both sides, predicts 1,000 rows and prints their accuracy. `import` runs `import sklstm`.
Processes of both sides start in turns; the time is that of the whole process, the memory its peak
resident set. A process inherits the peak of the one that starts it, so this one stays small: the
pipelines are fitted in a process of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from _timing import Row, Run, compare, parser, show, show_machine

HERE = Path(__file__).parent
LOAD_AND_PREDICT = """
import pickle, sys
import numpy as np
folder, name = sys.argv[1:]
with open(f"{folder}/{name}.pickle", "rb") as file:
    pipeline = pickle.load(file)
X, y = np.load(f"{folder}/X.npy"), np.load(f"{folder}/y.npy")
print((pipeline.predict(X) == y).mean())
"""
FIT_AND_PICKLE = "from cold_start import write_pipelines; import sys; write_pipelines(sys.argv[1])"
IMPORTS = {
    "sklearn": "import sklearn.pipeline, sklearn.model_selection",
    "sklstm": "import sklstm",
}


def write_pipelines(folder: str) -> None:
    """Fit both pipelines on digits; write them, and the rows to predict."""
    import pickle

    import _peers
    import numpy as np
    from _data import digits
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    from sklstm import LSTMClassifier

    shared = {"learning_rate": 0.003, "epochs": 10}
    estimators = {
        "sklstm": LSTMClassifier(32, timesteps=8, **_peers.PLAIN | shared),
        "scikeras": _peers.scikeras_digits(units=32, flat=True, **shared),
    }
    X, y = digits(flat=True)
    for name, estimator in estimators.items():
        pipeline = make_pipeline(MinMaxScaler(), estimator).fit(X, y)
        Path(folder, f"{name}.pickle").write_bytes(pickle.dumps(pipeline))
    np.save(Path(folder, "X.npy"), X[:1000])
    np.save(Path(folder, "y.npy"), y[:1000])


class Process:
    """Runs a Python program in new processes, and remembers their peaks of memory in MiB."""

    def __init__(self, program: str, *arguments: str) -> None:
        self.command = [sys.executable, "-c", program, *arguments]
        paths = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self.peaks: list[float] = []

    def __call__(self) -> Run:
        """Run it once; the score is the number that it prints."""
        with tempfile.TemporaryFile() as errors:
            start = time.perf_counter()
            process = subprocess.Popen(
                self.command, env=self.environment, stdout=subprocess.PIPE, stderr=errors
            )
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            taken = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                raise RuntimeError(f"{self.command} failed:\n{errors.read().decode()}")
        self.peaks.append(usage.ru_maxrss / 1024)
        return Run(taken, float(output or "nan"))


def compare_processes(
    work: str, a: tuple[str, Process], b: tuple[str, Process], pairs: int
) -> None:
    """Print time and memory of two programs."""
    comparison = compare(a[1], b[1], pairs)
    show([Row(work, a[0], b[0], comparison)], "accuracy" if work == "predict" else "-")
    peaks = {name: median(process.peaks) for name, process in (a, b)}
    described = ", ".join(f"{name} {peak:.0f} MiB" for name, peak in peaks.items())
    print(f"\nPeak memory: {described}; A / B = {peaks[a[0]] / peaks[b[0]]:.2f}")


def cold_predict(pairs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Process(FIT_AND_PICKLE, folder)()
        ours, theirs = (
            (name, Process(LOAD_AND_PREDICT, folder, name)) for name in ("sklstm", "scikeras")
        )
        compare_processes("predict", ours, theirs, pairs)


def cold_import(pairs: int) -> None:
    ours, theirs = ((name, Process(IMPORTS[name])) for name in ("sklstm", "sklearn"))
    compare_processes("import", theirs, ours, pairs)


def main() -> None:
    arguments = parser(__doc__, pairs=11)
    arguments.add_argument("case", choices=["predict", "import"])
    options = arguments.parse_args()
    show_machine()
    {"predict": cold_predict, "import": cold_import}[options.case](options.pairs)


if __name__ == "__main__":
    main()
