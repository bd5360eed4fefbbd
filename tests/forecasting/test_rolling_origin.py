"""Splits of long frames at origins in time."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV, check_cv, cross_validate

from panels import COLUMNS, shop, shops
from sklstm import persistence
from sklstm.forecasting import RollingOrigin, SeasonalNaiveForecaster

DATE = {"time": "date"}


def last_days(frame, splitter):
    """The last day of the training and of the test rows, as numbers of the year's days."""
    days = frame["date"].dt.day_of_year.to_numpy()
    return [(days[train].max(), days[test].max()) for train, test in splitter.split(frame)]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [(37, 38), (38, 39), (39, 40)]),
        ({"horizon": 5}, [(25, 30), (30, 35), (35, 40)]),
        ({"horizon": 5, "step": 2, "n_splits": 2}, [(33, 38), (35, 40)]),
        ({"horizon": 2, "step": 7}, [(24, 26), (31, 33), (38, 40)]),
        ({"horizon": 13}, [(1, 14), (14, 27), (27, 40)]),
    ],
)
def test_origins_are_counted_from_the_end(parameters, expected):
    splitter = RollingOrigin(**DATE, **parameters)
    assert last_days(shops(n=40), splitter) == expected
    assert splitter.get_n_splits() == len(expected)


def test_the_test_rows_are_the_training_rows_and_the_next_steps():
    frame = shops(n=20).sample(frac=1, random_state=0)
    for train, test in RollingOrigin(2, horizon=3, **DATE).split(frame):
        end = frame["date"].iloc[train].max()
        days = frame["date"].to_numpy()
        np.testing.assert_array_equal(train, np.flatnonzero(days <= end))
        np.testing.assert_array_equal(test, np.flatnonzero(days <= end + pd.Timedelta(days=3)))
        assert set(train) < set(test)
        assert len(test) - len(train) == 3 * 3


def test_training_rows_may_be_the_latest_ones():
    frame = shops(n=40)
    days = frame["date"].dt.day_of_year.to_numpy()
    whole = RollingOrigin(**DATE).split(frame)
    for (train, test), (_, expected) in zip(
        RollingOrigin(**DATE, max_train_steps=10).split(frame), whole, strict=True
    ):
        assert days[train].max() - days[train].min() == 9
        np.testing.assert_array_equal(test, expected)


def test_series_of_different_ends_and_gaps():
    frame = pd.concat([shop("a", 10), shop("bb", 30)])
    frame = frame[frame["date"].dt.day != 29]  # a day that nobody has
    assert last_days(frame, RollingOrigin(2, horizon=2, **DATE)) == [(26, 28), (28, 30)]


@pytest.mark.parametrize("freq", ["MS", "h", "QE"])
def test_other_frequencies(freq):
    frame = shop("a", 12, freq=freq)
    rows = [(len(train), len(test)) for train, test in RollingOrigin(2, 3, **DATE).split(frame)]
    assert rows == [(6, 9), (9, 12)]


def test_numbers_and_polars():
    frame = pd.DataFrame({"date": [0, 10, 20, 40] * 2})
    splits = list(RollingOrigin(1, 2, **DATE).split(frame))
    np.testing.assert_array_equal(splits[0][0], [0, 1, 2, 4, 5, 6])  # 30 is a time step, too
    for pandas, polars in zip(
        RollingOrigin(**DATE).split(shops()),
        RollingOrigin(**DATE).split(pl.from_pandas(shops())),
        strict=True,
    ):
        np.testing.assert_array_equal(pandas[0], polars[0])
        np.testing.assert_array_equal(pandas[1], polars[1])


@pytest.mark.parametrize("convert", [lambda frame: frame, pl.from_pandas])
def test_a_grid_search(convert):
    frame = convert(shops(n=60))
    forecaster = SeasonalNaiveForecaster(7, **COLUMNS)
    cv = RollingOrigin(2, horizon=7, **DATE)
    search = GridSearchCV(forecaster, {"season": [1, 7, 10]}, cv=cv).fit(frame)
    assert search.best_params_ == {"season": 7}
    predicted = search.best_estimator_.predict(frame)
    assert len(predicted) == 3 * 7
    scores = cross_validate(forecaster, frame, cv=cv)["test_score"]
    last = forecaster.fit(frame).score(frame)
    assert scores[-1] == pytest.approx(last)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(scores.mean())


def test_it_is_a_splitter(tmp_path):
    splitter = RollingOrigin(2, horizon=7, **DATE)
    assert check_cv(splitter) is splitter
    assert repr(copy.deepcopy(splitter)) == repr(splitter)
    assert "n_splits=2" in repr(splitter)
    search = GridSearchCV(SeasonalNaiveForecaster(7, **COLUMNS), {"season": [1, 7]}, cv=splitter)
    persistence.save(search.fit(shops(n=60)), tmp_path / "search.sklstm")
    loaded = persistence.load(tmp_path / "search.sklstm")
    assert repr(loaded.cv) == repr(splitter)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"horizon": 14}, r"40 time steps, but n_splits=3 with a horizon of 14 and .* need 43"),
        ({"n_splits": 0}, "'n_splits' parameter of RollingOrigin"),
        ({"step": 0}, "'step' parameter"),
        ({"time": "day"}, "X lacks the column 'day'. Its columns are"),
        ({"time": "shop"}, "column 'shop' of X holds 'a': valid are dates"),
    ],
)
def test_errors(parameters, message):
    with pytest.raises(ValueError, match=message):
        next(RollingOrigin(**DATE | parameters).split(shops(n=40)))


def test_an_array_is_no_long_frame():
    with pytest.raises(TypeError, match="X is a ndarray: valid is a long DataFrame"):
        next(RollingOrigin().split(np.zeros((9, 2))))
