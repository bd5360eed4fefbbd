"""The compiled epochs against Keras's own loop, and the pool under threads and interrupts."""

import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._parameters import OPTIMIZERS
from sklstm._sequences import Sequences
from sklstm.network.keras_model import build_model, set_weights, trainable_variables
from sklstm.network.spec import NetworkSpec
from sklstm.network.training import bucketing, trainer
from sklstm.network.training.batches import SequenceData
from sklstm.network.training.losses import LOSSES
from sklstm.network.training.model_key import ModelKey
from sklstm.network.training.model_pool import ModelPool, pool
from sklstm.network.training.settings import Start, TrainingSettings
from tasks import from_padded

# XLA compiles batches of 16 rows and 6 time steps; the last batch has 13 rows.
N, N_STEPS, N_FEATURES, EPOCHS, BATCH_SIZE = 43, 5, 3, 4, 15


def make_data(n=N, seed=0, weighted=True, n_steps=N_STEPS):
    rng = np.random.RandomState(seed)
    values = rng.normal(size=(n, n_steps, N_FEATURES)).astype(np.float32)
    targets = rng.randint(3, size=n).astype(np.int32)
    weights = rng.uniform(0.2, 3, size=n) if weighted else np.ones(n)
    sequences = from_padded(values, np.full(n, n_steps))
    return SequenceData(sequences, targets, weights.astype(np.float32))


def make_spec(**options):
    return NetworkSpec(
        **{"n_outputs": 3, "activation": "softmax", "n_features": N_FEATURES, "units": (6,)}
        | options
    )


def make_settings(**options):
    return TrainingSettings(
        **{
            "loss": "sparse_categorical_crossentropy",
            "metric": "sparse_categorical_accuracy",
            "learning_rate": 0.01,
            "batch_size": BATCH_SIZE,
            "epochs": EPOCHS,
        }
        | options
    )


def train(spec, settings, data, validation=None, seed=1, varies=False):
    weights = spec.initial_weights(np.random.RandomState(seed))
    start = Start(weights, None, np.random.RandomState(seed))
    return trainer.train(spec, settings, data, validation, start, varies=varies)


def train_by_keras(spec, settings, data, validation=None, seed=1):
    """Train a plain Keras model by its own `fit`, epoch by epoch in the same order."""
    model = build_model(spec, varies=False)
    set_weights(spec, model, spec.initial_weights(np.random.RandomState(seed)))
    optimizer = keras.optimizers.get(settings.optimizer)
    config = optimizer.get_config() | {"learning_rate": settings.learning_rate}
    model.compile(
        type(optimizer).from_config(config | {"clipnorm": settings.clipnorm}),
        LOSSES[settings.loss](reduction="mean_with_sample_weight"),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    rng = np.random.RandomState(seed)
    rng.randint(2**31)  # the seed of the dropout, which the compiled epochs draw first
    history = {}
    for _ in range(settings.epochs):
        rows = data.draw_epoch(rng, settings.batch_size)
        logs = model.fit(
            data.sequences.padded()[rows],
            data.targets[rows],
            sample_weight=data.weights[rows],
            validation_data=validation
            and (validation.sequences.padded(), validation.targets, validation.weights),
            batch_size=settings.batch_size,
            shuffle=False,
            verbose=0,
        ).history
        for name, values in logs.items():
            history.setdefault(name, []).extend(values)
    return [v.value.numpy() for v in trainable_variables(spec, model).values()], history


@pytest.fixture(params=[pytest.param("xla", marks=pytest.mark.slow), "graph"])
def loop(request):
    return request.param


@pytest.mark.parametrize("weighted", [False, True])
def test_compiled_epochs_equal_keras_fit(loop, weighted):
    data, validation = make_data(weighted=weighted), make_data(21, seed=1, weighted=weighted)
    settings = make_settings(clipnorm=0.1, always_xla=loop == "xla")
    trained = train(make_spec(), settings, data, validation)
    weights, history = train_by_keras(make_spec(), settings, data, validation)
    assert trained.loop == loop
    for ours, theirs in zip(trained.weights.values(), weights, strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5)
    if not weighted:  # Keras's mean over batches does not look at their weights
        assert trained.last.history.keys() == history.keys()
        for name, values in history.items():
            assert_allclose(trained.last.history[name], values, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        *(pytest.param(name, marks=pytest.mark.slow) for name in sorted(OPTIMIZERS - {"adam"})),
    ],
)
def test_every_optimizer_equals_keras_fit(optimizer):
    settings = make_settings(optimizer=optimizer, epochs=2)
    trained = train(make_spec(), settings, make_data())
    weights, _ = train_by_keras(make_spec(), settings, make_data())
    for ours, theirs in zip(trained.weights.values(), weights, strict=True):
        # Lion takes the sign of a sum: where that is near zero, rounding decides.
        assert_allclose(ours, theirs, rtol=1e-3, atol=5e-2 if optimizer == "lion" else 2e-5)


def test_the_loss_of_an_epoch_is_the_weighted_mean_over_its_rows():
    data = make_data()
    frozen = train(make_spec(), make_settings(optimizer="sgd", learning_rate=1e-12), data)
    model = build_model(make_spec(), varies=False)
    set_weights(make_spec(), model, frozen.weights)
    chosen = model.predict(data.sequences.padded(), verbose=0)[np.arange(N), data.targets]
    expected = np.average(-np.log(chosen), weights=data.weights)
    assert_allclose(frozen.last.history["loss"], expected, rtol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"pooling": "max", "bidirectional": True, "units": (4, 3)}, "one length"),
        ({"pooling": "concat", "dense_units": (3,)}, "one length"),
        ({"pooling": "concat", "bidirectional": True}, "lengths"),
        ({"pooling": "mean", "vocabulary_size": 9, "embedding_dim": 2}, "lengths"),
        ({"vocabulary_size": 9}, "length 1"),
    ],
)
def test_what_fills_batches_up_changes_nothing(options, kind):
    """XLA compiles 16 rows and 6 time steps, and the graph takes the 15 rows and 5 as they are."""
    spec = make_spec(**options)
    data, validation = (make_data_for(spec, kind, n) for n in (N, 21))
    fits = {}
    for loop in ("xla", "graph"):
        settings = make_settings(epochs=2, batch_size=15, always_xla=loop == "xla")
        fits[loop] = train(spec, settings, data, validation, varies=kind == "lengths")
        assert fits[loop].loop == loop
    for ours, theirs in zip(
        fits["xla"].weights.values(), fits["graph"].weights.values(), strict=True
    ):
        assert_allclose(ours, theirs, rtol=1e-3, atol=2e-5)
    for name, values in fits["graph"].last.history.items():
        assert_allclose(fits["xla"].last.history[name], values, rtol=1e-5, err_msg=name)


@pytest.mark.long
def test_dropout_does_not_depend_on_what_fills_batches_up(monkeypatch):
    """XLA draws other numbers than the graph: here it compiles other sizes, and the same."""
    spec, settings = make_spec(dropout=0.3), make_settings(epochs=2, always_xla=True)
    filled_up = train(spec, settings, make_data())
    monkeypatch.setattr(bucketing, "LADDER", np.arange(99))
    exact = train(spec, settings, make_data())
    for ours, theirs in zip(filled_up.weights.values(), exact.weights.values(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=2e-6)


def make_data_for(spec, kind, n):
    rng = np.random.RandomState(n)
    n_steps = {
        "one length": np.full(n, 5),
        "length 1": np.ones(n, int),
        "lengths": rng.randint(1, 6, n),
    }[kind]
    values = rng.normal(size=(n_steps.sum(), N_FEATURES)).astype("f")
    if spec.reads_tokens:
        values = rng.randint(1, 9, n_steps.sum()).astype("int32")
    sequences = Sequences(values, np.cumsum(n_steps) - n_steps, n_steps)
    return SequenceData(
        sequences, rng.randint(3, size=n).astype("int32"), rng.uniform(0.2, 3, n).astype("f")
    )


@pytest.mark.long
def test_dropout_is_reproducible_and_hides_its_share(loop):
    spec = make_spec(dropout=0.5, units=(6, 6))
    settings = make_settings(epochs=2, always_xla=loop == "xla")
    first, again = (train(spec, settings, make_data()) for _ in range(2))
    for one, other in zip(first.weights.values(), again.weights.values(), strict=True):
        assert_array_equal(one, other)
    undropped = train(make_spec(units=(6, 6)), settings, make_data())
    assert first.last.history["loss"] != undropped.last.history["loss"]


@pytest.mark.long
def test_a_fit_through_the_pool_equals_the_first(loop):
    """Whatever a program was used for before leaves nothing behind."""
    xla = loop == "xla"
    settings = make_settings(epochs=2, always_xla=xla)
    first = train(make_spec(), settings, make_data())
    for other in (
        make_settings(epochs=3, learning_rate=0.1, always_xla=xla),
        make_settings(epochs=2, optimizer="sgd", always_xla=xla),
    ):
        train(make_spec(), other, make_data(seed=5), seed=7)
    again = train(make_spec(), settings, make_data())
    for one, other in zip(first.weights.values(), again.weights.values(), strict=True):
        assert_array_equal(one, other)


def test_lengths_batch_sizes_and_folds_share_few_compiled_loops(loop):
    """XLA compiles the two sizes that hold these; a graph takes any."""
    spec = make_spec(units=(7 if loop == "xla" else 8,))
    for n_steps, batch_size, n in ((5, 15, 43), (6, 16, 60), (5, 16, 31), (6, 15, 90), (4, 13, 44)):
        data = make_data(n, n_steps=n_steps)
        settings = make_settings(epochs=1, batch_size=batch_size, always_xla=loop == "xla")
        train(spec, settings, data)
    (program,) = (program for program in pool._idle if program.key.spec == spec)
    assert program.n_compiled == (2 if loop == "xla" else 1)


def test_the_pool_is_bounded():
    small = ModelPool(2)
    settings = make_settings()
    keys = [ModelKey(make_spec(units=(units,)), "", False, None, 1, False) for units in (2, 3, 4)]
    for key in keys:
        with small.borrow(key, settings) as program:
            assert program.key == key
    assert [program.key for program in small._idle] == keys[1:]
    with small.borrow(keys[1], settings) as program, small.borrow(keys[1], settings) as other:
        assert program is not other


def fit_small(seed, units=4):
    rng = np.random.RandomState(seed)
    X, y = rng.normal(size=(40, 4, 2)), rng.randint(2, size=40)
    return LSTMClassifier(units, epochs=2, random_state=seed).fit(X, y).predict_proba(X)


@pytest.mark.long
def test_four_threads_fit_and_predict_as_one():
    expected = [fit_small(seed) for seed in range(5)]
    with ThreadPoolExecutor(4) as threads:
        for seed, result in enumerate(threads.map(fit_small, [s % 5 for s in range(100)])):
            assert_array_equal(result, expected[seed % 5])


def test_threads_predict_with_one_estimator():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(64, 4, 2)), rng.normal(size=64)
    regressor = LSTMRegressor(4, epochs=1, random_state=0).fit(X, y)
    expected = regressor.predict(X)
    with ThreadPoolExecutor(4) as threads:
        for result in threads.map(lambda _: regressor.predict(X), range(100)):
            assert_array_equal(result, expected)


def interrupt_after(seconds):
    def press(*_):
        signal.raise_signal(
            signal.SIGINT
        )  # as Ctrl-C does: TensorFlow must not be torn from a trace

    signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def test_ctrl_c_is_heard_through_an_error_that_tensorflow_makes_of_it():
    """While it traces, its C++ may turn a KeyboardInterrupt into a SystemError."""

    def interrupt(epoch, logs):
        if epoch == 1:
            raise SystemError("a result with an exception set") from KeyboardInterrupt()

    X, y = np.ones((8, 5, 1)), np.arange(8) % 2
    with pytest.warns(UserWarning, match="interrupted"):
        classifier = LSTMClassifier(2, callbacks=[interrupt], random_state=0).fit(X, y)
    assert 1 <= classifier.n_iter_ <= 2

    def fail(epoch, logs):
        raise SystemError("another")

    with pytest.raises(SystemError, match="another"):
        classifier.set_params(callbacks=[fail]).fit(X, y)


@pytest.mark.slow
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"),
    reason="signals reach the main thread only, and Windows has no timers of this kind",
)
@pytest.mark.parametrize("seconds", [0.3, 0.55, 0.8])
def test_ctrl_c_at_any_moment_leaves_a_usable_estimator(seconds):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(200, 20, 2)), rng.randint(2, size=200)
    classifier = LSTMClassifier(8, epochs=1, random_state=0, warm_start=True).fit(X, y)
    classifier.set_params(epochs=100_000)
    previous = signal.getsignal(signal.SIGALRM)
    try:
        interrupt_after(seconds)
        with pytest.warns(UserWarning, match="interrupted"):
            classifier.fit(X, y)
    except KeyboardInterrupt:
        pass  # it came before the first epoch was over
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert classifier.n_iter_ == len(classifier.history_["loss"])
    assert classifier.predict_proba(X).shape == (200, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier.set_params(epochs=1).fit(X, y)
