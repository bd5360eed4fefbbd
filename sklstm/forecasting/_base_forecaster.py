"""`BaseForecaster`: how a forecaster reads long frames, and trains and uses its network."""

from __future__ import annotations

import copy
from numbers import Real
from typing import Any

import numpy as np

from sklstm._base import BaseNetwork
from sklstm._fit_tasks import FitTasks
from sklstm._fitted_state import FittedState, LearntFromData
from sklstm._parameters import layer_units
from sklstm._sequences import Sequences
from sklstm.forecasting._calibration import apply_offsets, learn_offsets
from sklstm.forecasting._future import continue_panel
from sklstm.forecasting._panel import Panel, Roles, read_panel
from sklstm.forecasting._panel_form import PanelForm
from sklstm.forecasting._panel_windows import (
    EncodedPanel,
    PanelWindows,
    calibration_windows,
    last_windows,
)
from sklstm.forecasting._roles import read_quantiles, read_roles, with_median
from sklstm.forecasting._series_rows import quantile_column
from sklstm.forecasting._window_predictions import as_sequences, predict_windows
from sklstm.network.spec import NetworkSpec
from sklstm.persistence._checkpoint import Checkpoint


class BaseForecaster(BaseNetwork):
    """What `LSTMForecaster` does behind ``fit``, ``predict`` and ``score``."""

    @property
    def frequency_(self) -> str | int | float:
        """The distance of two time steps, as `frequency`."""
        return self._fitted().data.targets.frequency

    @property
    def lookback_(self) -> int:
        """Time steps before the forecast that the network reads."""
        return self._fitted().data.targets.lookback

    @property
    def lags_(self) -> tuple[int, ...]:
        """How many time steps ago targets were that stand beside each time step."""
        return self._fitted().data.targets.lags

    def windows(
        self, history: Any, future: Any = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what the network reads to forecast, for the models of ``to_onnx``, ``to_keras``.

        Parameters
        ----------
        history, future : DataFrame
            As for ``predict``.

        Returns
        -------
        values : ndarray of shape (n_series, n_steps, n_features), float32
            The last `lookback_` time steps of each series and the `horizon` that follow.
        level, spread : ndarray of shape (n_series,)
            Of the target in the past of each window. The outputs of the network, of shape
            (n_series, horizon, n_quantiles), times the spread and plus the level are the quantiles
            of the forecasts, in ascending order and with the median; `conformal` moves them on.

        Raises
        ------
        NotFittedError
            If the forecaster is not fitted.
        TypeError, ValueError
            As by ``predict``.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from sklstm.forecasting import LSTMForecaster
        >>> history = pd.DataFrame({"time": np.arange(40), "y": np.arange(40) % 4})
        >>> forecaster = LSTMForecaster(2, lookback=8, units=3, epochs=1).fit(history)
        >>> values, level, spread = forecaster.windows(history)
        >>> values.shape
        (1, 10, 11)
        """
        state = self._fitted()
        _, longer = self._read_with_future(history, future, state)
        windows = last_windows(longer, state.data.targets, len(longer))
        _check_past(windows, longer)
        values, _, scale = windows.panel.windows(windows.series, windows.origins)
        return values, scale.level, scale.spread

    def _read_with_future(
        self, history: Any, future: Any, state: FittedState
    ) -> tuple[Panel, Panel]:
        """Return the series of a history, and those that go on with what is known."""
        form = state.data.targets
        panel = self._read_history(history, state)
        return panel, continue_panel(panel, form.roles, form.horizon, future, form.kinds)

    def _read_for_fit(self, history: Any, previous: FittedState | None) -> tuple[Panel, PanelForm]:
        if previous is not None:
            return self._read_history(history, previous), previous.data.targets
        roles = read_roles(
            self.target,
            self.time,
            series=self.series,
            known=self.known,
            observed=self.observed,
            static=self.static,
        )
        quantiles = read_quantiles(self.quantiles)
        _check_names(roles, quantiles)
        panel = read_panel(history, roles, "history", frequency=self.frequency)
        form = PanelForm.learn(
            panel,
            roles,
            horizon=int(self.horizon),
            quantiles=quantiles,
            lookback=self.lookback,
            lags=self.lags,
            calendar=self.calendar,
        )
        return panel, form

    def _read_history(self, history: Any, state: FittedState) -> Panel:
        form = state.data.targets
        return read_panel(
            history, form.roles, "history", frequency=form.frequency, kinds=form.kinds
        )

    def _train_on(
        self,
        panel: Panel,
        form: PanelForm,
        rng: np.random.RandomState,
        previous: FittedState | None,
        tasks: FitTasks | None = None,
    ) -> FittedState:
        """Train the network on a panel; with early stopping, on all but its last horizon."""
        n_per_epoch = int(self.batch_size) * int(self.batches_per_epoch)
        validation = None
        if self.early_stopping:
            validation = last_windows(panel, form, n_per_epoch).with_known_future()
            panel = panel.until(panel.first + panel.lengths - form.horizon)
        data = PanelWindows.of(EncodedPanel.of(panel, form), n_per_epoch)
        data.check_not_empty()
        if validation is not None and not validation.n_windows:
            raise ValueError(
                f"early_stopping=True holds out the last {form.horizon} time step(s) of each "
                f"series, but {form.roles.target!r} is known in none of them: leave out the time "
                "steps at the end that are not known, or fit without early stopping."
            )
        resolved = copy.copy(self).set_params(epochs=self._n_epochs(data))
        return resolved._train_on_windows(data, validation, form, rng, previous, tasks)

    def _train_on_windows(
        self,
        data: PanelWindows,
        validation: PanelWindows | None,
        form: PanelForm,
        rng: np.random.RandomState,
        previous: FittedState | None,
        tasks: FitTasks | None,
    ) -> FittedState:
        checkpoint = None
        if self.checkpoint is not None:
            checkpoint = Checkpoint(self, data.panel.arrays)
        settings = self._settings(
            form,
            batch_size=int(self.batch_size),
            learning_rate=self.learning_rate,
            partial=False,
            patience=self.n_iter_no_change if self.early_stopping else None,
            always_xla=checkpoint is not None,
        )
        return self._train(
            self._spec(form),
            settings,
            (data, validation),
            LearntFromData(form, None, None, False, settings.batch_size, self._fixed_values()),
            rng,
            varies=False,
            previous=previous,
            partial=False,
            resume=None if checkpoint is None else checkpoint.read(),
            on_epoch=None if checkpoint is None else checkpoint.write,
            tasks=tasks,
        )

    def _learn_offsets(
        self, panel: Panel, form: PanelForm, rng: np.random.RandomState
    ) -> np.ndarray:
        """Calibrate the quantiles on the last windows, by a network that has not seen them.

        It begins with the weights that the network of the forecasts begins with, and so is as much
        like it as can be.
        """
        windows = calibration_windows(panel, form)
        first = panel.lengths.copy()
        np.minimum.at(first, windows.series, windows.origins)
        earlier = panel.until(panel.first + first)
        silent = copy.copy(self).set_params(checkpoint=None, early_stopping=False)
        state = silent._train_on(earlier, form, copy.deepcopy(rng), None)
        if state.interrupted:
            raise KeyboardInterrupt  # nothing of the forecasts is learnt yet
        forecasts, truth, spread = predict_windows(state.network, windows)
        return learn_offsets(forecasts, truth, spread, form.quantiles)

    def _forecast(self, panel: Panel, state: FittedState) -> np.ndarray:
        """Forecast the last `horizon` time steps of each series, (n_series, horizon, quantiles)."""
        form = state.data.targets
        windows = last_windows(panel, form, len(panel))
        _check_past(windows, panel)
        forecasts, _, spread = predict_windows(state.network, windows)
        if form.offsets is None:
            return forecasts
        return apply_offsets(forecasts, form.offsets, spread, form.quantiles)

    def _sequences(self, X: Any) -> Sequences:
        """Return the windows that end with the series of a long frame."""
        state = self._fitted()
        panel = self._read_history(X, state).at_least(state.data.targets.horizon + 1)
        windows = last_windows(panel, state.data.targets, len(panel))
        return as_sequences(windows.gather(np.arange(windows.n_windows), 0)[0])

    def _keras_params(self) -> dict[str, Any]:
        quantiles = with_median(read_quantiles(self.quantiles))
        return {**super()._keras_params(), "loss__quantile": quantiles}

    def _fixed_values(self) -> dict[str, Any]:
        values = super()._fixed_values()
        return {name: _as_plain(value) for name, value in values.items()}

    def _n_epochs(self, data: PanelWindows) -> int:
        if self.epochs != "auto":
            return int(self.epochs)
        n_values = int(np.isfinite(data.panel.target).sum())
        return auto_epochs(n_values, data.n_per_epoch * data.panel.form.horizon)

    def _spec(self, form: PanelForm) -> NetworkSpec:
        return NetworkSpec(
            n_outputs=form.n_outputs,
            activation=form.activation,
            n_features=form.n_features,
            units=layer_units(self.units, "units"),
            bidirectional=bool(self.bidirectional),
            dropout=float(self.dropout),
            pooling=None,
            dense_units=layer_units(self.dense_units, "dense_units"),
            n_quantiles=form.n_quantiles,
            n_networks=int(self.n_networks),
            horizon=form.horizon,
            n_direct=form.n_direct,
        )


def _check_names(roles: Roles, quantiles: tuple[float, ...]) -> None:
    """Check that forecasts have no two columns of one name."""
    names = [quantile_column(roles.target, q) for q in quantiles]
    for place, name in enumerate(names):
        if name in (roles.time, *roles.series):
            role = "time" if name == roles.time else "series"
            raise ValueError(
                f"{name!r} is a column of {role}, and the name of a quantile of {roles.target!r} "
                "in the forecasts: rename the column, or leave this quantile out."
            )
        if name in names[:place]:
            raise ValueError(
                f"quantiles={quantiles} have the same column {name!r} in the forecasts: give "
                "quantiles that differ in their first six digits."
            )


def auto_epochs(n_values: int, n_per_epoch: int) -> int:
    """Return so many epochs that each value is forecast in training about seven times.

    Parameters
    ----------
    n_values : int
        Known values of the target.
    n_per_epoch : int
        Values that are forecast in an epoch, in all of its windows.

    Returns
    -------
    int
        10 or more, since a network needs some steps to learn, and 80 or fewer.
    """
    return int(np.clip(round(7 * n_values / n_per_epoch), 10, 80))


def _check_past(windows: PanelWindows, panel: Panel) -> None:
    """Check that each series has a known value of the target before what is forecast."""
    target, form = windows.panel.target, windows.panel.form
    known = np.append(0, np.cumsum(np.isfinite(target)))
    first = windows.panel.starts[windows.series]
    is_empty = known[first + windows.origins] == known[first]
    if is_empty.any():
        series = int(windows.series[is_empty.argmax()])
        raise ValueError(
            f"history holds no value of {form.roles.target!r} for {panel.describe(series)}: at "
            "least one is needed."
        )


def _as_plain(value: Any) -> Any:
    """Return a parameter as a value that a model file can hold: lists become tuples."""
    if value is None or isinstance(value, str | bool | Real):
        return value
    return tuple(each.item() if isinstance(each, np.generic) else each for each in value)
