"""Several networks whose training ends early: by an error in one of them, or by Ctrl-C."""

import random
import signal
import time

import numpy as np
import pytest

from fits import NUMBERS, TINY, X, y
from sklstm import LSTMClassifier, LSTMRegressor
from tasks import seconds_until_ctrl_c_ends

ENSEMBLE = TINY | {"n_networks": 2}


def count_epochs(monkeypatch):
    """Return a list that gets an entry for each epoch of any network."""
    from sklstm.network.training.early_stopping import Snapshots

    epochs, ended = [], Snapshots.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        ended(self, epoch, logs)
        epochs.append((id(self), epoch))
        time.sleep(0.05)

    monkeypatch.setattr(Snapshots, "on_epoch_end", on_epoch_end)
    return epochs


# --- errors ---


def test_an_error_in_one_network_ends_all():
    fitted = LSTMRegressor(**ENSEMBLE).fit(X, NUMBERS)
    before = fitted._fitted_state
    fitted.set_params(epochs=30, learning_rate=1e30, n_networks=3)
    with pytest.raises(ValueError, match="training diverged"):
        fitted.fit(X, NUMBERS)
    assert fitted._fitted_state is before


def test_an_error_in_one_network_gives_the_others_up(monkeypatch):
    from sklstm.network.training import ensemble

    train, starts = ensemble.train, []

    def fail_in_the_second(spec, settings, data, validation, start, **options):
        starts.append(start)
        if len(starts) == 2:
            raise RuntimeError("mine")
        return train(spec, settings, data, validation, start, **options)

    monkeypatch.setattr(ensemble, "train", fail_in_the_second)
    monkeypatch.setattr(ensemble, "available_cores", lambda: 2)
    epochs = count_epochs(monkeypatch)
    fitted = LSTMClassifier(**TINY | {"epochs": 60, "n_networks": 5})
    with pytest.raises(RuntimeError, match="mine"):
        fitted.fit(X, y)
    assert len(epochs) < 60
    assert not fitted.__sklearn_is_fitted__()


# --- Ctrl-C ---


def press():
    signal.raise_signal(signal.SIGINT)


def interrupt_when(is_time, monkeypatch):
    """Press Ctrl-C in the main thread as soon as it looks and the time has come."""
    from sklstm.network.training import ensemble

    waits = ensemble.wait

    def wait(futures, *arguments):
        if arguments and is_time():
            press()
        return waits(futures, *arguments)

    monkeypatch.setattr(ensemble, "wait", wait)
    monkeypatch.setattr(ensemble, "available_cores", lambda: 2)


def test_ctrl_c_keeps_networks_that_all_have_an_epoch(monkeypatch):
    epochs = count_epochs(monkeypatch)
    interrupt_when(lambda: len({network for network, _ in epochs}) == 2, monkeypatch)
    fitted = LSTMClassifier(**ENSEMBLE | {"epochs": 30})
    with pytest.warns(UserWarning, match="Training was interrupted"):
        fitted.fit(X, y)
    assert fitted.interrupted_
    assert all(len(history["loss"]) >= 1 for history in fitted.histories_)
    assert np.isfinite(fitted.predict_proba(X)).all()


def test_ctrl_c_before_each_network_has_an_epoch(monkeypatch):
    fitted = LSTMClassifier(**ENSEMBLE).fit(X, y)
    before = fitted._fitted_state
    epochs = count_epochs(monkeypatch)
    interrupt_when(lambda: len(epochs) > 0, monkeypatch)
    fitted.set_params(epochs=30, n_networks=5)  # three wait for their turn
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(X, y)
    assert fitted._fitted_state is before
    assert time.perf_counter() - started < 30


@pytest.mark.long
def test_every_ctrl_c_is_heard_soon():
    """Ctrl-C from outside, at any moment of a fit."""
    draw = random.Random(0)
    fitted = LSTMClassifier(**ENSEMBLE | {"epochs": 10**6})

    def interrupt_after(seconds):
        return seconds_until_ctrl_c_ends(lambda: fitted.fit(X, y), seconds)

    interrupt_after(5)  # compiles
    assert max(interrupt_after(draw.uniform(0.02, 0.3)) for _ in range(10)) < 1.5


@pytest.mark.parametrize("network", [0, 1])
def test_ctrl_c_in_turns(network):
    """Of two networks, only the second can be the last to be interrupted."""
    epochs = []

    def press_in_turn(epoch, logs):
        epochs.append(epoch)
        if len(epochs) == 3 * network + 1 + (network == 1):
            press()

    fitted = LSTMClassifier(**ENSEMBLE | {"epochs": 3}, callbacks=[press_in_turn])
    if network == 0:
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X, y)
        assert len(epochs) == 1
        assert not fitted.__sklearn_is_fitted__()
    else:
        with pytest.warns(UserWarning, match="Training was interrupted"):
            fitted.fit(X, y)
        assert [len(history["loss"]) for history in fitted.histories_] == [3, 2]
