"""Checkpoints of the classifier and the regressor: single networks, several, and searches."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklstm import LSTMClassifier, LSTMRegressor, persistence
from tasks import TINY, first_step_task, ragged

X, y = first_step_task()
OPTIONS = TINY | {"epochs": 3}


class StoppedError(Exception):
    """Raised where a test stops a fit."""


def stop_at(n):
    """A callback that stops a fit at the end of its n-th epoch of all networks."""
    heard = []

    def stop(epoch, logs):
        heard.append(epoch)
        if len(heard) == n:
            raise StoppedError

    return stop


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"n_networks": 2}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("stops", [2, 3])
def test_a_fit_goes_on_to_the_same_result(options, stops, tmp_path):
    options = OPTIONS | options | {"validation_fraction": 0.25}
    whole = LSTMClassifier(**options, checkpoint=tmp_path / "whole").fit(X, y)
    path = tmp_path / "parts"
    with pytest.raises(StoppedError):
        LSTMClassifier(**options, checkpoint=path, callbacks=[stop_at(stops)]).fit(X, y)
    assert persistence.load(path).predict(X).shape == y.shape
    resumed = LSTMClassifier(**options, checkpoint=path).fit(X, y)
    assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    assert resumed.histories_ == whole.histories_
    assert resumed.n_iter_ == whole.n_iter_


def test_a_fit_that_is_complete_is_not_run_again(tmp_path):
    regressor = LSTMRegressor(**OPTIONS, checkpoint=tmp_path / "model.sklstm")
    numbers = X[:, 0, 0]
    first = regressor.fit(ragged(X), numbers).predict(ragged(X))
    heard = []
    regressor.set_params(callbacks=[lambda epoch, logs: heard.append(epoch)])
    assert_array_equal(regressor.fit(ragged(X), numbers).predict(ragged(X)), first)
    assert heard == []
    assert_array_equal(persistence.load(tmp_path / "model.sklstm").predict(ragged(X)), first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 5}, "that had units=4, and this has units=5"),
        ({"X": X + 1}, "that learnt other data"),
        ({"y": 1 - y}, "that learnt other data"),
        ({"sample_weight": np.arange(1, len(y) + 1)}, "that learnt other data"),
    ],
    ids=["units", "X", "y", "weights"],
)
def test_the_file_of_another_fit_is_refused(changes, message, tmp_path):
    classifier = LSTMClassifier(**OPTIONS | {"epochs": 1}, checkpoint=tmp_path / "model.sklstm")
    classifier.fit(X, y)
    before = (tmp_path / "model.sklstm").read_bytes()
    if "units" in changes:
        classifier.set_params(units=changes.pop("units"))
    with pytest.raises(ValueError, match=message):
        classifier.fit(**{"X": X, "y": y} | changes)
    assert (tmp_path / "model.sklstm").read_bytes() == before


def test_each_fit_of_a_search_has_a_file_in_a_folder(tmp_path):
    pipeline = make_pipeline(
        FunctionTransformer(), LSTMClassifier(**OPTIONS | {"epochs": 1}, checkpoint=tmp_path)
    )
    search = GridSearchCV(pipeline, {"lstmclassifier__learning_rate": [0.01, 0.02]}, cv=2)
    first = search.fit(X, y).cv_results_["mean_test_score"]
    files = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(files) == 5  # two candidates, two folds, and the refit
    assert all(persistence.load(path).n_iter_ == 1 for path in files)
    assert_array_equal(search.fit(X, y).cv_results_["mean_test_score"], first)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == files


def test_what_a_file_cannot_keep_is_refused(tmp_path):
    path = tmp_path / "model.sklstm"
    with pytest.raises(ValueError, match="needs scoring by name"):
        LSTMClassifier(checkpoint=path, scoring=lambda *_: 0.0).fit(X, y)
    with pytest.raises(ValueError, match="set one of them"):
        LSTMClassifier(checkpoint=path, warm_start=True).fit(X, y)
    assert not path.exists()
