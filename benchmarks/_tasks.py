"""Many small tasks, to judge the estimators' default parameters by: classes, numbers, tokens.

Every task draws a training part and a test part from a seed. Series of the UCR and UEA archives
(Dau et al., "The UCR time series archive", 2019) are there where the folder SKLSTM_DATA has them:
only their training splits, by stratified folds, so that their test splits stay unseen until the
defaults are chosen. The others need no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from _data import ARCHIVE, SERIES, archive_file, digits
from sklearn.datasets import load_diabetes, make_regression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from sklstm import sliding_windows
from sklstm.datasets import load_ts

N_FOLDS = 3
Drawn = tuple[np.ndarray, np.ndarray]


class Split(NamedTuple):
    """What is learnt, and what is scored on."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Task:
    """Something to learn.

    Attributes
    ----------
    name : str
    draw : callable
        Makes the split of a seed.
    is_regression : bool
    embedding_dim : int or None
        For token ids.
    """

    name: str
    draw: Callable[[int], Split]
    is_regression: bool = False
    embedding_dim: int | None = None


def tasks() -> Iterator[Task]:
    """Name all tasks; those of files only where the files are."""
    yield from _archive_tasks()
    yield Task("bells", partial(_fresh, bells, 30))
    yield Task("control charts", partial(_fresh, control_charts, 120))
    yield Task("outlines", partial(_fresh, outlines, 45))
    yield Task("raw sensors", partial(_fresh, raw_sensors, 80))
    for n_steps, n in ((10, 200), (50, 400)):
        yield Task(f"first of {n_steps}", partial(_fresh, partial(first_step, n_steps), n))
    yield Task("two signs", partial(_fresh, two_signs, 400))
    yield Task("digits", partial(_digits, 600))
    yield Task("few digits", partial(_digits, 100))
    yield Task("words", partial(_fresh, two_halves, 400), embedding_dim=16)
    yield Task("adding", partial(_fresh, adding, 600), is_regression=True)
    yield Task("pulses", partial(_fresh, pulses, 300), is_regression=True)
    yield Task("diabetes", _diabetes, is_regression=True)
    yield Task("linear", _linear, is_regression=True)
    for name, window in (
        ("airline-passengers", 12),
        ("daily-min-temperatures", 20),
        ("monthly-sunspots", 24),
    ):
        try:
            values = SERIES[name]()
        except OSError:
            continue
        yield Task(name, partial(_windows, values[:800], window), is_regression=True)


def bells(rng: np.random.Generator, n: int) -> Drawn:
    """Cylinder, bell and funnel (Saito, 1994): the shape of an event somewhere in noise."""
    time = np.arange(128)
    y = np.arange(n) % 3
    begin = rng.integers(16, 33, n)[:, None]
    end = begin + rng.integers(32, 97, n)[:, None]
    slope = (time - begin) / (end - begin)
    shape = np.choose(y[:, None], [np.ones_like(slope), slope, 1 - slope])
    height = 6 + rng.normal(size=(n, 1))
    X = height * shape * ((time >= begin) & (time <= end)) + rng.normal(size=slope.shape)
    return _normalized(X), y


def control_charts(rng: np.random.Generator, n: int) -> Drawn:
    """Six kinds of control chart (Alcock and Manolopoulos, 1999), in raw values around 30."""
    time = np.arange(60)
    y = np.arange(n) % 6
    kind = y[:, None]
    sign = np.where(kind % 2, -1, 1)

    def uniform(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, (n, 1))

    cycle = uniform(10, 15) * np.sin(2 * np.pi * time / uniform(10, 15))
    trend = sign * uniform(0.2, 0.5) * time
    shift = sign * uniform(7.5, 20) * (time >= uniform(20, 40))
    noise = rng.uniform(-6, 6, (n, 60))
    X = 30 + noise + (kind == 1) * cycle + np.isin(kind, (2, 3)) * trend + (kind > 3) * shift
    return X[:, :, None], y


def outlines(rng: np.random.Generator, n: int) -> Drawn:
    """Smooth curves of 251 steps; two of three classes have a small bump, each in its place."""
    y = np.arange(n) % 3
    time = np.linspace(0, 1, 251) + 0.01 * rng.normal(size=(n, 1))
    waves = np.arange(1, 7)
    common = np.random.default_rng(7).normal(size=(1, 6, 2))
    parts = (common + 0.15 * rng.normal(size=(n, 6, 2))) / waves[:, None]
    angles = 2 * np.pi * waves[:, None] * time[:, None]
    X = (parts[..., :1] * np.cos(angles) + parts[..., 1:] * np.sin(angles)).sum(axis=1)
    place = np.where(y == 1, 0.35, 0.62)[:, None]
    bump = rng.uniform(0.5, 0.8, (n, 1)) * np.exp(-0.5 * ((time - place) / 0.03) ** 2)
    return _normalized(X + (y > 0)[:, None] * bump), y


def raw_sensors(rng: np.random.Generator, n: int) -> Drawn:
    """Three channels in units of their own: a period around 400, a bump of 0.02, a walk at -900."""
    y = np.arange(n) % 4
    time = np.arange(80)
    rate = np.where(y % 2, 0.25, 0.4)[:, None]
    noise = rng.normal(size=(3, n, 80))
    period = 400 + 60 * np.sin(rate * time + rng.uniform(0, 2 * np.pi, (n, 1))) + 30 * noise[0]
    bump = np.exp(-0.5 * ((time - rng.uniform(20, 60, (n, 1))) / 6) ** 2)
    faint = 0.02 * (y // 2)[:, None] * bump + 0.006 * noise[1]
    walk = -900 + 20 * noise[2].cumsum(axis=1)
    return np.stack([period, faint, walk], axis=2), y


def first_step(n_steps: int, rng: np.random.Generator, n: int) -> Drawn:
    """Noise, whose first step's sign is the label."""
    X = rng.normal(size=(n, n_steps, 1))
    return X, (X[:, 0, 0] > 0).astype(int)


def two_signs(rng: np.random.Generator, n: int) -> Drawn:
    """Noise of eight steps, of which the second's and the sixth's signs agree or not."""
    X = rng.normal(size=(n, 8, 1))
    return X, (X[:, 1, 0] * X[:, 5, 0] > 0).astype(int)


def two_halves(rng: np.random.Generator, n: int) -> Drawn:
    """Draw forty words of 500, more often of one of two halves than of the other."""
    y = np.arange(n) % 2
    share = np.where(y, 0.6, 0.4)[:, None]
    of_second = rng.uniform(size=(n, 40)) < share
    return 1 + rng.integers(250, size=(n, 40)) + 250 * of_second, y


def adding(rng: np.random.Generator, n: int) -> Drawn:
    """Sum two marked numbers of thirty (Hochreiter and Schmidhuber, 1997)."""
    X = np.zeros((n, 30, 2))
    X[:, :, 0] = rng.uniform(size=(n, 30))
    rows = np.arange(n)
    marked = rng.integers(15, size=n), rng.integers(15, 30, n)
    for steps in marked:
        X[rows, steps, 1] = 1
    return X, X[rows, marked[0], 0] + X[rows, marked[1], 0]


def pulses(rng: np.random.Generator, n: int) -> Drawn:
    """How many pulses there are in noise, 0 to 7 in 60 steps; a second channel is only noise."""
    X = 0.3 * rng.normal(size=(n, 60, 2))
    y = rng.integers(8, size=n)
    order = rng.uniform(size=(n, 60)).argsort(axis=1)
    X[:, :, 0] += 2 * (order < y[:, None])
    return X, y + 0.1 * rng.normal(size=n)


def _archive_tasks() -> Iterator[Task]:
    for name in ARCHIVE:
        path = archive_file(name, "TRAIN")
        if path.is_file():
            yield Task(f"{name}, folds", partial(_fold, *load_ts(path)))


def _fold(X: np.ndarray, y: np.ndarray, seed: int) -> Split:
    repeat, fold = divmod(seed, N_FOLDS)
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=repeat).split(X, y)
    train, test = list(folds)[fold]
    return Split(X[train], y[train], X[test], y[test])


def _fresh(make: Callable, n: int, seed: int, n_test: int = 300) -> Split:
    X, y = make(np.random.default_rng(seed + 1), n + n_test)
    return Split(X[:n], y[:n], X[n:], y[n:])


def _shuffled(X: np.ndarray, y: np.ndarray, n: int, seed: int) -> Split:
    order = np.random.default_rng(seed).permutation(len(X))
    X, y = X[order], y[order]
    return Split(X[:n], y[:n], X[n:], y[n:])


def _digits(n: int, seed: int) -> Split:
    return _shuffled(*digits(), n, seed)


def _diabetes(seed: int) -> Split:
    """Ten measurements as ten steps: no sequence, but what scikit-learn's users try."""
    X, y = load_diabetes(return_X_y=True)
    return _shuffled(X / X.std(axis=0), y, 300, seed)


def _linear(seed: int) -> Split:
    """Scikit-learn's check of regressors, scored on new rows rather than on its own."""
    X, y = make_regression(400, 10, n_informative=1, bias=5, noise=20, random_state=seed)
    return _shuffled(StandardScaler().fit_transform(X), y, 200, seed)


def _windows(values: np.ndarray, window: int, seed: int) -> Split:
    """Forecast one step ahead, in raw values; the test is the last quarter, whatever the seed."""
    X, y = sliding_windows(values, window)
    n = len(y) * 3 // 4
    return Split(X[:n], y[:n], X[n:], y[n:])


def _normalized(X: np.ndarray) -> np.ndarray:
    """Scale each series to mean 0 and variance 1, and add the axis of features."""
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    return X[:, :, None]
