"""`LSTMForecaster` as an estimator of scikit-learn: parameters, copies, searches, threads."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils import estimator_html_repr, get_tags

from panels import COLUMNS
from sklstm.forecasting import LSTMForecaster, RollingOrigin
from sklstm.forecasting._metrics import mean_absolute_scaled_error
from small_forecasters import (
    FUTURE,
    HISTORY,
    HORIZON,
    KEYS,
    TINY,
    VALUES,
    assert_same_forecasts,
    cut,
    forecaster,
    plain_forecaster,
    table,
)
from tasks import REFUSE_TENSORFLOW, run_script

# --- parameters ---


def test_parameters_are_kept_as_they_are():
    parameters = {"quantiles": [0.1, 0.9], "known": ["promotion"], "lags": (7,), "units": [4, 3]}
    model = LSTMForecaster(**parameters)
    for name, value in parameters.items():
        assert getattr(model, name) is value
    assert model.get_params()["units"] == [4, 3]
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(horizon=9).horizon == 9
    with pytest.raises(ValueError, match="Invalid parameter 'season'"):
        model.set_params(season=7)


def test_the_constructor_does_not_validate():
    model = LSTMForecaster(horizon="a", target=1, quantiles=None, lags={}, units=-1)
    assert model.get_params()["horizon"] == "a"


def test_it_is_shown():
    model = forecaster()
    assert "target='sales'" in repr(model)
    assert "LSTMForecaster" in estimator_html_repr(model)
    assert "LSTMForecaster" in model._repr_html_()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": 0}, "'horizon' parameter of LSTMForecaster"),
        ({"horizon": 1.5}, "'horizon' parameter"),
        ({"target": 5}, "'target' parameter"),
        ({"time": None}, "'time' parameter"),
        ({"series": 3}, "'series' parameter"),
        ({"known": 3}, "'known' parameter"),
        ({"lookback": "all"}, "'lookback' parameter"),
        ({"lookback": 0}, "'lookback' parameter"),
        ({"lags": "week"}, "'lags' parameter"),
        ({"calendar": "yes"}, "'calendar' parameter"),
        ({"frequency": -1}, "'frequency' parameter"),
        ({"quantiles": 0.5}, "'quantiles' parameter"),
        ({"batches_per_epoch": 0}, "'batches_per_epoch' parameter"),
        ({"epochs": "many"}, "'epochs' parameter"),
        ({"n_networks": 0}, "'n_networks' parameter"),
        ({"conformal": "yes"}, "'conformal' parameter"),
        ({"units": [4, 0]}, r"units=\[4, 0\] is not valid"),
        ({"dense_units": "a"}, "dense_units"),
        ({"quantiles": (0.9, 0.1)}, r"quantiles=\(0.9, 0.1\) is not valid: give numbers between 0"),
        ({"quantiles": (0, 0.5)}, "quantiles=.* is not valid"),
        ({"quantiles": (0.5, 0.5)}, "quantiles=.* is not valid"),
        ({"quantiles": ["a"]}, "quantiles=.* is not valid"),
        ({"quantiles": [[0.1]]}, "quantiles=.* is not valid"),
        ({"lags": (2,)}, r"lags=\(2,\) is not valid: give ints of at least horizon=3"),
        ({"lags": (7.5,)}, "lags=.* is not valid"),
        ({"lags": ("a",)}, "lags=.* is not valid"),
        ({"known": [1]}, r"known=\[1\] is not valid: give the name of a column"),
        ({"known": ["promotion"] * 2}, r"known=\['promotion', 'promotion'\] names a column twice"),
        ({"known": "sales"}, "'sales' is both target and known: a column has one role"),
        ({"observed": "date"}, "'date' is both time and observed"),
        ({"series": "sales"}, "'sales' is both target and series"),
        ({"time": "sales"}, "'sales' is both target and time"),
        ({"known": "visitors", "observed": "visitors"}, "'visitors' is both known and observed"),
        ({"known": "weather"}, "history lacks the column 'weather'. Its columns are"),
        ({"static": ["town"]}, "history lacks the column 'town'"),
        ({"target": "revenue"}, "history lacks the column 'revenue'"),
        ({"series": ["shop", "town"]}, "history lacks the column 'town'"),
        ({"static": "promotion"}, "'promotion' of history is static, but of the series shop='a'"),
        ({"target": "holiday"}, "history holds 'none' in row 0, column 'holiday', which is not"),
        ({"time": "shop"}, "column 'shop'|'shop' is both"),
        ({"frequency": "fortnight"}, "frequency='fortnight' is not valid"),
        ({"optimizer": "best"}, "'optimizer' parameter"),
        ({"keras_params": {"beta": 1}}, "keras_params holds 'beta'"),
        (
            {"horizon": 40, "lags": (40,)},
            r"no window to learn from: its longest series has 37 time",
        ),
        ({"horizon": 40, "lags": (40,), "early_stopping": True}, "no window to learn from"),
        ({"horizon": 40, "lags": (40,), "conformal": True}, "no window|known to calibrate"),
        ({"checkpoint": "x", "warm_start": True}, "set one of them"),
    ],
    ids=str,
)
def test_parameters_that_are_not_valid_are_named(parameters, message):
    model = plain_forecaster(**parameters)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(HISTORY)
    assert vars(model) == before


@pytest.mark.parametrize("method", ["predict", "score", "summary", "to_onnx", "to_keras"])
def test_what_is_not_fitted_says_so(method):
    arguments = (HISTORY,) if method in ("predict", "score") else ()
    with pytest.raises(NotFittedError, match="LSTMForecaster instance is not fitted yet"):
        getattr(forecaster(), method)(*arguments)
    for name in ("history_", "frequency_", "lags_", "lookback_", "n_iter_"):
        with pytest.raises(NotFittedError):
            getattr(forecaster(), name)


def test_tags():
    tags = get_tags(forecaster())
    assert not tags.target_tags.required
    assert tags.input_tags.allow_nan
    assert tags.input_tags.categorical


# --- what does not fit in a frame ---


@pytest.mark.parametrize("frame", [HISTORY.to_numpy(), None, "history.csv", [1, 2]], ids=type)
def test_what_is_no_frame(frame, fitted):
    with pytest.raises(TypeError, match=r"history is a .*: valid is a long DataFrame"):
        fitted.predict(frame)
    with pytest.raises(TypeError, match=r"future is a .*: valid is a long DataFrame"):
        fitted.predict(HISTORY, [1, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[:0], "history has no rows"),
        (lambda f: f.assign(sales=np.inf), "history holds inf in row 0, column 'sales'"),
        (lambda f: f.assign(sales="a"), "history holds 'a' in row 0, column 'sales'"),
        (lambda f: f.assign(promotion="a"), "history holds 'a' in row 0, column 'promotion'"),
        (
            lambda f: f.assign(holiday=1),
            "column 'holiday' of history holds numbers, such as 1, but",
        ),
        (lambda f: f.assign(region=1.5), "column 'region' of history holds numbers"),
        (
            lambda f: f.assign(sales=np.nan),
            "history holds no value of 'sales' for the series shop='a",
        ),
        (lambda f: f.assign(date=f["date"].dt.day), "frequency='D' is not valid: .* holds numbers"),
        (lambda f: pd.concat([f, f]), "history has two rows for the series shop='a' at 2024-01-01"),
    ],
)
def test_histories_that_are_refused(change, message, fitted):
    with pytest.raises(ValueError, match=message):
        fitted.predict(change(HISTORY), FUTURE)


def test_a_history_without_values_cannot_be_learnt():
    message = "no window to learn from: its longest series has 37 .* with known values before"
    with pytest.raises(ValueError, match=message):
        plain_forecaster().fit(HISTORY.assign(sales=np.nan))
    with pytest.raises(ValueError, match="no window to learn from: its longest series has 3 time"):
        plain_forecaster(frequency="D").fit(HISTORY.groupby("shop").head(3))
    with pytest.raises(ValueError, match=r"holds 1 different time\(s\)"):
        plain_forecaster().fit(HISTORY[:1])


def test_the_future_is_asked_for(fitted):
    with pytest.raises(ValueError, match=r"fitted with known=.'promotion', 'holiday'.: pass their"):
        fitted.predict(HISTORY)


def test_forecasts_may_not_cover_other_columns():
    history = HISTORY.rename(columns={"shop": "sales_0.9"})
    with pytest.raises(ValueError, match=r"'sales_0.9' is a column of series, and the name of a"):
        plain_forecaster(series="sales_0.9").fit(history)
    with pytest.raises(ValueError, match=r"have the same column 'sales_0.3' in the forecasts"):
        plain_forecaster(quantiles=(0.3, 0.30000001)).fit(HISTORY)


# --- copies ---


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_forecast_the_same(copied, fitted):
    other = copied(fitted)
    assert_same_forecasts(other.predict(HISTORY, FUTURE), fitted.predict(HISTORY, FUTURE))
    assert not hasattr(clone(fitted), "_fitted_state")


def test_predict_changes_nothing_in_the_estimator(fitted):
    fitted = pickle.loads(pickle.dumps(fitted))
    before = pickle.dumps(fitted)
    fitted.predict(HISTORY, FUTURE)
    fitted.score(HISTORY)
    fitted.to_onnx()
    fitted.summary()
    assert pickle.dumps(fitted) == before


PREDICT = """
import joblib
model, history, future, expected = joblib.load(sys.argv[1])
assert model.predict(history, future).equals(expected)
"""


def test_forecasts_need_no_tensorflow(fitted, tmp_path):
    expected = fitted.predict(HISTORY, FUTURE)
    joblib.dump((fitted, HISTORY, FUTURE, expected), tmp_path / "all.joblib")
    run_script(REFUSE_TENSORFLOW + PREDICT, tmp_path / "all.joblib")


def test_threads_forecast_side_by_side(fitted):
    expected = fitted.predict(HISTORY, FUTURE)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda _: fitted.predict(HISTORY, FUTURE), range(6)):
            assert_same_forecasts(found, expected)


# --- scores and searches ---


def test_the_score_is_minus_the_scaled_error():
    history, future = cut(table())
    model = plain_forecaster().fit(history)
    forecasts = model.predict(history)["sales"].to_numpy().reshape(3, HORIZON)
    truth = future["sales"].to_numpy().reshape(3, HORIZON)
    past = history["sales"].to_numpy().reshape(3, -1)
    scale = np.abs(past[:, 7:] - past[:, :-7]).mean(axis=1)
    expected = (np.abs(truth - forecasts).mean(axis=1) / scale).mean()
    assert model.score(table()) == pytest.approx(-expected)
    assert mean_absolute_scaled_error(truth, forecasts, scale)[0] == pytest.approx(expected)


@pytest.mark.slow
def test_a_search_with_rolling_origins():
    cv = RollingOrigin(2, horizon=HORIZON, time="date")
    search = GridSearchCV(forecaster(epochs=1), {"units": [3, 4], "lags": [(7,), [7, 14]]}, cv=cv)
    search.fit(table())
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.units == search.best_params_["units"]
    later = FUTURE.assign(date=FUTURE["date"] + pd.Timedelta(days=HORIZON))
    forecasts = search.best_estimator_.predict(table(), later)
    assert forecasts["date"].tolist() == later["date"].tolist()
    best = clone(forecaster(epochs=1)).set_params(**search.best_params_)
    scores = cross_val_score(best, table(), cv=cv)
    assert scores.mean() == pytest.approx(search.best_score_)
    assert_same_forecasts(best.fit(table()).predict(table(), later), forecasts)


def test_joblib_workers_forecast(fitted):
    parts = [HISTORY[HISTORY["shop"] == name] for name in ("a", "bb")]
    jobs = (joblib.delayed(fitted.predict)(part, FUTURE) for part in parts)
    forecasts = pd.concat(joblib.Parallel(2, prefer="threads")(jobs), ignore_index=True)
    expected = fitted.predict(HISTORY, FUTURE)[: 2 * HORIZON]
    assert forecasts[KEYS].equals(expected[KEYS])
    np.testing.assert_allclose(forecasts[VALUES], expected[VALUES], rtol=1e-6)


def test_defaults_of_columns_are_y_and_time():
    frame = HISTORY[HISTORY["shop"] == "a"].rename(columns={"sales": "y", "date": "time"})
    model = LSTMForecaster(2, **TINY).fit(frame, None)
    assert model.predict(frame).columns[:2].tolist() == ["time", "y"]
    assert COLUMNS["target"] != "y"
