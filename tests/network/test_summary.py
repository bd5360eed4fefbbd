"""What ``summary()`` says of a network beside its weight arrays."""

import numpy as np
import pytest

from sklstm.network.scaling import InputScaling
from sklstm.network.spec import NetworkSpec
from sklstm.network.summary import summarize

SPEC = NetworkSpec(n_outputs=3, activation="softmax", n_features=2, units=(4,))
PLAIN = InputScaling((), np.zeros(2), np.ones(2))
CHANGES = InputScaling((1,), np.zeros(4), np.ones(4))


def described(spec, scaling, *, standardize=True):
    """The parts in words, by their names."""
    words, _ = summarize(spec, scaling, standardize=standardize).split("\n\n")
    return {line[:10].strip(): line[10:] for line in words.splitlines()}


def spec(**changes):
    return NetworkSpec(**vars(SPEC) | changes)


def test_all_parts():
    assert described(spec(dense_units=(5, 6), dropout=0.25, bidirectional=True), PLAIN) == {
        "input": "2 features, standardized, no differences",
        "LSTM": "1 layer of 4 units, bidirectional, dropout 0.25",
        "pooling": "the last time step",
        "dense": "2 layers of (5, 6) units, relu, dropout 0.25",
        "output": "3 units, softmax",
        "networks": "1",
    }


@pytest.mark.parametrize(
    ("spec", "scaling", "text"),
    [
        (spec(n_features=4), CHANGES, "2 features, standardized, differences of 1 of them"),
        (spec(n_static=1), PLAIN, "2 features, standardized, no differences, 1 static feature"),
        (spec(vocabulary_size=7), None, "token ids below 7, one-hot coded"),
        (
            spec(vocabulary_size=7, embedding_dim=3),
            None,
            "token ids below 7, embedded as 3 numbers",
        ),
        (
            spec(pooling=None, horizon=2),
            None,
            "2 features, each window scaled by its own past",
        ),
    ],
)
def test_inputs(spec, scaling, text):
    assert described(spec, scaling)["input"] == text


def test_an_input_that_is_not_standardized():
    told = described(SPEC, PLAIN, standardize=False)
    assert told["input"] == "2 features, not standardized, no differences"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"pooling": "mean"}, "the mean over time"),
        ({"pooling": "max"}, "the maximum over time"),
        ({"pooling": "concat"}, "the last time step, the mean and the maximum over time"),
        ({"pooling": None}, "none: an output at every time step"),
        ({"pooling": None, "horizon": 2}, "none: an output at each of the last 2 time steps"),
    ],
)
def test_poolings(changes, text):
    assert described(spec(**changes), PLAIN)["pooling"] == text


def test_several_networks_without_lstm_layers():
    told = described(spec(units=(), n_networks=2), PLAIN)
    assert told["networks"] == "2, whose outputs are averaged"
    assert "LSTM" not in told
