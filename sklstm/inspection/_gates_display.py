"""`GateActivationsDisplay`: gates over time as heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._sklearn_compat import check_matplotlib_support, validate_style_kwargs
from sklstm.inspection._find_network import find_network_and_input
from sklstm.inspection._gates import GATES, GateActivations, activations_of
from sklstm.inspection._plotting import panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Both colour maps can be read with every kind of colour vision.
FROM_0_TO_1 = {"cmap": "cividis", "vmin": 0, "vmax": 1}
AROUND_0 = "RdBu_r"
VISIBLE = {"": "⊢", " ": "␣", "\n": "↵", "\t": "⇥"}
FONT_SIZES = 4.5, 9  # smallest and largest, in points; labels that would be smaller are left out


class GateActivationsDisplay:
    """Gates, cell and output of an LSTM layer over one sequence, as heat maps.

    Each has a panel, one below another: time steps run from left to right, units from top to
    bottom.

    It is recommended to use :meth:`from_estimator` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    activations : GateActivations
        From `gate_activations`.
    sample : int, default=0
        Index of the sequence in `activations`.
    units : int or sequence of int, default=None
        Indices of the units to draw, from top to bottom; None draws all.
    step_labels : sequence of str, default=None
        Names of the time steps, such as the words of a text. None shows their numbers, or the
        tokens that a generator read.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes, shape (6,)
        Input, forget and output gate, candidate, cell and output.
    figure_ : matplotlib figure
        The figure that holds them.
    images_ : ndarray of matplotlib images, shape (6,)
        The heat maps.

    See Also
    --------
    gate_activations : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.inspection import GateActivationsDisplay
    >>> X = np.random.RandomState(0).normal(size=(64, 5, 1))
    >>> y = X[:, 0, 0] > 0
    >>> clf = LSTMClassifier(4, epochs=3, random_state=0).fit(X, y)
    >>> display = GateActivationsDisplay.from_estimator(clf, X, sample=3)
    >>> [axes.get_title(loc="left") for axes in display.axes_[:3]]
    ['input gate', 'forget gate', 'output gate']
    >>> import matplotlib.pyplot as plt
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        activations: GateActivations,
        *,
        sample: int = 0,
        units: int | Sequence[int] | None = None,
        step_labels: Sequence[str] | None = None,
    ) -> None:
        self.activations = activations
        self.sample = sample
        self.units = units
        self.step_labels = step_labels

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        *,
        sample: int = 0,
        units: int | Sequence[int] | None = None,
        layer: int = -1,
        direction: str = "forward",
        network: int = 0,
        step_labels: Sequence[str] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        im_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Plot the gates of a fitted estimator over one sequence.

        Parameters
        ----------
        estimator : estimator
            A fitted `LSTMClassifier`, `LSTMRegressor` or generator of text, a Pipeline whose
            last step is one, or a search such as `GridSearchCV` over either (its
            ``best_estimator_``).
        X : what ``predict`` takes
            Sequences in any form; for a generator a text, or a list of texts.
        sample : int, default=0
            Index of the sequence in X. The display keeps only this one, as its sample 0.
        units : int or sequence of int, default=None
            Indices of the units to draw, from top to bottom; None draws all.
        layer : int, default=-1
            Index of the LSTM layer, in the order of ``summary()``; -1 is the last one.
        direction : {"forward", "backward"}, default="forward"
            Direction in which the layer reads.
        network : int, default=0
            Number of the network, counted from 0, where `n_networks` is above 1.
        step_labels : sequence of str, default=None
            Names of the time steps, such as the words of a text. None shows their numbers, or the
            tokens that a generator read.
        ax : matplotlib axes or sequence of six, default=None
            Where to draw: one subplot, which is divided, or six axes. None makes a new figure.
        im_kw : dict, default=None
            Keywords for matplotlib's ``imshow``, for all panels.

        Returns
        -------
        GateActivationsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator holds no LSTM network.
        ValueError
            If X is not valid, or there is no such sample, unit, layer, direction or network, or
            the number of labels or axes is wrong.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        lstm, X = find_network_and_input(estimator, X)
        sequences = lstm._sequences(X)
        _check_index(sample, len(sequences), "sample", "samples of X")
        activations = activations_of(lstm, sequences[[sample]], layer, direction, network)
        display = cls(activations, units=units, step_labels=step_labels)
        return display.plot(ax=ax, im_kw=im_kw)

    def plot(
        self,
        *,
        ax: Axes | Sequence[Axes] | None = None,
        im_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib axes or sequence of six, default=None
            As in :meth:`from_estimator`.
        im_kw : dict, default=None
            As in :meth:`from_estimator`.

        Returns
        -------
        GateActivationsDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such sample or unit, or the number of labels or axes is wrong.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        n_samples, _, n_units = self.activations.cell.shape
        _check_index(self.sample, n_samples, "sample", "samples")
        units = _checked_units(self.units, n_units)
        length = self.activations.lengths[self.sample]
        labels = self._labels(length)
        width = float(np.clip(2 + 0.13 * length, 6.4, 16))
        self.axes_ = panels(ax, len(GATES), 1, figsize=(width, 8), sharex=True)
        self.figure_ = self.axes_[0].figure
        self.images_ = np.array(
            [
                self._draw(axes, name, units, length, im_kw or {})
                for axes, name in zip(self.axes_, GATES, strict=True)
            ]
        )
        _label_steps(self.axes_, labels)
        return self

    def _labels(self, length: int) -> list[str] | None:
        labels = self.step_labels
        if labels is None:
            tokens = self.activations.tokens
            if tokens is None:
                return None
            return [VISIBLE.get(token, token) for token in tokens[self.sample].tolist()]
        if len(labels) != length:
            raise ValueError(
                f"step_labels has {len(labels)} names, but the sequence has {length} time steps."
            )
        return list(labels)

    def _draw(
        self, axes: Axes, name: str, units: np.ndarray, length: int, im_kw: Mapping[str, Any]
    ) -> Any:
        values = getattr(self.activations, name)[self.sample, :length, units]  # (units, T)
        style = {"aspect": "auto", "interpolation": "nearest", **_colour_scale(name, values)}
        image = axes.imshow(values, **validate_style_kwargs(style, im_kw))
        axes.figure.colorbar(image, ax=axes, pad=0.01)
        axes.set_title(name.replace("_", " "), loc="left", fontsize="medium")
        axes.set_ylabel("unit")
        places = np.unique(np.linspace(0, len(units) - 1, min(len(units), 4)).astype(int))
        axes.set_yticks(places, units[places])
        return image


def _checked_units(units: int | Sequence[int] | None, n_units: int) -> np.ndarray:
    units = np.arange(n_units) if units is None else np.atleast_1d(units)
    if not len(units):
        raise ValueError(
            f"units is empty: valid are None (all) and numbers from 0 to {n_units - 1}."
        )
    for unit in units:
        _check_index(unit, n_units, "units", "units in the layer")
    return units


def _check_index(index: int, n: int, name: str, what: str) -> None:
    if not isinstance(index, Integral) or isinstance(index, bool) or not 0 <= index < n:
        raise ValueError(f"{name}={index!r} is not valid: there are {n} {what}, from 0 to {n - 1}.")


def _colour_scale(name: str, values: np.ndarray) -> dict[str, Any]:
    if name.endswith("_gate"):
        return FROM_0_TO_1
    largest = max(1.0, float(np.abs(values).max())) if name == "cell" else 1.0
    return {"cmap": AROUND_0, "vmin": -largest, "vmax": largest}


def _label_steps(panels: np.ndarray, labels: list[str] | None) -> None:
    for axes in panels:
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.label_outer(remove_inner_ticks=True)
    lowest = panels[-1]
    size = 0.0 if labels is None else _font_size(lowest, labels)
    if size < FONT_SIZES[0]:
        lowest.set_xlabel("time step")
        return
    rotation = 90 if max(map(len, labels)) > 1 else 0
    style = {"fontsize": size, "rotation": rotation, "family": "monospace"}
    lowest.set_xticks(range(len(labels)), labels, **style)
    beginning = f" ({VISIBLE['']}: the beginning)" if labels[0] == VISIBLE[""] else ""
    lowest.set_xlabel(f"time step{beginning}")


def _font_size(axes: Axes, labels: list[str]) -> float:
    """Return the largest size, in points, at which neighbouring labels do not overlap."""
    width = axes.get_window_extent().width * 72 / axes.get_figure(root=True).dpi
    em_per_label = 1.2 if max(map(len, labels)) > 1 else 0.8
    return min(FONT_SIZES[1], width / len(labels) / em_per_label)
