"""The value of a season ago, and the errors that it makes."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from panels import COLUMNS, shop, shops
from sklstm import persistence
from sklstm.forecasting import SeasonalNaiveForecaster

NAN = np.nan


def one_series(values, freq="D"):
    return pd.DataFrame(
        {"time": pd.date_range("2024-01-01", periods=len(values), freq=freq), "y": values}
    )


def predict(values, **parameters):
    frame = one_series(np.asarray(values, float))
    return SeasonalNaiveForecaster(**parameters).fit(frame).predict(frame)


def test_the_last_season_is_repeated():
    values = np.random.default_rng(0).normal(size=30)
    predicted = predict(values, horizon=17)
    np.testing.assert_array_equal(predicted["y"], np.tile(values[-7:], 3)[:17])
    np.testing.assert_array_equal(predicted["y_0.5"], predicted["y"])
    assert list(predicted["time"]) == list(pd.date_range("2024-01-31", periods=17))
    assert list(predicted.columns) == ["time", "y", "y_0.1", "y_0.5", "y_0.9"]


@pytest.mark.parametrize(
    ("freq", "season"),
    [("h", 24), ("30min", 48), ("D", 7), ("W", 52), ("MS", 12), ("ME", 12), ("QS", 4), ("YS", 1)],
)
def test_the_season_follows_the_frequency(freq, season):
    frame = one_series(np.arange(60.0), freq)
    assert SeasonalNaiveForecaster().fit(frame).season_ == season
    assert SeasonalNaiveForecaster(season=np.int64(168)).fit(frame).season_ == 168
    fitted = SeasonalNaiveForecaster(frequency="h").fit(one_series([1.0], "h"))
    assert fitted.season_ == 24  # one time step tells no frequency


def test_the_season_of_numbers_is_found():
    numbers = pd.DataFrame({"time": range(50), "y": np.arange(50) % 5})
    fitted = SeasonalNaiveForecaster(2).fit(numbers)
    assert fitted.season_ == 5
    assert SeasonalNaiveForecaster().fit(numbers[:3]).season_ == 1


def test_each_series_is_forecast_from_its_own_end():
    frame = pd.concat([shop("a", 20), shop("bb", 31, "2023-12-01")]).sample(frac=1, random_state=0)
    fitted = SeasonalNaiveForecaster(8, **COLUMNS).fit(frame)
    predicted = fitted.predict(frame)
    assert list(predicted.columns)[:3] == ["shop", "date", "sales"]
    for name, end in (("a", "2024-01-20"), ("bb", "2023-12-31")):
        part, past = predicted[predicted["shop"] == name], frame[frame["shop"] == name]
        assert list(part["date"]) == list(pd.date_range(end, periods=9)[1:])
        expected = past.sort_values("date")["sales"].to_numpy()[[*range(-7, 0), -7]]
        np.testing.assert_array_equal(part["sales"], expected)
    new = fitted.predict(shop("new shop", 9))
    assert set(new["shop"]) == {"new shop"}


def test_quantiles_are_those_of_errors_as_many_seasons_apart():
    values = np.cumsum(np.random.default_rng(0).normal(size=400))
    predicted = predict(values, horizon=7, season=3, quantiles=(0.2, 0.5, 0.7))
    for rows, lag in (([0, 1, 2], 3), ([3, 4, 5], 6), ([6], 9)):
        errors = values[lag:] - values[:-lag]
        for q, bound in ((0.2, min), (0.7, max)):
            expected = predicted["y"][rows] + bound(np.quantile(errors, q), 0)
            np.testing.assert_allclose(predicted[f"y_{q}"][rows], expected)


def test_the_median_alone():
    values = np.arange(20.0)
    assert list(predict(values, quantiles=()).columns) == ["time", "y"]
    both = predict(values, quantiles=(0.5,))
    np.testing.assert_array_equal(both["y_0.5"], both["y"])


def test_quantiles_do_not_cross_where_a_series_rises():
    predicted = predict(np.arange(50.0), horizon=10)
    np.testing.assert_array_equal(predicted["y_0.1"], predicted["y"])
    np.testing.assert_array_equal(predicted["y_0.9"], predicted["y"] + np.repeat([7, 14], [7, 3]))


def test_far_blocks_with_few_errors_grow_by_the_root():
    rng = np.random.default_rng(0)
    predicted = predict(rng.normal(size=12), horizon=12, season=3)  # 9, 6, 3 and 0 errors
    width = (predicted["y_0.9"] - predicted["y_0.1"]).to_numpy()[::3]
    np.testing.assert_allclose(width[2:], width[1] * np.sqrt([3 / 2, 4 / 2]))
    short = predict(rng.normal(size=4), horizon=6, season=3)  # a single error
    assert short["y_0.1"].notna().all()


def test_missing_values_are_taken_from_the_season_before():
    values = [1, 2, 3, 4, 5, NAN, 7, NAN, NAN]
    predicted = predict(values, horizon=3, season=3)
    np.testing.assert_array_equal(predicted["y"], [7, 5, 3])
    predicted = predict([NAN, 8, NAN, NAN, NAN, NAN], horizon=3, season=3)
    np.testing.assert_array_equal(predicted["y"], [8, 8, 8])
    assert predicted["y_0.9"].isna().all()
    assert predict([NAN, NAN], frequency="D")["y"].isna().all()


def test_gaps_keep_the_place_in_the_season():
    frame = one_series(np.arange(28.0) % 7)
    with pytest.warns(UserWarning, match=r"history lacks 2 time step\(s\) inside of series"):
        predicted = SeasonalNaiveForecaster(7).fit(frame).predict(frame.drop([9, 24]))
    np.testing.assert_array_equal(predicted["y"], np.arange(7))


def test_frames_of_polars():
    frame = shops()
    expected = SeasonalNaiveForecaster(9, **COLUMNS).fit(frame).predict(frame)
    of_polars = pl.from_pandas(frame)
    predicted = SeasonalNaiveForecaster(9, **COLUMNS).fit(of_polars).predict(of_polars)
    assert isinstance(predicted, pl.DataFrame)
    assert predicted.schema["date"] == of_polars.schema["date"]
    pd.testing.assert_frame_equal(
        pd.DataFrame(predicted.to_dict(as_series=False)), expected, check_dtype=False
    )


def test_several_columns_name_a_series():
    frame = shops().assign(region=lambda f: f["shop"].str.len())
    parameters = COLUMNS | {"series": ["region", "shop"]}
    predicted = SeasonalNaiveForecaster(2, **parameters).fit(frame).predict(frame)
    assert list(predicted.columns)[:3] == ["region", "shop", "date"]
    expected = SeasonalNaiveForecaster(2, **COLUMNS).fit(frame).predict(frame)
    pd.testing.assert_frame_equal(predicted.drop(columns="region"), expected)


def test_the_score_is_minus_the_mase_of_the_last_steps():
    frame = shops(n=35)
    fitted = SeasonalNaiveForecaster(4, **COLUMNS).fit(frame)
    errors = []
    for _, rows in frame.groupby("shop"):
        sales = rows["sales"].to_numpy()
        scale = np.abs(sales[7:31] - sales[:24]).mean()
        errors.append(np.abs(sales[31:] - sales[24:28]).mean() / scale)
    assert fitted.score(frame) == pytest.approx(-np.mean(errors))
    assert fitted.score(pl.from_pandas(frame)) == pytest.approx(-np.mean(errors))


def test_scores_of_different_seasons_compare():
    frame = one_series(np.arange(70.0) % 7)
    frame.loc[30, "y"] += 1
    scores = [SeasonalNaiveForecaster(3, season=s).fit(frame).score(frame) for s in (7, 5, 1)]
    assert scores[0] == 0
    assert scores[2] < -5  # over the errors of a week ago


def test_a_score_without_scale():
    frame = one_series(np.zeros(20))
    fitted = SeasonalNaiveForecaster().fit(frame)
    with pytest.warns(UserWarning, match=r"score is NaN: none of 1 series .* \(7 time steps\)"):
        assert np.isnan(fitted.score(frame))
    with pytest.raises(ValueError, match="history has 1 time steps"):
        fitted.score(frame[:1])


def test_it_is_an_estimator():
    fitted = SeasonalNaiveForecaster(3, **COLUMNS).fit(shops())
    assert clone(fitted).get_params() == fitted.get_params()
    assert not get_tags(fitted).input_tags.two_d_array
    with pytest.raises(NotFittedError):
        clone(fitted).predict(shops())


def test_model_files(tmp_path):
    fitted = SeasonalNaiveForecaster(3, **COLUMNS).fit(shops())
    persistence.save(fitted, tmp_path / "naive.sklstm")
    loaded = persistence.load(tmp_path / "naive.sklstm")
    pd.testing.assert_frame_equal(loaded.predict(shops()), fitted.predict(shops()))


def test_the_history_is_unchanged():
    frame = shops().sample(frac=1, random_state=0)
    before = frame.copy()
    SeasonalNaiveForecaster(3, **COLUMNS).fit(frame).score(frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": 0}, "'horizon' parameter"),
        ({"season": "week"}, "'season' parameter"),
        ({"quantiles": (0.9, 0.1)}, r"quantiles=\(0.9, 0.1\) is not valid: .* ascending order"),
        ({"quantiles": (0, 0.5)}, "between 0 and 1"),
        ({"series": "sales"}, "'sales' is both target and series: a column has one role"),
        ({"target": "revenue"}, "history lacks the column 'revenue'"),
    ],
)
def test_errors(parameters, message):
    with pytest.raises(ValueError, match=message):
        SeasonalNaiveForecaster(**COLUMNS | parameters).fit(shops())
