"""How the display of forecasts draws times, intervals and its legend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sklstm.inspection._plotting import LEGEND_ABOVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plotted(times: Any) -> np.ndarray:
    """Return times as matplotlib draws them: dates without a time zone, or numbers."""
    import pandas as pd

    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    if isinstance(times, pd.DatetimeIndex):
        times = times.tz_localize(None)  # the clock of the time zone
    if isinstance(times, pd.TimedeltaIndex):
        times = times.total_seconds()
    return times.to_numpy()


def fill(axes: Axes, times: Any, ends: list[np.ndarray], style: dict[str, Any]) -> Any:
    """Draw an interval over time; of a single time step it is a vertical bar."""
    if len(times) == 1:
        times, ends = np.repeat(times, 2), [np.repeat(end, 2) for end in ends]
        style = style | {"linewidth": style.get("linewidth") or 4}
    return axes.fill_between(times, *ends, **style)


def write_dates(axes: Axes) -> None:
    """Write dates without repeating the year in each."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = axes.xaxis.get_major_locator()
    if isinstance(locator, AutoDateLocator):
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def add_legend(axes: Axes) -> None:
    """Name each kind of line and band once, above a panel."""
    handles, labels = axes.get_legend_handles_labels()
    each = dict(zip(labels[::-1], handles[::-1], strict=True))  # the first of each label
    order = list(dict.fromkeys(labels))
    axes.legend([each[label] for label in order], order, ncols=5, **LEGEND_ABOVE)
