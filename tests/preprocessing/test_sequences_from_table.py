"""sequences_from_table: a long table of events, cut into one sequence per id."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold

from sklstm.preprocessing import sequences_from_table

EVENTS = pd.DataFrame(
    {
        "customer": ["b", "a", "b", "b", "c"],
        "day": [3, 5, 1, 2, 9],
        "amount": np.array([30, 20, 10, 15, 7], np.float32),
        "channel": ["web", "shop", "web", "phone", "web"],
        "left": [True, False, True, True, False],
    }
)
as_library = pytest.mark.parametrize(
    "convert", [lambda frame: frame, pl.from_pandas], ids=["pd", "pl"]
)


def cut(frame=EVENTS, **changes):
    return sequences_from_table(
        frame, **{"by": "customer", "order_by": "day", "target": "left"} | changes
    )


def columns_of(frame):
    return {name: list(frame[name]) for name in frame.columns}


@as_library
def test_a_sequence_per_id_in_the_order_of_time(convert):
    table = convert(EVENTS)
    X, y, ids = cut(table)
    assert [columns_of(x) for x in X] == [
        {"amount": [20], "channel": ["shop"]},
        {"amount": [10, 15, 30], "channel": ["web", "phone", "web"]},
        {"amount": [7], "channel": ["web"]},
    ]
    assert all(isinstance(x, type(table)) for x in X)
    assert (list(y), y.name) == ([False, True, False], "left")
    assert (list(ids), ids.name) == (["a", "b", "c"], "customer")
    assert columns_of(table) == columns_of(EVENTS)


@as_library
@given(st.permutations(range(40)))
@settings(max_examples=20)
def test_the_order_of_the_rows_has_no_influence(convert, rows):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": rng.integers(0, 7, 40), "time": rng.permutation(40)})
    table["value"] = 100 * table["id"] + table["time"]
    X, y, ids = sequences_from_table(convert(table.iloc[rows]), by="id", order_by="time")
    assert y is None
    groups = table.sort_values("time").groupby("id")["value"]
    assert list(ids) == list(groups.groups)
    assert [list(x["value"]) for x in X] == [values.to_list() for _, values in groups]


@as_library
def test_several_columns_of_ids_times_and_labels(convert):
    table = convert(
        pd.DataFrame(
            {
                "shop": [1, 1, 0, 1, 1],
                "product": ["x", "y", "x", "x", "x"],
                "day": [1, 1, 1, 1, 0],
                "hour": [2, 0, 0, 1, 9],
                "sold": [5, 4, 3, 2, 1],
                "cold": [0, 1, 1, 0, 0],
                "price": [0.5, 1.0, 1.5, 0.5, 0.5],
            }
        )
    )
    X, y, ids = sequences_from_table(
        table, by=["shop", "product"], order_by=["day", "hour"], target=["cold", "price"]
    )
    assert [columns_of(x) for x in X] == [{"sold": [3]}, {"sold": [1, 2, 5]}, {"sold": [4]}]
    assert columns_of(y) == {"cold": [1, 0, 1], "price": [1.5, 0.5, 1.0]}
    assert columns_of(ids) == {"shop": [0, 1, 1], "product": ["x", "x", "y"]}
    folds = GroupKFold(2).split(X, groups=ids["shop"])
    assert sorted(test.tolist() for _, test in folds) == [[0], [1, 2]]


@as_library
def test_columns_that_stay_by_name(convert):
    X, _, _ = cut(convert(EVENTS), keep=["left", "day"])
    assert columns_of(X[1])["day"] == [1, 2, 3]
    assert list(X[1].columns) == ["day", "amount", "channel", "left"]
    X, _, _ = cut(convert(EVENTS), keep="customer")
    assert list(X[1].columns) == ["customer", "amount", "channel"]


def test_dtypes_and_the_index_stay_in_pandas():
    table = EVENTS.assign(
        channel=EVENTS["channel"].astype("category"),
        amount=EVENTS["amount"].astype("Int16"),
        left=EVENTS["left"].astype("boolean"),
    ).set_index(EVENTS.index + 100)
    X, y, _ = cut(table)
    assert all((x.dtypes == table.dtypes[["amount", "channel"]]).all() for x in X)
    assert X[1].index.tolist() == [102, 103, 100]
    assert (y.dtype, y.index.tolist()) == ("boolean", [0, 1, 2])


def test_dtypes_stay_in_polars():
    table = pl.from_pandas(EVENTS).with_columns(
        pl.col("channel").cast(pl.Categorical), pl.col("amount").cast(pl.Int16)
    )
    X, _, ids = cut(table.with_columns(pl.col("customer").cast(pl.Enum(["c", "b", "a"]))))
    assert all(x.schema == table.select("amount", "channel").schema for x in X)
    assert ids.to_list() == ["c", "b", "a"]


@pytest.mark.parametrize(
    "times",
    [
        [2.5, np.inf, 0.5],
        pd.to_datetime(["2026-01-03", "2026-01-05", "2026-01-01"]),
        pd.to_datetime(["2026-01-03", "2026-01-05", "2026-01-01"], utc=True),
        pd.to_timedelta([3, 5, 1], unit="D"),
        pd.period_range("2026-01", periods=5, freq="M")[[2, 4, 0]],
        [datetime.date(2026, 1, day) for day in (3, 5, 1)],
        ["2026-01-03", "2026-01-05", "2026-01-01"],
        ["2026-01-03", "2026-01-05T09", "2026-01-01 23:59"],
        ["2026-01-01T00:00+00:00", "2026-01-05T00:00Z", "2026-01-01T01:00+02:00"],
        ["2026-03", "2026-05", "2026-01"],
        pd.Categorical(["2026-03", "2026-05", "2026-01"], ["2026-03", "2026-01", "2026-05"]),
        pd.Categorical(["9", "10", "8"], ["8", "9", "10"], ordered=True),
        pd.Categorical([2, 3, 1], [3, 2, 1]),
        pd.array([2, 3, 1], dtype="Int64"),
    ],
    ids=str,
)
def test_times_of_every_kind(times):
    table = pd.DataFrame({"time": times, "value": [1, 2, 0], "id": 7})
    X, _, _ = sequences_from_table(table, by="id", order_by="time")
    assert [x["value"].tolist() for x in X] == [[0, 1, 2]]


@pytest.mark.parametrize(
    "dtype", [pl.Float32, pl.Date, pl.Duration, pl.Decimal(9, 2), pl.Enum(["1", "2", "3"])], ids=str
)
def test_times_of_every_kind_in_polars(dtype):
    numbers = pl.Series("time", [2, 3, 1])
    times = numbers.cast(str).cast(dtype) if isinstance(dtype, pl.Enum) else numbers.cast(dtype)
    table = pl.DataFrame({"time": times, "value": [1, 2, 0], "id": [7, 7, 7]})
    X, _, _ = sequences_from_table(table, by="id", order_by="time")
    assert [x["value"].to_list() for x in X] == [[0, 1, 2]]


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical], ids=str)
def test_text_of_times_in_polars(dtype):
    times = pl.Series(["2026-01-03", "2026-01-05T09", "2026-01-01 23:59"], dtype=dtype)
    table = pl.DataFrame({"time": times, "value": [1, 2, 0], "id": [7, 7, 7]})
    X, _, _ = sequences_from_table(table, by="id", order_by="time")
    assert [x["value"].to_list() for x in X] == [[0, 1, 2]]
    odd = table.with_columns(pl.Series("time", ["9", "10", "11"], dtype=dtype))
    with pytest.raises(ValueError, match=r"time '10', is text other .*pl\.col\(\"time\"\)\.cast"):
        sequences_from_table(odd, by="id", order_by="time")


@as_library
def test_rows_of_one_time_keep_their_order(convert):
    table = convert(EVENTS.assign(day=[1, 1, 0, 1, 1]))
    message = (
        r"Rows 0 and 3 of frame have the same id and time, customer 'b' and day 1 \(1 such rows in "
        r"all\)\. duplicates='keep' keeps them all"
    )
    with pytest.raises(ValueError, match=message):
        cut(table)
    X, _, _ = cut(table, duplicates="keep")
    assert list(X[1]["amount"]) == [10, 30, 15]


@as_library
def test_rows_that_are_in_the_order_of_time_already(convert):
    X, _, _ = cut(convert(EVENTS), order_by=None)
    assert list(X[1]["amount"]) == [30, 10, 15]
    assert list(X[1].columns) == ["day", "amount", "channel"]


def test_named_levels_of_an_index_are_columns():
    expected = cut()
    actual = cut(EVENTS.set_index(["customer", "day"]))
    assert actual.ids.equals(expected.ids)
    assert [x.to_numpy().tolist() for x in actual.X] == [x.to_numpy().tolist() for x in expected.X]
    by_day = cut(EVENTS.set_index(["customer", "day"]), order_by=None)
    assert by_day.X[1].index.tolist() == [3, 1, 2]
    table = EVENTS.set_index("day", drop=False)
    with pytest.raises(ValueError, match="'day' is both a column of frame and a level of"):
        cut(table)


def test_names_of_columns_that_are_no_text():
    table = pd.DataFrame({("a", 1): [1, 0], 7: [2, 3], "value": [4, 5]})
    X, _, ids = sequences_from_table(table, by=("a", 1), order_by=7)
    assert ([x["value"].tolist() for x in X], ids.tolist()) == ([[5], [4]], [0, 1])


@as_library
@pytest.mark.parametrize(
    ("columns", "changes", "message"),
    [
        ({}, {"by": "client"}, r"no column 'client': valid are the columns \['customer', 'day', "),
        ({}, {"target": ["left", "right"]}, "no column 'right'"),
        ({}, {"by": []}, "by names no column"),
        ({}, {"by": None}, "by names no column"),
        ({}, {"target": "day"}, "'day' is named twice: by, order_by and target each"),
        ({}, {"keep": "amount"}, r"keep names the column 'amount', .* valid are \['customer', 'd"),
        (
            {"customer": ["b", "a", None, "b", None]},
            {},
            r"The id is missing in row 2 of frame, column 'customer' \(2 in all\): leave such rows",
        ),
        ({"day": [3, 5, 1, np.nan, 9]}, {}, "The time is missing in row 3 of frame, column 'day'"),
        ({"left": [0, np.nan, 0, 0, 1]}, {}, r"The label is missing in row 1 of .*target=None"),
        (
            {"left": [1, 0, 1, 0, 1]},
            {},
            "label changes inside the id customer 'b': left 1 in row 2 of frame, but left 0 in row"
            " 3",
        ),
        (
            {"day": ["1/2/2026", "2/2/2026", "3/2/2026", "1/1/2026", "5/2/2026"]},
            {},
            "The time in row 3 of frame, day '1/1/2026', is text other than dates and times of ISO",
        ),
        (
            {"day": ["2026-01-01"] + ["2026-01-01T00:00Z"] * 4},
            {},
            "The time in row 1 of frame, day '2026-01-01T00:00Z', is text other than",
        ),
        (
            {"day": ["2026-01-01T00:00:00.123456789"] * 5},
            {},
            "The time in row 0 .*'2026-01-01T00:00:00.123456789', is text other than",
        ),
    ],
)
def test_what_is_wrong_is_named(convert, columns, changes, message):
    with pytest.raises(ValueError, match=message):
        cut(convert(EVENTS.assign(**columns)), **changes)


@as_library
def test_tables_with_nothing_in_them(convert):
    with pytest.raises(ValueError, match="frame is empty: it has no row"):
        cut(convert(EVENTS[:0]))
    with pytest.raises(ValueError, match="No column is left for the sequences: by, order_by and"):
        cut(convert(EVENTS[["customer", "day", "left"]]))


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (pl.from_pandas(EVENTS).lazy(), TypeError, r"LazyFrame: pass its data, frame\.collect\(\)"),
        (EVENTS.to_dict("list"), TypeError, "of type dict: valid is a DataFrame of pandas or pol"),
        (EVENTS.to_numpy(), TypeError, "of type ndarray: valid is a DataFrame"),
        (pd.concat([EVENTS, EVENTS], axis=1), ValueError, "has the column 'customer' twice"),
        (EVENTS.assign(customer=["b", 1, "b", "b", 1]), ValueError, "'customer' have no order"),
        (EVENTS.assign(customer=[[1]] * 5), ValueError, r"no order \(unhashable type: 'list'\)"),
        (
            pl.from_pandas(EVENTS.assign(customer=[[1]] * 5)),
            ValueError,
            r"no order \(they are of dtype List",
        ),
    ],
    ids=["lazy", "dict", "array", "a name twice", "mixed ids", "lists", "polars lists"],
)
def test_what_is_no_table_of_events(table, error, message):
    with pytest.raises(error, match=message):
        cut(table)


def test_dates_are_shown_without_midnight():
    table = EVENTS.assign(customer=1, left=0, day=pd.Timestamp("2026-01-31"))
    with pytest.raises(ValueError, match="customer 1 and day 2026-01-31 "):
        cut(table)
