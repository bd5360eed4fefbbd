"""Ctrl-C during a fit, and fits where TensorFlow cannot train: what is heard, and when."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from sklstm import LSTMClassifier
from sklstm.network.training.interrupts import Interrupts
from tasks import ENVIRONMENT, TINY, first_step_task, seconds_until_ctrl_c_ends

X, y = first_step_task()


@pytest.fixture(autouse=True)
def handler():
    """What heard Ctrl-C before a test hears it afterwards, too."""
    before = signal.getsignal(signal.SIGINT)
    yield before
    after = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert after is before


def run_alone(program):
    """Run a program in a new process."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def press():
    signal.raise_signal(signal.SIGINT)


def press_unheard(epoch, logs):
    """Swallow Ctrl-C, as TensorFlow and numpy do now and then."""
    if epoch == 1:
        with pytest.raises(KeyboardInterrupt):
            press()


# --- what is kept, and when it is raised ---


def test_ctrl_c_waits_until_it_is_asked_for():
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        interrupts.check()


def test_a_second_ctrl_c_raises_at_once():
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt):
            press()
        interrupts.forget()


def test_ctrl_c_that_nobody_asked_for_is_raised_at_the_end():
    with pytest.raises(KeyboardInterrupt), Interrupts():
        press()


def test_an_error_is_not_replaced_by_ctrl_c():
    def fail():
        press()
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"), Interrupts():
        fail()


def test_what_is_swallowed_is_raised_later():
    with Interrupts() as interrupts:
        with interrupts.at_once(), pytest.raises(KeyboardInterrupt):
            press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_a_users_handler_decides(handler):
    heard = []

    def theirs(number, frame):
        heard.append(number)
        if len(heard) > 1:
            raise SystemExit(3)

    signal.signal(signal.SIGINT, theirs)
    with Interrupts() as interrupts:
        press()
        interrupts.check()
        press()
        with pytest.raises(SystemExit):
            interrupts.check()
    assert heard == [signal.SIGINT] * 2
    assert signal.getsignal(signal.SIGINT) is theirs
    signal.signal(signal.SIGINT, handler)


def test_a_handler_that_is_set_inside_stays(handler):
    def theirs(number, frame):
        raise AssertionError

    with Interrupts():
        signal.signal(signal.SIGINT, theirs)
    assert signal.getsignal(signal.SIGINT) is theirs
    signal.signal(signal.SIGINT, handler)


def test_ignored_signals_stay_ignored(handler):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupts():
        press()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, handler)


def test_other_threads_change_no_handler(handler):
    seen = []

    def run():
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [handler]


# --- fits ---


@pytest.mark.parametrize("fit", [{}, {"X_val": X, "y_val": y}], ids=["plain", "validated"])
def test_ctrl_c_that_was_swallowed_ends_the_fit(fit):
    estimator = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[press_unheard])
    with pytest.warns(UserWarning, match="the weights are those after epoch 2"):
        estimator.fit(X, y, **fit)
    assert len(estimator.history_["loss"]) == 2


def test_ctrl_c_in_the_last_epoch_is_heard():
    estimator = LSTMClassifier(**TINY, callbacks=[press_unheard])
    with pytest.warns(UserWarning, match="the weights are those after epoch 2"):
        estimator.fit(X, y)


def test_ctrl_c_ends_a_search_before_the_first_epoch_of_a_fit():
    import keras

    class Press(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            press()

    search = GridSearchCV(LSTMClassifier(**TINY, callbacks=[Press()]), {"units": [4]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)


def test_a_callback_is_interrupted_at_once():
    slept = []

    def sleep(epoch, logs):
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        start = time.perf_counter()
        try:
            time.sleep(20)
        finally:
            slept.append(time.perf_counter() - start)

    with pytest.warns(UserWarning, match="after epoch 1"):
        LSTMClassifier(**TINY, callbacks=[sleep]).fit(X, y)
    assert slept[0] < 10


@pytest.mark.slow
@pytest.mark.parametrize("fit", [{}, {"X_val": X, "y_val": y}], ids=["plain", "validated"])
def test_every_ctrl_c_is_heard_within_a_second(fit):
    LSTMClassifier(**TINY).fit(X, y, **fit)  # loads TensorFlow
    endless = LSTMClassifier(**TINY | {"epochs": 10**6})
    draw = random.Random(0)

    def interrupt_after(seconds):
        return seconds_until_ctrl_c_ends(lambda: endless.fit(X, y, **fit), seconds)

    interrupt_after(1)  # compiles
    assert max(interrupt_after(draw.uniform(0.02, 0.15)) for _ in range(20)) < 1.5


FIRST_FIT = """
import os, signal, sys, threading
import numpy as np
from sklstm import LSTMClassifier

X, y = np.random.default_rng(0).normal(size=(24, 5, 2)), np.arange(24) % 2

def fit():
    return LSTMClassifier(4, epochs=1, random_state=0).fit(X, y)

class Press:
    \"\"\"Press Ctrl-C while TensorFlow is imported.\"\"\"

    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow.python.data":
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Press())
try:
    fit()
except KeyboardInterrupt:
    print("interrupted")
print(len(fit().history_["loss"]))
"""


@pytest.mark.long
def test_ctrl_c_while_tensorflow_is_imported_leaves_it_whole():
    assert run_alone(FIRST_FIT).stdout.splitlines() == ["interrupted", "1"]


# --- forks ---


def message_of(function):
    try:
        function()
    except RuntimeError as error:
        return str(error)
    return "no error"


def in_a_fork(function, seconds=30):
    """Return what a function returns in a forked process."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        try:
            os.write(writer, function().encode())
        finally:
            os._exit(0)
    os.close(writer)
    late = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
    late.start()
    os.waitpid(child, 0)
    late.cancel()
    with os.fdopen(reader) as answer:
        return answer.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without forks")
def test_a_fit_in_a_forked_process_is_an_error_and_predict_works(classifier):
    expected = classifier.predict_proba(X)

    def child():
        message = message_of(lambda: LSTMClassifier(**TINY).fit(X, y))
        return f"{message} {np.array_equal(classifier.predict_proba(X), expected)}"

    answer = in_a_fork(child)
    assert answer.startswith(
        "TensorFlow cannot train in this process: it had started in the parent"
    )
    assert all(name in answer for name in ("'spawn'", "'forkserver'", "'loky'"))
    assert answer.endswith("True")
    LSTMClassifier(**TINY).fit(X, y)


@pytest.mark.skipif(sys.platform != "linux", reason="the names of threads tell, on Linux")
def test_a_fork_of_a_process_where_others_started_tensorflow_is_noticed(classifier):
    from sklstm.network.training.model_pool import ModelPool

    assert message_of(ModelPool(1).refuse_forks) == "no error"
    answer = in_a_fork(lambda: message_of(ModelPool(1).refuse_forks))
    assert answer.startswith("TensorFlow cannot train in this process")


# --- the interpreter's end ---

AT_THE_END = """
import atexit, threading
from sklstm.network.onnx_predictor import in_threads

def show(when):
    print(when, list(in_threads(abs, iter([-1, -2, -3]), 2)), flush=True)

def outlive_main():
    threading.main_thread().join()
    show("thread")

atexit.register(show, "atexit")
threading.Thread(target=outlive_main).start()
show("before")
"""


@pytest.mark.slow
def test_predictions_go_on_while_the_interpreter_shuts_down():
    result = run_alone(AT_THE_END)
    assert result.stdout.splitlines() == [
        f"{when} [1, 2, 3]" for when in ("before", "thread", "atexit")
    ]
    assert result.stderr == ""
