"""Early stopping watches any scorer, on what is held out or given."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import f1_score, get_scorer, r2_score

from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY, first_step_task, ragged

X, y = first_step_task()
NUMBERS = 1000 + 50 * X[:, 0, 0]
X_VAL, Y_VAL = first_step_task(n=12, seed=1)


def best_of(scores, patience):
    """The epoch after which training stops, and that of the best score, counted from 1."""
    for epoch in range(1, len(scores) + 1):
        best = int(np.argmax(scores[:epoch])) + 1
        if epoch - best >= patience:
            return epoch, best
    return len(scores), int(np.argmax(scores)) + 1


def test_the_history_holds_the_score_of_each_epoch():
    fitted = LSTMClassifier(**TINY, scoring="f1_macro").fit(X, y, X_val=X_VAL, y_val=Y_VAL)
    assert len(fitted.history_["val_score"]) == fitted.n_iter_
    last = f1_score(Y_VAL, fitted.predict(X_VAL), average="macro")
    assert_allclose(fitted.history_["val_score"][-1], last)


def test_the_weights_of_the_best_score_are_kept():
    scores = iter([0.1, 0.5, 0.2, 0.5, 0.3, 0.9])
    parameters = TINY | {"epochs": 6}
    fitted = LSTMRegressor(
        **parameters,
        early_stopping=True,
        n_iter_no_change=2,
        scoring=lambda estimator, X, y: next(scores),
    ).fit(X, NUMBERS, X_val=X_VAL, y_val=X_VAL[:, 0, 0])
    stopped, best = best_of([0.1, 0.5, 0.2, 0.5, 0.3, 0.9], 2)
    assert (fitted.n_iter_, best) == (stopped, 2)
    few_scores = iter([0, 1, 0])
    until_best = LSTMRegressor(
        **parameters,
        callbacks=[],
        learning_rate_schedule="cosine",
        early_stopping=True,
        n_iter_no_change=1,
        scoring=lambda estimator, X, y: next(few_scores),
    ).fit(X, NUMBERS, X_val=X_VAL, y_val=X_VAL[:, 0, 0])
    assert_array_equal(fitted.predict(X), until_best.predict(X))


@pytest.mark.parametrize("form", [list, ragged, np.asarray], ids=["list", "ragged", "array"])
def test_what_is_held_out_is_scored_in_its_own_form(form):
    seen = []

    def scorer(estimator, X, y):
        seen.append((len(X), len(y)))
        return get_scorer("r2")(estimator, X, y)

    fitted = LSTMRegressor(**TINY, validation_fraction=0.25, scoring=scorer).fit(form(X), NUMBERS)
    assert seen == [(6, 6)] * fitted.n_iter_


def test_a_scorer_sees_what_predict_would_say_after_the_epoch():
    def scorer(estimator, X, y):
        assert estimator.verbose == 0
        return r2_score(y, estimator.predict(X))

    fitted = LSTMRegressor(**TINY, scoring=scorer).fit(X, NUMBERS, X_val=X, y_val=NUMBERS)
    assert_allclose(fitted.history_["val_score"][-1], fitted.score(X, NUMBERS))
    assert not hasattr(LSTMRegressor(scoring=scorer), "history_")


def test_each_network_of_several_is_scored_alone():
    fitted = LSTMRegressor(**TINY, n_networks=2, scoring="r2").fit(
        X, NUMBERS, X_val=X_VAL, y_val=X_VAL[:, 0, 0]
    )
    first, second = (history["val_score"] for history in fitted.histories_)
    assert first != second
    assert_allclose(fitted.history_["val_score"], np.mean([first, second], axis=0))


def test_without_a_validation_set_nothing_is_scored():
    fitted = LSTMClassifier(**TINY, scoring="accuracy").fit(X, y)
    assert "val_score" not in fitted.history_


def test_errors_of_scorers_leave_the_estimator_as_it_was():
    def scorer(estimator, X, y):
        raise RuntimeError("no score")

    estimator = LSTMClassifier(**TINY, scoring=scorer, validation_fraction=0.25)
    with pytest.raises(RuntimeError, match="no score"):
        estimator.fit(X, y)
    assert not estimator.__sklearn_is_fitted__()
    with pytest.raises(ValueError, match="'scoring' parameter of LSTMClassifier must be"):
        LSTMClassifier(scoring="val_loss").fit(X, y)


def test_the_loss_is_the_default():
    options = TINY | {"early_stopping": True, "validation_fraction": 0.25}
    by_default, by_loss = (
        LSTMClassifier(**options, **scoring).fit(X, y) for scoring in ({}, {"scoring": "loss"})
    )
    assert by_default.history_ == by_loss.history_
