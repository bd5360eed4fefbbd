"""Gates agree with the equations."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from gate_names import GATES
from sklstm import LSTMClassifier, WordSequenceGenerator
from sklstm.inspection import (
    gate_activations,
)
from sklstm.network.spec import dense_weights, lstm_weights, split_weights
from tasks import TINY, nan_padded, object_array, ragged


def by_hand(estimator, X):
    """Pool the gates' outputs, and put the output layer on top."""
    spec = estimator._fitted_state.network.spec
    directions = ["forward", "backward"][: spec.n_directions]
    parts = [gate_activations(estimator, X, direction=direction) for direction in directions]
    if spec.pooling == "last":
        rows = np.arange(len(parts[0].lengths))
        forward, *backward = (part.output for part in parts)
        final = [forward[rows, parts[0].lengths - 1], *(output[:, 0] for output in backward)]
        pooled = np.hstack(final)
    else:
        pool = {"mean": np.nanmean, "max": np.nanmax}[spec.pooling]
        pooled = pool(np.concatenate([part.output for part in parts], axis=2), axis=1)
    kernel, bias = dense_weights(estimator._fitted_state.network.weights, len(spec.dense_units))
    return softmax(pooled @ kernel + bias, axis=1)


@pytest.mark.parametrize("name", ["classifier", "table_classifier", "ragged_classifier"])
def test_gates_reproduce_the_prediction(name, request, task):
    X = {"table_classifier": task[0].reshape(24, 10), "ragged_classifier": ragged(task[0])}
    X, estimator = X.get(name, task[0]), request.getfixturevalue(name)
    np.testing.assert_allclose(by_hand(estimator, X), estimator.predict_proba(X), atol=1e-5)


def test_gates_of_deep_networks_reproduce_the_prediction(deep_classifier, task):
    X = ragged(task[0])
    probabilities = deep_classifier.predict_proba(X)
    np.testing.assert_allclose(by_hand(deep_classifier, X), probabilities, atol=1e-5)


def test_gates_of_tokens_reproduce_the_prediction(token_classifier):
    ids = [np.array([1, 2, 6]), np.array([3, 3, 4, 5, 1])]
    probabilities = token_classifier.predict_proba(ids)
    np.testing.assert_allclose(by_hand(token_classifier, ids), probabilities, atol=1e-5)


def test_gates_are_those_of_the_equations(classifier, task):
    gates = gate_activations(classifier, task[0])
    seen = classifier._sequences(task[0]).padded()
    kernel, recurrent, bias = lstm_weights(classifier._fitted_state.network.weights, 0, "forward")
    before = np.concatenate([np.zeros((24, 1, 4)), gates.output[:, :-1]], axis=1)
    i, f, candidate, o = np.split(seen @ kernel + before @ recurrent + bias, 4, axis=2)
    for values, expected in (
        (gates.input_gate, expit(i)),
        (gates.forget_gate, expit(f)),
        (gates.candidate, np.tanh(candidate)),
        (gates.output_gate, expit(o)),
        (gates.output, gates.output_gate * np.tanh(gates.cell)),
    ):
        np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_cell_remembers(deep_classifier, task, layer, direction):
    gates = gate_activations(deep_classifier, task[0], layer=layer, direction=direction)
    assert gates.cell.shape == (24, 5, (3, 2)[layer])
    order = slice(None) if direction == "forward" else slice(None, None, -1)
    cell = np.zeros_like(gates.cell[:, 0])
    for t in np.arange(5)[order]:
        cell = gates.forget_gate[:, t] * cell + gates.input_gate[:, t] * gates.candidate[:, t]
        np.testing.assert_allclose(gates.cell[:, t], cell, atol=1e-6)


def test_absent_steps_are_nan_and_nothing_else(deep_classifier, task):
    sequences = ragged(task[0])
    lengths = np.array([len(sequence) for sequence in sequences])
    gates = gate_activations(deep_classifier, sequences, direction="backward")
    np.testing.assert_array_equal(gates.lengths, lengths)
    assert gates.tokens is None
    for name in GATES:
        values = getattr(gates, name)
        absent = np.arange(5) >= lengths[:, np.newaxis]
        assert values.dtype == np.float32
        np.testing.assert_array_equal(
            np.isnan(values), np.broadcast_to(absent[..., None], (24, 5, 2))
        )


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_every_form_gives_the_same_gates(deep_classifier, task, direction):
    sequences = ragged(task[0])
    expected = gate_activations(deep_classifier, sequences, direction=direction)
    for X in (
        object_array(sequences),
        nan_padded(sequences, 5),
        nan_padded(sequences, 5, side="left"),
    ):
        gates = gate_activations(deep_classifier, X, direction=direction)
        np.testing.assert_array_equal(gates.cell, expected.cell)
    alone = gate_activations(deep_classifier, sequences[1:2], direction=direction)
    np.testing.assert_allclose(alone.cell, expected.cell[1:2, :4], atol=1e-6)


def test_gates_in_a_pipeline_and_a_search(stopped, search, task):
    X = task[0]
    expected = gate_activations(stopped[-1], stopped[:-1].transform(X))
    np.testing.assert_array_equal(gate_activations(stopped, X).cell, expected.cell)
    expected = gate_activations(search.best_estimator_, X)
    np.testing.assert_array_equal(gate_activations(search, X).cell, expected.cell)


def test_gates_of_a_generator(generator):
    texts = ["to be", "", "not\n"]
    gates = gate_activations(generator, texts)
    assert [list(tokens) for tokens in gates.tokens] == [["", *text] for text in texts]
    last = gates.output[np.arange(3), gates.lengths - 1]
    kernel, bias = dense_weights(generator._fitted_state.network.weights, 0)
    probabilities = softmax(last @ kernel + bias, axis=1)
    np.testing.assert_allclose(probabilities, generator.predict_proba(texts), atol=1e-5)
    alone = gate_activations(generator, "to be")
    np.testing.assert_allclose(alone.cell, gates.cell[:1, :6], atol=1e-6)


@pytest.mark.slow
def test_gates_of_words():
    generator = WordSequenceGenerator(4, window=4, epochs=1, random_state=0).fit("to be " * 20)
    gates = gate_activations(generator, "to be or to")
    assert gates.tokens[0].tolist() == ["", "<unk>", " be", "<unk>", " to"]


def test_batches_of_limited_size_change_nothing(ragged_classifier, task, monkeypatch):
    expected = gate_activations(ragged_classifier, ragged(task[0]))
    monkeypatch.setattr("sklstm.inspection._gates.NUMBERS_PER_BATCH", 50)
    gates = gate_activations(ragged_classifier, ragged(task[0]))
    np.testing.assert_allclose(gates.output, expected.output, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layer": 1}, r"layer=1 is not in the network: it has 1 LSTM layer\(s\), .* -1 to 0"),
        ({"layer": -2}, "layer=-2 is not in the network"),
        ({"direction": "backward"}, "needs a network with bidirectional=True"),
        ({"direction": "both"}, "'direction' parameter .* must be a str among"),
    ],
)
def test_no_such_layer_or_direction(classifier, task, parameters, message):
    with pytest.raises(ValueError, match=message):
        gate_activations(classifier, task[0], **parameters)


def test_no_lstm_layer(task):
    lstm = LSTMClassifier(**TINY | {"units": ()}).fit(*task)
    with pytest.raises(ValueError, match=r"no LSTM layer \(units=\(\)\)"):
        gate_activations(lstm, task[0])


def test_gates_of_a_wrong_x(classifier, generator, task):
    with pytest.raises(ValueError, match="X has 1 features per time step, but LSTMClassifier is"):
        gate_activations(classifier, task[0][:, :, :1])
    with pytest.raises(ValueError, match="Document 1 holds characters that the vocabulary lacks"):
        gate_activations(generator, ["to", "xyz"])


def test_gates_of_each_network(ensemble, task):
    spec = ensemble._fitted_state.network.spec
    each = split_weights(spec, ensemble._fitted_state.network.weights)
    pooled = [gate_activations(ensemble, task[0], network=k).output.max(axis=1) for k in range(3)]
    logits = [
        h @ kernel + bias
        for h, (kernel, bias) in zip(pooled, (dense_weights(own, 0) for own in each), strict=True)
    ]
    mean = np.mean([softmax(z, axis=1) for z in logits], axis=0)
    np.testing.assert_allclose(mean, ensemble.predict_proba(task[0]), atol=1e-5)
    first = gate_activations(ensemble, task[0])
    np.testing.assert_array_equal(first.output.max(axis=1), pooled[0])


@pytest.mark.parametrize("network", [3, -1])
def test_no_such_network(ensemble, classifier, task, network):
    with pytest.raises(ValueError, match=rf"network={network} is not in .* 3 .* valid are 0 to 2"):
        gate_activations(ensemble, task[0], network=network)
    with pytest.raises(ValueError, match=r"it has 1 network\(s\), and valid are 0 to 0"):
        gate_activations(classifier, task[0], network=network)
