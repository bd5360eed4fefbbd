"""`TextGenerator`: a language model that also writes text, one token after another."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from sklstm._base import SnapshotsOfNetworks
from sklstm._fitted_state import FittedState
from sklstm._parameters import LARGEST_INT, POSITIVE_INT
from sklstm._sklearn_compat import Interval, StrOptions
from sklstm.network.onnx_sampler import PRECISIONS
from sklstm.network.progress import write_above_bars
from sklstm.persistence._checkpoint import Checkpoint
from sklstm.text.arguments import checked
from sklstm.text.decoding import (
    DecodedTokens,
    DecodingSettings,
    TextState,
    begin,
    generate_tokens,
    random_streams,
    read_tokens,
    stream_tokens,
)
from sklstm.text.language_model import HANDLE_UNKNOWN, LanguageModel
from sklstm.text.vocabulary import Vocabulary

WRITING_CONSTRAINTS: dict[str, list] = {
    "prompt": [str],
    "length": [Interval(Integral, 0, LARGEST_INT, closed="both")],
    "temperature": [Interval(Real, 0, None, closed="left")],
    "top_k": [POSITIVE_INT, None],
    "top_p": [Interval(Real, 0, 1, closed="right"), None],
    "stop": [str, "array-like", None],
    "handle_unknown": [HANDLE_UNKNOWN],
    "return_logprobs": ["boolean"],
    "precision": [StrOptions(set(PRECISIONS))],
    "random_state": ["random_state"],
}


class TextGenerator(LanguageModel):
    """A language model that writes more of the text that it has learnt."""

    @checked(WRITING_CONSTRAINTS | {"n_samples": [POSITIVE_INT, None]})
    def generate(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        n_samples: int | None = None,
        handle_unknown: str = "auto",
        return_logprobs: bool = False,
        precision: str = "float32",
        state: TextState | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> str | list[str] | tuple[str, np.ndarray] | tuple[list[str], list[np.ndarray]]:
        """Write the continuation of a prompt, one token after another, carrying the state.

        Tokens are what the network was fitted on: characters, or words, marks and line breaks.

        Parameters
        ----------
        prompt : str, default=""
            The text to continue; an empty one begins a document, or continues from `state`.
        length : int, default=400
            Tokens to write.
        temperature : float, default=1.0
            Divides the logarithms of the probabilities. Below 1 the text is more regular, above 1
            more varied; 0 always takes the most probable token (among equally probable ones, the
            first in ``vocabulary_``).
        top_k : int, default=None
            Draw from this many of the most probable tokens, and never from more: among equally
            probable ones, the first in ``vocabulary_`` are kept.
        top_p : float in (0, 1], default=None
            Draw from the smallest set of most probable tokens whose probabilities, after
            `temperature` and `top_k`, sum to at least this share [1]_.
        stop : str or list of str, default=None
            Text that ends a sample as soon as it has been written; the sample includes it. The
            prompt is not searched. For a generator of words, it is whole words and marks: "be"
            does not match "because".
        n_samples : int, default=None
            Write this many samples in one batch, far faster than one after another. Each has random
            numbers of its own: the first is the text that the same `random_state` gives alone.
        handle_unknown : {"auto", "error", "ignore"}, default="auto"
            Tokens of the prompt that the vocabulary lacks: "ignore" leaves them out, "error" names
            them. "auto" reads words as the unknown token, and is an error for characters.
        return_logprobs : bool, default=False
            Whether to return the logarithm of each token's probability too: the network's
            own, as in ``log_probabilities``, before `temperature`, `top_k` and `top_p`.
        precision : {"float32", "int8"}, default="float32"
            Of the weights that write; the prompt is read in float32. "int8" makes large networks
            write faster, and moves the probabilities a little (see Notes).
        state : TextState, default=None
            From ``encode``: the state after the text before the prompt. It is not changed.
        random_state : int, RandomState or None, default=None
            Draws the tokens.

        Returns
        -------
        text : str, or list of str
            The written text, without the prompt; a list if `n_samples` is given.
        log_probabilities : ndarray of shape (n_tokens_written,), or list of ndarray
            In nats; only if `return_logprobs`.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If an argument is out of range, the prompt holds tokens that are an error (see
            `handle_unknown`), or `state` belongs to a network of another shape.

        Notes
        -----
        A sample's text does not depend on the number of samples: each row of a batch is computed
        alike, to the last bit (tested on x86-64). On a processor whose matrix products round
        differently for other batch sizes, a probability changes by some 1e-7, which draws another
        token about once in some 100,000; the texts differ from there on.

        With "int8" a matrix of at least 131,072 weights (that of an LSTM layer of 182 units or
        more, or of a large vocabulary) is rounded to integers from -127 to 127, scaled column by
        column, and what it multiplies, the outputs of an LSTM layer, to integers from -63 to 63.
        Their sums are exact. Smaller matrices, which would not be faster, stay float32, and so do
        the state and the drawing. Rows are rounded by themselves: a sample does not depend on those
        beside it, but it is another one than in float32. Of an LSTM(256) that had learnt
        Shakespeare the loss moved by 0.00002 nats per held-out character and the probabilities by
        0.064 at most; the largest difference after a character was 0.004 on average.

        References
        ----------
        .. [1] A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi, "The curious case of neural text
           degeneration", ICLR 2020.

        Examples
        --------
        >>> from sklstm import CharSequenceGenerator
        >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
        ...                                   random_state=0).fit("abcd" * 200)
        >>> generator.generate("ab", 50, temperature=0.1, stop=["da"], n_samples=2, random_state=0)
        ['cda', 'cda']
        """
        learnt, state, settings = self._prepare(
            prompt,
            state,
            handle_unknown,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop=stop,
            return_logprobs=return_logprobs,
            precision=precision,
        )
        rngs = random_streams(random_state, n_samples or 1)
        samples = generate_tokens(learnt.network, state, settings, rngs)
        texts = ["".join(learnt.data.targets.decode(sample.tokens)) for sample in samples]
        if not return_logprobs:
            return texts[0] if n_samples is None else texts
        logs = [sample.log_probabilities for sample in samples]
        return (texts[0], logs[0]) if n_samples is None else (texts, logs)

    @checked(WRITING_CONSTRAINTS)
    def stream(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        handle_unknown: str = "auto",
        return_logprobs: bool = False,
        precision: str = "float32",
        state: TextState | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Iterator[str] | Iterator[tuple[str, float]]:
        """Write the continuation of a prompt, and yield characters, or words, as they are drawn.

        Together they are the text of ``generate``. The call itself reads the prompt and checks
        the arguments.

        Parameters
        ----------
        prompt, length, temperature, top_k, top_p, stop, handle_unknown
            As in ``generate``.
        return_logprobs : bool, default=False
            Whether to yield (token, the logarithm of its probability).
        precision, state, random_state
            As in ``generate``.

        Returns
        -------
        iterator of str, or of (str, float)

        Raises
        ------
        NotFittedError, ValueError
            See ``generate``.

        Examples
        --------
        >>> from sklstm import CharSequenceGenerator
        >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
        ...                                   random_state=0).fit("abcd" * 200)
        >>> for character in generator.stream("ab", 4, temperature=0):
        ...     print(character, end="|")
        c|d|a|b|
        """
        learnt, state, settings = self._prepare(
            prompt,
            state,
            handle_unknown,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop=stop,
            return_logprobs=return_logprobs,
            precision=precision,
        )
        (rng,) = random_streams(random_state, 1)
        blocks = stream_tokens(learnt.network, state, settings, rng)
        return _pieces(blocks, learnt.data.targets)

    def _after_epoch(
        self, checkpoint: Checkpoint | None, state: FittedState, snapshots: SnapshotsOfNetworks
    ) -> None:
        super()._after_epoch(checkpoint, state, snapshots)
        if self.sample_length:
            text = self._with_state(state).generate(
                "", int(self.sample_length), temperature=0.6, random_state=state.n_epochs
            )
            _print(f"--- after epoch {state.n_epochs}\n{text}")

    def _prepare(
        self,
        prompt: str,
        state: TextState | None,
        handle_unknown: str,
        *,
        stop: str | Sequence[str] | None,
        return_logprobs: bool,
        **sampling: Any,
    ) -> tuple[FittedState, TextState, DecodingSettings]:
        """Read the prompt; return the fitted state, the state after the prompt, and settings."""
        learnt = self._fitted()
        vocabulary = learnt.data.targets
        state = begin(learnt.network, state)
        tokens = vocabulary.encode(prompt, "The prompt", handle_unknown) - 1
        stops = (ids for text in _stop_texts(stop) for ids in vocabulary.encode_stop(text))
        settings = DecodingSettings(
            stops=tuple(stops),
            n_drawn=vocabulary.n_drawn,
            log_probabilities=return_logprobs,
            **sampling,
        )
        return learnt, read_tokens(learnt.network, tokens, state)[1], settings


def _pieces(
    blocks: Iterator[DecodedTokens], vocabulary: Vocabulary
) -> Iterator[str] | Iterator[tuple[str, float]]:
    for block in blocks:
        decoded = vocabulary.decode(block.tokens)
        if block.log_probabilities is None:
            yield from decoded
        else:
            yield from zip(decoded, block.log_probabilities.tolist(), strict=True)


def _stop_texts(stop: str | Sequence[str] | None) -> list[str]:
    texts = [stop] if isinstance(stop, str) else list(() if stop is None else stop)
    for text in texts:
        if not isinstance(text, str) or not text:
            raise ValueError(
                f"stop holds {text!r}: valid are texts of at least one character, which end a "
                "sample."
            )
    return texts


def _print(text: str) -> None:
    """Print above a progress bar; characters that the terminal lacks must not end a fit."""
    if sys.stdout is None:  # it is closed
        return
    encoding = sys.stdout.encoding or "utf-8"
    write_above_bars(text.encode(encoding, "backslashreplace").decode(encoding))
