"""What the benchmarks learn: digits, characters of the Python reference, series."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from sklstm.datasets import (
    fetch_daily_temperatures,
    fetch_sunspots,
    load_airline_passengers,
    load_python_reference,
)

ARCHIVE = ("BasicMotions", "ItalyPowerDemand", "ArrowHead")  # of UCR/UEA
N_CHARACTERS = 65  # as many as tiny Shakespeare has
N_FOLLOWERS = 4  # of a symbol of `markov_text`, that come next half of the time
FIRST_CHINESE = 0x4E00
SERIES = {
    "airline-passengers": load_airline_passengers,
    "daily-min-temperatures": fetch_daily_temperatures,
    "monthly-sunspots": fetch_sunspots,
}


def archive_folder() -> Path:
    """Return where SKLSTM_DATA has series of the UCR/UEA archive."""
    return Path(os.environ.get("SKLSTM_DATA", "")) / "tsc"


def archive_file(name: str, part: str) -> Path:
    """Return the file of a set's "TRAIN" or "TEST" part."""
    return archive_folder() / name / f"{name}_{part}.ts"


def digits(*, flat: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return images as 8 time steps of 8 pixels, (n, 8, 8), or flat, (n, 64), and their digits."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    return (X if flat else X.reshape(-1, 8, 8)), y


def text(length: int) -> str:
    """Return the beginning of the reference in its 64 most frequent characters and a space.

    All other characters become the one that is rarest of these.
    """
    whole = load_python_reference()
    known = [character for character, _ in Counter(whole).most_common(N_CHARACTERS)]
    rare = {ord(character): known[-1] for character in set(whole) - set(known)}
    translated = whole.translate(rare)
    # one of each first: the beginning may lack a character
    return "".join(known) + translated[: length - len(known)]


def markov_text(length: int, n_symbols: int) -> str:
    """Return a text of Chinese characters, all of which occur, as often as Zipf's law has it.

    What comes next is every other time one of the few followers that each character has.
    """
    rng = np.random.default_rng(0)
    frequencies = 1 / np.arange(1, n_symbols + 1)
    frequencies /= frequencies.sum()
    others = rng.choice(n_symbols, length, p=frequencies).tolist()
    followers = rng.choice(n_symbols, (n_symbols, N_FOLLOWERS), p=frequencies).tolist()
    chosen = rng.integers(2 * N_FOLLOWERS, size=length).tolist()
    symbols = list(range(n_symbols))  # one of each first
    for other, place in zip(others[n_symbols:], chosen[n_symbols:], strict=True):
        symbols.append(followers[symbols[-1]][place] if place < N_FOLLOWERS else other)
    return "".join(chr(FIRST_CHINESE + symbol) for symbol in symbols[:length])


def character_ids(characters: str) -> np.ndarray:
    """Turn characters into numbers from 0, in their order."""
    points = np.array([ord(character) for character in characters])
    return np.searchsorted(np.unique(points), points)


def one_hot_windows(n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` windows, (n, length, 65) float32, and the id of each next character."""
    stride = 5
    ids = character_ids(text(n * stride + length + 1))
    starts = stride * np.arange(n)
    windows = ids[starts[:, None] + np.arange(length)]
    return np.eye(N_CHARACTERS, dtype=np.float32)[windows], ids[starts + length]
