"""How `LSTMForecaster` is trained: seeds, early stopping, fits that go on, calibration."""

import os
import signal

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from panels import COLUMNS
from sklstm import persistence
from sklstm.forecasting import LSTMForecaster
from sklstm.forecasting._base_forecaster import auto_epochs
from small_forecasters import (
    FUTURE,
    HISTORY,
    HORIZON,
    TINY,
    VALUES,
    assert_same_forecasts,
    cut,
    forecaster,
    plain_forecaster,
    table,
)
from tasks import assert_same_weights


class StoppedError(Exception):
    """Raised where a test stops a fit."""


def stop_at(n):
    """A callback that stops a fit at the end of its n-th epoch."""
    heard = []

    def stop(epoch, logs):
        heard.append(epoch)
        if len(heard) == n:
            raise StoppedError

    return stop


# --- seeds and parameters of the network ---


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"n_networks": 2},
        {"bidirectional": True, "dense_units": 3, "units": [3, 4], "dropout": 0.2},
        {"early_stopping": True, "conformal": True, "n_iter_no_change": 1},
    ],
    ids=str,
)
def test_a_seed_gives_the_same_bits(parameters):
    one, other = (forecaster(**parameters).fit(HISTORY) for _ in range(2))
    assert_same_weights(one, other)
    assert one.histories_ == other.histories_
    assert_same_forecasts(one.predict(HISTORY, FUTURE), other.predict(HISTORY, FUTURE))
    forecasts = one.predict(HISTORY, FUTURE)[VALUES[1:]].to_numpy()
    assert np.isfinite(forecasts).all()
    assert (np.diff(forecasts) > 0).all()
    third = forecaster(**parameters | {"random_state": 1}).fit(HISTORY)
    assert not np.array_equal(third.predict(HISTORY, FUTURE)[VALUES[1:]], forecasts)


def test_what_does_not_change_a_fit():
    expected = forecaster().fit(HISTORY)
    for same in (
        {"units": [4]},
        {"lags": [7]},
        {"quantiles": [0.1, 0.5, 0.9]},
        {"series": ["shop"]},
    ):
        assert_same_weights(forecaster(**same).fit(HISTORY), expected)


def test_several_networks_are_averaged():
    both = forecaster(n_networks=2).fit(HISTORY)
    assert len(both.histories_) == 2
    weights = both._fitted_state.network.weights
    first, second = (weights[f"network_{k}/dense_0/kernel"] for k in range(2))
    assert not np.array_equal(first, second)
    assert both._fitted_state.network.spec.n_networks == 2


def test_epochs_follow_the_number_of_windows():
    assert auto_epochs(100, 1600) == 10
    assert auto_epochs(3200, 1600) == 14
    assert auto_epochs(10**7, 1600) == 80
    assert plain_forecaster(epochs="auto").fit(HISTORY).n_iter_ == 10


def test_callbacks_and_progress(capsys):
    heard = []
    model = plain_forecaster(callbacks=[lambda epoch, logs: heard.append(logs["loss"])], verbose=1)
    model.fit(HISTORY)
    assert heard == model.history_["loss"]
    assert len(heard) == 2
    assert "loss" in "".join(capsys.readouterr())


def test_early_stopping_holds_out_the_last_time_steps():
    """The last horizon decides when to stop, and nothing of it is learnt."""
    settings = {"early_stopping": True, "epochs": 6, "n_iter_no_change": 2, "learning_rate": 0.05}
    model = plain_forecaster(**settings).fit(HISTORY)
    assert {"loss", "val_loss"} <= set(model.history_)
    assert 3 <= model.n_iter_ <= 6
    earlier, _ = cut(HISTORY)
    n_best = 1 + int(np.argmin(model.history_["val_loss"]))
    alone = plain_forecaster(**settings | {"early_stopping": False}).fit(earlier)
    np.testing.assert_allclose(
        model.history_["loss"][:n_best], alone.history_["loss"][:n_best], rtol=1e-5
    )


def test_early_stopping_needs_values_to_hold_out():
    is_late = HISTORY["date"] > HISTORY["date"].max() - pd.Timedelta(days=HORIZON)
    history = HISTORY.assign(sales=HISTORY["sales"].mask(is_late))
    with pytest.raises(ValueError, match=r"the last 3 time .* 'sales' is known in none of them"):
        plain_forecaster(early_stopping=True).fit(history)
    history.loc[HISTORY["shop"] == "a", "sales"] = 5.0
    model = plain_forecaster(early_stopping=True).fit(history)
    assert (np.array(model.history_["val_loss"]) > 0).all()


# --- fits that go on ---


def test_warm_start_goes_on():
    model = plain_forecaster(warm_start=True).fit(HISTORY)
    first = model.history_["loss"]
    model.set_params(lags=[7], quantiles=[0.1, 0.5, 0.9]).fit(HISTORY)
    assert model.n_iter_ == 4
    assert model.history_["loss"][:2] == first
    assert plain_forecaster().fit(HISTORY).fit(HISTORY).n_iter_ == 2


def test_warm_start_takes_other_series():
    model = forecaster(warm_start=True, epochs=1).fit(HISTORY)
    other = table(30, ("x", "yy")).assign(holiday="new", region="new")
    model.fit(other)
    assert model.n_iter_ == 2
    assert model._fitted_state.data.targets.known["holiday"].categories == ("none", "feast")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizon": 2}, "horizon=2 cannot go on from a fit with horizon=3"),
        ({"lags": (8,)}, r"lags=\(8,\) cannot go on from a fit with lags=\(7,\)"),
        ({"quantiles": (0.5,)}, "quantiles=.* cannot go on"),
        ({"known": None}, "known=None cannot go on from a fit with known=.'promotion', 'holiday'"),
        ({"lookback": 9}, "lookback=9 cannot go on"),
        ({"calendar": False}, "calendar=False cannot go on"),
        ({"conformal": True}, "conformal=True cannot go on"),
        ({"units": 5}, r"the network has changed since: units=\(5,\)"),
    ],
    ids=str,
)
def test_what_a_fit_that_goes_on_cannot_change(changes, message, fitted):
    model = fitted._with_state(fitted._fitted_state).set_params(warm_start=True, **changes)
    before = model._fitted_state
    with pytest.raises(ValueError, match=message):
        model.fit(HISTORY)
    assert model._fitted_state is before


def test_a_fit_that_fails_leaves_the_old_state():
    model = plain_forecaster().fit(HISTORY)
    expected = model.predict(HISTORY)
    model.set_params(callbacks=[stop_at(1)])
    with pytest.raises(StoppedError):
        model.fit(HISTORY.assign(sales=HISTORY["sales"] * 5))
    assert_same_forecasts(model.predict(HISTORY), expected)
    model.set_params(callbacks=None)
    with pytest.raises(ValueError, match="holds inf"):
        model.fit(HISTORY.assign(sales=np.inf))
    assert_same_forecasts(model.predict(HISTORY), expected)


def interrupt(epoch, logs):
    """Send Ctrl-C in the second epoch."""
    if epoch == 1:
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_while_quantiles_are_calibrated_leaves_the_old_state():
    model = plain_forecaster(conformal=True, epochs=50, callbacks=[interrupt])
    with pytest.raises(KeyboardInterrupt):
        model.fit(HISTORY)
    assert not hasattr(model, "_fitted_state")


def test_ctrl_c_keeps_what_was_learnt():
    model = plain_forecaster(epochs=50, callbacks=[interrupt])
    with pytest.warns(ConvergenceWarning, match="Training was interrupted: the weights") as heard:
        model.fit(HISTORY)
    assert heard[0].filename == __file__
    assert model.interrupted_
    assert 2 <= model.n_iter_ < 50
    assert np.isfinite(model.predict(HISTORY)[VALUES]).all(axis=None)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"early_stopping": True}, {"n_networks": 2, "conformal": True}],
    ids=str,
)
def test_a_checkpoint_goes_on_to_the_same_bits(parameters, tmp_path):
    parameters = {"epochs": 3} | parameters
    n_before = 3 if parameters.get("conformal") else 0  # heard of by callbacks, too
    whole = plain_forecaster(**parameters, checkpoint=tmp_path / "whole").fit(HISTORY)
    path = tmp_path / "parts"
    stops = [stop_at(2 + n_before * parameters.get("n_networks", 1))]
    with pytest.raises(StoppedError):
        plain_forecaster(**parameters, checkpoint=path, callbacks=stops).fit(HISTORY)
    assert len(persistence.load(path).predict(HISTORY)) == 9
    resumed = plain_forecaster(**parameters, checkpoint=path).fit(HISTORY)
    assert_same_weights(resumed, whole)
    assert_same_forecasts(resumed.predict(HISTORY), whole.predict(HISTORY))
    assert resumed.histories_ == whole.histories_
    with pytest.raises(ValueError, match="that learnt other data"):
        resumed.fit(HISTORY.assign(sales=1 + HISTORY["sales"]))
    with pytest.raises(ValueError, match="that had units=4, and this has units=5"):
        resumed.set_params(units=5).fit(HISTORY)


# --- calibration ---


def noisy(n_series=12, n=90, seed=0):
    """Noise whose spread doubles in the second half of the week, and that has heavy tails."""
    rng = np.random.default_rng(seed)
    days = np.tile(np.arange(n), n_series)
    noise = rng.standard_t(3, size=len(days)) * np.where(days % 7 > 3, 4.0, 1.0)
    return pd.DataFrame(
        {
            "shop": np.repeat(np.arange(n_series), n),
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(days, "D"),
            "sales": 50 + noise,
        }
    )


def coverage(model, history, future):
    forecasts = model.predict(history)
    is_inside = (future["sales"] >= forecasts["sales_0.1"]) & (
        future["sales"] <= forecasts["sales_0.9"]
    )
    return is_inside.mean()


@pytest.mark.slow
def test_calibration_moves_the_coverage_to_its_level():
    """After little training the intervals are far too wide or too narrow."""
    history, future = cut(noisy(), 7)
    settings = COLUMNS | TINY | {"horizon": 7, "epochs": 1, "quantiles": (0.1, 0.9)}
    plain, conformal = (
        LSTMForecaster(**settings, conformal=conformal).fit(history) for conformal in (False, True)
    )
    before, after = (coverage(model, history, future) for model in (plain, conformal))
    assert abs(before - 0.8) > 0.1
    assert after == pytest.approx(0.8, abs=0.09)
    assert plain.predict(history)["sales"].equals(conformal.predict(history)["sales"])
    quantiles = conformal.predict(history)[["sales_0.1", "sales", "sales_0.9"]].to_numpy()
    assert (np.diff(quantiles) >= 0).all()
    offsets = conformal._fitted_state.data.targets.offsets
    assert offsets.shape == (7, 3)
    assert (offsets[:, 1] == 0).all()


def test_too_few_errors_for_a_calibration():
    history = HISTORY.groupby("shop").head(8)
    with pytest.raises(ValueError, match="are known to calibrate the quantiles"):
        plain_forecaster(conformal=True, quantiles=(0.001, 0.5)).fit(history)
