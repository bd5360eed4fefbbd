"""Keras, ONNX Runtime and the equations compute the same; padding never matters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.quantiles import in_order
from sklstm.network.reference.lstm import ACTIVATIONS, forward, lstm_over_time
from sklstm.network.spec import NetworkSpec, split_weights
from tasks import from_padded

TOLERANCE = 1e-5


@st.composite
def specs(draw):
    vocabulary_size = draw(st.sampled_from([None, 7]))
    embedding_dim = draw(st.sampled_from([None, 3])) if vocabulary_size else None
    activation = draw(st.sampled_from(sorted(ACTIVATIONS)))
    n_features = draw(st.integers(1, 3))
    n_quantiles = draw(st.sampled_from([1, 2, 3, 4])) if activation == "linear" else 1
    return NetworkSpec(
        n_outputs=n_quantiles * draw(st.integers(2 if activation == "softmax" else 1, 3)),
        activation=activation,
        n_features=n_features,
        vocabulary_size=vocabulary_size,
        embedding_dim=embedding_dim,
        units=tuple(draw(st.lists(st.integers(1, 5), max_size=3))),
        bidirectional=draw(st.booleans()),
        dropout=draw(st.sampled_from([0.0, 0.4])),
        pooling=draw(st.sampled_from(["last", "mean", "max", "concat"])),
        dense_units=tuple(draw(st.lists(st.integers(1, 4), max_size=2))),
        n_quantiles=n_quantiles,
        n_networks=draw(st.sampled_from([1, 1, 2, 3])),
        n_static=0 if vocabulary_size else draw(st.integers(0, 2)),
    )


@st.composite
def specs_with_a_horizon(draw):
    spec = draw(specs())
    return replace(
        spec,
        pooling=None,
        horizon=draw(st.integers(1, 3)),
        n_direct=0 if spec.reads_tokens else draw(st.integers(0, spec.n_features)),
    )


def drawn_weights(spec, rng):
    shapes = spec.weight_shapes().items()
    return {name: rng.normal(0, 0.5, shape).astype("f") for name, shape in shapes}


def with_static(spec, sequences, rng):
    static = rng.normal(size=(len(sequences), spec.n_static)).astype("f")
    return replace(sequences, static=static) if spec.n_static else sequences


def inputs_of(values, sequences):
    """Return what a Keras model takes: the values, and static features if there are some."""
    return values if sequences.static is None else [values, sequences.static]


@st.composite
def networks(draw):
    """Draw a spec, weights far from their beginnings, and sequences whose padding is not empty."""
    spec = draw(specs())
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    weights = drawn_weights(spec, rng)
    lengths = np.array(draw(st.lists(st.integers(1, 6), min_size=1, max_size=5)))
    n_steps = lengths.max() + draw(st.integers(0, 2))
    if spec.reads_tokens:
        values = rng.integers(1, spec.vocabulary_size, (len(lengths), n_steps), dtype="int32")
    else:
        values = rng.normal(size=(len(lengths), n_steps, spec.n_features)).astype("f")
    return spec, weights, with_static(spec, from_padded(values, lengths), rng)


@st.composite
def networks_with_a_horizon(draw):
    spec = draw(specs_with_a_horizon())
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    n, n_steps = draw(st.integers(1, 4)), spec.horizon + draw(st.integers(0, 3))
    if spec.reads_tokens:
        values = rng.integers(1, spec.vocabulary_size, (n, n_steps), dtype="int32")
    else:
        values = rng.normal(size=(n, n_steps, spec.n_features)).astype("f")
    sequences = from_padded(values, np.full(n, n_steps))
    return spec, drawn_weights(spec, rng), with_static(spec, sequences, rng)


def blank_padding(sequences, blank):
    """Fill what lies behind the end of each sequence."""
    values = sequences.padded(sequences.longest + 1)
    for row, length in zip(values, sequences.lengths, strict=True):
        row[length:] = blank
    return values


@settings(max_examples=150, deadline=None)
@given(networks())
def test_onnx_runtime_computes_the_equations(network):
    spec, weights, sequences = network
    np.testing.assert_allclose(
        OnnxPredictor(spec, weights).predict(sequences),
        forward(spec, weights, sequences),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


@settings(max_examples=60, deadline=None)
@given(networks_with_a_horizon())
def test_onnx_runtime_computes_the_outputs_of_the_last_time_steps(network):
    spec, weights, sequences = network
    outputs = OnnxPredictor(spec, weights).predict(sequences)
    assert outputs.shape == (len(sequences), spec.horizon, spec.n_outputs)
    np.testing.assert_allclose(
        outputs, forward(spec, weights, sequences), rtol=TOLERANCE, atol=TOLERANCE
    )


@settings(max_examples=12, deadline=None)
@given(networks_with_a_horizon())
def test_keras_computes_the_outputs_of_the_last_time_steps(network):
    from sklstm.network.keras_model import model_for_users

    spec, weights, sequences = network
    model = model_for_users(spec, weights, varies=False)
    np.testing.assert_allclose(
        model(inputs_of(sequences.padded(), sequences)),
        forward(spec, weights, sequences),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


def test_features_that_go_to_the_dense_layers_directly_reach_their_own_time_step_only():
    spec = NetworkSpec(
        n_outputs=1, activation="linear", n_features=2, units=(3,), pooling=None, horizon=2,
        n_direct=1,
    )  # fmt: skip
    weights = drawn_weights(spec, np.random.default_rng(0))
    weights["lstm_0/forward/kernel"][:] = 0  # what is left comes directly
    values = np.zeros((1, 4, 2), "f")
    before = forward(spec, weights, from_padded(values, np.array([4])))
    values[0, 3] = [2, 5]
    after = forward(spec, weights, from_padded(values, np.array([4])))
    expected = [[0.0], [2 * weights["dense_0/kernel"][3, 0]]]
    np.testing.assert_allclose(after[0] - before[0], expected, atol=1e-7)


def test_static_features_go_to_the_dense_layers_only():
    spec = NetworkSpec(n_outputs=1, activation="linear", units=(3,), n_static=2)
    weights = drawn_weights(spec, np.random.default_rng(0))
    assert weights["lstm_0/forward/kernel"].shape == (1, 12)
    sequences = from_padded(np.ones((1, 4, 1), "f"), np.array([4]))
    before, after = (
        forward(spec, weights, replace(sequences, static=np.array([static], "f")))
        for static in ([0, 0], [2, 5])
    )
    np.testing.assert_allclose(after - before, [[2, 5]] @ weights["dense_0/kernel"][3:], rtol=1e-6)


@settings(max_examples=12, deadline=None)
@given(networks())
def test_keras_computes_the_equations(network):
    from sklstm.network.keras_model import model_for_users

    spec, weights, sequences = network
    model = model_for_users(spec, weights, varies=True)
    values = blank_padding(sequences, 0 if spec.reads_tokens else np.nan)
    np.testing.assert_allclose(
        model(inputs_of(values, sequences)),
        forward(spec, weights, sequences),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(networks())
def test_keras_own_layers_compute_the_equations_where_lengths_are_equal(network):
    from sklstm.network.keras_model import model_for_users

    spec, weights, sequences = network
    values = sequences.padded()
    full = from_padded(values, np.full(len(values), values.shape[1]))
    full = replace(full, static=sequences.static)
    model = model_for_users(spec, weights, varies=False)
    np.testing.assert_allclose(
        model(inputs_of(values, full)),
        forward(spec, weights, full),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


@settings(max_examples=30, deadline=None)
@given(networks())
def test_each_of_several_networks_computes_its_own_outputs(network):
    spec, weights, sequences = network
    spec = replace(spec, n_networks=2)
    weights = drawn_weights(spec, np.random.default_rng(len(sequences)))
    each = OnnxPredictor(spec, weights).predict(sequences, averages=False)
    assert each.shape == (len(sequences), 2, spec.n_outputs)
    for k, own in enumerate(split_weights(spec, weights)):
        np.testing.assert_allclose(
            each[:, k], forward(spec.single, own, sequences), rtol=TOLERANCE, atol=TOLERANCE
        )


@settings(max_examples=30, deadline=None)
@given(networks(), st.integers(2, 5))
def test_quantiles_are_in_order(network, n_quantiles):
    spec, _, sequences = network
    spec = replace(spec, activation="linear", n_outputs=2 * n_quantiles, n_quantiles=n_quantiles)
    weights = drawn_weights(spec, np.random.default_rng(n_quantiles))
    outputs = OnnxPredictor(spec, weights).predict(sequences)
    steps = np.diff(outputs.reshape(len(sequences), 2, n_quantiles))
    assert (steps >= 0).all()


def test_the_middle_quantile_is_computed_as_a_number_alone():
    z = np.random.default_rng(0).normal(size=(6, 6)).astype("f")
    quantiles = in_order(z, 3).reshape(6, 2, 3)
    np.testing.assert_array_equal(quantiles[..., 1], z[:, [1, 4]])
    np.testing.assert_allclose(np.diff(quantiles[:, 0]), np.logaddexp(0, z[:, [0, 2]]), rtol=1e-5)
    np.testing.assert_allclose(in_order(z, 2)[:, ::2], z[:, ::2], rtol=1e-6)


@settings(max_examples=50, deadline=None)
@given(networks())
def test_a_sequence_alone_predicts_as_in_a_batch(network):
    spec, weights, sequences = network
    runtime = OnnxPredictor(spec, weights)
    alone = np.concatenate([runtime.predict(sequences[i : i + 1]) for i in range(len(sequences))])
    np.testing.assert_allclose(runtime.predict(sequences), alone, rtol=1e-6, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(networks())
def test_the_state_carried_between_steps_is_the_whole_past(network):
    spec, _, sequences = network
    spec = replace(
        spec,
        units=spec.units or (3,),
        bidirectional=False,
        pooling=None,
        vocabulary_size=7,
        n_networks=1,
        n_static=0,
    )
    rng = np.random.default_rng(0)
    weights = drawn_weights(spec, rng)
    ids = rng.integers(1, 7, (2, sequences.longest), dtype="int32")
    runtime = OnnxPredictor(spec, weights)
    state, outputs = runtime.initial_state(2), []
    for t in range(ids.shape[1]):
        output, state = runtime.read(ids[:, t : t + 1], state)
        outputs.append(output)
    whole = forward(spec, weights, from_padded(ids, np.full(2, ids.shape[1])))
    np.testing.assert_allclose(np.concatenate(outputs, 1), whole, rtol=TOLERANCE, atol=TOLERANCE)


def test_order_of_rows_survives_batches_of_similar_length():
    spec = NetworkSpec(n_outputs=1, activation="linear", units=(3,))
    weights = spec.initial_weights(np.random.RandomState(0))
    rng = np.random.default_rng(0)
    runtime = OnnxPredictor(spec, weights)
    n = 2 * runtime._rows_per_batch(50) + 7
    values = rng.normal(size=(n, 50, 1)).astype("f")
    sequences = from_padded(values, rng.integers(1, 51, n))
    rows = rng.choice(n, 20, replace=False)
    np.testing.assert_allclose(
        runtime.predict(sequences)[rows], runtime.predict(sequences[rows]), rtol=1e-6
    )


def test_a_forget_gate_of_one_and_an_input_gate_of_zero_keep_the_cell():
    bias = np.array([-100.0, 100.0, 0.0, 0.0])
    parts = lstm_over_time(np.ones((4, 1)), np.zeros((1, 4)), np.zeros((1, 4)), bias)
    np.testing.assert_allclose(parts["forget_gate"], 1)
    np.testing.assert_allclose(parts["cell"], 0, atol=1e-12)


def test_initial_weights_are_those_of_keras_layers():
    spec = NetworkSpec(n_outputs=3, activation="softmax", units=(64, 32), n_features=16)
    drawn = spec.initial_weights(np.random.RandomState(0))
    recurrent = drawn["lstm_0/forward/recurrent_kernel"]
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(64), atol=1e-5)
    bias = drawn["lstm_1/forward/bias"]
    assert bias.tolist() == [0.0] * 32 + [1.0] * 32 + [0.0] * 64
    kernel = drawn["lstm_0/forward/kernel"]
    limit = np.sqrt(6 / (16 + 256))
    assert 0.95 * limit < np.abs(kernel).max() <= limit
    assert abs(kernel.mean()) < 0.05 * limit


@pytest.mark.parametrize("spec_of", ["classifier", "ragged_classifier", "token_classifier"])
def test_weight_shapes_describe_the_fitted_weights(spec_of, request):
    runtime = request.getfixturevalue(spec_of)._fitted_state.network
    shapes = {name: weight.shape for name, weight in runtime.weights.items()}
    assert shapes == runtime.spec.weight_shapes()
    assert all(w.dtype == np.float32 for w in runtime.weights.values())
