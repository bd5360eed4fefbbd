"""Every mistake in y and weights has a message that names the place and says what is valid."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone

from forms import SEQUENCES, TABLE, X, both, with_value, y
from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY


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
