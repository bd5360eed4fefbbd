"""Learning rates, batch by batch."""

from typing import ClassVar

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklstm import CharSequenceGenerator, LSTMClassifier, LSTMRegressor
from sklstm.network.training import trainer
from sklstm.network.training.learning_rate import Schedule
from tasks import assert_same_weights, first_step_task

X, y = first_step_task()  # 24 rows: three batches of 8
TEXT = "abcdefgh" * 40
FITTED = {
    "units": 4,
    "batch_size": 8,
    "epochs": 4,
    "learning_rate": 0.02,
    "learning_rate_schedule": "constant",
    "random_state": 0,
}
COSINE = {"learning_rate_schedule": "cosine", "warmup": 0.25}


class Rates(keras.callbacks.Callback):
    """Notes the learning rate of every batch."""

    seen: ClassVar[list] = []  # of the class: the callback itself is copied

    def on_train_begin(self, logs=None):
        self.seen.clear()

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(self.model.optimizer.learning_rate))


def rates_of(estimator, *data, method="fit"):
    getattr(estimator.set_params(callbacks=[Rates()]), method)(*data)
    return np.array(Rates.seen)


def test_factors_of_a_cosine_with_warm_up():
    schedule = Schedule("cosine", 0.25, epochs=4, batches_per_epoch=3)
    factors = np.concatenate([schedule.factors(epoch, np.arange(3)) for epoch in range(4)])
    assert_allclose(factors[:4], [0.25, 0.5, 0.75, 1])
    assert_allclose(factors[3:], (1 + np.cos(np.pi * np.arange(9) / 9)) / 2)
    assert 0 < factors[-1] < 0.04


def test_factors_of_a_constant_rate_with_warm_up():
    schedule = Schedule("constant", 0.5, epochs=2, batches_per_epoch=2)
    assert_allclose(schedule.factors(0, np.arange(2)), [1 / 3, 2 / 3])
    assert_allclose(schedule.factors(1, np.arange(2)), [1, 1])


@pytest.mark.parametrize("warmup", [0.0, 0.3, 0.99])
def test_an_epoch_longer_than_foreseen_stays_at_its_end(warmup):
    schedule = Schedule("cosine", warmup, epochs=2, batches_per_epoch=3)
    for epoch in range(2):
        factors = schedule.factors(epoch, np.arange(5))
        assert_array_equal(factors[3:], factors[2])
        assert (factors > 0).all()
        assert (factors <= 1).all()


@pytest.mark.parametrize(
    ("estimator", "data", "n_batches"),
    [(LSTMClassifier, (X, y), 3), (LSTMRegressor, (X, X[:, 0, 0]), 3)],
)
@pytest.mark.parametrize("options", [COSINE, {"warmup": 0.5}, {"learning_rate_schedule": "cosine"}])
def test_the_optimizer_sees_the_schedule(estimator, data, n_batches, options):
    rates = rates_of(estimator(**FITTED | options), *data)
    shape = options.get("learning_rate_schedule", "constant")
    schedule = Schedule(shape, options.get("warmup", 0.0), 4, n_batches)
    factors = [schedule.factors(epoch, np.arange(n_batches)) for epoch in range(4)]
    assert_allclose(rates, 0.02 * np.concatenate(factors), rtol=1e-5)


@pytest.mark.slow
def test_the_generator_sees_the_schedule():
    rates = rates_of(CharSequenceGenerator(**FITTED | COSINE, window=8), TEXT)
    assert rates.max() == pytest.approx(0.02, rel=1e-5)
    assert rates[0] < 0.005
    assert rates[-1] < 0.001


@pytest.mark.slow
def test_the_own_rate_of_the_optimizer_is_the_base():
    parameters = FITTED | {"learning_rate": None, "optimizer": "sgd"}
    rates = rates_of(LSTMClassifier(**parameters | COSINE), X, y)
    assert rates.max() == pytest.approx(0.01)


def test_batch_events_do_not_change_a_scheduled_fit():
    compiled = LSTMClassifier(**FITTED | COSINE).fit(X, y)
    heard = LSTMClassifier(**FITTED | COSINE, callbacks=[Rates()]).fit(X, y)
    assert_same_weights(compiled, heard)
    plain = LSTMClassifier(**FITTED).fit(X, y)
    assert compiled.history_["loss"] != plain.history_["loss"]


def test_a_constant_rate_takes_no_schedule_and_leaves_none_behind():
    """A model that ran a cosine serves the next fit, whose rate must be its own."""
    before = LSTMClassifier(**FITTED).fit(X, y)
    LSTMClassifier(**FITTED | COSINE).fit(X, y)
    after = LSTMClassifier(**FITTED).fit(X, y)
    assert_same_weights(before, after)
    assert_array_equal(rates_of(LSTMClassifier(**FITTED), X, y), np.float32(0.02))


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [4, 80])  # as a plain graph, and by XLA
def test_a_constant_rate_follows_a_schedule_on_a_new_model(epochs):
    own = FITTED | {"units": 6, "epochs": epochs}  # of no other test: the schedule comes first
    scheduled = LSTMClassifier(**own | COSINE).fit(X, y)
    assert scheduled.training_loop_ == ("graph" if epochs == 4 else "xla")
    assert_array_equal(
        rates_of(LSTMClassifier(**own), X, y), np.repeat(np.float32(0.02), 3 * epochs)
    )


def test_a_warm_up_of_nothing_is_constant_to_the_last_bit(monkeypatch):
    plain = LSTMClassifier(**FITTED).fit(X, y)
    ones = Schedule("constant", 0.0, 4, 3)
    monkeypatch.setattr(trainer, "_schedule", lambda *_: ones)
    assert_same_weights(LSTMClassifier(**FITTED).fit(X, y), plain)


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (LSTMClassifier, (X, y, [0, 1])),
        (LSTMRegressor, (X, X[:, 0, 0])),
        (CharSequenceGenerator, (TEXT,)),
    ],
)
def test_partial_fit_ignores_the_schedule(estimator, data):
    scheduled = estimator(**FITTED | COSINE)
    rates = rates_of(scheduled, *data, method="partial_fit")
    assert_array_equal(rates, np.float32(0.02))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"learning_rate_schedule": "cosine"}, {"warmup": 0.1}])
def test_a_schedule_of_a_schedule_is_refused(options):
    decay = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    routed = FITTED | {"keras_params": {"optimizer__learning_rate": decay}}
    LSTMClassifier(**routed).fit(X, y)
    with pytest.raises(ValueError, match=r"learning_rate_schedule=.* LearningRateSchedule"):
        LSTMClassifier(**routed | options).fit(X, y)


@pytest.mark.slow
def test_an_optimizer_object_keeps_its_own_rate():
    decay = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    LSTMClassifier(**FITTED | COSINE | {"optimizer": keras.optimizers.Adam(decay)}).fit(X, y)
    constant = FITTED | COSINE | {"optimizer": keras.optimizers.Adam(0.02)}
    assert_array_equal(rates_of(LSTMClassifier(**constant), X, y), np.float32(0.02))


def test_reduce_on_plateau_still_sets_a_constant_rate():
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e6)
    fitted = LSTMClassifier(**FITTED, callbacks=[plateau, Rates()]).fit(X, y)
    assert fitted.n_iter_ == 4
    assert_allclose(Rates.seen, np.repeat([0.02, 0.02, 0.01, 0.005], 3), rtol=1e-5)


def test_a_schedule_multiplies_the_rate_that_a_callback_sets():
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e6)
    LSTMClassifier(**FITTED | COSINE, callbacks=[Rates()]).fit(X, y)
    alone = np.array(Rates.seen)
    LSTMClassifier(**FITTED | COSINE, callbacks=[plateau, Rates()]).fit(X, y)
    assert_allclose(Rates.seen, alone * np.repeat([1, 1, 0.5, 0.25], 3), rtol=1e-5)


@pytest.mark.parametrize("rates", [[0.02] * 4, [0.0, 0.01, 0.02, 0.02]], ids=["one", "rising"])
def test_a_schedule_multiplies_the_rates_of_a_scheduler(rates):
    LSTMClassifier(**FITTED | COSINE, callbacks=[Rates()]).fit(X, y)
    alone = np.array(Rates.seen)
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    LSTMClassifier(**FITTED | COSINE, callbacks=[scheduler, Rates()]).fit(X, y)
    assert_allclose(Rates.seen, alone * np.repeat(rates, 3) / 0.02, rtol=1e-5)


def test_a_stop_before_the_first_batch_comes_after_it():
    class Stop(Rates):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.stop_training = True

    fitted = LSTMClassifier(**FITTED | COSINE, callbacks=[Stop()]).fit(X, y)
    assert fitted.n_iter_ == len(Stop.seen) == 1


@pytest.mark.parametrize(
    "options",
    [{"warmup": 1.0}, {"warmup": -0.1}, {"learning_rate_schedule": "linear"}],
)
def test_schedules_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        LSTMClassifier(**FITTED | options).fit(X, y)
