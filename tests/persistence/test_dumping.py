"""What would not load is not saved, unless the user trusts it."""

import os

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import sklstm
from file_tools import TABLE, through_a_file, y
from sklstm import (
    LSTMClassifier,
    TimeDistributed,
    forecasting,
    persistence,
)
from sklstm.persistence._trusted_types import OURS
from sklstm.persistence._walk import full_name
from tasks import TINY

RAN = []  # what code from a file would fill


def test_every_estimator_is_trusted():
    public = [getattr(sklstm, name) for name in sklstm.__all__]
    public += [getattr(forecasting, name) for name in forecasting.__all__]
    ours = {each for each in public if isinstance(each, type) and issubclass(each, BaseEstimator)}
    assert len(ours) > 9
    assert {full_name(each) for each in ours} <= set(OURS.values())
    assert {f"sklstm.{each.__name__}": full_name(each) for each in ours}.items() <= OURS.items()


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
        r"LSTMClassifier.callbacks\[0\] holds test_dumping.shout,.*set_params\(callbacks=None",
    ),
    "an optimizer": (
        lambda: Pipeline([("lstm", LSTMClassifier(optimizer=keras_optimizer()))]),
        r"Pipeline.steps\['lstm'\].optimizer holds keras.*Adam,.*Name the optimizer",
    ),
    "a step": (
        lambda: Pipeline([("odd", Foreign()), ("lstm", LSTMClassifier())]),
        r"Pipeline.steps\['odd'\] holds test_dumping.Foreign,.*trusted=\['test_dumping.F",
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
        r"GridSearchCV.scoring._score_func holds test_dumping.shout",
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
    with pytest.raises(ValueError, match=r"trusted=\['test_dumping.Foreign'\]"):
        persistence.load(tmp_path / "model.sklstm")
    for odd in ("test_dumping.Foreign", True):
        with pytest.raises(TypeError, match="give a list of types or their names"):
            persistence.load(tmp_path / "model.sklstm", trusted=odd)
