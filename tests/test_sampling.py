import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare

from sklstm._sampling import draw, temper

weights = arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1)).filter(
    lambda w: w.sum() > 1e-3
)


@given(weights, st.floats(1e-300, 1e300))
def test_tempered_probabilities_are_probabilities(w, temperature):
    tempered = temper(w / w.sum(), temperature)
    assert_allclose(tempered.sum(), 1)
    assert (tempered >= 0).all()
    assert (tempered[w == 0] == 0).all()


@given(weights)
def test_temperature_one_changes_nothing(w):
    assert_allclose(temper(w / w.sum(), 1.0), w / w.sum(), atol=1e-12)


@given(weights)
def test_temperature_zero_is_argmax_and_the_limit(w):
    p = w / w.sum()
    greedy = temper(p, 0)
    assert_array_equal(np.flatnonzero(greedy), [p.argmax()])
    is_clear = np.delete(p, p.argmax()).max(initial=0) < 0.99 * p.max()
    if is_clear:
        assert_allclose(temper(p, 1e-4), greedy, atol=1e-12)


def test_a_high_temperature_flattens():
    assert_allclose(temper(np.array([0.9, 0.1]), 1e9), [0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_distribution(temperature):
    p = temper(np.array([0.5, 0.2, 0.2, 0.1, 0.0]), temperature)
    drawn = draw(np.tile(p, (20_000, 1)), np.random.RandomState(0).uniform(size=20_000))
    counts = np.bincount(drawn, minlength=5)
    assert counts[4] == 0
    assert chisquare(counts[:4], 20_000 * p[:4]).pvalue > 0.01


@given(weights, st.floats(0, 1, exclude_max=True))
def test_only_possible_entries_are_drawn(w, uniform):
    assert w[draw(w.astype(np.float32), np.float64(uniform))] > 0


def test_the_borders_of_the_unit_interval():
    p = np.array([0.0, 0.25, 0.75, 0.0], np.float32)
    assert draw(p, np.float64(0)) == 1
    assert draw(p, np.nextafter(1, 0)) == 2
