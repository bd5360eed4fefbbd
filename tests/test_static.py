"""Static features in the classifier and the regressor, from `fit` to the exported models."""

import pickle

import keras
import numpy as np
import onnxruntime
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklstm._fit_data
from sklstm import LSTMClassifier, LSTMRegressor, TimeDistributed, persistence
from sklstm.input import parse_x
from sklstm.inspection import gate_activations, permutation_importance_over_time
from sklstm.network.reference.lstm import forward
from tasks import TINY, assert_same_weights, first_step_task, ragged

STEPS, y = first_step_task()
rng = np.random.default_rng(0)
STATIC = np.column_stack([np.arange(24) % 3, 1e6 + rng.normal(size=24)])
X = np.concatenate([STEPS, np.repeat(STATIC[:, np.newaxis], 5, axis=1)], axis=2)
NUMBERS = 1000 + 50 * STEPS[:, 0, 0] + 20 * STATIC[:, 0]
NAMES = ["price", "sold", "region", "size"]
TABLE = pd.DataFrame(STEPS.reshape(24, 10), columns=[f"step_{j}" for j in range(10)]).assign(
    region=STATIC[:, 0], size=STATIC[:, 1]
)


@pytest.fixture(scope="module")
def classifier():
    return LSTMClassifier(**TINY, static=[2, 3]).fit(X, y)


@pytest.fixture(scope="module")
def regressor():
    """With all that may stand around the static features, on sequences of different lengths."""
    return LSTMRegressor(
        **TINY | {"units": (4, 3)},
        static=[2, 3],
        bidirectional=True,
        pooling="concat",
        dense_units=3,
        dropout=0.2,
        n_networks=2,
        loss="quantile",
        quantile=(0.1, 0.5, 0.9),
    ).fit(ragged(X), NUMBERS)


# --- What they are worth ---


def test_the_label_depends_on_a_static_feature_and_the_sequence():
    X, first_is_positive = first_step_task(240)
    region = np.random.default_rng(1).integers(0, 2, 240)
    X = np.concatenate([X, np.repeat(region[:, np.newaxis, np.newaxis], 5, axis=1)], axis=2)
    y = first_is_positive ^ region
    classifier = LSTMClassifier(8, static=-1, dense_units=8, learning_rate=0.02, random_state=0)
    assert classifier.fit(X[:160], y[:160]).score(X[160:], y[160:]) > 0.9


@pytest.mark.parametrize("form", ["table", "frames", "list"])
def test_every_form_of_x_learns_the_same(form, classifier):
    if form == "table":
        fitted = LSTMClassifier(**TINY, timesteps=5, static=["size", "region"]).fit(TABLE, y)
        expected = list(TABLE.columns)
        assert_array_equal(fitted.predict_proba(TABLE), classifier.predict_proba(X))
    elif form == "frames":
        frames = [pd.DataFrame(x, columns=NAMES) for x in X]
        fitted, expected = LSTMClassifier(**TINY, static=["region", "size"]).fit(frames, y), NAMES
    else:
        fitted, expected = LSTMClassifier(**TINY, static=(2, -1)).fit(list(X), y), None
    assert_same_weights(fitted, classifier)
    assert fitted.n_features_in_ == (12 if form == "table" else 4)
    if expected:
        assert list(fitted.feature_names_in_) == expected


def test_the_lstm_layers_read_the_other_features_only(classifier):
    shapes = {k: w.shape for k, w in classifier._fitted_state.network.weights.items()}
    n_read = 2 + 2 * len(classifier._fitted_state.data.input_scaling.deltas_of)
    assert shapes["lstm_0/forward/kernel"] == (n_read, 16)
    assert shapes["dense_0/kernel"] == (4 + 2, 2)


@pytest.mark.parametrize("standardize", [True, False])
def test_they_are_standardised_over_the_sequences_by_their_weights(standardize):
    weights = np.arange(24.0)
    fitted = LSTMClassifier(**TINY | {"epochs": 1}, static=[2, 3], standardize=standardize)
    sequences, static = ragged(X), STATIC
    if not standardize:  # as then for all features, values of a million would not be learnt from
        static = STATIC - [0, 1e6]
        sequences = [x - [0, 0, 0, 1e6] for x in sequences]
    scaling = fitted.fit(sequences, y, weights)._fitted_state.data.input_scaling
    mean = np.average(static, axis=0, weights=weights)
    scale = np.sqrt(np.average((static - mean) ** 2, axis=0, weights=weights))
    assert_allclose(scaling.static_mean, mean if standardize else [0, 0])
    assert_allclose(scaling.static_scale, scale if standardize else [1, 1], rtol=1e-6)


def test_a_static_feature_that_is_constant_does_no_harm():
    X = np.concatenate([STEPS, np.full((24, 5, 1), 7.0)], axis=2)
    fitted = LSTMClassifier(**TINY, static=2).fit(X, y)
    assert_array_equal(fitted._sequences(X).static, np.zeros((24, 1)))


def test_a_value_that_is_too_large_is_named(classifier):
    X_new = X.copy()
    X_new[3, :, 3] = 1e300
    with pytest.raises(
        ValueError, match=r"1e\+300 in static feature 1 of sample 3: a value too la"
    ):
        classifier.predict(X_new)
    X_new = X.copy()
    X_new[3, 4, 0] = 1e300
    with pytest.raises(ValueError, match=r"in feature 0 \(static ones not counted\) of sample 3"):
        classifier.predict(X_new)
    X_new = X.copy()
    X_new[[0, 1], :, 2] = [[-1e308], [1e308]]
    with pytest.raises(ValueError, match="Static feature 0 of X spreads over more than float64"):
        clone(classifier).fit(X_new, y)


def test_x_is_read_block_by_block(classifier, monkeypatch):
    expected = classifier.predict_proba(X)
    monkeypatch.setattr(parse_x, "BYTES_PER_BLOCK", 1000)
    assert_allclose(classifier.predict_proba(X), expected, atol=1e-6)


# --- The networks ---


@pytest.mark.parametrize("fixture", ["classifier", "regressor"])
def test_prediction_computes_the_equations(fixture, request):
    fitted = request.getfixturevalue(fixture)
    data = X if fixture == "classifier" else ragged(X)
    network = fitted._fitted_state.network
    outputs = forward(network.spec, network.weights, fitted._sequences(data))
    if fixture == "regressor":
        outputs = fitted._fitted_state.data.targets.decode(outputs)
        assert_allclose(fitted.predict(data), outputs, rtol=1e-5)
    else:
        assert_allclose(fitted.predict_proba(data), outputs, atol=1e-5)


def test_a_prediction_depends_on_the_static_features(classifier):
    other = X.copy()
    other[:, :, 2] += 1
    before, after = classifier.predict_proba(X), classifier.predict_proba(other)
    assert (np.abs(before - after) > 1e-6).all()


def onnx_outputs(fitted, values, lengths, static):
    session = onnxruntime.InferenceSession(fitted.to_onnx().SerializeToString())
    assert [one.name for one in session.get_inputs()] == ["values", "lengths", "static"]
    feeds = {"values": values, "lengths": lengths.astype(np.int32), "static": static}
    return session.run(None, feeds)[0]


def test_exported_models_take_them_as_an_input_of_their_own(classifier, tmp_path):
    expected = classifier.predict_proba(X)
    assert_allclose(onnx_outputs(classifier, STEPS, np.full(24, 5), STATIC), expected, atol=1e-6)
    model = classifier.to_keras()
    assert [one.name for one in model.inputs] == ["values", "static"]
    model.save(tmp_path / "model.keras")
    for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
        assert_allclose(each.predict([STEPS, STATIC], verbose=0), expected, atol=1e-6)
        assert_allclose(each([STEPS, STATIC]), expected, atol=1e-6)
        named = {"values": STEPS, "static": STATIC}
        assert_allclose(each.predict(named, verbose=0), expected, atol=1e-6)


def test_exported_models_of_sequences_of_different_lengths(regressor):
    lengths = np.array([len(x) for x in ragged(STEPS)])
    values = STEPS.copy()
    values[np.arange(5) >= lengths[:, np.newaxis]] = np.nan
    expected = regressor.predict(ragged(X))
    actual = onnx_outputs(regressor, np.nan_to_num(values), lengths, STATIC)
    assert_allclose(actual, expected, rtol=1e-6)
    actual = regressor.to_keras().predict([values, STATIC], verbose=0)
    assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize("data", [X, ragged(X)], ids=["one length", "lengths"])
def test_batches_that_are_scaled_when_they_are_gathered_learn_the_same(data, monkeypatch):
    whole = LSTMClassifier(**TINY, static=[2, 3]).fit(data, y)
    monkeypatch.setattr(sklstm._fit_data, "NUMBERS_SCALED_AT_ONCE", 1)
    assert_same_weights(clone(whole).fit(data, y), whole)


def test_callbacks_may_call_the_model_without_lengths(classifier):
    sequences, lengths = classifier._sequences(X), np.full(24, 5, np.int32)
    heard = []

    class Predicts(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            values, static = sequences.padded(), sequences.static
            for inputs in ([values, static], [values, lengths, static]):
                heard.append(self.model(inputs).numpy())

    fitted = clone(classifier).set_params(callbacks=[Predicts()]).fit(X, y)
    assert_allclose(heard[-2], fitted.predict_proba(X), atol=1e-6)
    assert_array_equal(heard[-2], heard[-1])


# --- Fits that go on ---


def test_partial_fit_and_warm_start_keep_what_is_static():
    parts = LSTMClassifier(**TINY, static=["region", "size"], timesteps=5)
    parts.partial_fit(TABLE[:12], y[:12], classes=[0, 1]).partial_fit(TABLE[12:], y[12:])
    assert parts.n_iter_ == 2
    message = r"static=\('region',\) cannot go on from a fit with static=\('region', 'size'\)"
    with pytest.raises(ValueError, match=message):
        parts.set_params(static="region").partial_fit(TABLE, y)
    going_on = LSTMClassifier(**TINY, static=[2, 3], warm_start=True).fit(X, y).fit(ragged(X), y)
    assert going_on.n_iter_ == 4


def test_a_validation_set_has_them_too():
    fitted = LSTMClassifier(**TINY, static=[2, 3], scoring="accuracy", early_stopping=True)
    fitted.fit(X, y, X_val=X[:8], y_val=y[:8])
    assert fitted.history_["val_score"][-1] == pytest.approx(fitted.history_["val_accuracy"][-1])
    with pytest.raises(ValueError, match=r"X_val is not valid\. X has 2 features per time"):
        fitted.fit(X, y, X_val=STEPS, y_val=y)


def test_a_checkpoint_tells_static_features_apart(tmp_path):
    classifier = LSTMClassifier(**TINY, static=[2, 3], checkpoint=tmp_path / "model.sklstm")
    first = classifier.fit(X, y).predict_proba(X)
    assert_array_equal(classifier.fit(X, y).predict_proba(X), first)
    with pytest.raises(ValueError, match="that learnt other data"):
        classifier.fit(np.add(X, [0, 0, 1, 0]), y)
    with pytest.raises(ValueError, match=r"that had static=\[2, 3\], and this has static=\[3\]"):
        classifier.set_params(static=[3]).fit(X, y)


@pytest.mark.parametrize("fixture", ["classifier", "regressor"])
def test_pickles_and_model_files_predict_the_same_bits(fixture, request, tmp_path):
    fitted = request.getfixturevalue(fixture)
    persistence.save(fitted, tmp_path / "model.sklstm")
    loaded = persistence.load(tmp_path / "model.sklstm")
    assert loaded.to_onnx() == fitted.to_onnx()
    for each in (loaded, pickle.loads(pickle.dumps(fitted))):
        assert each.get_params()["static"] == [2, 3]
        assert_array_equal(each.predict(ragged(X)), fitted.predict(ragged(X)))


def test_they_pass_searches_and_pipelines():
    lstm = LSTMClassifier(**TINY, static=["region", "size"], timesteps=5)
    assert cross_val_score(lstm, TABLE, y, cv=2).shape == (2,)
    scaler = StandardScaler().set_output(transform="pandas")
    assert make_pipeline(scaler, lstm).fit(TABLE, y).predict(TABLE).shape == (24,)


def test_token_ids_have_none():
    ids = np.random.default_rng(0).integers(1, 7, (24, 5))
    message = r"static=\[0\] are columns of numbers, but embedding_dim=3 reads X as token ids"
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY, embedding_dim=3, static=[0]).fit(ids, y)


# --- Inspection ---


def test_gates_are_those_of_the_time_steps(classifier):
    without = LSTMClassifier(**TINY).fit(STEPS, y)
    gates = gate_activations(classifier, X)
    other = X.copy()
    other[:, :, 2:] += 1
    assert_array_equal(gate_activations(classifier, other).output, gates.output)
    assert gates.output.shape == gate_activations(without, STEPS).output.shape


def test_the_summary_counts_their_weights(classifier, capsys):
    classifier.summary()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["dense_0/kernel", "(6,", "2)", "12"] in lines


def importances(estimator, data, **options):
    return permutation_importance_over_time(
        estimator, data, y, random_state=0, **options
    ).importances_mean


NOISE = rng.normal(size=(24, 5, 2))
REGION = np.repeat(y[:, np.newaxis, np.newaxis], 5, axis=1)
TOLD_BY_REGION = ragged(np.concatenate([NOISE, REGION], axis=2))


@pytest.mark.parametrize("in_pipeline", [False, True], ids=["alone", "in a pipeline"])
def test_a_static_feature_is_permuted_at_all_time_steps_together(in_pipeline):
    estimator = LSTMClassifier(4, static=2, epochs=60, learning_rate=0.05, random_state=0)
    if in_pipeline:
        estimator = make_pipeline(TimeDistributed(StandardScaler()), estimator)
    estimator.fit(TOLD_BY_REGION, y)
    assert importances(estimator, TOLD_BY_REGION).argmax() == 2
    both = importances(estimator, TOLD_BY_REGION, by="both", block_length=2)
    assert both.shape == (3, 3)
    assert (both[:, 2] > 0.2).all()
    assert (both[:, :2] < 0.2).all()
    over_time = importances(estimator, TOLD_BY_REGION, by="time")
    assert (over_time < 0.2).all()
