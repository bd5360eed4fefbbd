"""Model files: nothing is lost, damage is seen, and no code runs."""

import json
import os
import random
import warnings
import zipfile

import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import sklstm
from sklstm import (
    CharOneHotEncoder,
    CharSequenceGenerator,
    LSTMClassifier,
    LSTMRegressor,
    SequencePadder,
    SequenceTokenizer,
    SlidingWindow,
    TimeDistributed,
    forecasting,
    persistence,
)
from sklstm.forecasting import ConformalQuantileRegressor, DifferencedRegressor
from sklstm.persistence._trust import OURS
from sklstm.persistence._walk import full_name
from tasks import REFUSE_TENSORFLOW, TINY, first_step_task, ragged, run_script

X, y = first_step_task()
TABLE = X.reshape(24, 10)
TEXTS = ["to be or not to be", "that is", "the question"]
RAN = []  # what code from a file would fill


def through_a_file(estimator, tmp_path, **options):
    path = tmp_path / "model.sklstm"
    persistence.save(estimator, path, **options)
    return persistence.load(path, **options)


def same_params(one, other):
    """Compare parameters by what they print, estimators inside included."""
    return repr(one.get_params()) == repr(other.get_params()) and type(one) is type(other)


@pytest.fixture(scope="module")
def generator():
    return CharSequenceGenerator(
        4, window=8, batch_size=4, epochs=1, embedding_dim=3, random_state=0
    ).fit("to be or not to be, that is the question. " * 4)


@pytest.fixture(scope="module")
def model_file(classifier, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.sklstm"
    persistence.save(classifier, path)
    return path


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
    "CharOneHotEncoder": (CharOneHotEncoder(alphabet="abehnoqrstu i\U0001f600"), TEXTS),
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


def test_every_estimator_is_trusted():
    public = [getattr(sklstm, name) for name in sklstm.__all__]
    public += [getattr(forecasting, name) for name in forecasting.__all__]
    ours = {each for each in public if isinstance(each, type) and issubclass(each, BaseEstimator)}
    assert len(ours) > 9
    assert {full_name(each) for each in ours} <= set(OURS.values())
    assert {f"sklstm.{each.__name__}": full_name(each) for each in ours}.items() <= OURS.items()


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
    "GridSearchCV": searching,
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


@pytest.mark.parametrize("seed", [0, np.random.RandomState(1)], ids=["int", "RandomState"])
def test_training_goes_on_as_if_nothing_had_happened(seed, tmp_path):
    params = TINY | {"random_state": seed, "warm_start": True, "dropout": 0.2}
    for fitted in (LSTMClassifier(**params), LSTMRegressor(**params)):
        fitted.fit(X, y)
        loaded = through_a_file(fitted, tmp_path)
        for go_on in ("fit", "partial_fit"):
            one, other = (getattr(each, go_on)(X, y) for each in (fitted, loaded))
            for weight, expected in zip(other._runtime.weights, one._runtime.weights, strict=True):
                np.testing.assert_array_equal(weight, expected)
            assert other.history_ == one.history_
        if isinstance(seed, np.random.RandomState):
            assert loaded.random_state is loaded._rng


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


def test_a_file_is_little_larger_than_its_arrays(tmp_path):
    fitted = LSTMClassifier(32, epochs=1, random_state=0).fit(X, y)
    persistence.save(fitted, tmp_path / "model.sklstm")
    n_bytes = sum(weight.nbytes for weight in fitted._runtime.weights)
    assert (tmp_path / "model.sklstm").stat().st_size < n_bytes + 6000


# What a file cannot keep is refused when it is saved


def shout(epoch, logs):
    RAN.append(epoch)


class Foreign(BaseEstimator):
    """An estimator of another package."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


def keras_optimizer():
    import keras

    return keras.optimizers.Adam(0.01)


REFUSED = {
    "a callback": (
        lambda: LSTMClassifier(callbacks=[shout]),
        r"LSTMClassifier.callbacks\[0\] holds test_persistence.shout,.*set_params\(callbacks=None",
    ),
    "an optimizer": (
        lambda: Pipeline([("lstm", LSTMClassifier(optimizer=keras_optimizer()))]),
        r"Pipeline.steps\['lstm'\].optimizer holds keras.*Adam,.*Name the optimizer",
    ),
    "a step": (
        lambda: Pipeline([("odd", Foreign()), ("lstm", LSTMClassifier())]),
        r"Pipeline.steps\['odd'\] holds test_persistence.Foreign,.*trusted=\['test_persistence.F",
    ),
    "a function": (
        lambda: TimeDistributed(FunctionTransformer(os.path.exists)),
        r"TimeDistributed.transformer.func holds genericpath.exists",
    ),
    "a builtin function": (
        lambda: FunctionTransformer(print),
        r"FunctionTransformer.func holds builtins.print",
    ),
    "a scorer of one's own": (
        lambda: GridSearchCV(LSTMClassifier(), {}, scoring=make_scorer(shout)),
        r"GridSearchCV.scoring._score_func holds test_persistence.shout",
    ),
    "a range": (
        lambda: LSTMClassifier(units=range(2, 4)),
        "LSTMClassifier.units holds builtins.range",
    ),
    "keys": (
        lambda: LSTMClassifier(class_weight={False: 1, True: 5}),
        r"LSTMClassifier.class_weight has the keys \[False, True\]: a model file keeps strings",
    ),
    "keys that are alike": (
        lambda: LSTMClassifier(class_weight={1: 1, "1": 5}),
        r"LSTMClassifier.class_weight has the keys \[1, '1'\]",
    ),
    "no estimator": (lambda: {"a": 1}, "writes fitted estimators, but was given {'a': 1} of type"),
    "a class": (lambda: LSTMClassifier, "but was given <class 'sklstm._classifier.LSTMClass"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_would_not_load_is_not_saved(make, message, tmp_path):
    path = tmp_path / "model.sklstm"
    path.write_bytes(b"old")
    with pytest.raises(TypeError, match=message):
        persistence.save(make(), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.sklstm"]


def test_metadata_requests_come_back(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        lstm = LSTMClassifier(**TINY, timesteps=5).set_fit_request(
            sample_weight="weights", X_val=True, y_val=True
        )
        scale = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("scale", scale), ("lstm", lstm)], transform_input=["X_val"])
        metadata = {"weights": np.linspace(0.1, 2, 24), "X_val": TABLE, "y_val": y}
        pipeline.fit(TABLE, y, **metadata)
        routing = repr(pipeline.get_metadata_routing())
        loaded = through_a_file(pipeline, tmp_path)
        assert "weights" in routing
        assert repr(loaded.get_metadata_routing()) == routing
        assert repr(pipeline.get_metadata_routing()) == routing  # left alone
        assert set(vars(loaded["lstm"])) == set(vars(pipeline["lstm"]))
        refitted = clone(loaded).fit(TABLE, y, **metadata)
    assert refitted["lstm"].history_ == pipeline["lstm"].history_
    np.testing.assert_array_equal(loaded.predict_proba(TABLE), pipeline.predict_proba(TABLE))


class SavingScaler(StandardScaler):
    """Saves itself while it is fitted, when a Pipeline has hung something on it."""

    def fit(self, X, y=None):
        super().fit(X)
        self.hung_ = sorted(set(vars(self)) - set(vars(StandardScaler().fit(X))))
        persistence.save(self, self.hung_path, trusted=[SavingScaler])
        return self


def test_what_a_pipeline_hangs_on_its_steps_is_not_saved(tmp_path):
    SavingScaler.hung_path = tmp_path / "scaler.sklstm"
    pipeline = make_pipeline(SavingScaler(), StandardScaler()).fit(TABLE)
    assert len(pipeline[0].hung_) == 1
    loaded = persistence.load(SavingScaler.hung_path, trusted=[SavingScaler])
    assert set(vars(loaded)) == set(vars(pipeline[0]))
    np.testing.assert_array_equal(loaded.transform(TABLE), pipeline[0].transform(TABLE))


def test_odd_metadata_requests_are_refused(model_file, tmp_path):
    for odd in (
        {"nowhere": {}},
        {"LSTMClassifier": {"__class__": {"a": "b"}}},
        {"LSTMClassifier": 1},
    ):
        path = with_header(model_file, tmp_path / "odd.sklstm", metadata_requests=odd)
        with pytest.raises(
            ValueError,
            match=r"odd\.sklstm (cannot be loaded|is truncated or damaged) .*metadata requests",
        ):
            persistence.load(path)


def test_types_that_the_user_trusts(tmp_path):
    stack = StackingClassifier(
        [("forest", RandomForestClassifier(2)), ("lstm", LSTMClassifier(**TINY, timesteps=5))],
        cv=2,
    ).fit(TABLE, y)
    with pytest.raises(TypeError, match=r"holds sklearn\.tree\._tree\.Tree"):
        persistence.save(stack, tmp_path / "model.sklstm")
    loaded = through_a_file(stack, tmp_path, trusted=["sklearn.tree._tree.Tree"])
    np.testing.assert_array_equal(loaded.predict_proba(TABLE), stack.predict_proba(TABLE))
    with pytest.raises(
        ValueError, match=r"holds what sklstm does not trust: sklearn.tree._tree.Tr"
    ):
        persistence.load(tmp_path / "model.sklstm")
    pipeline = make_pipeline(Foreign(), StandardScaler()).fit(TABLE)
    loaded = through_a_file(pipeline, tmp_path, trusted=[Foreign])
    np.testing.assert_array_equal(loaded.transform(TABLE), pipeline.transform(TABLE))
    with pytest.raises(ValueError, match=r"trusted=\['test_persistence.Foreign'\]"):
        persistence.load(tmp_path / "model.sklstm")
    for odd in ("test_persistence.Foreign", True):
        with pytest.raises(TypeError, match="give a list of types or their names"):
            persistence.load(tmp_path / "model.sklstm", trusted=odd)


# Foreign, damaged, newer and older files


FOREIGN = {
    "empty": (b"", "it is empty"),
    "text": (b"once upon a time", "it begins with b'once upon a time'"),
    "another zip": (skops.io.dumps(StandardScaler()), "it is another zip archive"),
}


@pytest.mark.parametrize(("content", "message"), FOREIGN.values(), ids=FOREIGN)
def test_foreign_files_are_refused(content, message, tmp_path):
    path = tmp_path / "model.sklstm"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"model.sklstm is not a model file .*{message}"):
        persistence.load(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.sklstm"):
        persistence.load(tmp_path / "none.sklstm")
    with pytest.raises(IsADirectoryError):
        persistence.load(tmp_path)


REFUSALS = ("not a model file", "truncated or damaged", "cannot be loaded", "a newer sklstm")


def load_or_refusal(path):
    try:
        return persistence.load(path), None
    except ValueError as error:
        return None, str(error)


def test_truncated_files_are_refused(model_file, tmp_path):
    whole = model_file.read_bytes()
    cut = tmp_path / "cut.sklstm"
    for n_bytes in {*(len(whole) * tenth // 10 for tenth in range(10)), len(whole) - 1, 50}:
        cut.write_bytes(whole[:n_bytes])
        with pytest.raises(ValueError, match=r"cut\.sklstm is (truncated|not a model file)"):
            persistence.load(cut)


def test_flipped_bits_are_seen_or_change_nothing(model_file, tmp_path, classifier):
    whole, expected = model_file.read_bytes(), classifier.predict_proba(X)
    draw, refused = random.Random(0), 0
    path = tmp_path / "flipped.sklstm"
    places = [draw.randrange(8 * len(whole)) for _ in range(150)]
    end = len(whole) - 22  # the directory and what closes it are where zipfile is trustful
    places += [8 * draw.randrange(end - 600, len(whole)) + draw.randrange(8) for _ in range(100)]
    for place in places:
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        loaded, refusal = load_or_refusal(path)
        if loaded is None:
            refused += 1
            assert any(kind in refusal for kind in REFUSALS)
        else:
            np.testing.assert_array_equal(loaded.predict_proba(X), expected)
            assert same_params(loaded, classifier)
    assert refused > 150


def test_a_damaged_array_is_named(model_file, tmp_path):
    whole = bytearray(model_file.read_bytes())
    with zipfile.ZipFile(model_file) as archive:
        array = next(member for member in archive.infolist() if member.filename.endswith(".npy"))
    whole[array.header_offset + 30 + len(array.filename) + array.file_size - 1] ^= 4
    path = tmp_path / "flipped.sklstm"
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=rf"is truncated or damaged .*{array.filename} is wrong"):
        persistence.load(path)


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_header(model_file, path, **changes):
    members = members_of(model_file)
    header = json.loads(members["sklstm.json"]) | changes
    return write_members(path, members | {"sklstm.json": json.dumps(header)})


def test_newer_files_are_refused(model_file, tmp_path):
    path = with_header(model_file, tmp_path / "new.sklstm", format=2, sklstm="7.0")
    with pytest.raises(ValueError, match=r"newer sklstm, 7.0 \(format 2\); this is 0"):
        persistence.load(path)


def test_other_versions_are_told(model_file, tmp_path):
    path = with_header(model_file, tmp_path / "old.sklstm", sklstm="0.0.9")
    with pytest.warns(UserWarning, match=f"sklstm 0.0.9, and this is sklstm {sklstm.__version__}"):
        persistence.load(path)


def test_scikit_learn_tells_of_its_own_estimators(tmp_path, monkeypatch):
    path = tmp_path / "model.sklstm"
    persistence.save(TimeDistributed(StandardScaler()).fit(X), path)
    monkeypatch.setattr(sklearn.base, "__version__", "9.9")
    with pytest.warns(InconsistentVersionWarning, match=r"when using version 9\.9"):
        persistence.load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        with pytest.raises(InconsistentVersionWarning):
            persistence.load(path)


def test_a_class_that_is_gone_names_the_versions(model_file, tmp_path):
    members = members_of(model_file)
    structure = members["structure.json"].replace(b'"sklstm.LSTMClassifier"', b'"sklstm.Gone"')
    path = write_members(tmp_path / "gone.sklstm", members | {"structure.json": structure})
    with pytest.raises(ValueError, match=r"does not trust: sklstm\.Gone"):
        persistence.load(path)
    with pytest.raises(
        ValueError, match=r"AttributeError: .*Gone.* and scikit-learn .*; these are .* and "
    ):
        persistence.load(path, trusted=["sklstm.Gone"])


def test_a_file_is_the_same_to_the_last_byte(classifier, model_file, tmp_path):
    persistence.save(persistence.load(model_file), tmp_path / "again.sklstm")
    assert (tmp_path / "again.sklstm").read_bytes() == model_file.read_bytes()


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
