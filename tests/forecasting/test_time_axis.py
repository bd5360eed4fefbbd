"""The frequency of times, told or given, and the positions of times."""

import datetime

import numpy as np
import pandas as pd
import pytest

from sklstm.forecasting._long_frames import read_time_column
from sklstm.forecasting._time_axis import TimeAxis

WHERE = "The column 'date' of history"


def dates(frequency, n=24, start="2023-01-01", **options):
    """Dates that do not say their frequency, as those of a column."""
    return pd.Index(pd.date_range(start, periods=n, freq=frequency, **options).to_series().array)


def axis_of(times, frequency=None):
    return TimeAxis.of(pd.Index(times), WHERE, frequency)


def assert_same(times, expected):
    assert list(times) == list(expected)
    assert times.dtype == expected.dtype


def continued(times, n=3, frequency=None):
    """The next times after the last, as the forecasts have them."""
    axis = axis_of(times, frequency)
    positions = axis.positions(pd.Index(times), WHERE)
    return axis.labels(pd.Index(times)[0], int(positions[-1]) + n + 1)[-n:]


@pytest.mark.parametrize(
    ("frequency", "seasons"),
    [
        ("15min", (96, 672)),
        ("30min", (48, 336)),
        ("h", (24, 168)),
        ("3h", (8, 56)),
        ("D", (7, 364)),
        ("2D", (182,)),
        ("B", (5, 260)),
        ("W-SUN", (52,)),
        ("W-WED", (52,)),
        ("2W-SUN", (26,)),
        ("MS", (12,)),
        ("ME", (12,)),
        ("BME", (12,)),
        ("QS-JAN", (4,)),
        ("QE-DEC", (4,)),
        ("YS-JAN", ()),
    ],
)
def test_frequencies_of_dates(frequency, seasons):
    times = dates(frequency)
    axis = axis_of(times)
    assert axis.frequency == frequency
    assert axis.seasons == seasons
    np.testing.assert_array_equal(axis.positions(times, WHERE), np.arange(24))
    with_a_gap = times.delete([5, 6])
    assert axis_of(with_a_gap).seasons == seasons  # weeks may be 7 days, and quarters 3 months
    np.testing.assert_array_equal(
        axis.positions(with_a_gap, WHERE), np.delete(np.arange(24), [5, 6])
    )
    assert_same(continued(with_a_gap), dates(frequency, 27)[-3:])


@pytest.mark.parametrize("frequency", ["D", "h", "W-SUN", "M", "Q-DEC", "Y-DEC", "2M"])
def test_periods(frequency):
    times = pd.period_range("2023-01-01", periods=20, freq=frequency)
    assert_same(continued(times[:17].delete(4)), times[17:])
    assert axis_of(times, frequency) == axis_of(times)


def test_a_period_has_the_frequency_that_is_given():
    with pytest.raises(ValueError, match=r"frequency='D' is not valid: .* periods of .* 'M'"):
        axis_of(pd.period_range("2023-01", periods=5, freq="M"), "D")


@pytest.mark.parametrize(
    ("old", "now"),
    [("M", "ME"), ("H", "h"), ("60T", "60min"), ("Q", "QE"), ("2M", "2ME"), ("A-JUN", "YE-JUN")],
)
def test_earlier_aliases_of_pandas(old, now):
    assert axis_of(dates(now), old).frequency == now


def test_weeks_begin_where_the_dates_do():
    assert axis_of(dates("W-WED"), "W").frequency == "W-WED"
    assert axis_of(dates("2W-FRI"), "2W").frequency == "2W-FRI"
    with pytest.raises(ValueError, match="2023-01-04, which is no whole number of steps of 'W-MON"):
        axis_of(dates("W-WED"), "W-MON").positions(dates("W-WED"), WHERE)


@pytest.mark.parametrize("day", [15, 28])
def test_one_day_of_every_month(day):
    times = pd.DatetimeIndex([f"2023-{month:02}-{day}" for month in range(1, 13)])
    assert axis_of(times).seasons == (12,)
    assert [str(each.date()) for each in continued(times)] == [
        f"2024-{month:02}-{day}" for month in range(1, 4)
    ]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_resolution_of_dates_is_kept(unit):
    assert continued(dates("h", unit=unit)).dtype == f"datetime64[{unit}]"
    assert continued(dates("ME", unit=unit)).dtype == f"datetime64[{unit}]"


def test_days_of_a_time_zone_have_23_and_25_hours():
    berlin = {"tz": "Europe/Berlin"}
    spring = dates("D", 12, "2024-03-25", **berlin)
    assert axis_of(spring).frequency == "D"
    assert_same(continued(spring[:4], 8), spring[4:])
    for start in ("2024-03-30", "2024-10-26"):
        hours = dates("h", 48, start, **berlin)
        assert_same(continued(hours[:20], 28), hours[20:])


@pytest.mark.parametrize(
    ("numbers", "frequency", "following"),
    [
        ([0, 1, 2, 3], 1, [4, 5, 6]),
        ([5, 15, 25, 45], 10, [55, 65, 75]),
        ([7, 9], 2, [11, 13, 15]),
        (np.arange(10, dtype=np.uint8), 1, [10, 11, 12]),
        (np.arange(30) * 0.1, 0.1, [3.0, 3.1, 3.2]),
    ],
)
def test_numbers(numbers, frequency, following):
    assert axis_of(numbers).frequency == pytest.approx(frequency)
    assert axis_of(numbers).seasons == ()
    np.testing.assert_allclose(continued(numbers), following)
    np.testing.assert_allclose(continued(numbers[-1:], frequency=frequency), following)


@pytest.mark.parametrize(
    ("times", "frequency", "message"),
    [
        (dates("D", 1), None, "holds 1 different time.s., from which no frequency can be told"),
        (dates("D", 2), None, "holds 2 different time"),
        ([3], None, "holds 1 different time"),
        (dates("SME"), None, "from 2023-01-15 to 2023-12-31, that have no common frequency"),
        (dates("D"), "day", "frequency='day' is not valid: give an alias of pandas"),
        (dates("D"), "months=x", "frequency='months=x' is not valid"),
        (dates("D"), 1, "frequency=1 is not valid: the column 'date' of history holds dates or"),
        ([1, 2, 3], "D", "frequency='D' is not valid: the column 'date' of history holds numbers"),
    ],
)
def test_no_frequency(times, frequency, message):
    with pytest.raises(ValueError, match=message):
        axis_of(times, frequency)


@pytest.mark.parametrize(
    ("times", "frequency", "message"),
    [
        (
            dates("ME"),
            "MS",
            "2023-01-31, which is no whole number of steps of 'MS' after 2023-01-3",
        ),
        (dates("D"), "2D", "2023-01-02, which is no whole number of steps of '2D'"),
        ([0, 1, 2.5], 1, "2.5, which is no whole number of steps of 1 after 0"),
        (pd.DatetimeIndex(["2024-01-01", "2024-01-02 00:01"]), "D", "2024-01-02 00:01:00, which"),
        ([0, 1, 2, 10**12], 1, "from 0 to 1000000000000, which are 1000000000001 time steps of 1"),
        (pd.DatetimeIndex(["1970-01-01", "2024-01-01"]), "s", "1704067201 time steps of 's'"),
    ],
)
def test_times_between_steps_and_far_away(times, frequency, message):
    with pytest.raises(ValueError, match=message):
        axis_of(times, frequency).positions(pd.Index(times), WHERE)


def test_times_as_columns_hold_them():
    expected = dates("D", 3)
    for column in (
        [str(day.date()) for day in expected],
        [day.date() for day in expected],
        [day.to_pydatetime() for day in expected],
        pd.Series(expected).astype(object),
    ):
        read = read_time_column(pd.Series(column), WHERE)
        assert (read == expected).all()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["01/02/2024"], "holds '01/02/2024': valid are dates, periods, and numbers"),
        ([datetime.date(2024, 1, 1), None], "is missing in row 1: every row needs its time"),
        ([1.0, np.nan], "is missing in row 1"),
        ([True, False], "holds .*True.*: valid are dates"),
        (pd.timedelta_range("1D", periods=3), "holds durations: add them to a date"),
    ],
)
def test_columns_that_hold_no_times(column, message):
    with pytest.raises(ValueError, match=message):
        read_time_column(pd.Series(column), WHERE)
