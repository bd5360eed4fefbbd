import itertools
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import estimator_checks

from sklstm import CharSequenceGenerator, WordSequenceGenerator
from sklstm.datasets import load_python_reference, split_documents
from sklstm.network.reference.lstm import forward
from sklstm.network.training.batches import TextWindows
from tasks import assert_same_weights, from_padded

INPUT_FREE_CHECKS = [
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
]
both = pytest.mark.parametrize("kind", [CharSequenceGenerator, WordSequenceGenerator])


@pytest.fixture(scope="module")
def abcd():
    return make_small().fit("abcd" * 200)


@pytest.fixture(scope="module")
def prose():
    return load_python_reference()[:6000]


@pytest.fixture(scope="module")
def reader(prose):
    return make_small(units=[8, 6], epochs=2).fit(prose)


def make_small(units=12, **parameters):
    return CharSequenceGenerator(
        units,
        **{"window": 16, "batch_size": 8, "learning_rate": 0.03, "random_state": 0} | parameters,
    )


def log_likelihood_by_equations(generator, text):
    """Read a document in one go, by the numpy equations."""
    ids = np.searchsorted(generator.vocabulary_, list(text)) + 1
    inputs = np.append(0, ids[:-1])[np.newaxis]
    outputs = forward(
        generator._fitted_state.network.spec,
        generator._fitted_state.network.weights,
        from_padded(inputs, np.array([len(ids)])),
    )
    return np.log(outputs[0, np.arange(len(ids)), ids - 1])


@both
@pytest.mark.parametrize("check", INPUT_FREE_CHECKS)
def test_checks_that_need_no_input(check, kind):
    getattr(estimator_checks, check)(kind.__name__, kind())


def test_a_regular_text_is_learnt_and_continued(abcd):
    assert abcd.generate("ab", 10, temperature=0) == "cdabcdabcd"
    assert abcd.score("abcd" * 10) > -0.2
    assert_array_equal(abcd.predict(["a", "ab", "abc"]), ["b", "c", "d"])


@pytest.mark.slow
def test_memory_reaches_further_than_the_last_character():
    """After "a", "b" or "c" follows in turn: the last character alone cannot tell."""
    generator = make_small(units=24, epochs=20).fit("abac" * 150)
    assert generator.generate("abac", 8, temperature=0) == "abacabac"


def test_score_is_the_mean_log_likelihood_of_the_equations(reader, prose):
    text = prose[:700]  # longer than a piece
    expected = log_likelihood_by_equations(reader, text)
    assert_allclose(reader.score(text), expected.mean(), rtol=1e-5)
    assert_allclose(reader.perplexity(text), np.exp(-expected.mean()), rtol=1e-5)


def test_all_characters_weigh_alike_in_the_score_of_documents(reader, prose):
    documents = [prose[:300], prose[300:310], prose[310:1500]]
    expected = np.concatenate([log_likelihood_by_equations(reader, text) for text in documents])
    assert_allclose(reader.score(documents), expected.mean(), rtol=1e-5)


def test_predict_proba_reads_each_prompt_from_the_zero_state(reader, prose):
    prompts = [prose[:600], prose[:3], "", *(prose[i : 3 * i] for i in range(1, 40))]
    probabilities = reader.predict_proba(prompts)
    assert probabilities.shape == (42, len(reader.vocabulary_))
    assert probabilities.dtype == np.float32
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    for prompt, row in zip(prompts, probabilities, strict=True):
        assert_allclose(row, reader.predict_proba(prompt)[0], rtol=1e-4)


def test_generate_carries_the_state(reader, prose):
    """Reading its own text anew, from the zero state, gives the same next characters."""
    text = reader.generate(prose[:20], 40, temperature=0)
    for length in (0, 1, 17, 39):
        assert reader.predict(prose[:20] + text[:length])[0] == text[length]


def test_the_same_seed_writes_the_same_text(reader):
    text = reader.generate("The ", 50, random_state=3)
    assert len(text) == 50
    assert reader.generate("The ", 50, random_state=3) == text
    assert reader.generate("The ", 50, random_state=4) != text
    generator = np.random.RandomState(3)
    assert reader.generate("The ", 50, random_state=generator) == text
    assert reader.generate("The ", 50, random_state=generator) != text  # it was advanced


def test_characters_are_drawn_with_their_probabilities(abcd):
    probabilities = abcd.predict_proba("")[0]
    drawn = [abcd.generate("", 1, random_state=seed) for seed in range(400)]
    shares = [drawn.count(character) / 400 for character in abcd.vocabulary_]
    assert_allclose(shares, probabilities, atol=0.1)


def test_no_character_is_written_for_length_0(reader):
    assert reader.generate("The ", 0) == ""


def test_fit_is_reproducible_and_global_generators_stay(prose):
    state = np.random.get_state()[1].copy()
    first, second = (make_small(epochs=1).fit(prose[:1000]) for _ in range(2))
    assert_same_weights(first, second)
    make_small(epochs=1, random_state=None).fit(prose[:1000]).generate("a", 3)
    assert_array_equal(np.random.get_state()[1], state)


def test_pickles_write_the_same_text(reader):
    again = pickle.loads(pickle.dumps(reader))
    assert again.generate("The ", 30, random_state=0) == reader.generate("The ", 30, random_state=0)


def test_a_pickle_writes_without_tensorflow(reader, tmp_path):
    path = tmp_path / "generator.pkl"
    path.write_bytes(pickle.dumps(reader))
    code = f"""
import sys, pickle
for name in ("tensorflow", "keras", "scikeras"):
    sys.modules[name] = None  # importing them raises
import sklstm
generator = pickle.load(open({str(path)!r}, "rb"))
print(repr(generator.generate("The ", 20, random_state=0)), generator.score("The end"))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(repr(reader.generate("The ", 20, random_state=0)))


def test_documents_do_not_leak_into_each_other():
    """The end of a document says nothing about the next one's beginning."""
    stream = np.array([0, 1, 2, 1, 2, 0, 2, 1])
    windows = TextWindows(stream, np.array([0, 5]), window=3)
    for seed in range(20):
        rows = windows.draw_epoch(np.random.RandomState(seed), 2)
        inputs, _, targets, weights = windows.gather(rows, windows.window)
        assert weights.sum() == 6  # every character is a target exactly once
        assert_array_equal(weights.sum(axis=1), rows[:, 1] - rows[:, 0])
        for (first, last, _), ids, length in zip(rows, inputs, weights.sum(axis=1), strict=True):
            assert (first < 5) == (last < 5)  # within one document
            assert_array_equal(ids[: int(length)], stream[first:last])
        assert_array_equal(np.sort(targets[weights > 0]), np.sort(np.array([1, 2, 1, 2, 2, 1]) - 1))


@pytest.mark.parametrize("n_lanes", [1, 3, 8])
def test_windows_that_continue_begin_where_the_lane_stood(n_lanes):
    stream = np.concatenate([np.append(0, np.arange(1, n)) for n in (40, 3, 90, 17)])
    windows = TextWindows(stream, np.array([0, 40, 43, 133]), window=5)
    for seed in range(20):
        rows = windows.draw_epoch(np.random.RandomState(seed), n_lanes)
        lanes = rows.reshape(-1, n_lanes, 3).swapaxes(0, 1)
        n_continued = 0
        for lane in lanes:
            assert not lane[0, 2]
            for before, after in itertools.pairwise(lane):
                if after[2]:
                    assert after[0] == before[1]
                    assert before[1] - before[0] == 5  # a window that is filled up ends its chain
                    n_continued += 1
        # Of the windows, only a document's first two and a lane's first start anew.
        assert n_continued >= len(windows) - 2 * 4 - n_lanes


@pytest.mark.slow
def test_grid_search_over_documents(prose):
    documents = split_documents(prose[:1200], 6)
    generator = make_small(epochs=1, vocabulary="".join(set(prose)))
    search = GridSearchCV(generator, {"units": [4, 8]}, cv=2).fit(documents)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert_array_equal(search.best_estimator_.vocabulary_, sorted(set(prose)))


def test_a_text_split_into_characters_names_the_function_that_helps():
    with pytest.raises(ValueError, match="split_documents"):
        cross_val_score(make_small(epochs=1), list("abcd" * 20), cv=2, error_score="raise")


@pytest.mark.slow
def test_warm_start_and_partial_fit_go_on(prose):
    text = prose[:2000]
    warm = make_small(epochs=2, warm_start=True).fit(text)
    assert warm.fit(text).n_iter_ == 4
    assert len(warm.history_["loss"]) == 4
    part = make_small()
    losses = [part.partial_fit(text).history_["loss"][-1] for _ in range(4)]
    assert losses[-1] < losses[0]
    assert part.n_iter_ == 4
    with pytest.raises(ValueError, match="vocabulary lacks: 'é'"):
        part.partial_fit("é" * 20)


@pytest.mark.slow
def test_characters_of_any_language_are_characters():
    text = "春眠不觉晓,处处闻啼鸟。🌸\ud800" * 12
    generator = make_small(embedding_dim=4).fit(text)
    assert set(generator.vocabulary_) == set(text)
    assert set(generator.generate("春", 30, random_state=0)) <= set(text)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, r"is empty: found 0 sample\(s\)"),
        (
            "a",
            ValueError,
            "Document 0 of X.*, 'a', has 1 character, while a minimum of 2 characters",
        ),
        (["abc", ""], ValueError, "Document 1 of X.* is empty, while a minimum of 2"),
        (["abc", 3], TypeError, "Document 1 of X.* is 3 of type int: valid is a list .*one string"),
        (["abc", None], TypeError, "Document 1 of X.* is None of type NoneType"),
        (pd.Series(["abc", np.nan]), TypeError, "Document 1 of X.* is nan of type float"),
        ([b"abc"], TypeError, "Document 0 of X.* is b'abc' of type bytes"),
        (b"abc", TypeError, "X.* is of type bytes: valid is"),
        ({"a": "abc"}, TypeError, "X.* is of type dict"),
        ({"abc"}, TypeError, "X.* is of type set"),
        ((text for text in ["abc"]), TypeError, r"X.* is of type generator: .* pass list\(X\)"),
        (Path("book.txt"), TypeError, "X.* is of type PosixPath|X.* is of type WindowsPath"),
        (pd.DataFrame({"a": ["abc"], "b": ["abc"]}), ValueError, r"X.* has shape \(1, 2\)"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_texts_that_are_none(abcd, X, error, message):
    generators = [CharSequenceGenerator(), WordSequenceGenerator()]
    for generator in generators:
        validated = partial(generator.fit, "ab ab ab ab")
        for method in (generator.fit, generator.partial_fit, lambda X, fit=validated: fit(X_val=X)):
            with pytest.raises(error, match=message):
                method(X)
    warm = pickle.loads(pickle.dumps(abcd)).set_params(warm_start=True)
    for method in (warm.fit, warm.partial_fit, abcd.score, abcd.perplexity):
        with pytest.raises(error, match=message):
            method(X)
    assert warm.n_iter_ == abcd.n_iter_


def test_prompts_that_are_none(abcd):
    for method in (abcd.predict, abcd.predict_proba):
        with pytest.raises(
            ValueError, match=r"X is empty: found 0 sample\(s\) while a minimum of 1"
        ):
            method([])
        with pytest.raises(TypeError, match="Prompt 1 of X is nan of type float"):
            method(["ab", np.nan])
    assert_array_equal(abcd.predict(["", "a"])[1:], ["b"])


@pytest.mark.parametrize(
    "column",
    [
        pd.DataFrame({"text": ["abcd" * 9, "cdab" * 9]}),
        pd.Series(["abcd" * 9, "cdab" * 9], index=[7, 3]),
        np.array(["abcd" * 9, "cdab" * 9]),
        np.array([["abcd" * 9], ["cdab" * 9]], dtype=object),
    ],
    ids=["table", "Series", "array", "object array"],
)
def test_forms_of_documents(abcd, column):
    documents = ["abcd" * 9, "cdab" * 9]
    assert abcd.score(column) == abcd.score(documents)
    assert_array_equal(abcd.predict(column), abcd.predict(documents))
    fitted = make_small(4, epochs=1, window=8).fit(column)
    assert fitted.vocabulary_.tolist() == ["a", "b", "c", "d"]
    assert fitted.score(column) == make_small(4, epochs=1, window=8).fit(documents).score(column)


@pytest.mark.slow
def test_a_text_of_one_character():
    with pytest.raises(ValueError, match="X holds one character only, 'a': a text of two or more"):
        CharSequenceGenerator(4).fit("aaaa")
    generator = make_small(4, epochs=1, vocabulary="ab").fit("aaaa")
    assert generator.vocabulary_.tolist() == ["a", "b"]


def test_errors_name_the_public_class_and_what_is_valid(abcd):
    with pytest.raises(ValueError, match=r"parameter of CharSequenceGenerator\.generate must be"):
        abcd.generate(length=-1)
    with pytest.raises(ValueError, match=r"parameter of CharSequenceGenerator\.encode must be"):
        abcd.encode(3)
    with pytest.raises(
        TypeError,
        match=r"CharSequenceGenerator\.generate\(\) got an unexpected .* 'n': valid are "
        "prompt, length, temperature",
    ):
        abcd.generate(n=3)
    with pytest.raises(ValueError, match="state='ab' is of type str: valid is a TextState"):
        abcd.generate(state="ab")


def test_numbers_of_numpy_are_numbers(abcd):
    expected = abcd.generate("ab", 120, temperature=0.5, top_k=3, top_p=0.5, random_state=0)
    small = {"temperature": np.float32(0.5), "top_k": np.uint8(3), "top_p": np.float16(0.5)}
    assert abcd.generate("ab", np.int8(120), random_state=0, **small) == expected
    assert "".join(abcd.stream("ab", np.int8(120), random_state=0, **small)) == expected
    assert len(abcd.generate(length=np.uint8(9), n_samples=np.int8(2), random_state=0)) == 2
    small = {"window": np.uint8(8), "n_iter_no_change": np.int8(2), "sample_length": np.uint8(2)}
    plain = {name: int(value) for name, value in small.items()}
    fits = [make_small(4, epochs=1, **sizes).fit("abcd" * 80) for sizes in (small, plain)]
    assert fits[0].score("abcd") == fits[1].score("abcd")


def test_unseen_characters_are_named(abcd):
    with pytest.raises(ValueError, match=r"'xyz', the first at position 2"):
        abcd.generate("abxyzx")
    with pytest.raises(ValueError, match=r"Prompt 1 holds .*'!'"):
        abcd.predict(["ab", "a!"])
    with pytest.raises(ValueError, match=r"Document 1 holds .*'é'"):
        abcd.score(["abcd", "abé"])


@pytest.mark.parametrize(
    "arguments", [{"length": -1}, {"temperature": -0.1}, {"prompt": 3}, {"random_state": "a"}]
)
def test_arguments_of_generate_out_of_range(abcd, arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        abcd.generate(**arguments)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "score", "perplexity", "generate"])
@both
def test_not_fitted(kind, method):
    with pytest.raises(NotFittedError):
        getattr(kind(), method)("ab")


@pytest.mark.parametrize(
    "parameters",
    [{"units": ()}, {"units": 0}, {"window": 0}, {"epochs": 0}, {"dropout": 1.0}, {"verbose": "a"}],
)
@both
def test_parameters_out_of_range(kind, parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        clone(kind()).set_params(**parameters).fit("abcd abcd abcd")


def test_keras_and_onnx_give_the_same_probabilities(reader, prose):
    ids = np.append(0, np.searchsorted(reader.vocabulary_, list(prose[:40])) + 1)[np.newaxis]
    keras_outputs = reader.to_keras().predict(ids, verbose=0)
    assert_allclose(keras_outputs[0, -1], reader.predict_proba(prose[:40])[0], atol=1e-5)
    assert {value.name for value in reader.to_onnx().graph.input} == {
        "values",
        "output_0",
        "cell_0",
        "output_1",
        "cell_1",
    }


def test_a_vocabulary_without_characters():
    with pytest.raises(ValueError, match=r"vocabulary='' holds 0 different .*: valid are all"):
        CharSequenceGenerator(4, vocabulary="").fit("abc")
