r"""The distribution that tokens are drawn from, in plain numpy.

From the probabilities :math:`p` of a network, a temperature :math:`\tau` makes :math:`p^{1/\tau}`,
normalised. Top-k keeps the k most probable entries, of equals the first ones. Top-p (A. Holtzman
et al., "The curious case of neural text degeneration", 2020) keeps the fewest of the most probable
entries whose probabilities, normalised after top-k, sum to at least p.

It is slow and simple on purpose: tests compare the graph that draws with it.
"""

from __future__ import annotations

import numpy as np


def distribution(
    probabilities: np.ndarray,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> np.ndarray:
    """Return the probabilities with which tokens are drawn.

    Parameters
    ----------
    probabilities : ndarray of shape (n,)
    temperature : float, default=1.0
        At least 0; at 0 the most probable entry (of equals, the first) has the probability 1.
    top_k : int, default=None
    top_p : float, default=None

    Returns
    -------
    ndarray of shape (n,), float64
    """
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(-probabilities, kind="stable")[:top_k]
    kept = temper(probabilities[order], temperature)
    if top_p is not None and top_p < 1:
        kept = np.where(np.cumsum(kept) - kept < top_p, kept, 0)
    result = np.zeros(len(probabilities))
    result[order] = kept / kept.sum()
    return result


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return ``p ** (1 / temperature)``, normalised, for a temperature above 0."""
    with np.errstate(divide="ignore", over="ignore"):
        # The largest is subtracted first: extreme temperatures then neither overflow nor give NaN.
        logs = np.log(probabilities, dtype=np.float64)
        powers = np.exp((logs - logs.max()) / temperature)
    return powers / powers.sum()
