"""What a fit leaves alone: itself where it fails, its inputs, global state, the network in use."""

import copy
import os
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone

from fits import (
    TINY,
    X,
    both,
    fail,
    outputs,
    y,
)
from sklstm import LSTMClassifier
from tasks import ragged

# --- fits that fail ---


THREE = np.arange(24) % 3
FAILING = {
    "is empty": {"X": np.full((24, 5, 1), np.nan)},
    "inconsistent numbers of samples": {"y": THREE[:5]},
    "sample_weight is -1.0": {"sample_weight": -np.ones(24)},
    "features": {"X_val": X, "y_val": THREE},
    "y_val is None": {"X_val": X[:, :, :1]},
}


@pytest.mark.parametrize(("message", "arguments"), FAILING.items(), ids=FAILING)
@both
def test_a_fit_that_fails_changes_nothing(estimator, targets, message, arguments):
    arguments = {"X": 5 * X[:, :, :1], "y": THREE} | arguments
    fitted = clone(estimator).fit(X, targets)
    before, predicted = dict(vars(fitted)), outputs(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.fit(**arguments)
    assert vars(fitted) == before
    np.testing.assert_array_equal(outputs(fitted), predicted)
    fresh = clone(estimator)
    with pytest.raises(ValueError, match=message):
        fresh.fit(**arguments)
    assert vars(fresh) == vars(clone(estimator))


@pytest.mark.slow
@both
def test_an_error_while_training_changes_nothing(estimator, targets):
    fitted = clone(estimator).fit(X, targets).set_params(callbacks=[fail])
    before, predicted = dict(vars(fitted)), outputs(fitted)
    with pytest.raises(RuntimeError, match="not saved"):
        fitted.fit(5 * X[:, :, :1], THREE)
    assert vars(fitted) == before
    np.testing.assert_array_equal(outputs(fitted), predicted)


# --- seeds and side effects ---


@pytest.mark.parametrize(
    ("random_state", "units"), [(None, (6,)), pytest.param(0, (5, 6), marks=pytest.mark.slow)]
)
def test_global_random_state_and_environment_are_left_alone(random_state, units):
    """With units that no other test has, so that the network is built, not taken from the pool."""
    import tensorflow as tf

    np.random.seed(3)
    random.seed(3)
    tf.random.set_seed(3)
    before = np.random.get_state()[1].copy(), random.getstate(), dict(os.environ)
    settings = TINY | {"random_state": random_state, "units": units}
    fitted = LSTMClassifier(**settings, dropout=0.2, embedding_dim=2, validation_fraction=0.2)
    fitted.fit(np.arange(120).reshape(24, 5) % 6 + 1, y)
    fitted.predict([[1, 2]])
    fitted.to_keras()
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]
    assert dict(os.environ) == before[2]
    after_a_fit = tf.random.uniform(()).numpy()
    tf.random.set_seed(3)
    assert tf.random.uniform(()).numpy() == after_a_fit


@both
@pytest.mark.parametrize("form", [np.asarray, ragged], ids=["array", "list"])
def test_inputs_are_unchanged(estimator, targets, form):
    inputs = form(X), targets.copy(), np.linspace(0, 2, 24)
    before = copy.deepcopy(inputs)
    fitted = clone(estimator).set_params(validation_fraction=0.25)
    fitted.fit(inputs[0], inputs[1], inputs[2]).predict(inputs[0])
    fitted.fit(inputs[0], inputs[1], X_val=inputs[0], y_val=inputs[1])
    for now, then in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(
            np.concatenate(now) if now is inputs[0] else now,
            np.concatenate(then) if then is before[0] else then,
        )


@both
def test_parameters_are_unchanged_by_fit(estimator, targets):
    estimator = clone(estimator).set_params(
        units=[4], dense_units=[3], keras_params={"optimizer__beta_1": 0.8}, callbacks=[]
    )
    before = copy.deepcopy(estimator.get_params())
    assert estimator.fit(X, targets).get_params() == before


@pytest.mark.parametrize(
    "fixture", ["classifier", "table_classifier", "ragged_classifier", "regressor"]
)
def test_predict_changes_nothing_in_the_estimator(fixture, request):
    fitted = pickle.loads(pickle.dumps(request.getfixturevalue(fixture)))
    before = pickle.dumps(fitted)
    form = X.reshape(24, 10) if fixture == "table_classifier" else X
    outputs(fitted, form)
    fitted.score(form, y)
    fitted.to_onnx()
    fitted.to_keras()
    fitted.summary()
    assert pickle.dumps(fitted) == before


# --- fits and predictions side by side ---


@both
def test_what_a_fit_learns_appears_at_once_at_its_end(estimator, targets):
    """Whoever predicts meanwhile, in any thread, uses the network before, and all that is its."""
    fitted = clone(estimator).fit(X, targets)
    before, seen = outputs(fitted), []

    def look(epoch, logs):
        seen.append((outputs(fitted), fitted.n_features_in_, fitted.n_iter_, vars(fitted).copy()))

    state = vars(fitted).copy()
    wide = np.concatenate([X, X], axis=2)
    fitted.set_params(callbacks=[look]).fit(wide, np.roll(targets, 1))
    assert fitted.n_features_in_ == 4
    for predicted, n_features, n_iter, now in seen:
        np.testing.assert_array_equal(predicted, before)
        assert (n_features, n_iter) == (2, 2)
        assert now | {"callbacks": None} == state | {"callbacks": None}


@both
def test_predictions_are_of_one_network_while_another_is_learnt(estimator, targets):
    fitted = clone(estimator).set_params(epochs=1).fit(X, targets)
    wide, stop, wrong = np.concatenate([X, X], axis=2), threading.Event(), []

    def predict():
        while not stop.is_set():
            for data in (X, wide):
                try:
                    fitted.predict(data)
                except ValueError as error:
                    if "expecting" not in str(error):
                        wrong.append(error)
                except Exception as error:
                    wrong.append(error)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(predict)
        try:
            for data in (wide, X) * 4:
                fitted.fit(data, targets)
        finally:
            stop.set()
    assert not wrong


@both
def test_what_a_callback_sets_on_the_estimator_stays(estimator, targets):
    network = clone(estimator)

    def watch(epoch, logs):
        network.lowest, network.verbose = min(network.lowest, logs["loss"]), 0

    network.set_params(callbacks=[watch], verbose=False).lowest = np.inf
    for _ in range(2):
        network.fit(X, targets)
        assert network.lowest == min(network.history_["loss"])
    assert network.verbose is not False


def test_of_two_fits_at_once_the_last_one_stays_whole():
    network = LSTMClassifier(**TINY, warm_start=True).fit(X, y)

    def fit_too(epoch, logs):
        network.set_params(callbacks=None).fit(X, y)

    network.set_params(callbacks=[fit_too], warm_start=False).fit(X, y)
    expected = LSTMClassifier(**TINY).fit(X, y)
    assert network.n_iter_ == 2
    np.testing.assert_array_equal(outputs(network), outputs(expected))
    assert network.callbacks is None
