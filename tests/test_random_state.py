"""The same seed gives the same numbers."""

import random
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone

from fits import BIG, TINY, X, weights_of, y
from sklstm import LSTMClassifier
from tasks import ENVIRONMENT


@pytest.mark.parametrize(
    "params",
    [{}, {"dropout": 0.3, "validation_fraction": 0.25}, pytest.param(BIG, marks=pytest.mark.slow)],
    ids=["plain", "dropout and validation", "big"],
)
def test_a_seed_gives_the_same_numbers_to_the_last_bit(params):
    estimator = LSTMClassifier(**TINY | params)
    first = weights_of(clone(estimator).fit(X, y))
    LSTMClassifier(**TINY | params | {"learning_rate": 0.1, "random_state": 7}).fit(X, y)
    LSTMClassifier(**TINY | params | {"epochs": 3}).fit(X[:20], y[:20])
    again = clone(estimator)
    np.testing.assert_array_equal(weights_of(again.fit(X, y)), first)
    np.testing.assert_array_equal(weights_of(again.fit(X, y)), first)
    other = clone(estimator).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(weights_of(other), first)


IN_A_FRESH_PROCESS = """
import sys
from tasks import TINY, first_step_task
from sklstm import LSTMClassifier
params = TINY | {"learning_rate_schedule": "constant", "dropout": 0.3}
fitted = LSTMClassifier(**params, validation_fraction=0.25).fit(*first_step_task())
print("".join(weight.tobytes().hex() for weight in fitted._fitted_state.network.weights.values()))
"""


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_numbers_to_the_last_bit():
    fitted = LSTMClassifier(**TINY, dropout=0.3, validation_fraction=0.25).fit(X, y)
    here = "".join(
        weight.tobytes().hex() for weight in fitted._fitted_state.network.weights.values()
    )
    there = subprocess.run(
        [sys.executable, "-c", IN_A_FRESH_PROCESS],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_a_random_state_is_advanced():
    rng = np.random.RandomState(0)
    estimator = LSTMClassifier(**TINY | {"random_state": rng})
    first, second = weights_of(estimator.fit(X, y)), weights_of(estimator.fit(X, y))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, weights_of(LSTMClassifier(**TINY).fit(X, y)))
    assert rng.randint(2**31) != np.random.RandomState(0).randint(2**31)


def test_without_a_seed_two_fits_differ():
    estimator = LSTMClassifier(**TINY | {"random_state": None})
    np.random.seed(0)
    random.seed(0)
    first = weights_of(estimator.fit(X, y))
    np.random.seed(0)
    random.seed(0)
    assert not np.array_equal(weights_of(estimator.fit(X, y)), first)
