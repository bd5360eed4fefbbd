"""What all tests share: the environment, and small fitted estimators."""

import gc
import os
import signal
import sys
from importlib.util import find_spec

# A shell's background job ignores Ctrl-C, and so would the tests of it and what they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before SciPy and TensorFlow are imported: scikit-learn's array API checks run, logs stay quiet.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two processes of tests share the cores, and the threads with which OpenBLAS draws the initial
# weights of a fit would only wait for each other. This holds for processes that tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY, first_step_task, ragged, without_training

LONGEST_FILE = "test_contract.py"
threadpool_limits(1, "blas")  # here too: a plug-in of pytest's may have imported numpy before


def pytest_report_header():
    """Say what is not collected, and why."""
    if find_spec("skl2onnx") is None:
        return "tests/clients: not collected, as the extra `clients` is not installed"
    return None


@pytest.fixture(scope="session")
def task():
    """X of shape (24, 5, 2), y whether its first step is positive."""
    return first_step_task()


@pytest.fixture(scope="session")
def classifier(task):
    """Fitted on 3-D X."""
    return LSTMClassifier(**TINY).fit(*task)


@pytest.fixture(scope="session")
def table_classifier(task):
    """Fitted on 2-D X of 10 columns."""
    X, y = task
    return LSTMClassifier(**TINY, timesteps=5).fit(X.reshape(24, 10), y)


@pytest.fixture(scope="session")
def ragged_classifier(task):
    """Fitted on a list of sequences of 3 to 5 time steps."""
    X, y = task
    return LSTMClassifier(**TINY).fit(ragged(X), y)


@pytest.fixture(scope="session")
def token_classifier(task):
    """Fitted on token ids below 7."""
    ids = np.random.default_rng(0).integers(1, 7, (24, 5))
    return LSTMClassifier(**TINY, vocabulary_size=7, embedding_dim=3).fit(ids, task[1])


@pytest.fixture(scope="session")
def regressor(task):
    """Fitted on 3-D X, to numbers in the thousands."""
    X, _ = task
    return LSTMRegressor(**TINY).fit(X, 1000 + 50 * X[:, 0, 0])


@pytest.fixture
def untrained():
    """The fits of a test draw their weights, and nothing is compiled."""
    with without_training():
        yield


def pytest_collection_modifyitems(items):
    """Begin with the longest file: at the end, the other process would have nothing left to do."""
    items.sort(key=lambda item: item.path.name != LONGEST_FILE)


def pytest_collection_finish():
    """Leave what the imports made out of all garbage collections, which fits ask for."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def few_compiled_models():
    """Drop compiled models at the end of a file, in one go: each time costs half a second."""
    yield
    loaded = sys.modules.get("sklstm.network.training.model_pool")
    if loaded:  # by a test that trains
        loaded.pool.size = 32
        if len(loaded.pool._idle) > 20:
            del loaded.pool._idle[:-16]
            gc.collect()
