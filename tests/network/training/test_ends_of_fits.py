"""What ends a fit early: Ctrl-C, a loss that is not finite, an error of a callback."""

import re

import numpy as np
import pytest

from fits import NUMBERS, TINY, X, outputs, weights_of, y
from sklstm import LSTMClassifier, LSTMRegressor


def interrupt_at(epoch):
    def interrupt(now, logs):
        if now == epoch:
            raise KeyboardInterrupt

    return interrupt


def test_ctrl_c_keeps_the_last_whole_epoch_and_warns():
    estimator = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[interrupt_at(1)])
    message = "Training was interrupted: the weights are those after epoch 2"
    with pytest.warns(UserWarning, match=message) as record:
        estimator.fit(X, y)
    assert record[0].filename == __file__
    assert estimator.n_iter_ == len(estimator.history_["loss"]) == 2
    np.testing.assert_array_equal(
        weights_of(estimator), weights_of(LSTMClassifier(**TINY).fit(X, y))
    )


@pytest.mark.filterwarnings("error")
def test_ctrl_c_keeps_its_epochs_where_warnings_are_errors():
    estimator = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[interrupt_at(1)])
    with pytest.raises(UserWarning, match="Training was interrupted"):
        estimator.fit(X, y)
    np.testing.assert_array_equal(
        weights_of(estimator), weights_of(LSTMClassifier(**TINY).fit(X, y))
    )


def test_ctrl_c_inside_an_epoch_keeps_the_epoch_before():
    import keras

    class Interrupt(keras.callbacks.Callback):
        heard = 0

        def on_train_batch_end(self, batch, logs=None):
            self.heard += 1
            if self.heard == 8:
                raise KeyboardInterrupt

    estimator = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[Interrupt()])
    with pytest.warns(UserWarning, match="after epoch 2"):
        estimator.fit(X, y)
    np.testing.assert_array_equal(
        weights_of(estimator), weights_of(LSTMClassifier(**TINY).fit(X, y))
    )


def test_ctrl_c_before_the_first_epoch_is_raised_and_leaves_everything_usable():
    import keras

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise KeyboardInterrupt

    before = weights_of(LSTMClassifier(**TINY).fit(X, y))
    estimator = LSTMClassifier(**TINY, callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    assert not estimator.__sklearn_is_fitted__()
    np.testing.assert_array_equal(
        weights_of(estimator.set_params(callbacks=None).fit(X, y)), before
    )


def test_a_loss_that_is_not_finite_says_what_to_try():
    before = outputs(LSTMRegressor(**TINY).fit(X, NUMBERS))
    wild = {"optimizer": "sgd", "learning_rate": 1e30, "clipnorm": None, "epochs": 20}
    message = re.escape("Try a smaller learning_rate (it is 1e+30), clipnorm=1.0, or standardize")
    with pytest.raises(ValueError, match=rf"The loss is (nan|inf) after epoch \d+: .*{message}"):
        LSTMRegressor(**TINY | wild).fit(X, NUMBERS)
    np.testing.assert_array_equal(outputs(LSTMRegressor(**TINY).fit(X, NUMBERS)), before)


def test_an_error_in_a_callback_is_the_users_to_see():
    def fail(epoch, logs):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        LSTMClassifier(**TINY, callbacks=[fail]).fit(X, y)
