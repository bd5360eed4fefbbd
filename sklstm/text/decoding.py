"""Reading and writing tokens with a carried state, for characters and words alike.

Tokens are the network's outputs, counted from 0; `BEGINNING` precedes a document's first token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.utils import check_random_state

from sklstm.network.onnx_predictor import OnnxPredictor, State, available_cores, in_threads
from sklstm.network.onnx_sampler import TokenSampler

BEGINNING = -1
NOTHING = -2  # no token: a placeholder before the first written token
DOCUMENTS_PER_BATCH = 32
STEPS_PER_PIECE = 512  # read at once, so that outputs stay in the cache
STEPS_PER_BLOCK = 32  # written between two searches for stops
STEPS_PER_STREAMED_BLOCK = 8
# Multiplications per step: with fewer, threads lose more time to the interpreter's lock.
MIN_WORK_PER_THREAD = 2**23


@dataclass(frozen=True, eq=False)
class TextState:
    """The state of a network after a text that it has read.

    A generator's ``encode`` returns it; ``generate``, ``stream``, ``encode`` and
    ``log_probabilities`` continue from it and do not change it. It holds numbers only, can be
    pickled, and has the same size for a long text as for a short one.

    Attributes
    ----------
    last : int
        Index of the last token in ``vocabulary_``, which the LSTM layers have not read yet; -1 at
        the beginning of a document.
    layers : tuple of ndarray of shape (units,), float32
        The output and the cell of the first LSTM layer, of the second one, and so on.
    n_tokens : int
        Size of the vocabulary.

    Examples
    --------
    >>> from sklstm import CharSequenceGenerator
    >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
    ...                                   random_state=0).fit("abcd" * 200)
    >>> state = generator.encode("abcdab")
    >>> state
    TextState(last=1, n_tokens=4)
    >>> generator.generate(length=6, temperature=0, state=state)
    'cdabcd'
    """

    last: int
    layers: tuple[np.ndarray, ...] = field(repr=False)
    n_tokens: int

    def __post_init__(self) -> None:
        for part in self.layers:
            part.flags.writeable = False

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self.__post_init__()


@dataclass(frozen=True)
class DecodingSettings:
    """How tokens are drawn, and when a sample ends.

    The temperature is applied to the network's probabilities; they are then cut to the `top_k` most
    probable tokens, and to the fewest of these whose probabilities sum to `top_p`;
    `sklstm.network.reference.sampling` has this as equations.

    Attributes
    ----------
    length : int
        Tokens of a sample, unless a stop ends it before.
    temperature : float
        0 takes the most probable token.
    top_k : int or None
    top_p : float or None
    stops : tuple of int arrays
        A sample ends with the first of them that occurs among its new tokens.
    log_probabilities : bool
        Whether to return them, of the network's distribution at temperature 1.
    n_drawn : int or None
        Only the first `n_drawn` tokens of the vocabulary may be drawn; None for all.
    precision : {"float32", "int8"}
        Of large matrices, as of `build_step_graph`.
    """

    length: int
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    stops: tuple[np.ndarray, ...] = ()
    log_probabilities: bool = False
    n_drawn: int | None = None
    precision: str = "float32"

    def steps(self, network: OnnxPredictor, tokens: np.ndarray, state: State) -> TokenSampler:
        """Return the sampler for some rows, given their last tokens and the state before these."""
        how = {"n_drawn": self.n_drawn, "precision": self.precision}
        if self.temperature == 0:
            return network.steps(tokens, state, top_k=1, **how)
        return network.steps(
            tokens,
            state,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=None if self.top_p == 1 else self.top_p,
            **how,
        )


@dataclass(frozen=True)
class DecodedTokens:
    """Written tokens, and the logarithms of their probabilities or None."""

    tokens: np.ndarray
    log_probabilities: np.ndarray | None


def beginning(network: OnnxPredictor) -> TextState:
    """Return the state before a document's first token."""
    layers = tuple(part[0, 0] for part in network.initial_state())
    return TextState(BEGINNING, layers, network.spec.n_outputs)


def begin(network: OnnxPredictor, state: TextState | None) -> TextState:
    """Return the state that reading starts from: the given one, or that before a document.

    Raises
    ------
    ValueError
        If `state` is not a TextState, or belongs to another network.
    """
    if state is None:
        return beginning(network)
    if not isinstance(state, TextState):
        raise ValueError(
            f"state={state!r:.40} is of type {type(state).__name__}: valid is a TextState, "
            "as encode returns it, or None."
        )
    return check_state(state, network)


def check_state(state: TextState, network: OnnxPredictor) -> TextState:
    """Raise ValueError if a state is malformed or belongs to a network of another shape."""
    spec = network.spec
    _check_form(state)
    units = tuple(len(part) for part in state.layers[::2])
    if units != spec.units or state.n_tokens != spec.n_outputs:
        raise ValueError(
            f"The state belongs to a network of LSTM layers of {units} units and a vocabulary of "
            f"{state.n_tokens}, but this one has layers of {spec.units} units and a vocabulary of "
            f"{spec.n_outputs}: encode the text with this generator."
        )
    return state


def _check_form(state: TextState) -> None:
    """Raise ValueError for a malformed state: pickles and copies may hold anything."""
    layers, last = state.layers, state.last
    are_vectors = isinstance(layers, tuple) and all(
        isinstance(part, np.ndarray) and part.ndim == 1 and part.dtype == np.float32
        for part in layers
    )
    if not are_vectors or [len(part) for part in layers[::2]] != [len(p) for p in layers[1::2]]:
        raise ValueError(
            "The state's layers are not the output and the cell of each LSTM layer: valid is a "
            "tuple of float32 arrays, two of shape (units,) for each layer, as encode makes it."
        )
    if not isinstance(last, Integral) or not BEGINNING <= last < state.n_tokens:
        raise ValueError(
            f"The state's last token is {last!r:.40}: valid are ids from {BEGINNING} to "
            f"{state.n_tokens - 1}."
        )


def random_streams(random_state: Any, n: int) -> list[np.random.Generator]:
    """Derive a generator for each of n samples; the first ones do not depend on n.

    The global generator of numpy is not used: without a seed, a new one is made.
    """
    rng = np.random.RandomState() if random_state is None else check_random_state(random_state)
    entropy = rng.randint(2**32, size=4, dtype=np.uint32).tolist()
    return [np.random.default_rng(seed) for seed in np.random.SeedSequence(entropy).spawn(n)]


def read_tokens(
    network: OnnxPredictor, tokens: np.ndarray, state: TextState
) -> tuple[np.ndarray, TextState]:
    """Read some tokens of one text, starting from a state.

    Returns
    -------
    log_probabilities : ndarray of shape (n_tokens,)
        Of each token, given those before it.
    state : TextState
    """
    if not len(tokens):
        return np.empty(0), state
    ids = np.append(state.last, tokens)[np.newaxis] + 1
    carried = [part[np.newaxis, np.newaxis] for part in state.layers]
    logs = []
    for inputs, targets in zip(pieces(ids[:, :-1]), pieces(ids[:, 1:]), strict=True):
        outputs, carried = network.read(inputs.astype(np.int32), carried)
        logs.append(log_of_chosen(outputs, targets - 1)[0])
    layers = tuple(part[0, 0].copy() for part in carried)
    return np.concatenate(logs), TextState(int(tokens[-1]), layers, state.n_tokens)


def log_likelihoods(network: OnnxPredictor, documents: Sequence[np.ndarray]) -> np.ndarray:
    """Return the log-likelihood of each document, read from its beginning, of shape (n,).

    Documents are arrays of ids, counted from 1, and are read in batches.
    """
    totals = np.zeros(len(documents))
    for rows in _similar_lengths(documents):
        ids = _side_by_side([documents[row] for row in rows])
        for first, outputs in _read_pieces(network, ids[:, :-1]):
            targets = ids[:, first + 1 : first + 1 + outputs.shape[1]]
            logs = log_of_chosen(outputs, np.maximum(targets - 1, 0))
            totals[rows] += np.where(targets > 0, logs, 0).sum(axis=1)
    return totals


def next_probabilities(network: OnnxPredictor, prompts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the probabilities of the token after each prompt, of shape (n, n_tokens).

    Prompts are documents as in `log_likelihoods`.
    """
    probabilities = np.empty((len(prompts), network.spec.n_outputs), np.float32)
    for rows in map(np.array, _similar_lengths(prompts)):
        batch = [prompts[row] for row in rows]
        last = np.array([len(prompt) for prompt in batch])
        for first, outputs in _read_pieces(network, _side_by_side(batch)):
            ends = np.flatnonzero((last >= first) & (last < first + outputs.shape[1]))
            probabilities[rows[ends]] = outputs[ends, last[ends] - first]
    return probabilities


def _similar_lengths(documents: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Yield the indices of the documents of each batch, which have similar lengths."""
    order = sorted(range(len(documents)), key=lambda i: len(documents[i]))
    for first in range(0, len(documents), DOCUMENTS_PER_BATCH):
        yield order[first : first + DOCUMENTS_PER_BATCH]


def _side_by_side(batch: Sequence[np.ndarray]) -> np.ndarray:
    """Put documents into the rows of an array, each after the id 0, right-padded with 0."""
    ids = np.zeros((len(batch), max(map(len, batch)) + 1), np.int32)
    for row, document in zip(ids, batch, strict=True):
        row[1 : len(document) + 1] = document
    return ids


def _read_pieces(network: OnnxPredictor, ids: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Read (n, T) ids piece by piece; yield each piece's first time step and its outputs."""
    first, state = 0, network.initial_state(len(ids))
    for inputs in pieces(ids):
        outputs, state = network.read(inputs, state)
        yield first, outputs
        first += inputs.shape[1]


def pieces(ids: np.ndarray) -> Iterator[np.ndarray]:
    """Cut (n, T) ids into pieces of limited length, so that outputs stay in the cache."""
    steps = max(1, STEPS_PER_PIECE // len(ids))
    for first in range(0, ids.shape[1], steps):
        yield ids[:, first : first + steps]


def log_of_chosen(outputs: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities of (n, T) tokens; outputs are (n, T, n_tokens)."""
    chosen = np.take_along_axis(outputs, tokens[..., np.newaxis], 2)[..., 0]
    return np.log(np.maximum(chosen, np.finfo(np.float32).tiny), dtype=np.float64)


def generate_tokens(
    network: OnnxPredictor,
    state: TextState,
    settings: DecodingSettings,
    rngs: Sequence[np.random.Generator],
) -> list[DecodedTokens]:
    """Write samples from one state; each draws one number per token from its own generator."""

    def write_part(part: Sequence[np.random.Generator]) -> list[DecodedTokens]:
        samples: list[list[DecodedTokens]] = [[] for _ in part]
        for row, written in _blocks(network, state, settings, part, STEPS_PER_BLOCK):
            samples[row].append(written)
        return [_join(sample, settings) for sample in samples]

    most = len(rngs) * network.spec.work_per_step // MIN_WORK_PER_THREAD
    n_threads = max(1, min(available_cores(), len(rngs), most))
    share = -(-len(rngs) // n_threads)
    parts = [rngs[first : first + share] for first in range(0, len(rngs), share)]
    return [sample for samples in in_threads(write_part, parts, n_threads) for sample in samples]


def stream_tokens(
    network: OnnxPredictor, state: TextState, settings: DecodingSettings, rng: np.random.Generator
) -> Iterator[DecodedTokens]:
    """Write one sample as `generate_tokens` does, and yield it some tokens at a time."""
    for _, written in _blocks(network, state, settings, [rng], STEPS_PER_STREAMED_BLOCK):
        yield written


def _blocks(
    network: OnnxPredictor,
    state: TextState,
    settings: DecodingSettings,
    rngs: Sequence[np.random.Generator],
    n_steps: int,
) -> Iterator[tuple[int, DecodedTokens]]:
    """Yield (sample index, new tokens of it) block by block; drop samples that have ended."""
    rows = np.arange(len(rngs))
    layers = [np.tile(part, (len(rows), 1)) for part in state.layers]
    steps = settings.steps(network, np.full(len(rows), state.last), layers)
    finder = _StopFinder(settings.stops, len(rows))
    for first in range(0, settings.length, n_steps):
        size = min(n_steps, settings.length - first)
        uniforms = np.stack([rngs[row].random(size) for row in rows], axis=1)
        tokens, logs = steps.write(uniforms, log_probabilities=settings.log_probabilities)
        ends, goes_on = finder.find(tokens)
        for place, (row, end) in enumerate(zip(rows, ends, strict=True)):
            part = logs[:end, place] if logs is not None else None
            yield int(row), DecodedTokens(tokens[:end, place], part)
        if not goes_on.any():
            return
        if not goes_on.all():
            rows, finder = rows[goes_on], finder.keep(goes_on)
            layers = [part[goes_on] for part in steps.state]
            steps = settings.steps(network, steps.tokens[goes_on], layers)


class _StopFinder:
    """Searches for stops in rows of tokens that are written block by block."""

    def __init__(self, stops: Sequence[np.ndarray], n: int) -> None:
        self.stops = stops
        overlap = max(map(len, stops), default=1) - 1
        self.recent = np.full((overlap, n), NOTHING)  # the last tokens of the blocks before

    def keep(self, rows: np.ndarray) -> _StopFinder:
        """Return a finder for some of the rows only."""
        finder = _StopFinder(self.stops, 0)
        finder.recent = self.recent[:, rows]
        return finder

    def find(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Search the next (T, n) tokens.

        Returns
        -------
        ends : int array of shape (n,)
            How many of the tokens belong to each row's sample.
        goes_on : bool array of shape (n,)
            Whether the sample goes on, as no stop has ended it.
        """
        size, n = tokens.shape
        ends, goes_on = np.full(n, size), np.ones(n, bool)
        text = np.concatenate([self.recent, tokens])
        for stop in self.stops:
            if len(stop) > len(text):
                continue
            found = (sliding_window_view(text, len(stop), axis=0) == stop).all(axis=2)
            first = found.argmax(axis=0)
            is_found = found[first, np.arange(n)]
            end = first + len(stop) - len(self.recent)
            ends = np.where(is_found, np.minimum(ends, end), ends)
            goes_on &= ~is_found
        self.recent = text[len(text) - len(self.recent) :]
        return ends, goes_on


def _join(blocks: Sequence[DecodedTokens], settings: DecodingSettings) -> DecodedTokens:
    tokens = np.concatenate([np.empty(0, np.int64), *(block.tokens for block in blocks)])
    if not settings.log_probabilities:
        return DecodedTokens(tokens, None)
    return DecodedTokens(
        tokens, np.concatenate([np.empty(0), *(b.log_probabilities for b in blocks)])
    )
