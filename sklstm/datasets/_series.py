"""Series: one value per time step."""

import os

import numpy as np

from sklstm._sklearn_compat import validate_params
from sklstm.datasets._fetch import FETCH_CONSTRAINTS, LocalCopy, RemoteFile, naming_file, read_copy

_AIRLINE_PASSENGERS = """
112 118 132 129 121 135 148 148 136 119 104 118
115 126 141 135 125 149 170 170 158 133 114 140
145 150 178 163 172 178 199 199 184 162 146 166
171 180 193 181 183 218 230 242 209 191 172 194
196 196 236 235 229 243 264 272 237 211 180 201
204 188 235 227 234 264 302 293 259 229 203 229
242 233 267 269 270 315 364 347 312 274 237 278
284 277 317 313 318 374 413 405 355 306 271 306
315 301 356 348 355 422 465 467 404 347 305 336
340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405
417 391 419 461 472 535 622 606 508 461 390 432
"""
_TABLES = "https://raw.githubusercontent.com/jbrownlee/Datasets/master/"
_DAILY_TEMPERATURES = RemoteFile(
    name="daily-min-temperatures.csv",
    url=_TABLES + "daily-min-temperatures.csv",
    checksum="8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
    local_name="daily-min-temperatures.csv",
    repacked=True,  # line ends and quotes may differ
)
_SUNSPOTS = RemoteFile(
    name="monthly-sunspots.csv",
    url=_TABLES + "monthly-sunspots.csv",
    checksum="c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3",
    local_name="monthly-sunspots.csv",
    repacked=True,
)


def load_airline_passengers() -> np.ndarray:
    """Load the monthly totals of international airline passengers, 1949 to 1960.

    It is the series G of [1]_.

    Returns
    -------
    passengers : ndarray of shape (144,), dtype float64
        Thousands of passengers, one value per month, January 1949 first.

    References
    ----------
    .. [1] G. E. P. Box and G. M. Jenkins, *Time Series Analysis: Forecasting and Control*,
       Holden-Day (1970).

    Examples
    --------
    >>> from sklstm.datasets import load_airline_passengers
    >>> passengers = load_airline_passengers()
    >>> passengers.shape
    (144,)
    >>> passengers[:3]
    array([112., 118., 132.])
    """
    return np.array(_AIRLINE_PASSENGERS.split(), dtype=np.float64)


@validate_params(FETCH_CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_daily_temperatures(
    *, data_home: str | os.PathLike | None = None, download_if_missing: bool = True
) -> np.ndarray:
    """Fetch the daily minimum temperatures in Melbourne, Australia, 1981 to 1990.

    They were measured by the Australian Bureau of Meteorology; the copy is that of [1]_. Every year
    has 365 values: 31 December is missing in the leap years 1984 and 1988.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` goes first.
    download_if_missing : bool, default=True
        Whether to download the file (68 kB) when no copy is found.

    Returns
    -------
    temperatures : ndarray of shape (3650,), dtype float64
        Degrees Celsius, one value per day, 1 January 1981 first.

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download_if_missing`` is False.
    OSError
        If the download fails, or a file is damaged or not the published one. Of a copy in
        ``SKLSTM_DATA`` the values are read and counted, and the message names the line of one
        that is no number.

    References
    ----------
    .. [1] https://github.com/jbrownlee/Datasets

    Examples
    --------
    >>> from sklstm.datasets import fetch_daily_temperatures
    >>> temperatures = fetch_daily_temperatures()  # doctest: +SKIP
    >>> temperatures.shape  # doctest: +SKIP
    (3650,)
    """
    return _second_column(read_copy(_DAILY_TEMPERATURES, data_home, download_if_missing), 3650)


@validate_params(FETCH_CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_sunspots(
    *, data_home: str | os.PathLike | None = None, download_if_missing: bool = True
) -> np.ndarray:
    """Fetch the monthly mean numbers of sunspots, 1749 to 1983.

    They are printed in [1]_; the copy is that of [2]_.

    Parameters
    ----------
    data_home : str or path-like, default=None
        The folder of the cache. None is the folder that the environment variable ``SKLSTM_HOME``
        names, or ``~/sklstm_data``. A copy in the folder ``SKLSTM_DATA`` goes first.
    download_if_missing : bool, default=True
        Whether to download the file (45 kB) when no copy is found.

    Returns
    -------
    sunspots : ndarray of shape (2820,), dtype float64
        Relative sunspot numbers, one value per month, January 1749 first.

    Raises
    ------
    FileNotFoundError
        If there is no copy and ``download_if_missing`` is False.
    OSError
        If the download fails, or a file is damaged or not the published one. Of a copy in
        ``SKLSTM_DATA`` the values are read and counted, and the message names the line of one
        that is no number.

    References
    ----------
    .. [1] D. F. Andrews and A. M. Herzberg, *Data: A Collection of Problems from Many Fields for
       the Student and Research Worker*, Springer (1985).
    .. [2] https://github.com/jbrownlee/Datasets

    Examples
    --------
    >>> from sklstm.datasets import fetch_sunspots
    >>> sunspots = fetch_sunspots()  # doctest: +SKIP
    >>> sunspots.shape  # doctest: +SKIP
    (2820,)
    """
    return _second_column(read_copy(_SUNSPOTS, data_home, download_if_missing), 2820)


def _second_column(copy: LocalCopy, n: int) -> np.ndarray:
    """Read the `n` values of the second column, below the header."""
    with naming_file(copy.path):
        lines = copy.content.decode("utf-8").splitlines()[1:]
        values = [_value_in(line, number) for number, line in enumerate(lines, 2) if line]
        if len(values) != n:
            raise ValueError(f"it has {len(values)} values, expected {n}")
    return np.array(values)


def _value_in(line: str, number: int) -> float:
    try:
        _, value = line.split(",")
        value = float(value.strip('"'))
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"line {number} should be a date and a number: {line}")
    return value
