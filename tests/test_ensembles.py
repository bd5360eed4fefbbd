"""Several networks whose outputs are averaged: `n_networks`."""

import pickle
import threading
import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.model_selection import GridSearchCV

from fits import NUMBERS, TINY, X, both, outputs, weights_of, y
from sklstm import LSTMClassifier, LSTMRegressor, persistence
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.spec import split_weights
from tasks import assert_same_weights, first_step_task, ragged

IDS = np.random.default_rng(0).integers(1, 7, (24, 5))
ENSEMBLE = TINY | {"n_networks": 2}


@pytest.fixture(scope="module")
def ensemble():
    return LSTMClassifier(**ENSEMBLE).fit(X, y)


@pytest.fixture(scope="module")
def regressors():
    return LSTMRegressor(**ENSEMBLE).fit(X, NUMBERS)


@pytest.fixture
def in_turns(monkeypatch):
    """Networks train one after another, to the same bits: so one model is compiled for them."""
    monkeypatch.setattr("sklstm.network.training.ensemble.available_cores", lambda: 1)


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


def outputs_of_each(fitted, X=X):
    """Return what each network alone computes."""
    network = fitted._fitted_state.network
    return [
        OnnxPredictor(network.spec.single, weights).predict(fitted._sequences(X))
        for weights in split_weights(network.spec, network.weights)
    ]


# --- what is averaged ---


def test_the_output_is_the_mean_of_the_networks(ensemble):
    first, second = outputs_of_each(ensemble)
    assert not np.allclose(first, second, atol=1e-4)
    np.testing.assert_allclose(ensemble.predict_proba(X), (first + second) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "sequences", "targets"),
    [
        (LSTMClassifier(class_weight="balanced"), X, np.minimum(np.arange(24) % 4, 2)),
        (LSTMRegressor(), X, 1000 * X[:, :1]),
        slow(LSTMClassifier(), X, np.stack([y, np.arange(24) % 3 > 0], axis=1).astype(int)),
        slow(LSTMClassifier(embedding_dim=3, vocabulary_size=7), IDS, y),
        slow(LSTMClassifier(), ragged(X), y),
        slow(LSTMClassifier(timesteps=5), X.reshape(24, 10), y),
        slow(LSTMRegressor(loss="poisson"), X, np.arange(24) % 4),
        slow(LSTMRegressor(loss="quantile", quantile=[0.1, 0.5, 0.9]), X, NUMBERS),
    ],
    ids=["weighted", "columns", "labels", "ids", "ragged", "table", "poisson", "quantiles"],
)
def test_every_kind_of_task(estimator, sequences, targets, in_turns):
    fitted = clone(estimator).set_params(**ENSEMBLE)
    fitted.fit(sequences, targets, sample_weight=np.arange(1, 25))
    expected = np.mean(outputs_of_each(fitted, sequences), axis=0)
    found = fitted._predict_outputs(sequences, fitted._fitted_state)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.isfinite(fitted.score(sequences, targets))
    assert fitted.predict(sequences).shape[: np.ndim(targets)] == np.shape(targets)


def test_exported_graphs_average(ensemble, regressors):
    import onnxruntime

    for fitted in (ensemble, regressors):
        session = onnxruntime.InferenceSession(fitted.to_onnx().SerializeToString())
        (graph,) = session.run(None, {"values": X, "lengths": np.full(24, 5, "int32")})
        np.testing.assert_allclose(np.squeeze(graph), outputs(fitted), rtol=1e-5)
        keras = np.asarray(fitted.to_keras()(X.astype("f")))
        np.testing.assert_allclose(np.squeeze(keras), outputs(fitted), rtol=1e-5)


# --- how they are trained ---


def test_the_same_bits_twice_and_in_turns(ensemble):
    """Callbacks make networks train one after another."""
    assert_same_weights(LSTMClassifier(**ENSEMBLE).fit(X, y), ensemble)
    epochs = []
    callbacks = [lambda epoch, logs: epochs.append(epoch)]
    in_turns = LSTMClassifier(**ENSEMBLE, callbacks=callbacks).fit(X, y)
    assert_same_weights(in_turns, ensemble)
    assert epochs == [0, 1, 0, 1]
    assert in_turns.histories_ == ensemble.histories_


def test_more_networks_than_cores(request):
    params = TINY | {"n_networks": 5}
    side_by_side = LSTMRegressor(**params).fit(X, NUMBERS)
    assert len(side_by_side.histories_) == 5
    request.getfixturevalue("in_turns")
    assert_same_weights(LSTMRegressor(**params).fit(X, NUMBERS), side_by_side)


def test_one_model_is_built_at_a_time(monkeypatch):
    """Keras changes the bases of classes while it builds a model."""
    from sklstm.network.training import model_pool

    being_built, build = [], model_pool.CompiledModel

    def watch(*arguments):
        being_built.append(arguments)
        time.sleep(0.05)
        assert len(being_built) == 1
        compiled = build(*arguments)
        being_built.pop()
        return compiled

    monkeypatch.setattr(model_pool, "CompiledModel", watch)
    monkeypatch.setattr("sklstm.network.training.ensemble.available_cores", lambda: 2)
    LSTMClassifier(**ENSEMBLE | {"units": 3}).fit(X, y)


def test_each_network_stops_by_itself():
    val = first_step_task(seed=1)
    params = ENSEMBLE | {"epochs": 40, "learning_rate": 0.3, "n_networks": 3}
    fitted = LSTMClassifier(**params, early_stopping=True, n_iter_no_change=2)
    fitted.fit(X, y, X_val=val[0], y_val=val[1])
    losses = [history["val_loss"] for history in fitted.histories_]
    n_epochs = [len(of_one) for of_one in losses]
    assert n_epochs == [np.argmin(of_one) + 1 + 2 for of_one in losses]
    assert len(set(n_epochs)) > 1
    assert fitted.n_iter_ == max(n_epochs) == len(fitted.history_["val_loss"])
    for epoch, mean in enumerate(fitted.history_["val_loss"]):
        assert mean == pytest.approx(
            np.mean([of_one[epoch] for of_one in losses if epoch < len(of_one)])
        )
    for proba, of_one in zip(outputs_of_each(fitted, val[0]), losses, strict=True):
        restored = -np.log(proba[np.arange(24), val[1]]).mean()
        assert restored == pytest.approx(min(of_one), rel=1e-4)


@both
def test_every_network_goes_on(estimator, targets):
    """With the whole batch, whose order does not matter."""
    estimator = clone(estimator).set_params(n_networks=2, batch_size=24)
    once = clone(estimator).set_params(epochs=4).fit(X, targets)
    twice = clone(estimator).set_params(warm_start=True).fit(X, targets)
    twice = pickle.loads(pickle.dumps(twice)).fit(X, targets)
    parts = clone(estimator)
    for _ in range(4):
        classes = {"classes": [0, 1]} if targets is y else {}
        parts.partial_fit(X, targets, **classes)
    np.testing.assert_allclose(outputs(twice), outputs(once), rtol=1e-4)
    for ours, theirs in zip(twice.histories_, once.histories_, strict=True):
        np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=1e-4)
    assert [len(history["loss"]) for history in parts.histories_] == [4, 4]
    for history in parts.histories_:
        assert history["loss"][-1] < history["loss"][0]


@pytest.mark.parametrize("n_networks", [1, 3])
def test_another_number_of_networks_cannot_go_on(ensemble, n_networks):
    fitted = clone(ensemble).set_params(warm_start=True).fit(X, y).set_params(n_networks=n_networks)
    with pytest.raises(ValueError, match=rf"n_networks={n_networks} \(it was 2\)"):
        fitted.fit(X, y)


def test_one_bar_for_all_networks(capsys):
    LSTMClassifier(**ENSEMBLE, verbose=1).fit(X, y)
    lines = capsys.readouterr().err.replace("\r", "\n").split("\n")
    shown = [line for line in lines if line.strip()]
    assert all(line.startswith("fit 2 networks:") for line in shown)
    assert "4/4" in shown[-1]
    assert "accuracy=" in shown[-1]


def test_a_fit_in_another_thread(ensemble):
    fitted = []
    thread = threading.Thread(target=lambda: fitted.append(LSTMClassifier(**ENSEMBLE).fit(X, y)))
    thread.start()
    thread.join()
    assert_same_weights(fitted[0], ensemble)


# --- an estimator as any other ---


def test_clones_pickles_and_files(ensemble, tmp_path):
    assert clone(ensemble).n_networks == 2
    assert_same_weights(clone(ensemble).fit(X, y), ensemble)
    persistence.save(ensemble, tmp_path / "ensemble.sklstm")
    for loaded in (
        pickle.loads(pickle.dumps(ensemble)),
        persistence.load(tmp_path / "ensemble.sklstm"),
    ):
        np.testing.assert_array_equal(loaded.predict_proba(X), ensemble.predict_proba(X))
        assert loaded.histories_ == ensemble.histories_
        assert loaded.history_ == ensemble.history_


def test_a_search_over_the_number_of_networks():
    search = GridSearchCV(LSTMClassifier(**TINY), {"n_networks": [1, 2]}, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    assert len(search.best_estimator_.histories_) == search.best_params_["n_networks"]


def test_the_number_of_networks_is_a_positive_int():
    for value in (0, 1.5, None):
        with pytest.raises(ValueError, match="'n_networks' parameter"):
            LSTMClassifier(n_networks=value).fit(X, y)


def test_one_network_of_many_is_not_the_only_one():
    """Networks of an ensemble differ from each other, and a single network stays what it was."""
    fitted = LSTMRegressor(**TINY | {"n_networks": 1}).fit(X, NUMBERS)
    assert fitted.histories_ == [fitted.history_]
    assert_same_weights(fitted, LSTMRegressor(**TINY).fit(X, NUMBERS))
    assert "lstm_0/forward/kernel" in fitted._fitted_state.network.weights


def test_a_summary_prints_the_layers_once(ensemble, capsys):
    ensemble.summary()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["dense_0/bias", "total", "2"]
    n_weights = len(weights_of(ensemble))
    assert [line.split()[-1] for line in lines[-2:]] == [f"{n_weights // 2:,}", f"{n_weights:,}"]


# --- how far they differ ---


def test_the_standard_deviation_of_the_networks(regressors):
    mean, std = regressors.predict(X, return_std=True)
    scaling = regressors._fitted_state.data.targets.scaling
    each = np.array(outputs_of_each(regressors))[..., 0] * scaling.scale + scaling.mean
    np.testing.assert_allclose(mean, regressors.predict(X), rtol=1e-6)
    np.testing.assert_allclose(mean, each.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(std, each.std(axis=0), rtol=1e-4)
    assert mean.shape == std.shape == (24,)
    assert (std > 0).all()


def test_the_standard_deviation_has_the_shape_of_y(in_turns):
    fitted = LSTMRegressor(**ENSEMBLE).fit(X, X[:, :1])
    mean, std = fitted.predict(X, return_std=True)
    assert mean.shape == std.shape == (24, 1, 2)


def test_networks_that_agree_have_no_deviation(regressors):
    network = regressors._fitted_state.network
    first = split_weights(network.spec, network.weights)[0]
    for name, weight in first.items():
        np.copyto(network.weights[f"network_1/{name}"], weight)
    changed = pickle.loads(pickle.dumps(regressors))
    np.testing.assert_allclose(changed.predict(X, return_std=True)[1], 0, atol=1e-3)


def test_a_single_network_has_no_deviation():
    fitted = LSTMRegressor(**TINY).fit(X, NUMBERS)
    with pytest.raises(ValueError, match="return_std=True needs several networks"):
        fitted.predict(X, return_std=True)


def test_an_imputer_draws_from_the_networks(in_turns):
    table = X.reshape(24, 10)[:, :4].copy()
    table[::5, 1] = np.nan
    imputer = IterativeImputer(
        LSTMRegressor(**ENSEMBLE, timesteps=3), sample_posterior=True, max_iter=1, random_state=0
    )
    filled = imputer.fit_transform(table)
    assert np.isfinite(filled).all()
    assert len(np.unique(filled[::5, 1])) == 5
