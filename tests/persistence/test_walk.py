"""Everything that an estimator holds is found, once, with its place."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklstm import LSTMClassifier, SlidingWindow
from sklstm.persistence._walk import full_name, keys_last, parts, passing_attributes


class Foreign:
    """Of another library: nobody looks inside."""

    def __init__(self, held):
        self.held = held


def places(value):
    return [place for place, _ in parts(value, "model")]


def test_steps_are_named_and_parameters_are_places():
    scale, lstm = StandardScaler(), LSTMClassifier(units=[3, 2])
    pipeline = Pipeline([("scale", scale), ("lstm", lstm)])
    found = dict(parts(pipeline, "model"))
    assert found["model"] is pipeline
    assert found["model.steps['scale']"] is scale
    assert found["model.steps['lstm'].units"] is lstm.units
    assert "model.steps['lstm'].epochs" not in found  # nothing can be wrong with a number


def test_containers_and_arrays_of_objects_are_opened():
    array = np.empty(2, object)
    array[:] = [{1}, None]
    transformer = FunctionTransformer(kw_args={"a": [b"x", 3], "b": array})
    assert places(transformer) == [
        "model",
        "model.kw_args",
        "model.kw_args['a']",
        "model.kw_args['a'][0]",
        "model.kw_args['b']",
        "model.kw_args['b'][0]",
    ]


def test_a_value_comes_once_and_cycles_end():
    shared = [b"x"]
    shared.append(shared)
    transformer = FunctionTransformer(kw_args={"a": shared, "b": shared})
    assert places(transformer).count("model.kw_args['a']") == 1
    assert "model.kw_args['b']" not in places(transformer)


def test_objects_of_others_are_not_opened():
    transformer = FunctionTransformer(np.sqrt, kw_args={"a": Foreign([b"x"])})
    assert places(transformer)[-2:] in (
        ["model.kw_args", "model.kw_args['a']"],
        ["model.kw_args['a']", "model.func"],
    )


def test_what_a_fit_hangs_on_a_step_is_passing():
    scaler = StandardScaler()
    assert passing_attributes(scaler) == {}
    context = type("Context", (), {"__module__": "sklearn.callback._context"})()
    scaler._callback_context = context
    assert passing_attributes(scaler) == {"_callback_context": context}
    assert places(scaler) == ["model"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (LogisticRegression, "sklearn.linear_model._logistic.LogisticRegression"),
        (StandardScaler(), "sklearn.preprocessing._data.StandardScaler"),
        (len, "builtins.len"),
        (3, "builtins.int"),
    ],
)
def test_full_names(value, name):
    assert full_name(value) == name


def test_full_names_of_our_classes_are_public_or_where_they_are():
    assert full_name(SlidingWindow) == f"{SlidingWindow.__module__}.SlidingWindow"


@pytest.mark.parametrize(
    ("mapping", "last"),
    [
        ({"a": 1, 2: 3, 0.5: 4, np.int64(7): 5}, True),
        ({"1": "a", 1: "b"}, False),
        ({True: 1}, False),
        ({(1, 2): 1}, False),
        ({}, True),
    ],
)
def test_keys_that_json_gives_back(mapping, last):
    assert keys_last(mapping) is last
