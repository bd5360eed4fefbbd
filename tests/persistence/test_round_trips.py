"""What is saved comes back: nothing is lost."""

import os

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from file_tools import TABLE, X, same_params, through_a_file, y
from sklstm import (
    CharOneHotEncoder,
    CharSequenceGenerator,
    LSTMClassifier,
    LSTMRegressor,
    SequencePadder,
    SequenceTokenizer,
    SlidingWindow,
    TimeDistributed,
    persistence,
)
from sklstm.forecasting import ConformalQuantileRegressor, DifferencedRegressor
from tasks import REFUSE_TENSORFLOW, TINY, assert_same_weights, ragged, run_script

TEXTS = ["to be or not to be", "that is", "the question"]


# Nothing is lost
@pytest.mark.parametrize(
    "fixture",
    ["classifier", "table_classifier", "ragged_classifier", "token_classifier", "regressor"],
)
def test_estimators_predict_the_same_bits(fixture, request, tmp_path):
    fitted = request.getfixturevalue(fixture)
    data = {
        "table_classifier": TABLE,
        "ragged_classifier": ragged(X),
        "token_classifier": np.random.default_rng(0).integers(1, 7, (24, 5)),
    }.get(fixture, X)
    loaded = through_a_file(fitted, tmp_path)
    np.testing.assert_array_equal(loaded.predict(data), fitted.predict(data))
    if fixture != "regressor":
        np.testing.assert_array_equal(loaded.predict_proba(data), fitted.predict_proba(data))
    assert same_params(loaded, fitted)
    assert loaded.history_ == fitted.history_
    assert set(vars(loaded)) == set(vars(fitted))
    assert loaded.to_onnx() == fitted.to_onnx()
    assert same_params(clone(loaded), clone(fitted))


@pytest.mark.slow
def test_other_targets_come_back(tmp_path):
    labels = np.array(["ja", "nein", "vielleicht"], object)[np.arange(24) % 3]
    several = np.stack([y, 1 - y, y], axis=1)
    for fitted in (
        LSTMClassifier(**TINY, class_weight={"ja": 2, "nein": 1, "vielleicht": 0.5}).fit(X, labels),
        LSTMClassifier(**TINY, class_weight="balanced").fit(X, y == 1),
        LSTMClassifier(**TINY | {"units": [4, 3]}).fit(X, several),
        LSTMRegressor(**TINY | {"random_state": np.random.RandomState(3)}).fit(X, X[:, 0] * 1000),
    ):
        loaded = through_a_file(fitted, tmp_path)
        assert loaded.predict(X).dtype == fitted.predict(X).dtype
        np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


def test_generators_write_the_same(generator, tmp_path):
    loaded = through_a_file(generator, tmp_path)
    assert loaded.generate("to", 40, random_state=1) == generator.generate("to", 40, random_state=1)
    assert loaded.score("to be or not") == generator.score("to be or not")
    assert same_params(loaded, generator)


TRANSFORMERS = {
    "CharOneHotEncoder": (CharOneHotEncoder(vocabulary="abehnoqrstu i\U0001f600"), TEXTS),
    "SequenceTokenizer": (SequenceTokenizer(max_length=4), TEXTS),
    "SequencePadder": (SequencePadder(padding="pre"), ragged(X)),
    "SlidingWindow": (SlidingWindow(3), TABLE),
    "TimeDistributed": (TimeDistributed(StandardScaler()), ragged(X)),
}


@pytest.mark.parametrize(("transformer", "data"), TRANSFORMERS.values(), ids=TRANSFORMERS)
def test_transformers_transform_the_same(transformer, data, tmp_path):
    fitted = clone(transformer).fit(data)
    loaded = through_a_file(fitted, tmp_path)
    for one, other in zip(loaded.transform(data), fitted.transform(data), strict=True):
        np.testing.assert_array_equal(one, other)
    assert same_params(loaded, fitted)
    assert set(vars(loaded)) == set(vars(fitted))


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        DifferencedRegressor(LSTMRegressor(**TINY)),
        ConformalQuantileRegressor(LSTMRegressor(**TINY, loss="quantile")),
    ],
    ids=["differences", "intervals"],
)
def test_forecasting_models(model, tmp_path):
    windows = X[:, :, :1]
    fitted = clone(model).fit(windows, X[:, -1, 1])
    loaded = through_a_file(fitted, tmp_path)
    np.testing.assert_array_equal(loaded.predict(windows), fitted.predict(windows))


def voting(lstm):
    return VotingClassifier([("a", lstm), ("b", clone(lstm))], voting="soft")


def searching(lstm):
    pipeline = Pipeline([("scale", TimeDistributed(StandardScaler())), ("lstm", lstm)])
    return GridSearchCV(
        pipeline,
        {"lstm__units": [2, (3, 2)]},
        cv=StratifiedKFold(2, shuffle=True, random_state=0),
        scoring=["accuracy", "roc_auc"],
        refit="roc_auc",
    )


COMPOSITES = {
    "GridSearchCV": pytest.param(searching, marks=pytest.mark.slow),
    "GridSearchCV, score of the estimator": lambda lstm: GridSearchCV(
        lstm, {"epochs": [1]}, cv=2, scoring=None
    ),
    "GridSearchCV, one scorer": lambda lstm: GridSearchCV(
        lstm, {"epochs": [1]}, cv=2, scoring="neg_log_loss"
    ),
    "VotingClassifier": voting,
    "StackingClassifier": lambda lstm: StackingClassifier([("lstm", lstm)], cv=2),
    "CalibratedClassifierCV": lambda lstm: CalibratedClassifierCV(lstm, cv=2),
    "CalibratedClassifierCV, isotonic": lambda lstm: CalibratedClassifierCV(
        lstm, method="isotonic", cv=2, ensemble=False
    ),
    "OneVsRestClassifier": lambda lstm: OneVsRestClassifier(lstm),
    "Pipeline": lambda lstm: make_pipeline(FunctionTransformer(np.arcsinh), lstm),
}


@pytest.mark.parametrize("composite", COMPOSITES.values(), ids=COMPOSITES)
def test_composites_predict_the_same(composite, tmp_path):
    fitted = composite(LSTMClassifier(**TINY, timesteps=5))
    data = TABLE
    if composite is searching:
        fitted, data = composite(LSTMClassifier(**TINY)), X
    fitted.fit(data, y)
    loaded = through_a_file(fitted, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(data), fitted.predict_proba(data))
    assert loaded.score(data, y) == fitted.score(data, y)
    if isinstance(fitted, GridSearchCV):
        assert loaded.best_params_ == fitted.best_params_
        np.testing.assert_array_equal(loaded.cv_results_["params"], fitted.cv_results_["params"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, np.random.RandomState(1)], ids=["int", "RandomState"])
def test_training_goes_on_as_if_nothing_had_happened(seed, tmp_path):
    params = TINY | {"random_state": seed, "warm_start": True, "dropout": 0.2}
    for fitted in (LSTMClassifier(**params), LSTMRegressor(**params)):
        fitted.fit(X, y)
        loaded = through_a_file(fitted, tmp_path)
        for go_on in ("fit", "partial_fit"):
            one, other = (getattr(each, go_on)(X, y) for each in (fitted, loaded))
            assert_same_weights(other, one)
            assert other.history_ == one.history_
        if isinstance(seed, np.random.RandomState):
            assert loaded.random_state is loaded._fitted_state.random_generator


@pytest.mark.slow
def test_a_generator_goes_on_as_if_nothing_had_happened(tmp_path):
    text = "to be or not to be, that is the question. " * 4
    fitted = CharSequenceGenerator(4, window=8, batch_size=4, random_state=0).partial_fit(text)
    loaded = through_a_file(fitted, tmp_path)
    assert loaded.partial_fit(text).history_ == fitted.partial_fit(text).history_
    assert loaded.score(text) == fitted.score(text)


def test_a_loaded_estimator_makes_a_keras_model(classifier, tmp_path):
    loaded = through_a_file(classifier, tmp_path)
    probabilities = loaded.to_keras().predict(X, verbose=0)
    np.testing.assert_allclose(probabilities, classifier.predict_proba(X), atol=1e-5)


PREDICT = """
from pathlib import Path
import numpy as np
from sklstm import persistence

folder = Path(sys.argv[1])
saved = np.load(folder / "expected.npz")
pipeline = persistence.load(folder / "model.sklstm")
assert np.array_equal(pipeline.predict_proba(saved["X"]), saved["probabilities"])
persistence.save(pipeline, folder / "again.sklstm")
"""


def test_loading_and_saving_need_no_tensorflow(tmp_path):
    pipeline = make_pipeline(StandardScaler(), LSTMClassifier(**TINY, timesteps=5)).fit(TABLE, y)
    persistence.save(pipeline, tmp_path / "model.sklstm")
    np.savez(tmp_path / "expected.npz", X=TABLE, probabilities=pipeline.predict_proba(TABLE))
    run_script(REFUSE_TENSORFLOW + PREDICT, tmp_path)


@pytest.mark.slow
def test_a_file_is_little_larger_than_its_arrays(tmp_path):
    fitted = LSTMClassifier(32, epochs=1, random_state=0).fit(X, y)
    persistence.save(fitted, tmp_path / "model.sklstm")
    n_bytes = sum(weight.nbytes for weight in fitted._fitted_state.network.weights.values())
    assert (tmp_path / "model.sklstm").stat().st_size < n_bytes + 6000


def test_a_file_is_the_same_to_the_last_byte(classifier, model_file, tmp_path):
    persistence.save(persistence.load(model_file), tmp_path / "again.sklstm")
    assert (tmp_path / "again.sklstm").read_bytes() == model_file.read_bytes()


@pytest.mark.slow
def test_loading_needs_no_skops(model_file):
    run_script(
        "import sys; from sklstm import persistence; persistence.load(sys.argv[1]); "
        "assert 'skops' not in sys.modules",
        str(model_file),
    )


def test_a_failing_disk_leaves_the_old_file(classifier, model_file, tmp_path, monkeypatch):
    path = tmp_path / "model.sklstm"
    path.write_bytes(model_file.read_bytes())

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        persistence.save(classifier, path)
    assert path.read_bytes() == model_file.read_bytes()
    assert os.listdir(tmp_path) == ["model.sklstm"]
