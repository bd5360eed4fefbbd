"""Gates, drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from gate_names import GATES, TITLES
from sklstm.inspection import (
    GateActivationsDisplay,
    gate_activations,
)
from tasks import ragged


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


def test_a_network_is_chosen(ensemble, task):
    display = GateActivationsDisplay.from_estimator(ensemble, task[0], sample=2, network=1)
    expected = gate_activations(ensemble, task[0][[2]], network=1)
    np.testing.assert_array_equal(display.activations.cell, expected.cell)
    with pytest.raises(ValueError, match="network=3 is not in the estimator"):
        GateActivationsDisplay.from_estimator(ensemble, task[0], network=3)
