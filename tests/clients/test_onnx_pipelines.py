"""`skl2onnx` converts Pipelines, whose graphs predict in ONNX Runtime as the Pipelines do."""

import doctest

import numpy as np
import onnxruntime
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklstm.export
from sklstm import LSTMClassifier, LSTMRegressor, SlidingWindow, TimeDistributed
from sklstm.export import register_onnx_converters
from tasks import TINY, first_step_task, nan_padded, ragged

skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = pytest.mark.clients

X, y = first_step_task()
TABLE = X.reshape(len(X), -1)
NUMBERS = 100 + 5 * X[:, 0, 0]


@pytest.fixture(scope="module", autouse=True)
def converters():
    register_onnx_converters()


def test_the_example_of_the_docstring_runs():
    results = doctest.testmod(sklstm.export)
    assert results.attempted
    assert not results.failed


def run(model, X, **options):
    graph = skl2onnx.to_onnx(model, X[:1], **options)
    return run_graph(graph, X)


def run_graph(graph, X):
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: X})


def assert_same_classifier(model, X, tolerance=1e-5):
    labels, probabilities = run(model, X, options={"zipmap": False})
    np.testing.assert_array_equal(labels, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=tolerance)


def assert_same_regressor(model, X):
    (numbers,) = run(model, X)
    expected = model.predict(X)
    expected = expected[:, np.newaxis] if expected.ndim == 1 else expected
    assert numbers.shape == expected.shape
    np.testing.assert_allclose(numbers, expected, atol=1e-5 * np.abs(expected).max())


@pytest.fixture(scope="module")
def classifier():
    return make_pipeline(StandardScaler(), LSTMClassifier(**TINY, timesteps=5)).fit(TABLE, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_with_labels_that_are_numbers(classifier, dtype):
    assert_same_classifier(classifier, TABLE.astype(dtype))


def test_the_map_of_labels_to_probabilities(classifier):
    labels, maps = run(classifier, TABLE)
    np.testing.assert_array_equal(labels, classifier.predict(TABLE))
    probabilities = [[each[0], each[1]] for each in maps]
    np.testing.assert_allclose(probabilities, classifier.predict_proba(TABLE), atol=1e-5)


def test_options_of_classifiers(classifier):
    table = TABLE.astype(np.float32)
    _, *columns = run(classifier, table, options={"zipmap": "columns"})
    expected = classifier.predict_proba(table)
    np.testing.assert_allclose(np.column_stack(columns), expected, atol=1e-5)
    *_, classes = run(classifier, table, options={"zipmap": False, "output_class_labels": True})
    np.testing.assert_array_equal(classes, [0, 1])


@pytest.mark.parametrize("opset", [18, 20])
def test_opsets(classifier, opset):
    graph = skl2onnx.to_onnx(classifier, TABLE[:1], target_opset=opset, options={"zipmap": False})
    assert {each.version for each in graph.opset_import if not each.domain} == {opset}
    probabilities = run_graph(graph, TABLE)[1]
    np.testing.assert_allclose(probabilities, classifier.predict_proba(TABLE), atol=1e-5)


def test_an_opset_that_is_too_old(classifier):
    message = (
        "LSTMClassifier needs ONNX opset 18 or later, but target_opset=17: pass target_opset=18, "
        "or leave it out."
    )
    with pytest.raises(ValueError, match=message):
        skl2onnx.to_onnx(classifier, TABLE[:1], target_opset=17)


def test_sequences_with_labels_that_are_text():
    labels = np.array(["down", "up"])[y]
    model = make_pipeline(TimeDistributed(StandardScaler()), LSTMClassifier(**TINY)).fit(X, labels)
    assert_same_classifier(model, X.astype(np.float32))
    numbers, _ = run(model, X, options={"zipmap": False, "nocl": True})
    np.testing.assert_array_equal(model.classes_[numbers], model.predict(X))


@pytest.mark.parametrize("side", ["left", "right"])
def test_sequences_padded_with_nan(side):
    padded = nan_padded(ragged(X), 7, side)
    assert_same_regressor(LSTMRegressor(**TINY).fit(padded, NUMBERS), padded)


def test_token_ids():
    ids = np.random.default_rng(0).integers(1, 6, (24, 5))
    ids[0, 3:] = ids[1, :2] = 0
    assert_same_classifier(LSTMClassifier(**TINY, embedding_dim=3).fit(ids, y), ids)


def test_several_labels_at_once():
    several = np.stack([y, 1 - y, X[:, 1, 0] > 0], axis=1).astype(int)
    assert_same_classifier(LSTMClassifier(**TINY, pooling="concat").fit(X, several), X)


def test_windows_of_a_series_and_several_targets():
    model = make_pipeline(StandardScaler(), SlidingWindow(3), LSTMRegressor(**TINY))
    assert_same_regressor(model.fit(TABLE, TABLE[:, :2]), TABLE)


def test_columns_as_several_inputs_are_refused():
    column = skl2onnx.common.data_types.FloatTensorType([None, 1])
    columns = [(f"column {k}", column) for k in range(10)]
    model = LSTMRegressor(**TINY, timesteps=5).fit(TABLE, NUMBERS)
    with pytest.raises(RuntimeError, match=r"at most 1 input\(s\)"):
        skl2onnx.to_onnx(model, initial_types=columns)


def test_windows_of_several_series_are_refused():
    series = np.column_stack([np.arange(24) // 12, TABLE])
    windows = SlidingWindow(3, by=0).fit(series)
    with pytest.raises(NotImplementedError, match=r"SlidingWindow\(by=0\) has no ONNX graph"):
        skl2onnx.to_onnx(windows, series[:1])


def test_static_columns_of_a_table():
    table = np.column_stack([TABLE, np.arange(24.0)])
    assert_same_regressor(LSTMRegressor(**TINY, static=10, timesteps=5).fit(table, NUMBERS), table)


def test_static_features_of_padded_sequences_and_quantiles_of_several_steps():
    static = np.broadcast_to(np.arange(24.0)[:, None, None], (24, 5, 1))
    padded = nan_padded(ragged(np.concatenate([X, static], axis=2)), 6, "left")
    model = LSTMRegressor(**TINY, static=2, loss="quantile", quantile=(0.1, 0.9))
    assert_same_regressor(model.fit(padded, X[:, :2]), padded)
