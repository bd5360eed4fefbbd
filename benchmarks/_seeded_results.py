"""Results of all estimators and transformers, with seeds, for `same_bits.py`."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklstm import (
    CharOneHotEncoder,
    CharSequenceGenerator,
    LSTMClassifier,
    LSTMRegressor,
    SequencePadder,
    SequenceTokenizer,
    SlidingWindow,
    TimeDistributed,
    WordSequenceGenerator,
    persistence,
    sliding_windows,
)
from sklstm.forecasting import ConformalQuantileRegressor, DifferencedRegressor, forecast
from sklstm.inspection import gate_activations, permutation_importance_over_time

Results = Iterator[tuple[str, Any]]

N, T, F = 60, 7, 3
GATES = ("input_gate", "forget_gate", "output_gate", "candidate", "cell", "output", "lengths")
LINES = (
    "the cat sat on the mat, and the dog sat on the log.",
    "a dog and a cat: which of the two is the older one?",
    "the log is old. the mat is new; nobody sat on it today!",
)


def sequences(*, padded: bool = False) -> np.ndarray:
    """Generate sequences of three features; some end early if `padded`."""
    X = np.random.RandomState(0).normal(size=(N, T, F)).cumsum(axis=1)
    if padded:
        for row in range(N):
            X[row, T - row % 4 :] = np.nan
    return X


def labels(X: np.ndarray) -> np.ndarray:
    """Tell three classes apart by the first time step."""
    return np.array(["low", "middle", "high"])[np.digitize(X[:, 0, 0], [-0.5, 0.5])]


def token_ids() -> list[np.ndarray]:
    """Generate sequences of 2 to 9 token ids."""
    rng = np.random.RandomState(1)
    return [rng.randint(1, 12, size=2 + row % 8) for row in range(N)]


def series() -> np.ndarray:
    """Generate a series with a trend, a season and noise."""
    t = np.arange(120)
    return 0.05 * t + np.sin(t / 3) + np.random.RandomState(2).normal(scale=0.1, size=len(t))


def current_name(function: Callable, *names: str) -> str:
    """Return the one of `names` that the signature of a function has."""
    (name,) = set(names) & set(inspect.signature(function).parameters)
    return name


def ignore_unknown(function: Callable) -> dict[str, str]:
    """Make the argument that leaves unknown tokens out."""
    if "handle_unknown" in inspect.signature(function).parameters:
        return {"handle_unknown": "ignore"}
    return {"unknown": "ignore" if function is CharOneHotEncoder else "skip"}


def curves(network: Any) -> Results:
    """Yield what the history of a fit holds."""
    for name, values in network.history_.items():
        yield f"history/{name}", values
    yield "training_loop", network.training_loop_


def classified(network: LSTMClassifier, X: Any, y: Any, **fit: Any) -> Results:
    """Fit a classifier; yield probabilities, labels and learning curves."""
    network.fit(X, y, **fit)
    yield "predict_proba", network.predict_proba(X)
    yield "predict", network.predict(X)
    yield from curves(network)


def regressed(network: LSTMRegressor, X: Any, y: Any, **fit: Any) -> Results:
    """Fit a regressor; yield predictions and learning curves."""
    network.fit(X, y, **fit)
    yield "predict", network.predict(X)
    yield from curves(network)


def classifier_of_numbers() -> Results:
    X = sequences()
    network = LSTMClassifier(8, epochs=60, random_state=0)  # long enough for XLA
    yield from classified(network, X, labels(X))
    for i, weights in enumerate(network.to_keras().get_weights()):
        yield f"keras_weights/{i}", weights
    yield "onnx", run_onnx(network, values=X, lengths=np.full(N, T, np.int32))
    with tempfile.TemporaryDirectory() as folder:
        persistence.save(network, Path(folder, "model.sklstm"))
        loaded = persistence.load(Path(folder, "model.sklstm"))
    yield "saved_and_loaded", loaded.predict_proba(X)


def run_onnx(network: Any, **feeds: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(network.to_onnx().SerializeToString())
    return session.run(None, feeds)[0]


def classifier_of_tokens() -> Results:
    ids = token_ids()
    y = [int(row[0] > 5) for row in ids]
    network = LSTMClassifier(6, embedding_dim=4, epochs=3, pooling="concat", random_state=0)
    yield from classified(network, ids, y)
    padded = SequencePadder().fit_transform(ids).astype(np.int32)
    lengths = np.array([len(row) for row in ids], np.int32)
    yield "onnx", run_onnx(network, values=padded, lengths=lengths)


def classifier_of_a_table() -> Results:
    X = sequences()
    network = LSTMClassifier(6, timesteps=T, epochs=3, pooling="last", random_state=0)
    yield from classified(network, X.reshape(N, -1), labels(X))


def classifier_of_several_labels() -> Results:
    X = sequences()
    y = (X[:, 0, :] > 0).astype(int)
    yield from classified(LSTMClassifier(6, epochs=3, random_state=0), X, y)


def classifier_with_class_weights() -> Results:
    X = sequences()
    weight = np.linspace(0, 2, N)
    network = LSTMClassifier(6, class_weight="balanced", epochs=3, random_state=0)
    yield from classified(network, X, labels(X), sample_weight=weight)


def classifier_that_stops_early() -> Results:
    X = sequences()
    network = LSTMClassifier(
        6, early_stopping=True, validation_fraction=0.25, n_iter_no_change=2, epochs=8,
        learning_rate=0.1, random_state=0,
    )  # fmt: skip
    yield from classified(network, X, labels(X))
    network.set_params(validation_fraction=None, early_stopping=False, epochs=3)
    for name, value in classified(network, X, labels(X), X_val=X[:20], y_val=labels(X)[:20]):
        yield f"X_val/{name}", value


def deep_classifier() -> Results:
    X = sequences()
    network = LSTMClassifier(
        (5, 4), bidirectional=True, dropout=0.3, dense_units=3, pooling="mean", differences=True,
        warmup=0.2, epochs=3, random_state=0,
    )  # fmt: skip
    yield from classified(network, X, labels(X))
    for i, weights in enumerate(network.to_keras().get_weights()):
        yield f"keras_weights/{i}", weights


def classifier_of_many_lengths() -> Results:
    X = sequences(padded=True)
    network = LSTMClassifier(6, dropout=0.2, epochs=3, random_state=0)
    yield from classified(network, X, labels(X))
    ragged = [row[~np.isnan(row[:, 0])] for row in X]
    yield "of_a_list", network.predict_proba(ragged)
    gates = gate_activations(network, X)
    yield from ((f"gates/{name}", getattr(gates, name)) for name in GATES)


def classifier_with_callbacks() -> Results:
    import keras

    losses = []

    class Listener(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            losses.append(logs["loss"])

    X = sequences()
    network = LSTMClassifier(6, callbacks=[Listener()], epochs=2, random_state=0)
    yield from classified(network, X, labels(X))
    yield "losses_of_batches", losses


def classifier_in_parts() -> Results:
    X, classes = sequences(), ["high", "low", "middle"]
    network = LSTMClassifier(6, random_state=0)
    for rows in (slice(0, 30), slice(30, 60), slice(0, 30)):
        network.partial_fit(X[rows], labels(X)[rows], classes=classes)
    yield "predict_proba", network.predict_proba(X)


def regressor_of_one_output() -> Results:
    X = sequences()
    network = LSTMRegressor(6, epochs=3, random_state=0)
    yield from regressed(network, X, 1e6 + X[:, 0, 0])
    yield "onnx", run_onnx(network, values=X, lengths=np.full(N, T, np.int32))
    gates = gate_activations(network, X)
    yield from ((f"gates/{name}", getattr(gates, name)) for name in GATES)
    importances = permutation_importance_over_time(
        network, X, X[:, 0, 0], by="both", block_length=2, n_repeats=2, random_state=0
    )
    yield "permutation", importances.importances


def regressor_of_many_outputs() -> Results:
    X = sequences()
    yield from regressed(LSTMRegressor(6, epochs=3, random_state=0), X, X[:, :2])


def regressor_by_loss(loss: str, **parameters: float) -> Results:
    X = sequences()
    network = LSTMRegressor(6, loss=loss, epochs=3, random_state=0, **parameters)
    yield from regressed(network, X, np.exp(X[:, 0, 0]))


def regressor_with_sample_weight() -> Results:
    X = sequences()
    network = LSTMRegressor(6, epochs=3, optimizer="rmsprop", random_state=0)
    yield from regressed(network, X, X[:, 0, 0], sample_weight=np.arange(N) % 3)


def regressor_that_goes_on() -> Results:
    X = sequences(padded=True)
    network = LSTMRegressor(6, epochs=2, warm_start=True, random_state=0)
    for name, value in regressed(network, X, X[:, 0, 0]):
        yield f"first/{name}", value
    for name, value in regressed(network, X, X[:, 0, 0]):
        yield f"second/{name}", value
    yield "partial_fit", network.partial_fit(X[:30], X[:30, 0, 0]).predict(X)
    fresh = LSTMRegressor(6, random_state=0)
    yield "only_partial_fit", fresh.partial_fit(X, X[:, 0, 0]).predict(X)


def characters() -> Results:
    generator = CharSequenceGenerator(
        12, window=16, batch_size=4, dropout=0.1, epochs=3, random_state=0
    )
    yield from written(generator)
    beginning = {f"{name}_0": np.zeros((1, 1, 12), np.float32) for name in ("output", "cell")}
    yield "onnx", run_onnx(generator, values=np.arange(5, dtype=np.int32)[np.newaxis], **beginning)
    yield "partial_fit", generator.partial_fit(list(LINES)).score(list(LINES))


def words() -> Results:
    generator = WordSequenceGenerator(
        8, embedding_dim=4, window=8, batch_size=2, epochs=3, learning_rate=0.03, random_state=0
    )
    yield from written(generator)
    yield "unknown_word", generator.generate("the zebra", 6, random_state=0)


def written(generator: Any) -> Results:
    """Fit a generator; yield what it scores, predicts and writes."""
    generator.fit(list(LINES) * 3, X_val=LINES[0])
    yield from curves(generator)
    yield "vocabulary", generator.vocabulary_
    yield "score", generator.score(list(LINES))
    yield "perplexity", generator.perplexity(list(LINES))
    yield "predict", generator.predict(list(LINES))
    yield "predict_proba", generator.predict_proba(list(LINES))
    yield "log_probabilities", generator.log_probabilities(LINES[0])
    yield "generate", generator.generate("the ", 60, random_state=0)
    texts, logs = generator.generate(
        "a", 20, temperature=0.7, top_k=6, top_p=0.9, stop=["."], n_samples=3,
        return_logprobs=True, random_state=1, **ignore_unknown(generator.generate),
    )  # fmt: skip
    yield "samples", texts
    yield "samples/log_probabilities", np.concatenate(logs)
    yield "stream", list(generator.stream("the dog", 10, random_state=2))
    state = generator.encode("the §cat", **ignore_unknown(generator.encode))
    yield "from_a_state", generator.generate("", 10, state=state, temperature=0)
    gates = gate_activations(generator, LINES[0])
    yield from ((f"gates/{name}", getattr(gates, name)) for name in GATES)
    tokens = gates.tokens if hasattr(gates, "tokens") else gates.characters
    yield "gates/tokens", np.concatenate(tokens)


def large_text() -> Results:
    """Compiled by XLA, a batch in two halves, and gone on with from a file."""
    text = " ".join(LINES) * 40
    with tempfile.TemporaryDirectory() as folder:
        generator = CharSequenceGenerator(
            128, batch_size=32, checkpoint=Path(folder, "text.sklstm"), epochs=1, random_state=0
        )
        generator.fit(text)
        generator.set_params(epochs=2).fit(text)
    yield from curves(generator)
    yield "score", generator.score(LINES[0])
    yield "generate", generator.generate("the ", 100, temperature=0.6, random_state=0)


def transformers() -> Results:
    texts, X = list(LINES), sequences(padded=True)
    encoder = CharOneHotEncoder(max_length=20, **ignore_unknown(CharOneHotEncoder)).fit(texts)
    yield "CharOneHotEncoder", encoder.transform([*texts, "§"])
    yield "CharOneHotEncoder/inverse", encoder.inverse_transform(encoder.transform(texts))
    yield "CharOneHotEncoder/names", encoder.get_feature_names_out()
    for level in ("word", "char"):
        tokenizer = SequenceTokenizer(level, num_words=12, padding="pre").fit(texts)
        ids = tokenizer.transform([*texts, "zebra §"])
        yield f"SequenceTokenizer/{level}", ids
        yield f"SequenceTokenizer/{level}/inverse", tokenizer.inverse_transform(ids)
    ragged = [row[~np.isnan(row[:, 0])] for row in X]
    padder = SequencePadder(6, padding="pre", truncating="pre").fit(ragged)
    yield "SequencePadder", padder.transform(ragged)
    yield "SequencePadder/inverse", np.concatenate(padder.inverse_transform(X))
    yield "SequencePadder/ids", SequencePadder().fit_transform(token_ids())
    scaler = TimeDistributed(StandardScaler()).fit(X)
    yield "TimeDistributed", scaler.transform(X)
    yield "TimeDistributed/inverse", scaler.inverse_transform(scaler.transform(X))
    window = current_name(SlidingWindow, "window", "length")
    yield "SlidingWindow", SlidingWindow(**{window: 4}).fit_transform(X[0, :3])
    window = current_name(sliding_windows, "window", "length")
    inputs, targets = sliding_windows(series(), **{window: 5}, horizon=2, stride=3)
    yield "sliding_windows/X", inputs
    yield "sliding_windows/y", targets


def forecasts() -> Results:
    values = series()
    X, y = sliding_windows(values, 6)
    network = LSTMRegressor(4, epochs=2, random_state=0)
    changes = DifferencedRegressor(network).fit(X, y)
    yield "DifferencedRegressor", changes.predict(X)
    yield "forecast/windows", forecast(changes, values, 5, window=6)
    rows = make_pipeline(StandardScaler(), SlidingWindow(6), network)
    rows.fit(values[:-1, np.newaxis], values[1:])
    yield "forecast/rows", forecast(rows, values, 5)
    quantiles = LSTMRegressor(4, loss="quantile", epochs=2, random_state=0)
    for name, estimator, inputs in (
        ("LSTMRegressor", quantiles, X),
        ("QuantileRegressor", QuantileRegressor(alpha=0), X[:, :, 0]),
    ):
        model = ConformalQuantileRegressor(estimator).fit(inputs[:90], y[:90])
        yield f"ConformalQuantileRegressor/{name}", model.predict(inputs)
        yield f"ConformalQuantileRegressor/{name}/interval", model.predict_interval(inputs)
        yield f"ConformalQuantileRegressor/{name}/rolling", model.rolling_interval(inputs, y[90:])


SECTIONS: dict[str, Callable[[], Results]] = {
    "classifier/numbers": classifier_of_numbers,
    "classifier/tokens": classifier_of_tokens,
    "classifier/table": classifier_of_a_table,
    "classifier/several_labels": classifier_of_several_labels,
    "classifier/class_weight": classifier_with_class_weights,
    "classifier/early_stopping": classifier_that_stops_early,
    "classifier/deep": deep_classifier,
    "classifier/lengths": classifier_of_many_lengths,
    "classifier/callbacks": classifier_with_callbacks,
    "classifier/partial_fit": classifier_in_parts,
    "regressor/one_output": regressor_of_one_output,
    "regressor/many_outputs": regressor_of_many_outputs,
    "regressor/absolute_error": lambda: regressor_by_loss("absolute_error"),
    "regressor/huber": lambda: regressor_by_loss("huber"),
    "regressor/poisson": lambda: regressor_by_loss("poisson"),
    "regressor/quantile": lambda: regressor_by_loss("quantile", quantile=0.2),
    "regressor/sample_weight": regressor_with_sample_weight,
    "regressor/goes_on": regressor_that_goes_on,
    "characters": characters,
    "words": words,
    "large_text": large_text,
    "transformers": transformers,
    "forecasting": forecasts,
}
