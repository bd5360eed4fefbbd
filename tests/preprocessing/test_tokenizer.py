"""SequenceTokenizer: texts as ids and back."""

import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer

from sklstm.preprocessing import SequenceTokenizer, _word_boundaries

words = st.builds(
    str.__add__, st.sampled_from("abéßक0"), st.text("abcdeéßक\u093f\u03010", max_size=2)
)
sentences = st.lists(st.lists(words, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=6)
any_texts = st.lists(st.text(st.characters(), min_size=1, max_size=8), min_size=1, max_size=6)
sides = st.sampled_from(["post", "pre"])


@given(sentences, sides)
def test_inverse_of_words_is_the_identity(X, padding):
    tokenizer = SequenceTokenizer(padding=padding, lowercase=False)
    assert tokenizer.inverse_transform(tokenizer.fit_transform(X)).tolist() == X


@given(any_texts, sides)
def test_inverse_of_characters_is_the_identity(X, padding):
    tokenizer = SequenceTokenizer("char", padding=padding, lowercase=False)
    assert tokenizer.inverse_transform(tokenizer.fit_transform(X)).tolist() == X


@given(sentences, st.integers(1, 5))
def test_ids_and_shapes(X, num_words):
    tokenizer = SequenceTokenizer(num_words=num_words)
    ids = tokenizer.fit_transform(X)
    assert ids.dtype == np.int32
    assert ids.shape == (len(X), max(len(text.split()) for text in X))
    assert len(tokenizer.vocabulary_) <= num_words + 2
    assert ids.max() < len(tokenizer.vocabulary_)
    assert (ids[:, 0] > 0).all()


@given(sentences)
def test_ids_fall_in_frequency(X):
    tokenizer = SequenceTokenizer()
    ids = tokenizer.fit_transform(X)
    counts = np.bincount(ids.ravel())[2:].tolist()
    names = tokenizer.vocabulary_[2:].tolist()
    order = [(-count, name) for count, name in zip(counts, names, strict=True)]
    assert order == sorted(order)


@given(sentences, st.integers(1, 5), st.integers(1, 5), sides)
def test_every_id_occurs_in_fit(X, num_words, max_length, truncating):
    tokenizer = SequenceTokenizer(num_words=num_words, max_length=max_length, truncating=truncating)
    ids = tokenizer.fit_transform(X)
    assert set(range(2, len(tokenizer.vocabulary_))) <= set(ids.ravel().tolist())


def test_order_of_samples_does_not_matter():
    X = ["b a c", "c b", "c d"]
    expected = ["<pad>", "<unk>", "c", "b", "a", "d"]
    assert SequenceTokenizer().fit(X).vocabulary_.tolist() == expected
    assert SequenceTokenizer().fit(X[::-1]).vocabulary_.tolist() == expected


def test_unknown_tokens_are_one():
    tokenizer = SequenceTokenizer(num_words=1).fit(["a a b"])
    assert tokenizer.transform(["b a z"]).tolist() == [[1, 2, 1]]
    assert tokenizer.inverse_transform([[1, 2, 0]]).tolist() == ["<unk> a"]


def test_text_without_tokens_is_one_unknown_token():
    tokenizer = SequenceTokenizer().fit(["a b", "!!!"])
    assert tokenizer.transform(["", "?!"]).tolist() == [[1, 0], [1, 0]]


def test_special_tokens_in_a_text_are_ordinary():
    tokenizer = SequenceTokenizer(token_pattern=r"\S+").fit(["<pad> a a"])
    assert tokenizer.transform(["<pad> a <unk>"]).tolist() == [[3, 2, 1]]


@pytest.mark.parametrize(
    ("padding", "truncating", "expected"),
    [
        ("post", "post", [[2, 3], [4, 0]]),
        ("pre", "post", [[2, 3], [0, 4]]),
        ("post", "pre", [[3, 4], [4, 0]]),
        ("pre", "pre", [[3, 4], [0, 4]]),
    ],
)
def test_padding_and_truncating(padding, truncating, expected):
    tokenizer = SequenceTokenizer(max_length=2, padding=padding, truncating=truncating)
    tokenizer.fit(["a a", "a b", "b c"])
    assert tokenizer.transform(["a b c", "c"]).tolist() == expected


def test_longest_text_of_fit_is_the_length():
    tokenizer = SequenceTokenizer().fit(["a b", "a"])
    assert tokenizer.max_length_ == 2
    assert tokenizer.transform(["a b a b"]).shape == (1, 2)
    assert tokenizer.transform(["a"]).shape == (1, 2)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't know.", ["i", "don't", "know"]),
        ("l’été, à Zürich", ["l’été", "à", "zürich"]),
        ("'quoted' x_1", ["quoted", "x_1"]),
        ("ΑΒΓ привет 漢字", ["αβγ", "привет", "漢", "字"]),
        ("का की के को कि", ["का", "की", "के", "को", "कि"]),
        ("বাংলায় தமிழ் cafe\u0301", ["বাংলায়", "தமிழ்", "cafe\u0301"]),
        ('می\u200cخواهم co\u00adop צה"ל', ["می\u200cخواهم", "co\u00adop", 'צה"ל']),
        ("ภาษา ❤\ufe0f 👩\u200d👧 \u0301", ["ภ", "า", "ษ"]),
        ("1,000.5 well-known end.The 1980's", ["1,000.5", "well", "known", "end", "the", "1980's"]),
        ("İSTANBUL", ["istanbul"]),
    ],
)
def test_words_of_any_script(text, tokens):
    assert sorted(SequenceTokenizer().fit([text]).vocabulary_[2:]) == sorted(tokens)


@settings(max_examples=300)
@given(st.text(st.one_of(st.sampled_from("a1_'.,:; \n\"-"), st.characters(max_codepoint=127))))
def test_ascii_and_other_texts_are_cut_alike(text):
    assert _word_boundaries._ASCII_WORD.findall(text) == _word_boundaries._WORD.findall(text)
    assert _word_boundaries._ASCII_TOKEN.findall(text) == _word_boundaries._TOKEN.findall(text)


@given(st.text())
def test_lower_case_has_as_many_characters(text):
    assert len(_word_boundaries.lower(text)) == len(text)
    assert _word_boundaries.lower(text) == text.replace("İ", "i").lower()


def test_a_long_run_of_flags_is_cut_at_once():
    start = time.perf_counter()
    assert len(_word_boundaries.split_text("🇦🇧" * 20_000)) == 20_000
    assert time.perf_counter() - start < 2  # it would take a minute


def test_pattern_with_a_group_and_case():
    tokenizer = SequenceTokenizer(token_pattern=r"#(\w+)", lowercase=False).fit(["no #Yes #yes"])
    assert tokenizer.vocabulary_[2:].tolist() == ["Yes", "yes"]


def test_columns_have_names():
    tokenizer = SequenceTokenizer(max_length=3).set_output(transform="pandas")
    ids = tokenizer.fit_transform(pd.Series(["a b", "b"], index=["x", "y"]))
    assert ids.index.tolist() == ["x", "y"]
    assert ids.columns.tolist() == tokenizer.get_feature_names_out().tolist()
    assert ids.columns.tolist() == [f"sequencetokenizer{i}" for i in range(3)]
    assert tokenizer.inverse_transform(ids).tolist() == ["a b", "b"]


def test_column_transformer():
    table = pd.DataFrame({"review": ["good film", "bad"], "stars": [5.0, 1.0]})
    for column in ("review", ["review"]):
        columns = ColumnTransformer([("review", SequenceTokenizer(), column)], remainder="drop")
        assert columns.fit_transform(table).tolist() == [[4, 3], [2, 0]]
        assert len(columns.get_feature_names_out()) == 2


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("(", r"token_pattern='\(' is not a regular"), ("(a)(b)", r"'\(a\)\(b\)' has 2 groups")],
)
def test_bad_pattern(pattern, message):
    with pytest.raises(ValueError, match=message):
        SequenceTokenizer(token_pattern=pattern).fit(["a"])


@pytest.mark.parametrize(
    ("tokenizer", "reason"),
    [
        (SequenceTokenizer(), "a word begins with a letter, a digit or an underscore"),
        (SequenceTokenizer(token_pattern=r"\d"), r"a word matches token_pattern='\\\\d'"),
        (SequenceTokenizer("char"), "every character is one"),
    ],
    ids=repr,
)
def test_no_token_at_all(tokenizer, reason):
    texts = ["", ""] if tokenizer.level == "char" else ["!?", ""]
    message = rf"No text of X has a token: the first is '{re.escape(texts[0])}', and {reason}\.$"
    with pytest.raises(ValueError, match=message):
        tokenizer.fit(pd.Series(texts, index=[5, 6]))


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[2, 7]], r"Token id 7 in sample 0 is outside the vocabulary: valid are 0 .* to 2"),
        ([[2], [-1]], "Token id -1 in sample 1 is outside"),
        ([[2.0]], r"Sample 0 of X has dtype float64 and shape \(1,\): valid are integers"),
        (["a"], r"Sample 0 of X has dtype <U1 and shape \(\)"),
    ],
)
def test_bad_ids(ids, message):
    with pytest.raises(ValueError, match=message):
        SequenceTokenizer().fit(["a"]).inverse_transform(ids)
