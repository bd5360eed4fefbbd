"""Data and fresh processes for tests. Most has one shape: every new shape costs a compilation."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import sklstm
from sklstm._fitted_state import FittedState, LearntFromData
from sklstm._sequences import Sequences
from sklstm.network.training.settings import OptimizerState, Snapshot, TrainingResult

TINY = {"units": 4, "epochs": 2, "batch_size": 8, "random_state": 0}

PATHS = [str(Path(sklstm.__file__).parents[1]), str(Path(__file__).parent)]
# The environment of a process that imports the package and this module from where they are.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}

TENSORFLOW = {"tensorflow", "keras", "scikeras"}
# Begins a script in which importing TensorFlow is an error.
REFUSE_TENSORFLOW = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(TENSORFLOW)}:
            raise ModuleNotFoundError(name + " must not be imported here", name=name)

sys.meta_path.insert(0, Refuse())
"""


def run_script(script, *arguments):
    """Run a script in a fresh interpreter and return what it prints."""
    result = subprocess.run(
        [
            sys.executable,
            "-W",
            "error::DeprecationWarning:sklstm",
            "-c",
            script,
            *map(str, arguments),
        ],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def first_step_task(n=24, n_steps=5, n_features=2, seed=0):
    """Noise whose first time step alone tells the label: a network without memory cannot know."""
    X = np.random.default_rng(seed).normal(size=(n, n_steps, n_features))
    y = np.arange(n) % 2
    X[:, 0, 0] = np.abs(X[:, 0, 0]) * (2 * y - 1)
    return X, y


def ragged(X):
    """Cut the sequences to different lengths."""
    return [x[: len(x) - row % 3] for row, x in enumerate(X)]


def nan_padded(sequences, n_steps, side="right"):
    """Pad sequences with NaN to one array."""
    padded = np.full((len(sequences), n_steps, sequences[0].shape[1]), np.nan)
    for row, sequence in zip(padded, sequences, strict=True):
        place = slice(len(sequence)) if side == "right" else slice(n_steps - len(sequence), None)
        row[place] = sequence
    return padded


def object_array(sequences):
    """An array whose elements are arrays."""
    array = np.empty(len(sequences), object)
    for row, sequence in enumerate(sequences):
        array[row] = sequence
    return array


def from_padded(values, lengths):
    """Sequences that stand at the beginning of each row of an array."""
    n, n_steps = values.shape[:2]
    steps = values.reshape(-1, *values.shape[2:])
    return Sequences(steps, np.arange(n) * n_steps, lengths)


def assert_same_weights(ours, theirs):
    """Both estimators have learnt the same weights, to the last bit."""
    ours, theirs = ours._fitted_state.network.weights, theirs._fitted_state.network.weights
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        np.testing.assert_array_equal(weight, theirs[name], err_msg=name)


def state_of_texts(network, vocabulary):
    """What a generator holds that has learnt nothing but a vocabulary and given weights."""
    learnt = LearntFromData(vocabulary, None, None, False, 8, {})
    return FittedState(network, learnt, ({"loss": []},), "graph", interrupted=False)


@contextmanager
def without_training():
    """Let fits draw their weights: for tests of what comes before and after the training.

    Nothing is compiled for them, which costs a second for each network.
    """
    from sklstm.network.training import ensemble

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "train", draw_weights)
        yield


def draw_weights(spec, settings, data, validation, start, **others):
    """Return what a training would, with weights that are far from where it begins."""
    weights = {
        name: start.rng.normal(0, 0.5, weight.shape).astype("f")
        for name, weight in start.weights.items()
    }
    history = {"loss": [0.0] * settings.epochs}
    last = Snapshot(
        weights=weights,
        optimizer_state=OptimizerState("", []),
        seeds=[],
        rng_state=start.rng.get_state(legacy=False),
        history=history,
        n_epochs=settings.epochs,
        best_weights=None,
    )
    return TrainingResult(spec, weights, last, interrupted=False, loop="graph")


def seconds_until_ctrl_c_ends(fit, after):
    """Send Ctrl-C some seconds after a fit has begun; return how long after it the fit ended."""
    sent = []

    def send():
        time.sleep(after)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    sender = threading.Thread(target=send)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises((KeyboardInterrupt, UserWarning), match=r"^$|interrupted"):  # noqa: PT012
            sender.start()
            fit()
    ended = time.perf_counter()
    sender.join()
    return ended - sent[0]
