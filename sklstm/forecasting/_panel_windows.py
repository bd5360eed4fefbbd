"""Windows of many series: what the network reads and what it learns to forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from sklstm.forecasting._covariates import calendar_columns, encode_columns
from sklstm.forecasting._panel import Panel
from sklstm.forecasting._panel_form import PanelForm

N_CALIBRATION_WINDOWS = 100
MIN_SPREAD = 0.7  # of a window, as a share of the standard deviation of its series
ROUNDING = 1e-12  # a spread of less than this share of the level is that of a constant


class WindowScale(NamedTuple):
    """The level and the spread of the target in the past of each window, (n,) each."""

    level: np.ndarray
    spread: np.ndarray

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Return values, (n, T), in spreads above the level."""
        return (values - self.level[:, np.newaxis]) / self.spread[:, np.newaxis]

    def restore(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs of the network, (n, T, n_quantiles), in units of the target."""
        level, spread = (array[:, np.newaxis, np.newaxis] for array in self)
        return outputs * spread + level


@dataclass(frozen=True, eq=False)
class EncodedPanel:
    """Series as arrays of numbers, from which windows are cut.

    The arrays have one row more than there are time steps. It stands for all time steps that lie
    outside of a series.

    Attributes
    ----------
    form : PanelForm
    starts, stops : ndarray of shape (n_series,)
        The rows of each series.
    target : ndarray of shape (N + 1,), float64
        NaN where it is missing.
    known, observed : ndarray of shape (N + 1, n_columns), float32
        `known` begins with the columns of the calendar.
    static : ndarray of shape (n_series, n_columns), float32
    mean, deviation : ndarray of shape (n_series,), float64
        The mean and the standard deviation of the target of each series; 0 where none is known.
    """

    form: PanelForm
    starts: np.ndarray
    stops: np.ndarray
    target: np.ndarray
    known: np.ndarray
    observed: np.ndarray
    static: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def arrays(self) -> list[np.ndarray]:
        """All that the windows are made of."""
        return [
            self.starts, self.stops, self.target, self.known, self.observed, self.static
        ]  # fmt: skip

    @classmethod
    def of(cls, panel: Panel, form: PanelForm, n_past: np.ndarray | None = None) -> Self:
        """Encode the columns of a panel.

        Parameters
        ----------
        panel : Panel
        form : PanelForm
        n_past : ndarray of shape (n_series,), int, default=None
            By how many of its first time steps a series is measured: those before what is forecast,
            where the panel holds the truth too. None takes all.
        """
        n = int(panel.lengths.sum())
        of_static = {name: panel.columns[name][panel.starts] for name in form.static}
        target = panel.columns[form.roles.target]
        mean, deviation = _measures(target, panel, panel.lengths if n_past is None else n_past)
        return cls(
            form=form,
            starts=panel.starts,
            stops=panel.stops,
            target=np.append(target, np.nan),
            known=_with_outside(
                np.hstack([_calendar(panel, form), encode_columns(form.known, panel.columns, n)])
            ),
            observed=_with_outside(encode_columns(form.observed, panel.columns, n)),
            static=encode_columns(form.static, of_static, len(panel)),
            mean=mean,
            deviation=deviation,
        )

    def windows(
        self, series: np.ndarray, origins: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, WindowScale]:
        """Cut windows.

        Parameters
        ----------
        series : int array of shape (n,)
        origins : int array of shape (n,)
            The first time step to forecast, counted from the beginning of the series.

        Returns
        -------
        values : ndarray of shape (n, n_steps, n_features), float32
            First what is known for the future too: lags, the calendar and known covariates, static
            ones, the time step ahead; then the target and whether it is known, and observed
            covariates, all of them 0 in the future.
        future : ndarray of shape (n, horizon)
            The scaled target after the origin, NaN where it is missing.
        scale : WindowScale
        """
        form = self.form
        first = self.starts[series][:, np.newaxis] + origins[:, np.newaxis]
        rows = first + np.arange(-form.lookback, form.horizon)  # (n, n_steps)
        is_past = np.arange(form.n_steps) < form.lookback
        target = self.target[self._inside(rows, series)]
        scale = self._scale(first[:, 0], series)
        past = np.where(is_past, scale.scale(target), np.nan)
        inside = self._inside(rows, series)
        observed = np.where(is_past[:, np.newaxis], self.observed[inside], 0)
        static = np.repeat(self.static[series][:, np.newaxis], form.n_steps, axis=1)
        ahead = np.maximum(np.arange(form.n_steps) - form.lookback + 1, 0) / form.horizon
        parts = [
            *(_with_flag(self._lagged(rows, series, lag, scale)) for lag in form.lags),
            self.known[inside],
            static,
            np.broadcast_to(ahead[:, np.newaxis], (*rows.shape, 1)),
            _with_flag(past),
            observed,
        ]
        values = np.concatenate(parts, axis=2, dtype=np.float32, casting="unsafe")
        return values, scale.scale(target[:, ~is_past]), scale

    def _lagged(
        self, rows: np.ndarray, series: np.ndarray, lag: int, scale: WindowScale
    ) -> np.ndarray:
        return scale.scale(self.target[self._inside(rows - lag, series)])

    def _inside(self, rows: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Return the rows, and the last row of the arrays for those outside of their series."""
        starts, stops = (array[series][:, np.newaxis] for array in (self.starts, self.stops))
        return np.where((rows >= starts) & (rows < stops), rows, len(self.target) - 1)

    def _scale(self, rows: np.ndarray, series: np.ndarray) -> WindowScale:
        """Measure the target before the rows of the first time steps to forecast.

        Where no value is known in `level_steps`, the level is the mean of the series. The spread is
        at least a share of the deviation of the series: a window of a quiet time, or of zeros, says
        little of what follows.
        """
        steps = np.arange(-self.form.level_steps, 0)
        past = self.target[self._inside(rows[:, np.newaxis] + steps, series)]
        known = np.isfinite(past)
        counts = np.maximum(known.sum(axis=1), 1)
        level = np.where(known, past, 0).sum(axis=1) / counts
        level = np.where(known.any(axis=1), level, self.mean[series])
        deviations = np.where(known, past - level[:, np.newaxis], 0)
        spread = np.sqrt((deviations**2).sum(axis=1) / counts)
        spread = np.maximum(spread, MIN_SPREAD * self.deviation[series])
        of_constant = np.where(level != 0, np.abs(level), 1)
        return WindowScale(level, np.where(spread > ROUNDING * of_constant, spread, of_constant))


@dataclass(frozen=True, eq=False)
class PanelWindows:
    """The windows of a training, of which every epoch draws some.

    Attributes
    ----------
    panel : EncodedPanel
    series, origins : int arrays of shape (n_windows,)
        The series of each window, and its first time step to forecast.
    n_per_epoch : int
        Windows of an epoch.
    """

    panel: EncodedPanel
    series: np.ndarray
    origins: np.ndarray
    n_per_epoch: int

    @classmethod
    def of(cls, panel: EncodedPanel, n_per_epoch: int) -> Self:
        """Return the windows whose future lies inside of their series.

        Their past may reach beyond the beginning of the series by half, or where a series has no
        such window, by all but one time step. Of the past and of the future at least one value of
        the target is known.
        """
        form, lengths = panel.form, panel.stops - panel.starts
        last = lengths - form.horizon  # the last origin
        first = np.maximum(np.minimum(-(-form.lookback // 2), last), 1)
        counts = np.maximum(last - first + 1, 0)
        series = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        origins = within + first[series]
        rows = panel.starts[series] + origins
        known = np.append(0, np.cumsum(np.isfinite(panel.target)))
        begin = np.maximum(rows - form.lookback, panel.starts[series])
        is_valid = (known[rows] > known[begin]) & (known[rows + form.horizon] > known[rows])
        return cls(panel, series[is_valid], origins[is_valid], n_per_epoch)

    @property
    def n_windows(self) -> int:
        """Number of different windows."""
        return len(self.series)

    def with_known_future(self) -> Self:
        """Return the windows in whose future a value of the target is known."""
        rows = self.panel.starts[self.series] + self.origins
        known = np.append(0, np.cumsum(np.isfinite(self.panel.target)))
        is_known = known[rows + self.panel.form.horizon] > known[rows]
        return replace(self, series=self.series[is_known], origins=self.origins[is_known])

    def check_not_empty(self) -> None:
        """Raise ValueError if there is no window."""
        if not self.n_windows:
            longest = int((self.panel.stops - self.panel.starts).max(initial=0))
            raise ValueError(
                f"history has no window to learn from: its longest series has {longest} time "
                f"step(s) to learn from, and horizon={self.panel.form.horizon} needs more than so "
                "many, with known values before and after. Give longer series, or forecast fewer "
                "time steps; early_stopping=True and conformal=True hold out the last ones."
            )

    def __len__(self) -> int:
        return self.n_per_epoch

    def shapes(self, batch_size: int) -> tuple[int]:
        """Return the time steps of every window."""
        return (self.panel.form.n_steps,)

    def draw_epoch(self, rng: np.random.RandomState, batch_size: int) -> np.ndarray:
        """Draw the windows of an epoch; each comes equally often, or once more than another."""
        n_times, n_left = divmod(self.n_per_epoch, self.n_windows)
        whole = [rng.permutation(self.n_windows) for _ in range(n_times)]
        return np.concatenate([*whole, _draw(rng, self.n_windows, n_left)])

    def all_rows(self, batch_size: int) -> np.ndarray:
        """Return the windows of an evaluation: as many as an epoch has, evenly spread."""
        n = min(self.n_windows, self.n_per_epoch)
        return np.linspace(0, self.n_windows - 1, n).astype(np.int64)

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the time steps of windows."""
        return np.full(len(rows), self.panel.form.n_steps)

    def gather(self, rows: np.ndarray, n_steps: int) -> tuple[np.ndarray, ...]:
        """Return values, lengths, targets and weights of windows; missing targets weigh 0."""
        values, future, _ = self.panel.windows(self.series[rows], self.origins[rows])
        is_known = np.isfinite(future)
        targets = np.where(is_known, future, 0).astype(np.float32)[:, :, np.newaxis]
        lengths = self.lengths_of(rows).astype(np.int32)
        return values, lengths, targets, is_known.astype(np.float32)


def last_windows(panel: Panel, form: PanelForm, n_per_epoch: int) -> PanelWindows:
    """Return the window of each series whose future ends with it."""
    origins = panel.lengths - form.horizon
    series = np.flatnonzero(origins > 0)
    encoded = EncodedPanel.of(panel, form, origins)
    return PanelWindows(encoded, series, origins[series], n_per_epoch)


def calibration_windows(panel: Panel, form: PanelForm) -> PanelWindows:
    """Return windows at the end of each series, enough of them to calibrate quantiles.

    They take up at most a quarter of a series. Where there are few series, each has several, up to
    half a horizon apart.
    """
    lengths = panel.lengths
    n_each = -(-N_CALIBRATION_WINDOWS // len(lengths))
    stride = max(1, form.horizon // 2)
    back = form.horizon + stride * np.arange(n_each)  # from the end of the series to the origin
    origins = lengths[:, np.newaxis] - back
    is_late = (back == form.horizon) | (back <= lengths[:, np.newaxis] // 4)
    series, column = np.nonzero(is_late & (origins > 0))
    n_past = lengths.copy()  # before the first origin of each series
    np.minimum.at(n_past, series, origins[series, column])
    encoded = EncodedPanel.of(panel, form, n_past)
    return PanelWindows(encoded, series, origins[series, column], len(series))


def _draw(rng: np.random.RandomState, n: int, k: int) -> np.ndarray:
    """Draw k of n numbers, each at most once; of very many, one may come twice."""
    if n > 2**22:
        return rng.randint(n, size=k)
    return rng.permutation(n)[:k]


def _with_flag(scaled: np.ndarray) -> np.ndarray:
    """Return (n, T, 2): values, 0 where they are missing, and whether they are known."""
    known = np.isfinite(scaled)
    return np.stack([np.where(known, scaled, 0), known], axis=2)


def _with_outside(rows: np.ndarray) -> np.ndarray:
    return np.vstack([rows, np.zeros((1, rows.shape[1]), np.float32)])


def _calendar(panel: Panel, form: PanelForm) -> np.ndarray:
    """Return the columns of the calendar, of all rows."""
    positions = panel.positions
    if not form.calendar or not len(positions):
        return np.empty((len(positions), 2 * len(form.calendar)), np.float32)
    times = panel.times(np.arange(positions.max() + 1))
    return calendar_columns(times, form.calendar)[positions]


def _measures(
    target: np.ndarray, panel: Panel, n_past: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of the first values of each series."""
    within = np.arange(len(target)) - np.repeat(panel.starts, panel.lengths)
    known = np.isfinite(target) & (within < np.repeat(n_past, panel.lengths))
    counts = np.maximum(np.add.reduceat(known, panel.starts, dtype=np.int64), 1)
    mean = np.add.reduceat(np.where(known, target, 0), panel.starts) / counts
    deviations = np.where(known, target - np.repeat(mean, panel.lengths), 0)
    return mean, np.sqrt(np.add.reduceat(deviations**2, panel.starts) / counts)
