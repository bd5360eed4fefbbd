"""Windows of several series in one table: none crosses the border of a series."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor
from sklstm.preprocessing import SlidingWindow, sliding_windows
from tasks import TINY

DAYS = pd.date_range("2024-01-30", periods=4)


def by_date():
    """Sorted by date, then shop: the rows of the two shops take turns."""
    frame = pd.DataFrame(
        {"shop": ["north", "south"] * 4, "date": DAYS.repeat(2), "sales": np.arange(8.0)}
    )
    return frame.assign(price=frame["sales"] * 10)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.integers(1, 4))
def test_a_window_holds_the_past_of_its_own_series(ids, length):
    values = np.arange(float(len(ids)))
    windows = SlidingWindow(length, by=0).fit_transform(np.c_[ids, values])
    assert windows.shape == (len(ids), length, 1)
    for row, window in enumerate(windows[:, :, 0]):
        own = [i for i in range(row + 1) if ids[i] == ids[row]][-length:]
        expected = np.r_[np.full(length - len(own), np.nan), values[own]]
        np.testing.assert_array_equal(window, expected)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=14),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 2),
)
@pytest.mark.filterwarnings("ignore:.* too short for a window")
def test_windows_and_targets_are_those_of_each_series(ids, length, horizon, stride):
    table = np.c_[np.arange(float(len(ids))), ids]
    parts = [table[table[:, 1] == each, :1] for each in dict.fromkeys(ids)]
    parts = [part for part in parts if len(part) >= length + horizon]
    if not parts:
        with pytest.raises(ValueError, match=r"too short for a window|too few for one window"):
            sliding_windows(table, length, horizon, stride, by=1)
        return
    X, y, rows = sliding_windows(table, length, horizon, stride, by=1, return_rows=True)
    expected = [sliding_windows(part, length, horizon, stride) for part in parts]
    np.testing.assert_array_equal(X, np.concatenate([each[0] for each in expected]))
    np.testing.assert_array_equal(y, np.concatenate([each[1] for each in expected]))
    np.testing.assert_array_equal(table[rows, 0], X[:, -1, 0])


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize("ids", [None, "category", "number", "date"])
def test_ids_of_any_kind(make, ids):
    frame = by_date().drop(columns="date")
    if ids == "category":
        frame["shop"] = frame["shop"].astype("category")
    elif ids:
        kinds = {
            "number": {"north": 2.5, "south": 0.5},
            "date": {"north": DAYS[1], "south": DAYS[0]},
        }
        frame["shop"] = frame["shop"].map(kinds[ids])
    transformer = SlidingWindow(2, by="shop").fit(make(frame))
    assert transformer.n_features_in_ == 3
    assert transformer.feature_names_in_.tolist() == ["shop", "sales", "price"]
    assert transformer.get_feature_names_out().tolist() == ["sales", "price"]
    windows = transformer.transform(make(frame))
    np.testing.assert_array_equal(windows[3], [[1, 10], [3, 30]])
    np.testing.assert_array_equal(windows[0], [[np.nan, np.nan], [0, 0]])
    np.testing.assert_array_equal(transformer.inverse_transform(windows), frame[["sales", "price"]])
    X, y = sliding_windows(make(frame), 2, 2, by="shop")
    assert (X.shape, y.shape) == ((2, 2, 2), (2, 2, 2))
    np.testing.assert_array_equal(y[1, :, 0], [5, 7])


def test_several_columns_tell_a_series():
    table = np.array([["a", "x", 1.0], ["a", "y", 2.0], ["a", "x", 3.0], ["b", "x", 4.0]], object)
    windows = SlidingWindow(2, by=[0, 1]).fit_transform(table)
    np.testing.assert_array_equal(windows[:, :, 0], [[np.nan, 1], [np.nan, 2], [1, 3], [np.nan, 4]])
    one = SlidingWindow(2, by=[]).fit_transform([[1.0], [2.0]])
    np.testing.assert_array_equal(one[:, :, 0], [[np.nan, 1], [1, 2]])
    last = SlidingWindow(2, by=-1).fit_transform([[1.0, 7], [2.0, 7]])
    np.testing.assert_array_equal(last[:, :, 0], [[np.nan, 1], [1, 2]])


def test_a_level_of_the_index_tells_a_series():
    frame = by_date().set_index(["shop", "date"])
    windows = SlidingWindow(2, by="shop").fit_transform(frame)
    np.testing.assert_array_equal(windows[3], [[1, 10], [3, 30]])
    backwards = frame.iloc[[0, 1, 4, 3, 2]]
    message = (
        "The index of X is not in the order of time in the series 'north': 2024-01-31 in row 4 "
        "comes after 2024-02-01 in row 2. Pass X.sort_index()."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SlidingWindow(2, by="shop").fit(backwards)


def test_dates_in_the_index_are_those_of_each_series():
    frame = by_date().set_index("date")
    shops = pd.concat([frame[frame["shop"] == shop] for shop in ("north", "south")])
    windows = SlidingWindow(2, by="shop").fit_transform(shops)
    np.testing.assert_array_equal(windows[5, :, 0], [1, 3])
    twice = shops.iloc[[0, 0]]
    message = "holds 2024-01-30 in row 1 and in row 0, both of the series 'north': valid is one"
    with pytest.raises(ValueError, match=message):
        SlidingWindow(2, by="shop").fit(twice)
    unknown = shops.set_index(pd.DatetimeIndex([None, *shops.index[1:]]))
    with pytest.raises(ValueError, match=r"holds NaT in row 0, of the series 'north'. Every row"):
        SlidingWindow(2, by="shop").fit(unknown)


def test_series_that_are_too_short():
    table = [[1, 0], [2, 0], [3, 0], [4, 5]]
    message = (
        "1 of 2 series are too short for a window of window=2 and horizon=1: at least 3 are "
        "needed, and have none. The first of them, 5 has 1 time step(s)."
    )
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        X, y = sliding_windows(table, 2, by=1)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(X[:, :, 0], [[1, 2]])
    assert y.tolist() == [3]
    with pytest.raises(
        ValueError, match=r"2 of 2 series are too short .* The first of them, 0 has"
    ):
        sliding_windows(table, 4, by=1)


@pytest.mark.parametrize(
    ("X", "by", "message"),
    [
        (by_date(), "store", "by='store' is no column of X: valid are its columns ['shop', 'date"),
        (np.ones((3, 2)), 2, "by=2 is no column of X: valid are numbers of its columns, 0 to 1."),
        (np.ones((3, 2)), "shop", "by='shop' is no column of X: valid are numbers"),
        (pd.Series([1.0]), 0, "by=0 names columns of a table, but X is a Series: valid are a"),
        (np.ones(3), 0, "Expected 2D array, got 1D array instead"),
        (np.ones((3, 1)), 0, "X has no column besides by=0: there is nothing to read."),
        ([["a", 1.0], [None, 2.0]], 0, "X holds None in row 1, column 0, which tells the series"),
        (pd.DataFrame({"s": [1, np.nan], "v": 1.0}), "s", "X holds nan in row 1, column 's'"),
        (pd.DataFrame({"s": [1, None], "v": 1}, dtype="Int64"), "s", "X holds <NA> in row 1"),
        (pd.DataFrame({"s": [DAYS[0], None], "v": 1.0}), "s", "X holds NaT in row 1, column 's'"),
        (pl.DataFrame({"s": ["a", None], "v": 1.0}), "s", "X holds None in row 1, column 's'"),
        (by_date(), "shop", "2024-01-30T00:00:00.000000') in row 0, column 'date' (dtype"),
        (by_date().drop(columns="date").replace(3.0, np.nan), "shop",
         "Input X contains NaN in row 3, column 'sales'"),
        (by_date(), None, "X holds 'north' in row 0, column 'shop'"),
        (by_date(), 1.5, "The 'by' parameter of SlidingWindow must be"),
    ],
)  # fmt: skip
def test_tables_that_tell_no_series(X, by, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SlidingWindow(2, by=by).fit(X)


def test_ids_that_cannot_be_compared():
    frame = pd.DataFrame({"s": [[1], [2]], "v": 1.0})
    with pytest.raises(TypeError, match=r"X holds \[1\] in row 0, column 's', which tells the ser"):
        SlidingWindow(2, by="s").fit(frame)


def test_other_columns_than_in_fit():
    frame = by_date().drop(columns="date")
    fitted = SlidingWindow(2, by="shop").fit(frame)
    with pytest.raises(ValueError, match="must be in the same order"):
        fitted.transform(frame[["sales", "shop", "price"]])
    fitted = SlidingWindow(2, by=0).fit(np.ones((3, 3)))
    assert fitted.get_feature_names_out().tolist() == ["x1", "x2"]
    with pytest.raises(ValueError, match="X has 2 features, but SlidingWindow is expecting 3"):
        fitted.transform(np.ones((3, 2)))


def test_shops_in_a_pipeline():
    """The windows of two shops in one table are those of each shop alone."""
    frame = by_date().drop(columns="date")
    y = frame.groupby("shop")["sales"].shift(-1)
    known = y.notna()
    model = make_pipeline(SlidingWindow(3, by="shop"), LSTMRegressor(**TINY))
    model.fit(frame[known], y[known])
    alone = frame[frame["shop"] == "south"]
    together = model.predict(frame)[(frame["shop"] == "south").to_numpy()]
    np.testing.assert_allclose(model.predict(alone), together, rtol=1e-6)
    assert clone(model[0]).get_params() == {"window": 3, "by": "shop"}
