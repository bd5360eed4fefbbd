"""Tiny Shakespeare for training, and how far any network is on the part held out.

Whatever trained a network, its figure is `CharSequenceGenerator.score` of the held-out text, read
once in one stream from the zero state. The time that this takes is on nobody's clock.
This module loads no TensorFlow: the benchmarks of memory start from a small process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from _timing import duration

from sklstm import CharSequenceGenerator
from sklstm._fitted_state import FittedState, LearntFromData
from sklstm.datasets import fetch_shakespeare
from sklstm.network.onnx_predictor import OnnxPredictor
from sklstm.network.spec import Weights
from sklstm.text.vocabulary import CharVocabulary


class Split(NamedTuple):
    """A text to learn, one to be scored on, and all characters of both."""

    train: str
    held_out: str
    vocabulary: str


class Reached(NamedTuple):
    """Where a training stood when it stopped: its seconds, nats per character and batches."""

    seconds: float
    score: float
    batches: int


def shakespeare(*, choose: bool = False, length: int | None = None) -> Split:
    """Split tiny Shakespeare.

    Parameters
    ----------
    choose : bool
        Whether to hold out the tenth before the last one, to choose a recipe by; the last one is
        then no part of either.
    length : int, default=None
        Characters to take, from the beginning; None takes all.
    """
    text = fetch_shakespeare()
    vocabulary = "".join(sorted(set(text)))
    text = text[:length]
    first = len(text) * (8 if choose else 9) // 10
    last = len(text) * 9 // 10 if choose else len(text)
    return Split(text[:first], text[first:last], vocabulary)


def held_out_loss(weights: Weights, split: Split) -> float:
    """Compute the nats per character of one LSTM layer's weights, in the form of ours."""
    units = len(weights["lstm_0/forward/recurrent_kernel"])
    generator = CharSequenceGenerator(units)
    vocabulary = CharVocabulary(np.array(list(split.vocabulary), dtype=object))
    network = OnnxPredictor(generator._spec(vocabulary), weights)
    learnt = LearntFromData(vocabulary, None, None, False, generator.batch_size, {})
    state = FittedState(network, learnt, ({"loss": []},), "xla", interrupted=False)
    return -generator._with_state(state).score(split.held_out)


def train_until(
    target: float,
    train: Callable[[], int],
    loss: Callable[[], float],
    limit: float,
) -> Reached:
    """Train until the held-out text costs at most `target` nats per character.

    Parameters
    ----------
    target : float
    train : callable
        Trains a little, and returns how many batches that were.
    loss : callable
        Scores the held-out text; not on the clock.
    limit : float
        Seconds after which to give up.
    """
    seconds, batches, nats = 0.0, 0, float("inf")
    while not nats <= target and seconds < limit:
        start = time.perf_counter()
        batches += train()
        seconds += time.perf_counter() - start
        nats = loss()
        print(f"    {batches:7} batches {duration(seconds):>8}  {nats:.4f}", flush=True)
    return Reached(seconds, nats, batches)
