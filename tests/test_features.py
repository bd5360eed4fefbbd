"""What the network sees of X: features on one scale, and the changes of slow ones."""

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._features import SeenFeatures
from sklstm._sequences import Sequences
from sklstm.network.spec import append_changes
from tasks import TINY, nan_padded, ragged

RNG = np.random.default_rng(0)
WALK = np.cumsum(RNG.normal(size=(24, 60, 1)), axis=1)  # slow: a step changes it little
MIXED = np.concatenate([WALK, 400 + 100 * RNG.normal(size=(24, 60, 1))], axis=2)
LABELS = np.arange(24) % 2


def sequences_of(X):
    lengths = np.array([len(x) for x in X])
    return Sequences(np.concatenate(X), np.cumsum(lengths) - lengths, lengths)


def measure(X, weights=None, standardize=True, differences="auto"):
    weights = np.ones(len(X)) if weights is None else weights
    return SeenFeatures.measure(
        sequences_of(X), weights, standardize=standardize, differences=differences
    )


@pytest.mark.parametrize("X", [MIXED, ragged(MIXED)], ids=["equal", "ragged"])
def test_seen_features_have_mean_zero_and_deviation_one(X):
    seen = measure(X).apply(sequences_of(X)).steps
    assert seen.shape[1] == 4  # two features, and two differences of the walk
    assert_allclose(seen.mean(axis=0), 0, atol=1e-5)
    assert_allclose(seen.std(axis=0), 1, rtol=1e-5)


def test_changes_are_those_within_a_sequence():
    steps = np.array([[1.0], [3.0], [8.0], [7.0], [7.5]])  # the second sequence begins at 7
    changes = append_changes(steps, (0,), np.array([0, 3]))[:, 1:]
    assert_array_equal(changes, [[0, 0], [2, 2], [5, 3], [0, 0], [0.5, 0.5]])


def test_auto_finds_the_features_that_a_step_changes_little():
    assert measure(MIXED).slow == (0,)
    assert measure(MIXED, differences=True).slow == (0, 1)
    assert measure(MIXED, differences=False).slow == ()
    constant = np.zeros_like(WALK)
    assert measure(np.concatenate([constant, WALK], axis=2)).slow == (1,)
    assert measure(RNG.normal(size=(9, 1, 2))).slow == ()  # one time step has no change


def test_a_constant_feature_is_zero():
    X = np.full((5, 4, 1), 0.1, np.float32)
    seen = measure(X).apply(sequences_of(X)).steps
    assert_allclose(seen, 0, atol=1e-6)


def test_a_small_change_of_a_large_value_is_seen():
    X = (101_325 + 0.05 * RNG.normal(size=(20, 30, 1))).astype(np.float32)
    seen = measure(X).apply(sequences_of(X)).steps
    assert_allclose(seen.std(), 1, rtol=0.1)


def test_a_weight_of_two_is_a_sample_twice():
    weights = 1 + LABELS
    twice = np.repeat(MIXED, weights, axis=0)
    once = measure(MIXED, weights)
    assert_allclose(once.mean, measure(twice).mean, rtol=1e-4, atol=1e-5)
    assert_allclose(once.scale, measure(twice).scale, rtol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_not_measured(side):
    padded = nan_padded(ragged(MIXED), 70, side)
    form = LSTMClassifier(**TINY).fit(padded, LABELS)
    same = LSTMClassifier(**TINY).fit(ragged(MIXED), LABELS)
    assert form._seen.slow == same._seen.slow == (0,)
    assert_array_equal(form._seen.mean, same._seen.mean)
    assert_array_equal(form.predict_proba(padded), same.predict_proba(ragged(MIXED)))
    alone = np.concatenate([same.predict_proba(padded[i : i + 1]) for i in range(4)])
    assert_allclose(alone, same.predict_proba(ragged(MIXED)[:4]), rtol=1e-5)


def test_units_of_measurement_do_not_matter():
    """Metres or feet, with any zero: the fit is the same but for rounding."""
    plain = LSTMClassifier(**TINY).fit(MIXED, LABELS)
    other = 3.28 * MIXED - [50, 1000]
    moved = LSTMClassifier(**TINY).fit(other, LABELS)
    assert_allclose(moved.predict_proba(other), plain.predict_proba(MIXED), atol=1e-3)


def test_raw_sensors_are_learnt():
    """Offsets and units of raw data hid from the network what it can learn in no time."""
    X = np.array([400, 0.01]) + RNG.normal(size=(200, 8, 2)) * [50, 1e-4]
    y = X[:, :, 1].mean(axis=1) > 0.01
    options = {"units": 8, "epochs": 30, "random_state": 0}
    assert LSTMClassifier(**options).fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.85
    blind = LSTMClassifier(**options, standardize=False).fit(X[:150], y[:150])
    assert blind.score(X[150:], y[150:]) < 0.75


@pytest.mark.parametrize("X", [MIXED, ragged(MIXED)], ids=["equal", "ragged"])
@pytest.mark.parametrize(
    "options",
    [
        {"bidirectional": True},
        {"units": (4, 3), "pooling": "last"},
        {"units": (), "pooling": "mean"},
        {"units": (), "pooling": "concat"},
        {"standardize": False, "differences": True},
    ],
)
def test_models_for_users_take_x_as_it_is(options, X):
    X = [np.float32(x) for x in X]
    network = LSTMRegressor(**TINY | options).fit(X, 10 + 3 * RNG.normal(size=24))
    padded = nan_padded(X, 60).astype("f")
    predicted = network.predict(X)[:, np.newaxis]
    assert_allclose(network.to_keras()(padded), predicted, rtol=1e-4)
    session = onnxruntime.InferenceSession(network.to_onnx().SerializeToString())
    lengths = np.array([len(x) for x in X], np.int32)
    feeds = {"values": np.nan_to_num(padded), "lengths": lengths}
    assert_allclose(session.run(None, feeds)[0], predicted, rtol=1e-4)


def test_differences_may_be_a_boolean_of_numpy():
    assert measure(WALK, differences=np.True_).slow == (0,)
    assert measure(WALK, differences=np.False_).slow == ()


def test_a_fit_that_goes_on_sees_what_it_saw_first():
    network = LSTMClassifier(**TINY, warm_start=True).fit(MIXED, LABELS)
    seen = network._seen
    assert network.fit(2 * MIXED, LABELS)._seen is seen
    parts = LSTMClassifier(**TINY).partial_fit(MIXED, LABELS, classes=[0, 1])
    seen = parts._seen
    assert parts.partial_fit(2 * MIXED, LABELS)._seen is seen


def test_x_as_it_is():
    network = LSTMClassifier(**TINY, standardize=False, differences=False).fit(MIXED, LABELS)
    assert network._seen is None
    assert network._runtime.spec.n_features == 2
