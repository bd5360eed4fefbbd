"""Long frames read as series of one frequency."""

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from panels import shop, shops
from sklstm.forecasting._panel import Roles, read_panel
from sklstm.forecasting._read_column import read_column

ROLES = Roles("sales", "date", ("shop",), ("promotion",))
ONE = Roles("sales", "date")


def panel_of(frame, roles=ROLES, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_panel(frame, roles, "history", **options)


def rows_of(panel, series):
    return slice(panel.starts[series], panel.stops[series])


def assert_same(one, other):
    assert one.axis == other.axis
    assert one.start == other.start
    for name in ("first", "lengths"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("ids", "columns"):
        ours, theirs = getattr(one, name), getattr(other, name)
        assert ours.keys() == theirs.keys()
        for key, values in ours.items():
            np.testing.assert_array_equal(values, theirs[key])


def test_series_stand_one_after_another():
    frame = shops(n=10)
    panel = panel_of(frame)
    assert len(panel) == 3
    assert panel.axis.frequency == "D"
    assert panel.start == pd.Timestamp("2024-01-01")
    assert panel.ids["shop"].tolist() == ["a", "bb", "ccc"]
    np.testing.assert_array_equal(panel.lengths, [10, 10, 10])
    np.testing.assert_array_equal(panel.starts, [0, 10, 20])
    np.testing.assert_array_equal(panel.columns["sales"], frame["sales"])
    np.testing.assert_array_equal(panel.columns["promotion"], frame["promotion"])


def test_rows_in_any_order_are_the_same_series():
    frame = shops(n=10)
    expected, shuffled = panel_of(frame), panel_of(frame.sample(frac=1, random_state=3))
    order = [shuffled.ids["shop"].tolist().index(name) for name in expected.ids["shop"]]
    for ours, theirs in enumerate(order):
        for name, values in expected.columns.items():
            np.testing.assert_array_equal(
                values[rows_of(expected, ours)], shuffled.columns[name][rows_of(shuffled, theirs)]
            )


@pytest.mark.parametrize(
    "change",
    [
        pl.from_pandas,
        lambda frame: frame.set_index("date"),
        lambda frame: frame.set_index(["shop", "date"]),
        lambda frame: frame.set_axis(np.arange(len(frame))[::-1] % 7),
        lambda frame: frame.astype({"shop": "category"}),
        lambda frame: frame.astype({"shop": object, "sales": "Float64", "promotion": "Int8"}),
        lambda frame: frame.astype({"promotion": bool}),
        lambda frame: frame.astype({"promotion": "boolean"}),
        lambda frame: frame.assign(promotion=frame["promotion"].astype(bool).astype(object)),
        lambda frame: frame.assign(date=frame["date"].astype(str)),
        lambda frame: frame.assign(date=frame["date"].dt.date),
        lambda frame: pl.from_pandas(frame).with_columns(pl.col("date").cast(pl.Date)),
        lambda frame: pl.from_pandas(frame).with_columns(pl.col("shop").cast(pl.Categorical)),
        lambda frame: pl.from_pandas(frame).with_columns(pl.col("promotion").cast(pl.Boolean)),
        lambda frame: frame.assign(note="not read"),
    ],
)
def test_forms_of_one_frame(change):
    frame = shops(n=10)
    assert_same(panel_of(change(frame)), panel_of(frame))


def test_the_frame_is_not_changed():
    frame = shops(n=10).sample(frac=1, random_state=0)
    before = frame.copy(deep=True)
    panel = panel_of(frame)
    for values in panel.columns.values():
        values[:] = 0
    pd.testing.assert_frame_equal(frame, before)


def test_series_begin_and_end_at_different_times():
    frame = pd.concat([shop("a", 6), shop("bb", 4, "2024-01-03"), shop("ccc", 1, "2024-01-09")])
    panel = panel_of(frame)
    np.testing.assert_array_equal(panel.first, [0, 2, 8])
    np.testing.assert_array_equal(panel.lengths, [6, 4, 1])
    np.testing.assert_array_equal(panel.positions, [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 8])
    assert panel.times(panel.positions[[-1]])[0] == pd.Timestamp("2024-01-09")


def test_missing_time_steps_are_missing_values_and_named():
    frame = shops(n=10).drop([3, 15, 16])
    message = (
        r"history lacks 3 time step\(s\) inside of series, the first of them 2024-01-04 of the "
        r"series shop='a'. They are read as missing values"
    )
    with pytest.warns(UserWarning, match=message):
        panel = read_panel(frame, ROLES, "history")
    np.testing.assert_array_equal(panel.lengths, [10, 10, 10])
    missing = np.flatnonzero(np.isnan(panel.columns["sales"]))
    np.testing.assert_array_equal(missing, [3, 15, 16])
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(panel.columns["promotion"])), missing)


def test_ids_of_several_columns_and_of_mixed_types():
    frame = pd.DataFrame(
        {
            "shop": np.repeat(np.array([1, "1", 2.5], object), 3),
            "date": [0, 1, 2] * 3,
            "sales": np.arange(9.0),
        }
    )
    panel = panel_of(frame, Roles("sales", "date", ("shop",)))
    assert panel.ids["shop"].tolist() == [1, "1", 2.5]
    pairs = frame.assign(town=["x", "y", "z"] * 3, date=0)
    panel = panel_of(pairs, Roles("sales", "date", ("shop", "town")), frequency=1)
    assert panel.ids["town"].tolist() == ["x", "y", "z"] * 3
    assert panel.describe(3) == "the series shop='1', town='x'"


def test_a_series_without_a_name():
    panel = panel_of(shop("a", 5), ONE)
    assert (len(panel), panel.ids, panel.describe(0)) == (1, {}, "the series")


# --- columns ---


def read(values, kind=None):
    return read_column(pd.DataFrame({"x": values}), "x", "history", kind)


@pytest.mark.parametrize(
    "values",
    [
        [1, 0, 1],
        pd.array([1, 0, 1], "Int64"),
        np.array([1, 0, 1], np.uint8),
        [True, False, True],
        pd.array([True, False, True], "boolean"),
        np.array([True, False, True], object),
        np.array([1, 0.0, 1], object),
    ],
)
def test_numbers_and_booleans_are_numbers(values):
    column = read(values)
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, [1, 0, 1])


@pytest.mark.parametrize(
    "values",
    [
        [1.0, np.nan],
        pd.array([1, None], "Int64"),
        pd.array([True, None], "boolean"),
        np.array([True, None], object),
        np.array([1, pd.NA], object),
    ],
)
def test_missing_numbers_are_nan(values):
    np.testing.assert_array_equal(read(values), [1, np.nan])


@pytest.mark.parametrize(
    "values",
    [
        ["a", None, "b"],
        pd.array(["a", None, "b"], "string"),
        pd.Categorical(["a", None, "b"]),
        np.array(["a", np.nan, "b"], object),
        np.array(["a", pd.NA, "b"], object),
    ],
)
def test_missing_categories_are_none(values):
    column = read(values)
    assert column.dtype == object
    assert column.tolist() == ["a", None, "b"]


def test_categories_of_numbers_are_categories():
    column = read(pd.Categorical([3, 1, 3]))
    assert column.tolist() == [3, 1, 3]
    assert column.dtype == object


def test_a_column_without_values_is_of_any_kind():
    assert np.isnan(read([None, None])).all()
    assert read([np.nan, np.nan], "text").tolist() == [None, None]
    assert np.isnan(read(np.array([None, None], object), "number")).all()


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([1, np.inf], None, "history holds inf in row 1, column 'x': valid are finite numbers"),
        (
            [[1], [2]],
            None,
            r"column 'x' of history holds \[1\]: valid are numbers, text and other si",
        ),
        (["a", "b"], "number", "history holds 'a' in row 0, column 'x', which is not a number"),
        ([1, 2], "text", "column 'x' of history holds numbers, such as 1, but in fit it held text"),
        (pd.to_datetime(["2024-01-01"]), None, "column 'x' of history holds dates: make numbers"),
        (pd.to_timedelta(["1D"]), None, "holds dates: make numbers"),
        (pd.to_datetime(["2024-01-01"]).tz_localize("UTC"), None, "holds dates: make numbers"),
    ],
)
def test_columns_that_cannot_be_read(values, kind, message):
    with pytest.raises(ValueError, match=message):
        read(values, kind)


# --- frames that are refused ---


def changed(row, column, value):
    frame = shops(n=10).astype({column: object})
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (shops(n=10)[:0], "history has no rows"),
        (shops(n=10).drop(columns="sales"), r"history lacks the column 'sales'\. Its columns are"),
        (shops(n=10).drop(columns="promotion"), "history lacks the column 'promotion'"),
        (pd.concat([shops(n=10)] * 2, axis=1), "history has the column 'shop' twice"),
        (changed(4, "shop", None), "column 'shop' of history is missing in row 4"),
        (changed(4, "date", None), "column 'date' of history is missing in row 4"),
        (
            changed(4, "sales", "many"),
            "history holds 'many' in row 4, column 'sales', which is not",
        ),
        (changed(4, "sales", -np.inf), "history holds -inf in row 4, column 'sales'"),
        (
            changed(4, "promotion", np.nan).astype({"promotion": float}),
            "column 'promotion' of history is known, but of the series shop='a' it is missing at "
            "2024-01-05: fill it in, or name it in `observed`",
        ),
        (
            pd.concat([shops(n=10), shops(n=10)[14:15]]),
            r"two rows for the series shop='bb' at 2024-01-05, rows 14 and 30: valid is one row",
        ),
    ],
)
def test_frames_that_are_refused(frame, message):
    with pytest.raises(ValueError, match=message):
        panel_of(frame)


def test_a_time_between_two_steps_is_named():
    frame = changed(4, "date", pd.Timestamp("2024-01-05 12:00"))
    with pytest.raises(ValueError, match="2024-01-05 12:00:00, which is no whole number of steps"):
        panel_of(frame, frequency="D")
    with pytest.raises(ValueError, match=r"have no common frequency: .* frequency='D'"):
        panel_of(frame)


@pytest.mark.parametrize("frame", [np.zeros((4, 3)), {"shop": [1]}, None, "history.csv"])
def test_what_is_no_frame(frame):
    with pytest.raises(TypeError, match="valid is a long DataFrame of pandas or polars"):
        panel_of(frame)


def test_a_lazy_frame_is_to_be_collected():
    with pytest.raises(TypeError, match=r"history is a LazyFrame: .* Pass history.collect\(\)"):
        panel_of(pl.from_pandas(shops(n=10)).lazy())


def test_times_far_away_are_named_before_memory_is_used():
    seconds = pd.date_range("2024-01-01", periods=5, freq="s")
    frame = pd.DataFrame(
        {"date": seconds.insert(0, pd.Timestamp("2023-10-01")), "sales": np.arange(6.0)}
    )
    message = r"6 rows, but 7948805 time steps of 's' .* reaches from 2023-10-01 to 2024-01-01 00:0"
    with pytest.raises(ValueError, match=message):
        panel_of(frame, ONE)


def test_a_column_that_is_static_has_one_value_in_a_series():
    frame = shops(n=4).assign(region=np.repeat(["n", "s", None], 4), size=np.repeat([1, 2, 3], 4))
    roles = Roles("sales", "date", ("shop",), static=("region", "size"))
    panel = panel_of(frame, roles)
    assert panel.columns["region"].tolist() == ["n"] * 4 + ["s"] * 4 + [None] * 4
    frame.loc[6, "size"] = 5
    message = "'size' of history is static, but of the series shop='bb' it holds 2.0 and 5.0: valid"
    with pytest.raises(ValueError, match=message):
        panel_of(frame, roles)
    with pytest.raises(ValueError, match=r"'region' .* it holds 's' and None"):
        panel_of(frame.assign(region=["n"] * 4 + ["s"] * 2 + [None] * 6), roles)


def test_a_static_value_fills_the_time_steps_that_are_missing():
    frame = shops(n=6).assign(region=np.repeat(["n", "s", "w"], 6)).drop(8)
    roles = Roles("sales", "date", ("shop",), static=("region",))
    with pytest.warns(UserWarning, match="lacks 1 time step"):
        panel = read_panel(frame, roles, "history")
    assert panel.columns["region"].tolist() == ["n"] * 6 + ["s"] * 6 + ["w"] * 6


# --- parts ---


def test_series_until_positions():
    panel = panel_of(pd.concat([shop("a", 6), shop("bb", 4, "2024-01-03")]))
    part = panel.until(np.array([2, 5]))
    np.testing.assert_array_equal(part.lengths, [2, 3])
    np.testing.assert_array_equal(part.columns["sales"], panel.columns["sales"][[0, 1, 6, 7, 8]])
    part = panel.until(np.array([2, 2]))
    assert part.ids["shop"].tolist() == ["a"]
    assert len(panel.until(np.array([0, 0]))) == 0
    np.testing.assert_array_equal(panel.at_least(5).lengths, [6])
    with pytest.raises(ValueError, match=r"longest series has 6 time step\(s\): at least 7"):
        panel.at_least(7)


def test_dates_as_python_has_them():
    frame = pd.DataFrame(
        {"date": [datetime.date(2024, 1, day) for day in (1, 2, 3)], "sales": [1, 2, 3]}
    )
    assert panel_of(frame, ONE).start == pd.Timestamp("2024-01-01")
