"""What numbers mean to `LSTMRegressor`: their scale, their columns and its losses."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

from sklstm import LSTMRegressor, sliding_windows
from tasks import TINY, first_step_task

X, _ = first_step_task()
FIRST = X[:, 0, 0]
LEARNS = {"units": 16, "learning_rate": 0.02, "epochs": 25, "random_state": 0}
NOISE = np.random.default_rng(0)


@pytest.mark.slow
def test_learns_numbers_that_only_a_memory_can_know():
    sequences = np.random.default_rng(0).normal(size=(400, 6, 1))
    targets = 1000 + 50 * sequences[:, 0, 0]
    fitted = LSTMRegressor(**LEARNS).fit(sequences[:300], targets[:300])
    assert fitted.score(sequences[300:], targets[300:]) > 0.9


@pytest.mark.slow
def test_learns_several_numbers_at_once():
    sequences = np.random.default_rng(0).normal(size=(400, 4, 1))
    targets = np.c_[1e4 * sequences[:, 0, 0], 1e-3 * sequences[:, -1, 0] + 5]
    fitted = LSTMRegressor(**LEARNS).fit(sequences[:300], targets[:300])
    assert fitted.n_outputs_ == 2
    residuals = targets[300:] - fitted.predict(sequences[300:])
    assert (residuals.var(axis=0) / targets[300:].var(axis=0) < 0.1).all()


def test_the_scale_of_y_does_not_matter():
    plain = LSTMRegressor(**TINY).fit(X, FIRST)
    scaled = LSTMRegressor(**TINY).fit(X, 1e4 * FIRST - 3e5)
    np.testing.assert_allclose(scaled.predict(X), 1e4 * plain.predict(X) - 3e5, rtol=1e-4)
    np.testing.assert_allclose(scaled.history_["loss"], plain.history_["loss"], rtol=1e-4)


def test_a_constant_y_is_predicted():
    fitted = LSTMRegressor(**TINY | {"epochs": 30}).fit(X, np.full(24, 7.0))
    np.testing.assert_allclose(fitted.predict(X), 7, atol=0.3)


@pytest.mark.parametrize(
    "targets",
    [FIRST.astype("f"), FIRST.tolist(), pd.Series(FIRST, index=range(24, 0, -1))],
    ids=["float32", "list", "Series"],
)
def test_numbers_in_any_container(targets):
    predicted = LSTMRegressor(**TINY).fit(X, targets).predict(X)
    assert predicted.dtype == np.float64
    expected = LSTMRegressor(**TINY).fit(X, FIRST).predict(X)
    np.testing.assert_allclose(predicted, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("columns", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_predictions_have_the_columns_of_y(columns):
    targets = np.column_stack([FIRST] * columns)
    for container in (targets, pd.DataFrame(targets)):
        predicted = LSTMRegressor(**TINY).fit(X, container).predict(X)
        assert predicted.shape == (24, columns)
        assert predicted.dtype == np.float64


def test_a_column_of_numbers_warns():
    with pytest.warns(UserWarning, match="A column-vector y was passed"):
        assert LSTMRegressor(**TINY).fit(X, FIRST[:, np.newaxis]).predict(X).shape == (24,)


@pytest.mark.slow
@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_a_quantile_is_above_its_share_of_y(quantile):
    sequences = NOISE.normal(size=(400, 3, 1))
    targets = 100 + 10 * NOISE.normal(size=400)
    fitted = LSTMRegressor(
        units=4, epochs=25, learning_rate=0.02, random_state=0, loss="quantile", quantile=quantile
    ).fit(sequences, targets)
    assert np.mean(targets <= fitted.predict(sequences)) == pytest.approx(quantile, abs=0.05)


@pytest.mark.slow
def test_poisson_predictions_are_positive_rates():
    sequences = np.random.default_rng(0).normal(size=(400, 3, 1))
    rates = np.exp(1 + 0.5 * sequences[:, 0, 0])
    counts = np.random.default_rng(1).poisson(rates)
    fitted = LSTMRegressor(**LEARNS, loss="poisson").fit(sequences, counts)
    predicted = fitted.predict(sequences)
    assert (predicted > 0).all()
    assert np.corrcoef(predicted, rates)[0, 1] > 0.95
    assert predicted.mean() == pytest.approx(rates.mean(), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "share_of_outliers"), [("squared_error", 1.0), ("absolute_error", 0), ("huber", 0.3)]
)
def test_losses_differ_in_what_outliers_do(loss, share_of_outliers):
    """A tenth of y is 10, the rest 0; X says nothing: the mean is 1, the median 0."""
    targets = np.where(np.arange(240) % 10 == 0, 10.0, 0.0)
    still = np.zeros((240, 1, 1))
    fitted = LSTMRegressor(units=2, epochs=40, learning_rate=0.02, random_state=0, loss=loss).fit(
        still, targets
    )
    assert fitted.predict(still[:1])[0] == pytest.approx(share_of_outliers, abs=0.35)


def test_the_squared_error_in_the_history_is_of_the_standardised_y(regressor):
    targets = 1000 + 50 * FIRST
    still = TINY | {"learning_rate": 1e-12, "epochs": 1}
    fitted = LSTMRegressor(**still).fit(X, targets)
    expected = np.mean((fitted.predict(X) - targets) ** 2) / targets.var()
    assert fitted.history_["loss"][0] == pytest.approx(expected, rel=1e-4)
    assert set(regressor.history_) == {"loss"}


def test_a_y_that_cannot_be_standardised_is_refused():
    huge = np.where(np.arange(len(X)) == 0, 1.7e308, -1.7e308)
    with pytest.raises(ValueError, match=r"y reaches 1\.7e\+308, too large"):
        LSTMRegressor(**TINY).fit(X, huge)


@pytest.mark.slow
def test_several_steps_of_several_features():
    """What sliding_windows makes is learnt as the same numbers side by side, and scored so."""
    X_windows, targets = sliding_windows(X.reshape(-1, 2), window=4, horizon=3)
    columns = targets.reshape(len(targets), 6)
    fitted = LSTMRegressor(**TINY).fit(X_windows, targets, X_val=X_windows[:9], y_val=targets[:9])
    flat = LSTMRegressor(**TINY).fit(X_windows, columns, X_val=X_windows[:9], y_val=columns[:9])
    assert fitted.predict(X_windows).shape == targets.shape == (len(X_windows), 3, 2)
    assert fitted.n_outputs_ == 6
    np.testing.assert_array_equal(
        fitted.predict(X_windows), flat.predict(X_windows).reshape(-1, 3, 2)
    )
    assert fitted.history_ == flat.history_
    weights = np.arange(len(targets))
    assert fitted.score(X_windows, targets, weights) == flat.score(X_windows, columns, weights)
    with pytest.raises(ValueError, match=r"y has shape \(9, 6\), but .* a y of shape \(n, 3, 2\)"):
        fitted.partial_fit(X_windows[:9], columns[:9])
    scores = cross_val_score(fitted, X_windows[:24], targets[:24], cv=2, error_score="raise")
    assert np.isfinite(scores).all()


def test_one_step_keeps_its_axis():
    targets = np.stack([FIRST, -FIRST], axis=-1)[:, np.newaxis]
    assert LSTMRegressor(**TINY).fit(X, targets).predict(X).shape == (24, 1, 2)
    with pytest.raises(ValueError, match=r"y has shape \(24, 1, 0\): valid are \(n,\), \(n, n_out"):
        LSTMRegressor(**TINY).fit(X, targets[:, :, :0])
