"""The sequence function against keras.layers.LSTM: same weights, same results, same gradients."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from sklstm.network.training.lstm_layer import SequenceLSTM

IDS = np.random.default_rng(0).integers(6, size=(4, 5), dtype="int32")
ONE_HOT = np.eye(6, dtype="float32")[IDS]

MODES = {
    "eager": lambda function, signature: function,
    "graph": lambda function, signature: tf.function(function, signature),
    "xla": lambda function, signature: tf.function(function, signature, jit_compile=True),
}


def draw_weights(features, units, directions=1):
    rng = np.random.default_rng(1)
    shapes = [(features, 4 * units), (units, 4 * units), (4 * units,)] * directions
    return [rng.normal(scale=0.5, size=shape).astype("float32") for shape in shapes]


def outcome(layer, weights, inputs, mode="eager", signature=None):
    """Output of a layer, and the gradients of a function of it in the weights and the inputs."""
    layer.build(inputs.shape)
    layer.set_weights(weights)
    variables = [weight.value for weight in layer.trainable_weights]

    def run(x):
        with tf.GradientTape() as tape:
            if x.dtype.is_floating:
                tape.watch(x)
            output = layer(x)
            pull = tf.reshape(tf.cos(tf.range(tf.size(output), dtype="float32")), tf.shape(output))
            objective = tf.reduce_sum(output * pull)
        return output, tape.gradient(objective, variables + [x] * x.dtype.is_floating)

    output, gradients = MODES[mode](run, signature)(tf.constant(inputs))
    return [output.numpy(), *(gradient.numpy() for gradient in gradients)]


def assert_same(actual, expected):
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-5 * np.abs(e).max())


@pytest.mark.parametrize(
    ("mode", "return_sequences", "go_backwards"),
    [
        *(("eager", *flags) for flags in itertools.product([False, True], repeat=2)),
        ("graph", False, True),
        ("graph", True, False),
        pytest.param("xla", False, False, marks=pytest.mark.slow),
        pytest.param("xla", True, True, marks=pytest.mark.slow),
    ],
)
def test_same_as_keras(mode, return_sequences, go_backwards):
    x = np.random.default_rng(2).normal(size=(5, 7, 3)).astype("float32")
    weights = draw_weights(3, 4)
    options = {"return_sequences": return_sequences, "go_backwards": go_backwards}
    expected = outcome(keras.layers.LSTM(4, **options), weights, x)
    assert_same(outcome(SequenceLSTM(4, **options), weights, x, mode), expected)


@pytest.mark.parametrize(
    ("n", "steps", "units", "mode"),
    [(1, 6, 3, "eager"), (4, 1, 3, "eager"), (3, 5, 1, "eager"), (1, 1, 1, "xla")],
)
def test_one_sequence_one_step_one_unit(n, steps, units, mode):
    x = np.random.default_rng(3).normal(size=(n, steps, 2)).astype("float32")
    weights = draw_weights(2, units)
    for return_sequences in (False, True) if mode == "eager" else (True,):
        options = {"return_sequences": return_sequences}
        expected = outcome(keras.layers.LSTM(units, **options), weights, x)
        assert_same(outcome(SequenceLSTM(units, **options), weights, x, mode), expected)


@pytest.mark.parametrize(
    ("go_backwards", "mode"),
    [(False, "eager"), pytest.param(False, "xla", marks=pytest.mark.slow), (True, "graph")],
)
def test_ids_are_one_hot_vectors(go_backwards, mode):
    weights = draw_weights(6, 3)
    options = {"return_sequences": True, "go_backwards": go_backwards}
    *expected, _ = outcome(keras.layers.LSTM(3, **options), weights, ONE_HOT)
    assert_same(outcome(SequenceLSTM(3, one_hot_size=6, **options), weights, IDS, mode), expected)


@pytest.mark.parametrize(("return_sequences", "mode"), [(False, "graph"), (True, "xla")])
def test_bidirectional(return_sequences, mode):
    weights = draw_weights(6, 3, directions=2)
    options = {"return_sequences": return_sequences}
    peer = keras.layers.Bidirectional(keras.layers.LSTM(3, **options))
    layer = keras.layers.Bidirectional(SequenceLSTM(3, one_hot_size=6, **options))
    *expected, _ = outcome(peer, weights, ONE_HOT)
    assert_same(outcome(layer, weights, IDS, mode), expected)


def test_graphs_of_unknown_batch_size_and_length():
    weights = draw_weights(6, 3)
    expected = outcome(keras.layers.LSTM(3, return_sequences=True), weights, ONE_HOT)
    layer = SequenceLSTM(3, return_sequences=True)
    assert_same(
        outcome(layer, weights, ONE_HOT, "graph", [tf.TensorSpec((None, None, 6))]), expected
    )
    layer = SequenceLSTM(3, return_sequences=True, one_hot_size=6)
    signature = [tf.TensorSpec((None, None), "int32")]
    assert_same(outcome(layer, weights, IDS, "graph", signature), expected[:-1])


@pytest.mark.parametrize(
    "options", [{"activation": "relu"}, {"use_bias": False}, {"stateful": True}, {"unroll": True}]
)
def test_the_rest_is_left_to_keras(options):
    weights = draw_weights(6, 3)[: 3 if options.get("use_bias", True) else 2]
    *expected, _ = outcome(keras.layers.LSTM(3, **options), weights, ONE_HOT)
    assert_same(outcome(SequenceLSTM(3, one_hot_size=6, **options), weights, IDS), expected)


def test_masks_and_initial_states_are_left_to_keras():
    layers = keras.layers.LSTM(3), SequenceLSTM(3, one_hot_size=6)
    for layer, x in zip(layers, (ONE_HOT, IDS), strict=True):
        layer.build(x.shape)
        layer.set_weights(draw_weights(6, 3))
    mask = np.arange(5) < np.array([[5], [2], [3], [1]])
    state = [np.full((4, 3), 0.5, "float32")] * 2
    for options in ({"mask": mask}, {"initial_state": state}):
        expected, actual = layers[0](ONE_HOT, **options), layers[1](IDS, **options)
        np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_layers_are_made_anew_from_their_configuration():
    layer = SequenceLSTM(3, one_hot_size=6, go_backwards=True)
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert twin.get_config() == layer.get_config()
    weights = draw_weights(6, 3)
    assert_same(outcome(twin, weights, IDS), outcome(layer, weights, IDS))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["xla", "graph"])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_sequences_of_one_length_are_read_to_their_end_only(go_backwards, mode):
    """What is behind it, numbers that must not count, changes no output and no gradient."""
    x = np.random.default_rng(2).normal(size=(5, 7, 3)).astype("float32")
    weights = draw_weights(3, 4)
    options = {"return_sequences": True, "go_backwards": go_backwards}
    expected = outcome(keras.layers.LSTM(4, **options), weights, x[:, :4])

    class UpToFour(SequenceLSTM):
        def call(self, sequences):
            shape = tf.shape(sequences)
            mask = tf.sequence_mask(tf.fill([shape[0]], 4), shape[1])
            own = super().call(sequences, mask=mask)
            return own[:, 3:] if go_backwards else own[:, :4]

    signature = [tf.TensorSpec((None, None, 3))] if mode == "graph" else None
    layer = UpToFour(4, one_length=True, **options)
    actual = outcome(layer, weights, x, mode, signature)
    assert not actual[-1][:, 4:].any()  # the gradient in what is behind
    assert_same([*actual[:-1], actual[-1][:, :4]], expected)


@pytest.fixture
def gpu(monkeypatch):
    """TensorFlow as it is with a GPU, as far as graphs are built."""
    device = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    for name in ("list_physical_devices", "list_logical_devices"):
        monkeypatch.setattr(tf.config, name, lambda kind=None: [device])


def operations(layer, **options):
    graph = tf.function(lambda x: layer(x, **options)).get_concrete_function(
        tf.TensorSpec((4, 5, 6))
    )
    definition = graph.graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    return {node.op for node in nodes}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"initial_state": [tf.zeros((4, 3)), tf.zeros((4, 3))]}], ids=["own", "Keras's"]
)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.usefixtures("gpu")
def test_on_a_gpu_nothing_is_left_to_cudnn(bidirectional, options):
    """XLA cannot compile its operations; Keras's own layer takes them."""
    options = {name: state * (1 + bidirectional) for name, state in options.items()}
    peer, own = (
        keras.layers.Bidirectional(layer) if bidirectional else layer
        for layer in (keras.layers.LSTM(3), SequenceLSTM(3))
    )
    assert "CudnnRNNV3" in operations(peer, **options)
    assert "While" in {name.removeprefix("Stateless") for name in operations(own, **options)}
    assert "CudnnRNNV3" not in operations(own, **options)
