"""Optuna ends fits, by the callback for Keras and by functions, also of clones of an estimator."""

import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMClassifier
from tasks import TINY, first_step_task

optuna = pytest.importorskip("optuna")
integration = pytest.importorskip("optuna_integration")
pytestmark = pytest.mark.clients

X, y = first_step_task()
TABLE = X.reshape(len(X), -1)


class PruneAtOnce(optuna.pruners.BasePruner):
    def prune(self, study, trial):
        return True


def by_keras(trial):
    return integration.KerasPruningCallback(trial, "loss")


def by_function(trial):
    def prune(epoch, logs):
        trial.report(logs["loss"], step=epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    return prune


def fit_itself(model):
    model.fit(TABLE, y)


def fit_clone(model):
    clone(model).fit(TABLE, y)


def fit_folds(model):
    cross_val_score(model, TABLE, y, cv=2, error_score="raise")


@pytest.mark.parametrize("fit", [fit_itself, fit_clone, fit_folds])
@pytest.mark.parametrize("callback_of", [by_keras, by_function])
def test_a_trial_is_pruned(callback_of, fit):
    def objective(trial):
        clf = LSTMClassifier(**TINY, timesteps=5, callbacks=[callback_of(trial)])
        fit(make_pipeline(StandardScaler(), clf))
        return 0.0

    study = optuna.create_study(pruner=PruneAtOnce())
    study.optimize(objective, n_trials=1)
    (trial,) = study.trials
    assert trial.state is optuna.trial.TrialState.PRUNED
    assert list(trial.intermediate_values) == [0]  # the trial of the study itself was told
