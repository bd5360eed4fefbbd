"""The index of forecasts: the labels that follow those of a history."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from sklstm.preprocessing._time_index import check_time_order, read_times, show

N_SHOWN = 5  # missing time steps that a warning names
STACK_LEVEL = 5  # of warnings: they show the line that calls `forecast`


def continued_index(history: Any, horizon: int) -> Any:
    """Return the index of a Series or DataFrame, continued by `horizon` labels.

    Parameters
    ----------
    history : Series or DataFrame of pandas
    horizon : int

    Returns
    -------
    pandas.Index
        Of n + `horizon` labels. Where those of the history cannot be continued, they are numbers
        from -n on, so that the first forecast has the number 0.

    Raises
    ------
    ValueError
        If the index has several levels, or is not in the order of time.

    Warns
    -----
    UserWarning
        If time steps are missing, or the index cannot be continued.
    """
    import pandas as pd

    index = history.index
    if index.nlevels > 1:
        raise ValueError(
            f"history has an index of {index.nlevels} levels, {list(index.names)}: valid is one "
            "series, with one label for each time step. Forecast several series one by one."
        )
    check_time_order(history, "history")
    times = read_times(index)
    is_readable = times is not None and index.inferred_type != "string"
    step, positions = find_step(times) if is_readable else (None, None)
    if step is None:
        _warn_not_continued(index, times)
        return pd.RangeIndex(-len(index), horizon)
    if positions is not None and positions[-1] >= len(index):
        _warn_of_gaps(times, step, positions)
    later = label_range(times[-1], horizon + 1, step)[1:]
    if index.inferred_type == "date":
        later = pd.Index(later.date)
    return index.append(later.rename(index.name))


def find_step(times: Any) -> tuple[Any, np.ndarray | None]:
    """Find the difference of neighbouring labels, and the position of each label in such steps.

    The positions are None where there cannot be gaps; both are None where no step fits.
    """
    import pandas as pd

    if (known := _known_step(times)) is not None:
        return known, None
    is_certain = isinstance(times, pd.PeriodIndex)
    found = []
    for step in _candidates(times):
        positions = _positions(times, step)
        if positions is not None and (is_certain or _mostly_follow(positions)):
            found.append((step, positions))
    return min(found, key=lambda candidate: candidate[1][-1], default=(None, None))


def _known_step(times: Any) -> Any:
    """Return the step that pandas knows of an index without gaps, or None."""
    import pandas as pd

    if isinstance(times, pd.RangeIndex):
        return times.step
    if isinstance(times, pd.DatetimeIndex):
        return times.freq or pd.DatetimeIndex(times, freq="infer").freq  # inferred_freq warns
    return times.freq if isinstance(times, pd.TimedeltaIndex) else None


def _mostly_follow(positions: np.ndarray) -> bool:
    """Return whether most labels lie one step after the one before; if not, the step is a guess."""
    return bool(np.mean(np.diff(positions) == 1) > 0.5)


def _candidates(times: Any) -> Iterator[Any]:
    """Yield the steps to try; of those that fit equally well the first is taken."""
    import pandas as pd

    if isinstance(times, pd.PeriodIndex):
        yield times.freq
    elif len(times) < 3:
        return
    elif isinstance(times, pd.DatetimeIndex):
        yield from _candidates_of_dates(times)
    else:
        step = _median_difference(times)
        yield pd.Timedelta(step) if times.dtype.kind == "m" else step


def _candidates_of_dates(dates: Any) -> Iterator[Any]:
    import pandas as pd

    # a day may have 23 hours, where clocks change
    days = pd.Timedelta(_median_difference(dates.tz_localize(None)))
    if days > pd.Timedelta(0) and not days % pd.Timedelta(days=1):
        yield pd.offsets.Day(days.days)
    yield pd.Timedelta(_median_difference(dates))
    yield pd.offsets.BDay()
    if months := int(_median_difference(dates.year * 12 + dates.month)):
        for offset in ("MonthBegin", "MonthEnd", "BMonthBegin", "BMonthEnd"):
            yield getattr(pd.offsets, offset)(months)
        yield pd.DateOffset(months=months)


def _median_difference(labels: Any) -> Any:
    """Return the median difference of neighbouring labels."""
    differences = np.sort(np.asarray(labels[1:] - labels[:-1]))
    return differences[len(differences) // 2]


def _positions(times: Any, step: Any) -> np.ndarray | None:
    """Count the steps from the first label to each; None if a label is no whole number of steps."""
    import pandas as pd

    if isinstance(times, pd.PeriodIndex):
        steps = (times.asi8 - times.asi8[0]) / step.n
    elif isinstance(times, pd.DatetimeIndex) and not isinstance(step, pd.Timedelta):
        positions = _dates(times[0], step, end=times[-1]).get_indexer(times)
        return None if (positions < 0).any() else positions
    else:
        steps = np.asarray((times - times[0]) / step)
    positions = np.rint(steps)
    return positions if np.allclose(steps, positions, rtol=0, atol=1e-6) else None


def label_range(start: Any, periods: int, step: Any) -> Any:
    """Return an index of `periods` labels, of which the first is `start`."""
    import pandas as pd

    if isinstance(start, pd.Period):
        return pd.period_range(start, periods=periods, freq=step)
    if isinstance(start, pd.Timedelta):
        return pd.timedelta_range(start, periods=periods, freq=step)
    if isinstance(start, pd.Timestamp):
        return _dates(start, step, periods=periods)
    return pd.Index(start + step * np.arange(periods))


def _dates(start: Any, step: Any, **until: Any) -> Any:
    """Return dates; steps of days and longer keep the time of day where clocks change."""
    import pandas as pd

    is_duration = isinstance(step, pd.Timedelta | pd.offsets.Tick)
    if start.tz is None or (is_duration and not isinstance(step, pd.offsets.Day)):
        return pd.date_range(start, freq=step, **until)
    if "end" in until:
        until = {"end": until["end"].tz_localize(None)}
    clock = pd.date_range(start.tz_localize(None), freq=step, **until)
    is_summer = np.ones(len(clock), bool)  # of an hour that comes twice, take the first
    return clock.tz_localize(start.tz, ambiguous=is_summer, nonexistent="shift_forward")


def _warn_of_gaps(times: Any, step: Any, positions: np.ndarray) -> None:
    n_missing = int(positions[-1]) + 1 - len(times)
    missing = []
    for row in np.flatnonzero(np.diff(positions) > 1):
        periods = min(int(positions[row + 1] - positions[row]), N_SHOWN + 1)
        missing += map(show, label_range(times[row], periods, step)[1:])
    more = ", ..." if n_missing > N_SHOWN else ""
    name = getattr(times, "freqstr", None) or getattr(step, "freqstr", step)
    warnings.warn(
        f"The index of history lacks {n_missing} time step(s): "
        f"{', '.join(missing[:N_SHOWN])}{more}. The model reads the rows as if they followed each "
        f"other, and the forecasts go on after {show(times[-1])} in steps of "
        f"{name}. Fill the gaps first if this is not meant.",
        UserWarning,
        stacklevel=STACK_LEVEL,
    )


def _warn_not_continued(index: Any, times: Any) -> None:
    if times is None:
        why = f"its labels, such as {index[0]!r}, are neither times nor numbers"
    elif index.inferred_type == "string":
        why = f"its dates, such as {index[0]!r}, are strings: make dates of them by pd.to_datetime"
    elif len(times) < 3:
        why = f"{len(times)} time step(s) tell no frequency"
    else:
        why = "its time steps are not regular"
    warnings.warn(
        f"The index of history cannot be continued, and the forecasts are numbered from 0: {why}.",
        UserWarning,
        stacklevel=STACK_LEVEL,
    )
