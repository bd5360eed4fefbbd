"""Every mistake in X has a message that names the place and says what is valid."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from forms import IDS, SEQUENCES, TABLE, X, both, frame_with, with_value, without, y
from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY

BAD_SEQUENCES = {
    "interior NaN": (
        with_value(X, (3, 2), np.nan),
        "Input X contains NaN in sample 3 at time step 2, inside the sequence.*impute the gap",
    ),
    "NaN in one feature": (
        with_value(X, (4, 0, 1), np.nan),
        "contains NaN in sample 4 at time step 0. A time step is absent only if all",
    ),
    "infinity": (
        with_value(X, (5, 1, 0), -np.inf),
        "Input X contains infinity in sample 5 at time step 1. Clip or replace it",
    ),
    "no rows": (X[:0], r"X of shape \(0, 5, 2\) is empty: found array with 0 sample\(s\)"),
    "no steps": (X[:, :0], r"X of shape \(24, 0, 2\) is empty: .* 0 time step\(s\)"),
    "no features": (X[:, :, :0], r"X of shape \(24, 5, 0\) is empty: .* 0 feature\(s\)"),
    "an empty sequence": (without(SEQUENCES, 2), "Sequence 2 of X is empty: it has no time step."),
    "a sequence of NaN": (
        with_value(X, 7, np.nan),
        "Sequence 7 of X is empty: it has no time step other than NaN. Every sequence needs",
    ),
    "another F": (
        [*SEQUENCES[:9], np.ones((3, 3)), *SEQUENCES[10:]],
        "Sequence 9 of X has 3 features per time step, but sequence 0 has 2",
    ),
    "a number among arrays": ([*SEQUENCES[:23], 1.0], r"Sequence 23 of X has shape \(\): valid"),
    "4-D": (X[..., np.newaxis], r"X has shape \(24, 5, 2, 1\): valid are an array of shape \(n, T"),
    "4-D in a list": ([X] * 24, r"Sequence 0 of X has shape \(24, 5, 2\): valid are \(T, F\)"),
    "complex": (X.astype(complex), "Complex data not supported: X has dtype complex128"),
    "complex in a list": (
        [sequence.astype(complex) for sequence in SEQUENCES],
        "Complex data not supported: Sequence 0 of X has dtype complex128",
    ),
    "strings in arrays": (
        [*SEQUENCES[:2], np.array([["a", "b"]]), *SEQUENCES[3:]],
        "Sequence 2 of X holds 'a' in time step 0, feature 0, which is not a number. Encode",
    ),
    "None in a list": ([*SEQUENCES[:5], None], "Sequence 5 of X is None: leave it out, of X and"),
    "None first": ([None, *SEQUENCES], "Sequence 0 of X is None: leave it out, of X and of y"),
    "sparse in a list": (
        [sparse.csr_array(sequence) for sequence in SEQUENCES],
        "Sparse data was passed for Sequence 0 of X, but dense data is required",
    ),
    "steps of unequal features": (
        [[[1.0, 2.0], [3.0]], [[1.0, 2.0]]] * 12,
        "Sequence 0 of X has time steps of different numbers of features",
    ),
    "an empty list in a list": ([[[1.0, 2.0]], []] * 12, "Sequence 1 of X is empty: it has no"),
    "dates": (
        X.astype("datetime64[s]"),
        r"X holds np.datetime64\(.*\) in sample 0 at time step 0, feature 0 .* Turn dates into",
    ),
    "a masked value": (
        np.ma.masked_array(X, mask=with_value(np.zeros(X.shape, bool), (4, 0, 1), True)),
        "contains NaN in sample 4 at time step 0. A time step is absent only if all",
    ),
    "a masked step": (
        np.ma.masked_array(X, mask=with_value(np.zeros(X.shape, bool), (3, 2), True)),
        "contains NaN in sample 3 at time step 2, inside the sequence.*impute the gap",
    ),
    "NaT among numbers": (
        with_value(X.astype(object), (3, 2, 1), np.datetime64("NaT")),
        "X holds np.datetime64.* in sample 3 at time step 2, feature 1, which is not a number",
    ),
}
BAD_TABLES = {
    "1-D": (TABLE[:, 0], "Expected 2D array, got 1D array instead"),
    "0-D": (np.array(3.0), "Expected 2D array, got scalar array instead"),
    "a number": (3.0, "Expected 2D array, got scalar array instead"),
    "empty": (TABLE[:0], r"0 sample\(s\)"),
    "an empty list": ([], r"X is empty: found 0 sample\(s\) while a minimum of 1 is required"),
    "no columns": (TABLE[:, :0], r"0 feature\(s\)"),
    "infinity": (with_value(TABLE, (3, 1), np.inf), "Input X contains infinity"),
    "NaN": (with_value(TABLE, (3, 1), np.nan), "Input X contains NaN"),
    "complex": (TABLE.astype(complex), "Complex data not supported"),
    "sparse": (sparse.csr_array(TABLE), "Sparse data was passed for X, but dense data is required"),
    "strings": (["to be", "or not"] * 12, "X holds strings .*'to be'.* put a CharOneHotEncoder"),
    "an array of strings": (np.array(["to be", "or"] * 12), "X holds strings .*'to be'"),
    "words in a table": (
        pd.DataFrame(with_value(TABLE.astype(object), (2, 3), "1,005.19")),
        "X holds '1,005.19' in row 2, column 3, which is not a number. Encode categories",
    ),
    "a date column": (
        frame_with(pd.Timestamp("2020-01-01")),
        "X holds np.datetime64.* in row 0, column '9' .* Turn dates into numbers",
    ),
    "a category column": (
        frame_with(pd.Categorical(["to", "be"] * 12)),
        "X holds 'to' in row 0, column '9', which is not a number. Encode categories",
    ),
    "durations": (TABLE.astype("timedelta64[s]"), "X holds .* Turn durations into numbers: divide"),
    "a Series of texts": (pd.Series(["to be"] * 24), "X holds strings .*'to be'"),
    "a text": ("to be", "X holds strings .*'to be'"),
    "None": (None, "X is None"),
    "a generator": ((x for x in X), "X is a generator, which can only be read in one go: pass a"),
    "a dict": (dict(enumerate(X)), r"X is a dict: pass its values as a list, list\(X.values\(\)\)"),
    "a set": ({1, 2}, "X is a set, which has no order: pass a list"),
    "dicts in a list": ([{"a": 1}] * 24, "Sequence 0 of X is a dict: pass its values as a list"),
    "a row and a number": ([[1.0, 2.0], 3.0] * 12, "Row 1 of X is 3.0, but others are lists"),
    "a number and a row": ([3.0, [1.0, 2.0]] * 12, "Row 0 of X is 3.0, but others are lists"),
    "an array of words": (
        with_value(TABLE.astype(str), (2, 3), "1,005.19"),
        "X holds .*'1,005.19'.* in row 2, column 3, which is not a number",
    ),
    "NaN in a column of a nullable frame": (
        frame_with(pd.array([1, None] * 12, dtype="Int64")),
        "Input X contains NaN in sample 1 at time step 9. .* impute it",
    ),
    "records": (np.zeros((24, 10), [("a", float)]), "X has dtype .*, which holds no numbers"),
    "bytes": ([b"to be", b"or not"] * 12, "X holds strings .*b'to be'"),
    "unequal rows": ([[1.0, 2.0], [1.0]] * 12, "Row 1 of X has 1 numbers, but row 0 has 2"),
}
BAD_TOKENS = {
    "outside": (
        with_value(IDS, (3, 1), 7),
        r"Token id 7 in sample 3 at time step 1 is outside the vocabulary: valid are 0 \(padding\) "
        "to 6. Set vocabulary_size",
    ),
    "negative": (with_value(IDS, (2, 4), -1), "Token id -1 in sample 2 at time step 4 is outside"),
    "floats": (
        with_value(IDS.astype(float), (2, 3), 1.5),
        "X holds 1.5 in sample 2 at time step 3, but token ids are integers. Make them",
    ),
    "NaN": (
        with_value(IDS.astype(float), (1, 0), np.nan),
        "X holds nan in sample 1 at time step 0, .* Padding is 0, neither NaN nor a mask: fill",
    ),
    "infinity": (
        with_value(IDS.astype(float), (1, 0), np.inf),
        "Token id inf in sample 1 at time step 0 is outside",
    ),
    "interior padding": (
        with_value(IDS, (4, 2), 0),
        r"padding \(id 0\) in sample 4 at time step 2, inside the sequence.* number the tokens",
    ),
    "a masked id": (
        np.ma.masked_array(IDS, mask=with_value(np.zeros(IDS.shape, bool), (4, 4), True)),
        "X holds nan in sample 4 at time step 4, .* Padding is 0, neither NaN nor a mask",
    ),
    "masked ids in a list": (
        [*IDS[:1], np.ma.masked_array(IDS[1], mask=[0, 0, 0, 0, 1])],
        "X holds nan in sample 1 at time step 4, .* Padding is 0, neither NaN nor a mask",
    ),
    "None in a list": ([*IDS[:3], None], "Sequence 3 of X is None: leave it out, of X and of y"),
    "bool": (IDS > 2, "X has dtype bool, but token ids are integers"),
    "beyond int32": (
        with_value(IDS.astype("u8"), (3, 1), 2**63 + 5),
        "Token id 9223372036854775813 in sample 3 at time step 1 is outside the vocabulary",
    ),
    "only padding": (
        with_value(IDS, 5, 0),
        r"Sequence 5 of X is empty: it has no time step other than padding \(id 0\)",
    ),
    "an empty sequence": (without(list(IDS), 6), "Sequence 6 of X is empty"),
    "3-D": (X, r"Sequence 0 of X has shape \(5, 2\), but token ids \(embedding_dim is set\)"),
    "1-D": (IDS[:, 0], r"Sequence 0 of X has shape \(\), but token ids"),
    "a number": (3, "Expected 2D array, got scalar array instead"),
    "an empty list": ([], r"X is empty: found 0 sample\(s\)"),
    "empty": (IDS[:0], r"0 sample\(s\)"),
    "strings": (["to be"] * 24, "X holds strings .*'to be'.* SequenceTokenizer"),
    "words": ([["to", "be"]] * 24, "Sequence 0 of X has dtype <U2, but token ids are integers"),
    "sparse": (sparse.csr_array(IDS), "Sparse data was passed for X, but dense data is required"),
}


@both
@pytest.mark.parametrize(("bad", "message"), BAD_SEQUENCES.values(), ids=BAD_SEQUENCES)
def test_bad_sequences_in_fit(estimator, bad, message):
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(bad, y)


@pytest.mark.parametrize(("bad", "message"), BAD_SEQUENCES.values(), ids=BAD_SEQUENCES)
def test_bad_sequences_in_predict(classifier, table_classifier, bad, message):
    for fitted in (classifier, table_classifier):
        with pytest.raises((ValueError, TypeError), match=message):
            fitted.predict(bad)


@both
@pytest.mark.parametrize(("bad", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables_in_fit(estimator, bad, message):
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(bad, y)


@pytest.mark.parametrize(("bad", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables_in_predict(bad, message):
    fitted = LSTMClassifier(**TINY).fit(TABLE, y)
    with pytest.raises((ValueError, TypeError), match=message):
        fitted.predict(bad)


@pytest.mark.parametrize("bad", [case[0] for case in BAD_TABLES.values()], ids=BAD_TABLES)
def test_bad_tables_where_fit_saw_sequences(classifier, bad):
    with pytest.raises((ValueError, TypeError), match=r"X|array|Complex data"):
        classifier.predict(bad)


@pytest.mark.parametrize(
    ("token_id", "message"),
    [
        (
            7_613_421_998,
            r"Token id 7613421998 in sample 3 at time step 1 would make a vocabulary of "
            r"7,613,421,999 ids, but X holds 120 ids in all, and the highest possible is "
            r"2,147,483,647. If it is wrong, correct it; otherwise number the tokens from 1, as "
            r"SequenceTokenizer does\.",
        ),
        (
            1_000_001,
            r"vocabulary of 1,000,002 ids, but X holds 120 ids in all\. .* SequenceTokenizer does, "
            r"or set vocabulary_size to the highest possible id \+ 1",
        ),
        (-1, r"Token id -1 .* is outside the vocabulary: valid are 0 \(padding\) and above\."),
    ],
)
def test_a_vocabulary_that_no_data_can_teach_is_not_learnt(token_id, message):
    ids = with_value(IDS, (3, 1), token_id)
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY, embedding_dim=3).fit(ids, y)


@pytest.mark.parametrize(("bad", "message"), BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_bad_tokens(token_classifier, bad, message):
    estimator = LSTMRegressor(**TINY, vocabulary_size=7, embedding_dim=3)
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(bad, y)
    with pytest.raises((ValueError, TypeError), match=message):
        token_classifier.predict(bad)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (np.ones((24, 5, 3)), "X has 3 features per time step, but LSTMClassifier is expecting 2"),
        (
            [np.ones((3, 1))] * 4,
            "X has 1 features per time step, but LSTMClassifier is expecting 2",
        ),
        (np.ones((24, 5)), r"X has shape \(24, 5\), but was fitted on sequences of 2 features"),
        (
            pd.DataFrame(TABLE),
            r"X has shape \(24, 10\), .* valid are an array of shape \(n, T, F\)",
        ),
    ],
)
def test_predict_cannot_read_another_number_of_features(classifier, form, message):
    with pytest.raises(ValueError, match=message):
        classifier.predict(form)


def test_a_table_must_keep_its_columns(table_classifier):
    with pytest.raises(ValueError, match="X has 8 features, but LSTMClassifier is expecting 10"):
        table_classifier.predict(TABLE[:, :8])
    with pytest.raises(ValueError, match=r"3 features per time step, but .* expecting 2"):
        table_classifier.predict(np.ones((4, 5, 3)))


def test_other_column_names_are_an_error():
    frame = pd.DataFrame(TABLE, columns=[f"c{i}" for i in range(10)])
    fitted = LSTMClassifier(**TINY, timesteps=5).fit(frame, y)
    assert fitted.feature_names_in_.tolist() == list(frame.columns)
    renamed = frame.rename(columns={"c3": "other"})
    with pytest.raises(ValueError, match=r"feature names should match.*\n.*unseen.*\n- other"):
        fitted.predict(renamed)
    with pytest.raises(ValueError, match="same order as they were in fit"):
        fitted.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        fitted.predict(TABLE)


@pytest.mark.parametrize("timesteps", [3, 11])
def test_timesteps_that_do_not_divide_the_columns(timesteps):
    message = f"timesteps={timesteps} does not divide the 10 columns of X"
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY, timesteps=timesteps).fit(TABLE, y)


def test_rows_that_are_time_steps():
    message = (
        r"inconsistent numbers of samples: \[24, 3\]: the table {} has 24 rows, but {} has 3 "
        r"values\. .* pass these as a list of 3 arrays of shape \(T_i, F\)"
    )
    with pytest.raises(ValueError, match=message.format("X", "y")):
        LSTMClassifier(**TINY).fit(TABLE, [0, 1, 1])
    with pytest.raises(ValueError, match=message.format("X_val", "y_val")):
        LSTMRegressor(**TINY).fit(TABLE, y, X_val=TABLE, y_val=[0, 1, 1])


@pytest.mark.parametrize("X", [[[1.0, 10**400]] * 24, [[[1], [10**400]]] * 24])
def test_integers_that_no_float_holds(X):
    message = "Sequence 0 of X holds an integer in time step 1.* that is larger than a float can be"
    tokens = isinstance(X[0][0], float)
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY, embedding_dim=3 if tokens else None).fit(X, y)
