"""Callbacks hear what Keras tells, and can end a training."""

import copy
import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from fits import (
    AS_IT_IS,
    BIG,
    TINY,
    VALIDATED,
    X,
    weights_of,
    y,
)
from sklstm import LSTMClassifier
from tasks import first_step_task, ragged

# --- callbacks ---


def test_functions_hear_each_epoch():
    heard = []
    fitted = LSTMClassifier(
        **VALIDATED, callbacks=[lambda epoch, logs: heard.append((epoch, logs))]
    )
    fitted.fit(X, y)
    assert [epoch for epoch, _ in heard] == [0, 1]
    assert [logs["val_loss"] for _, logs in heard] == fitted.history_["val_loss"]


@pytest.mark.slow
def test_model_checkpoint_writes_a_model_that_loads(tmp_path):
    import keras

    path = tmp_path / "{epoch}.keras"
    checkpoint = keras.callbacks.ModelCheckpoint(str(path), monitor="loss")
    for form, params in ((X, {}), (ragged(X), BIG)):
        params = TINY | AS_IT_IS | params
        fitted = LSTMClassifier(**params, callbacks=[checkpoint]).fit(form, y)
        model = keras.models.load_model(tmp_path / "2.keras")
        lengths = np.array([len(x) for x in form], "int32")
        values = X.astype("f")
        inputs = values if form is X else [values, lengths]
        np.testing.assert_allclose(model(inputs), fitted.predict_proba(form), rtol=1e-4)


def test_model_checkpoint_keeps_the_best_epoch(tmp_path):
    import keras

    path = tmp_path / "best.keras"
    best = keras.callbacks.ModelCheckpoint(str(path), save_best_only=True, monitor="val_loss")
    val_X, val_y = first_step_task(seed=1)
    params = TINY | AS_IT_IS | {"epochs": 12, "learning_rate": 0.3}
    fitted = LSTMClassifier(**params, callbacks=[best]).fit(X, y, X_val=val_X, y_val=val_y)
    kept = keras.models.load_model(path)(val_X.astype("f")).numpy()
    losses = fitted.history_["val_loss"]
    assert min(losses) < losses[-1]
    assert -np.log(kept[np.arange(24), val_y]).mean() == pytest.approx(min(losses), rel=1e-4)


def test_keras_early_stopping():
    import keras

    stop = keras.callbacks.EarlyStopping("loss", min_delta=100, patience=1)
    fitted = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[stop]).fit(X, y)
    assert fitted.n_iter_ == 2


def test_callbacks_of_users_are_not_changed():
    import keras

    stop = keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
    before = copy.deepcopy(vars(stop))
    estimator = LSTMClassifier(**TINY, callbacks=[stop])
    assert clone(estimator).fit(X, y).n_iter_ == estimator.fit(X, y).n_iter_ == 2
    assert vars(stop) == before


def test_a_learning_rate_set_by_a_callback_ends_with_the_fit():
    import keras

    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5)
    plain = weights_of(LSTMClassifier(**TINY).fit(X, y))
    changed = weights_of(LSTMClassifier(**TINY, callbacks=[schedule]).fit(X, y))
    assert not np.allclose(changed, plain)
    np.testing.assert_array_equal(weights_of(LSTMClassifier(**TINY).fit(X, y)), plain)


def test_batch_callbacks_hear_every_batch_and_change_nothing():
    import keras

    heard = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            heard.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            heard.append(("end", batch, "loss" in logs))

    fitted = LSTMClassifier(**TINY, callbacks=[Listener()]).fit(X, y)
    one_epoch = [("begin", 0), ("end", 0, True), ("begin", 1), ("end", 1, True), ("begin", 2)]
    assert heard[:5] == one_epoch
    assert len(heard) == 2 * 3 * 2  # batches of 8 in 24 rows, twice
    assert fitted.training_loop_.endswith(", batch by batch")
    silent = LSTMClassifier(**TINY).fit(X, y)
    assert "batch by batch" not in silent.training_loop_
    np.testing.assert_array_equal(weights_of(fitted), weights_of(silent))


def test_a_batch_callback_can_stop_the_training():
    import keras

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    fitted = LSTMClassifier(**TINY | {"epochs": 9}, callbacks=[Stop()]).fit(X, y)
    assert fitted.n_iter_ == 1


EVENTS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "test", "train_batch", "test_batch")
    for when in ("begin", "end")
]


def recorder():
    """A callback that writes down all events, and with what it was called."""
    import keras

    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.heard, self.lock = [], threading.Lock()

        def set_params(self, params):
            super().set_params(params)
            self.heard.append(sorted(params.items()))

    def listen(event):
        def hear(self, *arguments, **named):
            *index, logs = [*arguments, *named.values()]
            with self.lock:
                self.heard.append((event, index, sorted(logs or {})))

        return hear

    for event in EVENTS:
        setattr(Recorder, event, listen(event))
    return Recorder()


@pytest.mark.slow
def test_callbacks_hear_what_keras_tells(classifier):
    ours, keras_own = recorder(), recorder()
    estimator = LSTMClassifier(**TINY, callbacks=[ours]).fit(X, y, X_val=X, y_val=y)
    model = estimator.to_keras()
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    values, batches = X.astype("f"), {"epochs": 2, "batch_size": 8, "verbose": 0}
    model.fit(values, y, validation_data=(values, y), callbacks=[keras_own], **batches)
    assert ours.heard == keras_own.heard
    assert len(ours.heard) == 2 + 2 * (4 + 2 * 2 * 3) + 1
    assert ours.model is None


def test_keras_own_progress_bar_is_shown(capsys):
    import keras

    LSTMClassifier(**TINY, callbacks=[keras.callbacks.ProgbarLogger()], verbose=1).fit(X, y)
    out = capsys.readouterr().out
    assert "Epoch 2/2" in out
    assert "3/3" in out


# --- numbers of numpy ---


def test_clones_share_what_callbacks_hold():
    import keras

    class Reports(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.lock, self.seen = threading.Lock(), []

        def on_epoch_end(self, epoch, logs=None):
            with self.lock:
                self.seen.append(epoch)

    callback = Reports()
    network = LSTMClassifier(**TINY, callbacks=[callback])
    cloned = clone(network)
    assert cloned.callbacks == [callback]
    assert cloned.callbacks is not network.callbacks
    search = GridSearchCV(
        make_pipeline("passthrough", network), {"lstmclassifier__units": [4]}, cv=2
    )
    search.fit(X, y)
    assert callback.seen == [0, 1] * 3
