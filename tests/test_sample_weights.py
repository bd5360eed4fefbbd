"""Weights of samples and of classes."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight

from fits import FULL_BATCH, NUMBERS, TINY, VALIDATED, X, both, outputs, weights_of, y
from sklstm import LSTMClassifier, LSTMRegressor
from tasks import ragged

# --- weights of samples ---


@pytest.mark.parametrize(
    ("estimator", "targets", "sequences"),
    [
        (LSTMClassifier(**FULL_BATCH), y, X),
        (LSTMClassifier(**FULL_BATCH), y, ragged(X)),
        (LSTMClassifier(**FULL_BATCH, class_weight={0: 3, 1: 0.5}), y, X),
        (LSTMClassifier(**FULL_BATCH, class_weight="balanced"), np.arange(24) % 3 // 2, X),
        pytest.param(
            LSTMClassifier(**FULL_BATCH), np.c_[y, 1 - y, X[:, 1, 0] > 0], X, marks=pytest.mark.slow
        ),
        (LSTMRegressor(**FULL_BATCH), NUMBERS, X),
        pytest.param(
            LSTMRegressor(**FULL_BATCH, loss="huber"),
            np.c_[NUMBERS, -NUMBERS],
            X,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            LSTMRegressor(**FULL_BATCH, loss="poisson"),
            np.abs(X[:, 0, 0]),
            X,
            marks=pytest.mark.slow,
        ),
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


# --- what is shown ---


def test_no_sample_of_a_class_of_weight_zero_is_held_out(monkeypatch):
    split_from = []

    def split(rows, **options):
        split_from.append(len(rows))
        return train_test_split(rows, **options)

    monkeypatch.setattr("sklstm.input.hold_out.train_test_split", split)
    labels = (np.arange(24) >= 20).astype(int)  # held out of all, the one sample could be a zero
    for options in ({}, {"class_weight": {0: 0, 1: 1}}):
        LSTMClassifier(**VALIDATED | options).fit(X, labels)
    assert split_from == [24, 4]


# --- numbers of numpy ---


@pytest.mark.parametrize("factor", [1e-300, 1e-38, 2, 1e37, 1e300])
@both
def test_weights_have_no_unit(estimator, targets, factor):
    weights = np.linspace(0.5, 1, 24) if factor != 2 else np.ones(24)
    plain = clone(estimator).fit(X, targets, sample_weight=weights)
    scaled = clone(estimator).fit(X, targets, sample_weight=factor * weights)
    np.testing.assert_allclose(outputs(scaled), outputs(plain), rtol=1e-5)
    assert factor != 2 or (outputs(scaled) == outputs(plain)).all()
