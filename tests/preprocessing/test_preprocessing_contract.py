"""The scikit-learn contract for all transformers, and what scikit-learn cannot check of it."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler, TargetEncoder
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import check_estimator

from sklstm import preprocessing
from sklstm.preprocessing import (
    CharOneHotEncoder,
    SequencePadder,
    SequenceTokenizer,
    SlidingWindow,
    TimeDistributed,
)

TEXTS = ["to be", "or not to be", "that is"]
RAGGED = [np.arange(6.0).reshape(3, 2), np.ones((1, 2)), np.full((2, 2), 0.5)]
PADDED = np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [np.nan, np.nan]]], dtype=np.float32)
CASES = {
    "chars": (CharOneHotEncoder(), TEXTS),
    "words": (SequenceTokenizer(), TEXTS),
    "char ids": (SequenceTokenizer("char"), np.array(TEXTS)),
    "padder, list": (SequencePadder(), RAGGED),
    "padder, array": (SequencePadder(padding="pre"), PADDED),
    "padder, ids": (SequencePadder(), [[3, 4], [5]]),
    "time steps, list": (TimeDistributed(StandardScaler()), RAGGED),
    "time steps, array": (TimeDistributed(StandardScaler()), PADDED),
    "windows": (SlidingWindow(2), PADDED[0]),
}
every_case = pytest.mark.parametrize(("transformer", "X"), CASES.values(), ids=CASES.keys())

# what scikit-learn can check without numeric 2-D input; check_estimator runs none of them then
INPUT_FREE_CHECKS = [
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_n_features_in_after_fitting",
    "check_estimators_unfitted",
    "check_transformers_unfitted",
    "check_transformer_n_iter",
]
ROWS_DEPEND_ON_ROWS = "the window of a row holds the rows before it"
EXPECTED_TO_FAIL = {
    "check_methods_subset_invariance": ROWS_DEPEND_ON_ROWS,
    "check_methods_sample_order_invariance": ROWS_DEPEND_ON_ROWS,
}


def assert_same(actual, expected):
    assert type(actual) is type(expected)
    if isinstance(expected, np.ndarray) and expected.dtype != object:
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)
        return
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize("check_name", INPUT_FREE_CHECKS)
@pytest.mark.parametrize(
    "transformer",
    [
        CharOneHotEncoder(),
        SequenceTokenizer(),
        SequencePadder(),
        TimeDistributed(StandardScaler()),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_input_free_checks(transformer, check_name):
    check = getattr(estimator_checks, check_name)
    check(type(transformer).__name__, transformer)


@pytest.mark.parametrize("length", [2, 10])
def test_check_estimator_of_sliding_window(monkeypatch, length):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    results = check_estimator(
        SlidingWindow(length), expected_failed_checks=EXPECTED_TO_FAIL, on_skip=None
    )
    assert len(results) >= 47
    not_passed = {r["check_name"]: r["status"] for r in results if r["status"] != "passed"}
    assert not_passed == dict.fromkeys(EXPECTED_TO_FAIL, "xfail")


def test_window_of_one_row_passes_all_checks(monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    results = check_estimator(SlidingWindow(1), on_skip=None)
    assert {r["status"] for r in results} == {"passed"}


@pytest.mark.parametrize(
    ("transformer", "input_tags", "preserves_dtype"),
    [
        (CharOneHotEncoder(), {"string", "one_d_array"}, []),
        (SequenceTokenizer(), {"string", "one_d_array"}, []),
        (SequencePadder(), {"three_d_array", "allow_nan"}, ["float64", "float32"]),
        (SlidingWindow(), {"two_d_array"}, ["float64", "float32"]),
        (
            TimeDistributed(StandardScaler()),
            {"three_d_array", "allow_nan"},
            ["float64", "float32"],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_tags(transformer, input_tags, preserves_dtype):
    tags = get_tags(transformer)
    names = [name for name in tags.input_tags.__slots__ if getattr(tags.input_tags, name)]
    assert set(names) == input_tags
    assert tags.transformer_tags.preserves_dtype == preserves_dtype
    assert tags.requires_fit
    assert not tags.target_tags.required
    assert not any([tags.no_validation, tags.non_deterministic, tags._skip_test])


def test_tags_of_time_distributed_come_from_the_transformer():
    assert get_tags(TimeDistributed(TargetEncoder())).target_tags.required


@every_case
def test_fit_transform_is_fit_then_transform(transformer, X):
    fitted = clone(transformer).fit(X)
    assert_same(clone(transformer).fit_transform(X), fitted.transform(X))
    assert_same(fitted.transform(X), fitted.transform(X))


@every_case
def test_input_is_unchanged(transformer, X):
    before = copy.deepcopy(X)
    transformer = clone(transformer).fit(X)
    transformer.inverse_transform(transformer.transform(X))
    assert_same(X, before)


@every_case
def test_output_does_not_share_memory_with_the_input(transformer, X):
    X = copy.deepcopy(X)
    X_out = clone(transformer).fit_transform(X)
    expected = copy.deepcopy(X_out)
    for x in X:
        if isinstance(x, np.ndarray):
            x[:] = 99
    assert_same(X_out, expected)


@every_case
def test_transform_changes_no_state(transformer, X):
    transformer = clone(transformer).fit(X)
    before = pickle.dumps(transformer)
    transformer.inverse_transform(transformer.transform(X))
    assert pickle.dumps(transformer) == before


@every_case
def test_pickle(transformer, X):
    transformer = clone(transformer).fit(X)
    loaded = pickle.loads(pickle.dumps(transformer))
    assert_same(loaded.transform(X), transformer.transform(X))


@every_case
def test_refit_forgets(transformer, X):
    first = clone(transformer).fit(X[:1])
    assert_same(first.fit(X).transform(X), clone(transformer).fit_transform(X))


@every_case
def test_unfitted(transformer, X):
    transformer = clone(transformer)
    for method in ("transform", "inverse_transform"):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            getattr(transformer, method)(X)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        transformer.get_feature_names_out()


@every_case
@pytest.mark.parametrize("globally", [False, True])
def test_set_output_never_breaks(transformer, X, globally):
    expected = clone(transformer).fit_transform(X)
    pipeline = Pipeline([("only", clone(transformer))])
    with sklearn.config_context(transform_output="pandas" if globally else "default"):
        if not globally:
            pipeline.set_output(transform="pandas")
        X_out = pipeline.fit_transform(X)
    if isinstance(transformer, SequenceTokenizer):
        assert isinstance(X_out, pd.DataFrame)
        X_out = X_out.to_numpy()
    assert_same(X_out, expected)


def test_subclasses_do_not_wrap_either():
    class Mine(SequencePadder):
        """Another padder."""

    padder = Mine().set_output(transform="pandas")
    assert type(padder.fit_transform(PADDED)) is np.ndarray


@pytest.mark.parametrize(
    "transformer", [CharOneHotEncoder(), SequenceTokenizer(), SequenceTokenizer("char")]
)
@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("to be", ValueError, r"X is one string, 'to be': valid is a list .* pass \[text\]"),
        ([], ValueError, r"X is empty: found 0 sample\(s\)"),
        (["a", 3], TypeError, "Sample 1 of X is 3 of type int: valid is"),
        (["a", np.nan], TypeError, "Sample 1 of X is nan of type float"),
        ([None], TypeError, "Sample 0 of X is None of type NoneType"),
        ([b"to be"], TypeError, "Sample 0 of X is b'to be' of type bytes"),
        (3, TypeError, "X is of type int: valid is a list or a 1-D array of strings"),
        (np.array([["a", "b"]]), ValueError, r"X has shape \(1, 2\): valid is"),
        (pd.DataFrame({"text": ["a"], "n": [1]}), ValueError, r"take the column .* X\['name'\]"),
        (b"to be", TypeError, "X is of type bytes: valid is"),
        ({"text": ["a"]}, TypeError, "X is of type dict: valid is"),
        ({"a"}, TypeError, "X is of type set: valid is"),
        (iter(["a"]), TypeError, r"X is of type list_iterator: .* pass list\(X\)"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_no_list_of_strings(transformer, X, error, message):
    with pytest.raises(error, match=message):
        clone(transformer).fit(X)
    fitted = clone(transformer).fit(["a"])
    with pytest.raises(error, match=message):
        fitted.transform(X)


@pytest.mark.parametrize("transformer", [SequencePadder(), TimeDistributed(MinMaxScaler())])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((3, 2)), r"X has shape \(3, 2\), but sequences are needed: valid are an"),
        (
            pd.DataFrame(np.ones((3, 2))),
            r"X is one DataFrame of shape \(3, 2\), but sequences are needed: pass \[X\] if it is "
            r"one sequence, or sequences_from_table\(X, by=\.\.\., order_by=\.\.\.\)\.X if",
        ),
        (np.ones(3), r"X has shape \(3,\)"),
        ({1: 2}, "X is of type dict: valid are"),
        ([], r"X is empty: found 0 sample\(s\)"),
        (np.ones((0, 3, 2)), r"empty: found array with 0 sample\(s\)"),
        ([[1.0], []], "Sequence 1 of X is empty"),
        ([[1.0], [np.nan]], "Sequence 1 of X is empty: it has no time step other than NaN"),
        ([[1.0], [1.0, np.inf]], "contains infinity in sample 1 at time step 1"),
        ([np.ones((2, 2)), np.ones((2, 3))], "Sequence 1 of X has 3 features per time step"),
        (["ab"], "X holds strings .*'ab'"),
        ([["a", "b"]], "Sequence 0 of X holds 'a' in time step 0, which is not a number"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_what_is_no_sequences(transformer, X, message):
    with pytest.raises(ValueError, match=message):
        clone(transformer).fit(X)


@pytest.mark.parametrize("transformer", [SequencePadder(), TimeDistributed(MinMaxScaler())])
def test_another_number_of_features(transformer):
    transformer = clone(transformer).fit(PADDED)
    assert transformer.n_features_in_ == 2
    message = "X has 3 features per time step, but .* is expecting 2 features per time step"
    with pytest.raises(ValueError, match=message):
        transformer.transform([np.ones((2, 3))])


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (CharOneHotEncoder(vocabulary=3), "The 'vocabulary' parameter .* Got 3 instead"),
        (CharOneHotEncoder(max_length=0), "The 'max_length' parameter .* Got 0 instead"),
        (
            CharOneHotEncoder(handle_unknown="no"),
            "'handle_unknown' .* {'error', 'ignore'}|{'ignore', 'error'}",
        ),
        (SequenceTokenizer("line"), "The 'level' parameter .* Got 'line' instead"),
        (SequenceTokenizer(num_words=0), "The 'num_words' parameter .* Got 0 instead"),
        (SequenceTokenizer(max_length=-1), "The 'max_length' parameter .* Got -1 instead"),
        (SequenceTokenizer(padding="left"), "The 'padding' parameter .* Got 'left' instead"),
        (SequenceTokenizer(truncating="end"), "The 'truncating' parameter .* Got 'end' instead"),
        (SequenceTokenizer(lowercase="yes"), "The 'lowercase' parameter .* Got 'yes' instead"),
        (SequenceTokenizer(token_pattern=3), "The 'token_pattern' parameter .* Got 3"),
        (SequencePadder(0), "The 'max_length' parameter .* Got 0 instead"),
        (SequencePadder(padding="both"), "The 'padding' parameter .* Got 'both' instead"),
        (SequencePadder(truncating="both"), "The 'truncating' parameter .* Got 'both' instead"),
        (SlidingWindow(0), r"The 'window' parameter .* range \[1, inf\). Got 0 instead"),
        (SlidingWindow(2.0), "The 'window' parameter .* must be an int .* Got 2.0 instead"),
        (TimeDistributed("scale"), "The 'transformer' parameter .* 'fit' and 'transform'"),
    ],
    ids=repr,
)
def test_parameters_out_of_range(transformer, message):
    X = np.ones((3, 2)) if isinstance(transformer, SlidingWindow) else TEXTS
    with pytest.raises(ValueError, match=message):
        transformer.fit(X)


def test_everything_public_is_exported():
    assert sorted(preprocessing.__all__) == preprocessing.__all__
    assert all(getattr(preprocessing, name).__doc__ for name in preprocessing.__all__)


SEQUENCE_TRANSFORMERS = pytest.mark.parametrize(
    "transformer", [SequencePadder(), TimeDistributed(StandardScaler())], ids=["padder", "steps"]
)


@SEQUENCE_TRANSFORMERS
def test_names_of_the_features_in_lists_of_data_frames(transformer):
    frames = [pd.DataFrame(sequence, columns=["a", "b"]) for sequence in RAGGED]
    fitted = clone(transformer).fit(frames)
    assert (fitted.n_features_in_, fitted.feature_names_in_.tolist()) == (2, ["a", "b"])
    swapped = [frame[["b", "a"]] for frame in frames]
    for X in (swapped, tuple(swapped), pd.Series(swapped)):
        with pytest.raises(ValueError, match=r"(?s)Sequence 0 of X: .*must be in the same order"):
            fitted.transform(X)
    with pytest.raises(ValueError, match=r"Sequence 2 of X has the columns \['b', 'a'\], but seq"):
        fitted.fit([*frames[:2], swapped[2]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        fitted.transform(RAGGED)
    assert not hasattr(fitted.fit(RAGGED), "feature_names_in_")


def test_padder_of_token_ids_has_no_names():
    frames = [pd.DataFrame(sequence, columns=["a", "b"]) for sequence in RAGGED]
    fitted = SequencePadder().fit(frames).fit([[3, 4], [5]])
    assert fitted.n_features_in_ == 1
    assert not hasattr(fitted, "feature_names_in_")


class Sliced:
    """An array that has no more than a shape, a dtype and slices, such as one in a file."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, rows):
        return self.array[rows]


@SEQUENCE_TRANSFORMERS
def test_arrays_that_are_not_in_memory(transformer):
    expected = clone(transformer).fit_transform(PADDED)
    np.testing.assert_array_equal(clone(transformer).fit_transform(Sliced(PADDED)), expected)
