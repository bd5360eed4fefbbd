"""`gate_activations`: what the gates of an LSTM layer do over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklstm._base import BaseNetwork
from sklstm._sequences import Sequences
from sklstm._sklearn_compat import HasMethods, StrOptions, validate_params
from sklstm.inspection._find_network import find_network_and_input
from sklstm.network.reference.lstm import gates_over_time
from sklstm.network.spec import NetworkSpec, Weights, split_weights

NUMBERS_PER_BATCH = 2**17  # per gate: larger batches are slower and take more memory


@dataclass(frozen=True)
class GateActivations:
    r"""Gates, cell and output of one LSTM layer in one direction, over time.

    Time steps past the end of a sequence are NaN. Sequences begin at index 0, however X was
    padded, and index t is time step t in the backward direction too.

    Attributes
    ----------
    input_gate : ndarray of shape (n, T, units)
        :math:`i_t`, from 0 to 1: how much of the candidate enters the cell.
    forget_gate : ndarray of shape (n, T, units)
        :math:`f_t`, from 0 to 1: how much of the cell stays.
    output_gate : ndarray of shape (n, T, units)
        :math:`o_t`, from 0 to 1: how much of the cell is shown.
    candidate : ndarray of shape (n, T, units)
        :math:`\tilde c_t`, from -1 to 1.
    cell : ndarray of shape (n, T, units)
        :math:`c_t = f_t \odot c_{t-1} + i_t \odot \tilde c_t`.
    output : ndarray of shape (n, T, units)
        :math:`h_t = o_t \odot \tanh(c_t)`, from -1 to 1: what the next layer reads.
    lengths : ndarray of shape (n,)
        Time steps of each sequence.
    tokens : list of ndarray of str, or None
        The tokens (characters or words) that a generator of text read at each time step, ``""``
        for the beginning of a document; None for other estimators.

    See Also
    --------
    gate_activations : Computes them.

    Examples
    --------
    How much of the first unit's cell is kept, at each time step of a sequence:

    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.inspection import gate_activations
    >>> X = np.random.RandomState(0).normal(size=(64, 5, 1))
    >>> clf = LSTMClassifier(4, epochs=3, random_state=0).fit(X, X[:, 0, 0] > 0)
    >>> gates = gate_activations(clf, X[:3])
    >>> kept = gates.forget_gate[0, :, 0]
    >>> kept.shape, bool(np.all((kept > 0) & (kept < 1)))
    ((5,), True)
    >>> np.allclose(gates.output, gates.output_gate * np.tanh(gates.cell), atol=1e-6)
    True
    """

    input_gate: np.ndarray
    forget_gate: np.ndarray
    output_gate: np.ndarray
    candidate: np.ndarray
    cell: np.ndarray
    output: np.ndarray
    lengths: np.ndarray
    tokens: list[np.ndarray] | None = None


GATES = ("input_gate", "forget_gate", "output_gate", "candidate", "cell", "output")


@validate_params(
    {
        "estimator": [HasMethods(["fit"])],
        "X": "no_validation",
        "layer": [Integral],
        "direction": [StrOptions({"forward", "backward"})],
        "network": [Integral],
    },
    prefer_skip_nested_validation=True,
)
def gate_activations(
    estimator: BaseEstimator,
    X: Any,
    *,
    layer: int = -1,
    direction: str = "forward",
    network: int = 0,
) -> GateActivations:
    r"""Compute the gates, the cell and the output of an LSTM layer over time.

    The values are those of the equations of an LSTM [1]_. They are computed in numpy, by the
    reference code that the fast code is tested against, so this takes longer than ``predict``.

    Parameters
    ----------
    estimator : estimator
        A fitted `LSTMClassifier`, `LSTMRegressor` or generator of text, a Pipeline whose
        last step is one, or a search such as `GridSearchCV` over either (its
        ``best_estimator_``).
    X : what ``predict`` takes
        Sequences in any form; for a generator a text, or a list of texts.
    layer : int, default=-1
        Index of the LSTM layer, in the order of ``summary()``; -1 is the last one.
    direction : {"forward", "backward"}, default="forward"
        Direction in which the layer reads; "backward" needs ``bidirectional=True``.
    network : int, default=0
        Number of the network, counted from 0, where `n_networks` is above 1.

    Returns
    -------
    GateActivations
        Arrays of shape (n, T, units), float32, NaN past the end of a sequence.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If the estimator holds no LSTM network.
    ValueError
        If X is not valid, or there is no such layer, direction or network.

    See Also
    --------
    GateActivationsDisplay : Draws them.

    References
    ----------
    .. [1] S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997;
       F. A. Gers, J. Schmidhuber, F. Cummins, "Learning to forget: continual prediction with LSTM",
       Neural Computation 12(10), 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from sklstm import LSTMClassifier
    >>> from sklstm.inspection import gate_activations
    >>> X = np.random.RandomState(0).normal(size=(64, 5, 1))
    >>> y = X[:, 0, 0] > 0
    >>> clf = LSTMClassifier(4, epochs=3, random_state=0).fit(X, y)
    >>> gates = gate_activations(clf, [X[0], X[1, :3]])
    >>> gates.forget_gate.shape
    (2, 5, 4)
    >>> np.isnan(gates.forget_gate[1]).all(axis=1)
    array([False, False, False,  True,  True])
    """
    lstm, X = find_network_and_input(estimator, X)
    return activations_of(lstm, lstm._sequences(X), layer, direction, network)


def activations_of(
    estimator: BaseNetwork, sequences: Sequences, layer: int, direction: str, network: int
) -> GateActivations:
    """Compute the gates of a network over sequences that have been validated."""
    spec, weights = _checked_network(estimator, network)
    layer, place = _checked_place(spec, layer, direction)
    shape = (len(sequences), sequences.longest, spec.units[layer])
    arrays = {name: np.full(shape, np.nan, np.float32) for name in GATES}
    for rows in _rows_of_one_length(sequences.lengths, spec.units[layer]):
        length = sequences.lengths[rows[0]]
        x = np.swapaxes(sequences[rows].padded(), 0, 1)  # (T, n, F), or (T, n) ids
        layers = gates_over_time(spec, weights, x)
        gates = next(islice(layers, layer, None))[place]
        for name, array in arrays.items():
            array[rows, :length] = np.swapaxes(gates[name], 0, 1)
    return GateActivations(
        **arrays, lengths=sequences.lengths, tokens=_tokens(estimator, sequences)
    )


def _checked_network(estimator: BaseNetwork, network: int) -> tuple[NetworkSpec, Weights]:
    """Return the spec and the weights of one of the networks."""
    fitted = estimator._fitted().network
    n_networks = fitted.spec.n_networks
    if not 0 <= network < n_networks:
        raise ValueError(
            f"network={network} is not in the estimator: it has {n_networks} network(s), and "
            f"valid are 0 to {n_networks - 1}."
        )
    return fitted.spec.single, split_weights(fitted.spec, fitted.weights)[network]


def _checked_place(spec: NetworkSpec, layer: int, direction: str) -> tuple[int, int]:
    n_layers = len(spec.units)
    if not n_layers:
        raise ValueError("The network has no LSTM layer (units=()), and so no gates.")
    if not -n_layers <= layer < n_layers:
        raise ValueError(
            f"layer={layer} is not in the network: it has {n_layers} LSTM layer(s), and valid are "
            f"{-n_layers} to {n_layers - 1}."
        )
    if direction == "backward" and not spec.bidirectional:
        raise ValueError(
            "direction='backward' needs a network with bidirectional=True: valid here is 'forward'."
        )
    return layer % n_layers, int(direction == "backward")


def _rows_of_one_length(lengths: np.ndarray, units: int) -> Iterator[np.ndarray]:
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        size = max(1, NUMBERS_PER_BATCH // (length * units))
        for first in range(0, len(rows), size):
            yield rows[first : first + size]


def _tokens(estimator: BaseNetwork, sequences: Sequences) -> list[np.ndarray] | None:
    if not hasattr(estimator, "vocabulary_"):
        return None
    tokens = np.concatenate([[""], estimator.vocabulary_])  # ids count from 1
    return [tokens[ids] for ids in sequences]
