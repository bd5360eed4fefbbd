"""`TrainingHistoryDisplay`: loss and metrics over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._sklearn_compat import check_matplotlib_support, validate_style_kwargs
from sklstm.inspection._find_network import find_network
from sklstm.inspection._plotting import LEGEND_ABOVE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CURVES = (
    ("", "training", {"color": "#0072b2"}),
    ("val_", "validation", {"color": "#d55e00", "linestyle": "--"}),
)
BEST = {"color": "black", "marker": "o", "markersize": 7, "fillstyle": "none", "linestyle": "none"}


class TrainingHistoryDisplay:
    """Loss and metrics over the epochs of a fit, in one panel each.

    It is recommended to use :meth:`from_estimator` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    history : dict of sequences
        One entry per epoch: ``loss``, metrics, and the same with the prefix ``val_``.
    best_epoch : int, default=None
        The epoch, counted from 1, whose weights early stopping restored; None marks none.
    histories : list of dict, default=()
        The history of each network, drawn faintly where there are several.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes, shape (n_metrics,)
        The panels, in the order of `metrics`; the loss first, where `metrics` is None.
    figure_ : matplotlib figure
        The figure that holds them.
    lines_ : dict of matplotlib lines
        By their names in `history`.
    single_lines_ : dict of lists of matplotlib lines
        Those of each network, by their names in `history`; empty for a single network.
    markers_ : list of matplotlib lines
        The best epoch in each panel that has a validation curve; empty without one.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores over the size of the training set.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.inspection import TrainingHistoryDisplay
    >>> X = np.random.RandomState(0).normal(size=(64, 5, 1))
    >>> y = X[:, 0, 0] > 0
    >>> clf = LSTMClassifier(4, epochs=3, validation_fraction=0.25, random_state=0).fit(X, y)
    >>> display = TrainingHistoryDisplay.from_estimator(clf)
    >>> sorted(display.lines_)
    ['accuracy', 'loss', 'val_accuracy', 'val_loss']
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        history: Mapping[str, Sequence[float]],
        *,
        best_epoch: int | None = None,
        histories: Sequence[Mapping[str, Sequence[float]]] = (),
    ) -> None:
        self.history = history
        self.best_epoch = best_epoch
        self.histories = histories

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        metrics: str | Sequence[str] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        line_kw: Mapping[str, Any] | None = None,
        marker_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Plot the history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `LSTMClassifier`, `LSTMRegressor` or generator of text, a Pipeline whose
            last step is one, or a search such as `GridSearchCV` over either (its
            ``best_estimator_``).
        metrics : str or sequence of str, default=None
            Names in ``history_``, without ``val_``, such as "loss"; None draws all.
        ax : matplotlib axes or sequence of them, default=None
            Where to draw: one subplot, which is divided if there are several metrics, or one
            axes for each metric. None makes a new figure.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for all curves.
        marker_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for the marker of the best epoch.

        Returns
        -------
        TrainingHistoryDisplay
            With ``early_stopping``, the epoch of the lowest validation loss is marked: the one
            whose weights were restored. After ``warm_start`` it is the lowest of all fits. Of
            several networks the mean is drawn, and each of them faintly; none is marked, since
            each has its own best epoch.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator holds no LSTM network.
        ValueError
            If a metric is not in the history, or `ax` holds another number of axes.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        _, network = find_network(estimator)
        stopped = getattr(network, "early_stopping", False) and "val_loss" in network.history_
        is_marked = stopped and len(network.histories_) == 1
        best_epoch = int(np.nanargmin(network.history_["val_loss"])) + 1 if is_marked else None
        display = cls(network.history_, best_epoch=best_epoch, histories=network.histories_)
        return display.plot(metrics=metrics, ax=ax, line_kw=line_kw, marker_kw=marker_kw)

    def plot(
        self,
        *,
        metrics: str | Sequence[str] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        line_kw: Mapping[str, Any] | None = None,
        marker_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        metrics : str or sequence of str, default=None
            Names in the history, without ``val_``; None draws all.
        ax : matplotlib axes or sequence of them, default=None
            As in :meth:`from_estimator`.
        line_kw, marker_kw : dict, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        TrainingHistoryDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a metric is not in the history, or `ax` holds another number of axes.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        names = self._names(metrics)
        self.axes_ = panels(ax, 1, len(names), figsize=(3.6 * len(names), 3))
        self.figure_ = self.axes_[0].figure
        self.lines_, self.single_lines_, self.markers_ = {}, {}, []
        for axes, name in zip(self.axes_, names, strict=True):
            self._draw_curves(axes, name, line_kw or {})
            self._mark_best(axes, f"val_{name}", marker_kw or {})
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.set(xlabel="epoch", ylabel=name)
            axes.legend(ncols=3, **LEGEND_ABOVE)
        return self

    def _names(self, metrics: str | Sequence[str] | None) -> list[str]:
        valid = [name for name in self.history if not name.startswith("val_")]
        valid.sort(key=lambda name: name != "loss")  # the loss comes first
        names = valid if metrics is None else [metrics] if isinstance(metrics, str) else metrics
        for name in names:
            if name not in valid:
                raise ValueError(
                    f"metrics holds {name!r}, which the history lacks: valid are {valid} "
                    "(validation curves are drawn beside them)."
                )
        if not names:
            raise ValueError(f"metrics={metrics!r} names nothing to draw: valid are {valid}.")
        return list(names)

    def _draw_curves(self, axes: Axes, name: str, line_kw: Mapping[str, Any]) -> None:
        for prefix, label, style in CURVES:
            values = self.history.get(prefix + name)
            if values is not None:
                point = {"marker": "o", "markersize": 4} if len(values) == 1 else {}
                style = validate_style_kwargs({"label": label, **style, **point}, line_kw)
                epochs = np.arange(1, len(values) + 1)
                (self.lines_[prefix + name],) = axes.plot(epochs, values, **style)
                self._draw_each(axes, prefix + name, style)

    def _draw_each(self, axes: Axes, name: str, style: Mapping[str, Any]) -> None:
        """Draw the curve of each network behind their mean."""
        if len(self.histories) <= 1:
            return
        self.single_lines_[name] = []
        for history in self.histories:
            epochs = np.arange(1, len(history[name]) + 1)
            (line,) = axes.plot(epochs, history[name], **{**style, "label": None})
            line.set(alpha=0.3, linewidth=0.8, zorder=1.5)
            self.single_lines_[name].append(line)

    def _mark_best(self, axes: Axes, name: str, marker_kw: Mapping[str, Any]) -> None:
        if self.best_epoch is None or name not in self.history:
            return
        style = {"label": f"best epoch ({self.best_epoch})", **BEST}
        value = self.history[name][self.best_epoch - 1]
        self.markers_ += axes.plot(
            [self.best_epoch], [value], **validate_style_kwargs(style, marker_kw)
        )
