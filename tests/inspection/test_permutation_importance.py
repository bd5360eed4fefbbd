"""Importances agree with what carries the label."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, TimeDistributed
from sklstm.inspection import (
    permutation_importance_over_time,
)
from tasks import first_step_task, nan_padded, object_array, ragged


class FirstStep(ClassifierMixin, BaseEstimator):
    """Knows which step and feature carry the label of `first_step_task`."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        first = [sequence[~np.isnan(sequence).all(axis=1)][0, 0] for sequence in X]
        return (np.array(first) > 0).astype(int)


class Recorder(BaseEstimator):
    """Keeps every X that it is asked to score."""

    def __init__(self, seen):
        self.seen = seen

    def fit(self, X, y):
        return self

    def score(self, X, y):
        self.seen.append([np.array(x) for x in X])
        self.kind = type(X), np.ndim(X[0])
        return 0.0


def permuted(X, n_repeats=2, **parameters):
    """Return X as scored first, and as scored with each part permuted."""
    recorder = Recorder([])
    permutation_importance_over_time(
        recorder, X, np.zeros(len(X)), n_repeats=n_repeats, random_state=0, **parameters
    )
    assert recorder.kind == (type(X), np.ndim(X[0]))
    return recorder.seen[0], recorder.seen[1:]


def at_step(sequences, t, n_features):
    """The samples that have a time step, and its features there."""
    rows = [i for i, x in enumerate(sequences) if len(x) > t and not np.isnan(x[t]).all()]
    return rows, np.reshape([sequences[i][t] for i in rows], (len(rows), n_features))


FORMS = {
    "array": lambda sequences: np.array([x[:3] for x in sequences]),
    "list": lambda sequences: sequences,
    "object array": object_array,
    "NaN at the end": lambda sequences: nan_padded(sequences, 6),
    "NaN at the start": lambda sequences: nan_padded(sequences, 6, side="left"),
    "list of numbers": lambda sequences: [x[:, 0] for x in sequences],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("by", ["feature", "time", "both"])
def test_only_one_part_is_permuted_and_absent_steps_stay_absent(form, by, task):
    X = form(ragged(task[0]))
    before = [np.array(x) for x in X]
    baseline, all_seen = permuted(X, by=by, block_length=2)
    n_features = np.atleast_2d(baseline[0][0]).shape[-1]
    n_steps = max(map(len, before))
    starts = [0] if by == "feature" else range(0, n_steps, 2)
    features = [slice(None)] if by == "time" else range(n_features)
    parts = [(start, feature) for start in starts for feature in features for _ in range(2)]
    assert len(all_seen) == len(parts)
    for seen, (start, feature) in zip(all_seen, parts, strict=True):
        stop = n_steps if by == "feature" else start + 2
        for t in range(n_steps):
            rows, old = at_step(before, t, n_features)
            rows_now, new = at_step(seen, t, n_features)
            assert rows == rows_now
            touched = np.zeros(n_features, bool)
            touched[feature] = start <= t < stop
            np.testing.assert_array_equal(new[:, ~touched], old[:, ~touched])
            assert len(rows) < 2 or (new[:, touched] != old[:, touched]).all()
            np.testing.assert_array_equal(np.sort(new, axis=0), np.sort(old, axis=0))
    for sequence, original in zip(X, before, strict=True):
        np.testing.assert_array_equal(sequence, original)


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_frames_in_lists_keep_their_columns(frames, task):
    arrays = ragged(task[0])
    X = [frames.DataFrame({"a": x[:, 0], "b": x[:, 1]}) for x in arrays]
    baseline, seen = permuted(X, by="feature")
    expected = permuted(arrays, by="feature")
    for one, other in zip([baseline, *seen], [expected[0], *expected[1]], strict=True):
        for frame, array in zip(one, other, strict=True):
            np.testing.assert_array_equal(frame, array)
    columns = []
    recorder = Recorder([])
    recorder.score = lambda X, y: columns.append([list(x.columns) for x in X]) or 0.0
    permutation_importance_over_time(recorder, X, np.zeros(len(X)), n_repeats=1)
    assert columns == [[["a", "b"]] * len(X)] * len(columns)


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_columns_of_text_and_categories_are_permuted(library):
    """Each value keeps its dtype and its column, and moves within its time step."""
    n_steps = [3, 1, 2, 3]
    X = [
        library.DataFrame(
            {"text": [f"{i}{t}" for t in range(n)], "number": [10 * i + t for t in range(n)]}
        )
        for i, n in enumerate(n_steps)
    ]
    if library is pd:
        X = [x.astype({"text": "string"}).set_index(x.index + 5) for x in X]
    recorder = Recorder([])
    recorder.score = lambda X, y: recorder.seen.append(X) or 0.0
    permutation_importance_over_time(recorder, X, np.zeros(4), random_state=0)
    baseline, *seen = recorder.seen
    assert all(x.equals(like) for x, like in zip(baseline, X, strict=True))
    for number, new in enumerate(seen):
        name, other = ("text", "number") if number < len(seen) / 2 else ("number", "text")
        assert [list(x.columns) for x in new] == [["text", "number"]] * 4
        assert all(list(a.dtypes) == list(b.dtypes) for a, b in zip(new, X, strict=True))
        assert all(a[other].equals(b[other]) for a, b in zip(new, X, strict=True))
        for t in range(3):
            before = [x[name].to_list()[t] for x in X if len(x) > t]
            after = [x[name].to_list()[t] for x in new if len(x) > t]
            assert sorted(after) == sorted(before)
            assert all(a != b for a, b in zip(after, before, strict=True))
    if library is pd:
        assert [x.index.tolist() for x in seen[0]] == [x.index.tolist() for x in X]


def test_blocks_move_as_a_whole(task):
    X = task[0]
    _, (first, *_) = permuted(X, by="time", block_length=3)
    donors = {tuple(x[:3].ravel()) for x in X}
    assert {tuple(x[:3].ravel()) for x in first} == donors
    _, (first, *_) = permuted(X, by="feature")
    assert {tuple(x[:, 0]) for x in first} == {tuple(x[:, 0]) for x in X}


def test_a_block_stays_together_as_far_as_lengths_allow(task):
    sequences = ragged(task[0])
    _, (seen, *_) = permuted(sequences, by="feature")
    donors = []  # for each time step: from which sample to which
    for t in range(5):
        rows, old = at_step(sequences, t, 2)
        _, new = at_step(seen, t, 2)
        sources = {value: row for row, value in zip(rows, old[:, 0], strict=True)}
        donors.append({row: sources[value] for row, value in zip(rows, new[:, 0], strict=True)})
    for earlier, later in pairwise(donors):
        for row, donor in earlier.items():
            if row in later and donor in later:
                assert later[row] == donor


@pytest.mark.parametrize("series", [pd.Series, pl.Series])
def test_a_series_of_sequences_is_a_list(series, task):
    X = [x[:, 0] for x in ragged(task[0])]
    expected, _ = permuted(X)
    recorder = Recorder([])
    permutation_importance_over_time(recorder, series([x.tolist() for x in X]), task[1])
    assert recorder.kind == (list, 1)
    for sequence, original in zip(recorder.seen[0], expected, strict=True):
        np.testing.assert_array_equal(sequence, original)


def test_small_integers_of_numpy_do_not_overflow():
    X = np.random.default_rng(0).normal(size=(4, 300, 1))
    expected = permuted(X, by="time", block_length=200)
    actual = permuted(X, by="time", block_length=np.uint8(200), n_repeats=np.int8(2))
    assert len(actual[1]) == len(expected[1]) == 4
    np.testing.assert_array_equal(actual[1], expected[1])


def test_repeats_differ_and_the_seed_decides(task):
    X = task[0]
    _, (first, second, *_) = permuted(X)
    assert not np.array_equal(first, second)
    _, (again, *_) = permuted(X)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("form", ["array", "list", "object array", "NaN at the end"])
def test_only_what_carries_the_label_is_important(form, task):
    X, y = FORMS[form](ragged(task[0])), task[1]
    result = permutation_importance_over_time(FirstStep().fit(X, y), X, y, by="both")
    assert result.importances.shape == (*result.importances_mean.shape, 5)
    assert result.baseline_score == 1
    assert result.importances_mean[0, 0] > 0.2
    result.importances_mean[0, 0] = 0
    assert not result.importances_mean.any()


@pytest.mark.parametrize(
    ("by", "shape", "starts"),
    [
        ("feature", (2,), [0]),
        ("time", (3,), [0, 2, 4]),
        ("both", (3, 2), [0, 2, 4]),
    ],
)
def test_shapes(task, by, shape, starts):
    X, y = task
    result = permutation_importance_over_time(
        FirstStep().fit(X, y), X, y, by=by, block_length=2, n_repeats=3, random_state=0
    )
    assert result.importances.shape == (*shape, 3)
    np.testing.assert_allclose(result.importances_mean, result.importances.mean(axis=-1))
    np.testing.assert_allclose(result.importances_std, result.importances.std(axis=-1))
    assert result.importances_mean.shape == result.importances_std.shape == shape
    assert result.importances_mean.ravel()[0] > 0.2
    assert result.block_starts.tolist() == starts


@pytest.mark.slow
def test_an_lstm_in_a_pipeline_looks_at_the_first_step():
    X, y = first_step_task(n=256)
    lstm = LSTMClassifier(8, epochs=30, learning_rate=0.02, random_state=0)
    pipeline = make_pipeline(TimeDistributed(StandardScaler()), lstm).fit(X, y)
    assert pipeline.score(X, y) > 0.95
    result = permutation_importance_over_time(
        pipeline, X, y, by="both", scoring="neg_log_loss", random_state=0
    )
    others = np.delete(result.importances_mean.ravel(), 0)
    assert result.importances_mean[0, 0] > 1
    assert np.abs(others).max() < 0.1 * result.importances_mean[0, 0]


def test_tokens_in_lists(token_classifier, task):
    ids = [np.array([1 + i % 6, 2, 3][: 2 + i % 2]) for i in range(24)]
    result = permutation_importance_over_time(token_classifier, ids, task[1], by="time")
    assert result.importances_mean.shape == (3,)
    assert result.importances_mean[1] == result.importances_mean[2] == 0  # all ids are alike there


def test_jobs_change_nothing(task):
    X, y = task
    estimator = FirstStep().fit(X, y)
    parameters = {"by": "both", "random_state": 0}
    expected = permutation_importance_over_time(estimator, X, y, **parameters)
    with parallel_config(backend="threading"):
        result = permutation_importance_over_time(estimator, X, y, n_jobs=3, **parameters)
    np.testing.assert_array_equal(result.importances, expected.importances)


def test_several_scores_at_once(task):
    X, y = task
    estimator = FirstStep().fit(X, y)
    scoring = ["accuracy", "f1"]
    results = permutation_importance_over_time(estimator, X, y, scoring=scoring, random_state=0)
    assert list(results) == scoring
    for name, result in results.items():
        single = permutation_importance_over_time(estimator, X, y, scoring=name, random_state=0)
        np.testing.assert_array_equal(result.importances, single.importances)


def test_sample_weights_weigh_the_score(task):
    X, y = task
    estimator = FirstStep().fit(X, y)
    wrong = np.where(np.arange(24) < 12, 1 - y, y)
    weight = (np.arange(24) < 12).astype(float)
    result = permutation_importance_over_time(estimator, X, wrong, sample_weight=weight)
    assert result.baseline_score == 0
    assert (result.importances_mean <= 0).all()


def test_one_copy_of_x_for_all_permutations():
    X = np.random.default_rng(0).normal(size=(2000, 20, 20))
    y = np.zeros(len(X))

    class Constant(BaseEstimator):
        def fit(self, X, y):
            return self

        def score(self, X, y):
            return 0.0

    tracemalloc.start()
    permutation_importance_over_time(Constant(), X, y, by="time", n_repeats=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * X.nbytes


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"by": "step"}, "'by' parameter of permutation_importance_over_time must be a str among"),
        ({"block_length": 0}, "'block_length' parameter .* Got 0 instead"),
        ({"n_repeats": 0}, "'n_repeats' parameter"),
        ({"scoring": "accurate"}, "'scoring' parameter"),
        ({"sample_weight": [1.0]}, "inconsistent numbers of samples"),
        ({"y": [0, 1]}, "inconsistent numbers of samples"),
        ({"X": np.ones((24, 3))}, r"X has shape \(24, 3\), .* sklearn.inspection.permutation_imp"),
        ({"X": np.ones((24, 3, 2, 1))}, r"X has shape \(24, 3, 2, 1\): valid are"),
        ({"X": ["text"] * 24}, "X holds strings"),
    ],
)
def test_importances_of_nothing_valid(task, parameters, message):
    arguments = {"X": task[0], "y": task[1]} | parameters
    with pytest.raises(ValueError, match=message):
        permutation_importance_over_time(FirstStep().fit(*task), **arguments)


def test_importances_of_an_unfitted_estimator(task):
    with pytest.raises(NotFittedError):
        permutation_importance_over_time(LSTMClassifier(), *task)


def test_several_networks(ensemble, task):
    result = permutation_importance_over_time(ensemble, *task, n_repeats=2, random_state=0)
    assert np.isfinite(result.importances).all()
