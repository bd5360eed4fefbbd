"""Forecasts of the past, which never see what came after."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor

from panels import COLUMNS, Remembering, calls, day, shop, shops
from sklstm.forecasting import SeasonalNaiveForecaster, backtest

NAIVE = SeasonalNaiveForecaster(7, **COLUMNS)


@pytest.mark.parametrize("known", [None, ["promotion"]])
def test_nothing_after_the_origin_is_seen(known):
    frame, log = shops(n=30).sample(frac=1, random_state=0), []
    result = backtest(Remembering(2, known=known, log=log), frame, n_origins=3)
    ends = [day(24), day(26), day(28)]
    assert sorted(set(result.forecasts["origin"])) == ends
    assert [fitted[1]["date"].max() for fitted in calls(log, "fit")] == ends
    for (_, history, future), end in zip(calls(log, "predict"), ends, strict=True):
        assert history["date"].max() == end
        pd.testing.assert_frame_equal(history, frame[frame["date"] <= end])
        if known is None:
            assert future is None
        else:
            ahead = (frame["date"] > end) & (frame["date"] <= end + pd.Timedelta(days=2))
            expected = frame.loc[ahead, ["shop", "date", "promotion"]]
            pd.testing.assert_frame_equal(future, expected)


def test_the_long_frame_of_forecasts():
    frame = shops(n=30)
    result = backtest(Remembering(2, log=[]), frame, n_origins=3, step=5)
    forecasts = result.forecasts
    columns = ["origin", "shop", "date", "step", "truth", "sales", "sales_0.9"]
    assert list(forecasts.columns) == [*columns, "seasonal_naive", "seasonal_naive_0.9"]
    assert len(forecasts) == 3 * 3 * 2
    assert sorted(set(forecasts["origin"])) == [day(18), day(23), day(28)]
    steps = (forecasts["date"] - forecasts["origin"]).dt.days
    assert list(forecasts["step"]) == list(steps) == [1, 2] * 9
    at = frame.set_index(["shop", "date"])["sales"]
    for row in forecasts.itertuples():
        assert row.truth == at[row.shop, row.date]
        assert row.sales == at[row.shop, row.origin]
        assert row.seasonal_naive == at[row.shop, row.date - pd.Timedelta(days=7)]
    assert (forecasts["sales_0.9"] == forecasts["sales"] + 1).all()


def test_the_future_of_known_columns_is_that_of_the_truth():
    frame = shops(n=30)
    forecasts = backtest(Remembering(3, known=["promotion"], log=[]), frame).forecasts
    at = frame.set_index(["shop", "date"])["promotion"]
    assert list(forecasts["sales"]) == [at[row.shop, row.date] for row in forecasts.itertuples()]


def test_one_fit_or_one_for_each_origin():
    frame, log = shops(n=30), []
    forecaster = Remembering(2, log=log)
    backtest(forecaster, frame, n_origins=4, refit=False)
    assert [fitted[1]["date"].max() for fitted in calls(log, "fit")] == [day(22)]
    assert len(calls(log, "predict")) == 4
    assert not hasattr(forecaster, "fitted_")
    fitted = clone(NAIVE).fit(frame.assign(date=frame["date"].dt.date.astype(str)))
    before = dict(vars(fitted))
    backtest(fitted, frame)
    assert vars(fitted) == before


def test_the_metrics_of_the_seasonal_naive_forecast():
    """Those of the forecaster of that name, fitted and scored by itself."""
    frame = shops(n=60)
    result = backtest(NAIVE, frame, n_origins=2)
    ours, naive = result.metrics.to_dict("index").values()
    assert list(result.metrics.index) == ["SeasonalNaiveForecaster", "seasonal_naive"]
    assert ours == naive
    scores = []
    for n in (53, 60):
        part = frame[frame["date"] <= day(n)]
        scores.append(clone(NAIVE).fit(part).score(part))
    assert ours["MASE"] == pytest.approx(-np.mean(scores))
    forecasts = result.forecasts
    wape = np.abs(forecasts["truth"] - forecasts["sales"]).sum() / forecasts["truth"].sum()
    assert ours["WAPE"] == pytest.approx(wape)
    inside = forecasts["truth"].between(forecasts["sales_0.1"], forecasts["sales_0.9"])
    assert ours["coverage_0.8"] == pytest.approx(inside.mean())
    width = (forecasts["sales_0.9"] - forecasts["sales_0.1"]).mean()
    assert ours["width_0.8"] == pytest.approx(width)
    assert (ours["n_values"], ours["n_left_out"]) == (2 * 3 * 7, 0)
    for name in ("", "_0.1", "_0.5", "_0.9"):
        np.testing.assert_array_equal(forecasts[f"sales{name}"], forecasts[f"seasonal_naive{name}"])


def test_a_better_forecaster_has_better_metrics():
    frame = shops(n=60)
    worse = SeasonalNaiveForecaster(7, **COLUMNS, season=5)
    metrics = backtest(worse, frame).metrics
    for name in ("MASE", "WAPE", "pinball_loss"):
        ours, naive = metrics[name]
        assert ours > 1.2 * naive
    assert metrics.loc["SeasonalNaiveForecaster", "width_0.8"] > metrics["width_0.8"].iloc[1]
    other = backtest(worse, frame, season=5).metrics
    assert other["MASE"].iloc[0] == other["MASE"].iloc[1] != metrics["MASE"].iloc[0]


def test_metrics_of_groups():
    frame = shops(n=60)
    result = backtest(SeasonalNaiveForecaster(7, **COLUMNS, season=5), frame, n_origins=2)
    for by, keys in (
        ("shop", ["a", "bb", "ccc"]),
        ("origin", [day(46), day(53)]),
        ("step", [*range(1, 8)]),
    ):
        table = result.metrics_by(by)
        assert list(table.index.names) == [by, "forecaster"]
        ours = table.xs("SeasonalNaiveForecaster", level="forecaster")
        assert list(ours.index) == keys
        assert ours["MASE"].mean() == pytest.approx(result.metrics["MASE"].iloc[0])
        assert ours["n_values"].sum() == result.metrics["n_values"].iloc[0]
        key = keys[1]
        part = result.forecasts[result.forecasts[by] == key]
        wape = np.abs(part["truth"] - part["sales"]).sum() / part["truth"].sum()
        assert ours.loc[key, "WAPE"] == pytest.approx(wape)
    both = result.metrics_by(["shop", "step"])
    assert len(both) == 3 * 7 * 2
    assert both.index.names == ["shop", "step", "forecaster"]
    with pytest.raises(ValueError, match="forecasts lacks the column 'region'"):
        result.metrics_by("region")
    with pytest.raises(ValueError, match="by is empty"):
        result.metrics_by([])


def test_polars_in_polars_out():
    frame = shops(n=60)
    expected = backtest(NAIVE, frame)
    found = backtest(NAIVE, pl.from_pandas(frame))
    for name in ("forecasts", "metrics"):
        polars, pandas = getattr(found, name), getattr(expected, name)
        assert isinstance(polars, pl.DataFrame)
        pandas = pandas.reset_index() if name == "metrics" else pandas
        polars = pd.DataFrame(polars.to_dict(as_series=False))
        pd.testing.assert_frame_equal(polars, pandas, check_dtype=False)
    assert found.forecasts.schema["origin"] == found.forecasts.schema["date"]
    by_step = found.metrics_by("step")
    assert by_step.columns[:3] == ["step", "forecaster", "MASE"]
    assert by_step["MASE"].to_list() == pytest.approx(expected.metrics_by("step")["MASE"])
    assert repr(found).endswith(str(found.metrics))


POLARS = pl.from_pandas(shops(n=30))
DAYS = shops(n=30)["date"]


@pytest.mark.parametrize(
    "frame",
    [
        shops(n=30).assign(date=DAYS.dt.tz_localize("Europe/Berlin")),
        shops(n=30).assign(date=DAYS.dt.to_period("D")),
        shops(n=30).assign(date=DAYS.dt.date),
        shops(n=30).assign(date=DAYS.dt.strftime("%Y-%m-%d")),
        shops(n=30).set_index(["shop", "date"]),
        shops(n=30).set_index(np.zeros(90, int)),
        shops(n=30).astype({"shop": pd.CategoricalDtype(["none", "ccc", "bb", "a"])}),
        shops(n=30).assign(shop=DAYS[0] + pd.to_timedelta(np.repeat([3, 1, 2], 30), "D")),
        shops(n=30).convert_dtypes(),
        POLARS.cast({"date": pl.Date}),
        POLARS.with_columns(pl.col("date").dt.replace_time_zone("Europe/Berlin")),
        POLARS.cast({"shop": pl.Categorical}),
    ],
    ids=[
        *("zone", "period", "date", "text", "index", "same index", "category", "day", "nullable"),
        *("Date of polars", "zone of polars", "category of polars"),
    ],
)
def test_columns_of_every_kind(frame):
    expected = backtest(NAIVE, shops(n=30), n_origins=2)
    found = backtest(NAIVE, frame, n_origins=2)
    np.testing.assert_allclose(found.metrics["MASE"], expected.metrics["MASE"])
    np.testing.assert_allclose(found.forecasts["sales_0.9"], expected.forecasts["sales_0.9"])
    if isinstance(frame, pl.DataFrame):
        for name in ("date", "origin"):
            assert found.forecasts.schema[name] == frame.schema["date"]


def test_repr_shows_the_metrics():
    text = repr(backtest(NAIVE, shops(n=60), n_origins=2))
    assert text.startswith("BacktestResult: 6 forecast(s) of 7 time step(s) from 2 origin(s)\n")
    for name in ("MASE", "n_left_out", "coverage_0.8", "seasonal_naive"):
        assert name in text


def test_a_single_series_and_numbers_as_time():
    frame = pd.DataFrame({"time": range(0, 60, 3), "y": np.arange(20.0)})
    result = backtest(SeasonalNaiveForecaster(2), frame, n_origins=2)
    assert list(result.forecasts.columns)[:4] == ["origin", "time", "step", "truth"]
    assert list(result.forecasts["origin"]) == [45, 45, 51, 51]
    assert list(result.forecasts["time"]) == [48, 51, 54, 57]
    assert list(result.forecasts["y"]) == [15, 15, 17, 17]


def test_the_season_of_numbers_is_that_before_the_first_origin():
    values = np.where(np.arange(90) < 70, np.arange(90) % 5, np.arange(90) % 7)
    frame = pd.DataFrame({"time": range(90), "y": values})
    forecasts = backtest(SeasonalNaiveForecaster(10, season=1), frame, n_origins=2).forecasts
    expected = [0, 1, 2, 3, 4] * 2 + [*values[75:80]] * 2
    assert list(forecasts["seasonal_naive"]) == expected


def test_several_columns_name_a_series():
    frame = shops(n=30).assign(region=7)
    forecaster = Remembering(2, series=["region", "shop"], log=[])
    forecasts = backtest(forecaster, frame).forecasts
    assert list(forecasts.columns)[:4] == ["origin", "region", "shop", "date"]
    expected = backtest(Remembering(2, log=[]), frame).forecasts
    pd.testing.assert_frame_equal(forecasts.drop(columns="region"), expected)


def test_series_that_begin_later_and_end_earlier():
    frame = pd.concat([shop("a", 40), shop("bb", 31), shop("late", 7, "2024-02-03")])
    forecasts = backtest(Remembering(4, log=[]), frame, n_origins=2).forecasts
    found = {end: list(part["shop"].unique()) for end, part in forecasts.groupby("origin")}
    assert found == {day(32): ["a"], day(36): ["a", "late"]}
    with_end = backtest(Remembering(4, log=[]), frame, n_origins=3).forecasts
    part = with_end[(with_end["shop"] == "bb")]
    assert list(part["origin"].unique()) == [day(28)]
    assert list(part["truth"].isna()) == [False] * 3 + [True]  # it ends inside the horizon


def test_series_without_a_row_where_it_is_needed_are_named():
    frame = shops(n=30)
    at_origin = frame.drop(frame.index[(frame["shop"] == "bb") & (frame["date"] == day(28))])
    message = (
        r"1 series are not forecast from 2024-01-28, .* shop='bb': valid is a row there, and 1 or"
    )
    with (
        pytest.warns(UserWarning, match=message),
        pytest.warns(UserWarning, match="lacks 1 time step"),
    ):
        result = backtest(Remembering(2, log=[]), at_origin, n_origins=1)
    assert list(result.forecasts["shop"].unique()) == ["a", "ccc"]
    ahead = frame.drop(frame.index[(frame["shop"] == "bb") & (frame["date"] == day(29))])
    with pytest.warns(UserWarning, match="lacks 1 time step"):
        result = backtest(Remembering(2, log=[]), ahead, n_origins=1)
    assert result.forecasts["truth"].isna().sum() == 1  # no row, no truth
    assert result.metrics["n_values"].iloc[0] == 5
    with (
        pytest.warns(UserWarning, match=r"shop='bb': valid is a row there, and 2 or more of the 2"),
        pytest.warns(UserWarning, match="lacks 1 time step"),
    ):
        backtest(Remembering(2, known=["promotion"], log=[]), ahead, n_origins=1)


def test_missing_truths_do_not_count():
    frame = shops(n=60)
    whole = backtest(NAIVE, frame, n_origins=1)
    frame.loc[frame["date"].isin([day(55), day(57)]), "sales"] = np.nan
    result = backtest(NAIVE, frame, n_origins=1)
    assert result.metrics["n_values"].iloc[0] == 3 * 5
    kept = whole.forecasts["step"].isin([1, 3, 5, 6, 7])
    part = whole.forecasts[kept]
    wape = np.abs(part["truth"] - part["sales"]).sum() / part["truth"].sum()
    assert result.metrics["WAPE"].iloc[0] == pytest.approx(wape)


def test_flat_series_are_left_out_of_mase():
    frame = shops(n=60)
    frame.loc[frame["shop"] == "bb", "sales"] = 5.0
    metrics = backtest(NAIVE, frame, n_origins=2).metrics
    assert list(metrics["n_left_out"]) == [2, 2]
    expected = backtest(NAIVE, frame[frame["shop"] != "bb"], n_origins=2).metrics
    assert metrics["MASE"].iloc[0] == expected["MASE"].iloc[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_origins": 0}, "'n_origins' parameter of backtest"),
        ({"n_origins": 5}, r"30 time steps, but n_origins=5 with a horizon of 7 .* need 36"),
        ({"season": "week"}, "'season' parameter"),
        ({"history": [1.0]}, "history is a list: valid is a long DataFrame"),
        ({"forecaster": DummyRegressor()}, "DummyRegressor has no parameter 'horizon': valid is"),
    ],
)
def test_errors(options, message):
    arguments = {"forecaster": NAIVE, "history": shops(n=30)} | options
    with pytest.raises((ValueError, TypeError), match=message):
        backtest(arguments.pop("forecaster"), arguments.pop("history"), **arguments)


def test_names_that_the_result_has_too():
    frame = shops(n=30).rename(columns={"date": "step"})
    with pytest.raises(ValueError, match="history has the column 'step', which the result of"):
        backtest(clone(NAIVE).set_params(time="step"), frame)


def test_a_forecaster_that_predicts_too_little():
    class Short(Remembering):
        def predict(self, history, future=None):
            predicted = super().predict(history, future).sort_values(["shop", "date"])
            return predicted.iloc[:-1]

    message = "predicts no row of the series shop='ccc' at 2024-01-26, time step 2 after"
    with pytest.raises(ValueError, match=message):
        backtest(Short(2, log=[]), shops(n=30))


def test_the_history_is_unchanged():
    frame = shops(n=60).sample(frac=1, random_state=0)
    before = frame.copy()
    backtest(NAIVE, frame, conformal=True)
    pd.testing.assert_frame_equal(frame, before)
