"""Parameters: every mistake has a message that names it and says what is valid."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY, first_step_task, nan_padded, object_array, ragged

X, y = first_step_task()
SEQUENCES = ragged(X)
both = pytest.mark.parametrize("estimator", [LSTMClassifier(**TINY), LSTMRegressor(**TINY)])


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "score", "summary", "to_keras", "to_onnx"]
)
def test_not_fitted(method):
    arguments = {"score": (X, y), "predict": (X,), "predict_proba": (X,)}
    with pytest.raises(NotFittedError, match="This LSTMClassifier instance is not fitted yet"):
        getattr(LSTMClassifier(), method)(*arguments.get(method, ()))
    if method != "predict_proba":
        with pytest.raises(NotFittedError, match="This LSTMRegressor instance is not fitted yet"):
            getattr(LSTMRegressor(), method)(*arguments.get(method, ()))


@both
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 0),
        ("units", -3),
        ("units", 2.5),
        ("units", "many"),
        ("units", None),
        ("units", (4, 0)),
        ("units", [4, 2.5]),
        ("units", [[4]]),
        ("bidirectional", "both"),
        ("bidirectional", 3),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("dropout", "half"),
        ("pooling", "median"),
        ("pooling", None),
        ("dense_units", 0),
        ("dense_units", (3, -1)),
        ("dense_units", None),
        ("vocabulary_size", 1),
        ("vocabulary_size", 7.0),
        ("embedding_dim", 0),
        ("embedding_dim", 1.5),
        ("timesteps", 0),
        ("timesteps", 2.5),
        ("optimizer", "adamant"),
        ("optimizer", None),
        ("learning_rate", 0),
        ("learning_rate", -0.1),
        ("learning_rate", "fast"),
        ("clipnorm", 0),
        ("clipnorm", -1.0),
        ("batch_size", 0),
        ("batch_size", 3.5),
        ("batch_size", None),
        ("epochs", 0),
        ("epochs", 1.5),
        ("early_stopping", "yes"),
        ("validation_fraction", 1.0),
        ("validation_fraction", -0.1),
        ("n_iter_no_change", 0),
        ("n_networks", 0),
        ("n_networks", 2.5),
        ("scoring", "val_loss"),
        ("checkpoint", 3),
        ("callbacks", print),
        ("callbacks", [3]),
        ("keras_params", ["optimizer__beta_1"]),
        ("keras_params", {"beta_1": 0.8}),
        ("warm_start", "yes"),
        ("random_state", -1),
        ("random_state", "zero"),
        ("verbose", -1),
        ("verbose", "loud"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_parameters_out_of_range(estimator, name, value):
    estimator = type(estimator)(**TINY | {name: value})
    with pytest.raises(ValueError, match=rf"(?s)\b{name}\b.*(Got|is not valid|holds|valid)"):
        estimator.fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "name", "value"),
    [
        (LSTMClassifier, "class_weight", "heavy"),
        (LSTMClassifier, "class_weight", [1, 2]),
        (LSTMRegressor, "loss", "crossentropy"),
        (LSTMRegressor, "loss", None),
        (LSTMRegressor, "quantile", 0.0),
        (LSTMRegressor, "quantile", 1),
    ],
)
def test_parameters_of_one_estimator_out_of_range(estimator, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {estimator.__name__} must be"):
        estimator(**TINY, **{name: value}).fit(X, y)


@pytest.mark.parametrize("loss", ["mse", "mean_squared_error", "mae"])
def test_losses_by_their_names_in_keras(loss):
    message = (
        rf"'loss' parameter of LSTMRegressor must be .*'mse' .* 'squared_error' .* Got '{loss}'"
    )
    with pytest.raises(ValueError, match=message):
        LSTMRegressor(**TINY, loss=loss).fit(X, y)


def test_a_quantile_of_another_loss():
    message = "quantile=0.9 is for loss='quantile', but loss='huber': set loss='quantile', or leave"
    with pytest.raises(ValueError, match=message):
        LSTMRegressor(**TINY, loss="huber", quantile=0.9).fit(X, y)


@pytest.mark.parametrize("name", ["no_such_parameter", "hidden_units"])
def test_there_are_no_other_parameters(name):
    with pytest.raises(TypeError, match=name):
        LSTMClassifier(**{name: 3})
    with pytest.raises(ValueError, match=f"Invalid parameter '{name}' for estimator LSTMClass"):
        LSTMClassifier().set_params(**{name: 3})


def test_parameters_after_units_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        LSTMClassifier(64, True)


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer__beta_3": 0.5},
        {"optimizer__nonsense": 1},
        {"loss__nonsense": 1},
    ],
)
def test_unknown_keras_params(params):
    name = next(iter(params)).split("__")[1]
    with pytest.raises((ValueError, TypeError), match=name):
        LSTMClassifier(**TINY, keras_params=params).fit(X, y)


def test_a_callback_class_is_not_a_callback():
    import keras

    with pytest.raises(ValueError, match=r"callbacks holds .*EarlyStopping"):
        LSTMClassifier(**TINY, callbacks=[keras.callbacks.EarlyStopping]).fit(X, y)


@both
def test_early_stopping_needs_a_validation_set(estimator):
    estimator = type(estimator)(**TINY, early_stopping=True, validation_fraction=0)
    with pytest.raises(ValueError, match=r"early_stopping=True needs .* \(it is 0\), or X_val"):
        estimator.fit(X, y)


@both
def test_validation_data_go_together(estimator):
    with pytest.raises(ValueError, match="X_val and y_val go together, but y_val is None"):
        estimator.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val and y_val go together, but X_val is None"):
        estimator.fit(X, y, y_val=y)
    with pytest.raises(ValueError, match=r": \[24, 4\]: X_val has 24, but y_val has 4\."):
        estimator.fit(X, y, X_val=X, y_val=y[:4])
    with pytest.raises(ValueError, match=r"X_val is not valid\. X has 1 features per time step"):
        estimator.fit(X, y, X_val=X[:, :, :1], y_val=y)


def test_one_row_leaves_no_validation_set():
    with pytest.raises(ValueError, match=r"validation_fraction=0\.5 of 1 sample leaves nothing"):
        LSTMRegressor(**TINY, validation_fraction=0.5).fit(X[:1], y[:1])


def test_no_layer_at_all_reads_numbers_too():
    fitted = LSTMClassifier(**TINY | {"units": ()}).fit(SEQUENCES, y)
    np.testing.assert_allclose(
        fitted.predict_proba(nan_padded(SEQUENCES, 6)),
        fitted.predict_proba(object_array(SEQUENCES)),
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    "params",
    [
        {"units": np.array(4)},
        {"units": np.array([4])},
        {"units": [np.int8(4)]},
        {"batch_size": np.int8(8)},
        {"batch_size": np.uint16(8), "epochs": np.uint8(2)},
        {"dropout": np.float32(0), "warmup": np.float16(0), "clipnorm": np.float32(1)},
    ],
    ids=str,
)
def test_numbers_of_numpy_are_numbers(params):
    network = LSTMClassifier(**TINY | params).fit(X, y)
    np.testing.assert_array_equal(
        network.predict_proba(X), LSTMClassifier(**TINY).fit(X, y).predict_proba(X)
    )


@pytest.mark.parametrize("name", ["units", "dense_units", "batch_size", "epochs", "timesteps"])
def test_numbers_beyond_all_memory_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}.* 2147483647"):
        LSTMClassifier(**TINY | {name: 10**400}).fit(X, y)
