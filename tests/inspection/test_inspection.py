"""Looking inside: gates agree with the equations, importances with what carries the label."""

import subprocess
import sys
import tracemalloc
from itertools import pairwise

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import parallel_config
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import CharSequenceGenerator, LSTMClassifier, TimeDistributed, WordSequenceGenerator
from sklstm.inspection import (
    GateActivationsDisplay,
    TrainingHistoryDisplay,
    gate_activations,
    permutation_importance_over_time,
)
from tasks import TINY, first_step_task, nan_padded, object_array, ragged

GATES = ["input_gate", "forget_gate", "output_gate", "candidate", "cell", "output"]
TITLES = ["input gate", "forget gate", "output gate", "candidate", "cell", "output"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def stopped(task):
    """Early stopping in a Pipeline."""
    lstm = LSTMClassifier(**TINY | {"epochs": 4}, early_stopping=True, validation_fraction=0.25)
    return make_pipeline(TimeDistributed(StandardScaler()), lstm).fit(*task)


@pytest.fixture(scope="module", params=["last", "mean", "max"])
def deep_classifier(request, task):
    """Two bidirectional layers of 3 units and 2, pooled, on sequences of 3 to 5 time steps."""
    lstm = LSTMClassifier((3, 2), bidirectional=True, pooling=request.param, epochs=1)
    return lstm.set_params(batch_size=8, random_state=0).fit(ragged(task[0]), task[1])


@pytest.fixture(scope="module")
def generator():
    network = CharSequenceGenerator((5, 4), window=8, batch_size=4, epochs=1, random_state=0)
    return network.fit("to be or not to be\n" * 4)


@pytest.fixture(scope="module")
def search(task):
    grid = {"units": [3, 4]}
    return GridSearchCV(LSTMClassifier(**TINY), grid, cv=2).fit(*task)


# ------------------------------------------------------------------------------- training history


@pytest.mark.parametrize("name", ["classifier", "regressor", "generator", "stopped", "search"])
def test_the_lines_are_the_history(name, request):
    estimator = request.getfixturevalue(name)
    display = TrainingHistoryDisplay.from_estimator(estimator)
    network = {"stopped": lambda e: e[-1], "search": lambda e: e.best_estimator_}.get(
        name, lambda e: e
    )(estimator)
    assert set(display.lines_) == set(network.history_)
    for metric, line in display.lines_.items():
        epochs = np.arange(1, network.n_iter_ + 1)
        np.testing.assert_array_equal(line.get_xdata(), epochs)
        np.testing.assert_array_equal(line.get_ydata(), network.history_[metric])
    assert display.axes_[0].get_ylabel() == "loss"
    assert all(axes.get_xlabel() == "epoch" for axes in display.axes_)
    assert isinstance(display.figure_, mpl.figure.Figure)


def test_the_best_epoch_is_marked(stopped):
    display = TrainingHistoryDisplay.from_estimator(stopped)
    history = stopped[-1].history_
    best = int(np.argmin(history["val_loss"]))
    assert display.best_epoch == best + 1
    places = [tuple(np.ravel(marker.get_data())) for marker in display.markers_]
    assert places == [
        (best + 1, history["val_loss"][best]),
        (best + 1, history["val_accuracy"][best]),
    ]
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["training", "validation", f"best epoch ({best + 1})"]


def test_no_epoch_is_marked_without_early_stopping(classifier, task):
    lstm = LSTMClassifier(**TINY, validation_fraction=0.25).fit(*task)
    display = TrainingHistoryDisplay.from_estimator(lstm)
    assert "val_loss" in display.lines_
    assert (display.best_epoch, display.markers_) == (None, [])
    display = TrainingHistoryDisplay.from_estimator(classifier)
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["training"]


@pytest.mark.parametrize("metrics", ["accuracy", ["accuracy"]])
def test_metrics_are_chosen(stopped, metrics):
    display = TrainingHistoryDisplay.from_estimator(stopped, metrics=metrics)
    assert sorted(display.lines_) == ["accuracy", "val_accuracy"]
    assert len(display.axes_) == len(display.markers_) == 1


@pytest.mark.parametrize("metrics", ["f1", ["loss", "val_loss"], []])
def test_unknown_metrics(classifier, metrics):
    with pytest.raises(ValueError, match=r"metrics.*: valid are \['loss', 'accuracy'\]"):
        TrainingHistoryDisplay.from_estimator(classifier, metrics=metrics)


def test_history_in_given_axes(classifier):
    figure, axes = plt.subplots(2)
    display = TrainingHistoryDisplay.from_estimator(classifier, ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)
    figure, axes = plt.subplots()
    display = TrainingHistoryDisplay.from_estimator(classifier, ax=axes)
    assert display.figure_ is figure
    assert len(figure.axes) == 3
    assert not axes.axison
    display = TrainingHistoryDisplay.from_estimator(classifier, metrics="loss", ax=axes)
    assert display.axes_[0] is axes


def test_wrong_number_of_axes(classifier):
    _, axes = plt.subplots(3)
    with pytest.raises(ValueError, match="ax holds 3 axes, but this display has 2 panels: valid"):
        TrainingHistoryDisplay.from_estimator(classifier, ax=axes)


def test_styles_of_lines_and_marker(stopped):
    display = TrainingHistoryDisplay.from_estimator(
        stopped, line_kw={"lw": 3}, marker_kw={"c": "red"}
    )
    assert {line.get_linewidth() for line in display.lines_.values()} == {3}
    assert {marker.get_color() for marker in display.markers_} == {"red"}


def test_plot_again(classifier):
    display = TrainingHistoryDisplay(classifier.history_, best_epoch=None)
    assert not hasattr(display, "axes_")
    assert display.plot(metrics="loss") is display
    assert len(display.plot().axes_) == 2


# --------------------------------------------------------------------------------------- mistakes

INSPECT = {
    "history": lambda estimator, X: TrainingHistoryDisplay.from_estimator(estimator),
    "gates": gate_activations,
    "gates display": GateActivationsDisplay.from_estimator,
}
every_way = pytest.mark.parametrize("inspect", INSPECT.values(), ids=INSPECT)


@every_way
def test_not_fitted(inspect, task):
    with pytest.raises(NotFittedError, match="LSTMClassifier instance is not fitted"):
        inspect(LSTMClassifier(), task[0])
    with pytest.raises(NotFittedError, match="GridSearchCV instance is not fitted"):
        inspect(GridSearchCV(LSTMClassifier(), {}), task[0])


@every_way
@pytest.mark.parametrize("estimator", [StandardScaler(), make_pipeline(LogisticRegression())])
def test_no_network_inside(inspect, estimator, task):
    with pytest.raises(TypeError, match=r"\(\) holds no LSTM network: valid are LSTMClassifier"):
        inspect(estimator, task[0])


@every_way
def test_a_search_that_was_not_refitted(inspect, task):
    search = GridSearchCV(LSTMClassifier(**TINY), {}, cv=2, refit=False).fit(*task)
    with pytest.raises(ValueError, match="GridSearchCV was fitted with refit=False and has no"):
        inspect(search, task[0])


@pytest.mark.parametrize("inspect", [INSPECT["history"], INSPECT["gates display"]])
def test_matplotlib_is_missing(inspect, classifier, task, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"Display\.from_estimator requires matplotlib"):
        inspect(classifier, task[0])


def test_importing_loads_no_matplotlib():
    script = "import sys, sklstm, sklstm.inspection; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


# ------------------------------------------------------------------------------------------ gates


def by_hand(estimator, X):
    """Pool the gates' outputs, and put the output layer on top."""
    spec = estimator._runtime.spec
    directions = ["forward", "backward"][: spec.n_directions]
    parts = [gate_activations(estimator, X, direction=direction) for direction in directions]
    if spec.pooling == "last":
        rows = np.arange(len(parts[0].lengths))
        forward, *backward = (part.output for part in parts)
        final = [forward[rows, parts[0].lengths - 1], *(output[:, 0] for output in backward)]
        pooled = np.hstack(final)
    else:
        pool = {"mean": np.nanmean, "max": np.nanmax}[spec.pooling]
        pooled = pool(np.concatenate([part.output for part in parts], axis=2), axis=1)
    kernel, bias = estimator._runtime.weights[-2:]
    return softmax(pooled @ kernel + bias, axis=1)


@pytest.mark.parametrize("name", ["classifier", "table_classifier", "ragged_classifier"])
def test_gates_reproduce_the_prediction(name, request, task):
    X = {"table_classifier": task[0].reshape(24, 10), "ragged_classifier": ragged(task[0])}
    X, estimator = X.get(name, task[0]), request.getfixturevalue(name)
    np.testing.assert_allclose(by_hand(estimator, X), estimator.predict_proba(X), atol=1e-5)


def test_gates_of_deep_networks_reproduce_the_prediction(deep_classifier, task):
    X = ragged(task[0])
    probabilities = deep_classifier.predict_proba(X)
    np.testing.assert_allclose(by_hand(deep_classifier, X), probabilities, atol=1e-5)


def test_gates_of_tokens_reproduce_the_prediction(token_classifier):
    ids = [np.array([1, 2, 6]), np.array([3, 3, 4, 5, 1])]
    probabilities = token_classifier.predict_proba(ids)
    np.testing.assert_allclose(by_hand(token_classifier, ids), probabilities, atol=1e-5)


def test_gates_are_those_of_the_equations(classifier, task):
    gates = gate_activations(classifier, task[0])
    seen = classifier._sequences(task[0]).padded()
    kernel, recurrent, bias = classifier._runtime.weights[:3]
    before = np.concatenate([np.zeros((24, 1, 4)), gates.output[:, :-1]], axis=1)
    i, f, candidate, o = np.split(seen @ kernel + before @ recurrent + bias, 4, axis=2)
    for values, expected in (
        (gates.input_gate, expit(i)),
        (gates.forget_gate, expit(f)),
        (gates.candidate, np.tanh(candidate)),
        (gates.output_gate, expit(o)),
        (gates.output, gates.output_gate * np.tanh(gates.cell)),
    ):
        np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_the_cell_remembers(deep_classifier, task, layer, direction):
    gates = gate_activations(deep_classifier, task[0], layer=layer, direction=direction)
    assert gates.cell.shape == (24, 5, (3, 2)[layer])
    order = slice(None) if direction == "forward" else slice(None, None, -1)
    cell = np.zeros_like(gates.cell[:, 0])
    for t in np.arange(5)[order]:
        cell = gates.forget_gate[:, t] * cell + gates.input_gate[:, t] * gates.candidate[:, t]
        np.testing.assert_allclose(gates.cell[:, t], cell, atol=1e-6)


def test_absent_steps_are_nan_and_nothing_else(deep_classifier, task):
    sequences = ragged(task[0])
    lengths = np.array([len(sequence) for sequence in sequences])
    gates = gate_activations(deep_classifier, sequences, direction="backward")
    np.testing.assert_array_equal(gates.lengths, lengths)
    assert gates.characters is None
    for name in GATES:
        values = getattr(gates, name)
        absent = np.arange(5) >= lengths[:, np.newaxis]
        assert values.dtype == np.float32
        np.testing.assert_array_equal(
            np.isnan(values), np.broadcast_to(absent[..., None], (24, 5, 2))
        )


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_every_form_gives_the_same_gates(deep_classifier, task, direction):
    sequences = ragged(task[0])
    expected = gate_activations(deep_classifier, sequences, direction=direction)
    for X in (
        object_array(sequences),
        nan_padded(sequences, 5),
        nan_padded(sequences, 5, side="left"),
    ):
        gates = gate_activations(deep_classifier, X, direction=direction)
        np.testing.assert_array_equal(gates.cell, expected.cell)
    alone = gate_activations(deep_classifier, sequences[1:2], direction=direction)
    np.testing.assert_allclose(alone.cell, expected.cell[1:2, :4], atol=1e-6)


def test_gates_in_a_pipeline_and_a_search(stopped, search, task):
    X = task[0]
    expected = gate_activations(stopped[-1], stopped[:-1].transform(X))
    np.testing.assert_array_equal(gate_activations(stopped, X).cell, expected.cell)
    expected = gate_activations(search.best_estimator_, X)
    np.testing.assert_array_equal(gate_activations(search, X).cell, expected.cell)


def test_gates_of_a_generator(generator):
    texts = ["to be", "", "not\n"]
    gates = gate_activations(generator, texts)
    assert [list(characters) for characters in gates.characters] == [["", *text] for text in texts]
    last = gates.output[np.arange(3), gates.lengths - 1]
    kernel, bias = generator._runtime.weights[-2:]
    probabilities = softmax(last @ kernel + bias, axis=1)
    np.testing.assert_allclose(probabilities, generator.predict_proba(texts), atol=1e-5)
    alone = gate_activations(generator, "to be")
    np.testing.assert_allclose(alone.cell, gates.cell[:1, :6], atol=1e-6)


def test_gates_of_words():
    generator = WordSequenceGenerator(4, window=4, epochs=1, random_state=0).fit("to be " * 20)
    gates = gate_activations(generator, "to be or to")
    assert gates.characters[0].tolist() == ["", "<unk>", " be", "<unk>", " to"]


def test_batches_of_limited_size_change_nothing(ragged_classifier, task, monkeypatch):
    expected = gate_activations(ragged_classifier, ragged(task[0]))
    monkeypatch.setattr("sklstm.inspection._gates.NUMBERS_PER_BATCH", 50)
    gates = gate_activations(ragged_classifier, ragged(task[0]))
    np.testing.assert_allclose(gates.output, expected.output, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layer": 1}, r"layer=1 is not in the network: it has 1 LSTM layer\(s\), .* -1 to 0"),
        ({"layer": -2}, "layer=-2 is not in the network"),
        ({"direction": "backward"}, "needs a network with bidirectional=True"),
        ({"direction": "both"}, "'direction' parameter .* must be a str among"),
    ],
)
def test_no_such_layer_or_direction(classifier, task, parameters, message):
    with pytest.raises(ValueError, match=message):
        gate_activations(classifier, task[0], **parameters)


def test_no_lstm_layer(task):
    lstm = LSTMClassifier(**TINY | {"units": ()}).fit(*task)
    with pytest.raises(ValueError, match=r"no LSTM layer \(units=\(\)\)"):
        gate_activations(lstm, task[0])


def test_gates_of_a_wrong_x(classifier, generator, task):
    with pytest.raises(ValueError, match="X has 1 features per time step, but LSTMClassifier is"):
        gate_activations(classifier, task[0][:, :, :1])
    with pytest.raises(ValueError, match="Document 1 holds characters that the vocabulary lacks"):
        gate_activations(generator, ["to", "xyz"])


# ---------------------------------------------------------------------------------- gates, drawn


def drawn(display):
    return {
        axes.get_title(loc="left"): np.asarray(image.get_array())
        for axes, image in zip(display.axes_, display.images_, strict=True)
    }


def test_heat_maps_are_the_gates_of_one_sample(ragged_classifier, task):
    sequences = ragged(task[0])
    display = GateActivationsDisplay.from_estimator(ragged_classifier, sequences, sample=4)
    gates = gate_activations(ragged_classifier, sequences)
    maps = drawn(display)
    assert list(maps) == TITLES
    for name, title in zip(GATES, TITLES, strict=True):
        expected = getattr(gates, name)[4, : len(sequences[4])].T  # (units, T)
        np.testing.assert_allclose(maps[title], expected, atol=1e-6)
    assert display.axes_[-1].get_xlabel() == "time step"
    assert {axes.get_ylabel() for axes in display.axes_} == {"unit"}
    again = GateActivationsDisplay(gates, sample=4).plot()
    np.testing.assert_allclose(drawn(again)["cell"], maps["cell"], atol=1e-6)


def test_units_are_chosen(classifier, task):
    whole = drawn(GateActivationsDisplay.from_estimator(classifier, task[0]))["cell"]
    display = GateActivationsDisplay.from_estimator(classifier, task[0], units=[3, 1])
    np.testing.assert_array_equal(drawn(display)["cell"], whole[[3, 1]])
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == ["3", "1"]
    display = GateActivationsDisplay.from_estimator(classifier, task[0], units=2)
    np.testing.assert_array_equal(drawn(display)["cell"], whole[[2]])


def test_gates_stay_between_0_and_1_and_colours_are_centred(classifier, task):
    display = GateActivationsDisplay.from_estimator(classifier, task[0])
    limits = [image.get_clim() for image in display.images_]
    assert limits[:3] == [(0, 1)] * 3
    assert all(low == -high for low, high in limits[3:])


def step_labels(display):
    return [label.get_text() for label in display.axes_[-1].get_xticklabels()]


def test_characters_name_the_time_steps(generator):
    display = GateActivationsDisplay.from_estimator(generator, ["or", "not to\n"], sample=1)
    assert step_labels(display) == list("⊢not␣to↵")
    assert display.axes_[-1].get_xlabel() == "time step (⊢: the beginning)"


def test_characters_that_have_no_room_are_left_out(generator):
    display = GateActivationsDisplay.from_estimator(generator, "to be or not " * 60)
    assert "b" not in step_labels(display)
    assert display.axes_[-1].get_xlabel() == "time step"


def test_names_of_time_steps(classifier, task):
    names = ["the", "film", "is", "not", "bad"]
    display = GateActivationsDisplay.from_estimator(classifier, task[0], step_labels=names)
    assert step_labels(display) == names
    with pytest.raises(ValueError, match="step_labels has 1 names, but the sequence has 5 time"):
        GateActivationsDisplay.from_estimator(classifier, task[0], step_labels=["the"])


def test_gates_in_given_axes(classifier, task):
    figure, axes = plt.subplots(2, 3)
    display = GateActivationsDisplay.from_estimator(classifier, task[0], ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes.ravel())
    _, axes = plt.subplots(1, 2)
    display = GateActivationsDisplay.from_estimator(classifier, task[0], ax=axes[0])
    assert len(display.axes_) == 6
    assert not axes[0].axison
    assert axes[1].axison


def test_style_of_heat_maps(classifier, task):
    display = GateActivationsDisplay.from_estimator(classifier, task[0], im_kw={"cmap": "gray"})
    assert {image.get_cmap().name for image in display.images_} == {"gray"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sample": 24}, "sample=24 is not valid: there are 24 samples of X, from 0 to 23"),
        ({"sample": -1}, "sample=-1 is not valid"),
        ({"sample": 1.0}, r"sample=1\.0 is not valid"),
        (
            {"units": [0, 4]},
            "units=.*4.* is not valid: there are 4 units in the layer, from 0 to 3",
        ),
        ({"units": []}, "units is empty"),
        ({"layer": 7}, "layer=7 is not in the network"),
    ],
)
def test_nothing_to_draw(classifier, task, parameters, message):
    with pytest.raises(ValueError, match=message):
        GateActivationsDisplay.from_estimator(classifier, task[0], **parameters)


# ------------------------------------------------------------------------------------ importances


class FirstStep(ClassifierMixin, BaseEstimator):
    """Knows which step and feature carry the label of `first_step_task`."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        first = [sequence[~np.isnan(sequence).all(axis=1)][0, 0] for sequence in X]
        return (np.array(first) > 0).astype(int)


class Recorder(BaseEstimator):
    """Keeps every X that it is asked to score."""

    def __init__(self, seen):
        self.seen = seen

    def fit(self, X, y):
        return self

    def score(self, X, y):
        self.seen.append([np.array(x) for x in X])
        self.kind = type(X), np.ndim(X[0])
        return 0.0


def permuted(X, n_repeats=2, **parameters):
    """Return X as scored first, and as scored with each part permuted."""
    recorder = Recorder([])
    permutation_importance_over_time(
        recorder, X, np.zeros(len(X)), n_repeats=n_repeats, random_state=0, **parameters
    )
    assert recorder.kind == (type(X), np.ndim(X[0]))
    return recorder.seen[0], recorder.seen[1:]


def at_step(sequences, t, n_features):
    """The samples that have a time step, and its features there."""
    rows = [i for i, x in enumerate(sequences) if len(x) > t and not np.isnan(x[t]).all()]
    return rows, np.reshape([sequences[i][t] for i in rows], (len(rows), n_features))


FORMS = {
    "array": lambda sequences: np.array([x[:3] for x in sequences]),
    "list": lambda sequences: sequences,
    "object array": object_array,
    "NaN at the end": lambda sequences: nan_padded(sequences, 6),
    "NaN at the start": lambda sequences: nan_padded(sequences, 6, side="left"),
    "list of numbers": lambda sequences: [x[:, 0] for x in sequences],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("by", ["feature", "time", "both"])
def test_only_one_part_is_permuted_and_absent_steps_stay_absent(form, by, task):
    X = form(ragged(task[0]))
    before = [np.array(x) for x in X]
    baseline, all_seen = permuted(X, by=by, block_length=2)
    n_features = np.atleast_2d(baseline[0][0]).shape[-1]
    n_steps = max(map(len, before))
    starts = [0] if by == "feature" else range(0, n_steps, 2)
    features = [slice(None)] if by == "time" else range(n_features)
    parts = [(start, feature) for start in starts for feature in features for _ in range(2)]
    assert len(all_seen) == len(parts)
    for seen, (start, feature) in zip(all_seen, parts, strict=True):
        stop = n_steps if by == "feature" else start + 2
        for t in range(n_steps):
            rows, old = at_step(before, t, n_features)
            rows_now, new = at_step(seen, t, n_features)
            assert rows == rows_now
            touched = np.zeros(n_features, bool)
            touched[feature] = start <= t < stop
            np.testing.assert_array_equal(new[:, ~touched], old[:, ~touched])
            assert len(rows) < 2 or (new[:, touched] != old[:, touched]).all()
            np.testing.assert_array_equal(np.sort(new, axis=0), np.sort(old, axis=0))
    for sequence, original in zip(X, before, strict=True):
        np.testing.assert_array_equal(sequence, original)


@pytest.mark.parametrize("frames", [pd, pl], ids=["pandas", "polars"])
def test_frames_in_lists_keep_their_columns(frames, task):
    arrays = ragged(task[0])
    X = [frames.DataFrame({"a": x[:, 0], "b": x[:, 1]}) for x in arrays]
    baseline, seen = permuted(X, by="feature")
    expected = permuted(arrays, by="feature")
    for one, other in zip([baseline, *seen], [expected[0], *expected[1]], strict=True):
        for frame, array in zip(one, other, strict=True):
            np.testing.assert_array_equal(frame, array)
    columns = []
    recorder = Recorder([])
    recorder.score = lambda X, y: columns.append([list(x.columns) for x in X]) or 0.0
    permutation_importance_over_time(recorder, X, np.zeros(len(X)), n_repeats=1)
    assert columns == [[["a", "b"]] * len(X)] * len(columns)


def test_blocks_move_as_a_whole(task):
    X = task[0]
    _, (first, *_) = permuted(X, by="time", block_length=3)
    donors = {tuple(x[:3].ravel()) for x in X}
    assert {tuple(x[:3].ravel()) for x in first} == donors
    _, (first, *_) = permuted(X, by="feature")
    assert {tuple(x[:, 0]) for x in first} == {tuple(x[:, 0]) for x in X}


def test_a_block_stays_together_as_far_as_lengths_allow(task):
    sequences = ragged(task[0])
    _, (seen, *_) = permuted(sequences, by="feature")
    donors = []  # for each time step: from which sample to which
    for t in range(5):
        rows, old = at_step(sequences, t, 2)
        _, new = at_step(seen, t, 2)
        sources = {value: row for row, value in zip(rows, old[:, 0], strict=True)}
        donors.append({row: sources[value] for row, value in zip(rows, new[:, 0], strict=True)})
    for earlier, later in pairwise(donors):
        for row, donor in earlier.items():
            if row in later and donor in later:
                assert later[row] == donor


@pytest.mark.parametrize("series", [pd.Series, pl.Series])
def test_a_series_of_sequences_is_a_list(series, task):
    X = [x[:, 0] for x in ragged(task[0])]
    expected, _ = permuted(X)
    recorder = Recorder([])
    permutation_importance_over_time(recorder, series([x.tolist() for x in X]), task[1])
    assert recorder.kind == (list, 1)
    for sequence, original in zip(recorder.seen[0], expected, strict=True):
        np.testing.assert_array_equal(sequence, original)


def test_small_integers_of_numpy_do_not_overflow():
    X = np.random.default_rng(0).normal(size=(4, 300, 1))
    expected = permuted(X, by="time", block_length=200)
    actual = permuted(X, by="time", block_length=np.uint8(200), n_repeats=np.int8(2))
    assert len(actual[1]) == len(expected[1]) == 4
    np.testing.assert_array_equal(actual[1], expected[1])


def test_repeats_differ_and_the_seed_decides(task):
    X = task[0]
    _, (first, second, *_) = permuted(X)
    assert not np.array_equal(first, second)
    _, (again, *_) = permuted(X)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("form", ["array", "list", "object array", "NaN at the end"])
def test_only_what_carries_the_label_is_important(form, task):
    X, y = FORMS[form](ragged(task[0])), task[1]
    result = permutation_importance_over_time(FirstStep().fit(X, y), X, y, by="both")
    assert result.importances.shape == (*result.importances_mean.shape, 5)
    assert result.baseline_score == 1
    assert result.importances_mean[0, 0] > 0.2
    result.importances_mean[0, 0] = 0
    assert not result.importances_mean.any()


@pytest.mark.parametrize(
    ("by", "shape", "starts"),
    [
        ("feature", (2,), [0]),
        ("time", (3,), [0, 2, 4]),
        ("both", (3, 2), [0, 2, 4]),
    ],
)
def test_shapes(task, by, shape, starts):
    X, y = task
    result = permutation_importance_over_time(
        FirstStep().fit(X, y), X, y, by=by, block_length=2, n_repeats=3, random_state=0
    )
    assert result.importances.shape == (*shape, 3)
    np.testing.assert_allclose(result.importances_mean, result.importances.mean(axis=-1))
    np.testing.assert_allclose(result.importances_std, result.importances.std(axis=-1))
    assert result.importances_mean.shape == result.importances_std.shape == shape
    assert result.importances_mean.ravel()[0] > 0.2
    assert result.block_starts.tolist() == starts


def test_an_lstm_in_a_pipeline_looks_at_the_first_step():
    X, y = first_step_task(n=256)
    lstm = LSTMClassifier(8, epochs=30, learning_rate=0.02, random_state=0)
    pipeline = make_pipeline(TimeDistributed(StandardScaler()), lstm).fit(X, y)
    assert pipeline.score(X, y) > 0.95
    result = permutation_importance_over_time(
        pipeline, X, y, by="both", scoring="neg_log_loss", random_state=0
    )
    others = np.delete(result.importances_mean.ravel(), 0)
    assert result.importances_mean[0, 0] > 1
    assert np.abs(others).max() < 0.1 * result.importances_mean[0, 0]


def test_tokens_in_lists(token_classifier, task):
    ids = [np.array([1 + i % 6, 2, 3][: 2 + i % 2]) for i in range(24)]
    result = permutation_importance_over_time(token_classifier, ids, task[1], by="time")
    assert result.importances_mean.shape == (3,)
    assert result.importances_mean[1] == result.importances_mean[2] == 0  # all ids are alike there


def test_jobs_change_nothing(task):
    X, y = task
    estimator = FirstStep().fit(X, y)
    parameters = {"by": "both", "random_state": 0}
    expected = permutation_importance_over_time(estimator, X, y, **parameters)
    with parallel_config(backend="threading"):
        result = permutation_importance_over_time(estimator, X, y, n_jobs=3, **parameters)
    np.testing.assert_array_equal(result.importances, expected.importances)


def test_several_scores_at_once(task):
    X, y = task
    estimator = FirstStep().fit(X, y)
    scoring = ["accuracy", "f1"]
    results = permutation_importance_over_time(estimator, X, y, scoring=scoring, random_state=0)
    assert list(results) == scoring
    for name, result in results.items():
        single = permutation_importance_over_time(estimator, X, y, scoring=name, random_state=0)
        np.testing.assert_array_equal(result.importances, single.importances)


def test_sample_weights_weigh_the_score(task):
    X, y = task
    estimator = FirstStep().fit(X, y)
    wrong = np.where(np.arange(24) < 12, 1 - y, y)
    weight = (np.arange(24) < 12).astype(float)
    result = permutation_importance_over_time(estimator, X, wrong, sample_weight=weight)
    assert result.baseline_score == 0
    assert (result.importances_mean <= 0).all()


def test_one_copy_of_x_for_all_permutations():
    X = np.random.default_rng(0).normal(size=(2000, 20, 20))
    y = np.zeros(len(X))

    class Constant(BaseEstimator):
        def fit(self, X, y):
            return self

        def score(self, X, y):
            return 0.0

    tracemalloc.start()
    permutation_importance_over_time(Constant(), X, y, by="time", n_repeats=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * X.nbytes


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"by": "step"}, "'by' parameter of permutation_importance_over_time must be a str among"),
        ({"block_length": 0}, "'block_length' parameter .* Got 0 instead"),
        ({"n_repeats": 0}, "'n_repeats' parameter"),
        ({"scoring": "accurate"}, "'scoring' parameter"),
        ({"sample_weight": [1.0]}, "inconsistent numbers of samples"),
        ({"y": [0, 1]}, "inconsistent numbers of samples"),
        ({"X": np.ones((24, 3))}, r"X has shape \(24, 3\), .* sklearn.inspection.permutation_imp"),
        ({"X": np.ones((24, 3, 2, 1))}, r"X has shape \(24, 3, 2, 1\): valid are"),
        ({"X": ["text"] * 24}, "X holds strings"),
    ],
)
def test_importances_of_nothing_valid(task, parameters, message):
    arguments = {"X": task[0], "y": task[1]} | parameters
    with pytest.raises(ValueError, match=message):
        permutation_importance_over_time(FirstStep().fit(*task), **arguments)


def test_importances_of_an_unfitted_estimator(task):
    with pytest.raises(NotFittedError):
        permutation_importance_over_time(LSTMClassifier(), *task)
