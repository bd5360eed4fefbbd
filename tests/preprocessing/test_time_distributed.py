"""TimeDistributed: a transformer of tables on every time step."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.svm import SVC

from sklstm.preprocessing import SequencePadder, TimeDistributed


def draw_ragged(seed=0, n=6, n_features=3, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.normal(2, 3, (rng.integers(1, 6), n_features)).astype(dtype) for _ in range(n)]


@given(st.integers(0, 2**16), st.sampled_from(["post", "pre"]))
@settings(max_examples=30)
def test_equals_the_transformer_on_all_steps(seed, padding):
    X = draw_ragged(seed)
    scaler = StandardScaler().fit(np.concatenate(X))
    distributed = TimeDistributed(StandardScaler())
    for actual, x in zip(distributed.fit_transform(X), X, strict=True):
        assert_allclose(actual, scaler.transform(x))
    padder = SequencePadder(7, padding=padding)
    padded = padder.fit_transform(X)
    actual = padder.inverse_transform(TimeDistributed(StandardScaler()).fit_transform(padded))
    for a, x in zip(actual, X, strict=True):
        assert_allclose(a, scaler.transform(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_padding_and_dtype_stay(dtype):
    padded = SequencePadder(8, padding="pre").fit_transform(draw_ragged(dtype=dtype))
    X_out = TimeDistributed(PCA(2)).fit_transform(padded)
    assert X_out.shape == (6, 8, 2)
    assert X_out.dtype == dtype
    assert_array_equal(np.isnan(X_out).all(axis=2), np.isnan(padded).all(axis=2))
    assert_array_equal(np.isnan(X_out).any(axis=2), np.isnan(padded).all(axis=2))


def test_form_stays():
    X = draw_ragged()
    objects = np.empty(len(X), dtype=object)
    objects[:] = X
    distributed = TimeDistributed(StandardScaler()).fit(X)
    as_list, as_objects = distributed.transform(X), distributed.transform(objects)
    assert isinstance(as_list, list)
    assert isinstance(as_objects, np.ndarray)
    assert as_objects.shape == (len(X),)
    for a, b, x in zip(as_list, as_objects, X, strict=True):
        assert a.shape == x.shape
        assert_array_equal(a, b)


def test_padding_in_a_list_stays():
    X = [np.array([[1.0], [3.0], [np.nan]]), np.array([[np.nan], [5.0]])]
    out = TimeDistributed(StandardScaler(with_std=False)).fit_transform(X)
    assert_array_equal(out[0], [[-2.0], [0.0], [np.nan]])
    assert_array_equal(out[1], [[np.nan], [2.0]])


def test_one_dimensional_sequences_have_one_feature():
    out = TimeDistributed(StandardScaler()).fit_transform([[1.0, 2.0], [3.0]])
    assert [x.shape for x in out] == [(2, 1), (1, 1)]


@pytest.mark.parametrize("as_array", [False, True])
def test_inverse(as_array):
    X = draw_ragged()
    X = SequencePadder().fit_transform(X) if as_array else X
    distributed = TimeDistributed(make_pipeline(StandardScaler(), PCA(3)))
    back = distributed.inverse_transform(distributed.fit_transform(X))
    for b, x in zip(back, X, strict=True):
        assert_allclose(b, x)


def test_methods_are_those_of_the_transformer():
    assert hasattr(TimeDistributed(StandardScaler()), "inverse_transform")
    assert not hasattr(TimeDistributed(SimpleImputer()), "partial_fit")
    assert not hasattr(TimeDistributed(LinearDiscriminantAnalysis()), "inverse_transform")


def test_feature_names():
    distributed = TimeDistributed(PCA(2)).fit(draw_ragged())
    assert distributed.get_feature_names_out().tolist() == ["pca0", "pca1"]
    scaled = TimeDistributed(StandardScaler()).fit(draw_ragged())
    assert scaled.get_feature_names_out(["a", "b", "c"]).tolist() == ["a", "b", "c"]


def test_transformer_is_cloned():
    scaler = StandardScaler()
    distributed = TimeDistributed(scaler).fit(draw_ragged())
    assert not hasattr(scaler, "mean_")
    assert distributed.transformer_.mean_.shape == (3,)
    assert distributed.n_features_in_ == 3


def test_nested_parameters_in_a_grid_search():
    X = np.random.default_rng(0).normal(size=(30, 4, 2)) * [1, 100]
    y = (X[:, 0, 0] > 0).astype(int)
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    pipeline = make_pipeline(TimeDistributed(StandardScaler()), flatten, SVC())
    grid = {"timedistributed__transformer__with_std": [False, True]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_params_ == {"timedistributed__transformer__with_std": True}


def test_list_in_a_grid_search_is_split():
    X, y = draw_ragged(n=12), np.arange(12) % 2
    last = FunctionTransformer(lambda X: np.array([x[-1] for x in X]))
    pipeline = make_pipeline(TimeDistributed(StandardScaler()), last, SVC())
    search = GridSearchCV(pipeline, {"svc__C": [1.0]}, cv=2, error_score="raise").fit(X, y)
    assert search.predict(X).shape == (12,)


def test_partly_missing_steps_can_be_imputed():
    X = np.array([[[1.0, np.nan], [3.0, 4.0], [np.nan, np.nan]]])
    out = TimeDistributed(SimpleImputer()).fit_transform(X)
    assert_array_equal(out, [[[1.0, 4.0], [3.0, 4.0], [np.nan, np.nan]]])
    with pytest.raises(ValueError, match="contains NaN"):
        TimeDistributed(PCA(1)).fit(X)


GAPS = [np.array([[1.0], [np.nan], [3.0], [np.nan]]), np.array([[np.nan], [8.0]])]


@pytest.mark.parametrize("as_array", [False, True])
def test_a_gap_inside_a_sequence_can_be_imputed(as_array):
    """Time steps that are absent at the ends stay absent."""
    X = np.stack([GAPS[0], [*GAPS[1], [np.nan], [np.nan]]]) if as_array else GAPS
    out = TimeDistributed(SimpleImputer()).fit_transform(X)
    assert_array_equal(out[0], [[1.0], [4.0], [3.0], [np.nan]])
    assert_array_equal(out[1][:2], [[np.nan], [8.0]])
    assert np.isnan(out[1][2:]).all()


def test_a_gap_reaches_the_transformer():
    """It may keep it, or say that it cannot."""
    out = TimeDistributed(StandardScaler(with_std=False)).fit_transform(GAPS)
    assert_array_equal(out[0], [[-3.0], [np.nan], [-1.0], [np.nan]])
    with pytest.raises(ValueError, match=r"Input X contains NaN.\nPCA does not accept missing"):
        TimeDistributed(PCA(1)).fit(GAPS)


def test_targets_of_a_gap():
    inner = TimeDistributed(Recorder()).fit(GAPS, [4, 5]).transformer_
    assert_array_equal(inner.y_, [4, 4, 4, 5])


def test_masked_sequences():
    X = np.ma.masked_array([[[1.0], [9.0], [3.0], [9.0]]], [[[0], [1], [0], [1]]])
    out = TimeDistributed(SimpleImputer()).fit_transform(X)
    assert_array_equal(out, [[[1.0], [2.0], [3.0], [np.nan]]])


def test_a_feature_without_values():
    X = np.array([[[1.0, np.nan], [3.0, np.nan]]])
    with pytest.warns(UserWarning, match="Feature") as caught:
        out = TimeDistributed(StandardScaler()).fit_transform(X)
    assert [str(warning.message) for warning in caught] == [
        "Feature(s) 1 of X are NaN at every time step, so that nothing can be learnt of them: "
        "leave them out."
    ]
    assert_array_equal(out, [[[-1.0, np.nan], [1.0, np.nan]]])


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda rows: rows[1:], r"shape \(3, 1\) and dtype float64"),
        (lambda rows: rows[:, 0], r"shape \(4,\) and dtype float64"),
        (lambda rows: None, r"shape \(\) and dtype object"),
        (lambda rows: rows.astype(str), r"shape \(4, 1\) and dtype <U"),
    ],
)
def test_a_transformer_has_to_return_a_row_for_each_step(function, shape):
    distributed = TimeDistributed(FunctionTransformer(function)).fit(GAPS)
    message = f"^transform of FunctionTransformer returned an array of {shape}.* for 4 time steps"
    with pytest.raises(ValueError, match=message):
        distributed.transform(GAPS)


def test_text_that_a_transformer_returns_is_named():
    to_text = FunctionTransformer(lambda rows: np.where(rows > 2, "high", rows).astype(object))
    message = "What transform of FunctionTransformer returned holds 'high' in row 2, column 0, wh"
    with pytest.raises(ValueError, match=message):
        TimeDistributed(to_text).fit_transform(GAPS)


def test_sparse_and_integer_output():
    X = [[0.0, 1.0], [2.0]]
    out = TimeDistributed(OneHotEncoder()).fit_transform(X)
    assert_array_equal(out[0], [[1, 0, 0], [0, 1, 0]])
    integers = FunctionTransformer(lambda X: X.astype(np.int32))
    assert TimeDistributed(integers).fit_transform(X)[0].dtype == np.float64


def test_inner_data_frames_become_arrays():
    scaler = StandardScaler().set_output(transform="pandas")
    out = TimeDistributed(scaler).fit_transform([[0.0, 2.0]])
    assert_array_equal(out[0], [[-1.0], [1.0]])


@pytest.mark.parametrize("as_y", [list, np.array, pd.Series])
def test_steps_get_the_target_of_their_sequence(as_y):
    X = np.array([[[0.0, 5.0], [0.1, 1.0]], [[1.0, 2.0], [np.nan, np.nan]]])
    distributed = TimeDistributed(SelectKBest(k=1)).fit(X, as_y([0, 1]))
    expected = SelectKBest(k=1).fit(X.reshape(4, 2)[:3], [0, 0, 1])
    assert_array_equal(distributed.transformer_.scores_, expected.scores_)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TimeDistributed(SelectKBest(k=1)).fit(X, as_y([0, 1, 1]))


def test_several_targets_per_sequence():
    X, y = draw_ragged(n=2), np.array([[0, 1], [2, 3]])
    inner = TimeDistributed(Recorder()).fit(X, y).transformer_
    assert_array_equal(inner.y_, np.repeat(y, [len(x) for x in X], axis=0))


class Recorder(BaseEstimator):
    """Remembers y."""

    def fit(self, X, y=None):
        self.y_ = y
        return self

    def transform(self, X):
        return X


def test_errors_of_the_transformer_come_through():
    with pytest.raises(ValueError, match="KBinsDiscretizer"):
        TimeDistributed(KBinsDiscretizer(n_bins=1)).fit(draw_ragged())
    distributed = TimeDistributed(PCA(2)).fit(draw_ragged())
    with pytest.raises(ValueError, match="4"):
        distributed.inverse_transform([np.ones((2, 4))])


def test_clone_keeps_the_inner_parameters():
    distributed = clone(TimeDistributed(StandardScaler(with_mean=False)))
    assert distributed.get_params()["transformer__with_mean"] is False
