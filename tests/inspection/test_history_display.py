"""Losses and metrics of a training, drawn."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklstm import LSTMClassifier
from sklstm.inspection import (
    TrainingHistoryDisplay,
)
from tasks import TINY


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


def test_several_networks_are_drawn_behind_their_mean(ensemble):
    display = TrainingHistoryDisplay.from_estimator(ensemble, line_kw={"lw": 3})
    assert set(display.single_lines_) == set(display.lines_) == set(ensemble.history_)
    for metric, lines in display.single_lines_.items():
        mean = display.lines_[metric]
        np.testing.assert_array_equal(mean.get_ydata(), ensemble.history_[metric])
        assert mean.get_linewidth() == 3
        for line, history in zip(lines, ensemble.histories_, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), history[metric])
            assert line.get_color() == mean.get_color()
            assert line.get_alpha() < 1
            assert line.get_zorder() < mean.get_zorder()
    assert (display.best_epoch, display.markers_) == (None, [])
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["training", "validation"]


def test_a_single_network_is_drawn_once(classifier):
    assert TrainingHistoryDisplay.from_estimator(classifier).single_lines_ == {}


def test_a_single_epoch_is_a_point(task):
    lstm = LSTMClassifier(**TINY | {"epochs": 1}, validation_fraction=0.25).fit(*task)
    lines = TrainingHistoryDisplay.from_estimator(lstm).lines_
    assert [lines[name].get_marker() for name in ("loss", "val_loss")] == ["o", "o"]
    two_epochs = TrainingHistoryDisplay({"loss": [1.0, 0.5]}).plot().lines_
    assert two_epochs["loss"].get_marker() == "None"
