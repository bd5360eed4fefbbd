"""Batches computed in two shards side by side give what one shard gives."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import CharSequenceGenerator, LSTMClassifier, LSTMRegressor
from sklstm.network.spec import NetworkSpec
from sklstm.network.training import model_key, processes, trainer
from sklstm.network.training.compiled_model import CompiledModel
from sklstm.network.training.settings import TrainingSettings
from tasks import first_step_task, ragged

X, y = first_step_task(n=40)  # the second batch has 6 rows: its second shard is empty
GPU = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")  # this machine may have none
TEXT = "".join(np.random.RandomState(0).choice(list("abcde "), 700))
# Batches that XLA compiles have 40 rows, 6 of which only fill them up.
FITTED = {"units": [5, 4], "batch_size": 34, "epochs": 2, "learning_rate": 0.02, "random_state": 0}


def weights_of(fitted):
    return fitted._fitted_state.network.weights.values()


def assert_all_close(ours, theirs):
    for one, other in zip(weights_of(ours), weights_of(theirs), strict=True):
        assert_allclose(one, other, atol=1e-4)


@pytest.fixture
def in_shards(monkeypatch):
    """A function that sets the number of shards, whatever the work."""

    def set_shards(n):
        monkeypatch.setattr(trainer, "count_shards", lambda *_, **__: n)

    return set_shards


def classify():
    return LSTMClassifier(**FITTED).fit(X, y, sample_weight=np.linspace(0.1, 3, 40))


def classify_ragged():
    return LSTMClassifier(**FITTED, bidirectional=True, pooling="mean").fit(ragged(X), y)


def classify_static():
    """Of 10 columns, the first 4 are static."""
    return LSTMClassifier(**FITTED, timesteps=3, static=range(4)).fit(X.reshape(40, 10), y)


def regress():
    return LSTMRegressor(**FITTED, validation_fraction=0.3).fit(X, X[:, 0, 0])


def write():
    return CharSequenceGenerator(**FITTED, window=8).fit([TEXT[:500], TEXT[500:]], X_val=TEXT[:90])


@pytest.mark.parametrize(
    ("fit", "loop"),
    [
        (classify, "graph"),
        pytest.param(classify, "xla", marks=pytest.mark.long),
        pytest.param(write, "xla", marks=pytest.mark.long),
        pytest.param(classify_ragged, "graph", marks=pytest.mark.slow),
        pytest.param(classify_static, "xla", marks=pytest.mark.long),
        pytest.param(regress, "graph", marks=pytest.mark.slow),
    ],
)
def test_two_shards_train_as_one(fit, loop, in_shards, monkeypatch):
    if loop == "xla":
        monkeypatch.setattr(trainer, "MIN_TIME_STEPS_FOR_XLA", 0)
    in_shards(1)
    whole = fit()
    assert whole.training_loop_ == loop
    in_shards(2)
    sharded = fit()
    assert_all_close(sharded, whole)
    for name, values in whole.history_.items():
        assert_allclose(sharded.history_[name], values, rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_dropout_in_shards_is_reproducible_and_differs_between_them(in_shards):
    in_shards(2)
    dropped = [write_with(dropout=0.5) for _ in range(2)]
    for one, other in zip(*map(weights_of, dropped), strict=True):
        assert_array_equal(one, other)
    # All documents are one: if both shards hid the same outputs, one shard would give this loss.
    options = {"dropout": 0.5, "epochs": 1, "units": 5}
    sharded = write_with(["abcd"] * 32, batch_size=32, **options)
    in_shards(1)
    one_shard = write_with(["abcd"] * 16, batch_size=16, **options)
    assert abs(sharded.history_["loss"][0] - one_shard.history_["loss"][0]) > 1e-4


def write_with(text=TEXT, **options):
    return CharSequenceGenerator(**FITTED | options, window=8).fit(text)


def count(loss_reduction=None, **options):
    params = {"loss__reduction": loss_reduction} if loss_reduction else {}
    settings = TrainingSettings("sparse_categorical_crossentropy", keras_params=params)
    spec = NetworkSpec(n_outputs=3, activation="softmax", n_features=2, units=(8,))
    batch = {"n_steps": 5, "batch_size": 32, "xla": True}
    return model_key.count_shards(spec, settings, **batch | options)


def test_only_large_batches_are_computed_in_shards(monkeypatch):
    assert count() == 1
    monkeypatch.setattr(model_key, "MIN_WORK_FOR_SHARDS", 0)
    assert count() == 2
    assert count(xla=False) == 1
    assert count(batch_size=33) == 2
    assert count(batch_size=16) == 1
    assert count(loss_reduction="sum") == 1  # shards would not add up


@pytest.mark.slow
def test_ctrl_c_within_an_epoch_of_shards_leaves_the_pool_usable(in_shards):
    in_shards(2)
    expected = write_with()
    timer = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])

    def start_timer(epoch, logs):
        if epoch == 0:
            timer.start()

    with pytest.warns(UserWarning, match="interrupted"):
        write_with(epochs=10**6, callbacks=[start_timer])
    for one, other in zip(weights_of(write_with()), weights_of(expected), strict=True):
        assert_array_equal(one, other)


@pytest.mark.slow
def test_generators_fitted_in_threads_are_those_fitted_alone(in_shards):
    in_shards(2)
    texts = [TEXT, TEXT[::-1]]

    def fit(text):
        return CharSequenceGenerator(**FITTED, window=8, dropout=0.2).fit(text)

    alone = [fit(text) for text in texts]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(fit, texts))
    for one, other in zip(alone, together, strict=True):
        for a, b in zip(weights_of(one), weights_of(other), strict=True):
            assert_array_equal(a, b)


def test_a_gpu_computes_no_shards(monkeypatch):
    """It would compute one after the other."""
    monkeypatch.setattr(model_key, "MIN_WORK_FOR_SHARDS", 0)
    assert count() == 2
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [GPU])
    assert count() == 1


def test_a_worker_takes_its_share_of_cores_and_of_a_gpus_memory(monkeypatch):
    """When it compiles its first model, and only where joblib tells it its share."""
    told = {}
    for kind in ("intra", "inter"):
        name = f"set_{kind}_op_parallelism_threads"
        monkeypatch.setattr(tf.config.threading, name, partial(told.__setitem__, kind))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [GPU])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", told.__setitem__)
    monkeypatch.setattr(processes, "available_cores", lambda: 3)
    spec = NetworkSpec(n_outputs=1, activation="linear", units=(2,))
    settings = TrainingSettings("squared_error")
    key = model_key.ModelKey(spec, "", False, None, 1, False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    CompiledModel(key, settings)
    assert told == {}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    CompiledModel(key, settings)
    assert told == {"intra": 3, "inter": 1, GPU: True}
