"""How training goes: weights, seeds, validation, callbacks, interruption, going on."""

import copy
import os
import pickle
import random
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.utils.class_weight import compute_class_weight

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm._parameters import OPTIMIZERS
from tasks import ENVIRONMENT, first_step_task, ragged
from tasks import TINY as TINY_BY_DEFAULT

# A fit that goes on is one longer fit only where the rate does not fall towards its end.
TINY = TINY_BY_DEFAULT | {"learning_rate_schedule": "constant"}
X, y = first_step_task()
NUMBERS = 1000 + 50 * X[:, 0, 0]
FULL_BATCH = {**TINY, "batch_size": 24, "epochs": 5}
AS_IT_IS = {"standardize": False, "differences": False}
BIG = {"units": (4, 3), "bidirectional": True, "dense_units": 3, "dropout": 0.2}
VALIDATED = {**TINY, "validation_fraction": 0.25}
both = pytest.mark.parametrize(
    ("estimator", "targets"),
    [(LSTMClassifier(**TINY), y), (LSTMRegressor(**TINY), NUMBERS)],
    ids=["classifier", "regressor"],
)


def outputs(fitted, X=X):
    return fitted.predict_proba(X) if hasattr(fitted, "predict_proba") else fitted.predict(X)


def weights_of(fitted):
    return np.concatenate([weight.ravel() for weight in fitted._runtime.weights])


# --- weights of samples ---


@pytest.mark.parametrize(
    ("estimator", "targets", "sequences"),
    [
        (LSTMClassifier(**FULL_BATCH), y, X),
        (LSTMClassifier(**FULL_BATCH), y, ragged(X)),
        (LSTMClassifier(**FULL_BATCH, class_weight={0: 3, 1: 0.5}), y, X),
        (LSTMClassifier(**FULL_BATCH, class_weight="balanced"), np.arange(24) % 3 // 2, X),
        (LSTMClassifier(**FULL_BATCH), np.c_[y, 1 - y, X[:, 1, 0] > 0], X),
        (LSTMRegressor(**FULL_BATCH), NUMBERS, X),
        (LSTMRegressor(**FULL_BATCH, loss="huber"), np.c_[NUMBERS, -NUMBERS], X),
        (LSTMRegressor(**FULL_BATCH, loss="poisson"), np.abs(X[:, 0, 0]), X),
    ],
    ids=["labels", "list", "class weights", "balanced", "multilabel", "numbers", "two", "poisson"],
)
def test_weighted_is_repeated(estimator, targets, sequences):
    counts = np.ones(24, int)
    counts[[0, 1, 2, 3, 5, 8, 13]] = 0, 3, 2, 0, 2, 0, 0
    rows = np.repeat(np.arange(24), counts)
    weighted = clone(estimator).fit(sequences, targets, sample_weight=counts)
    repeated = clone(estimator).fit([sequences[i] for i in rows], targets[rows])
    np.testing.assert_allclose(outputs(weighted), outputs(repeated), rtol=1e-4)
    np.testing.assert_allclose(
        weighted.history_["loss"], repeated.history_["loss"], rtol=1e-4, atol=1e-6
    )
    assert not np.allclose(outputs(weighted), outputs(clone(estimator).fit(sequences, targets)))


@both
def test_weight_zero_is_a_removed_row(estimator, targets):
    kept = np.arange(24) > 4
    estimator = estimator.set_params(batch_size=8)
    weighted = clone(estimator).fit(X, targets, sample_weight=kept.astype(float))
    removed = clone(estimator).fit(X[kept], targets[kept])
    np.testing.assert_array_equal(outputs(weighted), outputs(removed))


@both
def test_the_scale_of_weights_does_not_matter(estimator, targets):
    halves = clone(estimator).fit(X, targets, np.full(24, 0.5))
    np.testing.assert_allclose(
        outputs(halves), outputs(clone(estimator).fit(X, targets)), rtol=1e-4
    )


def test_class_weight_is_a_weight_of_samples():
    labels = np.where(np.arange(24) % 3, "often", "rarely")
    classes = np.unique(labels)
    balanced = compute_class_weight("balanced", classes=classes, y=labels)
    by_class = dict(zip(classes, balanced, strict=True))
    expected = LSTMClassifier(**TINY).fit(X, labels, [by_class[label] for label in labels])
    for class_weight in ("balanced", by_class):
        actual = LSTMClassifier(**TINY, class_weight=class_weight).fit(X, labels)
        np.testing.assert_array_equal(outputs(actual), outputs(expected))


def test_a_validation_set_is_weighed_as_the_training_set_is():
    labels, of_validation = np.arange(24) % 3 // 2, np.arange(24) % 5 // 4
    by_class = dict(enumerate(compute_class_weight("balanced", classes=np.array([0, 1]), y=labels)))
    expected, actual = (
        LSTMClassifier(**TINY, class_weight=class_weight).fit(
            X, labels, X_val=X, y_val=of_validation
        )
        for class_weight in (by_class, "balanced")
    )
    assert actual.history_ == expected.history_


def test_samples_of_a_class_of_weight_zero_are_as_good_as_absent():
    labels = np.arange(24) % 3
    counts = labels != 1
    weighed = LSTMClassifier(**TINY, class_weight={1: 0})
    weighed.partial_fit(X, labels, classes=[0, 1, 2])
    absent = LSTMClassifier(**TINY).partial_fit(X[counts], labels[counts], classes=[0, 1, 2])
    np.testing.assert_array_equal(weights_of(weighed), weights_of(absent))
    with pytest.raises(ValueError, match="is 0 for every class"):
        LSTMClassifier(**TINY, class_weight={0: 0, 1: 0, 2: 0}).fit(X, labels)


def test_the_weighted_loss_is_a_weighted_mean():
    weights = np.random.default_rng(0).uniform(0.1, 5, 24)
    still = {**FULL_BATCH, "epochs": 1, "learning_rate": 1e-12}
    classifier = LSTMClassifier(**still).fit(X, y, weights)
    losses = -np.log(classifier.predict_proba(X)[np.arange(24), y])
    np.testing.assert_allclose(
        classifier.history_["loss"][0], np.average(losses, weights=weights), rtol=1e-5
    )
    in_small_batches = LSTMClassifier(**{**still, "batch_size": 7}).fit(X, y, weights)
    np.testing.assert_allclose(
        in_small_batches.history_["loss"], classifier.history_["loss"], rtol=1e-5
    )
    assert classifier.history_["accuracy"][0] == pytest.approx(
        np.average(classifier.predict(X) == y, weights=weights), rel=1e-5
    )


# --- fits that fail ---

THREE = np.arange(24) % 3
FAILING = {
    "is empty": {"X": np.full((24, 5, 1), np.nan)},
    "inconsistent numbers of samples": {"y": THREE[:5]},
    "sample_weight is -1.0": {"sample_weight": -np.ones(24)},
    "features": {"X_val": X, "y_val": THREE},
    "y_val is None": {"X_val": X[:, :, :1]},
}


def fail(epoch, logs):
    raise RuntimeError("not saved")


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
    "params",
    [{}, {"dropout": 0.3, "validation_fraction": 0.25}, BIG],
    ids=["plain", "dropout and validation", "big"],
)
def test_a_seed_gives_the_same_numbers_to_the_last_bit(params):
    estimator = LSTMClassifier(**TINY | params)
    first = weights_of(clone(estimator).fit(X, y))
    LSTMClassifier(**TINY | params | {"learning_rate": 0.1, "random_state": 7}).fit(X, y)
    LSTMClassifier(**TINY | params | {"epochs": 3}).fit(X[:20], y[:20])
    again = clone(estimator)
    np.testing.assert_array_equal(weights_of(again.fit(X, y)), first)
    np.testing.assert_array_equal(weights_of(again.fit(X, y)), first)
    other = clone(estimator).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(weights_of(other), first)


IN_A_FRESH_PROCESS = """
import sys
from tasks import TINY, first_step_task
from sklstm import LSTMClassifier
params = TINY | {"learning_rate_schedule": "constant", "dropout": 0.3}
fitted = LSTMClassifier(**params, validation_fraction=0.25).fit(*first_step_task())
print("".join(weight.tobytes().hex() for weight in fitted._runtime.weights))
"""


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_numbers_to_the_last_bit():
    fitted = LSTMClassifier(**TINY, dropout=0.3, validation_fraction=0.25).fit(X, y)
    here = "".join(weight.tobytes().hex() for weight in fitted._runtime.weights)
    there = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_PROCESS],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_a_random_state_is_advanced():
    rng = np.random.RandomState(0)
    estimator = LSTMClassifier(**TINY | {"random_state": rng})
    first, second = weights_of(estimator.fit(X, y)), weights_of(estimator.fit(X, y))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, weights_of(LSTMClassifier(**TINY).fit(X, y)))
    assert rng.randint(2**31) != np.random.RandomState(0).randint(2**31)


def test_without_a_seed_two_fits_differ():
    estimator = LSTMClassifier(**TINY | {"random_state": None})
    np.random.seed(0)
    random.seed(0)
    first = weights_of(estimator.fit(X, y))
    np.random.seed(0)
    random.seed(0)
    assert not np.array_equal(weights_of(estimator.fit(X, y)), first)


@pytest.mark.parametrize(("random_state", "units"), [(None, (6, 5)), (0, (5, 6))])
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


# --- validation and early stopping ---


def test_early_stopping_restores_the_best_weights():
    estimator = LSTMClassifier(
        **TINY | {"epochs": 40, "learning_rate": 0.1}, early_stopping=True, n_iter_no_change=3
    )
    val = first_step_task(seed=1)
    estimator.fit(X, y, X_val=val[0], y_val=val[1])
    losses = np.array(estimator.history_["val_loss"])
    assert estimator.n_iter_ == len(losses) == losses.argmin() + 1 + 3 < 40
    restored = -np.log(estimator.predict_proba(val[0])[np.arange(24), val[1]]).mean()
    assert restored == pytest.approx(losses.min(), rel=1e-4)
    assert estimator.history_["val_accuracy"][losses.argmin()] == pytest.approx(
        estimator.score(*val)
    )


def test_the_best_weights_come_back_although_the_epochs_ran_out():
    params = TINY | {"epochs": 12, "learning_rate": 1.0}
    estimator = LSTMRegressor(**params, early_stopping=True, n_iter_no_change=12)
    val = first_step_task(seed=1)[0]
    estimator.fit(X, X[:, 0, 0], X_val=val, y_val=val[:, 0, 0])
    losses = np.array(estimator.history_["val_loss"])
    assert losses.argmin() < len(losses) - 1
    restored = np.mean((estimator.predict(val) - val[:, 0, 0]) ** 2) / np.var(X[:, 0, 0])
    assert restored == pytest.approx(losses.min(), rel=1e-4)


@both
def test_a_validation_fraction_records_val_losses_without_early_stopping(estimator, targets):
    fitted = clone(estimator).set_params(validation_fraction=0.25).fit(X, targets)
    assert {"loss", "val_loss"} <= set(fitted.history_)
    assert {len(values) for values in fitted.history_.values()} == {2}
    assert fitted.n_iter_ == 2
    assert set(clone(estimator).fit(X, targets).history_) & {"val_loss", "val_accuracy"} == set()


def test_early_stopping_holds_out_a_tenth_by_itself():
    fitted = LSTMClassifier(**TINY, early_stopping=True).fit(X, y)
    assert "val_loss" in fitted.history_


def test_own_validation_data_replace_the_held_out_part():
    fitted = LSTMClassifier(**VALIDATED).fit(X, y, X_val=X[:8], y_val=y[:8])
    np.testing.assert_array_equal(outputs(fitted), outputs(LSTMClassifier(**TINY).fit(X, y)))
    assert fitted.history_["val_accuracy"][-1] == pytest.approx(fitted.score(X[:8], y[:8]))


def test_validation_data_may_have_another_form_and_length():
    val = ragged(np.concatenate([X, X], axis=1))
    fitted = LSTMClassifier(**TINY).fit(X, y, X_val=val, y_val=y)
    restored = -np.log(fitted.predict_proba(val)[np.arange(24), y]).mean()
    assert fitted.history_["val_loss"][-1] == pytest.approx(restored, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_held_out_part_is_stratified(seed):
    """Found in the loss of a network that stands still: a mean over the held-out labels."""
    labels = np.where(np.arange(24) < 4, "rare", "common")
    same = np.ones((24, 5, 2))
    still = VALIDATED | {"learning_rate": 1e-12, "epochs": 1, "random_state": seed}
    fitted = LSTMClassifier(**still).fit(same, labels)
    common, rare = -np.log(fitted.predict_proba(same[:1])[0])
    assert fitted.history_["val_loss"][0] == pytest.approx(rare / 6 + common * 5 / 6, rel=1e-5)


# --- going on ---


@both
def test_warm_start_goes_on(estimator, targets):
    estimator = clone(estimator).set_params(warm_start=True, learning_rate=0.01)
    estimator.fit(X, targets)
    first = estimator.history_["loss"]
    estimator.fit(X, targets)
    assert estimator.history_["loss"][:2] == first
    assert estimator.history_["loss"][2] < first[1]
    assert estimator.n_iter_ == len(estimator.history_["loss"]) == 4


@both
def test_warm_start_twice_is_one_longer_fit(estimator, targets):
    """With the whole batch, whose order does not matter: the optimizer's state goes on too."""
    estimator = clone(estimator).set_params(batch_size=24, warm_start=True)
    twice = clone(estimator).fit(X, targets).fit(X, targets)
    once = clone(estimator).set_params(epochs=4).fit(X, targets)
    np.testing.assert_allclose(outputs(twice), outputs(once), rtol=1e-4)
    np.testing.assert_allclose(twice.history_["loss"], once.history_["loss"], rtol=1e-4)


@both
def test_without_warm_start_fit_begins_anew(estimator, targets):
    fitted = clone(estimator).fit(X, targets)
    first = fitted.history_
    assert fitted.fit(X, targets).history_ == first
    assert fitted.n_iter_ == 2


@both
def test_warm_start_takes_other_lengths_and_survives_a_pickle(estimator, targets):
    estimator = clone(estimator).set_params(warm_start=True).fit(X, targets)
    estimator = pickle.loads(pickle.dumps(estimator)).fit(ragged(X), targets)
    assert estimator.n_iter_ == 4


@pytest.mark.parametrize(
    "params",
    [
        {"units": 5},
        {"units": (4, 4)},
        {"bidirectional": True},
        {"dense_units": 3},
        {"pooling": "mean"},
    ],
    ids=str,
)
def test_warm_start_with_another_shape_is_an_error(params):
    estimator = LSTMClassifier(**TINY, warm_start=True).fit(X, y)
    with pytest.raises(
        ValueError,
        match="This fit goes on with the fitted weights, but the network has changed since: ",
    ):
        estimator.set_params(**params).fit(X, y)


def test_warm_start_with_other_features_is_an_error():
    estimator = LSTMClassifier(**TINY, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"X has 1 features per time step, but .* expecting 2"):
        estimator.fit(X[:, :, :1], y)


def test_warm_start_with_another_optimizer_begins_its_state_anew():
    estimator = LSTMClassifier(**TINY, warm_start=True).fit(X, y)
    estimator.set_params(optimizer="sgd", learning_rate=0.1).fit(X, y)
    assert estimator.n_iter_ == 4
    estimator.set_params(optimizer="adamax", dropout=0.1).fit(X, y)
    assert estimator.n_iter_ == 6


@both
def test_three_partial_fits_are_three_epochs(estimator, targets):
    estimator = clone(estimator).set_params(batch_size=24)
    first = (X, targets, [0, 1]) if isinstance(estimator, LSTMClassifier) else (X, targets)
    thrice = clone(estimator).partial_fit(*first)
    thrice.partial_fit(X, targets).partial_fit(X, targets)
    once = clone(estimator).set_params(epochs=3).fit(X, targets)
    np.testing.assert_allclose(outputs(thrice), outputs(once), rtol=1e-4)
    np.testing.assert_allclose(thrice.history_["loss"], once.history_["loss"], rtol=1e-4)
    assert thrice.n_iter_ == 3


def test_partial_fit_takes_batches_without_some_classes():
    estimator = LSTMClassifier(**TINY)
    estimator.partial_fit(X[:8], ["b"] * 8, classes=["c", "a", "b"])
    estimator.partial_fit(X[8:], ["a"] * 16)
    assert estimator.classes_.tolist() == ["a", "b", "c"]
    assert estimator.predict_proba(X).shape == (24, 3)


def test_partial_fit_weighs_batches_without_some_classes():
    weights = {"a": 2, "c": 5}
    estimator = LSTMClassifier(**TINY, class_weight=weights)
    estimator.partial_fit(X[:8], ["b"] * 8, classes=["c", "a", "b"])
    by_hand = LSTMClassifier(**TINY).partial_fit(X[:8], ["b"] * 8, classes=["c", "a", "b"])
    labels = np.array(["a", "b"] * 8)
    estimator.partial_fit(X[8:], labels)
    by_hand.partial_fit(X[8:], labels, sample_weight=[weights.get(label, 1) for label in labels])
    np.testing.assert_array_equal(weights_of(estimator), weights_of(by_hand))


def test_a_partial_fit_that_fails_draws_nothing():
    whole = LSTMClassifier(**TINY).partial_fit(X, y, classes=[0, 1]).partial_fit(X, y)
    failing = LSTMClassifier(**TINY).partial_fit(X, y, classes=[0, 1])

    with pytest.raises(RuntimeError, match="not saved"):
        failing.set_params(callbacks=[fail]).partial_fit(X, y)
    failing.set_params(callbacks=None).partial_fit(X, y)
    np.testing.assert_array_equal(weights_of(failing), weights_of(whole))


def test_history_has_every_epoch_of_fits_with_and_without_validation():
    estimator = LSTMClassifier(**TINY, warm_start=True).fit(X, y)
    estimator.fit(X, y, X_val=X, y_val=y)
    first, last = np.split(np.array(estimator.history_["val_loss"]), [2])
    assert np.isnan(first).all()
    assert np.isfinite(last).all()
    estimator.partial_fit(X, y)
    assert {len(values) for values in estimator.history_.values()} == {estimator.n_iter_} == {5}


def test_partial_fit_freezes_the_statistics_of_y():
    estimator = LSTMRegressor(**TINY).partial_fit(X, NUMBERS)
    kept = estimator._y_mean.copy(), estimator._y_scale.copy()
    estimator.partial_fit(X, NUMBERS + 500)
    np.testing.assert_array_equal((estimator._y_mean, estimator._y_scale), kept)


def test_partial_fit_goes_on_after_fit():
    estimator = LSTMClassifier(**TINY).fit(X, y).partial_fit(X, y)
    assert estimator.n_iter_ == 3


# --- callbacks ---


def test_functions_hear_each_epoch():
    heard = []
    fitted = LSTMClassifier(
        **VALIDATED, callbacks=[lambda epoch, logs: heard.append((epoch, logs))]
    )
    fitted.fit(X, y)
    assert [epoch for epoch, _ in heard] == [0, 1]
    assert [logs["val_loss"] for _, logs in heard] == fitted.history_["val_loss"]


def test_model_checkpoint_writes_a_model_that_loads(tmp_path):
    import keras

    path = tmp_path / "{epoch}.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(str(path), monitor="loss")
    for form, params in ((X, {}), (ragged(X), BIG)):
        params = TINY | AS_IT_IS | params
        fitted = LSTMClassifier(**params, callbacks=[checkpoint]).fit(form, y)
        model = keras.models.load_model(tmp_path / "2.keras")
        lengths = np.array([len(x) for x in form], "int32")
        values = X.astype("f")
        inputs = values if form is X else [values, lengths]
        np.testing.assert_allclose(model(inputs), fitted.predict_proba(form), rtol=1e-4)


def test_model_checkpoint_keeps_the_best_epoch(tmp_path):
    import keras

    path = tmp_path / "best.keras"
    best = keras.callbacks.ModelCheckpoint(str(path), save_best_only=True, monitor="val_loss")
    val_X, val_y = first_step_task(seed=1)
    params = TINY | AS_IT_IS | {"epochs": 12, "learning_rate": 0.3}
    fitted = LSTMClassifier(**params, callbacks=[best]).fit(X, y, X_val=val_X, y_val=val_y)
    kept = keras.models.load_model(path)(val_X.astype("f")).numpy()
    losses = fitted.history_["val_loss"]
    assert min(losses) < losses[-1]
    assert -np.log(kept[np.arange(24), val_y]).mean() == pytest.approx(min(losses), rel=1e-4)


def test_keras_early_stopping():
    import keras

    stop = keras.callbacks.EarlyStopping("loss", min_delta=100, patience=1)
    fitted = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[stop]).fit(X, y)
    assert fitted.n_iter_ == 2


def test_callbacks_of_users_are_not_changed():
    import keras

    stop = keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
    before = copy.deepcopy(vars(stop))
    estimator = LSTMClassifier(**TINY, callbacks=[stop])
    assert clone(estimator).fit(X, y).n_iter_ == estimator.fit(X, y).n_iter_ == 2
    assert vars(stop) == before


def test_a_learning_rate_set_by_a_callback_ends_with_the_fit():
    import keras

    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5)
    plain = weights_of(LSTMClassifier(**TINY).fit(X, y))
    changed = weights_of(LSTMClassifier(**TINY, callbacks=[schedule]).fit(X, y))
    assert not np.allclose(changed, plain)
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**TINY).fit(X, y)), plain)


def test_batch_callbacks_hear_every_batch_and_change_nothing():
    import keras

    heard = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            heard.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            heard.append(("end", batch, "loss" in logs))

    fitted = LSTMClassifier(**TINY, callbacks=[Listener()]).fit(X, y)
    one_epoch = [("begin", 0), ("end", 0, True), ("begin", 1), ("end", 1, True), ("begin", 2)]
    assert heard[:5] == one_epoch
    assert len(heard) == 2 * 3 * 2  # batches of 8 in 24 rows, twice
    assert fitted.training_loop_.endswith(", batch by batch")
    silent = LSTMClassifier(**TINY).fit(X, y)
    assert "batch by batch" not in silent.training_loop_
    np.testing.assert_array_equal(weights_of(fitted), weights_of(silent))


def test_a_batch_callback_can_stop_the_training():
    import keras

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    fitted = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[Stop()]).fit(X, y)
    assert fitted.n_iter_ == 1


class AtEvent:
    """Makes a callback that does something to the model at one event."""

    def __new__(cls, event, change):
        import keras

        def hear(self, *arguments, **named):
            change(self.model)

        return type("Changing", (keras.callbacks.Callback,), {event: hear})()


def set_epsilon(model):
    model.optimizer.epsilon = 0.5


def set_rate(model):
    for layer in model.layers:
        if layer.name.startswith("sequence_dropout"):
            layer.rate = 0.9


def compile_anew(model):
    model.compile("sgd", "mse")


def replace_optimizer(model):
    import keras

    model.optimizer = keras.optimizers.SGD()


def set_schedule(model):
    import keras

    model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)


def set_activation(model):
    import keras

    model.layers[-1].activation = keras.activations.relu


DROPPING = TINY | {"dropout": 0.2}


@pytest.fixture(scope="module")
def untouched():
    return weights_of(LSTMClassifier(**DROPPING).fit(X, y))


@pytest.mark.parametrize(
    ("change", "params"),
    [
        (set_epsilon, {"keras_params": {"optimizer__epsilon": 0.5}}),
        (set_rate, {"dropout": 0.9}),
    ],
    ids=["optimizer", "dropout"],
)
def test_what_a_callback_sets_counts_in_its_own_fit_only(change, params, untouched):
    callback = AtEvent("on_train_begin", change)
    changed = weights_of(LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y))
    np.testing.assert_array_equal(
        changed, weights_of(LSTMClassifier(**DROPPING | params).fit(X, y))
    )
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


@pytest.mark.parametrize("event", ["on_epoch_end", "on_train_batch_begin"])
def test_what_a_callback_sets_counts_from_then_on(event, untouched):
    callback = AtEvent(event, set_epsilon)
    fitted = LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y)
    first = LSTMClassifier(**DROPPING).fit(X, y).history_["loss"][0]
    assert (fitted.history_["loss"][0] == first) == (event == "on_epoch_end")
    assert not np.array_equal(weights_of(fitted), untouched)
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


def test_a_frozen_layer_stays_as_it_was(untouched):
    def freeze_output(model):
        model.get_layer("dense_0").trainable = False

    callback = AtEvent("on_epoch_end", freeze_output)
    fitted = LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y)
    one_epoch = LSTMClassifier(**DROPPING | {"epochs": 1}).fit(X, y)
    same = [
        np.array_equal(now, then)
        for now, then in zip(fitted._runtime.weights, one_epoch._runtime.weights, strict=True)
    ]
    assert same == [False] * 3 + [True] * 2
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


def test_a_network_may_be_frozen_whole():
    def freeze_all(model):
        model.trainable = False

    callbacks = [AtEvent("on_train_begin", freeze_all)]
    fitted = LSTMClassifier(**DROPPING, callbacks=callbacks).fit(X, y)
    still = LSTMClassifier(**DROPPING | {"learning_rate": 1e-30}).fit(X, y)
    np.testing.assert_allclose(weights_of(fitted), weights_of(still), rtol=0, atol=1e-20)


REFUSED = {
    "dense_0.activation": set_activation,
    "the optimizer object, what compile() sets": compile_anew,
    "the optimizer object": replace_optimizer,
    "the LearningRateSchedule": set_schedule,
}


def test_what_a_callback_may_not_change_is_named(untouched):
    for named, change in REFUSED.items():
        estimator = LSTMClassifier(**DROPPING, callbacks=[AtEvent("on_epoch_begin", change)])
        message = f"The callback Changing changed in the model: {re.escape(named)}. A callback may"
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, y)
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


def test_an_error_tells_what_a_callback_had_changed():
    def set_momentum(model):
        model.optimizer.momentum = 0.9

    callback = AtEvent("on_train_begin", set_momentum)
    with pytest.raises(IndexError) as error:
        LSTMClassifier(**TINY, optimizer="sgd", callbacks=[callback]).fit(X, y)
    assert error.value.__notes__ == ["The callback Changing had changed optimizer.momentum."]


def test_a_model_that_a_callback_keeps_reaches_no_later_fit(untouched):
    kept = []
    LSTMClassifier(**DROPPING, callbacks=[AtEvent("on_train_end", kept.append)]).fit(X, y)
    set_epsilon(kept[0])
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


def test_weights_that_a_callback_sets_count():
    def clear(model):
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])

    at_end = LSTMClassifier(**TINY, callbacks=[AtEvent("on_train_end", clear)]).fit(X, y)
    assert not weights_of(at_end).any()
    fitted = LSTMClassifier(**TINY, callbacks=[AtEvent("on_epoch_begin", clear)]).fit(X, y)
    assert fitted.history_["loss"][0] == pytest.approx(np.log(2), rel=1e-2)


def test_programs_come_back_from_callbacks_that_change_nothing(tmp_path, capsys):
    import keras
    from tqdm.keras import TqdmCallback

    from sklstm.network.training.compiled_model import pool

    def look(model):
        model.evaluate(X.astype("f"), y, verbose=0)
        model.predict(X.astype("f"), verbose=0)
        model.save(tmp_path / "model.keras")

    LSTMClassifier(**DROPPING).fit(X, y)
    program = pool._idle[-1]
    for callback in (
        keras.callbacks.EarlyStopping("loss", patience=0, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=9),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.01),
        keras.callbacks.History(),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras"),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
        keras.callbacks.ProgbarLogger(),
        TqdmCallback(),
        AtEvent("on_epoch_end", look),
    ):
        LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y)
        assert pool._idle[-1] is program, callback
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy,loss,")


def test_a_model_cannot_be_fitted_inside_of_its_fit():
    callback = AtEvent("on_epoch_end", lambda model: model.fit(X, y))
    with pytest.raises(TypeError, match="a callback can evaluate, predict with and save the model"):
        LSTMClassifier(**TINY, callbacks=[callback]).fit(X, y)


EVENTS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "test", "train_batch", "test_batch")
    for when in ("begin", "end")
]


def recorder():
    """A callback that writes down all events, and with what it was called."""
    import keras

    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.heard, self.lock = [], threading.Lock()

        def set_params(self, params):
            super().set_params(params)
            self.heard.append(sorted(params.items()))

    def listen(event):
        def hear(self, *arguments, **named):
            *index, logs = [*arguments, *named.values()]
            with self.lock:
                self.heard.append((event, index, sorted(logs or {})))

        return hear

    for event in EVENTS:
        setattr(Recorder, event, listen(event))
    return Recorder()


def test_callbacks_hear_what_keras_tells(classifier):
    ours, keras_own = recorder(), recorder()
    estimator = LSTMClassifier(**TINY, callbacks=[ours]).fit(X, y, X_val=X, y_val=y)
    model = estimator.to_keras()
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    values, batches = X.astype("f"), {"epochs": 2, "batch_size": 8, "verbose": 0}
    model.fit(values, y, validation_data=(values, y), callbacks=[keras_own], **batches)
    assert ours.heard == keras_own.heard
    assert len(ours.heard) == 2 + 2 * (4 + 2 * 2 * 3) + 1
    assert ours.model is None


def test_batches_of_validation_can_end_it():
    def stop(model):
        model.stop_evaluating = True

    callback = AtEvent("on_test_batch_end", stop)
    fitted = LSTMClassifier(**TINY, callbacks=[callback]).fit(X, y, X_val=X, y_val=y)
    whole = LSTMClassifier(**TINY).fit(X, y, X_val=X[:8], y_val=y[:8])
    assert fitted.history_ == whole.history_
    assert fitted.training_loop_ == whole.training_loop_


def test_keras_own_progress_bar_is_shown(capsys):
    import keras

    LSTMClassifier(**TINY, callbacks=[keras.callbacks.ProgbarLogger()], verbose=1).fit(X, y)
    out = capsys.readouterr().out
    assert "Epoch 2/2" in out
    assert "3/3" in out


# --- what ends a fit ---


def interrupt_at(epoch):
    def interrupt(now, logs):
        if now == epoch:
            raise KeyboardInterrupt

    return interrupt


def test_ctrl_c_keeps_the_last_whole_epoch_and_warns():
    estimator = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[interrupt_at(1)])
    message = "Training was interrupted: the weights are those after epoch 2"
    with pytest.warns(UserWarning, match=message) as record:
        estimator.fit(X, y)
    assert record[0].filename == __file__
    assert estimator.n_iter_ == len(estimator.history_["loss"]) == 2
    np.testing.assert_array_equal(
        weights_of(estimator), weights_of(LSTMClassifier(**TINY).fit(X, y))
    )


@pytest.mark.filterwarnings("error")
def test_ctrl_c_keeps_its_epochs_where_warnings_are_errors():
    estimator = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[interrupt_at(1)])
    with pytest.raises(UserWarning, match="Training was interrupted"):
        estimator.fit(X, y)
    np.testing.assert_array_equal(
        weights_of(estimator), weights_of(LSTMClassifier(**TINY).fit(X, y))
    )


def test_ctrl_c_inside_an_epoch_keeps_the_epoch_before():
    import keras

    class Interrupt(keras.callbacks.Callback):
        heard = 0

        def on_train_batch_end(self, batch, logs=None):
            self.heard += 1
            if self.heard == 8:
                raise KeyboardInterrupt

    estimator = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[Interrupt()])
    with pytest.warns(UserWarning, match="after epoch 2"):
        estimator.fit(X, y)
    np.testing.assert_array_equal(
        weights_of(estimator), weights_of(LSTMClassifier(**TINY).fit(X, y))
    )


def test_ctrl_c_before_the_first_epoch_is_raised_and_leaves_everything_usable():
    import keras

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise KeyboardInterrupt

    before = weights_of(LSTMClassifier(**TINY).fit(X, y))
    estimator = LSTMClassifier(**TINY, callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert not estimator.__sklearn_is_fitted__()
    np.testing.assert_array_equal(
        weights_of(estimator.set_params(callbacks=None).fit(X, y)), before
    )


def test_a_loss_that_is_not_finite_says_what_to_try():
    before = outputs(LSTMRegressor(**TINY).fit(X, NUMBERS))
    wild = {"optimizer": "sgd", "learning_rate": 1e30, "clipnorm": None, "epochs": 20}
    message = re.escape("Try a smaller learning_rate (it is 1e+30), clipnorm=1.0, or standardize")
    with pytest.raises(ValueError, match=rf"The loss is (nan|inf) after epoch \d+: .*{message}"):
        LSTMRegressor(**TINY | wild).fit(X, NUMBERS)
    np.testing.assert_array_equal(outputs(LSTMRegressor(**TINY).fit(X, NUMBERS)), before)


def test_an_error_in_a_callback_is_the_users_to_see():
    def fail(epoch, logs):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        LSTMClassifier(**TINY, callbacks=[fail]).fit(X, y)


# --- optimizers ---


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_trains(name):
    fitted = LSTMClassifier(**TINY, optimizer=name, learning_rate=None).fit(X, y)
    start = fitted._runtime.spec.initial_weights(np.random.RandomState(0))
    assert np.isfinite(weights_of(fitted)).all()
    assert all(
        not np.array_equal(now, then)
        for now, then in zip(fitted._runtime.weights, start, strict=True)
    )


def test_an_optimizer_object_is_copied_and_trains_as_its_name():
    import keras

    optimizer = keras.optimizers.SGD(0.1, momentum=0.5, clipnorm=1.0)
    fitted = LSTMClassifier(**TINY, optimizer=optimizer).fit(X, y)
    assert not optimizer.built
    by_name = LSTMClassifier(
        **TINY, optimizer="sgd", learning_rate=0.1, keras_params={"optimizer__momentum": 0.5}
    ).fit(X, y)
    np.testing.assert_array_equal(weights_of(fitted), weights_of(by_name))
    np.testing.assert_array_equal(weights_of(clone(fitted).fit(X, y)), weights_of(fitted))


def test_an_optimizer_object_may_have_a_schedule():
    import keras

    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    fitted = LSTMClassifier(**TINY, optimizer=keras.optimizers.Adam(schedule)).fit(X, y)
    constant = LSTMClassifier(**TINY, optimizer=keras.optimizers.Adam(0.1)).fit(X, y)
    assert not np.array_equal(weights_of(fitted), weights_of(constant))


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer__beta_1": 0.1},
        {"optimizer__learning_rate": 0.05},
        {"optimizer__weight_decay": 0.5},
        {"loss__reduction": "sum"},
    ],
    ids=str,
)
def test_keras_params_arrive(params):
    routed = LSTMClassifier(**TINY | {"epochs": 4}, keras_params=params).fit(X, y)
    plain = LSTMClassifier(**TINY | {"epochs": 4}).fit(X, y)
    assert not np.allclose(weights_of(routed), weights_of(plain), rtol=1e-4)


def test_a_routed_learning_rate_is_the_learning_rate():
    routed = LSTMClassifier(**TINY, keras_params={"optimizer__learning_rate": 0.05}).fit(X, y)
    direct = LSTMClassifier(**TINY, learning_rate=0.05).fit(X, y)
    np.testing.assert_array_equal(weights_of(routed), weights_of(direct))


# --- loops ---


def test_xla_and_plain_graphs_train_alike(monkeypatch):
    """But for dropout: TensorFlow draws other numbers under XLA from the same seed."""
    fitted = []
    time_steps = 2 * 3 * np.mean([len(x) for x in ragged(X)])  # in 2 epochs of 3 batches
    for threshold in (1.01 * time_steps, 0.99 * time_steps):
        monkeypatch.setattr("sklstm.network.training.trainer.MIN_TIME_STEPS_FOR_XLA", threshold)
        fitted.append(LSTMClassifier(**TINY, bidirectional=True).fit(ragged(X), y))
    graph, xla = fitted
    assert (graph.training_loop_, xla.training_loop_) == ("graph", "xla")
    np.testing.assert_allclose(weights_of(xla), weights_of(graph), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(xla.history_["loss"], graph.history_["loss"], rtol=1e-4)


# --- what is shown ---


def test_silent_by_default(capfd):
    LSTMClassifier(**VALIDATED, early_stopping=True).fit(X, y).predict(X)
    assert capfd.readouterr() == ("", "")


def test_verbose_shows_one_bar_with_loss_and_metrics(capfd):
    LSTMClassifier(**VALIDATED, verbose=1).fit(X, y)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    last = err.split("\r")[-1]
    assert "2/2" in last
    assert all(f"{name}=" in last for name in ("loss", "accuracy", "val_loss", "val_accuracy"))


def test_summary_counts_the_weights(capsys):
    classifier = LSTMClassifier(**TINY | BIG).fit(X, y)
    classifier.summary()
    *layers, total = capsys.readouterr().out.splitlines()
    assert len(layers) == 2 * 2 * 3 + 4
    assert int(total.split()[1].replace(",", "")) == len(weights_of(classifier))
    assert len(weights_of(classifier)) == classifier.to_keras().count_params()


def test_no_sample_of_a_class_of_weight_zero_is_held_out(monkeypatch):
    split_from = []

    def split(rows, **options):
        split_from.append(len(rows))
        return train_test_split(rows, **options)

    monkeypatch.setattr("sklstm.input.samples.train_test_split", split)
    labels = (np.arange(24) >= 20).astype(int)  # held out of all, the one sample could be a zero
    for options in ({}, {"class_weight": {0: 0, 1: 1}}):
        LSTMClassifier(**VALIDATED | options).fit(X, labels)
    assert split_from == [24, 4]


# --- parts, and fits that go on ---


def test_partial_fit_holds_nothing_out():
    whole = LSTMClassifier(**TINY).partial_fit(X, y, classes=[0, 1])
    network = LSTMClassifier(**VALIDATED).partial_fit(X, y, classes=[0, 1])
    assert "val_loss" not in network.history_
    np.testing.assert_array_equal(weights_of(network), weights_of(whole))
    network.partial_fit(X[:1], y[:1])
    assert network.n_iter_ == 2


@both
def test_partial_fit_does_not_stop_early(estimator, targets):
    network = clone(estimator).set_params(early_stopping=True)
    classes = {"classes": [0, 1]} if hasattr(network, "predict_proba") else {}
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        network.partial_fit(X, targets, **classes)
    assert not hasattr(network, "n_features_in_")


@pytest.fixture
def settings_of_fits(monkeypatch):
    """Return the list of the settings that fits train with."""
    from sklstm.network.training import trainer

    train, heard = trainer.train, []

    def record(spec, settings, *arguments, **options):
        heard.append((settings.batch_size, settings.learning_rate))
        return train(spec, settings, *arguments, **options)

    monkeypatch.setattr(trainer, "train", record)
    return heard


def test_the_first_part_decides_the_size_of_batches(settings_of_fits):
    many, labels = np.concatenate([X] * 14), np.tile(y, 14)  # 336 samples: batches of 32
    options = TINY | {"batch_size": "auto", "learning_rate": "auto"}
    network = LSTMClassifier(**options).partial_fit(many, labels, classes=[0, 1])
    pickle.loads(pickle.dumps(network)).partial_fit(X, y)
    assert settings_of_fits == [(32, 0.01)] * 2
    LSTMClassifier(**options).partial_fit(X, y, classes=[0, 1]).partial_fit(many, labels)
    assert settings_of_fits[2:] == [(4, pytest.approx(0.01 * (4 / 32) ** 0.5))] * 2


@pytest.mark.parametrize(
    "changed",
    [{"loss": "poisson"}, {"standardize": False}, {"differences": True}, {"timesteps": 5}],
    ids=str,
)
def test_a_fit_that_goes_on_means_the_same_by_x_and_y(changed):
    network = LSTMRegressor(**TINY, warm_start=True).fit(X, NUMBERS)
    before = network.predict(X)
    ((name, value),) = changed.items()
    message = f"{name}={value!r} cannot go on from a fit with {name}="
    network.set_params(**changed)
    for fit in (network.fit, network.partial_fit):
        with pytest.raises(ValueError, match=message):
            fit(X, NUMBERS)
    np.testing.assert_array_equal(network.predict(X), before)


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


# --- numbers of numpy ---


@pytest.mark.parametrize(
    "params",
    [
        {"units": np.array(4)},
        {"units": np.array([4])},
        {"units": [np.int8(4)]},
        {"batch_size": np.int8(8)},
        {"batch_size": np.uint16(8), "epochs": np.uint8(2)},
        {"dropout": np.float32(0), "warmup": np.float16(0), "clipnorm": np.float32(1)},
    ],
    ids=str,
)
def test_numbers_of_numpy_are_numbers(params):
    network = LSTMClassifier(**TINY | params).fit(X, y)
    np.testing.assert_array_equal(outputs(network), outputs(LSTMClassifier(**TINY).fit(X, y)))


@pytest.mark.parametrize("name", ["units", "dense_units", "batch_size", "epochs", "timesteps"])
def test_numbers_beyond_all_memory_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}.* 2147483647"):
        LSTMClassifier(**TINY | {name: 10**400}).fit(X, y)


def test_the_class_of_an_optimizer_is_none():
    import keras

    with pytest.raises(ValueError, match=r"optimizer=Adam is a class. Give an object, optimizer=A"):
        LSTMClassifier(**TINY | {"optimizer": keras.optimizers.Adam}).fit(X, y)


def test_averaged_weights_arrive():
    """Keras keeps the moving average of the weights, and sets it when the training ends."""
    import keras

    def fit(epochs, **options):
        optimizer = keras.optimizers.SGD(0.5, **options)
        one_step = TINY | {"batch_size": 24, "epochs": epochs, "optimizer": optimizer}
        return weights_of(LSTMClassifier(**one_step).fit(X, y))

    first, last = fit(1), fit(5)
    assert np.abs(last - first).max() > 0.02
    np.testing.assert_allclose(fit(5, use_ema=True, ema_momentum=0.0), last, atol=1e-6)
    np.testing.assert_allclose(fit(5, use_ema=True, ema_momentum=0.9999), first, atol=1e-3)


def test_clones_share_what_callbacks_hold():
    import keras

    class Reports(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.lock, self.seen = threading.Lock(), []

        def on_epoch_end(self, epoch, logs=None):
            with self.lock:
                self.seen.append(epoch)

    callback = Reports()
    network = LSTMClassifier(**TINY, callbacks=[callback])
    cloned = clone(network)
    assert cloned.callbacks == [callback]
    assert cloned.callbacks is not network.callbacks
    search = GridSearchCV(
        make_pipeline("passthrough", network), {"lstmclassifier__units": [4]}, cv=2
    )
    search.fit(X, y)
    assert callback.seen == [0, 1] * 3


def test_optimizers_of_every_class_are_copied():
    import keras

    class Mine(keras.optimizers.Adam):
        pass

    expected = weights_of(LSTMClassifier(**TINY, clipnorm=None, learning_rate=0.001).fit(X, y))
    network = LSTMClassifier(**TINY | {"optimizer": Mine(), "learning_rate_schedule": "constant"})
    np.testing.assert_allclose(weights_of(network.fit(X, y)), expected, rtol=1e-5)
    lamb = LSTMClassifier(**TINY | {"optimizer": keras.optimizers.Lamb()}).fit(X, y)
    assert lamb.n_iter_ == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"keras_params": {"optimizer__foo": 1}}, "optimizer='adam' and loss='.*' with keras_p"),
        ({"learning_rate": 10**400}, "learning_rate is an int of 401 digits: valid are numbers"),
    ],
    ids=["unknown", "too long"],
)
def test_settings_that_keras_cannot_take(params, message):
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY | params).fit(X, y)


def test_an_optimizer_object_has_its_parameters_itself():
    import keras

    params = {"optimizer": keras.optimizers.Adam(), "keras_params": {"optimizer__beta_1": 0.5}}
    with pytest.raises(ValueError, match="'optimizer__beta_1', which is for an optimizer given by"):
        LSTMClassifier(**TINY | params).fit(X, y)


@pytest.mark.parametrize("factor", [1e-300, 1e-38, 2, 1e37, 1e300])
@both
def test_weights_have_no_unit(estimator, targets, factor):
    weights = np.linspace(0.5, 1, 24) if factor != 2 else np.ones(24)
    plain = clone(estimator).fit(X, targets, sample_weight=weights)
    scaled = clone(estimator).fit(X, targets, sample_weight=factor * weights)
    np.testing.assert_allclose(outputs(scaled), outputs(plain), rtol=1e-5)
    assert factor != 2 or (outputs(scaled) == outputs(plain)).all()
