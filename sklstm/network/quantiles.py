r"""How an output layer predicts several quantiles that never cross.

Of the numbers :math:`z_1, \dots, z_Q` that the layer computes for the quantiles in ascending order,
the middle one, :math:`z_m`, is the middle quantile. Each of the others lies above or below its
neighbour on the side of the middle by the softplus of its own number, which is above zero.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import block_diag


def order_matrices(n_outputs: int, n_quantiles: int) -> tuple[np.ndarray, np.ndarray]:
    """Return matrices A and B for which ``z @ A + softplus(z) @ B`` are quantiles in order.

    Parameters
    ----------
    n_outputs : int
        The quantiles of one number after those of another.
    n_quantiles : int

    Returns
    -------
    A, B : ndarrays of shape (n_outputs, n_outputs), float32
    """
    middle = (n_quantiles - 1) // 2
    of_middle, of_steps = np.zeros((2, n_quantiles, n_quantiles), np.float32)
    of_middle[middle] = 1
    for j in range(n_quantiles):
        if j > middle:
            of_steps[j, j:] = 1
        elif j < middle:
            of_steps[j, : j + 1] = -1
    n_numbers = n_outputs // n_quantiles
    return tuple(block_diag(*[block] * n_numbers) for block in (of_middle, of_steps))


def in_order(z: np.ndarray, n_quantiles: int) -> np.ndarray:
    """Compute quantiles in order, of shape (..., n_outputs), as numpy does it."""
    of_middle, of_steps = order_matrices(z.shape[-1], n_quantiles)
    return z @ of_middle + np.logaddexp(0, z) @ of_steps
