"""Optimizers by name and as objects, and parameters that are routed to them."""

import numpy as np
import pytest
from sklearn.base import clone

from fits import TINY, X, weights_of, y
from sklstm import LSTMClassifier

# --- optimizers ---


def test_an_optimizer_by_name_trains_at_its_own_rate():
    """All others are compared with Keras's own fit, in test_trainer.py."""
    fitted = LSTMClassifier(**TINY, optimizer="sgd", learning_rate=None).fit(X, y)
    start = fitted._fitted_state.network.spec.initial_weights(np.random.RandomState(0))
    assert np.isfinite(weights_of(fitted)).all()
    weights = fitted._fitted_state.network.weights
    assert not any(np.array_equal(weight, start[name]) for name, weight in weights.items())


def test_an_optimizer_object_is_copied_and_trains_as_its_name():
    import keras

    optimizer = keras.optimizers.SGD(0.1, momentum=0.5, clipnorm=1.0)
    fitted = LSTMClassifier(**TINY, optimizer=optimizer).fit(X, y)
    assert not optimizer.built
    by_name = LSTMClassifier(
        **TINY, optimizer="sgd", learning_rate=0.1, keras_params={"optimizer__momentum": 0.5}
    ).fit(X, y)
    np.testing.assert_array_equal(weights_of(fitted), weights_of(by_name))
    np.testing.assert_array_equal(weights_of(clone(fitted).fit(X, y)), weights_of(fitted))


@pytest.mark.slow
def test_an_optimizer_object_may_have_a_schedule():
    import keras

    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    fitted = LSTMClassifier(**TINY, optimizer=keras.optimizers.Adam(schedule)).fit(X, y)
    constant = LSTMClassifier(**TINY, optimizer=keras.optimizers.Adam(0.1)).fit(X, y)
    assert not np.array_equal(weights_of(fitted), weights_of(constant))


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer__beta_1": 0.1},
        pytest.param({"optimizer__learning_rate": 0.05}, marks=pytest.mark.slow),
        pytest.param({"optimizer__weight_decay": 0.5}, marks=pytest.mark.slow),
        pytest.param({"loss__reduction": "sum"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_keras_params_arrive(params):
    routed = LSTMClassifier(**TINY | {"epochs": 4}, keras_params=params).fit(X, y)
    plain = LSTMClassifier(**TINY | {"epochs": 4}).fit(X, y)
    assert not np.allclose(weights_of(routed), weights_of(plain), rtol=1e-4)


@pytest.mark.slow
def test_a_routed_learning_rate_is_the_learning_rate():
    routed = LSTMClassifier(**TINY, keras_params={"optimizer__learning_rate": 0.05}).fit(X, y)
    direct = LSTMClassifier(**TINY, learning_rate=0.05).fit(X, y)
    np.testing.assert_array_equal(weights_of(routed), weights_of(direct))


# --- numbers of numpy ---


def test_the_class_of_an_optimizer_is_none():
    import keras

    with pytest.raises(ValueError, match=r"optimizer=Adam is a class. Give an object, optimizer=A"):
        LSTMClassifier(**TINY | {"optimizer": keras.optimizers.Adam}).fit(X, y)


@pytest.mark.slow
def test_averaged_weights_arrive():
    """Keras keeps the moving average of the weights, and sets it when the training ends."""
    import keras

    def fit(epochs, **options):
        optimizer = keras.optimizers.SGD(0.5, **options)
        one_step = TINY | {"batch_size": 24, "epochs": epochs, "optimizer": optimizer}
        return weights_of(LSTMClassifier(**one_step).fit(X, y))

    first, last = fit(1), fit(5)
    assert np.abs(last - first).max() > 0.02
    np.testing.assert_allclose(fit(5, use_ema=True, ema_momentum=0.0), last, atol=1e-6)
    np.testing.assert_allclose(fit(5, use_ema=True, ema_momentum=0.9999), first, atol=1e-3)


@pytest.mark.slow
def test_optimizers_of_every_class_are_copied():
    import keras

    class Mine(keras.optimizers.Adam):
        pass

    expected = weights_of(LSTMClassifier(**TINY, clipnorm=None, learning_rate=0.001).fit(X, y))
    network = LSTMClassifier(**TINY | {"optimizer": Mine(), "learning_rate_schedule": "constant"})
    np.testing.assert_allclose(weights_of(network.fit(X, y)), expected, rtol=1e-5)
    lamb = LSTMClassifier(**TINY | {"optimizer": keras.optimizers.Lamb()}).fit(X, y)
    assert lamb.n_iter_ == 2


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"keras_params": {"optimizer__foo": 1}}, "optimizer='adam' and loss='.*' with keras_p"),
        ({"learning_rate": 10**400}, "learning_rate is an int of 401 digits: valid are numbers"),
    ],
    ids=["unknown", "too long"],
)
def test_settings_that_keras_cannot_take(params, message):
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY | params).fit(X, y)


def test_an_optimizer_object_has_its_parameters_itself():
    import keras

    params = {"optimizer": keras.optimizers.Adam(), "keras_params": {"optimizer__beta_1": 0.5}}
    with pytest.raises(ValueError, match="'optimizer__beta_1', which is for an optimizer given by"):
        LSTMClassifier(**TINY | params).fit(X, y)
