"""What is drawn from: its definition, and the graph that draws against it."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from scipy.stats import chisquare

from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.onnx_sampler import MIN_WEIGHTS
from sklstm.network.reference.sampling import distribution
from sklstm.network.spec import NetworkSpec
from sklstm.text.decoding import DecodingSettings

EDGE = np.nextafter(1, 0)
weights = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1)).filter(
    lambda w: w.sum() > 1e-3
)


@cache
def network_with_scores(scores):
    """A network whose scores are these, whatever it reads."""
    spec = NetworkSpec(
        n_outputs=len(scores),
        activation="softmax",
        vocabulary_size=len(scores) + 1,
        units=(1,),
        pooling=None,
    )
    weights = {name: np.zeros(s, np.float32) for name, s in spec.weight_shapes().items()}
    weights["dense_0/bias"] += np.float32(scores)
    return OnnxPredictor(spec, weights)


def draw(scores, uniforms, **sampling):
    """Draw one token for each uniform number, by the graph."""
    runtime = network_with_scores(tuple(scores))
    state = [np.zeros((len(uniforms), 1)) for _ in range(2)]
    writing = DecodingSettings(1, **sampling)
    steps = writing.steps(runtime, np.full(len(uniforms), -1), state)
    return steps.write(np.atleast_2d(uniforms))[0][0]


def support(scores, **sampling):
    """All tokens that are drawn: a fine grid of uniform numbers meets each of them."""
    grid = np.append(np.linspace(0, 1, 2000, endpoint=False), EDGE)
    return set(draw(scores, grid, **sampling).tolist())


@given(weights, st.floats(1e-300, 1e300))
def test_tempered_probabilities_are_probabilities(w, temperature):
    tempered = distribution(w / w.sum(), temperature=temperature)
    assert_allclose(tempered.sum(), 1)
    assert (tempered >= 0).all()
    assert (tempered[w == 0] == 0).all()


@given(weights)
def test_what_changes_nothing(w):
    p = w / w.sum()
    for off in ({}, {"top_p": 1.0}, {"top_k": len(p)}, {"top_k": len(p) + 5}):
        assert_allclose(distribution(p, **off), p, atol=1e-12)


@given(weights)
def test_temperature_zero_is_argmax_and_the_limit(w):
    p = w / w.sum()
    greedy = distribution(p, temperature=0)
    assert_array_equal(np.flatnonzero(greedy), [p.argmax()])
    is_clear = np.delete(p, p.argmax()).max(initial=0) < 0.99 * p.max()
    if is_clear:
        assert_allclose(distribution(p, temperature=1e-4), greedy, atol=1e-12)


@given(weights, st.floats(1e-6, 1))
def test_top_p_keeps_the_fewest_that_reach_it(w, top_p):
    p = w / w.sum()
    kept = np.flatnonzero(distribution(p, top_p=top_p))
    assert p[kept].sum() >= top_p - 1e-9
    assert p[kept].sum() - p[kept].min() < top_p + 1e-9
    assert p[kept].min() >= np.delete(p, kept).max(initial=0)


def test_top_p_counts_shares_of_what_top_k_left():
    p = np.array([0.4, 0.2, 0.2, 0.2])
    assert_allclose(distribution(p, top_k=2, top_p=0.6), [1, 0, 0, 0])
    assert_allclose(distribution(p, top_k=2, top_p=0.7), [2 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 2.0},
        {"top_k": 4},
        {"top_p": 0.8},
        {"temperature": 1.5, "top_k": 6, "top_p": 0.9},
    ],
    ids=str,
)
def test_draws_follow_the_distribution(sampling):
    p = np.array([0.02, 0.3, 0.1, 0.25, 0.03, 0.2, 0.1])
    expected = distribution(p, **sampling)
    drawn = draw(np.log(p), np.random.default_rng(1).random(200_000), **sampling)
    counts = np.bincount(drawn, minlength=len(p))
    possible = expected > 0
    assert not counts[~possible].any()
    assert chisquare(counts[possible], 200_000 * expected[possible]).pvalue > 0.001


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=8),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    st.sampled_from([None, 1, 2, 3, 20]),
    st.sampled_from([None, 0.05, 0.37, 0.71, 0.93, 1.0]),
)
def test_supports_are_exact_ties_included(scores, temperature, top_k, top_p):
    sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    p = np.exp(np.array(scores, float))
    expected = distribution(p / p.sum(), **sampling)
    drawn = support(scores, **sampling)
    assert set(np.flatnonzero(expected > 1e-3)) <= drawn <= set(np.flatnonzero(expected))


def test_of_equals_the_first_are_kept():
    assert support([1, 2, 2, 2], top_k=2) == {1, 2}
    assert support([0, 0, 0, 0], top_k=3) == {0, 1, 2}
    assert support([0, 0, 0, 0], top_p=0.5) == {0, 1}
    assert support([0, 3, 3], temperature=0) == {1}


def test_scores_that_rounded_probabilities_cannot_tell_apart_are_told_apart():
    assert support([20.0, 20.000002], temperature=0) == {1}


@pytest.mark.parametrize("truncation", [{}, {"top_k": 3}, {"top_p": 0.999}])
def test_extreme_temperatures(truncation):
    scores = [3.0, -80.0, 3.5, 80.0, 79.0]
    for temperature in (5e-324, 1e-300, 1e-30, 1e-6):
        assert support(scores, temperature=temperature, **truncation) == {3}
    for temperature in (1e30, 1e300, np.inf):
        expected = {0, 1, 2, 3, 4} if truncation != {"top_k": 3} else {2, 3, 4}
        assert support(scores, temperature=temperature, **truncation) == expected


def test_the_borders_of_the_unit_interval():
    scores = [-np.inf, np.log(0.25), np.log(0.75), -np.inf]
    assert_array_equal(draw(scores, np.array([0.0, EDGE])), [1, 2])
    assert_array_equal(draw(scores, np.array([0.0, EDGE]), top_p=0.9), [2, 1])


def language_model(units=(192,), n_tokens=11, scale=0.1, **shape):
    spec = NetworkSpec(
        n_outputs=n_tokens,
        activation="softmax",
        vocabulary_size=n_tokens + 1,
        units=units,
        pooling=None,
        **shape,
    )
    rng = np.random.default_rng(0)
    shapes = spec.weight_shapes().items()
    return OnnxPredictor(spec, {name: rng.normal(0, scale, s).astype("f") for name, s in shapes})


def scores_of(network, ids, precision):
    """The scores after each of (T, n) tokens, read one after another, not drawn."""
    n = ids.shape[1]
    state = [part[0] for part in network.initial_state(n)]
    steps = network.steps(np.full(n, -1), state, precision=precision)
    scores = []
    for row in ids:
        steps.write(np.zeros((1, n)))
        scores.append(steps.scores.copy())
        steps.tokens[:] = row
    return np.array(scores)


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"units": (128, 128)},
        {"units": (16, 192, 24), "embedding_dim": 5},
        {"dense_units": (700, 192)},
        {"units": (64,), "n_tokens": 2100},
    ],
    ids=str,
)
def test_probabilities_of_integers_are_near_those_of_float32(shape):
    network = language_model(**shape)
    ids = np.random.default_rng(1).integers(0, 11, (40, 6))
    p, q = (softmax(scores_of(network, ids, each), axis=2) for each in ("float32", "int8"))
    assert 0 < np.abs(p - q).max() < 0.01
    assert (p * np.log(p / q)).sum(axis=2).mean() < 1e-3


def test_small_matrices_stay_float32():
    network = language_model(units=(60, 60))
    ids = np.random.default_rng(1).integers(0, 11, (20, 3))
    assert_array_equal(*(scores_of(network, ids, each) for each in ("float32", "int8")))


def test_rows_of_integers_do_not_depend_on_those_beside_them():
    network = language_model(units=(192, 192), n_tokens=700)
    ids = np.random.default_rng(1).integers(0, 700, (20, 33))
    together = scores_of(network, ids, "int8")
    for rows in (slice(0, 1), slice(7, 8), slice(20, 33)):
        assert_array_equal(scores_of(network, ids[:, rows], "int8"), together[:, rows])


@pytest.mark.parametrize("scale", [0, 1e-43, 1e-3, 1])
def test_sums_of_integers_are_exact_at_the_ends_of_their_ranges(scale):
    network = language_model(units=(192,))
    assert MIN_WEIGHTS <= 4 * 192**2
    weights = {name: np.zeros_like(weight) for name, weight in network.weights.items()}
    (recurrent,) = (name for name in weights if weights[name].shape == (192, 768))
    weights[recurrent] += scale * np.where(np.arange(768) % 2, 1, -1).astype("f")
    output = np.array([np.ones(192), -np.ones(192), np.full(192, 1 / 63)], "f")
    steps = OnnxPredictor(network.spec, weights).steps(
        np.full(3, -1), [output.copy(), np.zeros((3, 192), "f")], precision="int8"
    )
    steps.write(np.zeros((1, 3)))
    gates = np.float64(output @ weights[recurrent])
    enter, _, candidate, show = np.split(gates, 4, axis=1)  # in the order of Keras
    cell = expit(enter) * np.tanh(candidate)
    assert_allclose(steps.state[1], cell, atol=1e-6)
    assert_allclose(steps.state[0], expit(show) * np.tanh(cell), atol=1e-6)
