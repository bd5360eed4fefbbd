"""What labels mean to `LSTMClassifier`, and that it learns what needs a memory."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from sklstm import LSTMClassifier
from tasks import TINY, first_step_task, ragged

X, y = first_step_task()
LEARNS = {"units": 16, "learning_rate": 0.02, "epochs": 20, "random_state": 0}
BITS = np.c_[y, X[:, 1, 0] > 0, X[:, 2, 0] > 0].astype(int)


@pytest.mark.slow
def test_learns_what_only_a_memory_can_know():
    X_train, y_train = first_step_task(256, 8, 1, seed=0)
    X_test, y_test = first_step_task(200, 8, 1, seed=1)
    last_step = LogisticRegression().fit(X_train[:, -1], y_train)
    assert last_step.score(X_test[:, -1], y_test) < 0.6
    assert LSTMClassifier(**LEARNS).fit(X_train, y_train).score(X_test, y_test) > 0.95


@pytest.mark.slow
def test_learns_from_sequences_of_all_lengths():
    """The first step is the only one in some sequences, and the last of twelve in others."""
    rng = np.random.default_rng(0)
    whole, labels = first_step_task(400, 12, 1)
    sequences = [x[: rng.integers(1, 13)] for x in whole]
    fitted = LSTMClassifier(**LEARNS, pooling="max").fit(sequences[:300], labels[:300])
    assert fitted.score(sequences[300:], labels[300:]) > 0.95


@pytest.mark.slow
def test_learns_tokens_in_their_order():
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 6, (400, 6))
    labels = ids[:, 0] > ids[:, 1]
    settings = LEARNS | {"epochs": 40}
    fitted = LSTMClassifier(**settings, embedding_dim=8).fit(ids[:300], labels[:300])
    assert fitted.score(ids[300:], labels[300:]) > 0.95


@pytest.mark.slow
def test_learns_from_an_averaged_embedding_which_tokens_there_are():
    rng = np.random.default_rng(0)
    texts = [rng.integers(1, 9, rng.integers(4, 12)) for _ in range(400)]
    labels = np.array([(ids < 5).mean() > 0.5 for ids in texts])
    bag = LEARNS | {"units": (), "learning_rate": 0.1}
    fitted = LSTMClassifier(**bag, embedding_dim=4, pooling="mean").fit(texts[:300], labels[:300])
    assert fitted.score(texts[300:], labels[300:]) > 0.95
    shuffled = [rng.permutation(ids) for ids in texts]
    np.testing.assert_allclose(
        fitted.predict_proba(shuffled), fitted.predict_proba(texts), rtol=1e-4
    )


@pytest.mark.slow
def test_learns_several_labels_at_once():
    X_train, _ = first_step_task(300, 4, 1)
    bits = np.c_[X_train[:, 0, 0] > 0, X_train[:, -1, 0] > 0, X_train[:, 0, 0] > 0].astype(int)
    fitted = LSTMClassifier(**LEARNS | {"epochs": 40}).fit(X_train[:200], bits[:200])
    assert fitted.score(X_train[200:], bits[200:]) > 0.9
    assert fitted.history_["accuracy"][-1] > 0.95
    probabilities = fitted.predict_proba(X_train)
    assert probabilities.shape == (300, 3)
    np.testing.assert_allclose(probabilities[:, 0], probabilities[:, 2], atol=0.1)
    assert not np.allclose(probabilities.sum(axis=1), 1)


LABELS = {
    "int": np.array([0, 1]),
    "negative": np.array([-1, 1]),
    "uint8": np.array([3, 7], np.uint8),
    "bool": np.array([False, True]),
    "whole floats": np.array([1.0, 2.0]),
    "strings": np.array(["no", "yes"]),
    "objects": np.array(["no", "yes"], object),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_type(labels, classifier):
    fitted = LSTMClassifier(**TINY).fit(X, labels[y])
    assert fitted.classes_.dtype == labels.dtype
    np.testing.assert_array_equal(fitted.classes_, labels)
    np.testing.assert_array_equal(fitted.predict_proba(X), classifier.predict_proba(X))
    predicted = fitted.predict(X)
    assert predicted.dtype == labels.dtype
    np.testing.assert_array_equal(predicted, labels[classifier.predict(X)])


@pytest.mark.parametrize(
    "container", [list, tuple, pd.Series, lambda y: pd.Series(y, index=y + 7, dtype="category")]
)
def test_labels_in_any_container(container, classifier):
    fitted = LSTMClassifier(**TINY).fit(X, container(y))
    np.testing.assert_array_equal(fitted.predict_proba(X), classifier.predict_proba(X))


def test_a_column_of_labels_warns():
    with pytest.warns(UserWarning, match="A column-vector y was passed"):
        assert LSTMClassifier(**TINY).fit(X, y[:, np.newaxis]).predict(X).shape == (24,)


@pytest.mark.parametrize(
    "container",
    [
        np.asarray,
        lambda bits: bits.astype(bool),
        lambda bits: bits.tolist(),
        pd.DataFrame,
        sparse.csr_array,
        sparse.csc_matrix,
    ],
    ids=["int", "bool", "list", "DataFrame", "csr", "csc"],
)
def test_indicators_in_any_container(container):
    fitted = LSTMClassifier(**TINY).fit(X, container(BITS))
    predicted = fitted.predict(X)
    assert predicted.shape == (24, 3)
    assert set(np.unique(predicted)) <= {0, 1}
    np.testing.assert_array_equal(predicted, fitted.predict_proba(X) > 0.5)
    assert fitted.n_outputs_ == 3
    expected = LSTMClassifier(**TINY).fit(X, BITS)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    assert fitted.score(X, BITS) == accuracy_score(BITS, predicted)


def test_labels_in_a_list_are_those_of_an_array():
    labels = np.array(["no", "yes"])[y]
    fitted = LSTMClassifier(**TINY).fit(X, labels.tolist())
    assert fitted.classes_.dtype == fitted.predict(X).dtype == labels.dtype
    assert LSTMClassifier(**TINY).fit(X, labels.astype(object)).classes_.dtype == object


@pytest.mark.slow
def test_one_hot_labels_warn():
    """They are what Keras's users have, and are read as several labels at once."""
    with pytest.warns(
        UserWarning, match=r"Every row of y has exactly one 1.*y.argmax\(axis=1\)"
    ) as w:
        LSTMClassifier(**TINY).fit(X, np.c_[y, 1 - y], X_val=X[:4], y_val=BITS[:4, :2])
    assert w[0].filename == __file__
    with pytest.warns(UserWarning, match=r"Every row of y has exactly one 1") as w:
        LSTMClassifier(**TINY).partial_fit(X, np.c_[y, 1 - y], classes=range(2))
    assert w[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Every row of y")
        LSTMClassifier(**TINY).fit(X, np.c_[y, 1 - y])
        LSTMClassifier(**TINY).fit(X, BITS)
        fitted = LSTMClassifier(**TINY).partial_fit(X, BITS, classes=range(3))
        fitted.partial_fit(X, np.eye(3, dtype=int)[np.arange(24) % 3])


def test_several_classes():
    labels = np.array(["b", "c", "a"])[np.arange(24) % 3]
    fitted = LSTMClassifier(**TINY).fit(X, labels)
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    assert fitted.n_outputs_ == 1
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[probabilities.argmax(axis=1)])


def test_fitted_attributes(classifier):
    assert classifier.n_features_in_ == 2
    assert classifier.n_iter_ == 2
    assert set(classifier.history_) == {"loss", "accuracy"}
    assert all(type(v) is float for values in classifier.history_.values() for v in values)
    assert classifier.training_loop_ == "graph"


@pytest.mark.parametrize(
    "params",
    [
        pytest.param(
            {"units": (4, 3), "bidirectional": True, "pooling": "mean", "dense_units": (3, 3)},
            marks=pytest.mark.slow,
        ),
        {"units": (), "pooling": "max", "dense_units": [5]},
        pytest.param(
            {"units": np.array([3, 2]), "dropout": 0.5, "dense_units": np.int64(3)},
            marks=pytest.mark.slow,
        ),
    ],
    ids=str,
)
def test_networks_of_every_shape(params):
    fitted = LSTMClassifier(**TINY | params).fit(ragged(X), y)
    np.testing.assert_allclose(
        fitted.to_keras()(X.astype("f")), fitted.predict_proba(X), rtol=1e-5, atol=1e-6
    )


def test_a_keras_model_of_a_given_number_of_time_steps(classifier):
    model = classifier.to_keras(timesteps=5)
    assert model.inputs[0].shape == (None, 5, 2)
    np.testing.assert_allclose(model(X.astype("f")), classifier.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("unit", [2.0, 3, 1e-38, 1e37, 1e300])
def test_the_unit_of_weights_does_not_matter(unit, classifier):
    """Neither that of samples nor that of classes: only the ratios count."""
    same = LSTMClassifier(**TINY, class_weight={0: unit, 1: unit}).fit(X, y, np.full(24, unit))
    np.testing.assert_array_equal(same.predict_proba(X), classifier.predict_proba(X))
    weights = np.arange(1.0, 25)
    expected = LSTMClassifier(**TINY, class_weight={0: 1, 1: 3}).fit(X, y, weights)
    scaled = LSTMClassifier(**TINY, class_weight={0: unit, 1: 3 * unit}).fit(X, y, unit * weights)
    np.testing.assert_allclose(scaled.predict_proba(X), expected.predict_proba(X), rtol=1e-5)
    assert not np.allclose(expected.predict_proba(X), classifier.predict_proba(X), rtol=1e-5)
