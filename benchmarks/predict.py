"""The whole public call `predict(X)`: sklstm against scikeras, plain Keras, PyTorch and skorch.

    python benchmarks/predict.py

LSTM(128) on 1 and on 512 rows of 100 x 65 one-hot characters, float32, validation included where
the side has one. All sides hold the same weights, of a short fit of ours; the score is the share
of the 512 labels (or the one) that agree with ours. PyTorch runs in `inference_mode`, without any
validation. A run is the mean of several calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import _peers
import numpy as np
from _data import one_hot_windows
from _timing import Row, compare, parser, show, show_machine, timed
from scikeras.wrappers import KerasClassifier

from sklstm import LSTMClassifier
from sklstm.network.spec import Weights

ROWS_TO_FIT = 512
UNITS = 128
SECONDS_PER_RUN = 0.3  # of calls in a row
Predict = Callable[[np.ndarray], np.ndarray]


def our_classifier(X: np.ndarray, y: np.ndarray) -> LSTMClassifier:
    fitted = LSTMClassifier(
        UNITS, epochs=20, **_peers.PLAIN | {"batch_size": 64, "learning_rate": 0.01}
    ).fit(X, y)
    print(f"Ours predicts {len(np.unique(fitted.predict(X)))} different labels.")
    return fitted


def scikeras_classifier(X: np.ndarray, y: np.ndarray, weights: Weights) -> KerasClassifier:
    build = partial(_peers.keras_model, weights)
    classifier = KerasClassifier(build, loss=_peers.LOSS, epochs=1, verbose=0).fit(X, y)
    classifier.model_.set_weights(list(weights.values()))
    return classifier


def keras_predict(model: Any, X: np.ndarray) -> np.ndarray:
    return model.predict(X, verbose=0).argmax(axis=1)


def predictors(X: np.ndarray, y: np.ndarray, ours: LSTMClassifier) -> dict[str, Predict]:
    """Name every peer; each predicts class numbers, which are our labels."""
    weights = ours._fitted_state.network.weights
    peers: dict[str, Predict] = {
        "scikeras": scikeras_classifier(X, y, weights).predict,
        "Keras": partial(keras_predict, _peers.keras_model(weights)),
    }
    if (torch_peers := _peers.torch_peers()) is None:
        return peers
    peers["PyTorch"] = partial(torch_peers.predict, torch_peers.Network(weights).eval())
    net = torch_peers.skorch_classifier(
        torch_peers.Network, weights=weights, learning_rate=0.003, epochs=1, batch_size=128
    )
    # As for all others; skorch takes its labels from y, and predicts positions in `classes`.
    net.set_params(classes=ours.classes_)
    peers["skorch"] = net.initialize().predict
    return peers


def side(predict: Predict, X: np.ndarray, expected: np.ndarray) -> Callable:
    """Make runs of as many calls as take a while; the score is the share of expected labels."""
    agreement = float((predict(X) == expected).mean())
    once = timed(lambda: predict(X) is None, calls=3)().seconds
    calls = int(np.clip(SECONDS_PER_RUN / once, 1, 1000))
    call = timed(lambda: predict(X) is None, calls)
    return lambda: call()._replace(score=agreement)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--peer", default="", help="only peers whose names contain this")
    options = arguments.parse_args()
    show_machine()
    X, y = one_hot_windows(ROWS_TO_FIT, 100)
    y = np.unique(y, return_inverse=True)[1]
    ours = our_classifier(X, y)
    peers = predictors(X, y, ours)
    rows = []
    for n in (1, 512):
        part, expected = X[:n], ours.predict(X[:n])
        for name, predict in peers.items():
            if options.peer in name:
                sides = side(ours.predict, part, expected), side(predict, part, expected)
                rows.append(Row(f"rows: {n}", "sklstm", name, compare(*sides, options.pairs)))
    show(rows, "agreement")


if __name__ == "__main__":
    main()
