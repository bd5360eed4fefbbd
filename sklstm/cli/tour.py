"""The tour of `python -m sklstm`: three tasks on data that need no download."""

from __future__ import annotations

import contextlib
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklstm._classifier import LSTMClassifier
from sklstm._files import check_writable
from sklstm._regressor import LSTMRegressor
from sklstm.datasets import load_airline_passengers, load_python_reference
from sklstm.inspection import TrainingHistoryDisplay
from sklstm.preprocessing import SlidingWindow
from sklstm.text.chars import CharSequenceGenerator

Curves = dict[str, dict[str, list[float]]]


def tour(picture: str, seed: int) -> None:
    """Run the three tasks, print what was measured and save the learning curves.

    Raises
    ------
    OSError, ValueError
        If the picture cannot be written there, or not in a format of that name.
    """
    start = time.perf_counter()
    path = Path(picture)
    path = path if path.suffix or not path.name else path.with_suffix(".png")
    check_picture(path)
    curves = {
        "digits": classify_digits(seed),
        "airline passengers": forecast_passengers(seed),
        "Python reference": write_text(seed),
    }
    print()
    print(save_curves(curves, path))
    print(f"The tour took {time.perf_counter() - start:.0f} s.")


def classify_digits(seed: int) -> dict[str, list[float]]:
    """Search over the units of a classifier that reads images row by row."""
    title("1. Digits, read row by row: 8 time steps of 8 features, 10 classes")
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    pipeline = Pipeline(
        [
            ("scale", MinMaxScaler()),
            # the last state, not the maximum: each row of an image has its own meaning
            ("lstm", LSTMClassifier(timesteps=8, pooling="last", epochs=30, random_state=seed)),
        ]
    )
    units = [16, 32, 64]
    with timed(f"GridSearchCV over units={units}, 3 folds"):
        search = GridSearchCV(pipeline, {"lstm__units": units}, cv=3).fit(X_train, y_train)
    linear = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=1000))
    linear_cv = cross_val_score(linear, X_train, y_train, cv=3).mean()
    linear.fit(X_train, y_train)
    for count, score in zip(units, search.cv_results_["mean_test_score"], strict=True):
        print(f"  units={count:<3}                    cross-validated accuracy {score:.3f}")
    print(f"  LSTM, best units={search.best_params_['lstm__units']:<3}", end="         ")
    print(f"test accuracy {search.score(X_test, y_test):.3f}")
    print(
        f"  logistic regression          test accuracy {linear.score(X_test, y_test):.3f}", end=""
    )
    print(f"   (cross-validated {linear_cv:.3f})")
    return search.best_estimator_["lstm"].history_


def forecast_passengers(seed: int) -> dict[str, list[float]]:
    """Forecast each month of the last four years from the months before it."""
    title("2. Airline passengers: the next month, from the 24 before it")
    passengers = load_airline_passengers()
    change = np.diff(np.log(passengers))[:, np.newaxis]
    X, y = change[:-1], change[1:, 0]
    n_test = 48
    forecaster = make_pipeline(
        StandardScaler(),
        SlidingWindow(24),
        LSTMRegressor(32, epochs=150, random_state=seed),
    )
    with timed("Pipeline of StandardScaler, SlidingWindow and LSTMRegressor"):
        forecaster.fit(X[:-n_test], y[:-n_test])
    # The whole series goes in: the windows of the first test months reach back into the past.
    forecast = passengers[1:-1] * np.exp(forecaster.predict(X))
    truth = passengers[-n_test:]
    for name, values in (
        ("LSTM", forecast[-n_test:]),
        ("same month last year", passengers[-n_test - 12 : -12]),
        ("last month", passengers[-n_test - 1 : -1]),
    ):
        error = root_mean_squared_error(truth, values)
        print(f"  {name:<28} error (RMSE) {error:5.1f} thousand passengers")
    return forecaster[-1].history_


def write_text(seed: int) -> dict[str, list[float]]:
    """Learn English prose character by character, and write more of it."""
    title("3. Text in the manner of the Python reference, character by character")
    text = load_python_reference()
    cut = len(text) * 9 // 10
    generator = CharSequenceGenerator(
        128, epochs=3, learning_rate=0.005, batch_size=32, random_state=seed
    )
    with timed(f"fit on {cut:,} characters, 3 epochs"):
        generator.fit(text[:cut])
    before = np.log(len(generator.vocabulary_))
    after = -generator.score(text[cut:])
    print(f"  nats per character of held-out text: {before:.2f} before, {after:.2f} after")
    start = time.perf_counter()
    sample = generator.generate("The ", 400, temperature=0.6, random_state=seed)
    print(f"  400 characters at temperature 0.6, in {time.perf_counter() - start:.2f} s:")
    for line in textwrap.wrap("The " + sample, 90):
        print(f"    | {line}")
    return generator.history_


def check_picture(path: Path) -> None:
    """Check where the picture is to go, before the work that it shows."""
    check_writable(path)
    with contextlib.suppress(ImportError):  # there will be no picture
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        valid = sorted(FigureCanvasAgg.get_supported_filetypes())
        if path.suffix[1:].lower() not in valid:
            raise ValueError(
                f"--picture {path} names no format of a picture: the valid endings are "
                f".{', .'.join(valid)}"
            )


def save_curves(curves: Curves, path: Path) -> str:
    """Draw the learning curves; return what the user is told about it."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return 'No picture of the learning curves: pip install "sklstm[plot]" gets you one.'
    figure = Figure(figsize=(8, 3 * len(curves)), layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subfigures(len(curves), 1)
    for row, (name, history) in zip(rows, curves.items(), strict=True):
        row.suptitle(name)
        TrainingHistoryDisplay(history).plot(ax=row.subplots())
    figure.savefig(path)
    return f"The learning curves are in {path.absolute()}."


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n{text}")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what is being done, and how long it took."""
    print(f"  {what} ... ", end="", flush=True)
    start = time.perf_counter()
    yield
    print(f"{time.perf_counter() - start:.1f} s")
