"""Writing with weights that are integers, by a generator that is fitted to nothing."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import CharSequenceGenerator
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.spec import NetworkSpec
from sklstm.text.vocabulary import CharVocabulary
from tasks import state_of_texts

ALPHABET = "abcdefgh ."
SAMPLING = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.6},
    {"top_k": 3},
    {"top_p": 0.8},
    {"temperature": 1.3, "top_k": 8, "top_p": 0.7},
]


@pytest.fixture(scope="module")
def large():
    """A generator whose matrix is large enough to be rounded to integers."""
    n = len(ALPHABET)
    spec = NetworkSpec(
        n_outputs=n, activation="softmax", vocabulary_size=n + 1, units=(192,), pooling=None
    )
    rng = np.random.default_rng(0)
    shapes = spec.weight_shapes().items()
    network = OnnxPredictor(spec, {name: rng.normal(0, 0.15, s).astype("f") for name, s in shapes})
    vocabulary = CharVocabulary(np.array(sorted(ALPHABET), dtype=object))
    return CharSequenceGenerator(192)._with_state(state_of_texts(network, vocabulary))


@pytest.mark.parametrize("sampling", SAMPLING, ids=str)
def test_integers_write_the_same_alone_in_a_batch_and_streamed(large, sampling):
    arguments = {"random_state": 5, "return_logprobs": True, "precision": "int8", **sampling}
    texts, logs = large.generate("abc", 150, n_samples=40, **arguments)
    state = large.encode("abc")
    alone, log = large.generate("", 150, state=state, **arguments)
    assert texts[0] == alone
    assert_allclose(logs[0], log, atol=1e-6)
    characters, streamed = zip(*large.stream("abc", 150, **arguments), strict=True)
    assert "".join(characters) == alone
    assert_array_equal(streamed, log)
    assert_allclose(log, large.log_probabilities(alone, state=state), atol=0.2)


@pytest.mark.parametrize("sampling", SAMPLING, ids=str)
def test_stops_end_samples_of_integers(large, sampling):
    arguments = {"length": 150, "random_state": 5, "precision": "int8", **sampling}
    texts = large.generate("abc", n_samples=9, **arguments)
    stop = texts[0][60:63]
    expected = [text.partition(stop)[0] + stop * (stop in text) for text in texts]
    assert large.generate("abc", n_samples=9, stop=stop, **arguments) == expected
    assert "".join(large.stream("abc", stop=stop, **arguments)) == expected[0]


def test_texts_of_float32_are_the_default_and_those_of_integers_are_others(large):
    float32, int8 = (
        large.generate(length=2000, random_state=0, precision=each) for each in ("float32", "int8")
    )
    assert large.generate(length=2000, random_state=0) == float32 != int8
