"""Importances, drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from sklstm import LSTMClassifier
from sklstm.inspection import ImportanceOverTimeDisplay, permutation_importance_over_time
from tasks import TINY

SETTINGS = {"n_repeats": 3, "random_state": 0}


@pytest.fixture(scope="module")
def importances(classifier, task):
    """Return a function that computes importances."""

    def compute(by, **parameters):
        return permutation_importance_over_time(classifier, *task, by=by, **SETTINGS | parameters)

    return compute


def test_importances_of_both_are_a_heat_map(classifier, task, importances):
    display = ImportanceOverTimeDisplay.from_estimator(
        classifier, *task, score_name="accuracy", **SETTINGS
    )
    means = importances("both").importances_mean
    np.testing.assert_array_equal(display.image_.get_array(), means.T)
    largest = np.abs(means).max()
    assert display.image_.get_clim() == (-largest, largest)
    assert display.image_.get_extent() == [-0.5, 4.5, 1.5, -0.5]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("time step", "feature")
    assert display.figure_.axes[1].get_ylabel() == "decrease of accuracy"
    assert (display.line_, display.fill_, display.bars_) == (None, None, None)


def test_importances_over_time_are_a_line_with_a_band(importances):
    result = importances("time")
    display = ImportanceOverTimeDisplay.from_importances(result)
    np.testing.assert_array_equal(display.line_.get_xdata(), np.arange(5))
    np.testing.assert_array_equal(display.line_.get_ydata(), result.importances_mean)
    _, low, _, high = display.fill_.get_datalim(display.ax_.transData).extents
    assert low == (result.importances_mean - result.importances_std).min()
    assert high == (result.importances_mean + result.importances_std).max()
    assert display.ax_.get_ylabel() == "decrease of score"
    assert (display.image_, display.bars_) == (None, None)


def test_importances_of_features_are_bars(importances):
    result = importances("feature")
    display = ImportanceOverTimeDisplay.from_importances(result, feature_names=["speed", "load"])
    assert [bar.get_width() for bar in display.bars_] == result.importances_mean.tolist()
    (left, _), (right, _) = display.bars_.errorbar[2][0].get_segments()[1]
    assert right - left == pytest.approx(2 * result.importances_std[1])
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["speed", "load"]
    assert display.ax_.get_ylim()[0] > display.ax_.get_ylim()[1]  # from top to bottom


def test_blocks_of_time_steps_are_as_wide_as_they_are_long(importances):
    display = ImportanceOverTimeDisplay.from_importances(importances("both", block_length=2))
    assert display.image_.get_array().shape == (2, 3)
    assert display.image_.get_extent()[:2] == [-0.5, 5.5]
    display = ImportanceOverTimeDisplay.from_importances(importances("time", block_length=2))
    assert display.line_.get_xdata().tolist() == [0.5, 2.5, 4.5]


def test_names_come_from_the_scoring_and_the_data_frames(task):
    pd = pytest.importorskip("pandas")
    X = [pd.DataFrame(x, columns=["speed", "load"]) for x in task[0]]
    classifier = LSTMClassifier(**TINY).fit(X, task[1])
    display = ImportanceOverTimeDisplay.from_estimator(
        classifier, X, task[1], by="feature", scoring="balanced_accuracy", **SETTINGS
    )
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["speed", "load"]
    assert display.ax_.get_xlabel() == "decrease of balanced accuracy"


def test_style_and_axes(importances):
    figure, axes = plt.subplots()
    display = ImportanceOverTimeDisplay.from_importances(
        importances("both"), ax=axes, style_kw={"cmap": "RdBu"}
    )
    assert (display.ax_, display.figure_) == (axes, figure)
    assert display.image_.get_cmap().name == "RdBu"
    assert display.plot() is display
    assert display.figure_ is not figure


def test_importances_that_are_all_zero(importances):
    result = importances("both")
    result.importances_mean = np.zeros_like(result.importances_mean)
    assert ImportanceOverTimeDisplay.from_importances(result).image_.get_clim() == (-1, 1)


def test_what_cannot_be_drawn(classifier, task, importances):
    with pytest.raises(ValueError, match=r"holds \['accuracy', 'f1'\], and a display draws one"):
        ImportanceOverTimeDisplay.from_estimator(
            classifier, *task, scoring=["accuracy", "f1"], **SETTINGS
        )
    with pytest.raises(ValueError, match=r"feature_names has 1 names, but .* of 2 features"):
        ImportanceOverTimeDisplay.from_importances(importances("both"), feature_names=["speed"])
