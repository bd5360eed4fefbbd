"""Several quantiles from one network."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score, mean_pinball_loss

from fits import NUMBERS, TINY, X
from sklstm import LSTMRegressor, persistence
from tasks import assert_same_weights

QUANTILES = [0.1, 0.5, 0.9]
THREE = TINY | {"loss": "quantile", "quantile": QUANTILES}
COLUMNS = np.stack([NUMBERS, -NUMBERS], axis=1)


@pytest.fixture(scope="module")
def fitted():
    return LSTMRegressor(**THREE).fit(X, NUMBERS)


@pytest.fixture(scope="module")
def of_columns():
    return LSTMRegressor(**THREE).fit(X, COLUMNS)


# --- what is predicted ---


def test_a_share_of_y_lies_below_each_quantile():
    rng = np.random.default_rng(0)
    noise = rng.exponential(size=512)
    sequences = np.repeat(rng.normal(size=(512, 1, 1)), 3, axis=1)
    y = 100 + 10 * sequences[:, 0, 0] + 5 * noise
    model = LSTMRegressor(
        4, epochs=40, learning_rate=0.02, random_state=0, loss="quantile", quantile=QUANTILES
    ).fit(sequences, y)
    predicted = model.predict(sequences)
    assert predicted.shape == (512, 3)
    shares = (y[:, np.newaxis] <= predicted).mean(axis=0)
    np.testing.assert_allclose(shares, QUANTILES, atol=0.06)


def test_each_column_of_y_has_all_quantiles(of_columns):
    predicted = of_columns.predict(X)
    assert predicted.shape == (24, 2, 3)
    assert (np.diff(predicted) > 0).all()
    assert predicted[:, 0].mean() > 500 > -500 > predicted[:, 1].mean()
    assert of_columns.n_outputs_ == 2


def test_forecasts_of_several_features_have_all_quantiles():
    model = LSTMRegressor(**THREE).fit(X, X[:, :1])
    assert model.predict(X).shape == (24, 1, 2, 3)


@pytest.mark.parametrize(
    "sequences",
    [
        1e6 * X,
        -1e300 * X,
        np.zeros((3, 5, 2)),
        np.full((3, 1, 2), 1e-300),
        np.where(X > 0, 1e30, -1e-30),
    ],
    ids=["large", "huge", "zero", "tiny", "mixed"],
)
def test_quantiles_never_cross(fitted, of_columns, sequences):
    for model in (fitted, of_columns):
        try:
            predicted = model.predict(sequences)
        except ValueError as error:
            assert "too large" in str(error)  # noqa: PT017
        else:
            assert np.isfinite(predicted).all()
            assert (np.diff(predicted) >= 0).all()


def test_quantiles_never_cross_after_a_wild_training():
    model = LSTMRegressor(**THREE | {"learning_rate": 3.0, "epochs": 5}).fit(X, NUMBERS)
    assert (np.diff(model.predict(10 * X)) >= 0).all()


def test_exported_graphs_predict_the_quantiles(of_columns):
    import onnxruntime

    session = onnxruntime.InferenceSession(of_columns.to_onnx().SerializeToString())
    (graph,) = session.run(None, {"values": X, "lengths": np.full(24, 5, "int32")})
    predicted = of_columns.predict(X)
    np.testing.assert_allclose(graph.reshape(24, 2, 3), predicted, rtol=1e-5)
    keras = np.asarray(of_columns.to_keras()(X.astype("f")))
    np.testing.assert_allclose(keras.reshape(24, 2, 3), predicted, rtol=1e-5)


# --- what is minimised, and what is scored ---


def test_the_loss_is_the_mean_of_the_pinball_losses():
    """The loss of y after standardisation, on validation data."""
    model = LSTMRegressor(**THREE).fit(X, COLUMNS, X_val=X, y_val=COLUMNS)
    predicted = model.predict(X)
    losses = [
        mean_pinball_loss(COLUMNS, predicted[..., k], alpha=quantile, multioutput="raw_values")
        for k, quantile in enumerate(QUANTILES)
    ]
    expected = np.mean(losses / COLUMNS.std(axis=0))
    assert model.history_["val_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_the_score_is_the_mean_of_d2(fitted, of_columns):
    weights = np.arange(1, 25)
    for model, targets in ((fitted, NUMBERS), (of_columns, COLUMNS)):
        predicted = model.predict(X)
        for sample_weight in (None, weights):
            scores = [
                d2_pinball_score(
                    targets, predicted[..., k], alpha=quantile, sample_weight=sample_weight
                )
                for k, quantile in enumerate(QUANTILES)
            ]
            assert model.score(X, targets, sample_weight) == pytest.approx(np.mean(scores))


def test_the_score_is_that_of_the_fitted_quantiles(fitted):
    changed = pickle.loads(pickle.dumps(fitted)).set_params(quantile=0.5)
    assert changed.score(X, NUMBERS) == fitted.score(X, NUMBERS)


def test_sample_weights_count(fitted):
    weighted = clone(fitted).fit(X, NUMBERS, sample_weight=np.where(NUMBERS > 1000, 5, 1))
    assert weighted.predict(X).mean() > fitted.predict(X).mean()


# --- an estimator as any other ---


@pytest.mark.parametrize("kind", [tuple, np.array])
def test_every_sequence_of_quantiles_is_the_same(fitted, kind):
    model = LSTMRegressor(**THREE | {"quantile": kind(QUANTILES)}).fit(X, NUMBERS)
    assert_same_weights(model, fitted)
    assert_same_weights(clone(model).fit(X, NUMBERS), fitted)
    goes_on = clone(model).set_params(warm_start=True)
    assert goes_on.fit(X, NUMBERS).fit(X, NUMBERS).n_iter_ == 4


def test_fits_go_on(fitted):
    model = clone(fitted).set_params(warm_start=True, batch_size=24)
    once = clone(model).set_params(epochs=4).fit(X, NUMBERS)
    twice = model.fit(X, NUMBERS).fit(X, NUMBERS)
    np.testing.assert_allclose(twice.predict(X), once.predict(X), rtol=1e-4)
    part = clone(fitted).partial_fit(X, NUMBERS).partial_fit(X, NUMBERS)
    assert part.predict(X).shape == (24, 3)


@pytest.mark.parametrize("quantile", [0.5, [0.1, 0.9], [0.2, 0.5, 0.9]], ids=str)
def test_other_quantiles_cannot_go_on(fitted, quantile):
    model = clone(fitted).set_params(warm_start=True).fit(X, NUMBERS)
    with pytest.raises(ValueError, match=r"quantile=.* cannot go on from a fit with quantile=\(0"):
        model.set_params(quantile=quantile).fit(X, NUMBERS)


def test_pickles_and_files(of_columns, tmp_path):
    persistence.save(of_columns, tmp_path / "quantiles.sklstm")
    for loaded in (
        pickle.loads(pickle.dumps(of_columns)),
        persistence.load(tmp_path / "quantiles.sklstm"),
    ):
        np.testing.assert_array_equal(loaded.predict(X), of_columns.predict(X))
        assert loaded.score(X, COLUMNS) == of_columns.score(X, COLUMNS)


def test_several_networks_of_several_quantiles():
    model = LSTMRegressor(**THREE, n_networks=2).fit(X, NUMBERS)
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == (24, 3)
    np.testing.assert_allclose(mean, model.predict(X), rtol=1e-6)
    assert (np.diff(model.predict(X)) > 0).all()


# --- errors ---


@pytest.mark.parametrize(
    "quantile",
    [[0.9, 0.1], [0.5], [], [0.0, 0.5], [0.5, 1.0], [0.5, 0.5], [0.1, np.nan], [-0.1, 0.5]],
    ids=str,
)
def test_quantiles_that_are_none(quantile):
    with pytest.raises(ValueError, match=r"quantile=\[.* is not valid: give a number between 0"):
        LSTMRegressor(**THREE | {"quantile": quantile}).fit(X, NUMBERS)


@pytest.mark.parametrize("quantile", [["a", "b"], [[0.1, 0.5], [0.6, 0.9]]], ids=str)
def test_quantiles_that_are_no_list_of_numbers(quantile):
    with pytest.raises(ValueError, match=r"quantile=\[.* is not valid"):
        LSTMRegressor(**THREE | {"quantile": quantile}).fit(X, NUMBERS)


@pytest.mark.parametrize("quantile", [QUANTILES, (0.2, 0.8), np.array([0.2, 0.8])], ids=str)
def test_several_quantiles_of_another_loss(quantile):
    with pytest.raises(ValueError, match="is for loss='quantile', but loss='squared_error'"):
        LSTMRegressor(**TINY, quantile=quantile).fit(X, NUMBERS)
