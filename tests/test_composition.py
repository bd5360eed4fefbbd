"""scikit-learn's tools around the estimators, for every form of X that they let through."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier, LSTMRegressor, SequencePadder, TimeDistributed
from tasks import TINY, first_step_task, object_array, ragged

X, y = first_step_task(48)
THREE = np.array(["a", "b", "c"])[np.arange(48) % 3]
NUMBERS = 1000 + 50 * X[:, 0, 0]
TABLE = X.reshape(48, 10)
FORMS = {
    "2-D": (TABLE, {"timesteps": 5}),
    "DataFrame": (pd.DataFrame(TABLE).add_prefix("c"), {"timesteps": 5}),
    "3-D": (X, {}),
    "list": (ragged(X), {}),
    "object array": (object_array(ragged(X)), {}),
}
RAGGED = ("list", "object array")  # which take a compiled program of their own
every_form = pytest.mark.parametrize(
    ("form", "params"),
    [
        pytest.param(*form, id=name, marks=[pytest.mark.slow] * (name in RAGGED))
        for name, form in FORMS.items()
    ],
)
two_d = pytest.mark.parametrize(
    ("form", "params"), [FORMS["2-D"], FORMS["DataFrame"]], ids=["2-D", "DataFrame"]
)


def take(form, rows):
    if hasattr(form, "iloc"):
        return form.iloc[rows]
    return form[rows] if isinstance(form, np.ndarray) else [form[row] for row in rows]


def classifier(params):
    return LSTMClassifier(**TINY | params)


def regressor(params):
    return LSTMRegressor(**TINY | params)


def test_estimators_are_what_they_are():
    assert is_classifier(LSTMClassifier())
    assert not is_regressor(LSTMClassifier())
    assert is_regressor(LSTMRegressor())
    assert is_classifier(make_pipeline(StandardScaler(), LSTMClassifier()))


@every_form
def test_cross_validation_stratifies(form, params):
    """Unstratified, two folds of sorted labels would leave one class to train on: an error."""
    order = np.argsort(y, kind="stable")
    scores = cross_val_score(
        classifier(params), take(form, order), y[order], cv=2, error_score="raise"
    )
    assert scores.shape == (2,)


@every_form
def test_scorers_of_classifiers(form, params):
    names = ["accuracy", "roc_auc_ovr", "neg_log_loss", "f1_macro"]
    scores = cross_validate(
        classifier(params), form, THREE, cv=2, scoring=names, error_score="raise"
    )
    assert all(np.isfinite(scores[f"test_{name}"]).all() for name in names)
    probabilities = cross_val_predict(classifier(params), form, THREE, cv=2, method="predict_proba")
    assert probabilities.shape == (48, 3)
    assert -scores["test_neg_log_loss"].mean() == pytest.approx(log_loss(THREE, probabilities))


def test_scorers_of_two_classes():
    scores = cross_val_score(classifier({}), X, y, cv=2, scoring="roc_auc", error_score="raise")
    assert np.isfinite(scores).all()


@every_form
def test_scorers_of_regressors(form, params):
    names = ["r2", "neg_mean_absolute_error"]
    scores = cross_validate(
        regressor(params), form, NUMBERS, cv=2, scoring=names, error_score="raise"
    )
    assert all(np.isfinite(scores[f"test_{name}"]).all() for name in names)


@every_form
def test_calibration(form, params):
    calibrated = CalibratedClassifierCV(classifier(params), cv=2).fit(form, y)
    probabilities = calibrated.predict_proba(form)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities.shape == (48, 2)


@every_form
def test_voting(form, params):
    members = [("one", classifier(params)), ("other", classifier(params | {"random_state": 1}))]
    vote = VotingClassifier(members, voting="soft").fit(form, THREE)
    mean = np.mean([member.predict_proba(form) for member in vote.estimators_], axis=0)
    np.testing.assert_allclose(vote.predict_proba(form), mean)
    assert set(vote.predict(form)) <= set(THREE)
    members = [("one", regressor(params)), ("other", regressor(params | {"random_state": 1}))]
    assert VotingRegressor(members).fit(form, NUMBERS).predict(form).shape == (48,)


@every_form
def test_stacking(form, params):
    stack = StackingClassifier([("lstm", classifier(params))], cv=2).fit(form, y)
    assert stack.predict_proba(form).shape == (48, 2)
    stack = StackingRegressor([("lstm", regressor(params))], cv=2).fit(form, NUMBERS)
    assert stack.predict(form).shape == (48,)


@two_d
def test_bagging(form, params):
    """scikit-learn reads X as a table here."""
    bag = BaggingClassifier(classifier(params), n_estimators=2, random_state=0).fit(form, THREE)
    assert bag.predict_proba(form).shape == (48, 3)
    bag = BaggingRegressor(regressor(params), n_estimators=2, random_state=0).fit(form, NUMBERS)
    assert bag.predict(form).shape == (48,)


@every_form
def test_halving_search_over_epochs(form, params):
    search = HalvingGridSearchCV(
        classifier(params),
        {"learning_rate": [0.003, 0.03]},
        resource="epochs",
        min_resources=1,
        max_resources=2,
        factor=2,
        cv=2,
        error_score="raise",
    ).fit(form, y)
    assert search.cv_results_["n_resources"].tolist() == [1, 1, 2]
    assert search.best_estimator_.n_iter_ == 2
    assert search.predict(form).shape == (48,)


@every_form
def test_metadata_routing_of_weights(form, params):
    weights = np.random.default_rng(0).uniform(0.1, 5, 48)
    with sklearn.config_context(enable_metadata_routing=True):
        model = classifier(params).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        scores = cross_validate(
            model,
            form,
            y,
            cv=2,
            params={"sample_weight": weights},
            return_estimator=True,
            return_indices=True,
            error_score="raise",
        )
    train, test = (scores["indices"][name][0] for name in ("train", "test"))
    by_hand = classifier(params).fit(take(form, train), y[train], weights[train])
    assert scores["test_score"][0] == by_hand.score(take(form, test), y[test], weights[test])
    np.testing.assert_array_equal(
        scores["estimator"][0].predict_proba(form), by_hand.predict_proba(form)
    )


def test_a_pipeline_hands_weights_and_validation_data_on():
    weights = np.linspace(0.1, 2, 48)
    pipeline = Pipeline([("scale", TimeDistributed(StandardScaler())), ("lstm", classifier({}))])
    scaled = TimeDistributed(StandardScaler()).fit_transform(X)
    pipeline.fit(X, y, lstm__sample_weight=weights, lstm__X_val=scaled, lstm__y_val=y)
    by_hand = classifier({}).fit(scaled, y, weights, X_val=scaled, y_val=y)
    assert pipeline[-1].history_ == by_hand.history_
    np.testing.assert_array_equal(pipeline.predict_proba(X), by_hand.predict_proba(scaled))


def test_padded_sequences_cross_a_pipeline():
    sequences = ragged(X)
    pipeline = make_pipeline(
        TimeDistributed(StandardScaler()), SequencePadder(padding="pre"), classifier({})
    )
    scores = cross_val_score(pipeline, sequences, y, cv=2, error_score="raise")
    plain = make_pipeline(TimeDistributed(StandardScaler()), classifier({}))
    np.testing.assert_array_equal(
        scores, cross_val_score(plain, sequences, y, cv=2, error_score="raise")
    )


def test_names_of_columns_cross_a_pipeline_that_outputs_pandas():
    frame = FORMS["DataFrame"][0]
    pipeline = make_pipeline(StandardScaler(), classifier({"timesteps": 5}))
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert pipeline[-1].feature_names_in_.tolist() == list(frame.columns)
    expected = make_pipeline(StandardScaler(), classifier({"timesteps": 5})).fit(TABLE, y)
    np.testing.assert_array_equal(pipeline.predict_proba(frame), expected.predict_proba(TABLE))


@two_d
def test_other_tools_for_tables(form, params):
    fitted = classifier(params).fit(form, y)
    importances = permutation_importance(fitted, form, y, n_repeats=1, random_state=0)
    assert importances.importances_mean.shape == (10,)
    one_vs_rest = OneVsRestClassifier(classifier(params)).fit(form, THREE)
    assert one_vs_rest.predict_proba(form).shape == (48, 3)


@every_form
def test_learning_curve(form, params):
    _, train, test = learning_curve(
        classifier(params), form, y, train_sizes=[16, 24], cv=2, error_score="raise"
    )
    assert train.shape == test.shape == (2, 2)


@every_form
def test_grid_search(form, params):
    pipeline = Pipeline([("lstm", classifier(params))])
    grid = {"lstm__units": [2, (4,)], "lstm__learning_rate": [0.003]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(form, y)
    assert search.best_params_["lstm__units"] in (2, (4,))
    assert search.predict(form).shape == (48,)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_grid_search_in_parallel_gives_the_same_scores(backend):
    pipeline = Pipeline(
        [("scale", StandardScaler()), ("lstm", classifier({"timesteps": 5, "epochs": 5}))]
    )
    searches = []
    for n_jobs in (1, 2):
        search = GridSearchCV(
            pipeline,
            {"lstm__units": [2, 4]},
            cv=2,
            n_jobs=n_jobs,
            scoring="neg_log_loss",
            error_score="raise",
        )
        with joblib.parallel_backend(backend):
            searches.append(search.fit(TABLE, y))
    one, two = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_repeated_searches_in_worker_processes_agree():
    """In the processes of the search before, which have TensorFlow already."""
    search = GridSearchCV(classifier({"epochs": 2}), {"units": [2, 3]}, cv=2)
    expected = search.fit(X, y).cv_results_["mean_test_score"]
    for _ in range(10):
        again = search.set_params(n_jobs=2).fit(X, y).cv_results_["mean_test_score"]
        np.testing.assert_allclose(again, expected)


def test_threads_share_an_estimator():
    fitted = classifier({}).fit(X, y)
    fitted = pickle.loads(pickle.dumps(fitted))
    expected = fitted.predict_proba(X)
    fresh = pickle.loads(pickle.dumps(fitted))
    with ThreadPoolExecutor(4) as threads:
        for actual in threads.map(fresh.predict_proba, [X] * 16):
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.slow
def test_threads_fit_at_once():
    estimators = [classifier({"random_state": seed}) for seed in range(4)]
    expected = [clone(estimator).fit(X, y).predict_proba(X) for estimator in estimators]
    with ThreadPoolExecutor(4) as threads:
        fitted = list(threads.map(lambda estimator: estimator.fit(X, y), estimators))
    for estimator, probabilities in zip(fitted, expected, strict=True):
        np.testing.assert_array_equal(estimator.predict_proba(X), probabilities)


def test_clone_keeps_parameters_and_forgets_the_rest():
    import keras

    params = {
        "units": [4, 3],
        "dense_units": (3,),
        "optimizer": keras.optimizers.Adam(0.01),
        "callbacks": [print, keras.callbacks.EarlyStopping("loss")],
        "keras_params": {"optimizer__beta_1": 0.8},
        "class_weight": {0: 1, 1: 2},
    }
    twin = clone(classifier(params))
    for name, value in params.items():
        ours = getattr(twin, name)
        assert type(ours) is type(value)
        if name not in ("optimizer", "callbacks"):
            assert ours == value
    assert twin.optimizer.get_config() == params["optimizer"].get_config()
    fitted = classifier({}).fit(X, y)
    assert set(vars(clone(fitted))) == set(fitted.get_params())


@pytest.mark.parametrize(
    "copied",
    [
        lambda fitted, folder: pickle.loads(pickle.dumps(fitted)),
        lambda fitted, folder: copy.deepcopy(fitted),
        lambda fitted, folder: joblib.load(joblib.dump(fitted, folder / "model.joblib")[0]),
        lambda fitted, folder: joblib.load(
            joblib.dump(fitted, folder / "model.joblib")[0], mmap_mode="r"
        ),
    ],
    ids=["pickle", "deepcopy", "joblib", "joblib, memory-mapped"],
)
@pytest.mark.parametrize(
    "fixture", ["classifier", "table_classifier", "ragged_classifier", "regressor"]
)
def test_copies_predict_the_same(fixture, copied, request, tmp_path):
    fitted = request.getfixturevalue(fixture)
    form = TABLE if fixture == "table_classifier" else X
    twin = copied(fitted, tmp_path)
    np.testing.assert_array_equal(twin.predict(form), fitted.predict(form))
    assert twin.history_ == fitted.history_


def test_a_pickle_is_small():
    fitted = LSTMClassifier(32, epochs=1, random_state=0).fit(X, y)
    n_weights = sum(weight.size for weight in fitted._fitted_state.network.weights.values())
    assert len(pickle.dumps(fitted)) < 4 * n_weights + 4000


@pytest.mark.slow
def test_refitting_takes_another_form():
    fitted = classifier({}).fit(FORMS["DataFrame"][0], y)
    assert fitted.n_features_in_ == 10
    fitted.fit(ragged(X), THREE)
    assert fitted.n_features_in_ == 2
    assert not hasattr(fitted, "feature_names_in_")
    assert fitted.predict_proba(X).shape == (48, 3)
