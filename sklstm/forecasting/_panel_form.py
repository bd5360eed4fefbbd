"""`PanelForm`: how a fit has read its long frame, and what the windows of its network hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sklstm.forecasting._covariates import CategoryColumn, NumberColumn, learn_columns
from sklstm.forecasting._find_seasons import find_seasons
from sklstm.forecasting._form_contents import check_form
from sklstm.forecasting._panel import Panel, Roles
from sklstm.forecasting._roles import (
    auto_lookback,
    calendar_parts,
    level_steps,
    read_lags,
    with_median,
)
from sklstm.network.spec import NetworkSpec

Encodings = Mapping[str, NumberColumn | CategoryColumn]


@dataclass(frozen=True, eq=False)
class PanelForm:
    """What a fit has learnt of a long frame, and what the windows of its network hold.

    It also tells the training what the outputs of the network are: quantiles, in ascending order.

    Attributes
    ----------
    roles : Roles
        What the columns of the frame are.
    frequency : str, int or float
        Of a `TimeAxis`.
    horizon, lookback : int
        Time steps that are forecast, and those before them that the network reads.
    level_steps : int
        Time steps before the forecast over which the level and the spread of a window are measured.
    lags : tuple of int
        How many time steps ago values of the target were that stand beside each time step.
    calendar : tuple of str
        Parts of the dates that stand beside each time step: keys of `CALENDAR`.
    quantiles : tuple of float
        Those that the network learns; one of them is 0.5.
    shown : tuple of float
        Those that a forecast has beside the median.
    known, observed, static : dict
        How the covariates become numbers.
    offsets : ndarray of shape (horizon, n_quantiles) or None
        What calibration adds to each quantile of each time step ahead, in spreads of the window;
        None without calibration.
    """

    roles: Roles
    frequency: str | int | float
    horizon: int
    lookback: int
    level_steps: int
    lags: tuple[int, ...]
    calendar: tuple[str, ...]
    quantiles: tuple[float, ...]
    shown: tuple[float, ...]
    known: Encodings
    observed: Encodings
    static: Encodings
    offsets: np.ndarray | None = None

    n_columns: ClassVar[int] = 1
    activation: ClassVar[str] = "linear"
    loss: ClassVar[str] = "quantile"
    metric: ClassVar[None] = None
    scaling: ClassVar[None] = None

    @classmethod
    def learn(
        cls,
        panel: Panel,
        roles: Roles,
        *,
        horizon: int,
        quantiles: tuple[float, ...],
        lookback: Any,
        lags: Any,
        calendar: bool,
    ) -> Self:
        """Learn how the columns of a panel become numbers, and resolve what is "auto".

        The median is added to the quantiles if it is not among them.
        """
        seasons = panel.axis.seasons or find_seasons(panel, roles.target)
        known, observed, static = (
            learn_columns(panel.columns, names)
            for names in (roles.known, roles.observed, roles.static)
        )
        lookback = auto_lookback(horizon, seasons) if lookback == "auto" else int(lookback)
        return cls(
            roles=roles,
            frequency=panel.axis.frequency,
            horizon=horizon,
            lookback=lookback,
            level_steps=level_steps(seasons, lookback),
            lags=read_lags(lags, horizon, seasons),
            calendar=calendar_parts(panel.axis, panel.years) if calendar else (),
            quantiles=with_median(quantiles),
            shown=quantiles,
            known=known,
            observed=observed,
            static=static,
        )

    def check_contents(self, spec: NetworkSpec, place: str) -> None:
        """Check a form from a model file against its network; raise ValueError if it is none."""
        check_form(self, spec, place)

    @property
    def kinds(self) -> dict[str, str]:
        """What the covariates hold, as `read_column` takes it."""
        columns = {**self.known, **self.observed, **self.static}
        return {name: column.kind for name, column in columns.items()}

    @property
    def n_outputs(self) -> int:
        """Outputs of the network for each time step."""
        return len(self.quantiles)

    @property
    def n_quantiles(self) -> int:
        """Quantiles of each number."""
        return len(self.quantiles)

    @property
    def n_steps(self) -> int:
        """Time steps of a window, the past and the future together."""
        return self.lookback + self.horizon

    @property
    def n_direct(self) -> int:
        """How many features, the first ones, are known for the future too."""
        widths = [column.width for column in (*self.known.values(), *self.static.values())]
        return 2 * len(self.lags) + 2 * len(self.calendar) + sum(widths) + 1

    @property
    def n_features(self) -> int:
        """Features of a time step."""
        return self.n_direct + 2 + sum(column.width for column in self.observed.values())
