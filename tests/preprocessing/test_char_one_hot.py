"""CharOneHotEncoder: one-hot characters and back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer

from sklstm.preprocessing import CharOneHotEncoder

texts = st.lists(st.text(st.characters(), min_size=1, max_size=8), min_size=1, max_size=6)


@given(texts)
def test_inverse_is_the_identity(X):
    encoder = CharOneHotEncoder()
    one_hot = encoder.fit_transform(X)
    assert encoder.inverse_transform(one_hot).tolist() == X
    assert encoder.vocabulary_.tolist() == sorted(set("".join(X)))


@given(texts)
def test_every_present_step_is_one_hot(X):
    one_hot = CharOneHotEncoder().fit_transform(X)
    lengths = np.array([len(text) for text in X])
    present = np.arange(one_hot.shape[1]) < lengths[:, np.newaxis]
    assert one_hot.shape[:2] == (len(X), lengths.max())
    assert (one_hot[present].sum(axis=1) == 1).all()
    assert np.isnan(one_hot[~present]).all()


@given(texts)
def test_argmax_picks_the_characters(X):
    encoder = CharOneHotEncoder()
    one_hot = encoder.fit_transform(X)
    for text, steps in zip(X, one_hot, strict=True):
        assert "".join(encoder.vocabulary_[steps[: len(text)].argmax(axis=1)]) == text


def test_dtype_and_shape():
    one_hot = CharOneHotEncoder().fit_transform(["abc", "c"])
    assert one_hot.dtype == np.float32
    assert one_hot.shape == (2, 3, 3)


@pytest.mark.parametrize(
    "X",
    [
        np.array(["ab", "c"]),
        np.array(["ab", "c"], dtype=object),
        ("ab", "c"),
        pd.Series(["ab", "c"], index=[7, 3]),
    ],
    ids=["array", "object array", "tuple", "Series"],
)
def test_forms_of_text(X):
    expected = CharOneHotEncoder().fit_transform(["ab", "c"])
    np.testing.assert_array_equal(CharOneHotEncoder().fit_transform(X), expected)


def test_given_vocabulary_keeps_its_order():
    encoder = CharOneHotEncoder(vocabulary="zyx").fit(["x"])
    assert encoder.get_feature_names_out().tolist() == ["z", "y", "x"]
    np.testing.assert_array_equal(encoder.transform(["x"]), [[[0, 0, 1]]])
    as_list = CharOneHotEncoder(vocabulary=["z", "y", "x"]).fit(["x"])
    assert as_list.vocabulary_.tolist() == ["z", "y", "x"]


def test_max_length_cuts_and_pads():
    encoder = CharOneHotEncoder(max_length=2).fit(["abc"])
    assert encoder.vocabulary_.tolist() == ["a", "b"]
    one_hot = encoder.transform(["a", "ba?"])  # what is cut may be unknown
    assert one_hot.shape == (2, 2, 2)
    assert encoder.inverse_transform(one_hot).tolist() == ["a", "ba"]
    assert encoder.transform(["a"]).shape == (1, 2, 2)


def test_longer_strings_are_not_cut_by_default():
    encoder = CharOneHotEncoder().fit(["ab"])
    assert encoder.inverse_transform(encoder.transform(["abba"])).tolist() == ["abba"]


def test_ignored_character_is_a_step_of_zeros():
    encoder = CharOneHotEncoder(handle_unknown="ignore").fit(["ab"])
    one_hot = encoder.transform(["a?b"])
    np.testing.assert_array_equal(one_hot, [[[1, 0], [0, 0], [0, 1]]])
    assert encoder.inverse_transform(one_hot).tolist() == ["a\N{REPLACEMENT CHARACTER}b"]


def test_inverse_of_probabilities_and_of_lists():
    encoder = CharOneHotEncoder(vocabulary="ab").fit(["a"])
    probabilities = [np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.4, 0.6]])]
    assert encoder.inverse_transform(probabilities).tolist() == ["ab", "b"]


@pytest.mark.parametrize("vocabulary", [None, "abc"])
def test_unknown_character(vocabulary):
    encoder = CharOneHotEncoder(vocabulary=vocabulary).fit(["abc"])
    message = (
        r"Sample 1 of X \('aßb'\) contains the unknown character 'ß' \(X holds 2 unknown: 'dß'\). "
        "Known are 'abc'.*handle_unknown='ignore'"
    )
    with pytest.raises(ValueError, match=message):
        encoder.transform(["a", "aßb", "d"])


def test_unknown_character_in_fit():
    with pytest.raises(ValueError, match=r"Sample 0 of X \('abd'\) contains .* 'd'"):
        CharOneHotEncoder(vocabulary="abc").fit(["abd"])
    CharOneHotEncoder(vocabulary="abc", handle_unknown="ignore").fit(["abd"])


def test_empty_string():
    encoder = CharOneHotEncoder().fit(["a"])
    for method in (encoder.fit, encoder.transform):
        with pytest.raises(ValueError, match="Sample 1 of X is an empty string"):
            method(["a", "", "a"])


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ("", "vocabulary='' is empty"),
        ("aba", "vocabulary contains 'a' twice"),
        (["a", "bc"], "vocabulary contains 'bc', which is not a single character"),
        ([1, 2], "vocabulary contains 1, which is not a single character"),
    ],
)
def test_bad_vocabulary(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        CharOneHotEncoder(vocabulary=vocabulary).fit(["a"])


def test_bad_one_hot():
    encoder = CharOneHotEncoder(vocabulary="ab").fit(["a"])
    with pytest.raises(ValueError, match=r"X has 3 features .* expecting 2 features"):
        encoder.inverse_transform(np.ones((1, 2, 3)))
    with pytest.raises(ValueError, match="contains NaN in sample 0 at time step 1, among other"):
        encoder.inverse_transform(np.array([[[1.0, 0.0], [1.0, np.nan]]]))
    with pytest.raises(ValueError, match="contains NaN in sample 0 at time step 1, inside"):
        encoder.inverse_transform(np.array([[[1.0, 0.0], [np.nan] * 2, [1.0, 0.0]]]))


def test_hint_for_column_transformer_holds():
    table = pd.DataFrame({"name": ["ab", "c"]})
    encoder = CharOneHotEncoder().fit(table["name"])
    assert encoder.vocabulary_.tolist() == ["a", "b", "c"]
    encoder = CharOneHotEncoder().fit(table)
    assert encoder.vocabulary_.tolist() == ["a", "b", "c"]
    two = table.assign(other="d")
    with pytest.raises(
        ValueError, match=r"X has shape \(2, 2\): .* \(in a ColumnTransformer 'name'"
    ):
        ColumnTransformer([("chars", CharOneHotEncoder(), ["name", "other"])]).fit(two)
