"""`LSTMForecaster`: one network that forecasts every series of a long frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.utils import Tags

from sklstm._fit_tasks import fit_tasks
from sklstm._parameters import POSITIVE_INT, TRAINING_CONSTRAINTS
from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.forecasting._base_forecaster import BaseForecaster
from sklstm.forecasting._future import forecast_frame
from sklstm.forecasting._scoring import score_last_steps
from sklstm.forecasting._series_rows import quantile_column
from sklstm.persistence._checkpoint import check_parameters

if TYPE_CHECKING:
    import keras

AUTO = StrOptions({"auto"})
NAMES = [str, "array-like", None]


class LSTMForecaster(BaseForecaster):
    """LSTM network that forecasts all series of a long frame, with what is known of the future.

    One network learns from all series, as DeepAR [1]_ does. It reads `lookback` time steps and the
    `horizon` that follows them: in the past the target and all covariates, in the future what is
    known of it. Each time step also has the target of whole seasons ago, which reaches the output
    layer directly too. Each window is scaled by its own level and spread, so that series of all
    sizes share the network. The outputs are quantiles, learnt by the pinball loss [2]_, that never
    cross. Keras trains the network, ONNX Runtime predicts with it.

    Parameters
    ----------
    horizon : int, default=1
        Time steps to forecast.
    target : str, default="y"
        The column of numbers that is forecast. Missing values are NaN.
    time : str, default="time"
        The column, or named level of the index, of dates, periods or numbers in equal steps.
    series : str or list of str, default=None
        Columns that tell which series a row belongs to. None for a single series.
    known : str or list of str, default=None
        Columns that are known for the future too, such as prices and holidays. Numbers, or
        categories of any kind.
    observed : str or list of str, default=None
        Columns that are known for the past only, such as the number of visitors. Numbers may be
        missing.
    static : str or list of str, default=None
        Columns that have one value for each series, such as its region.
    quantiles : sequence of float, default=(0.1, 0.5, 0.9)
        Which quantiles ``predict`` returns beside the median.
    lookback : int or "auto", default="auto"
        Time steps before the forecast that the network reads. "auto" is a whole number of seasons,
        longer than the horizon and at least 24 time steps.
    lags : sequence of int or "auto", default="auto"
        How many time steps ago targets were that stand beside each time step; at least `horizon`.
        "auto" takes whole seasons of the frequency: of hours, days and weeks, for instance.
    calendar : bool, default=True
        Whether the network reads the hour, the weekday and the month of dates, as far as these
        differ between neighbouring time steps.
    frequency : str, int or float, default=None
        The distance of time steps: an alias of pandas ("h", "D", "MS"), or for numbers their
        difference. None infers it in ``fit``.
    conformal : bool, default=False
        Whether to calibrate the quantiles [3]_, for each step of the horizon, by forecasts of the
        last time steps from a network that has not learnt from them. That is a fit of its own, the
        first of two, of which callbacks hear too.
    units : int or sequence of int, default=64
        Units of the LSTM layers: an int for one layer, a sequence for one layer each.
    bidirectional : bool, default=True
        Whether each LSTM layer also reads backwards, from the end of the horizon: what is known of
        the day after tomorrow, and the target a season before it, tell something of tomorrow.
    dropout : float in [0, 1), default=0.0
        Share of each layer's outputs that training hides, the same at all time steps of a window.
    dense_units : int or sequence of int, default=()
        Units of hidden dense layers (rectified linear) after the LSTM layers.
    n_networks : int, default=2
        Networks of this kind, each with initial weights and windows of its own, whose quantiles
        are averaged. They are trained side by side on the cores there are. More are a little more
        accurate, and their intervals less narrow.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        A name, or an object, of which a copy is trained with its own learning rate.
    learning_rate : float, default=0.005
        For an optimizer given by name; None for that optimizer's own default.
    learning_rate_schedule : {"constant", "cosine"}, default="cosine"
        Whether the learning rate stays, or falls to 0 over the fit in half a period of a cosine.
    warmup : float in [0, 1), default=0.0
        Share of the fit over which the learning rate first rises, in equal steps.
    clipnorm : float, default=1.0
        Largest norm of the gradient of each weight array; None does not clip.
    batch_size : int, default=32
        Windows per step of the optimizer.
    batches_per_epoch : int, default=50
        An epoch is so many batches of windows, drawn at random among all series and origins.
    epochs : int or "auto", default="auto"
        "auto" forecasts each value about seven times, in 10 epochs or more and 80 or fewer.
    early_stopping : bool, default=False
        Whether to hold out the last `horizon` time steps of each series, and to stop when their
        loss has not improved for `n_iter_no_change` epochs; the best weights are kept.
    n_iter_no_change : int, default=5
        Patience of early stopping, in epochs.
    checkpoint : str or path-like, default=None
        A file that ``fit`` writes after every epoch, and goes on from if it is there; in a search
        a folder.
    callbacks : list, default=None
        Keras callbacks, and functions of ``(epoch, logs)``.
    keras_params : dict, default=None
        Parameters that are routed to the optimizer, such as ``{"optimizer__beta_1": 0.8}``.
    warm_start : bool, default=False
        Whether ``fit`` starts from the fitted weights.
    random_state : int, RandomState or None, default=None
        Determines initial weights, windows and dropout.
    verbose : int, default=0
        1 shows a progress bar; 2 prints a line for each epoch.

    See Also
    --------
    backtest : Forecasts from several origins, beside the seasonal naive forecast.
    RollingOrigin : Splits for a search.
    forecast : The recursive forecast of a model of one time step.

    References
    ----------
    .. [1] D. Salinas, V. Flunkert, J. Gasthaus, T. Januschowski, "DeepAR: probabilistic forecasting
       with autoregressive recurrent networks", International Journal of Forecasting 36, 2020.
    .. [2] R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46, 1978.
    .. [3] Y. Romano, E. Patterson, E. Candès, "Conformalized quantile regression", NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklstm.forecasting import LSTMForecaster
    >>> days = pd.date_range("2024-01-01", periods=70, freq="D")
    >>> history = pd.DataFrame({"day": days, "sales": 10.0 + 5 * (days.day_of_week == 5)})
    >>> forecaster = LSTMForecaster(7, target="sales", time="day", units=8, epochs=10,
    ...                             random_state=0).fit(history)
    >>> forecasts = forecaster.predict(history)
    >>> forecasts["sales"].round().tolist()
    [10.0, 10.0, 10.0, 10.0, 10.0, 15.0, 10.0]
    """

    _fixed_parameters: ClassVar[tuple[str, ...]] = (
        "horizon",
        "target",
        "time",
        "series",
        "known",
        "observed",
        "static",
        "quantiles",
        "lookback",
        "lags",
        "calendar",
        "frequency",
        "conformal",
    )
    _parameter_constraints: ClassVar[dict] = TRAINING_CONSTRAINTS | {
        "horizon": [POSITIVE_INT],
        "target": [str],
        "time": [str],
        "series": NAMES,
        "known": NAMES,
        "observed": NAMES,
        "static": NAMES,
        "quantiles": ["array-like"],
        "lookback": [POSITIVE_INT, AUTO],
        "lags": ["array-like", AUTO],
        "calendar": ["boolean"],
        "frequency": [str, Interval(Real, 0, None, closed="neither"), None],
        "conformal": ["boolean"],
        "bidirectional": ["boolean"],
        "dense_units": [POSITIVE_INT, "array-like"],
        "n_networks": [POSITIVE_INT],
        "epochs": [POSITIVE_INT, AUTO],
        "batches_per_epoch": [POSITIVE_INT],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [POSITIVE_INT],
        "checkpoint": [str, os.PathLike, None],
    }

    def __init__(
        self,
        horizon: int = 1,
        *,
        target: str = "y",
        time: str = "time",
        series: str | Sequence[str] | None = None,
        known: str | Sequence[str] | None = None,
        observed: str | Sequence[str] | None = None,
        static: str | Sequence[str] | None = None,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        lookback: int | str = "auto",
        lags: Sequence[int] | str = "auto",
        calendar: bool = True,
        frequency: str | float | None = None,
        conformal: bool = False,
        units: int | Sequence[int] = 64,
        bidirectional: bool = True,
        dropout: float = 0.0,
        dense_units: int | Sequence[int] = (),
        n_networks: int = 2,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float | None = 0.005,
        learning_rate_schedule: str = "cosine",
        warmup: float = 0.0,
        clipnorm: float | None = 1.0,
        batch_size: int = 32,
        batches_per_epoch: int = 50,
        epochs: int | str = "auto",
        early_stopping: bool = False,
        n_iter_no_change: int = 5,
        checkpoint: str | os.PathLike | None = None,
        callbacks: Sequence[Any] | None = None,
        keras_params: Mapping[str, Any] | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.horizon = horizon
        self.target = target
        self.time = time
        self.series = series
        self.known = known
        self.observed = observed
        self.static = static
        self.quantiles = quantiles
        self.lookback = lookback
        self.lags = lags
        self.calendar = calendar
        self.frequency = frequency
        self.conformal = conformal
        self.units = units
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.dense_units = dense_units
        self.n_networks = n_networks
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.warmup = warmup
        self.clipnorm = clipnorm
        self.batch_size = batch_size
        self.batches_per_epoch = batches_per_epoch
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.checkpoint = checkpoint
        self.callbacks = callbacks
        self.keras_params = keras_params
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, history: Any, y: None = None) -> Self:
        """Learn to forecast all series of a long frame.

        Parameters
        ----------
        history : DataFrame of pandas or polars
            One row for each series and time step, in any order. Columns without a role are not
            read; levels of the index of pandas may have roles too.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `history` is no frame.
        ValueError
            If a parameter is not valid, a column is missing or holds what it cannot, a series has
            two rows for one time step, the times have no common frequency, or no series is longer
            than `horizon`.

        Warns
        -----
        UserWarning
            If time steps inside of series are missing. They are read as missing values.
        ConvergenceWarning
            If Ctrl-C ended the training.

        Notes
        -----
        A column holds numbers (booleans too), or else categories of any type, which are one-hot
        coded. Numbers are standardised, and those missing from an observed or a static column are
        read as the mean, with a flag if there were some in ``fit``. Known numbers may not be
        missing. A category that is missing, or was not there in ``fit``, is coded as zeros.
        """
        check_parameters(self)
        previous = self._state_to_continue()
        self._checked_fixed_parameters(previous)
        rng = self._random_generator(previous)
        panel, form = self._read_for_fit(history, previous)
        if self.conformal:
            form = replace(form, offsets=self._learn_offsets(panel, form, rng))
        tasks = fit_tasks(self, history, y)
        self._learn(self._train_on(panel, form, rng, previous, tasks), stacklevel=4)
        return self

    def predict(self, history: Any, future: Any = None) -> Any:
        """Forecast the next `horizon` time steps of every series.

        Parameters
        ----------
        history : DataFrame of pandas or polars
            What came before, of the series of ``fit`` or of others; one time step of each is
            enough. The network reads the last `lookback` time steps, and older ones that the lags
            need.
        future : DataFrame, default=None
            The known columns of the next `horizon` time steps of every series, with the columns of
            the series and the time. Other rows and columns are not read. Not needed if nothing is
            known.

        Returns
        -------
        DataFrame
            Of the library of `history`: `horizon` rows for each series, with the columns of the
            series and the time, the target (its median), and a column for each of the quantiles,
            such as "sales_0.1", which never cross. Each series goes on after its own last row.

        Raises
        ------
        NotFittedError
            If the forecaster is not fitted.
        TypeError
            If `history` or `future` is no frame.
        ValueError
            If a frame is not valid, `future` lacks a time step of a series, or a series has no
            known value at all. The message names series, time and column.

        Warns
        -----
        UserWarning
            If time steps inside of series are missing.
        """
        state = self._fitted()
        form = state.data.targets
        panel, longer = self._read_with_future(history, future, state)
        forecasts = self._forecast(longer, state)
        shown = [form.quantiles.index(q) for q in (0.5, *form.shown)]
        names = [form.roles.target, *(quantile_column(form.roles.target, q) for q in form.shown)]
        return forecast_frame(history, panel, form.roles, forecasts[:, :, shown], names)

    def score(self, history: Any, y: None = None) -> float:
        """Compare forecasts of the last `horizon` time steps with what came; greater is better.

        Parameters
        ----------
        history : DataFrame of pandas or polars
            With the known columns, which are read for the last time steps too.
        y : None
            Ignored.

        Returns
        -------
        float
            Minus the mean absolute scaled error [1]_, averaged over the series: the error over
            that of the value of a season ago, within the history. -1 is as good as this.

        Raises
        ------
        NotFittedError
            If the forecaster is not fitted.
        TypeError, ValueError
            If the frame is not valid, or has no time step before the last `horizon` ones.

        References
        ----------
        .. [1] R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy",
           International Journal of Forecasting 22, 2006.
        """
        return score_last_steps(self, history)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags
