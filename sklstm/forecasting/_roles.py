"""Reads the parameters of a forecaster: roles of columns, quantiles, lags and the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklstm.forecasting._covariates import CALENDAR
from sklstm.forecasting._panel import Roles
from sklstm.forecasting._time_axis import TimeAxis

MIN_LOOKBACK = 24
N_SEASONS = 4  # in a row, which "auto" lags reach back to
MIN_YEARS = 2  # of a history in which months are told apart


def read_roles(
    target: str,
    time: str,
    *,
    series: Any = None,
    known: Any = None,
    observed: Any = None,
    static: Any = None,
) -> Roles:
    """Read which column is what.

    Raises
    ------
    ValueError
        If a column has two roles that exclude each other. A column of `series` may be static too.
    """
    names = {"series": series, "known": known, "observed": observed, "static": static}
    roles = Roles(target, time, **{role: _names(role, value) for role, value in names.items()})
    taken = {target: "target"}
    columns_of = {role: getattr(roles, role) for role in names}
    for role, columns in {"time": (time,), **columns_of}.items():
        for column in columns:
            before = taken.get(column)
            if before not in (None, role) and (before, role) != ("series", "static"):
                raise ValueError(f"{column!r} is both {before} and {role}: a column has one role.")
            taken[column] = role
    return roles


def _names(role: str, names: Any) -> tuple[str, ...]:
    """Read the names of columns: one, several or None."""
    if names is None:
        return ()
    columns = (names,) if isinstance(names, str) else tuple(names)
    if not all(isinstance(column, str) for column in columns):
        raise ValueError(
            f"{role}={names!r:.80} is not valid: give the name of a column, or several."
        )
    if len(set(columns)) < len(columns):
        raise ValueError(f"{role}={list(columns)} names a column twice.")
    return tuple(str(column) for column in columns)


def read_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Read quantiles.

    Raises
    ------
    ValueError
        If they do not lie between 0 and 1, in ascending order.
    """
    values = tuple(q.item() if isinstance(q, np.generic) else q for q in quantiles)
    are_numbers = all(isinstance(q, Real) and 0 < q < 1 for q in values)
    if not are_numbers or list(values) != sorted(set(values)):
        raise ValueError(
            f"quantiles={quantiles!r:.80} is not valid: give numbers between 0 and 1, in ascending "
            "order, or () for the median alone."
        )
    return tuple(map(float, values))


def with_median(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return the quantiles that a network learns: those that are asked for, and 0.5."""
    return tuple(sorted({*quantiles, 0.5}))


def read_lags(lags: Any, horizon: int, seasons: Sequence[int]) -> tuple[int, ...]:
    """Read lags; "auto" follows the seasons.

    Raises
    ------
    ValueError
        If they are no ints, or less than the horizon: such values are not known for all time steps.
    """
    if isinstance(lags, str):
        return auto_lags(horizon, seasons)
    values = tuple(lag.item() if isinstance(lag, np.generic) else lag for lag in lags)
    if not all(isinstance(lag, Integral) and lag >= horizon for lag in values):
        raise ValueError(
            f"lags={lags!r:.80} is not valid: give ints of at least horizon={horizon}, since the "
            "target of fewer time steps ago is not known for all that is forecast."
        )
    return tuple(sorted(set(map(int, values))))


def auto_lags(horizon: int, seasons: Sequence[int]) -> tuple[int, ...]:
    """Return lags that are whole seasons, and at least the horizon.

    Of the shortest season these are four in a row, of the longer ones one each: of hours and a
    horizon of 48 they are 48, 72, 96, 120 and 168.
    """
    lags = set()
    for place, season in enumerate(seasons):
        first = -(-horizon // season) * season
        lags |= {first + k * season for k in range(1 if place else N_SEASONS)}
    return tuple(sorted(lags))


def auto_lookback(horizon: int, seasons: Sequence[int]) -> int:
    """Return whole seasons that are longer than the horizon, and at least 24 time steps."""
    season = seasons[0] if seasons else 1
    return -(-max(horizon + 1, MIN_LOOKBACK) // season) * season


def level_steps(seasons: Sequence[int], lookback: int) -> int:
    """Return over how many time steps the level and the spread of a window are measured.

    It is a week of hours and of shorter steps, four weeks of days, and a year of weeks, months and
    quarters; without seasons it is `lookback`.
    """
    if len(seasons) < 2:
        return seasons[0] if seasons else lookback
    of_day, of_week = seasons[:2]
    return of_week if of_week == 7 * of_day else 4 * of_day


def calendar_parts(axis: TimeAxis, years: float) -> tuple[str, ...]:
    """Return the parts of dates that the network reads.

    They are those that differ between neighbouring time steps. The month is read only where the
    series last two years and longer: of a single year, what came with a month would be learnt
    from one case.
    """
    seasons = axis.seasons
    month = ("month",) * (years >= MIN_YEARS)
    if not seasons:
        return ()
    if len(seasons) == 1:  # weeks, months, quarters
        return month
    per_day = seasons[0] if seasons[1] == 7 * seasons[0] else 1
    parts = ("minute",) * (per_day > CALENDAR["hour"][1]) + ("hour",) * (per_day > 1)
    return (*parts, "weekday", *month)
