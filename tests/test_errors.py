"""Every mistake has a message that names the place and says what is valid."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY, first_step_task, nan_padded, object_array, ragged

X, y = first_step_task()
TABLE = X.reshape(24, 10)
SEQUENCES = ragged(X)
IDS = np.random.default_rng(0).integers(1, 7, (24, 5))
both = pytest.mark.parametrize("estimator", [LSTMClassifier(**TINY), LSTMRegressor(**TINY)])


def with_value(array, place, value):
    array = array.copy()
    array[place] = value
    return array


def frame_with(column):
    """Return the table as a DataFrame with another last column."""
    return pd.DataFrame(TABLE).rename(columns=str).assign(**{"9": column})


def without(sequences, row):
    """Take all time steps of one sequence away."""
    return [*sequences[:row], sequences[row][:0], *sequences[row + 1 :]]


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


@both
@pytest.mark.parametrize("form", [X, TABLE, SEQUENCES], ids=["3-D", "2-D", "list"])
def test_y_of_another_length(estimator, form):
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[24, 23\]"):
        estimator.fit(form, y[:-1])


@both
def test_no_y(estimator):
    message = "This LSTM.* estimator requires y to be passed, but the target y is None"
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, None)


WORDS = np.array(["no", "yes"] * 12)
DAYS = np.array(["2020-01-01", "2020-01-02"] * 12, "M8[D]")
MASK = with_value(np.zeros(24, bool), 3, True)
MISSING = {
    "NaN": (
        with_value(y.astype(float), 3, np.nan),
        "Input {} contains NaN in sample 3: leave such",
    ),
    "infinity": (
        with_value(y.astype(float), 3, np.inf),
        r"Input {} contains infinity or a value too large for dtype\('float64'\) in sample 3",
    ),
    "masked": (
        np.ma.masked_array(y, mask=MASK),
        "{} is masked in sample 3: leave such samples out",
    ),
    "masked words": (np.ma.masked_array(WORDS, mask=MASK), "{} is masked in sample 3"),
    "masked columns": (
        np.ma.masked_array(np.c_[y, y], mask=np.c_[MASK * 0, MASK]),
        "{} is masked in sample 3, column 1",
    ),
    "NA": (pd.Series([0, 1, 1, None] * 6, dtype="Int64"), "Input {} contains NaN in sample 3"),
    "None": (None, "{} (is|requires|estimator)?.*None"),
    "rows": ([[1], [2, 3]] * 12, "{} has rows of different lengths"),
    "a number": (3, "{} is 3: pass an array with one target for each sample"),
    "a dict": ({0: 1}, "{} is .*: pass an array with one target for each sample"),
    "empty": ([], r"{} is empty: found 0 sample\(s\) while a minimum of 1 is required"),
}
MISSING_LABELS = {
    "None among words": (with_value(WORDS.astype(object), 3, None), r"missing value \(None\) in"),
    "NaN among words": (
        ["a", "b", "a", np.nan] * 6,
        r"{} contains a missing value \(nan\) in sample 3",
    ),
    "NA among words": (
        pd.Series([*"abb", None] * 6, dtype="string"),
        "missing value .* in sample 3",
    ),
    "no category": (pd.Series(pd.Categorical([*"abb", None] * 6)), "missing value .* in sample 3"),
    "NaT": (with_value(DAYS, 3, np.datetime64("NaT")), "Input {} contains NaT in sample 3"),
    "mixed": (
        with_value(WORDS.astype(object), 3, 7),
        "{} holds 7 in sample 3: Unknown label type. V",
    ),
    "three axes": (
        np.zeros((24, 2, 2), int),
        r"{} has shape \(24, 2, 2\): valid are \(n,\) and \(n, n_l",
    ),
    "0 and 2": (
        2 * np.c_[y, 1 - y, y],
        r"{} has 3 columns with the values \[0, 2\]: an indicator matrix, .* 0 and 1 only",
    ),
    "-1 and 1": (2 * np.c_[y, 1 - y] - 1, r"{} has 2 columns with the values \[-1, 1\]"),
    "sparse 0 and 2": (sparse.csr_array(2 * np.c_[y, 1 - y]), r"with the values \[0, 2\]"),
}
MISSING_NUMBERS = {
    "text": (
        WORDS,
        "{} holds .*'no'.* in sample 0, which is not a number. Labels are learnt by LSTMC",
    ),
    "dates": (
        DAYS,
        r"{} holds np.datetime64\('2020-01-01'\) in sample 0 .* Turn dates into numbers",
    ),
    "a frame": (
        pd.DataFrame({"a": y, "b": WORDS}),
        "{} holds 'no' in row 0, column 'b', which is not a number. Labels are learnt",
    ),
    "four axes": (
        np.zeros((24, 4, 2, 2)),
        r"{} has shape \(24, 4, 2, 2\): valid are \(n,\), \(n, n_outputs\) and \(n, horizon, F\)",
    ),
}
BAD_TARGETS = [(LSTMClassifier, *case) for case in (MISSING | MISSING_LABELS).values()]
BAD_TARGETS += [(LSTMRegressor, *case) for case in (MISSING | MISSING_NUMBERS).values()]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("estimator", "bad", "message"), BAD_TARGETS)
def test_bad_targets_are_refused_everywhere(estimator, bad, message, classifier, regressor):
    new, first = estimator(**TINY), {"classes": [0, 1]} if estimator is LSTMClassifier else {}
    fitted = classifier if estimator is LSTMClassifier else regressor
    of_y = message.format("y")
    with pytest.raises(ValueError, match=of_y):
        new.fit(X, bad)
    with pytest.raises(ValueError, match=of_y):
        new.partial_fit(X, bad, **first)
    with pytest.raises(ValueError, match=of_y):
        fitted.score(X, bad)
    if bad is not None:
        with pytest.raises(ValueError, match=message.format("y_val")):
            new.fit(X, y, X_val=X, y_val=bad)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(24, int), "LSTMClassifier needs samples of at least 2 classes, .* class: 0"),
        (["no"] * 24, "only one class: 'no'"),
        (np.linspace(0, 1, 24), "Unknown label type: continuous"),
        (np.c_[np.arange(24) % 3, np.arange(24) % 4], r"\(multiclass-multioutput\): valid are"),
        (np.full(24, 1e308), "Unknown label type|only one class"),
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_bad_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY).fit(X, labels)


@pytest.mark.parametrize(
    ("classes", "message"),
    [([], "2 classes, but classes holds too few: none"), ([1], "classes holds too few: 1")],
)
def test_too_few_classes(classes, message):
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY).partial_fit(X, y, classes=classes)


def test_counts_are_not_negative():
    with pytest.raises(
        ValueError, match=r"loss='poisson' needs y >= 0, but y holds -1\.0 in sample 0"
    ):
        LSTMRegressor(**TINY, loss="poisson").fit(X, np.arange(24.0) - 1)


def test_rows_that_are_time_steps():
    message = (
        r"inconsistent numbers of samples: \[24, 3\]: the table {} has 24 rows, but {} has 3 "
        r"values\. .* pass these as a list of 3 arrays of shape \(T_i, F\)"
    )
    with pytest.raises(ValueError, match=message.format("X", "y")):
        LSTMClassifier(**TINY).fit(TABLE, [0, 1, 1])
    with pytest.raises(ValueError, match=message.format("X_val", "y_val")):
        LSTMRegressor(**TINY).fit(TABLE, y, X_val=TABLE, y_val=[0, 1, 1])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(24), "Sample weights must contain at least one non-zero number"),
        (np.ones(23), r"sample_weight.shape == \(23,\), expected \(24,\)"),
        (-np.ones(24), r"sample_weight is -1.0 in sample 0: valid are finite numbers of 0 or"),
        (np.full(24, np.nan), "Input sample_weight contains NaN in sample 0"),
        (np.full(24, np.inf), r"Input sample_weight contains infinity .* in sample 0"),
        (np.ma.masked_array(np.ones(24), mask=MASK), "sample_weight is masked in sample 3"),
    ],
)
@both
def test_bad_weights(estimator, weights, message, request):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y, weights)
    is_classifier = isinstance(estimator, LSTMClassifier)
    fitted = request.getfixturevalue("classifier" if is_classifier else "regressor")
    with pytest.raises(ValueError, match=message):
        fitted.score(X, y, weights)


def test_targets_of_a_score_and_of_a_validation_set_are_those_of_fit(classifier, regressor):
    columns = np.column_stack([y, y, y])
    of_classifier = r"{} has shape \(24, 3\), but the classifier was fitted on 1 column\(s\)"
    with pytest.raises(ValueError, match=of_classifier.format("y")):
        classifier.score(X, columns)
    with pytest.raises(ValueError, match=of_classifier.format("y_val")):
        clone(classifier).fit(X, y, X_val=X, y_val=columns)
    with pytest.raises(ValueError, match=r"y_val holds \[5, 6\], which are not among the classes"):
        clone(classifier).fit(X, y, X_val=X, y_val=y + 5)
    of_regressor = r"{} has shape \(24, 3\), but the regressor was fitted on a y of shape \(n,\)"
    with pytest.raises(ValueError, match=of_regressor.format("y")):
        regressor.score(X, columns)
    with pytest.raises(ValueError, match=of_regressor.format("y_val")):
        clone(regressor).fit(X, y, X_val=X, y_val=columns)


@pytest.mark.parametrize("X", [[[1.0, 10**400]] * 24, [[[1], [10**400]]] * 24])
def test_integers_that_no_float_holds(X):
    message = "Sequence 0 of X holds an integer in time step 1.* that is larger than a float can be"
    tokens = isinstance(X[0][0], float)
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY, embedding_dim=3 if tokens else None).fit(X, y)


def test_a_class_weight_that_no_float_holds():
    with pytest.raises(ValueError, match=r"class_weight holds 1000.* for the class 0: valid are"):
        LSTMClassifier(**TINY, class_weight={0: 10**400, 1: 1}).fit(X, y)


@pytest.mark.parametrize("classes", [[0, None], [0, np.nan], ["a", None]])
def test_classes_that_are_missing(classes):
    message = f"classes holds {classes[1]!r}: valid are numbers or strings."
    with pytest.raises(ValueError, match=re.escape(message)):
        LSTMClassifier(**TINY).partial_fit(X, y, classes=classes)


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf, None, "heavy", 1j], ids=repr)
@pytest.mark.parametrize("labels", [y, WORDS], ids=["int", "str"])
def test_bad_class_weights(labels, weight):
    label = labels[1]
    message = (
        rf"class_weight holds {weight!r} for the class {label!r}: valid are finite numbers of 0"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        LSTMClassifier(**TINY, class_weight={label: weight}).fit(X, labels)


def test_class_weights_that_leave_nothing():
    with pytest.raises(ValueError, match=r"class_weight=\{0: 0, 1: 0.0\} is 0 for every class"):
        LSTMClassifier(**TINY, class_weight={0: 0, 1: 0.0}).fit(X, y)
    with pytest.raises(ValueError, match=r"The classes, \[1\], are not in class_weight"):
        LSTMClassifier(**TINY, class_weight={0: 1, 7: 2}).fit(X, y)


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "score", "summary", "to_keras", "to_onnx"]
)
def test_not_fitted(method):
    arguments = {"score": (X, y), "predict": (X,), "predict_proba": (X,)}
    with pytest.raises(NotFittedError, match="This LSTMClassifier instance is not fitted yet"):
        getattr(LSTMClassifier(), method)(*arguments.get(method, ()))
    if method != "predict_proba":
        with pytest.raises(NotFittedError, match="This LSTMRegressor instance is not fitted yet"):
            getattr(LSTMRegressor(), method)(*arguments.get(method, ()))


@both
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 0),
        ("units", -3),
        ("units", 2.5),
        ("units", "many"),
        ("units", None),
        ("units", (4, 0)),
        ("units", [4, 2.5]),
        ("units", [[4]]),
        ("bidirectional", "both"),
        ("bidirectional", 3),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", "half"),
        ("pooling", "median"),
        ("pooling", None),
        ("dense_units", 0),
        ("dense_units", (3, -1)),
        ("dense_units", None),
        ("vocabulary_size", 1),
        ("vocabulary_size", 7.0),
        ("embedding_dim", 0),
        ("embedding_dim", 1.5),
        ("timesteps", 0),
        ("timesteps", 2.5),
        ("optimizer", "adamant"),
        ("optimizer", None),
        ("learning_rate", 0),
        ("learning_rate", -0.1),
        ("learning_rate", "fast"),
        ("clipnorm", 0),
        ("clipnorm", -1.0),
        ("batch_size", 0),
        ("batch_size", 3.5),
        ("batch_size", None),
        ("epochs", 0),
        ("epochs", 1.5),
        ("early_stopping", "yes"),
        ("validation_fraction", 1.0),
        ("validation_fraction", -0.1),
        ("n_iter_no_change", 0),
        ("callbacks", print),
        ("callbacks", [3]),
        ("keras_params", ["optimizer__beta_1"]),
        ("keras_params", {"beta_1": 0.8}),
        ("warm_start", "yes"),
        ("random_state", -1),
        ("random_state", "zero"),
        ("verbose", -1),
        ("verbose", "loud"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_parameters_out_of_range(estimator, name, value):
    estimator = type(estimator)(**TINY | {name: value})
    with pytest.raises(ValueError, match=rf"(?s)\b{name}\b.*(Got|is not valid|holds|valid)"):
        estimator.fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (LSTMClassifier, "class_weight", "heavy"),
        (LSTMClassifier, "class_weight", [1, 2]),
        (LSTMRegressor, "loss", "crossentropy"),
        (LSTMRegressor, "loss", None),
        (LSTMRegressor, "quantile", 0.0),
        (LSTMRegressor, "quantile", 1),
    ],
)
def test_parameters_of_one_estimator_out_of_range(estimator, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {estimator.__name__} must be"):
        estimator(**TINY, **{name: value}).fit(X, y)


@pytest.mark.parametrize("loss", ["mse", "mean_squared_error", "mae"])
def test_losses_by_their_names_in_keras(loss):
    message = (
        rf"'loss' parameter of LSTMRegressor must be .*'mse' .* 'squared_error' .* Got '{loss}'"
    )
    with pytest.raises(ValueError, match=message):
        LSTMRegressor(**TINY, loss=loss).fit(X, y)


def test_a_quantile_of_another_loss():
    message = "quantile=0.9 is for loss='quantile', but loss='huber': set loss='quantile', or leave"
    with pytest.raises(ValueError, match=message):
        LSTMRegressor(**TINY, loss="huber", quantile=0.9).fit(X, y)


@pytest.mark.parametrize("name", ["no_such_parameter", "hidden_units"])
def test_there_are_no_other_parameters(name):
    with pytest.raises(TypeError, match=name):
        LSTMClassifier(**{name: 3})
    with pytest.raises(ValueError, match=f"Invalid parameter '{name}' for estimator LSTMClass"):
        LSTMClassifier().set_params(**{name: 3})


def test_parameters_after_units_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        LSTMClassifier(64, True)


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer__beta_3": 0.5},
        {"optimizer__nonsense": 1},
        {"loss__nonsense": 1},
    ],
)
def test_unknown_keras_params(params):
    name = next(iter(params)).split("__")[1]
    with pytest.raises((ValueError, TypeError), match=name):
        LSTMClassifier(**TINY, keras_params=params).fit(X, y)


def test_a_callback_class_is_not_a_callback():
    import keras

    with pytest.raises(ValueError, match=r"callbacks holds .*EarlyStopping"):
        LSTMClassifier(**TINY, callbacks=[keras.callbacks.EarlyStopping]).fit(X, y)


@both
def test_early_stopping_needs_a_validation_set(estimator):
    estimator = type(estimator)(**TINY, early_stopping=True, validation_fraction=0)
    with pytest.raises(ValueError, match=r"early_stopping=True needs .* \(it is 0\), or X_val"):
        estimator.fit(X, y)


@both
def test_validation_data_go_together(estimator):
    with pytest.raises(ValueError, match="X_val and y_val go together, but y_val is None"):
        estimator.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val and y_val go together, but X_val is None"):
        estimator.fit(X, y, y_val=y)
    with pytest.raises(ValueError, match=r": \[24, 4\]: X_val has 24, but y_val has 4\."):
        estimator.fit(X, y, X_val=X, y_val=y[:4])
    with pytest.raises(ValueError, match=r"X_val is not valid\. X has 1 features per time step"):
        estimator.fit(X, y, X_val=X[:, :, :1], y_val=y)


def test_validation_labels_must_be_classes():
    with pytest.raises(
        ValueError, match=r"^y_val holds \[7\], which are not among the classes \[0, 1\]"
    ):
        LSTMClassifier(**TINY).fit(X, y, X_val=X[:2], y_val=[1, 7])
    with pytest.raises(ValueError, match=r"^y_val has shape \(24, 2\), but the regressor was"):
        LSTMRegressor(**TINY).fit(X, y, X_val=X, y_val=X[:, 0])
    with pytest.raises(ValueError, match="All samples of X_val have the weight 0"):
        LSTMClassifier(**TINY, class_weight={0: 0, 1: 1}).fit(X, y, X_val=X[:1], y_val=y[:1])


@both
def test_errors_of_a_validation_set_name_it(estimator):
    with pytest.raises(ValueError, match=r"y_val has shape \(24, 2\), but the .* was fitted on"):
        estimator.fit(X, y, X_val=X, y_val=np.c_[y, 1 - y])
    with pytest.raises(ValueError, match="leave such samples out, of X_val and of y_val"):
        estimator.fit(X, y, X_val=X, y_val=[None, *y[1:]])
    with pytest.raises(ValueError, match=r"X_val is not valid\. Sequence 1 of X is None"):
        estimator.fit(X, y, X_val=[X[0], None], y_val=y[:2])


def test_one_row_leaves_no_validation_set():
    with pytest.raises(ValueError, match=r"validation_fraction=0\.5 of 1 sample leaves nothing"):
        LSTMRegressor(**TINY, validation_fraction=0.5).fit(X[:1], y[:1])


def test_partial_fit_needs_its_classes():
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        LSTMClassifier(**TINY).partial_fit(X, y)
    fitted = LSTMClassifier(**TINY).partial_fit(X, y, classes=[1, 0])
    with pytest.raises(ValueError, match="is not the same as on the first call to partial_fit"):
        fitted.partial_fit(X, y, classes=[0, 2])
    with pytest.raises(
        ValueError, match=r"y holds \[2\], which are not among the classes \[0, 1\]"
    ):
        fitted.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="class_weight='balanced' is not known from a part"):
        LSTMClassifier(**TINY, class_weight="balanced").partial_fit(X, y, classes=[0, 1])


def test_partial_fit_keeps_the_columns_of_y():
    regressor = LSTMRegressor(**TINY).partial_fit(X, np.c_[y, y])
    with pytest.raises(ValueError, match=r"y has shape \(24,\), but .* on a y of shape \(n, 2\)"):
        regressor.partial_fit(X, y)
    classifier = LSTMClassifier(**TINY).partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"y has shape \(24, 2\), but the classifier was fitted"):
        classifier.partial_fit(X, np.c_[y, 1 - y])


def test_class_weight_of_several_labels():
    with pytest.raises(ValueError, match="class_weight='balanced' weighs single labels"):
        LSTMClassifier(**TINY, class_weight="balanced").fit(X, np.c_[y, y])


def test_no_layer_at_all_reads_numbers_too():
    fitted = LSTMClassifier(**TINY | {"units": ()}).fit(SEQUENCES, y)
    np.testing.assert_allclose(
        fitted.predict_proba(nan_padded(SEQUENCES, 6)),
        fitted.predict_proba(object_array(SEQUENCES)),
        rtol=1e-6,
    )
