"""Files whose parts do not belong together: what a fit has learnt is refused, or taken as a whole.

Each case is a model, a place in it, what stands there instead, and what the error says.
"""

import re

import numpy as np
import pandas as pd
import pytest

from crafting import archive, items, node, refusal, refused_swaps, with_part
from file_tools import load_or_refusal, members_of, write_members
from fitted_states import char_generator, word_generator
from sklstm import LSTMClassifier, persistence
from tasks import TINY

SPEC, DATA = "network.spec", "data"
TARGETS, FORM, SCALING = "data.targets", "data.input_form", "data.input_scaling"
SNAPSHOT = "checkpoint.snapshots.0"


def tuple_of(*values):
    return node("tuple", items=list(values))


def dict_of(**values):
    return node("dict", items=values)


def objects(*values):
    return node("objects", shape=[len(values)], items=list(values))


def object_of(class_name, **fields):
    return node("object", type=f"sklstm.{class_name}", state=dict_of(**fields))


OTHER_VOCABULARY = object_of("CharVocabulary", tokens=objects("a", "b"))
COLUMNS = object_of("MultilabelTargets", n_columns=2)
FORM_OF_TOKENS = object_of(
    "InputForm",
    kind="tokens",
    n_features=1,
    n_columns=1,
    names=None,
    timesteps=None,
    vocabulary_size=7,
    static=tuple_of(),
)


@pytest.fixture(scope="module")
def models(classifier, regressor, tmp_path_factory):
    """The members of the files of some models, by name."""
    frame = pd.DataFrame(np.random.RandomState(0).normal(size=(24, 10)), columns=[*"abcdefghij"])
    table = LSTMClassifier(**TINY, timesteps=5).fit(
        frame, [["no", "yes"][k % 2] for k in range(24)]
    )
    fitted = {
        "static": LSTMClassifier(**TINY, timesteps=4, static=["a", "d"]).fit(frame, frame["b"] > 0),
        "classifier": classifier,
        "regressor": regressor,
        "table": table,
        "chars": char_generator(),
        "words": word_generator(),
    }
    folder, members = tmp_path_factory.mktemp("models"), {}
    for name, estimator in fitted.items():
        persistence.save(estimator, folder / name)
        members[name] = members_of(folder / name)
    return members


NETWORKS = {
    "more units": ("classifier", f"{SPEC}.units", tuple_of(10**9), r"network: lstm_0/.* \(2, 16\)"),
    "no pooling": ("words", f"{SPEC}.pooling", "mean", "network of another estimator"),
    "units that are a list": ("classifier", f"{SPEC}.units", items(4), "network is no network"),
    "units that are text": ("classifier", f"{SPEC}.units", tuple_of("4"), "is no network"),
    "another activation": ("classifier", f"{SPEC}.activation", "exp", "is no network"),
    "activation of numbers": ("classifier", f"{SPEC}.activation", "linear", "targets are not what"),
    "a spec without units": ("classifier", f"{SPEC}.units", None, "is no network"),
    "networks without end": ("classifier", f"{SPEC}.n_networks", 10**12, "is 1000000000000 networ"),
    "networks of text": ("classifier", f"{SPEC}.n_networks", "a", "is no network"),
    "no network": ("classifier", "network", items(), "network is of type builtins.list"),
    "a horizon": ("chars", f"{SPEC}.horizon", 3, "targets are of another network"),
    "quantiles": ("classifier", f"{SPEC}.n_quantiles", 2, "targets are not what its network"),
    "more static features": ("static", f"{SPEC}.n_static", 3, r"dense_0/kernel .* valid is \(7, 2"),
    "static features of text": ("static", f"{SPEC}.n_static", "2", "is no network"),
    "static features of words": ("words", f"{SPEC}.n_static", 1, "is no network"),
}
LEARNT_FROM_DATA = {
    "no data": ("classifier", DATA, items(), "data is of type builtins.list, valid is LearntFromD"),
    "a field too few": ("classifier", f"{DATA}.batch_size", None, r"data has the fields \['fixed"),
    "columns for numbers": ("regressor", TARGETS, COLUMNS, "targets are of another estimator: Mu"),
    "tokens for labels": ("classifier", TARGETS, OTHER_VOCABULARY, "of another estimator: CharV"),
    "characters for words": ("words", TARGETS, OTHER_VOCABULARY, "of another estimator: CharVoc"),
    "columns for classes": ("classifier", TARGETS, COLUMNS, "targets are not what its network"),
    "no targets": ("classifier", TARGETS, items(), "targets are of another estimator: list"),
    "a list for a form": ("classifier", FORM, items(), "input_form is of type builtins.list"),
    "a form of texts": ("words", FORM, FORM_OF_TOKENS, "input_form is of type sklstm.*valid is No"),
    "a kind of form": ("classifier", f"{FORM}.kind", "tokens", "is not how X of its network"),
    "an odd kind of form": ("classifier", f"{FORM}.kind", "frames", "is not how X of its network"),
    "features that are text": ("classifier", f"{FORM}.n_features", "2", "input_form is not how X"),
    "more columns": ("table", f"{FORM}.n_columns", 11, "input_form is not how X"),
    "other timesteps": ("table", f"{FORM}.timesteps", 2, "input_form is not how X"),
    "a vocabulary for numbers": ("classifier", f"{FORM}.vocabulary_size", 7, "is not how X of its"),
    "names too few": ("table", f"{FORM}.names", tuple_of("a"), "input_form is not how X"),
    "names that are numbers": ("table", f"{FORM}.names.0", 1, "input_form is not how X"),
    "static columns in disorder": ("static", f"{FORM}.static", tuple_of(3, 0), "is not how X of"),
    "one static column twice": ("static", f"{FORM}.static", tuple_of(3, 3), "is not how X of its"),
    "no such static column": ("static", f"{FORM}.static", tuple_of(0, 10), "is not how X of its"),
    "a static column too few": ("static", f"{FORM}.static", tuple_of(0), "is not how X of its net"),
    "static columns in a list": ("static", f"{FORM}.static", items(0, 3), "is not how X of its ne"),
    "static columns of text": ("static", f"{FORM}.static", tuple_of("a", "d"), "is not how X of i"),
    "names in a list": ("table", f"{FORM}.names", items(*"abcdefghij"), "input_form is not how X"),
    "scales that are a list": ("classifier", SCALING, items(), "input_scaling is of type builtins"),
    "deltas of no feature": (
        "classifier",
        f"{SCALING}.deltas_of",
        tuple_of(7),
        r"scales deltas of the features \(7,\)",
    ),
    "deltas that are a list": (
        "classifier",
        f"{SCALING}.deltas_of",
        items(),
        "deltas_of is of typ",
    ),
    "a scale of 0": (
        "classifier",
        f"{SCALING}.scale",
        np.zeros(2),
        "scale holds what is not above",
    ),
    "a mean of nothing": ("classifier", f"{SCALING}.mean", np.full(2, np.nan), "no finite number"),
    "a mean of fewer": ("classifier", f"{SCALING}.mean", np.zeros(1), r"mean has the shape \(1,\)"),
    "a static scale of 0": (
        "static",
        f"{SCALING}.static_scale",
        np.zeros(2),
        "static_scale holds w",
    ),
    "a static mean of fewer": (
        "static",
        f"{SCALING}.static_mean",
        np.zeros(1),
        "static_mean has t",
    ),
    "lengths": ("classifier", f"{DATA}.lengths_vary", 1, "lengths_vary is of type builtins.int"),
    "a batch of text": ("classifier", f"{DATA}.batch_size", "8", "batch_size is '8'"),
    "a batch of nothing": ("classifier", f"{DATA}.batch_size", 0, "batch_size is 0"),
    "a batch that is true": ("classifier", f"{DATA}.batch_size", True, "batch_size is True"),
    "a list of parameters": (
        "words",
        f"{DATA}.fixed_parameters",
        items(),
        "fixed_parameters is of",
    ),
    "other parameters": (
        "words",
        f"{DATA}.fixed_parameters",
        dict_of(lowercase=True, fit=1),
        r"fixed_parameters is .* valid are values of \('lowercase',\)",
    ),
    "a parameter of lists": (
        "words",
        f"{DATA}.fixed_parameters.lowercase",
        items(),
        "fixed_parameters is {'lowercase': ",
    ),
}
TARGETS_THEMSELVES = {
    "more classes": (
        "classifier",
        f"{TARGETS}.classes",
        np.arange(3),
        r"classes has the shape \(3",
    ),
    "classes that are dates": (
        "classifier",
        f"{TARGETS}.classes",
        np.array([1, 2], "M8[s]"),
        "classes are no labels in order",
    ),
    "complex classes": ("classifier", f"{TARGETS}.classes", np.array([1j, 2]), "are no labels in"),
    "classes that are records": (
        "classifier",
        f"{TARGETS}.classes",
        np.zeros(2, [("a", int)]),
        "are no labels in order",
    ),
    "classes upside down": ("classifier", f"{TARGETS}.classes", np.array([1, 0]), "are no labels"),
    "one class twice": ("classifier", f"{TARGETS}.classes", np.array([1, 1]), "are no labels in"),
    "a class of NaN": ("classifier", f"{TARGETS}.classes", np.array([1, np.nan]), "are no labels"),
    "classes that are lists": (
        "classifier",
        f"{TARGETS}.classes",
        objects(items(), items()),
        "classes are no labels in order",
    ),
    "classes that are a list": (
        "classifier",
        f"{TARGETS}.classes",
        items("a", "b"),
        "classes has the shape 'type builtins.list'",
    ),
    "numbers of another shape": ("regressor", f"{TARGETS}.shape", tuple_of(2), r"shape is \(2,\)"),
    "a shape of text": ("regressor", f"{TARGETS}.shape", "()", r"shape is '\(\)', outputs: 1"),
    "a shape below 0": ("regressor", f"{TARGETS}.shape", tuple_of(-1, -1), r"shape is \(-1, -1\)"),
    "a loss of numbers": ("regressor", f"{TARGETS}.loss", 1, "loss is of type builtins.int"),
    "a loss of counts": ("regressor", f"{TARGETS}.loss", "poisson", "are not what its network put"),
    "quantiles of numbers": ("regressor", f"{TARGETS}.n_quantiles", "1", "n_quantiles is '1'"),
    "more quantiles": ("regressor", f"{TARGETS}.n_quantiles", 2, r"shape is \(\), outputs: 1"),
    "a scale of y below 0": (
        "regressor",
        f"{TARGETS}.scale",
        -np.ones(1),
        "scale holds what is no",
    ),
    "two means of y": ("regressor", f"{TARGETS}.mean", np.ones(2), r"mean has the shape \(2,\)"),
    "tokens too few": ("chars", f"{TARGETS}.tokens", objects(*"abc"), r"tokens has the shape \(3,"),
    "tokens that are numbers": (
        "chars",
        f"{TARGETS}.tokens",
        objects(1, 2, 3, 4),
        "what is no text",
    ),
    "tokens of another dtype": ("chars", f"{TARGETS}.tokens", items(*"abcd"), "builtins.list"),
    "tokens in disorder": (
        "chars",
        f"{TARGETS}.tokens",
        objects(*"acbd"),
        "no tokens of a CharVoc",
    ),
    "long characters": ("chars", f"{TARGETS}.tokens", objects("a", "bb", "c", "d"), "no tokens of"),
    "no unknown word": (
        "words",
        f"{TARGETS}.tokens",
        objects(*"abcd"),
        "no tokens of a WordVocabu",
    ),
    "one word twice": (
        "words",
        f"{TARGETS}.tokens",
        objects("a", "a", "b", "<unk>"),
        "no tokens of",
    ),
    "lower case": ("words", f"{TARGETS}.lowercase", 1, "lowercase is of type builtins.int"),
    "a cached dictionary": ("words", f"{TARGETS}._id_of", dict_of(to=1), "targets has the fields"),
}
TRAINING = {
    "no state": ("classifier", "", items(), " is of type builtins.list"),
    "interrupted": ("classifier", "interrupted", "no", "interrupted is of type builtins.str"),
    "a loop of numbers": (
        "classifier",
        "training_loop",
        1,
        "training_loop is of type builtins.int",
    ),
    "no history": ("classifier", "histories", tuple_of(), "not a dict for each of 1 networks"),
    "a list of losses": ("classifier", "histories", items(1), "not a dict for each of 1"),
    "no losses": ("classifier", "histories.0.loss", None, r"histories\[0\] holds no losses"),
    "losses of text": ("classifier", "histories.0.loss", items("a", "b"), r"histories\[0\] is not"),
    "epochs too few": ("classifier", "histories.0.accuracy", items(0.5), r"is not one of 2 epochs"),
    "states too many": (
        "classifier",
        "optimizer_states",
        tuple_of(items(), items()),
        "optimizer_states is not a OptimizerState for each",
    ),
    "a generator of text": ("classifier", "random_generator", "a", "random_generator is of type"),
    "another optimizer": ("chars", "optimizer_states.0.optimizer", 1, "no state of an optimizer"),
    "moments of text": ("chars", "optimizer_states.0.variables.1", "a", "is no array of numbers"),
    "a moment too few": ("chars", "optimizer_states.0.variables.2", None, "variables has the shap"),
    "no count of steps": (
        "chars",
        "optimizer_states.0.variables.0",
        np.array(0.5),
        r"variables\[0\] is no count of steps",
    ),
    "a digest of numbers": ("chars", "checkpoint.data_digest", 1, "data_digest is of type builtin"),
    "no checkpoint": ("chars", "checkpoint", items(), "checkpoint is of type builtins.list"),
    "no snapshot": ("chars", SNAPSHOT, items(), r"snapshots\[0\] is of type builtins.list"),
    "no snapshots": ("chars", "checkpoint.snapshots", tuple_of(), "snapshots are 0, valid are 1"),
    "an empty snapshot": ("chars", "checkpoint.snapshots", tuple_of(None), "snapshots are 0, val"),
    "snapshots in a list": ("chars", "checkpoint.snapshots", items(), "snapshots is of type buil"),
    "snapshots of epochs": ("chars", f"{SNAPSHOT}.n_epochs", 3, "history is not one of 3 epochs"),
    "a moment too few in a snapshot": (
        "chars",
        f"{SNAPSHOT}.optimizer_state.variables.2",
        None,
        r"snapshots\[0\].optimizer_state.variables has the shapes",
    ),
    "weights of text": ("chars", f"{SNAPSHOT}.weights", "a", "weights holds weights of type"),
    "best weights of text": (
        "chars",
        f"{SNAPSHOT}.best_weights",
        "a",
        "best_weights holds weights",
    ),
    "seeds of text": ("chars", f"{SNAPSHOT}.seeds", items("a"), "seeds are no seeds"),
    "a generator's state": (
        "chars",
        f"{SNAPSHOT}.rng_state",
        items(),
        "rng_state is of type built",
    ),
}
CASES = NETWORKS | LEARNT_FROM_DATA | TARGETS_THEMSELVES | TRAINING


@pytest.mark.parametrize(("model", "place", "value", "message"), CASES.values(), ids=CASES)
def test_what_does_not_fit_is_refused(model, place, value, message, models, tmp_path):
    place = f"_fitted_state.{place}".rstrip(".")
    members = with_part(models[model], place, value)
    why = refusal(tmp_path / "crafted.sklstm", archive(members.items()))
    assert re.search(rf"\w+\._fitted_state.*{message}", why), why


def test_a_parameter_that_is_missing_is_named(models, tmp_path):
    members = with_part(models["classifier"], "verbose", None)
    why = refusal(tmp_path / "crafted.sklstm", archive(members.items()))
    assert "LSTMClassifier lacks the parameters verbose" in why


@pytest.mark.parametrize("model", ["chars", "regressor", "words"])
def test_swapped_arrays_are_refused(model, models, tmp_path):
    assert refused_swaps(models[model], tmp_path / "swapped.sklstm") > 9


@pytest.mark.parametrize("model", ["chars", "regressor", "table", "words"])
def test_what_fits_is_loaded(model, models, tmp_path):
    loaded, why = load_or_refusal(write_members(tmp_path / "whole.sklstm", models[model]))
    assert why is None
    assert loaded.__sklearn_is_fitted__()
