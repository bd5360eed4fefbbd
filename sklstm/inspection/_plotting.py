"""What displays share: the axes of their panels, and the style of their legends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEGEND_ABOVE = {
    "loc": "lower center",
    "bbox_to_anchor": (0.5, 1),
    "frameon": False,
    "fontsize": "small",
    "columnspacing": 1.2,
    "handlelength": 1.6,
}


def panels(
    ax: Axes | np.ndarray | list | None,
    n_rows: int,
    n_columns: int,
    *,
    figsize: tuple[float, float],
    sharex: bool = False,
) -> np.ndarray:
    """Return axes for the panels of a display, row by row.

    Parameters
    ----------
    ax : matplotlib axes, array-like of axes or None
        None makes a new figure; a single one is divided; several are used as they are.
    n_rows, n_columns : int
    figsize : tuple of float
        Of a new figure, in inches.
    sharex : bool, default=False
        Whether panels that are made here share their x-axis.

    Returns
    -------
    ndarray of axes, shape (n_rows * n_columns,)

    Raises
    ------
    ValueError
        If `ax` holds another number of axes, or a single one has no place in a grid.
    """
    import matplotlib.pyplot as plt

    n_panels = n_rows * n_columns
    given = np.empty(0, object) if ax is None else np.atleast_1d(np.asarray(ax, object)).ravel()
    if ax is None:
        grid = plt.figure(figsize=figsize, layout="constrained").add_gridspec(n_rows, n_columns)
    elif len(given) == n_panels:
        return given
    elif len(given) == 1 and given[0].get_subplotspec() is not None:
        given[0].set_axis_off()
        grid = given[0].get_subplotspec().subgridspec(n_rows, n_columns)
    else:
        raise ValueError(
            f"ax holds {len(given)} axes, but this display has {n_panels} panels: valid are None, "
            f"one subplot (its place is divided) and {n_panels} axes."
        )
    return grid.subplots(sharex=sharex, squeeze=False).ravel()
