"""`TimeAxis`: the frequency of a long frame's dates, and the positions of dates in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklstm.forecasting._forecast_index import find_step, label_range
from sklstm.preprocessing._time_index import show

DAY = 86_400  # seconds
TOLERANCE = 1e-6  # of a step: numbers such as 0.3 are not exact
MAX_STEPS = 2**27  # from the first to the last time of a frame
# Time steps per year, of frequencies that are not of one length, by the letter of pandas.
PER_YEAR = {"W": 52, "M": 12, "Q": 4, "Y": 1}
# Aliases of periods, and those of earlier versions of pandas: what they are for dates now.
ALIASES = {
    "M": "ME",
    "Q": "QE",
    "Y": "YE",
    "A": "YE",
    "AS": "YS",
    "BM": "BME",
    "BQ": "BQE",
    "BA": "BYE",
    "H": "h",
    "T": "min",
    "S": "s",
}


@dataclass(frozen=True)
class TimeAxis:
    """Equally spaced time steps: dates of one frequency, periods, or numbers.

    Attributes
    ----------
    frequency : str, int or float
        The distance of two time steps: an alias of pandas, such as "h", "D" or "MS", or for
        numbers their difference. "months=2" stands for dates on one day of every second month.
    """

    frequency: str | int | float

    @classmethod
    def of(cls, times: Any, where: str, frequency: str | float | None = None) -> Self:
        """Infer the frequency of times, or check that a given one is a frequency of such times.

        Parameters
        ----------
        times : pandas.Index
            Distinct, in ascending order.
        where : str
            The column that holds them, for the errors: "The column 'date' of history".
        frequency : str, int, float or None, default=None
            None infers it.

        Raises
        ------
        ValueError
            If no frequency fits, or the given one is none of these times.
        """
        if frequency is not None:
            return cls(_read_frequency(frequency, times, where))
        if len(times) > 1 and times.dtype.kind in "iuf" and _is_regular(times):
            return cls((times[1] - times[0]).item())
        step, _ = find_step(times)
        if step is None:
            raise ValueError(f"{where} {_why_no_frequency(times)}")
        return cls(_as_text(step))

    @property
    def step(self) -> Any:
        """The step as pandas adds it to a time."""
        import pandas as pd

        if not isinstance(self.frequency, str):
            return self.frequency
        if self.frequency.startswith("months="):
            return pd.DateOffset(months=int(self.frequency.removeprefix("months=")))
        return pd.tseries.frequencies.to_offset(self.frequency)

    @property
    def seasons(self) -> tuple[int, ...]:
        """How many time steps a day, a week and a year have, as far as these are 2 or more.

        Of hours these are (24, 168), of days (7, 364), of months (12,); of numbers none is known.
        """
        step = self.step
        seconds = _seconds(step)
        if seconds is not None:
            periods = (DAY, 7 * DAY) if seconds < DAY else (7 * DAY, 364 * DAY)
            return tuple(int(p // seconds) for p in periods if p % seconds == 0 and p > seconds)
        if self.frequency in ("B", "C"):  # the days of business
            return (5, 260)
        n = int(getattr(step, "n", 1))
        per_year = PER_YEAR.get(_letter_of(self.frequency), 1)
        return (per_year // n,) if per_year % n == 0 and per_year > n else ()

    def positions(self, times: Any, name: str) -> np.ndarray:
        """Count the steps from the first of some times to each.

        Parameters
        ----------
        times : pandas.Index
            Distinct, in ascending order.

        Returns
        -------
        ndarray of int64

        Raises
        ------
        ValueError
            If a time lies between two steps.
        """
        positions = self.steps(times[0], times)
        if (positions < 0).any():
            odd = times[int(np.argmax(positions < 0))]
            raise ValueError(
                f"{name} holds {show(odd)}, which is no whole number of steps of "
                f"{self.frequency!r} after {show(times[0])}: all series need the same frequency."
            )
        if positions[-1] >= MAX_STEPS:
            raise ValueError(
                f"{name} reaches from {show(times[0])} to {show(times[-1])}, which are "
                f"{int(positions[-1]) + 1} time steps of {self.frequency!r}: valid are {MAX_STEPS} "
                "or fewer. Leave out times that are far from the others, or name the frequency."
            )
        return positions.astype(np.int64)

    def steps(self, start: Any, times: Any) -> np.ndarray:
        """Return the steps from a time to each of others; below 0 for those that are not reached.

        Parameters
        ----------
        start : Timestamp, Period or number
        times : pandas.Index
            In any order.
        """
        import pandas as pd

        if isinstance(times, pd.PeriodIndex):
            return _whole(times.asi8 - start.ordinal, times.freq.n)
        if not isinstance(self.frequency, str):
            return _whole(np.asarray(times - start), self.frequency)
        if (seconds := _seconds(self.step)) is not None:
            if isinstance(self.step, pd.offsets.Day):  # a day may have 23 hours
                start, times = start.tz_localize(None), times.tz_localize(None)
            return _whole(np.asarray(times - start) / np.timedelta64(1, "s"), seconds)
        shortest = self.labels(start, 14)  # with the shortest month of a year, say
        n = (times.max() - start) // (shortest[1:] - shortest[:-1]).min() + 2
        return self.labels(start, max(n, 1)).get_indexer(times)

    def labels(self, start: Any, n: int) -> Any:
        """Return n times, of which the first is `start`."""
        import pandas as pd

        step = start.freq if isinstance(start, pd.Period) else self.step
        return label_range(start, n, step)


def _read_frequency(frequency: str | float, times: Any, where: str) -> str | int | float:
    """Return a frequency that a user gives, as `TimeAxis` has it."""
    import pandas as pd

    are_numbers = times.dtype.kind in "iuf"
    if are_numbers != (not isinstance(frequency, str)):
        what = "numbers, whose frequency is their difference" if are_numbers else "dates or periods"
        valid = "1" if are_numbers else "'D'"
        raise ValueError(
            f"frequency={frequency!r} is not valid: {where.lower()} holds {what}, such as "
            f"frequency={valid}. None infers it."
        )
    if are_numbers:
        return frequency.item() if isinstance(frequency, np.generic) else frequency
    text = _anchored(_current_alias(frequency), times)
    try:
        step = TimeAxis(text).step
    except ValueError:
        raise ValueError(
            f"frequency={frequency!r} is not valid: give an alias of pandas, such as 'h', 'D', "
            "'W', 'MS' (the first day of each month), 'ME' (the last) or '30min'."
        ) from None
    if isinstance(times, pd.PeriodIndex) and step != times.freq:
        raise ValueError(
            f"frequency={frequency!r} is not valid: {where.lower()} holds periods of the frequency "
            f"{times.freqstr!r}."
        )
    return text


def _current_alias(frequency: str) -> str:
    """Return an alias of a period, or of an earlier version of pandas, as one of dates now."""
    number = frequency[: len(frequency) - len(frequency.lstrip("0123456789-"))]
    name, *anchor = frequency[len(number) :].split("-")
    return "-".join([f"{number}{ALIASES.get(name, name)}", *anchor])


def _anchored(frequency: str, times: Any) -> str:
    """Return weeks without a weekday as weeks on that of the first date."""
    is_any_week = frequency.lstrip("0123456789") == "W" and hasattr(times, "day_name")
    return f"{frequency}-{times.day_name()[0][:3].upper()}" if is_any_week else frequency


def _why_no_frequency(times: Any) -> str:
    if len(times) < 3:
        return (
            f"holds {len(times)} different time(s), from which no frequency can be told: say which "
            "it is, such as frequency='D' for days."
        )
    return (
        f"holds times, from {show(times[0])} to {show(times[-1])}, that have no common frequency: "
        "most of them must follow each other in equal steps (hours, days, months and the like). If "
        "they do, say which: frequency='D', for instance."
    )


def _whole(differences: np.ndarray, step: float) -> np.ndarray:
    """Return differences as numbers of steps, -1 where they are no whole number."""
    steps = differences / step
    whole = np.rint(steps)
    return np.where(np.abs(steps - whole) < TOLERANCE, whole, -1)


def _is_regular(times: Any) -> bool:
    steps = np.diff(np.asarray(times))
    return bool((steps == steps[0]).all())


def _as_text(step: Any) -> str | int | float:
    import pandas as pd

    if isinstance(step, pd.Timedelta):
        return pd.tseries.frequencies.to_offset(step).freqstr
    if type(step) is pd.DateOffset:
        return f"months={step.kwds['months']}"
    return getattr(step, "freqstr", step.item() if hasattr(step, "item") else step)


def _seconds(step: Any) -> float | None:
    """Return the length of a step of one length; None for weeks on a weekday, months and so on."""
    import pandas as pd

    if isinstance(step, pd.offsets.Day):
        return step.n * DAY
    if isinstance(step, pd.offsets.Tick):
        return pd.Timedelta(step).total_seconds()
    return None


def _letter_of(frequency: str | int | float) -> str:
    """Return the letter of a week, a month, a quarter or a year in an alias of pandas."""
    text = str(frequency)
    if text.startswith("months="):
        return "M"
    name = text.lstrip("0123456789-").split("-")[0]
    return name.removeprefix("B")[:1] if len(name) > 1 else name
