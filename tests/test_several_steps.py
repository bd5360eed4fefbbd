"""y of three axes, several features over a horizon: learnt as the same numbers side by side."""

import numpy as np
import onnxruntime
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import LSTMRegressor, TimeDistributed, persistence, sliding_windows
from tasks import TINY, first_step_task

X, y = sliding_windows(first_step_task()[0].reshape(-1, 2), window=4, horizon=3)
y = 1000 + 50 * y
COLUMNS = y.reshape(len(y), 6)
SMALL = TINY | {"n_networks": 2}


@pytest.fixture(scope="module")
def fitted():
    return LSTMRegressor(**SMALL).fit(X, y)


def test_all_networks_predict_the_shape_of_y(fitted):
    mean, std = fitted.predict(X, return_std=True)
    assert mean.shape == std.shape == y.shape == (len(X), 3, 2)
    np.testing.assert_allclose(mean, fitted.predict(X), rtol=1e-6)
    assert (std > 0).all()


def test_the_files_keep_the_shape_of_y(fitted, tmp_path):
    persistence.save(fitted, tmp_path / "steps.sklstm")
    loaded = persistence.load(tmp_path / "steps.sklstm")
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.score(X, y) == fitted.score(X, y)


def test_exported_networks_put_out_the_steps_one_after_another(fitted):
    session = onnxruntime.InferenceSession(fitted.to_onnx().SerializeToString())
    inputs = {"values": X.astype(np.float64), "lengths": np.full(len(X), 4, np.int32)}
    expected = fitted.predict(X)
    for outputs in (session.run(None, inputs)[0], fitted.to_keras().predict(X, verbose=0)):
        assert outputs.shape == (len(X), 6)
        np.testing.assert_allclose(outputs.reshape(y.shape), expected, rtol=1e-5)


@pytest.mark.parametrize("scoring", ["loss", "r2", "neg_mean_absolute_error"])
def test_early_stopping_watches_all_numbers(scoring):
    params = TINY | {"early_stopping": True, "scoring": scoring}
    steps = LSTMRegressor(**params).fit(X, y)
    columns = LSTMRegressor(**params).fit(X, COLUMNS)
    assert steps.history_ == columns.history_
    assert steps.predict(X[:2]).shape == (2, 3, 2)


def test_a_scorer_of_ones_own_is_given_three_axes():
    def scorer(estimator, X_val, y_val):
        return -np.abs(estimator.predict(X_val)[:, -1] - y_val[:, -1]).mean()  # of the last step

    fitted = LSTMRegressor(**TINY, validation_fraction=0.2, scoring=scorer).fit(X, y)
    assert np.isfinite(fitted.history_["val_score"]).all()


def test_parts_and_weights():
    weights = np.arange(len(y)) % 3
    steps = LSTMRegressor(**TINY).partial_fit(X, y, weights).partial_fit(X, y, weights)
    columns = LSTMRegressor(**TINY).partial_fit(X, COLUMNS, weights)
    columns.partial_fit(X, COLUMNS, weights)
    np.testing.assert_array_equal(steps.predict(X), columns.predict(X).reshape(y.shape))
    assert steps.score(X, y, weights) == columns.score(X, COLUMNS, weights)


def test_quantiles_have_an_axis_of_their_own():
    fitted = LSTMRegressor(**TINY, loss="quantile", quantile=[0.1, 0.5, 0.9]).fit(X, y)
    predicted = fitted.predict(X)
    assert predicted.shape == (*y.shape, 3)
    assert (np.diff(predicted) > 0).all()
    assert np.isfinite(fitted.score(X, y))


def test_in_a_pipeline():
    model = make_pipeline(TimeDistributed(StandardScaler()), LSTMRegressor(**TINY)).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert np.isfinite(model.score(X, y))
