"""Training on text: state carried from batch to batch, and documents that do not leak."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from sklstm import CharSequenceGenerator
from sklstm.network.spec import NetworkSpec
from sklstm.network.training import trainer
from sklstm.network.training.batches import TextWindows
from sklstm.network.training.model_pool import pool
from sklstm.network.training.settings import Start, TrainingSettings

LENGTHS = (60, 3, 90, 17)
WINDOW, N_LANES, N_TOKENS = 5, 7, 6  # compiled batches have 8 rows
SETTINGS = TrainingSettings(
    loss="sparse_categorical_crossentropy",
    learning_rate=0.01,
    clipnorm=0.5,
    batch_size=N_LANES,
    epochs=2,
)


def make_windows(seed=0):
    rng = np.random.RandomState(seed)
    stream = np.concatenate([np.append(0, rng.randint(1, N_TOKENS, n)) for n in LENGTHS])
    starts = np.cumsum([0, *(n + 1 for n in LENGTHS[:-1])])
    return TextWindows(stream.astype(np.int32), starts, WINDOW)


def make_spec(**options):
    return NetworkSpec(
        n_outputs=N_TOKENS - 1,
        activation="softmax",
        vocabulary_size=N_TOKENS,
        pooling=None,
        **options,
    )


def train(spec, data, settings=SETTINGS, seed=1):
    weights = spec.initial_weights(np.random.RandomState(seed))
    start = Start(weights, None, np.random.RandomState(seed))
    return trainer.train(spec, settings, data, None, start, varies=False)


def lstm_by_hand(x, state, kernel, recurrent_kernel, bias):
    """Run the textbook's equations over x of shape (n, T, F) from a state."""
    hidden, cell = state
    hiddens = []
    for t in range(x.shape[1]):
        z = x[:, t] @ kernel + hidden @ recurrent_kernel + bias
        i, f, g, o = tf.split(z, 4, axis=1)
        cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
        hidden = tf.sigmoid(o) * tf.tanh(cell)
        hiddens.append(hidden)
    return tf.stack(hiddens, axis=1), (hidden, cell)


def train_by_hand(spec, data, settings, seed=1):
    """Train in a loop over the same lanes; return the weights and the losses of the epochs."""
    rng = np.random.RandomState(seed)
    rng.randint(2**31)  # the seed of the dropout, which `train` draws first
    initial = spec.initial_weights(np.random.RandomState(seed))
    weights = [tf.Variable(weight) for weight in initial.values()]
    optimizer = tf.keras.optimizers.Adam(settings.learning_rate, clipnorm=settings.clipnorm)
    losses = []
    for _ in range(settings.epochs):
        states = [tf.zeros((2, N_LANES, units)) for units in spec.units]
        total = 0.0
        for rows in data.draw_epoch(rng, N_LANES).reshape(-1, N_LANES, 3):
            ids, continues, targets, present = data.gather(rows, data.window)
            carried = tf.constant(continues[:, np.newaxis], tf.float32)
            with tf.GradientTape() as tape:
                x = tf.one_hot(ids, N_TOKENS)
                for layer, state in enumerate(states):
                    start = [tf.stop_gradient(part) * carried for part in (state[0], state[1])]
                    x, states[layer] = lstm_by_hand(x, start, *weights[3 * layer : 3 * layer + 3])
                logits = x @ weights[-2] + weights[-1]
                nats = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
                loss = tf.reduce_sum(nats * present) / present.sum()
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            total += float(loss) * present.sum()
        losses.append(total / data.n_targets)
    return [weight.numpy() for weight in weights], losses


@pytest.mark.parametrize("loop", [pytest.param("xla", marks=pytest.mark.slow), "graph"])
def test_training_equals_a_loop_written_by_hand(loop):
    spec, data = make_spec(units=(6, 4)), make_windows()
    trained = train(spec, data, replace(SETTINGS, always_xla=loop == "xla"))
    assert trained.loop == loop
    weights, losses = train_by_hand(spec, data, SETTINGS)
    assert_allclose(trained.last.history["loss"], losses, rtol=1e-5)
    for ours, theirs in zip(trained.weights.values(), weights, strict=True):
        assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.slow
def test_what_lies_further_back_than_the_window_is_learnt():
    """Three characters after a random one it comes again; a window reads three."""
    keys = np.random.RandomState(0).choice(list("ab"), 600)
    text = "".join(f"{key}xx={key}" for key in keys)
    generator = CharSequenceGenerator(
        16, window=3, batch_size=8, epochs=12, learning_rate=0.01, random_state=0
    ).fit(text)
    without_memory, at_best = 2 * np.log(2) / 5, np.log(2) / 5  # nats per character
    assert at_best < generator.history_["loss"][-1] < (without_memory + at_best) / 2


@pytest.mark.slow
def test_documents_know_nothing_of_those_before():
    """Without learning, the loss does not change with the order of documents."""
    rng = np.random.RandomState(0)
    documents = ["".join(rng.choice(list("abcd"), n)) for n in rng.randint(2, 16, 30)]
    losses = [
        CharSequenceGenerator(
            6, window=16, batch_size=4, epochs=1, learning_rate=1e-9, random_state=0
        )
        .fit([documents[i] for i in order])
        .history_["loss"]
        for order in (range(30), range(29, -1, -1), rng.permutation(30))
    ]
    assert_allclose(np.ravel(losses), losses[0][0], rtol=1e-5)


def test_documents_that_fit_a_window_are_not_cut():
    windows = TextWindows(np.tile([0, 1, 2, 3], 5), np.arange(0, 20, 4), window=3)
    for seed in range(5):
        rows = windows.draw_epoch(np.random.RandomState(seed), 2)
        lengths = rows[:, 1] - rows[:, 0]
        assert sorted(lengths) == [0, 3, 3, 3, 3, 3]


@pytest.mark.slow
def test_short_documents_of_several_lengths_share_a_compiled_loop():
    for text in ("abcabcabc", "abcabcabca"):
        generator = CharSequenceGenerator(5, window=64, epochs=1, random_state=0).fit([text] * 4)
    (program,) = (one for one in pool._idle if one.key.spec == generator._fitted_state.network.spec)
    assert program.n_compiled == 1
