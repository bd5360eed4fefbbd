"""What the network sees of X: features on one scale, and the changes of slow ones."""

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._sequences import Sequences
from sklstm.input import hold_out
from sklstm.network.scaling import InputScaling, deltas
from tasks import TINY, assert_same_weights, nan_padded, ragged

RNG = np.random.default_rng(0)
WALK = np.cumsum(RNG.normal(size=(24, 60, 1)), axis=1)  # slow: a step changes it little
MIXED = np.concatenate([WALK, 400 + 100 * RNG.normal(size=(24, 60, 1))], axis=2)
LABELS = np.arange(24) % 2


def sequences_of(X):
    lengths = np.array([len(x) for x in X])
    return Sequences(np.concatenate(X), np.cumsum(lengths) - lengths, lengths)


def measure(X, weights=None, standardize=True, differences="auto"):
    weights = np.ones(len(X)) if weights is None else weights
    return InputScaling.fit(
        sequences_of(X), weights, standardize=standardize, differences=differences
    )


@pytest.mark.parametrize("X", [MIXED, ragged(MIXED)], ids=["equal", "ragged"])
def test_scaled_features_have_mean_zero_and_deviation_one(X):
    seen = measure(X).transform(sequences_of(X)).steps
    assert seen.shape[1] == 4  # two features, and two differences of the walk
    assert_allclose(seen.mean(axis=0), 0, atol=1e-5)
    assert_allclose(seen.std(axis=0), 1, rtol=1e-5)


def test_changes_are_those_within_a_sequence():
    sequences = sequences_of([np.array([[1.0], [3.0], [8.0]]), np.array([[7.0], [7.5]])])
    assert_array_equal(deltas(sequences, (0,)), [[0, 0], [2, 2], [5, 3], [0, 0], [0.5, 0.5]])


def test_auto_finds_the_features_that_a_step_changes_little():
    assert measure(MIXED).deltas_of == (0,)
    assert measure(MIXED, differences=True).deltas_of == (0, 1)
    assert measure(MIXED, differences=False).deltas_of == ()
    constant = np.zeros_like(WALK)
    assert measure(np.concatenate([constant, WALK], axis=2)).deltas_of == (1,)
    assert measure(RNG.normal(size=(9, 1, 2))).deltas_of == ()  # one time step has no change


def test_a_constant_feature_is_zero():
    X = np.full((5, 4, 1), 0.1, np.float32)
    seen = measure(X).transform(sequences_of(X)).steps
    assert_allclose(seen, 0, atol=1e-6)


def test_a_small_change_of_a_large_value_is_seen():
    X = (101_325 + 0.05 * RNG.normal(size=(20, 30, 1))).astype(np.float32)
    seen = measure(X).transform(sequences_of(X)).steps
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
    assert (
        form._fitted_state.data.input_scaling.deltas_of
        == same._fitted_state.data.input_scaling.deltas_of
        == (0,)
    )
    assert_array_equal(
        form._fitted_state.data.input_scaling.mean, same._fitted_state.data.input_scaling.mean
    )
    assert_array_equal(form.predict_proba(padded), same.predict_proba(ragged(MIXED)))
    alone = np.concatenate([same.predict_proba(padded[i : i + 1]) for i in range(4)])
    assert_allclose(alone, same.predict_proba(ragged(MIXED)[:4]), rtol=1e-5)


def test_units_of_measurement_do_not_matter():
    """Metres or feet, with any zero: the fit is the same but for rounding."""
    plain = LSTMClassifier(**TINY).fit(MIXED, LABELS)
    other = 3.28 * MIXED - [50, 1000]
    moved = LSTMClassifier(**TINY).fit(other, LABELS)
    assert_allclose(moved.predict_proba(other), plain.predict_proba(MIXED), atol=1e-3)


@pytest.mark.slow
def test_raw_sensors_are_learnt():
    """Offsets and units of raw data hid from the network what it can learn in no time."""
    X = np.array([400, 0.01]) + RNG.normal(size=(200, 8, 2)) * [50, 1e-4]
    y = X[:, :, 1].mean(axis=1) > 0.01
    options = {"units": 8, "epochs": 30, "random_state": 0}
    assert LSTMClassifier(**options).fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.85
    blind = LSTMClassifier(**options, standardize=False).fit(X[:150], y[:150])
    assert blind.score(X[150:], y[150:]) < 0.75


@pytest.mark.slow
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
def test_models_for_users_take_x_as_it_is(options, X, untrained):
    X = [np.float32(x) for x in X]
    network = LSTMRegressor(**TINY | options).fit(X, 10 + 3 * RNG.normal(size=24))
    padded = nan_padded(X, 60)
    predicted = network.predict(X)[:, np.newaxis]
    assert_allclose(network.to_keras()(padded), predicted, rtol=1e-4)
    session = onnxruntime.InferenceSession(network.to_onnx().SerializeToString())
    lengths = np.array([len(x) for x in X], np.int32)
    feeds = {"values": np.nan_to_num(padded), "lengths": lengths}
    assert_allclose(session.run(None, feeds)[0], predicted, rtol=1e-4)


def test_differences_may_be_a_boolean_of_numpy():
    assert measure(WALK, differences=np.True_).deltas_of == (0,)
    assert measure(WALK, differences=np.False_).deltas_of == ()


def test_a_fit_that_goes_on_sees_what_it_saw_first():
    network = LSTMClassifier(**TINY, warm_start=True).fit(MIXED, LABELS)
    seen = network._fitted_state.data.input_scaling
    assert network.fit(2 * MIXED, LABELS)._fitted_state.data.input_scaling is seen
    parts = LSTMClassifier(**TINY).partial_fit(MIXED, LABELS, classes=[0, 1])
    seen = parts._fitted_state.data.input_scaling
    assert parts.partial_fit(2 * MIXED, LABELS)._fitted_state.data.input_scaling is seen


def test_x_as_it_is():
    network = LSTMClassifier(**TINY, standardize=False, differences=False).fit(MIXED, LABELS)
    assert_array_equal(network._fitted_state.data.input_scaling.mean, [0, 0])
    assert_array_equal(network._fitted_state.data.input_scaling.scale, [1, 1])
    assert network._fitted_state.network.spec.n_features == 2


# --- large, small and far from zero ---


FORMS = {
    "array": lambda X: X,
    "list": list,
    "ragged": ragged,
    "padded": lambda X: nan_padded(ragged(X), X.shape[1]),
}


@pytest.fixture(scope="module")
def first_step():
    """Return sequences whose label is the sign of the first time step."""
    X = np.random.default_rng(0).normal(size=(160, 6, 1))
    return X, (X[:, 0, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def learner(first_step):
    X, y = first_step
    return LSTMClassifier(8, epochs=30, learning_rate=0.02, random_state=0).fit(X[:100], y[:100])


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "move", [lambda X: X + 1e8, lambda X: X * 1e-300, lambda X: 1e200 * X - 1e201]
)
def test_numbers_of_any_size_are_learnt(first_step, learner, move, form):
    X, y = first_step
    moved = move(X)
    other = LSTMClassifier(**learner.get_params()).fit(FORMS[form](moved[:100]), y[:100])
    assert other.score(FORMS[form](moved[100:]), y[100:]) > 0.9
    if form == "array":  # the same network, but for what the move has rounded
        assert_allclose(other.predict_proba(moved), learner.predict_proba(X), atol=1e-3)


@pytest.mark.slow
def test_a_table_of_large_numbers_is_learnt(first_step, learner):
    X, y = first_step
    table = X[:, :, 0] + 1e8
    other = LSTMClassifier(**learner.get_params()).fit(table[:100], y[:100])
    assert other.score(table[100:], y[100:]) > 0.9


@pytest.mark.slow
def test_validation_sets_are_scaled_in_full_precision(first_step, learner):
    X, y = first_step
    histories = [
        LSTMClassifier(**learner.get_params() | {"epochs": 3})
        .fit(X[:100] + mean, y[:100], X_val=X[100:] + mean, y_val=y[100:])
        .history_["val_loss"]
        for mean in (0, 1e8)
    ]
    assert_allclose(*histories, rtol=1e-4)


@pytest.mark.slow
def test_unix_times_are_numbers_like_others():
    start, minutes = 1.7e9, np.arange(50)[:, np.newaxis] * 60.0
    X = start + minutes + np.arange(8) * 60.0
    y = X[:, -1] - start
    network = LSTMRegressor(8, epochs=40, random_state=0).fit(X[:, :, np.newaxis], y)
    assert network.score(X[:, :, np.newaxis], y) > 0.95
    assert len(np.unique(network._sequences(X[:, :, np.newaxis]).steps[:, 0])) == 57


def test_deltas_of_large_numbers_are_exact():
    X = 1e12 + np.cumsum(RNG.normal(size=(20, 30, 1)), axis=1)
    far, near = (
        measure(x, differences=True).transform(sequences_of(x)).steps for x in (X, X - 1e12)
    )
    assert far.shape[1] == 3
    assert_allclose(far, near, atol=5e-4)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint16, np.int64, bool])
def test_numbers_of_every_type_are_scaled_alike(dtype):
    X = (10 * RNG.random((6, 5, 2))).astype(dtype)
    as_float = measure(X.astype(float)).transform(sequences_of(X.astype(float))).steps
    assert_array_equal(measure(X).transform(sequences_of(X)).steps, as_float)


def test_blocks_do_not_change_what_is_measured(monkeypatch):
    whole = measure(ragged(MIXED)), measure(ragged(MIXED)).transform(sequences_of(ragged(MIXED)))
    monkeypatch.setattr("sklstm.network.scaling.NUMBERS_PER_BLOCK", 250)
    parts = measure(ragged(MIXED)), measure(ragged(MIXED)).transform(sequences_of(ragged(MIXED)))
    assert_allclose(parts[0].mean, whole[0].mean, rtol=1e-12, atol=1e-12)
    assert_allclose(parts[0].scale, whole[0].scale, rtol=1e-12)
    assert_allclose(parts[1].steps, whole[1].steps, rtol=1e-5, atol=1e-6)


def test_batches_scaled_one_by_one_are_those_scaled_at_once(monkeypatch):
    once = LSTMClassifier(**TINY).fit(ragged(MIXED), LABELS)
    monkeypatch.setattr("sklstm._fit_data.NUMBERS_SCALED_AT_ONCE", 0)
    each = LSTMClassifier(**TINY).fit(ragged(MIXED), LABELS)
    assert_same_weights(once, each)


def test_what_float32_cannot_hold_is_named():
    X = np.ones((6, 4, 2))
    X[4, 2, 1] = 1e39
    place = "1e\\+39 in feature 1 of sample 4 at time step 2: a value too large"
    options = TINY | {"standardize": False, "differences": False}
    with pytest.raises(ValueError, match=place):
        LSTMClassifier(**options).fit(X, LABELS[:6], sample_weight=[0, 1, 0, 1, 1, 1])
    fine = LSTMClassifier(**options).fit(X[:4], LABELS[:4])
    with pytest.raises(ValueError, match=place):
        fine.predict(X)
    with pytest.raises(ValueError, match="Input X_val contains " + place):
        fine.fit(X[:4], LABELS[:4], X_val=X, y_val=LABELS[:6])
    with pytest.raises(ValueError, match="Feature 1 of X spreads over more than float64"):
        LSTMClassifier(**TINY).fit(np.where(X > 1, 1.7e308, -1.7e308), LABELS[:6])


# --- models for users ---


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "spread"), [(1e4, 0.5), (1e5, 0.05), (1.7e9, 1.0)])
@pytest.mark.parametrize("form", ["array", "padded"])
def test_models_for_users_see_small_changes_of_large_numbers(mean, spread, form):
    X = mean + spread * RNG.normal(size=(24, 6, 1))
    network = LSTMClassifier(6, epochs=20, learning_rate=0.03, random_state=0).fit(
        FORMS[form](X), LABELS
    )
    seen = FORMS[form](X)
    predicted = network.predict_proba(seen)
    assert predicted.std() > 0.05
    model = network.to_keras()
    assert_allclose(model(seen), predicted, atol=1e-5)
    assert_allclose(model.predict(seen, verbose=0), predicted, atol=1e-5)
    session = onnxruntime.InferenceSession(network.to_onnx().SerializeToString())
    lengths = (~np.isnan(seen[:, :, 0])).sum(axis=1).astype(np.int32)
    feeds = {"values": np.nan_to_num(seen), "lengths": lengths}
    assert_allclose(session.run(None, feeds)[0], predicted, atol=1e-5)


@pytest.mark.slow
def test_models_for_users_predict_small_changes_of_a_large_y(tmp_path):
    import keras

    X = RNG.normal(size=(24, 6, 1))
    y = 1.7e9 + X[:, 0, 0]
    network = LSTMRegressor(6, epochs=20, random_state=0).fit(X, y)
    predicted = network.predict(X)[:, np.newaxis] - 1.7e9
    model = network.to_keras()
    assert_allclose(np.asarray(model(X)) - 1.7e9, predicted, atol=1e-5)
    session = onnxruntime.InferenceSession(network.to_onnx().SerializeToString())
    lengths = np.full(24, 6, np.int32)
    outputs = session.run(None, {"values": X, "lengths": lengths})[0]
    assert_allclose(outputs - 1.7e9, predicted, atol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(again.predict(X, verbose=0) - 1.7e9, predicted, atol=1e-5)


# --- what is held out is not measured ---


@pytest.mark.parametrize(
    ("estimator", "targets"),
    [
        (LSTMClassifier(**TINY, class_weight="balanced"), LABELS),
        (LSTMRegressor(**TINY), 1e3 * RNG.normal(size=24) ** 3),
    ],
    ids=["classifier", "regressor"],
)
def test_a_fit_that_holds_rows_out_is_one_with_these_as_a_validation_set(
    monkeypatch, estimator, targets
):

    chosen = []

    def split(*arguments, **options):
        chosen[:] = train_test_split(*arguments, **options)
        return chosen

    monkeypatch.setattr(hold_out, "train_test_split", split)
    X = MIXED * (1 + np.arange(24)[:, np.newaxis, np.newaxis])  # every row has a scale of its own
    held = clone(estimator).set_params(validation_fraction=0.25).fit(X, targets)
    rows, out = (np.sort(part) for part in chosen)
    given = clone(estimator).fit(X[rows], targets[rows], X_val=X[out], y_val=targets[out])
    assert len(out) == 6
    assert held.history_ == given.history_
    assert_same_weights(held, given)
    assert_array_equal(held.predict(X), given.predict(X))
