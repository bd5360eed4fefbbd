"""Words, marks and line breaks as tokens, and a token that is read but never written."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklstm import CharSequenceGenerator, WordSequenceGenerator, persistence
from sklstm.datasets import load_python_reference, split_documents
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.reference.lstm import forward
from sklstm.network.reference.sampling import distribution
from sklstm.text.vocabulary import WordVocabulary
from tasks import from_padded, state_of_texts

WORDS = ["the", " the", " cat", " sat", " on", " mat", ".", "\n", " because", " be", "<unk>"]
FISH = "one fish, two fish,\nred fish, blue fish.\n" * 40
SAMPLING = [
    {},
    {"temperature": 0.0},
    {"temperature": 0.6},
    {"temperature": 1e300},
    {"top_k": 4},
    {"top_k": 11},
    {"top_p": 0.999},
    {"temperature": 1.3, "top_k": 8, "top_p": 0.7},
]


def make_small(**parameters):
    small = {"units": 12, "embedding_dim": 6, "window": 8, "batch_size": 8, "learning_rate": 0.03}
    return WordSequenceGenerator(**(small | {"random_state": 0, "epochs": 15} | parameters))


@pytest.fixture(scope="module")
def drawn():
    """A generator with drawn weights, whose likeliest token is the unknown one."""
    generator = make_small(units=(7, 5))
    vocabulary = WordVocabulary(np.array(WORDS, dtype=object), lowercase=False)
    rng = np.random.RandomState(0)
    spec = generator._spec(vocabulary)
    shapes = spec.weight_shapes()
    weights = {name: rng.normal(0, 0.8, shape).astype("f") for name, shape in shapes.items()}
    weights["dense_0/bias"][-1] += 2
    return generator._with_state(state_of_texts(OnnxPredictor(spec, weights), vocabulary))


@pytest.fixture(scope="module")
def fish():
    return make_small().fit(FISH)


def split(text):
    return WordVocabulary(np.array(WORDS, dtype=object), lowercase=False).split(text)


def probabilities_by_equations(generator, ids):
    inputs = np.append(0, ids)[np.newaxis]
    sequences = from_padded(inputs, np.array([inputs.size]))
    network = generator._fitted_state.network
    return forward(network.spec, network.weights, sequences)[0]


def test_tokens_are_words_marks_and_line_breaks_with_the_space_before_them():
    text = "It's 3 o’clock:\n    go--now,  sir!\t\n"
    expected = "It's| 3| o’clock|:|\n|   | go|-|-|now|,| | sir|!|\t|\n"
    assert split(text) == expected.split("|")
    assert split("(a) 'tis «oui» x_1") == ["(", "a", ")", " '", "tis", " «", "oui", "»", " x_1"]
    assert split("") == []


# Words of twelve scripts, joined emoji, flags, marks and spaces of all kinds, and anything else.
PIECES = st.one_of(
    st.sampled_from(
        [
            "की",
            "বাংলায়",
            "தமிழ்",
            "ภาษา",
            "cafe\u0301",
            "می\u200cخواهم",
            'צה"ל',
            "ок",
            "漢字",
            "かな",
            "한국어",
            "ខ្មែរ",
        ]
    ),
    st.sampled_from(
        ["👩\u200d👧", "👍🏽", "🇩🇪🇫🇷", "1\ufe0f\u20e3", "co\u00adop", "\u0301", "\u200d", "\ud800"]
    ),
    st.sampled_from(["don't", "1980’s", "1,000.5", "a.b", "x:y", "'", "...", "--", "_", "²"]),
    st.sampled_from(
        [" ", "  ", "\n", "\r\n", "\r", "\t", "\x00", "\x1c", "\xa0", "\u2003", "\u3000"]
    ),
    st.characters(),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_tokens_joined_are_any_text(text):
    tokens = split(text)
    assert "".join(tokens) == text
    assert "" not in tokens
    assert all(token[1:].isspace() or " " not in token[1:] for token in tokens)


def test_tokens_joined_are_a_book():
    assert "".join(split(load_python_reference())) == load_python_reference()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("का की के", "का| की| के"),
        ("e\u0301te\u0301 co\u00adop", "e\u0301te\u0301| co\u00adop"),
        ("می\u200cخواهم بروم", "می\u200cخواهم| بروم"),
        ("👩\u200d👩\u200d👧 👍🏽🇩🇪🇫🇷🇮", "👩\u200d👩\u200d👧| 👍🏽|🇩🇪|🇫🇷|🇮"),
        ("漢字かなカタカナ", "漢|字|か|な|カタカナ"),
        ("ภาษา", "ภ|า|ษ|า"),
        ("1,000.5 end.The a:b U.S. 1980’s", "1,000.5| end|.|The| a|:|b| U|.|S|.| 1980’s"),
        ("a\r\nb", "a|\r\n|b"),
    ],
)
def test_words_of_many_scripts_are_whole(text, tokens):
    assert split(text) == tokens.split("|")


def test_case_changes_no_number_of_characters():
    lowered = WordVocabulary(np.array(WORDS, dtype=object), lowercase=True).split("İSTANBUL ΣΑΣ")
    assert lowered == ["istanbul", " σας"]


@pytest.mark.slow
def test_the_vocabulary_is_of_frequent_words(untrained):
    text = "b b b c c a a d"
    learn = {"epochs": 1, "window": 4}
    assert make_small(**learn).fit(text).vocabulary_.tolist() == [" a", " b", " c", "<unk>"]
    fitted = make_small(**learn, num_words=2, min_count=1).fit(text)
    assert fitted.vocabulary_.tolist() == [" a", " b", "<unk>"]
    fitted = make_small(**learn, vocabulary="x d d " * 2, min_count=1).fit(text)
    assert fitted.vocabulary_.tolist() == [" d", " ", " x", "x", "<unk>"]
    assert make_small(**learn, lowercase=True).fit("A a A").vocabulary_.tolist() == [" a", "<unk>"]
    with pytest.raises(ValueError, match=r"No word comes min_count=4 times.* comes 2 time"):
        make_small(min_count=4).fit(text)


def test_a_regular_text_is_learnt_and_continued(fish):
    text = fish.generate("one", 13, temperature=0)
    assert text == " fish, two fish,\nred fish, blue fish.\n"
    assert fish.generate("one fish, two fish,", 2, temperature=0) == "\nred"
    assert_array_equal(fish.predict(["one", "one fish,"]), [" fish", " two"])
    assert fish.score(FISH) > -0.3
    assert fish.vocabulary_.dtype == object


@pytest.mark.parametrize("sampling", SAMPLING, ids=str)
def test_the_unknown_token_is_never_written(drawn, sampling):
    state = drawn.encode("the dog sat")
    samples = drawn.generate(
        length=1, n_samples=4000, state=state, random_state=1, return_logprobs=True, **sampling
    )
    p = probabilities_by_equations(drawn, drawn._vocabulary.encode("the dog sat", ""))[-1]
    assert p.argmax() == 10
    counts = np.array([samples[0].count(word) for word in WORDS])
    assert counts.sum() == 4000
    assert counts[-1] == 0
    expected = distribution(p[:-1], **sampling)
    assert not counts[:-1][expected == 0].any()
    kept = expected > 0.002
    if kept.sum() > 1:
        shares = expected[kept] / expected[kept].sum()
        observed = counts[:-1][kept]
        assert chisquare(observed, observed.sum() * shares).pvalue > 0.001
    # Its logarithm is the network's own, at which the unknown token has a part.
    written = [WORDS.index(word) for word in samples[0]]
    assert_allclose(np.concatenate(samples[1]), np.log(p[written]), atol=1e-5)


def test_long_samples_hold_no_unknown_token_and_streams_are_the_same(drawn):
    texts = drawn.generate("the", 300, n_samples=3, random_state=0)
    pieces = list(drawn.stream("the", 300, random_state=0))
    assert len(pieces) == 300
    assert "".join(pieces) == texts[0]
    assert set(pieces) <= set(WORDS[:-1])
    assert not any("<unk>" in text for text in texts)


def test_unknown_words_are_read_and_scored_as_the_unknown_token(drawn):
    text = "the dog sat on the moon."
    ids = drawn._vocabulary.encode(text, "")
    assert ids.tolist() == [1, 11, 4, 5, 2, 11, 7]
    p = probabilities_by_equations(drawn, ids)
    expected = np.log(p[np.arange(7), ids - 1])
    assert_allclose(drawn.log_probabilities(text), expected, atol=1e-5)
    assert_allclose(drawn.score(text), expected.mean(), atol=1e-5)
    assert_allclose(drawn.perplexity([text, text]), np.exp(-expected.mean()), rtol=1e-4)
    proba = drawn.predict_proba(text)
    assert proba.shape == (1, 11)
    assert_allclose(proba[0], p[-1], atol=1e-5)
    best = WORDS[p[-1, :-1].argmax()]
    assert drawn.predict([text])[0] == drawn.generate(text, 1, temperature=0) == best
    other = drawn.log_probabilities("the cow sat on the x.")
    assert_array_equal(drawn.log_probabilities(text), other)


def test_unknown_words_of_a_prompt_are_read_named_or_skipped(drawn):
    arguments = {"length": 20, "random_state": 0}
    skipped = drawn.generate("the dog cat x", handle_unknown="ignore", **arguments)
    assert skipped == drawn.generate("the cat", **arguments)
    assert drawn.generate("the dog cat", **arguments) == drawn.generate("the cow cat", **arguments)
    assert "".join(drawn.stream("the dog cat", **arguments)) == drawn.generate(
        state=drawn.encode("the dog cat"), **arguments
    )
    for method in (drawn.generate, drawn.stream, drawn.encode):
        with pytest.raises(
            ValueError, match=r"words that .* lacks: ' dog', ' x', the first at .* 1"
        ):
            method("the dog cat x dog", handle_unknown="error")


def test_a_state_continues_as_the_whole_prompt_does(drawn):
    expected = drawn.generate("the dog sat on", 30, random_state=3)
    state = drawn.encode(" sat", state=drawn.encode("the dog"))
    assert drawn.generate(" on", 30, state=state, random_state=3) == expected


@pytest.mark.parametrize("stops", [["on mat"], [" mat", "on the"], ["be"], ["."], ["\n", "sat.\n"]])
def test_stops_are_whole_words_with_or_without_a_space_before(drawn, stops):
    arguments = {"length": 200, "n_samples": 30, "random_state": 2}
    texts = drawn.generate(stop=stops, **arguments)
    for text, full in zip(texts, drawn.generate(**arguments), strict=True):
        spellings = [tuple(split(s)) for stop in stops for s in (stop, f" {stop}")]
        words = list(drawn.vocabulary_[drawn._vocabulary.encode(full, "") - 1])
        ends = [
            i + len(spelling)
            for spelling in spellings
            for i in range(len(words))
            if tuple(words[i : i + len(spelling)]) == spelling
        ]
        if "<unk>" in words:  # words written without a space between are one when read
            continue
        assert text == "".join(words[: min(ends, default=len(words))])
    assert "".join(drawn.stream(length=200, stop=stops, random_state=2)) == texts[0]


def test_a_stop_that_the_vocabulary_lacks_never_comes(drawn):
    full = drawn.generate(length=200, random_state=0)
    assert drawn.generate(length=200, random_state=0, stop=["dog", "<unk>"]) == full


def test_files_pickles_and_checkpoints_go_on(fish, tmp_path):
    expected = fish.generate("one", 30, random_state=0)
    persistence.save(fish, tmp_path / "fish.sklstm")
    loaded = persistence.load(tmp_path / "fish.sklstm")
    assert_array_equal(loaded.vocabulary_, fish.vocabulary_)
    for other in (loaded, pickle.loads(pickle.dumps(fish))):
        assert other.generate("one", 30, random_state=0) == expected
        assert other.score(FISH) == fish.score(FISH)
    checkpoint = tmp_path / "checkpoint.sklstm"
    whole = make_small(epochs=3, checkpoint=tmp_path / "whole.sklstm").fit(FISH)
    make_small(epochs=2, checkpoint=checkpoint).fit(FISH)
    resumed = make_small(epochs=3, checkpoint=checkpoint).fit(FISH)
    assert resumed.score(FISH) == whole.score(FISH)
    with pytest.raises(ValueError, match="min_count=2, and this has min_count=3"):
        make_small(checkpoint=checkpoint, min_count=3).fit(FISH)


@pytest.mark.slow
def test_training_goes_on(fish):
    warm = make_small(epochs=3, warm_start=True).fit(FISH).fit(FISH)
    assert warm.n_iter_ == 6
    part = make_small().partial_fit(FISH)
    part.partial_fit("one whale, two fish")  # a word that is unknown
    with pytest.raises(ValueError, match="lowercase=True cannot go on from a fit with lowercase="):
        part.set_params(lowercase=True).partial_fit(FISH)
    assert part.n_iter_ == 2
    assert_array_equal(part.vocabulary_, fish.vocabulary_)


def test_validation_samples_and_progress_count_words(capsys):
    generator = make_small(epochs=2, sample_length=5, verbose=1).fit(FISH, X_val=FISH[:200])
    assert len(generator.history_["val_loss"]) == 2
    shown = capsys.readouterr()
    assert "--- after epoch 2\n" in shown.out + shown.err
    assert "nats/word" in shown.err
    assert "word/s" in shown.err


def test_the_dictionary_is_made_once_and_not_pickled(fish):
    dictionary = fish._vocabulary._id_of
    fish.encode("one fish")
    assert fish._vocabulary._id_of is dictionary
    assert b"_id_of" not in pickle.dumps(fish)
    other = pickle.loads(pickle.dumps(fish))
    ids = other._vocabulary.encode("one fish,", "")
    assert other.vocabulary_[ids - 1].tolist() == ["one", " fish", ","]


@pytest.mark.slow
def test_one_word_alone_is_learnt():
    generator = make_small(epochs=1).fit("a a a a")
    assert generator.vocabulary_.tolist() == [" a", "<unk>"]
    assert generator.generate("a", 3) == " a a a"
    with pytest.raises(ValueError, match=r"No word comes min_count=2 times: .* comes 1 time"):
        make_small().fit("aaaa")


@pytest.mark.slow
def test_searches_over_documents():
    documents = split_documents(FISH, 6)
    search = GridSearchCV(make_small(epochs=1), {"units": [4, 8]}, cv=2).fit(documents)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    with pytest.raises(ValueError, match="split_documents"):
        cross_val_score(make_small(epochs=1), list("abcd" * 20), cv=2, error_score="raise")


@pytest.mark.slow
def test_one_hot_words_and_keras_give_the_same_probabilities(fish):
    one_hot = make_small(embedding_dim=None, epochs=1).fit(FISH)
    for generator in (fish, one_hot):
        ids = np.append(0, generator._vocabulary.encode("one fish, two", ""))[np.newaxis]
        outputs = generator.to_keras().predict(ids, verbose=0)
        assert_allclose(outputs[0, -1], generator.predict_proba("one fish, two")[0], atol=1e-5)


def test_parameters_are_those_of_characters_and_of_a_vocabulary():
    words, chars = (kind().get_params() for kind in (WordSequenceGenerator, CharSequenceGenerator))
    assert set(words) - set(chars) == {"num_words", "min_count", "lowercase"}
    assert set(chars) <= set(words)


@pytest.mark.parametrize("parameters", [{"num_words": 0}, {"min_count": 0}, {"lowercase": "no"}])
def test_parameters_out_of_range(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        make_small(**parameters).fit(FISH)
