"""`ImportanceOverTimeDisplay`: the importance of features and time steps, drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._sklearn_compat import check_matplotlib_support, validate_style_kwargs
from sklstm.inspection._permutation_importance import permutation_importance_over_time
from sklstm.inspection._plotting import panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AROUND_0 = "PuOr_r"  # can be read with every kind of colour vision
BLUE = "#0072b2"
FIGSIZE = 6.4, 3


class ImportanceOverTimeDisplay:
    """Permutation importance of time steps, of features, or of both.

    Importances of features within time steps are a heat map, with the time steps from left to
    right. Importances of time steps are a line, and those of features are bars, both with the
    standard deviation over the repeats.

    It is recommended to use :meth:`from_estimator` or :meth:`from_importances` to create one. All
    parameters are stored as attributes.

    Parameters
    ----------
    importances : Bunch
        From `permutation_importance_over_time`, for one score.
    feature_names : sequence of str, default=None
        Names of the features; None shows their numbers.
    score_name : str, default="score"
        What decreases, such as "accuracy".

    Attributes
    ----------
    ax_ : matplotlib axes
        The panel.
    figure_ : matplotlib figure
        The figure that holds it.
    image_ : matplotlib image or None
        The heat map, for ``by="both"``.
    line_ : matplotlib line or None
        The mean over time, for ``by="time"``.
    fill_ : matplotlib collection or None
        One standard deviation on either side of ``line_``.
    bars_ : matplotlib container or None
        The bars, for ``by="feature"``.

    See Also
    --------
    permutation_importance_over_time : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.inspection import ImportanceOverTimeDisplay
    >>> X = np.random.RandomState(0).normal(size=(64, 5, 2))
    >>> y = X[:, 0, 1] > 0
    >>> clf = LSTMClassifier(4, epochs=3, random_state=0).fit(X, y)
    >>> display = ImportanceOverTimeDisplay.from_estimator(
    ...     clf, X, y, score_name="accuracy", random_state=0
    ... )
    >>> display.image_.get_array().shape  # features, time steps
    (2, 5)
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        importances: Mapping[str, Any],
        *,
        feature_names: Sequence[str] | None = None,
        score_name: str = "score",
    ) -> None:
        self.importances = importances
        self.feature_names = feature_names
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: Any,
        *,
        by: str = "both",
        block_length: int = 1,
        scoring: str | Callable | None = None,
        n_repeats: int = 5,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        sample_weight: Any = None,
        feature_names: Sequence[str] | None = None,
        score_name: str | None = None,
        ax: Axes | None = None,
        style_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Compute importances and plot them.

        Parameters
        ----------
        estimator, X, y, block_length, n_repeats, n_jobs, random_state, sample_weight
            As `permutation_importance_over_time` takes them.
        by : {"feature", "time", "both"}, default="both"
            What is permuted, as there.
        scoring : str or callable, default=None
            One score, as there; None for the estimator's ``score``.
        feature_names : sequence of str, default=None
            Names of the features; None takes the estimator's ``feature_names_in_``, or shows
            their numbers if it has none.
        score_name : str, default=None
            What decreases; None is the name that `scoring` gives, or "score".
        ax : matplotlib axes, default=None
            Where to draw; None makes a new figure.
        style_kw : dict, default=None
            Keywords for matplotlib's ``imshow`` ("both"), ``plot`` ("time") or ``barh``
            ("feature").

        Returns
        -------
        ImportanceOverTimeDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            As `permutation_importance_over_time` raises it, or if `scoring` names several scores,
            or the number of names is wrong.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        importances = permutation_importance_over_time(
            estimator,
            X,
            y,
            by=by,
            block_length=block_length,
            scoring=scoring,
            n_repeats=n_repeats,
            n_jobs=n_jobs,
            random_state=random_state,
            sample_weight=sample_weight,
        )
        if feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", None)
        if score_name is None:
            score_name = scoring.replace("_", " ") if isinstance(scoring, str) else "score"
        return cls.from_importances(
            importances,
            feature_names=feature_names,
            score_name=score_name,
            ax=ax,
            style_kw=style_kw,
        )

    @classmethod
    def from_importances(
        cls,
        importances: Mapping[str, Any],
        *,
        feature_names: Sequence[str] | None = None,
        score_name: str = "score",
        ax: Axes | None = None,
        style_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Plot importances that have been computed.

        Parameters
        ----------
        importances : Bunch
            From `permutation_importance_over_time`, for one score.
        feature_names : sequence of str, default=None
            Names of the features; None shows their numbers.
        score_name : str, default="score"
            What decreases, such as "accuracy".
        ax : matplotlib axes, default=None
            Where to draw; None makes a new figure.
        style_kw : dict, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        ImportanceOverTimeDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are several scores, or the number of names is wrong.
        """
        check_matplotlib_support(f"{cls.__name__}.from_importances")
        display = cls(importances, feature_names=feature_names, score_name=score_name)
        return display.plot(ax=ax, style_kw=style_kw)

    def plot(self, *, ax: Axes | None = None, style_kw: Mapping[str, Any] | None = None) -> Self:
        """Draw the panel.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw; None makes a new figure.
        style_kw : dict, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        ImportanceOverTimeDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are several scores, or the number of names is wrong.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        means = self._checked_means()
        (self.ax_,) = panels(ax, 1, 1, figsize=FIGSIZE)
        self.figure_ = self.ax_.figure
        self.image_ = self.line_ = self.fill_ = self.bars_ = None
        if means.ndim == 2:
            self._draw_map(means, style_kw or {})
        elif _is_by_time(self.importances):
            self._draw_line(means, style_kw or {})
        else:
            self._draw_bars(means, style_kw or {})
        return self

    def _checked_means(self) -> np.ndarray:
        if "importances_mean" not in self.importances:
            raise ValueError(
                f"importances holds {list(self.importances)}, and a display draws one score: give "
                "the entry of one of them, or a single name as scoring."
            )
        means = self.importances["importances_mean"]
        names = self.feature_names
        has_features = means.ndim == 2 or not _is_by_time(self.importances)
        if has_features and names is not None and len(names) != means.shape[-1]:
            raise ValueError(
                f"feature_names has {len(names)} names, but there are importances of "
                f"{means.shape[-1]} features."
            )
        return means

    def _draw_map(self, means: np.ndarray, style_kw: Mapping[str, Any]) -> None:
        edges = _edges(self.importances["block_starts"])
        largest = float(np.abs(means).max()) or 1.0
        style = {
            "aspect": "auto",
            "interpolation": "nearest",
            "cmap": AROUND_0,
            "vmin": -largest,
            "vmax": largest,
            "extent": (edges[0], edges[-1], means.shape[1] - 0.5, -0.5),
        }
        self.image_ = self.ax_.imshow(means.T, **validate_style_kwargs(style, style_kw))
        self.figure_.colorbar(self.image_, ax=self.ax_, pad=0.01, label=self._decrease())
        self._label_steps()
        self._label_features(means.shape[1])

    def _draw_line(self, means: np.ndarray, style_kw: Mapping[str, Any]) -> None:
        edges = _edges(self.importances["block_starts"])
        middles = (edges[:-1] + edges[1:]) / 2
        spread = self.importances["importances_std"]
        style = validate_style_kwargs({"color": BLUE, "marker": "o", "markersize": 3}, style_kw)
        (self.line_,) = self.ax_.plot(middles, means, **style)
        self.fill_ = self.ax_.fill_between(
            middles, means - spread, means + spread, color=self.line_.get_color(), alpha=0.3, lw=0
        )
        self.ax_.axhline(0, color="0.6", linewidth=0.8, zorder=0)
        self.ax_.set_ylabel(self._decrease())
        self._label_steps()

    def _draw_bars(self, means: np.ndarray, style_kw: Mapping[str, Any]) -> None:
        spread = self.importances["importances_std"]
        style = validate_style_kwargs({"color": BLUE, "xerr": spread, "capsize": 3}, style_kw)
        self.bars_ = self.ax_.barh(np.arange(len(means)), means, **style)
        self.ax_.invert_yaxis()  # the first feature is at the top, as in the heat map
        self.ax_.set_xlabel(self._decrease())
        self._label_features(len(means))

    def _decrease(self) -> str:
        return f"decrease of {self.score_name}"

    def _label_steps(self) -> None:
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.set_xlabel("time step")

    def _label_features(self, n_features: int) -> None:
        self.ax_.set_ylabel("feature")
        if self.feature_names is None:
            self.ax_.yaxis.get_major_locator().set_params(integer=True)
        else:
            self.ax_.set_yticks(np.arange(n_features), self.feature_names)


def _is_by_time(importances: Mapping[str, Any]) -> bool:
    """Say whether the importances are those of several blocks of time steps."""
    return len(importances["block_starts"]) > 1


def _edges(starts: np.ndarray) -> np.ndarray:
    """Return where blocks begin on the axis of time steps, and where the last one ends.

    The last block is drawn as long as the others, since importances do not tell its length.
    """
    length = starts[1] - starts[0] if len(starts) > 1 else 1
    return np.append(starts, starts[-1] + length) - 0.5
