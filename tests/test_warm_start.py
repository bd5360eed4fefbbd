"""Training that goes on: `warm_start` and `partial_fit`."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from fits import NUMBERS, TINY, VALIDATED, X, both, fail, outputs, weights_of, y
from sklstm import LSTMClassifier, LSTMRegressor
from tasks import ragged

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


@pytest.mark.slow
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
    targets = estimator._fitted_state.data.targets
    kept = targets.mean.copy(), targets.scale.copy()
    estimator.partial_fit(X, NUMBERS + 500)
    targets = estimator._fitted_state.data.targets
    np.testing.assert_array_equal((targets.mean, targets.scale), kept)


def test_partial_fit_goes_on_after_fit():
    estimator = LSTMClassifier(**TINY).fit(X, y).partial_fit(X, y)
    assert estimator.n_iter_ == 3


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
    from sklstm.network.training import ensemble

    train, heard = ensemble.train, []

    def record(spec, settings, *arguments, **options):
        heard.append((settings.batch_size, settings.learning_rate))
        return train(spec, settings, *arguments, **options)

    monkeypatch.setattr(ensemble, "train", record)
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
