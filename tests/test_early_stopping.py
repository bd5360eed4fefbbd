"""Validation sets, and training that stops by them."""

import numpy as np
import pytest
from sklearn.base import clone

from fits import TINY, VALIDATED, X, both, outputs, y
from sklstm import LSTMClassifier, LSTMRegressor
from tasks import first_step_task, ragged


def test_early_stopping_restores_the_best_weights():
    estimator = LSTMClassifier(
        **TINY | {"epochs": 40, "learning_rate": 0.1}, early_stopping=True, n_iter_no_change=3
    )
    val = first_step_task(seed=1)
    estimator.fit(X, y, X_val=val[0], y_val=val[1])
    losses = np.array(estimator.history_["val_loss"])
    assert estimator.n_iter_ == len(losses) == losses.argmin() + 1 + 3 < 40
    restored = -np.log(estimator.predict_proba(val[0])[np.arange(24), val[1]]).mean()
    assert restored == pytest.approx(losses.min(), rel=1e-4)
    assert estimator.history_["val_accuracy"][losses.argmin()] == pytest.approx(
        estimator.score(*val)
    )


def test_the_best_weights_come_back_although_the_epochs_ran_out():
    params = TINY | {"epochs": 12, "learning_rate": 1.0}
    estimator = LSTMRegressor(**params, early_stopping=True, n_iter_no_change=12)
    val = first_step_task(seed=1)[0]
    estimator.fit(X, X[:, 0, 0], X_val=val, y_val=val[:, 0, 0])
    losses = np.array(estimator.history_["val_loss"])
    assert losses.argmin() < len(losses) - 1
    restored = np.mean((estimator.predict(val) - val[:, 0, 0]) ** 2) / np.var(X[:, 0, 0])
    assert restored == pytest.approx(losses.min(), rel=1e-4)


@both
def test_a_validation_fraction_records_val_losses_without_early_stopping(estimator, targets):
    fitted = clone(estimator).set_params(validation_fraction=0.25).fit(X, targets)
    assert {"loss", "val_loss"} <= set(fitted.history_)
    assert {len(values) for values in fitted.history_.values()} == {2}
    assert fitted.n_iter_ == 2
    assert set(clone(estimator).fit(X, targets).history_) & {"val_loss", "val_accuracy"} == set()


def test_early_stopping_holds_out_a_tenth_by_itself():
    fitted = LSTMClassifier(**TINY, early_stopping=True).fit(X, y)
    assert "val_loss" in fitted.history_


def test_own_validation_data_replace_the_held_out_part():
    fitted = LSTMClassifier(**VALIDATED).fit(X, y, X_val=X[:8], y_val=y[:8])
    np.testing.assert_array_equal(outputs(fitted), outputs(LSTMClassifier(**TINY).fit(X, y)))
    assert fitted.history_["val_accuracy"][-1] == pytest.approx(fitted.score(X[:8], y[:8]))


def test_validation_data_may_have_another_form_and_length():
    val = ragged(np.concatenate([X, X], axis=1))
    fitted = LSTMClassifier(**TINY).fit(X, y, X_val=val, y_val=y)
    restored = -np.log(fitted.predict_proba(val)[np.arange(24), y]).mean()
    assert fitted.history_["val_loss"][-1] == pytest.approx(restored, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_the_held_out_part_is_stratified(seed):
    """Found in the loss of a network that stands still: a mean over the held-out labels."""
    labels = np.where(np.arange(24) < 4, "rare", "common")
    same = np.ones((24, 5, 2))
    still = VALIDATED | {"learning_rate": 1e-12, "epochs": 1, "random_state": seed}
    fitted = LSTMClassifier(**still).fit(same, labels)
    common, rare = -np.log(fitted.predict_proba(same[:1])[0])
    assert fitted.history_["val_loss"][0] == pytest.approx(rare / 6 + common * 5 / 6, rel=1e-5)
