"""Series continued into the future, and forecasts in the frames of their history."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from panels import shop
from sklstm.forecasting._future import continue_panel, forecast_frame, future_times
from sklstm.forecasting._panel import Roles, read_panel

ROLES = Roles("sales", "date", ("shop",), ("promotion", "holiday"), static=("region",))
N, HORIZON = 10, 3


def table(n=N + HORIZON):
    """Two shops; the second ends two days earlier."""
    frame = pd.concat([shop("a", n), shop("bb", n - 2)], ignore_index=True)
    holiday = np.where(frame["date"].dt.day % 5 == 0, "feast", "none")
    return frame.assign(holiday=holiday, region=frame["shop"].map({"a": "north", "bb": "south"}))


def parts(frame=None):
    """The history and the future of a table."""
    frame = table() if frame is None else frame
    ahead = frame.groupby("shop").cumcount(ascending=False) < HORIZON
    columns = ["shop", "date", "promotion", "holiday"]
    return frame[~ahead].reset_index(drop=True), frame.loc[ahead, columns].reset_index(drop=True)


def panel_of(history, roles=ROLES):
    return read_panel(history, roles, "history")


def continued(history, future, roles=ROLES, **options):
    return continue_panel(panel_of(history, roles), roles, HORIZON, future, **options)


def test_the_future_follows_each_series():
    history, future = parts()
    longer, whole = continued(history, future), panel_of(table())
    np.testing.assert_array_equal(longer.lengths, whole.lengths)
    for name in ("promotion", "holiday", "region"):
        np.testing.assert_array_equal(longer.columns[name], whole.columns[name])
    is_ahead = np.r_[np.arange(13) >= 10, np.arange(11) >= 8]
    assert np.isnan(longer.columns["sales"][is_ahead]).all()
    np.testing.assert_array_equal(longer.columns["sales"][~is_ahead], history["sales"])
    times = future_times(panel_of(history), HORIZON)
    assert [time.day for time in times] == [11, 12, 13, 9, 10, 11]


FORMS = {
    "rows in another order": lambda f: f.sample(frac=1, random_state=0),
    "polars": pl.from_pandas,
    "an index": lambda f: f.set_index(["shop", "date"]),
    "other columns": lambda f: f.assign(sales=0, more="text"),
    "other series": lambda f: pd.concat([shop("new", 30).assign(holiday="none"), f]),
    "other days": lambda f: pd.concat([shop("a", 5, "2023-12-25").assign(holiday="none"), f]),
    "later days, twice": lambda f: pd.concat(
        [f, *[shop("a", 2, "2030-01-01").assign(holiday="none")] * 2]
    ),
    "categories": lambda f: f.astype({"shop": "category", "holiday": "category"}),
    "booleans": lambda f: f.astype({"promotion": bool}),
    "nullable": lambda f: f.convert_dtypes(),
    "dates as text": lambda f: f.assign(date=f["date"].astype(str)),
    "dates of another resolution": lambda f: f.assign(date=f["date"].dt.as_unit("ns")),
}


@pytest.mark.parametrize("change", FORMS.values(), ids=FORMS)
def test_forms_of_a_future(change):
    history, future = parts()
    expected, found = continued(history, future), continued(history, change(future))
    for name, values in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], values)


def test_a_series_without_a_name_and_no_known_columns():
    roles = Roles("sales", "date")
    longer = continued(shop("a", 10), None, roles)
    np.testing.assert_array_equal(longer.lengths, [13])
    np.testing.assert_array_equal(np.isnan(longer.columns["sales"]), np.arange(13) >= 10)


def test_a_missing_category_is_none():
    history, future = parts()
    longer = continued(history, future.assign(holiday=None))
    assert longer.columns["holiday"][10:13].tolist() == [None] * 3


CASES = {
    "no future": (lambda f: None, "fitted with known=.'promotion', 'holiday'.: pass their values"),
    "no column": (
        lambda f: f.drop(columns="holiday"),
        "future lacks the column 'holiday'. Its col",
    ),
    "no series": (lambda f: f.drop(columns="shop"), "future lacks the column 'shop'"),
    "no rows": (lambda f: f[:0], "future has no rows"),
    "a day too few": (
        lambda f: f.drop(4),
        r"lacks 1 of the 6 time step\(s\) .* first of them the series shop='bb' at 2024-01-10: val",
    ),
    "a shop too few": (
        lambda f: f[f["shop"] == "a"],
        r"lacks 3 of the 6 .* the series shop='bb' at 2024-01-09",
    ),
    "other names of shops": (
        lambda f: f.assign(shop=1),
        r"lacks 6 of the 6 .* Its first row is of shop=1, and no row is of a series of history",
    ),
    "a day twice": (
        lambda f: pd.concat([f, f[4:5]]),
        "future has two rows for the series shop='bb' at 2024-01-10, rows 4 and 6: valid",
    ),
    "no number": (
        lambda f: f.assign(promotion=[0, 1, None, 0, 0, 0]),
        "no number in the column 'promotion' for the series shop='a' at 2024-01-13: a known colum",
    ),
    "text for numbers": (
        lambda f: f.assign(promotion="yes"),
        "future holds 'yes' in row 0, column 'promotion', which is not a number",
    ),
    "numbers for text": (
        lambda f: f.assign(holiday=7),
        "column 'holiday' of future holds numbers, such as 7, but in fit it held text",
    ),
    "numbers for dates": (
        lambda f: f.assign(date=[1, 2, 3] * 2),
        "column 'date' of future holds numbers, but that of history holds dates without a time z",
    ),
    "a time zone": (
        lambda f: f.assign(date=f["date"].dt.tz_localize("UTC")),
        "future holds dates of a time zone, but that of history holds dates without a time zone",
    ),
    "periods": (
        lambda f: f.assign(date=f["date"].dt.to_period("D")),
        "future holds periods of 'D', but that of history holds dates without a time zone",
    ),
}


@pytest.mark.parametrize(("change", "message"), CASES.values(), ids=CASES)
def test_futures_that_are_refused(change, message):
    history, future = parts()
    kinds = {"promotion": "number", "holiday": "text"}
    with pytest.raises(ValueError, match=message):
        continued(history, change(future), kinds=kinds)


# --- forecasts ---


def forecasts_of(history, roles=ROLES):
    panel = read_panel(history, roles, "history")
    values = np.arange(len(panel) * HORIZON * 2.0).reshape(len(panel), HORIZON, 2)
    return forecast_frame(history, panel, roles, values, ["sales", "sales_0.9"])


def test_forecasts_have_a_row_for_each_series_and_time_step():
    history, future = parts()
    forecasts = forecasts_of(history)
    assert forecasts.columns.tolist() == ["shop", "date", "sales", "sales_0.9"]
    pd.testing.assert_frame_equal(forecasts[["shop", "date"]], future[["shop", "date"]])
    assert forecasts["sales_0.9"].tolist() == [1, 3, 5, 7, 9, 11]


@pytest.mark.parametrize(
    "dtypes",
    [
        {"shop": "category"},
        {"shop": object},
        {"date": "datetime64[s]"},
        {"date": "datetime64[us, Europe/Berlin]"},
    ],
    ids=str,
)
def test_dtypes_of_pandas_are_kept(dtypes):
    history, future = parts()
    if "Europe" in str(dtypes):
        change = lambda f: f.assign(date=f["date"].dt.tz_localize("Europe/Berlin"))  # noqa: E731
    else:
        change = lambda f: f.astype(dtypes)  # noqa: E731
    forecasts = forecasts_of(change(history))
    pd.testing.assert_frame_equal(forecasts[["shop", "date"]], change(future)[["shop", "date"]])


def test_dates_without_a_time_and_periods_come_back():
    history, future = parts()
    for change in (lambda dates: dates.dt.date, lambda dates: dates.dt.to_period("D")):
        forecasts = forecasts_of(history.assign(date=change(history["date"])))
        assert forecasts["date"].tolist() == change(future["date"]).tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f,
        lambda f: f.with_columns(pl.col("date").cast(pl.Date)),
        lambda f: f.with_columns(pl.col("date").cast(pl.Datetime("ms"))),
        lambda f: f.with_columns(pl.col("date").dt.replace_time_zone("Europe/Berlin")),
        lambda f: f.with_columns(pl.col("shop").cast(pl.Categorical)),
        lambda f: f.with_columns(shop=pl.col("shop").str.len_chars().cast(pl.Int16)),
        lambda f: f.with_columns(date=pl.col("date").dt.day().cast(pl.Int32)),
    ],
)
def test_polars_comes_back_as_polars(change):
    history, future = (change(pl.from_pandas(part)) for part in parts())
    forecasts = forecasts_of(history)
    assert isinstance(forecasts, pl.DataFrame)
    assert forecasts.columns == ["shop", "date", "sales", "sales_0.9"]
    assert forecasts.select("shop", "date").equals(future.select("shop", "date"))
    assert forecasts.schema["shop"] == history.schema["shop"]
    assert forecasts.schema["date"] == history.schema["date"]
    joined = forecasts.join(future, on=["shop", "date"])
    assert len(joined) == 6


def test_index_levels_are_columns_of_the_forecasts():
    history, future = parts()
    forecasts = forecasts_of(history.astype({"shop": "category"}).set_index(["shop", "date"]))
    assert forecasts["shop"].dtype == "category"
    assert forecasts["date"].tolist() == future["date"].tolist()


def test_numbers_of_time_are_continued():
    history = pd.DataFrame({"date": np.arange(250, 256, dtype=np.uint8), "sales": 1.0})
    forecasts = forecasts_of(history, Roles("sales", "date"))
    assert forecasts["date"].tolist() == [256, 257, 258]
