"""Forecasts of pandas and polars: how an index goes on, and which one cannot."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from series import FUTURE, KNOWN, rotating_series
from sklstm.forecasting import forecast

DAYS = pd.date_range("2020-01-01", periods=39)
ONE = LinearRegression().fit(KNOWN[:-1, np.newaxis], KNOWN[1:])


def forecast_of(index, horizon=3):
    return forecast(ONE, pd.Series(KNOWN[: len(index)], index=index), horizon).index


@pytest.mark.parametrize(
    ("index", "later"),
    [
        (pd.period_range("2020-01", periods=39, freq="M"), pd.Period("2023-04", "M")),
        (DAYS, pd.Timestamp("2020-02-09")),
        (pd.date_range("2020-01-01", periods=39, freq="MS").rename("at"), pd.Timestamp("2023-04")),
        (pd.DatetimeIndex(list(DAYS)), pd.Timestamp("2020-02-09")),
        (pd.date_range("2020", periods=39, freq="h", tz="UTC"), pd.Timestamp("2020-01-02T15Z")),
        (pd.RangeIndex(10, 88, 2), 88),
    ],
)
def test_a_series_goes_on(index, later, recwarn):
    series = pd.Series(KNOWN[:39], index=index, name="wave")
    model = LinearRegression().fit(series.to_frame()[:-1], series[1:])
    forecasts = forecast(model, series, 3)
    assert isinstance(forecasts, pd.Series)
    assert forecasts.name == "wave"
    assert forecasts.index[0] == later
    assert forecasts.index.name == index.name
    expected = forecast(LinearRegression().fit(KNOWN[:38, None], KNOWN[1:39]), KNOWN[:39], 3)
    np.testing.assert_allclose(forecasts, expected)
    assert not recwarn.list


BERLIN = "Europe/Berlin"  # clocks change on 2024-03-31 and 2024-10-27


@pytest.mark.parametrize(
    ("index", "later"),
    [
        (pd.timedelta_range("1h", periods=5, freq="30min"), ["3h 30min", "4h", "4h 30min"]),
        (DAYS[:1], ["2020-01-02", "2020-01-03", "2020-01-04"]),
        (pd.timedelta_range("1h", periods=1, freq="D"), ["25h", "49h", "73h"]),
        (pd.Index([1990, 1991, 1992]), [1993, 1994, 1995]),
        (pd.Index([7, 9, 11], dtype="Int64"), [13, 15, 17]),
        (pd.Index([0.0, 0.5, 1.0]), [1.5, 2.0, 2.5]),
        (pd.Index(DAYS[:4].date), list(pd.date_range("2020-01-05", periods=3).date)),
        (pd.bdate_range("2020-01-01", periods=10), ["2020-01-15", "2020-01-16", "2020-01-17"]),
        (pd.date_range("2020-01", periods=9, freq="ME"),
         ["2020-10-31", "2020-11-30", "2020-12-31"]),
        (pd.to_datetime(["2020-01-15", "2020-02-15", "2020-03-15"]),
         ["2020-04-15", "2020-05-15", "2020-06-15"]),
        (pd.date_range("2024-03-28", periods=3, tz=BERLIN),
         ["2024-03-31 00:00+01:00", "2024-04-01 00:00+02:00", "2024-04-02 00:00+02:00"]),
        (pd.date_range("2024-03-28 02:30", periods=3, tz=BERLIN),
         ["2024-03-31 03:00+02:00", "2024-04-01 02:30+02:00", "2024-04-02 02:30+02:00"]),
        (pd.date_range("2024-10-27 00:00", periods=3, freq="h", tz=BERLIN),
         ["2024-10-27 02:00+01:00", "2024-10-27 03:00+01:00", "2024-10-27 04:00+01:00"]),
    ],
)  # fmt: skip
def test_every_regular_index_goes_on(index, later, recwarn):
    forecasts = forecast_of(index)
    expected = pd.Index(later, dtype=index.dtype)
    if isinstance(index, pd.DatetimeIndex) and index.tz:
        expected = pd.to_datetime(later, utc=True).tz_convert(index.tz)
    assert forecasts.dtype == index.dtype
    assert forecasts.tolist() == expected.tolist()
    assert not recwarn.list


@pytest.mark.parametrize(
    ("index", "missing", "step", "later"),
    [
        (DAYS[[0, 1, 2, 4, 5, 6, 8, 9]], "2 time step(s): 2020-01-04, 2020-01-08.", "D",
         "2020-01-11"),
        (DAYS[[*range(10), *range(20, 39)]], "10 time step(s): 2020-01-11, 2020-01-12, 2020-01-13, "
         "2020-01-14, 2020-01-15, ....", "D", "2020-02-09"),
        (pd.bdate_range("2020-01-01", periods=15).delete([3, 8]), "2 time step(s): 2020-01-06, "
         "2020-01-13.", "B", "2020-01-22"),
        (pd.date_range("2020-01", periods=9, freq="ME").delete([3]), "1 time step(s): 2020-04-30.",
         "ME", "2020-10-31"),
        (pd.date_range("2020-01", periods=9, freq="QS").delete([3]), "1 time step(s): 2020-10-01.",
         "3MS", "2022-04-01"),
        (pd.date_range("2024-03-24", periods=7, tz=BERLIN).delete([3]), "1 time step(s): "
         "2024-03-27 00:00:00+01:00.", "D", pd.Timestamp("2024-03-31", tz=BERLIN)),
        (pd.date_range("2020", periods=9, freq="h").delete([3]), "1 time step(s): 2020-01-01 "
         "03:00:00.", "0 days 01:00:00", "2020-01-01 09:00"),
        (pd.timedelta_range("1h", periods=5, freq="h").delete(1), "1 time step(s): 0 days "
         "02:00:00.", "0 days 01:00:00", "6h"),
        (pd.period_range("2020-01", periods=10, freq="M")[[0, 1, 9]], "7 time step(s): 2020-03, "
         "2020-04, 2020-05, 2020-06, 2020-07, ....", "M", pd.Period("2020-11", "M")),
        (pd.Index([0, 10, 20, 40, 50]), "1 time step(s): 30.", "10", 60),
        (pd.Index([0.0, 0.5, 1.0, 2.0, 2.5]), "1 time step(s): 1.5.", "0.5", 3.0),
    ],
)  # fmt: skip
def test_an_index_with_gaps_goes_on_with_a_warning(index, missing, step, later):
    with pytest.warns(UserWarning, match=re.escape(f"index of history lacks {missing} ")) as caught:
        forecasts = forecast_of(index)
    assert forecasts[0] == (pd.Index([later], dtype=index.dtype)[0])
    assert f"in steps of {step}. Fill the gaps" in str(caught[0].message)
    assert caught[0].filename == __file__  # where forecast is called


@pytest.mark.parametrize(
    ("index", "why"),
    [
        (list("abcd"), "its labels, such as 'a', are neither times nor numbers."),
        (["2020-01-01", "2020-01-02", "2020-01-03"], "its dates, such as '2020-01-01', are "
         "strings: make dates of them by pd.to_datetime."),
        (DAYS[[0, 1, 3, 7, 15]], "its time steps are not regular."),
        (pd.Index([1, 2, 4, 8, 16]), "its time steps are not regular."),
        (pd.DatetimeIndex(["2020-01-01", "2020-03-03"]), "2 time step(s) tell no frequency."),
        (pd.DatetimeIndex(["2020-01-01"]), "1 time step(s) tell no frequency."),
    ],
)  # fmt: skip
def test_an_index_that_cannot_go_on_counts(index, why):
    message = f"cannot be continued, and the forecasts are numbered from 0: {why}"
    with pytest.warns(UserWarning, match=re.escape(message)) as caught:
        assert forecast_of(index).tolist() == [0, 1, 2]
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (DAYS[::-1], "history has its newest row first: its index runs from 2020-02-08 down to "
         "2020-01-01. Rows are time steps, the oldest first: pass history[::-1]."),
        (DAYS[[0, 2, 1]], "The index of history is not in the order of time: 2020-01-02 in row 2 "
         "comes after 2020-01-03. Pass history.sort_index()."),
        (DAYS[[0, 1, 1]], "The index of history holds 2020-01-02 twice, in rows 1 and 2"),
        (pd.DatetimeIndex([DAYS[0], None]), "The index of history holds NaT in row 1"),
        (pd.date_range("2020-01-09", periods=4, freq="-1D"), "history has its newest row first"),
        (pd.RangeIndex(4)[::-1], "history has its newest row first"),
        (pd.period_range("2020", periods=3, freq="Y")[[1, 0, 2]], "2020 in row 1 comes after 2021"),
        (pd.TimedeltaIndex(["1h", None]), "The index of history holds NaT in row 1"),
        (pd.Index(DAYS[:3].date[::-1]), "history has its newest row first"),
        (pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["shop", "day"]), "history has an "
         "index of 2 levels, ['shop', 'day']: valid is one series, with one label for each time"),
    ],
)  # fmt: skip
def test_histories_that_are_not_in_the_order_of_time(index, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        forecast_of(index)


def test_polars_goes_on():
    frame = pl.DataFrame({"east": KNOWN[:30], "north": KNOWN[10:]})
    rows = frame.to_numpy()
    expected = forecast(LinearRegression().fit(rows[:-1], rows[1:]), rows, 3)
    forecasts = forecast(LinearRegression().fit(frame[:-1], frame[1:].to_numpy()), frame, 3)
    assert forecasts.columns == ["east", "north"]
    np.testing.assert_allclose(forecasts.to_numpy(), expected)
    series = forecast(ONE, pl.Series("wave", KNOWN), 3)
    assert (type(series), series.name) == (pl.Series, "wave")
    np.testing.assert_allclose(series, FUTURE[:3], atol=0.5)
    dated = pl.DataFrame({"v": [1.0], "at": DAYS[:1].date})
    with pytest.raises((ValueError, TypeError), match=r"history holds .* in row 0, column 'at'"):
        forecast(ONE, dated, 3)


def test_a_data_frame_goes_on():
    index = pd.period_range("2020Q1", periods=30, freq="Q")
    frame = pd.DataFrame(rotating_series(30), index=index, columns=["east", "north"])
    model = LinearRegression().fit(frame[:-1], frame[1:])
    forecasts = forecast(model, frame, 4)
    assert forecasts.columns.tolist() == ["east", "north"]
    assert forecasts.index[-1] == pd.Period("2028Q2")
    np.testing.assert_allclose(forecasts, rotating_series(34)[30:], atol=1e-9)


def test_a_model_of_arrays_takes_a_series(recwarn):
    model = LinearRegression().fit(KNOWN[:-1, np.newaxis], KNOWN[1:])
    forecast(model, pd.Series(KNOWN), 3)
    assert not recwarn.list


def test_rows_keep_their_dates():
    """A model may read the calendar: the rows that were forecast have dates too."""

    def month(rows):
        return rows.index.month.to_numpy()[:, np.newaxis]

    index = pd.date_range("2020-01-01", periods=36, freq="MS")
    series = pd.Series(np.arange(36.0) % 12, index=index, name="load")
    one_hot = make_pipeline(
        FunctionTransformer(month), FunctionTransformer(lambda m: np.eye(13)[m[:, 0]]),
        LinearRegression(),
    )  # fmt: skip
    one_hot.fit(series.to_frame()[:-1], series[1:])
    np.testing.assert_allclose(forecast(one_hot, series, 24), np.arange(24) % 12, atol=1e-9)
