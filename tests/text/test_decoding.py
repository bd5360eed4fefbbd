"""Writing and reading on with a carried state."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare
from sklearn.exceptions import NotFittedError

from sklstm import CharSequenceGenerator, TextState, WordSequenceGenerator
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.reference.lstm import forward
from sklstm.network.reference.sampling import distribution
from sklstm.network.spec import NetworkSpec
from sklstm.text.decoding import (
    MIN_WORK_PER_THREAD,
    DecodingSettings,
    beginning,
    generate_tokens,
    random_streams,
    read_tokens,
    stream_tokens,
)
from sklstm.text.vocabulary import CharVocabulary
from tasks import from_padded, state_of_texts

ALPHABET = "abcdefgh ."
SAMPLING = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.6},
    {"top_k": 3},
    {"temperature": 1.3, "top_k": 8, "top_p": 0.7},
]


@cache
def make_network(units=(12, 7), embedding_dim=None, n_tokens=10, dense_units=()):
    spec = NetworkSpec(
        n_outputs=n_tokens,
        activation="softmax",
        vocabulary_size=n_tokens + 1,
        embedding_dim=embedding_dim,
        units=units,
        dense_units=dense_units,
        pooling=None,
    )
    rng = np.random.default_rng(0)
    return OnnxPredictor(
        spec, {n: rng.normal(0, 0.8, s).astype("f") for n, s in spec.weight_shapes().items()}
    )


@pytest.fixture(scope="module")
def generator():
    """A generator with drawn weights, which is fitted to nothing."""
    fitted = CharSequenceGenerator((12, 7), window=4, epochs=1, batch_size=8)
    vocabulary = CharVocabulary(np.array(sorted(ALPHABET), dtype=object))
    return fitted._with_state(state_of_texts(make_network(), vocabulary))


@pytest.fixture(scope="module")
def text(generator):
    return generator.generate(length=10_000, random_state=0)


def by_equations(network, tokens):
    """The probabilities of every next token, read in one go."""
    ids = np.append(-1, tokens[:-1])[np.newaxis] + 1
    return forward(network.spec, network.weights, from_padded(ids, np.array([len(tokens)])))[0]


@pytest.mark.parametrize(
    "shape",
    [{}, {"units": (5,)}, {"embedding_dim": 3}, {"units": (4, 6, 3), "dense_units": (6, 5)}],
    ids=str,
)
@pytest.mark.parametrize("sampling", SAMPLING, ids=str)
def test_steps_compute_the_equations(shape, sampling):
    network = make_network(**shape)
    writing = DecodingSettings(60, log_probabilities=True, **sampling)
    for written in generate_tokens(network, beginning(network), writing, random_streams(0, 3)):
        p = by_equations(network, written.tokens)
        chosen = p[np.arange(60), written.tokens]
        assert_allclose(written.log_probabilities, np.log(chosen), atol=1e-5)
        for row, token in zip(p, written.tokens, strict=True):
            assert distribution(row, **sampling)[token] > 0


@pytest.mark.parametrize("sampling", SAMPLING, ids=str)
def test_first_tokens_follow_the_distribution(sampling):
    network = make_network()
    state = read_tokens(network, np.array([3, 1, 4]), beginning(network))[1]
    written = generate_tokens(
        network, state, DecodingSettings(1, **sampling), random_streams(1, 4000)
    )
    counts = np.bincount([int(sample.tokens[0]) for sample in written], minlength=10)
    expected = distribution(by_equations(network, np.array([3, 1, 4, 0]))[3], **sampling)
    possible = expected > 0
    assert not counts[~possible].any()
    if possible.sum() > 1:
        expected_counts = 4000 * expected[possible]
        common = expected_counts > 5
        rare = [counts[possible][~common].sum(), expected_counts[~common].sum()]
        both = np.array([counts[possible][common], expected_counts[common]])
        if rare[1] > 0:
            both = np.column_stack([both, rare])
        assert chisquare(*both).pvalue > 0.001


@pytest.mark.parametrize("sampling", SAMPLING, ids=str)
def test_a_sample_is_the_same_alone_in_a_batch_and_streamed(generator, sampling):
    arguments = {"random_state": 5, "return_logprobs": True, **sampling}
    texts, logs = generator.generate("abc", 150, n_samples=40, **arguments)
    few, _ = generator.generate("abc", 150, n_samples=3, **arguments)
    alone, log = generator.generate("abc", 150, **arguments)
    assert texts[0] == few[0] == alone
    assert texts[:3] == few
    assert_allclose(logs[0], log, atol=1e-6)
    characters, streamed = zip(*generator.stream("abc", 150, **arguments), strict=True)
    assert "".join(characters) == alone
    assert_array_equal(streamed, log)
    assert all(isinstance(number, float) for number in streamed)
    if sampling.get("temperature") != 0:
        assert len(set(texts)) == 40


def test_a_random_state_is_advanced_and_none_differs(generator):
    rng = np.random.RandomState(5)
    first, second = (generator.generate(length=40, random_state=rng) for _ in range(2))
    assert first == generator.generate(length=40, random_state=5)
    assert first != second
    before = np.random.get_state()[1].copy()
    assert generator.generate(length=40) != generator.generate(length=40)
    assert_array_equal(np.random.get_state()[1], before)


def test_log_probabilities_are_those_of_the_network_whatever_is_drawn_from(generator):
    for sampling in SAMPLING:
        text, logs = generator.generate("ab", 50, random_state=0, return_logprobs=True, **sampling)
        state = generator.encode("ab")
        assert_allclose(logs, generator.log_probabilities(text, state=state), atol=1e-5)
    assert_allclose(generator.score(text), generator.log_probabilities(text).mean(), rtol=1e-6)
    assert generator.generate(length=0, return_logprobs=True)[1].shape == (0,)
    assert generator.log_probabilities("").shape == (0,)


def test_a_long_text_reads_the_same_in_one_pass_in_pieces_and_by_character(generator, text):
    whole = generator.log_probabilities(text)
    tokens = np.searchsorted(generator.vocabulary_, list(text))
    p = by_equations(generator._fitted_state.network, tokens)
    assert_allclose(whole, np.log(p[np.arange(len(tokens)), tokens]), atol=1e-4)
    for size in (1, 7, 1000):
        state, parts = None, []
        for first in range(0, len(text), size):
            piece = text[first : first + size]
            logs, state = generator.log_probabilities(piece, state=state, return_state=True)
            parts.append(logs)
        assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_probabilities_are_those_of_keras(generator):
    text, logs = generator.generate(length=300, random_state=0, return_logprobs=True)
    tokens = np.searchsorted(generator.vocabulary_, list(text))
    ids = np.append(0, tokens[:-1] + 1)[np.newaxis]
    outputs = generator.to_keras().predict(ids, verbose=0)[0]
    assert_allclose(np.exp(logs), outputs[np.arange(300), tokens], atol=1e-4)
    assert_allclose(generator.predict_proba(text[:-1])[0], outputs[-1], atol=1e-4)


def test_a_state_continues_as_the_whole_prompt_does(generator, text):
    prompt = text[:1500]
    expected = generator.generate(prompt, 60, random_state=3)
    state = None
    for piece in (prompt[:700], "", prompt[700:701], prompt[701:1490]):
        state = generator.encode(piece, state=state)
    layers = [part.copy() for part in state.layers]
    for _ in range(2):  # nothing changes the state
        assert generator.generate(prompt[1490:], 60, state=state, random_state=3) == expected
        stream = generator.stream(prompt[1490:], 60, state=state, random_state=3)
        assert "".join(stream) == expected
    for part, copy in zip(state.layers, layers, strict=True):
        assert_array_equal(part, copy)
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1
    again = pickle.loads(pickle.dumps(state))
    assert generator.generate(prompt[1490:], 60, state=again, random_state=3) == expected
    with pytest.raises(ValueError, match="read-only"):
        again.layers[0][0] = 1
    assert len(pickle.dumps(state)) < 2000


def test_an_empty_prompt_begins_a_document(generator):
    assert generator.encode("").last == -1
    first = generator.generate(length=1, temperature=0)
    assert first == generator.predict("")[0]
    assert generator.generate(length=9, state=generator.encode(""), random_state=0) == (
        generator.generate(length=9, random_state=0)
    )


def cut_after(text, stops):
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
    return text[: min(ends)] if ends else text


def test_a_nul_is_a_character_like_others(generator):
    network = generator._fitted_state.network
    vocabulary = CharVocabulary(np.array(["\0", *sorted(ALPHABET)[1:]], dtype=object))
    records = generator._with_state(state_of_texts(network, vocabulary))
    text = records.generate(length=400, random_state=1)
    assert records.generate(length=400, random_state=1, stop="\0") == cut_after(text, "\0")
    with pytest.raises(ValueError, match=r"lacks: '\\x00'"):
        generator.encode("a\0")
    weights = deepcopy(network.weights)
    weights["dense_0/bias"][0] += 99  # of the output layer: NUL is always the likeliest
    network = OnnxPredictor(network.spec, weights)
    records = generator._with_state(state_of_texts(network, vocabulary))
    assert records.predict(["a", "\0"]).tolist() == ["\0", "\0"]


@pytest.mark.parametrize(
    "stops",
    [["a"], ["ab", "ba"], ["aab", "ab"], ["abc", "é"], ["é"], ["aaaa", "bb", "hg."], []],
    ids=str,
)
def test_stops_end_each_sample_where_they_first_occur(generator, stops):
    arguments = {"length": 400, "random_state": 1}
    full, full_logs = generator.generate(n_samples=35, return_logprobs=True, **arguments)
    texts, logs = generator.generate(n_samples=35, return_logprobs=True, stop=stops, **arguments)
    assert texts == [cut_after(text, stops) for text in full]
    for text, log, full_log in zip(texts, logs, full_logs, strict=True):
        assert_allclose(log, full_log[: len(text)], atol=1e-6)
    assert "".join(generator.stream(stop=stops, **arguments)) == texts[0]


def test_stops_at_every_place_of_a_block(generator):
    text = generator.generate(length=80, random_state=2)
    for place in range(1, 77):
        stop = text[place - 1 : place + 3]
        expected = cut_after(text, [stop])
        assert generator.generate(length=80, random_state=2, stop=stop) == expected
        assert "".join(generator.stream(length=80, random_state=2, stop=stop)) == expected


def test_a_stop_in_the_prompt_does_not_count(generator):
    text = generator.generate("ab", 30, random_state=0)
    stop = "b" + text[0]
    assert generator.generate("ab", 30, random_state=0, stop=stop) == cut_after(text, [stop])


def test_unknown_characters_are_named_or_skipped(generator):
    with pytest.raises(ValueError, match=r"The prompt holds .*'éx', the first at position 1"):
        generator.generate("aéxb")
    with pytest.raises(ValueError, match=r"The text holds .*'é'"):
        generator.encode("aé")
    skipping = {"handle_unknown": "ignore", "random_state": 0}
    expected = generator.generate("ab", 20, random_state=0)
    assert generator.generate("aéxb", 20, **skipping) == expected
    assert "".join(generator.stream("aéxb", 20, **skipping)) == expected
    state = generator.encode("éaxbé", handle_unknown="ignore")
    assert generator.generate(length=20, state=state, random_state=0) == expected


def test_the_state_of_another_network_is_refused(generator):
    state = generator.encode("ab")
    others = [
        beginning(make_network(units=(12,))),
        beginning(make_network(units=(7, 12))),
        beginning(make_network(n_tokens=11)),
    ]
    for other in others:
        for method in ("generate", "stream", "encode", "log_probabilities"):
            with pytest.raises(ValueError, match="state belongs to a network of LSTM layers"):
                getattr(generator, method)("ab", state=other)
    with pytest.raises(ValueError, match="state"):
        generator.generate(state=state.layers)
    assert replace(state).last == state.last == 3
    assert isinstance(state, TextState)


@pytest.mark.parametrize(
    "arguments",
    [
        {"prompt": 3},
        {"length": -1},
        {"temperature": -0.1},
        {"temperature": np.nan},
        {"top_k": 0},
        {"top_k": 1.5},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"stop": ""},
        {"stop": ["a", ""]},
        {"stop": ["a", 3]},
        {"stop": 3},
        {"handle_unknown": "keep"},
        {"return_logprobs": "yes"},
        {"precision": "int4"},
        {"precision": 8},
        {"precision": None},
        {"state": "ab"},
        {"random_state": "a"},
    ],
    ids=str,
)
def test_arguments_out_of_range_are_named_by_the_call(generator, arguments):
    for method in (generator.generate, generator.stream):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            method(**arguments)  # of stream, before anything is asked of it


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "a"])
def test_numbers_of_samples_out_of_range(generator, n_samples):
    with pytest.raises(ValueError, match="n_samples"):
        generator.generate(n_samples=n_samples)


def test_samples_come_as_a_list(generator):
    (text,) = generator.generate(length=5, n_samples=1, random_state=0)
    assert text == generator.generate(length=5, random_state=0)
    assert generator.generate(length=0, n_samples=2) == ["", ""]
    assert list(generator.stream(length=0)) == []


@pytest.mark.parametrize("kind", [CharSequenceGenerator, WordSequenceGenerator])
@pytest.mark.parametrize("method", ["stream", "encode", "log_probabilities"])
def test_not_fitted(kind, method):
    with pytest.raises(NotFittedError):
        getattr(kind(), method)("ab")


def test_a_stream_is_independent_of_its_neighbours(generator):
    streams = [generator.stream(length=30, random_state=seed) for seed in (0, 1)]
    characters = list(zip(*streams, strict=True))  # taken in turns
    for seed, column in enumerate(zip(*characters, strict=True)):
        assert "".join(column) == generator.generate(length=30, random_state=seed)


def test_a_stream_goes_on_in_blocks_that_are_short():
    network = make_network()
    blocks = stream_tokens(
        network, beginning(network), DecodingSettings(20), random_streams(0, 1)[0]
    )
    assert max(len(block.tokens) for block in blocks) <= 8


def test_samples_shared_between_threads_are_the_same_as_alone():
    network = make_network(units=(256,))
    assert 64 * network.spec.work_per_step >= 2 * MIN_WORK_PER_THREAD
    writing, rngs = DecodingSettings(40, stops=(np.array([1, 2]),)), random_streams(0, 64)
    together = generate_tokens(network, beginning(network), writing, rngs)
    assert len(together) == 64
    for i, rng in enumerate(random_streams(0, 64)[:40:9]):
        (alone,) = generate_tokens(network, beginning(network), writing, [rng])
        assert_array_equal(together[9 * i].tokens, alone.tokens)


def test_several_threads_write_with_one_generator(generator):
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda seed: generator.generate(random_state=seed), range(12)))
    assert texts == [generator.generate(random_state=seed) for seed in range(12)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"last": 10**6}, r"last token is 1000000: valid are ids from -1 to"),
        ({"last": -2}, "last token is -2"),
        ({"last": 1.5}, "last token is 1.5"),
        ({"layers": lambda layers: layers[:-1]}, "not the output and the cell"),
        ({"layers": lambda layers: [*layers]}, "not the output and the cell"),
        ({"layers": lambda layers: (layers[0][:1], *layers[1:])}, "not the output and the cell"),
        ({"layers": lambda layers: tuple(p.astype(float) for p in layers)}, "float32"),
        ({"layers": lambda layers: tuple(p[np.newaxis] for p in layers)}, r"shape \(units,\)"),
    ],
)
def test_states_that_no_network_made_are_refused(change, message, generator):
    state = generator.encode("ab")
    change = {k: v(state.layers) if callable(v) else v for k, v in change.items()}
    with pytest.raises(ValueError, match=message):
        generator.generate(length=1, state=replace(state, **change))
