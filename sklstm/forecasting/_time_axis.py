"""`TimeAxis`: the frequency of a long frame's dates, and the positions of dates in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklstm.forecasting._forecast_index import find_step, label_range
from sklstm.preprocessing._time_index import show

DAY = 86_400  # seconds
# Time steps per year, of frequencies that are not of one length, by the letter of pandas.
PER_YEAR = {"W": 52, "M": 12, "Q": 4, "Y": 1}


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
    def of(cls, times: Any, name: str) -> Self:
        """Infer the frequency of times.

        Parameters
        ----------
        times : pandas.Index
            Distinct, in ascending order.
        name : str
            The name of the column, for the errors.

        Raises
        ------
        ValueError
            If no frequency fits.
        """
        if len(times) > 1 and times.dtype.kind in "iuf" and _is_regular(times):
            return cls((times[1] - times[0]).item())
        step, _ = find_step(times)
        if step is None:
            raise ValueError(
                f"The times in {name}, from {show(times[0])} to {show(times[-1])}, have no common "
                "frequency: most of them must follow each other in equal steps (hours, days, "
                "months and the like). If they do, say which: frequency='D', for instance."
            )
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
        labels = self.labels(times[0], self._n_steps(times))
        positions = labels.get_indexer(times)
        if (positions < 0).any():
            odd = times[int(np.argmax(positions < 0))]
            raise ValueError(
                f"{name} holds {show(odd)}, which is no whole number of steps of "
                f"{self.frequency!r} after {show(times[0])}: all series need the same frequency."
            )
        return positions.astype(np.int64)

    def labels(self, start: Any, n: int) -> Any:
        """Return n times, of which the first is `start`."""
        import pandas as pd

        if isinstance(self.frequency, str) and not isinstance(start, pd.Period):
            start = pd.Timestamp(start)
        return label_range(start, n, self.step)

    def _n_steps(self, times: Any) -> int:
        """Return a number of steps that is enough to reach from the first to the last time."""
        if len(times) < 2:
            return 1
        if not isinstance(self.frequency, str):
            return round((times[-1] - times[0]) / self.frequency) + 2
        if hasattr(times[0], "ordinal"):  # periods
            return (times[-1].ordinal - times[0].ordinal) // times[0].freq.n + 2
        first = times[0]
        shortest = self.labels(first, 14)
        length = np.diff(shortest.asi8).min()  # of the shortest month of a year, say
        return int((times.asi8[-1] - times.asi8[0]) // length) + 2


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
