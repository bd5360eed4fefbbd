"""One meaning, many forms: what X may be, and that no form or padding changes a prediction."""

import numpy as np
import pandas as pd
import pytest

from forms import IDS, SEQUENCES, TOKENS, X, as_lists, y, zero_padded
from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY, nan_padded, object_array

RAGGED_FORMS = {
    "list": SEQUENCES,
    "tuple": tuple(SEQUENCES),
    "nested lists": as_lists(SEQUENCES),
    "object array": object_array(SEQUENCES),
    "list of DataFrames": [pd.DataFrame(sequence) for sequence in SEQUENCES],
    "Series of arrays": pd.Series(SEQUENCES),
    "Series of lists": pd.Series(as_lists(SEQUENCES)),
    "masked to the right": np.ma.masked_invalid(nan_padded(SEQUENCES, 5)),
    "list of masked arrays": [
        np.ma.masked_array(np.r_[x, [[9, 9]]], mask=np.r_[x * 0, [[1, 1]]]) for x in SEQUENCES
    ],
    "NaN to the right": nan_padded(SEQUENCES, 5),
    "NaN to the left": nan_padded(SEQUENCES, 5, "left"),
    "much NaN": nan_padded(SEQUENCES, 9),
    "list with NaN": list(nan_padded(SEQUENCES, 7, "left")),
    "3-D object array": nan_padded(SEQUENCES, 5).astype(object),
}


@pytest.fixture(
    scope="module",
    params=["last", "concat", *(pytest.param(p, marks=pytest.mark.slow) for p in ("mean", "max"))],
)
def pooled(request):
    """One classifier of each pooling."""
    network = LSTMClassifier(**TINY, pooling=request.param, bidirectional=True)
    return network.fit(SEQUENCES, y)


@pytest.mark.parametrize("form", RAGGED_FORMS.values(), ids=RAGGED_FORMS)
def test_padding_never_matters(form, pooled):
    expected = pooled.predict_proba(SEQUENCES)
    np.testing.assert_allclose(pooled.predict_proba(form), expected, rtol=1e-6)
    alone = np.concatenate([pooled.predict_proba(form[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(alone, expected[:4], rtol=1e-6)


@pytest.mark.parametrize("form", RAGGED_FORMS.values(), ids=RAGGED_FORMS)
def test_every_ragged_form_fits_alike(form, ragged_classifier):
    fitted = LSTMClassifier(**TINY).fit(form, y)
    np.testing.assert_array_equal(
        fitted.predict_proba(SEQUENCES), ragged_classifier.predict_proba(SEQUENCES)
    )
    assert fitted.n_features_in_ == 2
    assert not hasattr(fitted, "feature_names_in_")


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_of_tokens_never_matters(side):
    classifier = LSTMClassifier(**TINY, vocabulary_size=7, embedding_dim=3).fit(TOKENS, y)
    expected = classifier.predict_proba(TOKENS)
    for n_steps in (5, 8):
        padded = zero_padded(TOKENS, n_steps, side)
        np.testing.assert_allclose(classifier.predict_proba(padded), expected, rtol=1e-6)
    np.testing.assert_allclose(classifier.predict_proba(object_array(TOKENS)), expected, rtol=1e-6)


@pytest.mark.parametrize("form", [np.uint8, np.int64, np.float32, pd.DataFrame, list], ids=str)
def test_whole_numbers_of_any_dtype_are_token_ids(form, token_classifier):
    ids = IDS.astype(form) if isinstance(form, type) and issubclass(form, np.generic) else form(IDS)
    np.testing.assert_array_equal(
        token_classifier.predict_proba(ids), token_classifier.predict_proba(IDS)
    )
    assert token_classifier.n_features_in_ == 1


def test_vocabulary_size_is_taken_from_x():
    classifier = LSTMClassifier(**TINY, embedding_dim=3).fit(IDS, y)
    assert classifier.to_keras().get_layer("embedding").input_dim == IDS.max() + 1


def test_columns_are_time_steps_of_one_feature():
    table = X[:, :, 0]
    as_table = LSTMClassifier(**TINY).fit(table, y)
    as_array = LSTMClassifier(**TINY).fit(table[:, :, np.newaxis], y)
    assert (as_table.n_features_in_, as_array.n_features_in_) == (5, 1)
    np.testing.assert_array_equal(
        as_table.predict_proba(table), as_array.predict_proba(table[:, :, np.newaxis])
    )


def test_timesteps_reads_columns_step_by_step(classifier, table_classifier):
    assert table_classifier.n_features_in_ == 10
    np.testing.assert_array_equal(
        table_classifier.predict_proba(X.reshape(24, 10)), classifier.predict_proba(X)
    )


def test_nan_in_a_table_with_timesteps_is_an_absent_step(table_classifier, ragged_classifier):
    table = nan_padded(SEQUENCES, 5).reshape(24, 10)
    np.testing.assert_allclose(
        table_classifier.predict_proba(table),
        table_classifier.predict_proba(SEQUENCES),
        rtol=1e-6,
    )
    fitted = LSTMClassifier(**TINY, timesteps=5).fit(table, y)
    np.testing.assert_array_equal(
        fitted.predict_proba(table), ragged_classifier.predict_proba(SEQUENCES)
    )


def test_lists_of_numbers_are_a_table(table_classifier):
    table = X.reshape(24, 10)
    np.testing.assert_allclose(
        table_classifier.predict_proba(table.tolist()), table_classifier.predict_proba(table)
    )
    assert LSTMClassifier(**TINY).fit(table.tolist(), y).n_features_in_ == 10


def test_lists_of_arrays_of_one_length_are_sequences():
    series = [row.copy() for row in X[:, :, 0]]
    classifier = LSTMClassifier(**TINY).fit(series, y)
    assert classifier.n_features_in_ == 1
    longer = [np.r_[row, row] for row in series]
    assert classifier.predict(longer).shape == (24,)


def test_forms_that_mean_the_same_are_read_alike(classifier, table_classifier):
    expected = classifier.predict_proba(X)
    for form in (list(X), object_array(X), X.tolist()):
        np.testing.assert_allclose(classifier.predict_proba(form), expected, rtol=1e-6)
        np.testing.assert_allclose(table_classifier.predict_proba(form), expected, rtol=1e-6)


def test_a_table_means_the_same_where_steps_have_one_feature():
    series = X[:, :, :1]
    classifier = LSTMClassifier(**TINY).fit(series, y)
    expected = classifier.predict_proba(series)
    for form in (series[:, :, 0], pd.DataFrame(series[:, :, 0]), list(series[:, :, 0])):
        np.testing.assert_allclose(classifier.predict_proba(form), expected, rtol=1e-6)


def test_sequences_may_be_longer_or_shorter_than_in_fit(classifier):
    longer = np.concatenate([X, X], axis=1)
    assert classifier.predict(longer).shape == (24,)
    np.testing.assert_allclose(
        classifier.predict_proba(longer[:, :5]), classifier.predict_proba(X), rtol=1e-6
    )
    assert classifier.predict(X[:, :1]).shape == (24,)


def test_one_row(classifier, table_classifier, ragged_classifier, regressor):
    assert classifier.predict_proba(X[:1]).shape == (1, 2)
    assert table_classifier.predict(X[:1].reshape(1, 10)).shape == (1,)
    assert ragged_classifier.predict(SEQUENCES[:1]).shape == (1,)
    assert regressor.predict(X[:1]).shape == (1,)


def test_sequences_of_one_step():
    one = X[:, :1]
    assert LSTMClassifier(**TINY).fit(one, y).predict(one).shape == (24,)
    assert LSTMRegressor(**TINY).fit(list(one), y).predict(one).shape == (24,)


def test_more_units_of_padding_than_of_sequence():
    lengths = [1, 30]
    two = [np.ones((n, 2)) for n in lengths]
    classifier = LSTMClassifier(**TINY).fit(two, [0, 1])
    together = classifier.predict_proba(two)
    alone = np.concatenate([classifier.predict_proba([sequence]) for sequence in two])
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_keras_model_reads_what_users_hold(classifier, ragged_classifier, token_classifier):
    for fitted, form in (
        (classifier, X.astype("f")),
        (ragged_classifier, nan_padded(SEQUENCES, 6).astype("f")),
        (token_classifier, IDS.astype("int32")),
    ):
        np.testing.assert_allclose(
            fitted.to_keras()(form), fitted.predict_proba(form), rtol=1e-5, atol=1e-6
        )


def test_keras_and_onnx_models_of_a_regressor_answer_in_units_of_y(regressor):
    import onnxruntime

    expected = regressor.predict(X)
    assert expected.mean() > 900
    np.testing.assert_allclose(np.ravel(regressor.to_keras()(X.astype("f"))), expected, rtol=1e-5)
    session = onnxruntime.InferenceSession(regressor.to_onnx().SerializeToString())
    feeds = {"values": X, "lengths": np.full(24, 5, "int32")}
    np.testing.assert_allclose(session.run(None, feeds)[0].ravel(), expected, rtol=1e-5)
