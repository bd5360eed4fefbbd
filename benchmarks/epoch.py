"""One epoch of training: sklstm against Keras's `fit`, scikeras, skorch and a PyTorch loop.

    python benchmarks/epoch.py digits     LSTM(32), images as 8 x 8, batch 32
    python benchmarks/epoch.py onehot     LSTM(128), 100 x 65 one-hot, batch 128, last time step
    python benchmarks/epoch.py text       LSTM(256), 64 windows of 64 characters, every time step
    python benchmarks/epoch.py dropout    text with dropout 0.2 against none, ours both

Each side is fitted anew for every measurement, from the same weights, with the same Adam, in
batches of the same size; a run is the median epoch of that fit without the first two, which
trace and compile (`_timing.EpochClock`). "A" is ours; losses are the mean of the last epoch.
PyTorch takes digits and onehot in the order of ours, the others shuffle in their own; for text,
ours cuts its windows at another offset every epoch, the others see the same windows again.

`text` also times the bare matrix products of a batch in one compiled loop: the limit. Keras's
`fit` is shown as it comes, where it does not use XLA on a CPU, and with jit_compile=True.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import _peers
import keras
import numpy as np
from _data import N_CHARACTERS, character_ids, digits, one_hot_windows, text
from _products import Shapes, compiled_products
from _timing import (
    Comparison,
    EpochClock,
    Row,
    Run,
    compare,
    duration,
    parser,
    seconds,
    show,
    show_machine,
    show_table,
    timed,
)

from sklstm import CharSequenceGenerator, LSTMClassifier
from sklstm.network.spec import NetworkSpec

LEARNING_RATE = 0.003
Side = Callable[[], Run]


@dataclass(frozen=True)
class Case:
    """What is trained on what.

    Attributes
    ----------
    estimator : LSTMClassifier or CharSequenceGenerator
    data : tuple
        Arguments of its `fit`.
    spec : NetworkSpec
        The network that `fit` makes, for the weights of the peers.
    X, y : ndarray
        The same data, as the peers take it.
    shapes : Shapes
    n_batches : int
        Batches of an epoch.
    """

    estimator: Any
    data: tuple
    spec: NetworkSpec
    X: np.ndarray
    y: np.ndarray
    shapes: Shapes
    n_batches: int

    @property
    def form(self) -> dict[str, bool]:
        """How a peer's network reads and writes."""
        return {"every_step": self.spec.pooling is None, "one_hot": self.spec.one_hot}

    @property
    def options(self) -> dict[str, int]:
        """Options of a peer's fit."""
        return {"batch_size": self.estimator.batch_size, "epochs": self.estimator.epochs}


def common(epochs: int, batch_size: int) -> dict[str, Any]:
    """Set what all sides share; peers do not clip gradients unless told so."""
    return {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": LEARNING_RATE,
        "clipnorm": None,
        "random_state": _peers.SEED,
    }


def digits_case(epochs: int) -> Case:
    X, y = digits()
    shapes = Shapes(32, 8, 8, 32, 10, every_step=False)
    spec = _peers.digits_spec(32)
    estimator = LSTMClassifier(32, **_peers.PLAIN | common(epochs, 32))
    return Case(estimator, (X, y), spec, X, y, shapes, -(-len(X) // 32))


def onehot_case(epochs: int, n_batches: int = 10) -> Case:
    X, y = one_hot_windows(128 * n_batches, 100)
    y = np.unique(y, return_inverse=True)[1]  # not every character comes next once
    shapes = Shapes(128, 100, N_CHARACTERS, 128, y.max() + 1, every_step=False)
    spec = NetworkSpec(y.max() + 1, "softmax", n_features=N_CHARACTERS, units=(128,))
    estimator = LSTMClassifier(128, **_peers.PLAIN | common(epochs, 128))
    return Case(estimator, (X, y), spec, X, y, shapes, n_batches)


def text_case(epochs: int, n_batches: int = 20, dropout: float = 0.0) -> Case:
    # Ours cuts at any offset, which adds a window: one fewer keeps the number of batches.
    n_windows = 64 * n_batches - 1
    characters = text(64 * n_windows)
    # Ours begins a document with an id of its own, 0; so do the peers.
    stream = np.append(0, 1 + character_ids(characters))
    X = stream[:-1].reshape(n_windows, 64).astype(np.int32)
    y = stream[1:].reshape(n_windows, 64) - 1
    shapes = Shapes(64, 64, N_CHARACTERS + 1, 256, N_CHARACTERS)
    spec = NetworkSpec(
        N_CHARACTERS, "softmax", vocabulary_size=N_CHARACTERS + 1, units=(256,), pooling=None
    )
    estimator = CharSequenceGenerator(256, window=64, dropout=dropout, **common(epochs, 64))
    return Case(estimator, (characters,), spec, X, y, shapes, n_batches)


# The case, and the epochs of a fit: with two dropped, enough for a steady median.
CASES = {"digits": (digits_case, 12), "onehot": (onehot_case, 6), "text": (text_case, 5)}


def ours(case: Case) -> Run:
    clock = EpochClock()
    fitted = case.estimator.set_params(callbacks=[clock.epoch_ends]).fit(*case.data)
    if fitted.training_loop_ != "xla":
        print(f"Note: our epochs ran as {fitted.training_loop_!r}, not compiled by XLA.")
    return clock.run()


def keras_fit(trainer: _peers.KerasFit, case: Case) -> Run:
    clock = EpochClock()
    callback = keras.callbacks.LambdaCallback(on_epoch_end=clock.epoch_ends)
    trainer.fit(case.X, case.y, callbacks=[callback], **case.options)
    return clock.run()


def scikeras_fit(case: Case) -> Run:
    clock = EpochClock()
    callback = keras.callbacks.LambdaCallback(on_epoch_end=clock.epoch_ends)
    classifier = _peers.scikeras_digits(
        units=case.spec.units[0],
        learning_rate=LEARNING_RATE,
        epochs=case.estimator.epochs,
        callbacks=[callback],
    )
    classifier.fit(case.X, case.y)
    return clock.run()


def torch_fit(peers: Any, case: Case) -> Run:
    rng = np.random.RandomState(_peers.SEED)
    weights = case.spec.initial_weights(rng)
    rng.randint(2**31)  # ours draws the seed of its dropout here: now the orders agree
    network = peers.Network(weights, **case.form)
    options = {"learning_rate": LEARNING_RATE, "rng": rng, **case.options}
    return peers.fit_epochs(network, case.X, case.y, **options)


def skorch_fit(peers: Any, case: Case) -> Run:
    net = peers.skorch_classifier(
        peers.DigitsNetwork,
        units=case.spec.units[0],
        learning_rate=LEARNING_RATE,
        **case.options,
    )
    return peers.skorch_epoch(net, case.X, case.y)


def peers_of(case: Case) -> Iterator[tuple[str, Side]]:
    """Name every peer that is installed, and how it is fitted."""
    weights = _peers.initial_weights(case.spec)
    for name, jit_compile in (("Keras fit", "auto"), ("Keras fit, jit_compile", True)):
        model = _peers.keras_model(weights, **case.form)
        yield name, partial(keras_fit, _peers.KerasFit(model, LEARNING_RATE, jit_compile), case)
    is_digits = case.spec.n_features == 8
    if is_digits:
        yield "scikeras", partial(scikeras_fit, case)
    if (torch_peers := _peers.torch_peers()) is None:
        return
    yield "PyTorch loop", partial(torch_fit, torch_peers, case)
    if is_digits:
        yield "skorch", partial(skorch_fit, torch_peers, case)


def against_peers(name: str, case: Case, pairs: int, chosen: str) -> None:
    """Print our epoch against that of every peer."""
    rows = [
        Row(name, "sklstm", peer, compare(partial(ours, case), fit, pairs))
        for peer, fit in peers_of(case)
        if chosen in peer
    ]
    if not rows:
        return
    show(rows, "loss")
    print()
    gflop = case.shapes.gflop() * case.n_batches
    sides = [("sklstm", [run for row in rows for run in row.comparison.a])]
    sides += [(row.b, row.comparison.b) for row in rows]
    show_table(
        ["side", "a batch", "GFLOP/s of the matrix products"],
        [
            [side, duration(seconds(runs) / case.n_batches), f"{gflop / seconds(runs):.3g}"]
            for side, runs in sides
        ],
    )


def against_limit(case: Case, pairs: int) -> None:
    """Print our epoch against its bare matrix products, and list these."""
    shapes = case.shapes
    print("\nThe matrix products of a batch:\n")
    show_table(
        ["product", "times", "shapes", "GFLOP"],
        [
            [name, str(times), f"{a} x {b}", f"{2 * times * a[0] * a[1] * b[1] / 1e9:.3f}"]
            for name, times, a, b in shapes.products()
        ],
    )
    print()
    for with_input, name in ((True, "all products"), (False, "without those of the input")):
        products = compiled_products(shapes, with_input=with_input)
        limit = timed(partial(products, case.n_batches))
        comparison = compare(partial(ours, case), limit, pairs)
        show([Row("text, share of the limit", "sklstm", name, comparison)], "loss")
        print(_speeds(comparison, shapes.gflop(with_input=with_input) * case.n_batches))


def _speeds(comparison: Comparison, gflop: float) -> str:
    ours, limit = (gflop / seconds(runs) for runs in (comparison.a, comparison.b))
    return f"sklstm {ours:.0f} GFLOP/s of these, the products alone {limit:.0f}\n"


def dropout(epochs: int | None, pairs: int) -> None:
    """Print the text epoch with dropout against the one without."""
    epochs = epochs or CASES["text"][1]
    without, with_dropout = text_case(epochs), text_case(epochs, dropout=0.2)
    comparison = compare(partial(ours, without), partial(ours, with_dropout), pairs)
    show([Row("text", "no dropout", "dropout=0.2", comparison)], "loss")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("case", choices=[*CASES, "dropout"])
    arguments.add_argument("--epochs", type=int, help="of each fit, 4 or more (default: by case)")
    arguments.add_argument("--peer", default="", help="only peers whose names contain this")
    options = arguments.parse_args()
    show_machine()
    if options.case == "dropout":
        dropout(options.epochs, options.pairs)
        return
    make, epochs = CASES[options.case]
    case = make(options.epochs or epochs)
    against_peers(options.case, case, options.pairs, options.peer)
    if options.case == "text":
        against_limit(case, options.pairs)


if __name__ == "__main__":
    main()
