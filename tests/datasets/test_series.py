"""The series."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from data_files import REAL_DATA, published
from sklstm.datasets import (
    fetch_daily_temperatures,
    fetch_sunspots,
    load_airline_passengers,
)

# ---------------------------------------------------------------------------------------- loaders


def test_airline_passengers():
    passengers = load_airline_passengers()
    assert passengers.shape == (144,)
    assert passengers.dtype == np.float64
    assert passengers.sum() == 40363
    assert passengers.max() == 622
    assert np.argmax(passengers) == 11 * 12 + 6  # July 1960
    assert load_airline_passengers() is not passengers


@pytest.mark.data
def test_airline_passengers_are_those_of_the_file(real_data):
    real_data("airline-passengers.csv")
    path = Path(REAL_DATA) / "airline-passengers.csv"
    expected = np.loadtxt(path, delimiter=",", skiprows=1, usecols=1)
    np.testing.assert_array_equal(load_airline_passengers(), expected)


# ----------------------------------------------------------------------------------------- series


SERIES = pytest.mark.parametrize(
    ("fetch", "constant", "n"),
    [(fetch_daily_temperatures, "_DAILY_TEMPERATURES", 3650), (fetch_sunspots, "_SUNSPOTS", 2820)],
)


def table(n, *, end="\r\n"):
    """Return the lines of a published series whose values are 0, 0.1, 0.2, ..."""
    return end.join(['"Date","Value"', *(f'"day {i}",{i / 10}' for i in range(n))]).encode()


@SERIES
def test_series_are_downloaded(fetch, constant, n, publish, server):
    publish(constant, table(n))
    values = fetch()
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, np.arange(n) / 10)
    np.testing.assert_array_equal(fetch(download_if_missing=False), values)
    assert server.requested == [f"/{published(constant).name}"]


@SERIES
def test_own_series_may_have_other_line_ends_and_quotes(fetch, constant, n, own_folder):
    lines = b"\xef\xbb\xbf" + table(n, end="\n").replace(b'"', b"") + b"\n\n"
    (own_folder / published(constant).name).write_bytes(lines)
    np.testing.assert_array_equal(fetch(download_if_missing=False), np.arange(n) / 10)


@SERIES
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"day 7",0.7', b'"day 7",?0.7', r"line 9 should be a date and a number: .*,\?0\.7'"),
        (b'"day 7",0.7', b'"day 7",nan', "line 9 should be .*,nan'"),
        (b'"day 7",0.7', b'"day 7"', "line 9 should be .*day 7"),
        (b'"day 7",0.7', b'"day 7",0,7', "line 9 should be .*,0,7'"),
        (b'"day 7",0.7\r\n', b"", "has .*9 values, expected .*0"),
        (b"Date", b"\xff", "UnicodeDecodeError"),
    ],
)
def test_a_damaged_own_series(fetch, constant, n, own_folder, old, new, reason):
    path = own_folder / published(constant).name
    path.write_bytes(table(n).replace(old, new))
    with pytest.raises(OSError, match=reason) as error:
        fetch()
    assert f"Delete or replace {path}" in str(error.value)


@pytest.mark.data
def test_real_series(real_data):
    real_data("daily-min-temperatures.csv", "monthly-sunspots.csv")
    temperatures, sunspots = (
        fetch_daily_temperatures(download_if_missing=False),
        fetch_sunspots(download_if_missing=False),
    )
    assert temperatures.shape == (3650,)
    assert (temperatures[0], temperatures[-1]) == (20.7, 13.0)
    assert (temperatures.min(), temperatures.max()) == (0, 26.3)
    assert sunspots.shape == (2820,)
    assert (sunspots[0], sunspots[-1]) == (58.0, 33.4)
    for constant in ("_DAILY_TEMPERATURES", "_SUNSPOTS"):
        payload = (Path(REAL_DATA) / published(constant).name).read_bytes()
        assert hashlib.sha256(payload).hexdigest() == published(constant).checksum
