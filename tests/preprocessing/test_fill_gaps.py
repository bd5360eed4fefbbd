"""FillGaps: what is missing inside sequences is filled, and told, by the formulas of the paper."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import check_estimator

from sklstm import LSTMClassifier, TimeDistributed
from sklstm.preprocessing import FillGaps
from tasks import TINY, first_step_task

NAN = np.nan
ONE = np.array([[NAN, 1.0, NAN, NAN, 4.0, NAN]])[:, :, np.newaxis]
values = st.lists(st.one_of(st.none(), st.floats(-9, 9)), min_size=1, max_size=9)
ragged = st.lists(values, min_size=1, max_size=4).filter(
    lambda sequences: all(any(v is not None for v in one) for one in sequences)
)


def as_arrays(sequences):
    return [np.array(one, dtype=float) for one in sequences]


def inside(one):
    """Return where a sequence begins and ends without its padding."""
    known = np.flatnonzero(~np.isnan(one))
    return known[0], known[-1] + 1


@given(ragged)
def test_forward_is_that_of_pandas(sequences):
    X = as_arrays(sequences)
    for one, filled in zip(X, FillGaps().fit_transform(X), strict=True):
        start, stop = inside(one)
        np.testing.assert_array_equal(filled[start:stop, 0], pd.Series(one[start:stop]).ffill())
        assert np.isnan(filled[:start]).all()
        assert np.isnan(filled[stop:]).all()


@given(ragged, st.data())
def test_linear_is_that_of_numpy(sequences, data):
    X = as_arrays(sequences)
    steps = st.floats(0.5, 3)
    times = [np.cumsum(data.draw(st.lists(steps, min_size=len(x), max_size=len(x)))) for x in X]
    whole = [np.c_[x, t] for x, t in zip(X, times, strict=True)]
    by_steps = FillGaps("linear").fit_transform(X)
    by_times = FillGaps("linear", times=1).fit_transform(whole)
    for one, t, first, second in zip(X, times, by_steps, by_times, strict=True):
        known = ~np.isnan(one)
        start, stop = inside(one)
        expected = np.interp(np.arange(len(one)), np.flatnonzero(known), one[known])
        np.testing.assert_allclose(first[start:stop, 0], expected[start:stop], atol=1e-12)
        np.testing.assert_allclose(second[:, 0], np.interp(t, t[known], one[known]), atol=1e-12)


@given(ragged, st.data())
def test_masks_and_deltas_are_those_of_the_paper(sequences, data):
    """Che et al. 2018, equations 1 and 2, step by step; the times tell that all steps exist."""
    X = as_arrays(sequences)
    steps = st.floats(0, 3)
    times = [np.cumsum(data.draw(st.lists(steps, min_size=len(x), max_size=len(x)))) for x in X]
    whole = [np.c_[t, x] for x, t in zip(X, times, strict=True)]
    transformer = FillGaps(times=0, add_mask=True, add_delta=True, add_interval=True)
    for one, s, out in zip(X, times, transformer.fit_transform(whole), strict=True):
        mask = ~np.isnan(one)
        delta, interval = np.zeros((2, len(one)))
        for t in range(1, len(one)):
            interval[t] = s[t] - s[t - 1]
            delta[t] = interval[t] + (0 if mask[t - 1] else delta[t - 1])
        np.testing.assert_array_equal(out[:, 1], mask)
        np.testing.assert_allclose(out[:, 2], delta, atol=1e-12)
        np.testing.assert_allclose(out[:, 3], interval, atol=1e-12)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("forward", [NAN, 1, 1, 1, 4, NAN]),
        ("linear", [NAN, 1, 2, 3, 4, NAN]),
        ("mean", [NAN, 1, 2.5, 2.5, 4, NAN]),
        (-1, [NAN, 1, -1, -1, 4, NAN]),
        ({0: "linear"}, [NAN, 1, 2, 3, 4, NAN]),
        ({}, [NAN, 1, 1, 1, 4, NAN]),
    ],
)
def test_methods(method, expected):
    filled = FillGaps(method).fit_transform(ONE)
    np.testing.assert_array_equal(filled[0, :, 0], expected)


def test_what_no_value_is_known_for_is_the_mean_of_fit():
    X = np.array([[[1.0, NAN], [2.0, 8.0]], [[3.0, 6.0], [4.0, 7.0]]])
    fitted = FillGaps().fit(X)
    np.testing.assert_array_equal(fitted.fill_values_, [2.5, 7])
    assert fitted.transform(X)[0, 0, 1] == 7
    never = np.array([[[1.0, NAN], [2.0, NAN]]])
    for method in ("forward", "linear"):
        other = FillGaps(method).fit(X).transform(never)
        np.testing.assert_array_equal(other[0], [[1, 7], [2, 7]])
    np.testing.assert_array_equal(FillGaps(0).fit(X).transform(never)[0, :, 1], [0, 0])


def test_features_have_methods_of_their_own():
    X = np.full((1, 4, 3), NAN)
    X[0, [0, 3]] = [[1, 10, 100], [4, 40, 400]]
    filled = FillGaps({0: "linear", -1: 5}).fit_transform(X)[0]
    np.testing.assert_array_equal(filled, [[1, 10, 100], [2, 10, 5], [3, 10, 5], [4, 40, 400]])


def test_the_mean_knows_nothing_of_what_is_transformed():
    fitted = FillGaps("mean").fit([[1.0, 3.0]])
    np.testing.assert_array_equal(fitted.transform([[9.0, NAN, 9.0]])[0][:, 0], [9, 2, 9])


def test_a_gap_takes_the_time_between_its_neighbours():
    X = np.array([[[0.0, 1.0], [NAN, NAN], [4.0, 5.0], [NAN, NAN]]])  # times, values
    out = FillGaps("linear", times=0, add_delta=True, add_interval=True).fit_transform(X)
    np.testing.assert_array_equal(out[0], [[1, 0, 0], [3, 2, 2], [5, 4, 2], [NAN, NAN, NAN]])


def test_steps_at_one_time():
    X = [np.array([[0.0, 1.0], [1.0, NAN], [1.0, 3.0]]), np.array([[2.0, 7], [2, NAN], [2, 9]])]
    first, second = FillGaps("linear", times=0).fit_transform(X)
    assert first[:, 0].tolist() == [1, 3, 3]
    assert second[:, 0].tolist() == [7, 7, 9]


# Forms of X


def test_forms_of_x():
    X = np.array([[[1.0, NAN], [NAN, NAN], [3.0, 4.0]], [[5.0, 6.0], [NAN, 7.0], [NAN, NAN]]])
    expected = np.array([[[1, 17 / 3], [1, 17 / 3], [3, 4]], [[5, 6], [5, 7], [NAN, NAN]]])
    lists = [X[0], X[1, :2]]
    transformer = FillGaps()
    for array in (X, np.ma.masked_invalid(X)):
        out = transformer.fit_transform(array)
        assert type(out) is np.ndarray
        np.testing.assert_allclose(out, expected)
    for sequences in (lists, tuple(lists), pd.Series(lists), [x.tolist() for x in lists]):
        out = transformer.fit_transform(sequences)
        assert type(out) is list
        np.testing.assert_allclose(out[0], expected[0])
        np.testing.assert_allclose(out[1], expected[1, :2])
    objects = np.fromiter(lists, object, 2)
    assert transformer.fit_transform(objects).dtype == object
    table = FillGaps(timesteps=3).fit_transform(X.reshape(2, 6))
    np.testing.assert_allclose(table, expected.reshape(2, 6))
    assert transformer.fit_transform([[1.0, None, 3.0], [4]])[0].tolist() == [[1], [1], [3]]


@pytest.mark.parametrize(
    ("dtype", "expected"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("?", "f4")]
)
def test_dtype(dtype, expected):
    X = np.ones((2, 3, 1), dtype)
    assert FillGaps(add_mask=True).fit_transform(X).dtype == expected
    assert FillGaps(add_mask=True).fit_transform(list(X))[0].dtype == expected


def test_names_and_columns_of_a_table():
    frame = pd.DataFrame(
        [[1.0, 2.0, NAN, 4.0]], columns=["load_1", "wind_1", "load_2", "wind_2"], index=["x"]
    )
    transformer = FillGaps(timesteps=2, add_mask=True, add_delta=True, add_interval=True)
    out = transformer.fit_transform(frame)
    names = [
        "load_1", "wind_1", "mask_load_1", "mask_wind_1", "delta_load_1", "delta_wind_1",
        "interval_0", "load_2", "wind_2", "mask_load_2", "mask_wind_2", "delta_load_2",
        "delta_wind_2", "interval_1",
    ]  # fmt: skip
    assert out.columns.tolist() == transformer.get_feature_names_out().tolist() == names
    assert out.index.tolist() == ["x"]
    assert out.loc["x"].tolist() == [1, 2, 1, 1, 0, 0, 0, 1, 4, 0, 1, 1, 1, 1]


def test_names_of_arrays():
    transformer = FillGaps(times=1, add_mask=True, add_interval=True).fit(np.ones((2, 3, 3)))
    assert transformer.n_features_in_ == 3
    expected = ["x0", "x2", "mask_x0", "mask_x2", "interval"]
    assert transformer.get_feature_names_out().tolist() == expected
    assert transformer.get_feature_names_out(["a", "t", "b"])[2] == "mask_a"


# The contract of scikit-learn


@pytest.mark.parametrize("transformer", [FillGaps(timesteps=1), FillGaps("linear", by=[])])
def test_check_estimator_of_tables(transformer, monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    results = check_estimator(transformer, on_skip=None)
    assert len(results) >= 46
    assert {result["status"] for result in results} == {"passed"}


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_no_attributes_set_in_init",
        "check_mixin_order",
        "check_parameters_default_constructible",
        "check_get_params_invariance",
        "check_set_params",
        "check_n_features_in_after_fitting",
        "check_transformers_unfitted",
        "check_valid_tag_types",
    ],
)
def test_checks_that_need_no_table(check):
    getattr(estimator_checks, check)("FillGaps", FillGaps())


def test_tags():
    forms = [
        (FillGaps(), {"three_d_array", "allow_nan"}),
        (FillGaps(timesteps=2), {"two_d_array", "three_d_array", "allow_nan"}),
        (FillGaps(by=0), {"two_d_array", "allow_nan"}),
    ]
    for transformer, expected in forms:
        tags = get_tags(transformer)
        names = {n for n in tags.input_tags.__slots__ if getattr(tags.input_tags, n)}
        assert names == expected
        assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]


def test_state():
    X = [np.array([[1.0], [NAN], [3.0]]), np.ones((2, 1))]
    before = copy.deepcopy(X)
    with pytest.raises(NotFittedError):
        FillGaps().transform(X)
    fitted = FillGaps(add_mask=True).fit(X)
    pickled = pickle.dumps(fitted)
    out = fitted.set_output(transform="pandas").transform(X)
    assert pickle.dumps(fitted) == pickled
    np.testing.assert_array_equal(pickle.loads(pickled).transform(X)[0], out[0])
    np.testing.assert_array_equal(np.concatenate(X), np.concatenate(before))
    out[0][:] = 9
    out[1][:] = 9
    np.testing.assert_array_equal(np.concatenate(X), np.concatenate(before))
    read_only = ONE.copy()
    read_only.flags.writeable = False
    assert fitted.fit_transform(read_only).flags.writeable


def test_in_a_pipeline_and_a_search():
    X, y = first_step_task()
    X = X.copy()
    X[::3, 2] = NAN
    X[1::3, 1, 0] = NAN
    X[0, 4] = NAN  # no such time step
    model = make_pipeline(
        TimeDistributed(StandardScaler()), FillGaps(add_delta=True), LSTMClassifier(**TINY)
    )
    search = GridSearchCV(model, {"fillgaps__method": ["forward", "linear"]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_[-1].n_features_in_ == 4
    table = X[:, :, :1].reshape(len(X), -1)
    rows = make_pipeline(FillGaps(timesteps=5), LSTMClassifier(**TINY, timesteps=5)).fit(table, y)
    assert rows.predict(table).shape == y.shape


# What is refused


@pytest.mark.parametrize(
    ("transformer", "X", "message"),
    [
        (FillGaps("up"), ONE, "The 'method' parameter of FillGaps must be a str among"),
        (FillGaps(NAN), ONE, "method=nan is not valid: valid are ['forward', 'linear', 'mean'] or"),
        (FillGaps(True), ONE, "method=True is not valid"),
        (FillGaps({0: "up"}), ONE, "method[0]='up' is not valid"),
        (FillGaps({1: "mean"}), ONE, "The key 1 of method is no column of X: valid are numbers of"),
        (FillGaps({0: "mean"}, times=0), np.ones((1, 2, 2)), "method[0] is for the times, which"),
        (FillGaps(times=0), ONE, "X has no feature besides times=0: nothing is left."),
        (FillGaps(times="t"), ONE, "times='t' is no column of X: valid are numbers of its columns"),
        (FillGaps(timesteps=0), ONE, "The 'timesteps' parameter of FillGaps must be"),
        (FillGaps(by=0, timesteps=2), ONE, "by=0 says that the rows of a table are time steps"),
        (FillGaps(timesteps=2), np.ones((2, 3)), "timesteps=2 does not divide the 3 columns of X"),
        (FillGaps(), np.ones((2, 3)), "X has shape (2, 3), but sequences are needed: valid are an"),
        (FillGaps(), pd.DataFrame(np.ones((2, 3))), "Of a table, say what a row is: timesteps=..."),
        (FillGaps(), [[1.0], [NAN]], "Sequence 1 of X is empty: it has no time step other than"),
        (FillGaps(), [], "X is empty: found 0 sample(s)"),
        (FillGaps(), [[1.0, np.inf]], "X contains infinity in sample 0 at time step 1"),
        (FillGaps(timesteps=2), [[1.0, np.inf]], "contains infinity"),
        (FillGaps(times=0), [np.array([[1.0, 2], [NAN, 3], [4, 4]])],
         "The time (times=0) of sample 0 at time step 1 is missing: every time step needs one."),
        (FillGaps(times=0), [np.ones((2, 2)), np.array([[2.0, 2], [1.0, 3]])],
         "The time (times=0) of sample 1 at time step 1 is before that of the step before it"),
    ],
)  # fmt: skip
def test_errors(transformer, X, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        clone(transformer).fit(X)


def test_other_features_than_in_fit():
    with pytest.raises(ValueError, match="X has 2 features per time step, but FillGaps is expect"):
        FillGaps().fit(ONE).transform(np.ones((1, 2, 2)))


def test_a_feature_without_any_value():
    X = np.array([[[1.0, NAN], [2.0, NAN]]])
    message = r"Feature\(s\) 1 of X are missing at every time step, so that .*, and become 0"
    with pytest.warns(UserWarning, match=message) as caught:
        fitted = FillGaps().fit(X)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(fitted.transform(X)[0, :, 1], [0, 0])


def test_the_mean_of_huge_values():
    fitted = FillGaps().fit([[1.6e308, 1.6e308, 1.6e308]])
    np.testing.assert_allclose(fitted.fill_values_, 1.6e308)
