"""What callbacks change in the model: it counts in its own fit only, or is refused."""

import re

import numpy as np
import pytest

from fits import TINY, X, weights_of, y
from sklstm import LSTMClassifier


class AtEvent:
    """Makes a callback that does something to the model at one event."""

    def __new__(cls, event, change):
        import keras

        def hear(self, *arguments, **named):
            change(self.model)

        return type("Changing", (keras.callbacks.Callback,), {event: hear})()


def set_epsilon(model):
    model.optimizer.epsilon = 0.5


def set_rate(model):
    for layer in model.layers:
        if layer.name.startswith("sequence_dropout"):
            layer.rate = 0.9


def compile_anew(model):
    model.compile("sgd", "mse")


def replace_optimizer(model):
    import keras

    model.optimizer = keras.optimizers.SGD()


def set_schedule(model):
    import keras

    model.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)


def set_activation(model):
    import keras

    model.layers[-1].activation = keras.activations.relu


DROPPING = TINY | {"dropout": 0.2}


@pytest.fixture(scope="module")
def untouched():
    return weights_of(LSTMClassifier(**DROPPING).fit(X, y))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "params"),
    [
        (set_epsilon, {"keras_params": {"optimizer__epsilon": 0.5}}),
        (set_rate, {"dropout": 0.9}),
    ],
    ids=["optimizer", "dropout"],
)
def test_what_a_callback_sets_counts_in_its_own_fit_only(change, params, untouched):
    callback = AtEvent("on_train_begin", change)
    changed = weights_of(LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y))
    np.testing.assert_array_equal(
        changed, weights_of(LSTMClassifier(**DROPPING | params).fit(X, y))
    )
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


@pytest.mark.slow
@pytest.mark.parametrize("event", ["on_epoch_end", "on_train_batch_begin"])
def test_what_a_callback_sets_counts_from_then_on(event, untouched):
    callback = AtEvent(event, set_epsilon)
    fitted = LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y)
    first = LSTMClassifier(**DROPPING).fit(X, y).history_["loss"][0]
    assert (fitted.history_["loss"][0] == first) == (event == "on_epoch_end")
    assert not np.array_equal(weights_of(fitted), untouched)
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


def test_callbacks_hear_of_every_batch_after_one_that_changes_the_model():
    heard = []

    def change_once(model):
        heard.append(model)
        if len(heard) == 3:
            model.optimizer.epsilon = 0.5

    callback = AtEvent("on_train_batch_end", change_once)
    LSTMClassifier(**DROPPING | {"batch_size": 2, "epochs": 1}, callbacks=[callback]).fit(X, y)
    assert len(heard) == 12


@pytest.mark.slow
def test_a_frozen_layer_stays_as_it_was(untouched):
    def freeze_output(model):
        model.get_layer("dense_0").trainable = False

    callback = AtEvent("on_epoch_end", freeze_output)
    fitted = LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y)
    one_epoch = LSTMClassifier(**DROPPING | {"epochs": 1}).fit(X, y)
    weights, after_one = (
        fitted._fitted_state.network.weights,
        one_epoch._fitted_state.network.weights,
    )
    for name, weight in weights.items():
        assert np.array_equal(weight, after_one[name]) == name.startswith("dense")
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


@pytest.mark.slow
def test_a_network_may_be_frozen_whole():
    def freeze_all(model):
        model.trainable = False

    callbacks = [AtEvent("on_train_begin", freeze_all)]
    fitted = LSTMClassifier(**DROPPING, callbacks=callbacks).fit(X, y)
    still = LSTMClassifier(**DROPPING | {"learning_rate": 1e-30}).fit(X, y)
    np.testing.assert_allclose(weights_of(fitted), weights_of(still), rtol=0, atol=1e-20)


REFUSED = {
    "dense_0.activation": set_activation,
    "the optimizer object, what compile() sets": compile_anew,
    "the optimizer object": replace_optimizer,
    "the LearningRateSchedule": set_schedule,
}


def test_what_a_callback_may_not_change_is_named(untouched):
    for named, change in REFUSED.items():
        estimator = LSTMClassifier(**DROPPING, callbacks=[AtEvent("on_epoch_begin", change)])
        message = f"The callback Changing changed in the model: {re.escape(named)}. A callback may"
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, y)
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


def test_an_error_tells_what_a_callback_had_changed():
    def set_momentum(model):
        model.optimizer.momentum = 0.9

    callback = AtEvent("on_train_begin", set_momentum)
    with pytest.raises(IndexError) as error:
        LSTMClassifier(**TINY, optimizer="sgd", callbacks=[callback]).fit(X, y)
    assert error.value.__notes__ == ["The callback Changing had changed optimizer.momentum."]


@pytest.mark.slow
def test_a_model_that_a_callback_keeps_reaches_no_later_fit(untouched):
    kept = []
    LSTMClassifier(**DROPPING, callbacks=[AtEvent("on_train_end", kept.append)]).fit(X, y)
    set_epsilon(kept[0])
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**DROPPING).fit(X, y)), untouched)


@pytest.mark.slow
def test_weights_that_a_callback_sets_count():
    def clear(model):
        model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])

    at_end = LSTMClassifier(**TINY, callbacks=[AtEvent("on_train_end", clear)]).fit(X, y)
    assert not weights_of(at_end).any()
    fitted = LSTMClassifier(**TINY, callbacks=[AtEvent("on_epoch_begin", clear)]).fit(X, y)
    assert fitted.history_["loss"][0] == pytest.approx(np.log(2), rel=1e-2)


@pytest.mark.slow
def test_programs_come_back_from_callbacks_that_change_nothing(tmp_path, capsys):
    import keras
    from tqdm.keras import TqdmCallback

    from sklstm.network.training.model_pool import pool

    def look(model):
        model.evaluate(X.astype("f"), y, verbose=0)
        model.predict(X.astype("f"), verbose=0)
        model.save(tmp_path / "model.keras")

    LSTMClassifier(**DROPPING).fit(X, y)
    program = pool._idle[-1]
    for callback in (
        keras.callbacks.EarlyStopping("loss", patience=0, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=9),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.01),
        keras.callbacks.History(),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras"),
        keras.callbacks.BackupAndRestore(tmp_path / "backup"),
        keras.callbacks.ProgbarLogger(),
        TqdmCallback(),
        AtEvent("on_epoch_end", look),
    ):
        LSTMClassifier(**DROPPING, callbacks=[callback]).fit(X, y)
        assert pool._idle[-1] is program, callback
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy,loss,")


def test_a_model_cannot_be_fitted_inside_of_its_fit():
    callback = AtEvent("on_epoch_end", lambda model: model.fit(X, y))
    with pytest.raises(TypeError, match="a callback can evaluate, predict with and save the model"):
        LSTMClassifier(**TINY, callbacks=[callback]).fit(X, y)


def test_batches_of_validation_can_end_it():
    def stop(model):
        model.stop_evaluating = True

    callback = AtEvent("on_test_batch_end", stop)
    fitted = LSTMClassifier(**TINY, callbacks=[callback]).fit(X, y, X_val=X, y_val=y)
    whole = LSTMClassifier(**TINY).fit(X, y, X_val=X[:8], y_val=y[:8])
    assert fitted.history_ == whole.history_
    assert fitted.training_loop_ == whole.training_loop_
