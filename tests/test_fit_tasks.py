"""scikit-learn's callbacks are told of each fit, network and epoch, and can end a training."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fit_tasks import Fail, Recorder, Stop
from fits import NUMBERS, TINY, VALIDATED, X, both, fail, y
from sklstm import CharSequenceGenerator, LSTMClassifier, LSTMRegressor, persistence
from sklstm.forecasting import LSTMForecaster
from sklstm.network.training import ensemble
from tasks import assert_same_weights

EPOCHS = [(event, f"epoch {k}") for k in (0, 1) for event in ("begin", "end")]
OF_A_FIT = ["setup", ("begin",), *EPOCHS, ("end",), "teardown"]
OF_NETWORKS = [
    (event, f"network {k}", *epoch)
    for k in (0, 1)
    for event, *epoch in [("begin",), *EPOCHS, ("end",)]
]
TABLE = X.reshape(24, 10)
FRAME = pd.DataFrame({"time": np.arange(40), "y": np.random.default_rng(0).normal(size=40)})


# --- what they are told ---


@both
def test_a_task_for_the_fit_and_for_each_epoch(estimator, targets):
    recorder = Recorder()
    fitted = clone(estimator).set_callbacks(recorder).fit(X, targets)
    assert recorder.heard == OF_A_FIT
    for heard_X, heard_y, metadata, _ in recorder.got:
        assert heard_X is X
        assert heard_y is targets
        assert metadata is None
    assert_same_weights(fitted, clone(estimator).fit(X, targets))


def test_a_task_for_each_network_of_several():
    recorder = Recorder()
    several = LSTMClassifier(**TINY, n_networks=2)
    fitted = clone(several).set_callbacks(recorder).fit(X, y)
    assert recorder.heard == ["setup", ("begin",), *OF_NETWORKS, ("end",), "teardown"]
    assert_same_weights(fitted, several.fit(X, y))


def test_networks_are_trained_side_by_side_unless_there_is_a_callback(monkeypatch):
    ways = []
    in_threads, in_turns = ensemble._train_in_threads, ensemble._train_in_turns
    monkeypatch.setattr(ensemble, "available_cores", lambda: 2)
    monkeypatch.setattr(
        ensemble, "_train_in_threads", lambda *args: ways.append("threads") or in_threads(*args)
    )
    monkeypatch.setattr(
        ensemble, "_train_in_turns", lambda *args: ways.append("turns") or in_turns(*args)
    )
    several = LSTMClassifier(**TINY, n_networks=2)
    several.fit(X, y)
    several.set_callbacks(Recorder()).fit(X, y)
    several.set_callbacks().fit(X, y)
    assert ways == ["threads", "turns", "threads"]


def test_partial_fit_is_one_epoch():
    recorder = Recorder()
    regressor = LSTMRegressor(**TINY).set_callbacks(recorder)
    for _ in range(2):
        regressor.partial_fit(X, NUMBERS)
    of_a_part = ["setup", ("begin",), *EPOCHS[:2], ("end",), "teardown"]
    assert recorder.heard == of_a_part * 2


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (CharSequenceGenerator(4, window=8, batch_size=4, epochs=2), "abcd" * 40),
        (LSTMForecaster(2, units=4, epochs=2, batches_per_epoch=2, n_networks=1), FRAME),
        (
            LSTMForecaster(2, units=4, epochs=2, batches_per_epoch=2, conformal=True, n_networks=1),
            FRAME,
        ),
    ],
    ids=["generator", "forecaster", "conformal forecaster"],
)
def test_generators_and_forecasters_take_part(estimator, data):
    estimator = clone(estimator).set_params(random_state=0)
    recorder = Recorder()
    fitted = clone(estimator).set_callbacks(recorder).fit(data)
    assert recorder.heard == OF_A_FIT
    heard_X, heard_y, _, last = recorder.got[-1]
    assert heard_X is data
    assert heard_y is None
    assert last.score(data) == fitted.score(data)
    assert_same_weights(fitted, clone(estimator).fit(data))


def test_the_data_are_those_that_the_network_learns_from():
    recorder = Recorder()
    weights = np.arange(24.0)  # the first sample does not count
    LSTMClassifier(**VALIDATED).set_callbacks(recorder).fit(X, y, weights)
    for heard_X, heard_y, metadata, _ in recorder.got:
        rows = metadata["sample_weight"].astype(int)
        assert len(rows) == 17  # six of 23 are held out
        assert 0 not in rows
        np.testing.assert_array_equal(heard_X, X[rows])
        np.testing.assert_array_equal(heard_y, y[rows])


# --- estimators as they are after an epoch ---


def test_a_score_for_each_epoch():
    monitor = ScoringMonitor(scoring="neg_log_loss")
    fitted = LSTMClassifier(**TINY).set_callbacks(monitor).fit(X, y)
    scores = [row["neg_log_loss"] for row in monitor.get_logs().data]
    shorter = LSTMClassifier(**TINY | {"epochs": 1}).fit(X, y)

    def loss(classifier):
        return np.log(classifier.predict_proba(X)[np.arange(24), y]).mean()

    of_fit, *of_epochs = scores
    assert of_epochs == pytest.approx([loss(shorter), loss(fitted)], rel=1e-6)
    assert of_fit == of_epochs[-1]


def test_the_estimator_being_fitted_stays_as_it_was():
    before = LSTMClassifier(**TINY).fit(X, y)
    seen = []

    class Look(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            seen.append(fitted_estimator.predict_proba(X))
            np.testing.assert_array_equal(estimator.predict_proba(X), expected)

    expected = before.predict_proba(X)
    before.set_params(units=5).set_callbacks(Look()).fit(X, y)
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[-1], before.predict_proba(X))
    assert not np.array_equal(seen[0], seen[1])


def test_an_ensemble_after_an_epoch_has_the_networks_so_far():
    recorder = Recorder()
    LSTMClassifier(**TINY, n_networks=2).set_callbacks(recorder).fit(X, y)
    learnt = [one and len(one.histories_) for *_, one in recorder.got]
    assert learnt == [1, 1, None, 2, 2, None, 2]


# --- callbacks that end a training, or fail ---


def test_a_callback_stops_a_training():
    stopped = LSTMClassifier(**TINY | {"epochs": 5}).set_callbacks(Stop(2)).fit(X, y)
    assert stopped.n_iter_ == 2
    assert_same_weights(stopped, LSTMClassifier(**TINY).fit(X, y))


def test_a_callback_stops_each_network():
    several = LSTMClassifier(**TINY | {"epochs": 5}, n_networks=2)
    stopped = several.set_callbacks(Stop(1)).fit(X, y)
    assert [len(history["loss"]) for history in stopped.histories_] == [1, 1]


@pytest.mark.parametrize("event", ["setup", "begin fit", "begin epoch", "end epoch", "end fit"])
def test_a_callback_that_fails_is_torn_down_and_nothing_changes(classifier, event):
    fitted = pickle.loads(pickle.dumps(classifier))
    failing = Fail(event)
    for estimator in (fitted.set_params(verbose=0), clone(fitted)):
        before = dict(vars(estimator.set_callbacks(failing)))
        with pytest.raises(RuntimeError, match=f"^failed at {event}$"):
            estimator.fit(X, y)
        assert vars(estimator) == before
    assert failing.heard == ["setup", "teardown"] * 2


def test_callbacks_are_torn_down_where_a_training_fails():
    recorder = Recorder()
    with pytest.raises(RuntimeError, match="not saved"):
        LSTMClassifier(**TINY, callbacks=[fail]).set_callbacks(recorder).fit(X, y)
    assert recorder.heard == ["setup", ("begin",), EPOCHS[0], "teardown"]


def test_an_interrupted_epoch_is_ended():
    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    recorder = Recorder()
    interrupted = LSTMClassifier(**TINY, callbacks=[interrupt]).set_callbacks(recorder)
    with pytest.warns(ConvergenceWarning, match="interrupted"):
        interrupted.fit(X, y)
    assert recorder.heard == OF_A_FIT
    assert [fitted is None for *_, fitted in recorder.got] == [False, True, False]


# --- inside of other estimators ---


def test_bars_of_a_search_over_a_pipeline(capfd):
    pipeline = make_pipeline(StandardScaler(), LSTMClassifier(**TINY, timesteps=5))
    search = GridSearchCV(pipeline, {"lstmclassifier__units": [4]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(TABLE, y)
    shown = re.sub(r"\s+", " ", capfd.readouterr().out)
    assert "GridSearchCV - fit" in shown
    assert len(re.findall(r"Pipeline - fit-final-estimator \| LSTMClassifier - fit", shown)) == 3
    assert not hasattr(search.best_estimator_[-1], "_skl_callbacks")


def test_a_bar_of_a_fit(capfd):
    LSTMClassifier(**TINY, n_networks=2).set_callbacks(ProgressBar()).fit(X, y)
    shown = capfd.readouterr().out
    assert re.findall(r"LSTMClassifier - (\w+)", shown) == ["fit", "network", "network"]
    assert shown.count("100%") == 3


@pytest.mark.slow
def test_a_search_in_two_processes():
    """The callbacks of a worker process report to those of the caller."""
    monitor = ScoringMonitor(scoring="accuracy")
    classifier = LSTMClassifier(**TINY).set_callbacks(monitor)
    search = GridSearchCV(classifier, {"units": [3, 4]}, cv=2, n_jobs=2, refit=False)
    with parallel_config("loky"):
        search.fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 2 * 2 * 2  # candidates, folds, epochs
    assert len({row["task_id_path"] for row in rows}) == len(rows)
    assert all(0 <= row["accuracy"] <= 1 for row in rows)


# --- copies and files ---


def test_copies_have_the_same_callbacks():
    monitor = ScoringMonitor(scoring="accuracy")
    fitted = LSTMClassifier(**TINY).set_callbacks(monitor).fit(X, y)
    assert clone(fitted)._skl_callbacks == [monitor]
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert [type(one) for one in loaded._skl_callbacks] == [ScoringMonitor]


def test_files_have_no_callbacks(tmp_path):
    path = tmp_path / "fit.sklstm"
    recorder = Recorder()
    fitted = LSTMClassifier(**TINY, checkpoint=str(path)).set_callbacks(recorder).fit(X, y)
    assert recorder.heard == OF_A_FIT
    persistence.save(fitted, tmp_path / "saved.sklstm")
    for name in ("fit.sklstm", "saved.sklstm"):
        loaded = persistence.load(tmp_path / name)
        assert_same_weights(loaded, fitted)
        assert "_skl_callbacks" not in vars(loaded)
    assert fitted._skl_callbacks == [recorder]


def test_only_callbacks_are_taken():
    with pytest.raises(TypeError, match="FitCallback protocol"):
        LSTMClassifier().set_callbacks(print)
