"""What `LSTMForecaster` learns, and the frames that it takes and returns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from panels import COLUMNS
from sklstm.forecasting import LSTMForecaster
from small_forecasters import (
    FUTURE,
    HISTORY,
    HORIZON,
    KEYS,
    QUANTILES,
    TINY,
    VALUES,
    assert_same_forecasts,
    cut,
    forecaster,
    plain_forecaster,
    table,
)

LEARNING = {
    "units": 8,
    "epochs": 15,
    "batch_size": 16,
    "batches_per_epoch": 20,
    "lookback": 8,
    "lags": (7,),
    "calendar": False,
    "learning_rate": 0.02,
    "bidirectional": False,
    "n_networks": 1,
    "random_state": 0,
}


def errors(forecasts, truth, scale=None):
    both = forecasts.merge(truth[[*KEYS, "sales"]], on=KEYS, suffixes=("", "_true"))
    assert len(both) == len(truth)
    return (both["sales"] - both["sales_true"]).abs() / (both["shop"].map(scale) if scale else 1)


# --- learning ---


@pytest.mark.slow
def test_a_promotion_that_is_known_decides_the_future():
    """Of shops that differ by a factor of 1000, with promotions at random."""
    rng, parts = np.random.default_rng(0), []
    scale = {"small": 1.0, "large": 1000.0}
    for name, size in scale.items():
        promotion = rng.integers(0, 2, 150)
        dates = pd.date_range("2024-01-01", periods=150)
        sales = size * (10 + 4 * promotion)
        parts.append(
            pd.DataFrame({"shop": name, "date": dates, "promotion": promotion, "sales": sales})
        )
    history, future = cut(pd.concat(parts))
    model = LSTMForecaster(HORIZON, **COLUMNS | LEARNING, known="promotion").fit(history)
    assert errors(model.predict(history, future), future, scale).max() < 0.8
    swapped = future.assign(promotion=1 - future["promotion"])
    changes = model.predict(history, swapped)["sales"] - model.predict(history, future)["sales"]
    expected = 4 * (1 - 2 * future["promotion"]) * future["shop"].map(scale)
    assert_allclose(changes / expected, 1, atol=0.25)
    assert (
        errors(plain_forecaster(**LEARNING).fit(history).predict(history), future, scale).max() > 1
    )


@pytest.mark.slow
def test_the_value_of_a_season_ago_is_learnt():
    """Each shop has a season of 20 time steps of its own, longer than the lookback."""
    patterns = np.random.default_rng(1).normal(size=(20, 20))
    frame = pd.DataFrame(
        {
            "shop": np.repeat(np.arange(20), 80),
            "date": np.tile(pd.date_range("2024-01-01", periods=80), 20),
            "sales": 10 + np.tile(patterns, 4).ravel(),
        }
    )
    history, future = cut(frame, 5)
    settings = COLUMNS | LEARNING
    model = LSTMForecaster(5, **settings | {"lags": (20,)}).fit(history)
    assert errors(model.predict(history), future).mean() < 0.25
    without = LSTMForecaster(5, **settings | {"lags": ()}).fit(history)
    assert errors(without.predict(history), future).mean() > 0.5


@pytest.mark.slow
def test_quantiles_are_those_of_the_noise():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "shop": np.repeat(np.arange(20), 120),
            "date": np.tile(pd.date_range("2024-01-01", periods=120), 20),
            "sales": 50 + rng.normal(size=2400) * 5,
        }
    )
    history, future = cut(frame, 20)
    settings = COLUMNS | LEARNING | {"lookback": 20, "lags": (), "learning_rate": 0.005}
    model = LSTMForecaster(20, **settings, quantiles=(0.1, 0.9)).fit(history)
    forecasts = model.predict(history)
    below, above = (future["sales"] < forecasts[f"sales_{q}"] for q in (0.1, 0.9))
    assert below.mean() == pytest.approx(0.1, abs=0.05)
    assert above.mean() == pytest.approx(0.9, abs=0.05)


# --- the frame of forecasts ---


def test_forecasts_have_a_row_for_each_series_and_time_step(fitted):
    forecasts = fitted.predict(HISTORY, FUTURE)
    assert forecasts.columns.tolist() == [*KEYS, *VALUES]
    pd.testing.assert_frame_equal(forecasts[KEYS], FUTURE[KEYS])
    assert np.isfinite(forecasts[VALUES]).all(axis=None)
    low, middle, high = forecasts[QUANTILES].to_numpy().T
    assert (low < middle).all()
    assert (middle < high).all()
    np.testing.assert_array_equal(forecasts["sales"], middle)


@pytest.mark.parametrize(
    ("quantiles", "columns"),
    [
        ((), ["sales"]),
        ((0.5,), ["sales", "sales_0.5"]),
        ([0.05, 0.95], ["sales", "sales_0.05", "sales_0.95"]),
        (np.array([0.25]), ["sales", "sales_0.25"]),
    ],
)
def test_the_median_is_always_there(quantiles, columns):
    model = plain_forecaster(epochs=1, quantiles=quantiles).fit(HISTORY)
    assert model.predict(HISTORY).columns.tolist() == [*KEYS, *columns]
    assert model.set_params(quantiles=(0.3,)).predict(HISTORY).columns.tolist() == [*KEYS, *columns]


FORMS = {
    "rows in another order": lambda f: f.sample(frac=1, random_state=0),
    "index levels": lambda f: f.set_index(KEYS),
    "categories": lambda f: f.astype({"shop": "category", "holiday": "category"}),
    "nullable": lambda f: f.convert_dtypes(),
    "booleans": lambda f: f.astype({"promotion": bool}),
    "more columns": lambda f: f.assign(note="x", when=pd.Timestamp("2024-01-01")),
    "dates as text": lambda f: f.assign(date=f["date"].astype(str)),
}


@pytest.mark.parametrize("change", FORMS.values(), ids=FORMS)
def test_forms_of_a_frame_are_forecast_alike(change, fitted):
    expected = fitted.predict(HISTORY, FUTURE)
    forecasts = fitted.predict(change(HISTORY), change(FUTURE)).astype({"shop": str})
    forecasts = forecasts.sort_values(KEYS, ignore_index=True)
    assert forecasts["shop"].tolist() == expected["shop"].tolist()
    assert forecasts["date"].tolist() == expected["date"].tolist()
    assert_allclose(forecasts[VALUES], expected[VALUES], rtol=1e-6)


def test_polars_is_fitted_and_forecast_as_pandas_is(fitted):
    history, future = pl.from_pandas(HISTORY), pl.from_pandas(FUTURE)
    before = history.clone(), future.clone()
    forecasts = forecaster().fit(history).predict(history, future)
    assert isinstance(forecasts, pl.DataFrame)
    expected = fitted.predict(HISTORY, FUTURE)
    assert forecasts.columns == expected.columns.tolist()
    assert forecasts.equals(pl.from_pandas(expected).cast(dict(forecasts.schema)))
    assert history.equals(before[0])
    assert future.equals(before[1])


def test_frames_are_not_changed():
    history, future = HISTORY.copy(), FUTURE.copy()
    for frame in (history, future):
        for name in ("sales", "promotion", "visitors"):
            frame[name].to_numpy(copy=False).flags.writeable = False
    model = forecaster(epochs=1, early_stopping=True).fit(history)
    model.predict(history, future)
    model.score(history)
    pd.testing.assert_frame_equal(history, HISTORY)
    pd.testing.assert_frame_equal(future, FUTURE)


def test_a_single_series():
    history = HISTORY.loc[HISTORY["shop"] == "a", ["date", "sales"]]
    model = plain_forecaster(series=None, epochs=1).fit(history)
    forecasts = model.predict(history)
    assert forecasts.columns.tolist() == ["date", *VALUES]
    assert len(forecasts) == HORIZON


def test_numbers_of_time_and_no_known_frequency():
    frame = pd.DataFrame({"time": np.arange(0, 400, 10), "y": np.arange(40.0) % 4})
    model = LSTMForecaster(2, **TINY).fit(frame)
    assert model.frequency_ == 10
    assert model.predict(frame)["time"].tolist() == [400, 410]


def test_what_a_fit_has_resolved():
    model = plain_forecaster(lookback="auto", lags="auto", epochs=1).fit(HISTORY)
    assert (model.frequency_, model.lookback_, model.lags_) == (
        "D",
        28,
        (7, 14, 21, 28, 364),
    )


# --- series of a history that is not the one of fit ---


def test_series_that_end_earlier_are_forecast_from_their_end(fitted):
    keep = ~((HISTORY["shop"] == "bb") & (HISTORY["date"] > "2024-02-01"))
    dates = pd.date_range("2024-02-02", periods=HORIZON)
    later = FUTURE.loc[FUTURE["shop"] == "bb"].assign(date=dates)
    forecasts = fitted.predict(HISTORY[keep], pd.concat([FUTURE, later]))
    assert forecasts.loc[forecasts["shop"] == "bb", "date"].tolist() == dates.tolist()
    others = fitted.predict(HISTORY, FUTURE)
    is_other = forecasts["shop"] != "bb"
    assert_allclose(forecasts.loc[is_other, VALUES], others.loc[is_other, VALUES], rtol=1e-6)


def test_series_that_are_new_or_short(fitted):
    history, future = cut(table(40, ("a", "dddd")))
    history = pd.concat([history[history["shop"] == "a"], history[history["shop"] == "dddd"][-1:]])
    forecasts = fitted.predict(history, future.assign(holiday="unknown"))
    assert forecasts["shop"].tolist() == ["a"] * 3 + ["dddd"] * 3
    assert np.isfinite(forecasts[VALUES]).all(axis=None)
    level = history["sales"].iloc[-1]
    assert_allclose(forecasts["sales"][3:], level, rtol=1)


def test_a_series_does_not_depend_on_the_others(fitted):
    alone = fitted.predict(HISTORY[HISTORY["shop"] == "bb"], FUTURE)
    among = fitted.predict(HISTORY, FUTURE)
    expected = among[among["shop"] == "bb"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected, rtol=1e-6)


def test_missing_values_and_missing_days_are_learnt_and_forecast():
    history = HISTORY.copy()
    history.loc[[5, 6, 36], ["sales", "visitors"]] = np.nan
    expected = forecaster(epochs=1).fit(history).predict(history, FUTURE)
    assert np.isfinite(expected[VALUES]).all(axis=None)
    without = HISTORY.drop([5, 6])
    with pytest.warns(
        UserWarning, match=r"lacks 2 time step\(s\) .* 2024-01-06 of the series sho"
    ) as heard:
        model = forecaster(epochs=1).fit(without)
    assert heard[0].filename == __file__
    with pytest.warns(UserWarning, match="lacks 2 time step") as heard:
        assert len(model.predict(without, FUTURE)) == 9
    assert heard[0].filename == __file__


def test_a_series_whose_last_values_are_missing_goes_on_from_its_level(fitted):
    history = HISTORY.copy()
    is_first = history["shop"] == "a"
    history.loc[is_first & (history["date"] > "2024-01-20"), "sales"] = np.nan
    forecasts = fitted.predict(history, FUTURE)
    mean = history.loc[is_first, "sales"].mean()
    assert forecasts.loc[:2, "sales"].mean() == pytest.approx(mean, rel=0.5)


@pytest.mark.parametrize("value", [7.0, 0.0, -3.0])
def test_a_constant_series(value):
    history = HISTORY.assign(sales=value)
    forecasts = plain_forecaster(epochs=1, conformal=False).fit(history).predict(history)
    assert np.isfinite(forecasts[VALUES]).all(axis=None)


@pytest.mark.parametrize("dtype", ["int16", "bool", "Int64", "float32", "boolean"])
def test_dtypes_of_the_target(dtype):
    history = HISTORY.assign(sales=(HISTORY["sales"] % 2 > 1).astype(float))
    expected = plain_forecaster(epochs=1).fit(history).predict(history)
    history = history.astype({"sales": dtype})
    assert_same_forecasts(plain_forecaster(epochs=1).fit(history).predict(history), expected)


def test_a_static_value_may_have_changed_since_the_fit(fitted):
    """The network is told the value of the history that it is given, known or unknown."""
    expected = fitted.predict(HISTORY, FUTURE)
    moved = fitted.predict(HISTORY.assign(region="south"), FUTURE)
    unknown = fitted.predict(HISTORY.assign(region="west"), FUTURE)
    was_south = expected["shop"] == "bb"
    assert_allclose(moved.loc[was_south, VALUES], expected.loc[was_south, VALUES], rtol=1e-6)
    assert not np.isclose(moved.loc[~was_south, "sales"], expected.loc[~was_south, "sales"]).any()
    assert np.isfinite(unknown[VALUES]).all(axis=None)


def test_static_columns_may_name_the_series():
    model = plain_forecaster(epochs=1, static="shop").fit(HISTORY)
    assert np.isfinite(model.predict(HISTORY)[VALUES]).all(axis=None)
    other = HISTORY.assign(shop=HISTORY["shop"] + "!")
    assert model.predict(other)["shop"].unique().tolist() == ["a!", "bb!", "ccc!"]
