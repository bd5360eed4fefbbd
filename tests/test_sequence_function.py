"""The sequence function against keras.layers.LSTM: same weights, same results, same gradients."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from sklstm.network.training.sequence_function import SequenceLSTM


def outcome(layer, weights, inputs, *, jit_compile=False, signature=None):
    """Output of a layer, and the gradients of a weighted sum of it in the weights and the inputs."""
    layer.build(tuple(inputs.shape))
    layer.set_weights(weights)

    @tf.function(jit_compile=jit_compile, input_signature=signature)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            output = layer(x)
            pull = tf.cos(tf.range(tf.size(output), dtype=output.dtype))
            objective = tf.reduce_sum(output * tf.reshape(pull, tf.shape(output)))
        sources = list(layer.trainable_weights) + ([x] if x.dtype.is_floating else [])
        return output, tape.gradient(objective, [getattr(s, "value", s) for s in sources])

    output, gradients = run(tf.constant(inputs))
    return [output.numpy(), *(g.numpy() for g in gradients)]


def assert_same(actual, expected):
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-5 * np.abs(e).max())


def draw_weights(rng, features, units, directions=1):
    shapes = [(features, 4 * units), (units, 4 * units), (4 * units,)] * directions
    return [rng.normal(scale=0.5, size=shape).astype("float32") for shape in shapes]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    ("return_sequences", "go_backwards"), itertools.product([False, True], repeat=2)
)
def test_same_as_keras(return_sequences, go_backwards, jit_compile):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 7, 3)).astype("float32")
    weights = draw_weights(rng, 3, 4)
    options = {"return_sequences": return_sequences, "go_backwards": go_backwards}
    expected = outcome(keras.layers.LSTM(4, **options), weights, x)
    assert_same(outcome(SequenceLSTM(4, **options), weights, x, jit_compile=jit_compile), expected)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize(("n", "steps", "units"), [(1, 6, 3), (4, 1, 3), (3, 5, 1), (1, 1, 1)])
def test_small_shapes(n, steps, units, return_sequences):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, steps, 2)).astype("float32")
    weights = draw_weights(rng, 2, units)
    expected = outcome(keras.layers.LSTM(units, return_sequences=return_sequences), weights, x)
    layer = SequenceLSTM(units, return_sequences=return_sequences)
    assert_same(outcome(layer, weights, x), expected)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_ids_are_one_hot_vectors(go_backwards, jit_compile):
    rng = np.random.default_rng(2)
    ids = rng.integers(6, size=(4, 5), dtype="int32")
    weights = draw_weights(rng, 6, 3)
    options = {"return_sequences": True, "go_backwards": go_backwards}
    *expected, _ = outcome(keras.layers.LSTM(3, **options), weights, np.eye(6, dtype="f")[ids])
    layer = SequenceLSTM(3, one_hot_size=6, **options)
    assert_same(outcome(layer, weights, ids, jit_compile=jit_compile), expected)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_bidirectional(return_sequences):
    rng = np.random.default_rng(3)
    ids = rng.integers(6, size=(4, 5), dtype="int32")
    weights = draw_weights(rng, 6, 3, directions=2)
    peer = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=return_sequences))
    layer = keras.layers.Bidirectional(
        SequenceLSTM(3, one_hot_size=6, return_sequences=return_sequences)
    )
    *expected, _ = outcome(peer, weights, np.eye(6, dtype="f")[ids])
    assert_same(outcome(layer, weights, ids, jit_compile=True), expected)


@pytest.mark.parametrize("one_hot_size", [None, 6])
def test_unknown_batch_size_and_length_in_a_plain_graph(one_hot_size):
    rng = np.random.default_rng(4)
    ids = rng.integers(6, size=(4, 5), dtype="int32")
    x = np.eye(6, dtype="f")[ids]
    weights = draw_weights(rng, 6, 3)
    expected = outcome(keras.layers.LSTM(3, return_sequences=True), weights, x)
    layer = SequenceLSTM(3, return_sequences=True, one_hot_size=one_hot_size)
    if one_hot_size is None:
        signature = [tf.TensorSpec((None, None, 6))]
        assert_same(outcome(layer, weights, x, signature=signature), expected)
    else:
        signature = [tf.TensorSpec((None, None), tf.int32)]
        assert_same(outcome(layer, weights, ids, signature=signature), expected[:-1])


@pytest.mark.parametrize(
    "options", [{"activation": "relu"}, {"use_bias": False}, {"stateful": True}]
)
def test_the_rest_is_left_to_keras(options):
    rng = np.random.default_rng(5)
    ids = rng.integers(6, size=(4, 5), dtype="int32")
    weights = draw_weights(rng, 6, 3)[: 2 if "use_bias" in options else 3]
    *expected, _ = outcome(keras.layers.LSTM(3, **options), weights, np.eye(6, dtype="f")[ids])
    assert_same(outcome(SequenceLSTM(3, one_hot_size=6, **options), weights, ids), expected)


def test_masks_are_left_to_keras():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(3, 4, 2)).astype("float32")
    mask = np.arange(4) < np.array([[4], [2], [3]])
    layers = keras.layers.LSTM(3), SequenceLSTM(3)
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights(layers[0].get_weights())
    expected, actual = (layer(x, mask=mask).numpy() for layer in layers)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_models_survive_their_configuration():
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            SequenceLSTM(3, one_hot_size=6),
            keras.layers.Dense(1),
        ]
    )
    twin = keras.Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    ids = np.arange(6, dtype="int32").reshape(2, 3)
    np.testing.assert_array_equal(twin(ids), model(ids))
