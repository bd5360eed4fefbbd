"""`CharSequenceGenerator`: what text means."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from sklstm._base import TRAINING_CONSTRAINTS, BaseNetwork, layer_units
from sklstm._checkpoint import Checkpoint
from sklstm._sequences import Sequences, pad_right
from sklstm._writing import (
    TextState,
    Writing,
    Written,
    beginning,
    check_state,
    log_of_chosen,
    pieces,
    random_streams,
    read,
    read_next,
    stream,
    write,
)
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.data import TextWindows
from sklstm.network.training.settings import Progress, Trained

if TYPE_CHECKING:
    import keras

START = 0  # the id that stands before a document's first character
DOCUMENTS_PER_BATCH = 32
WRITING_CONSTRAINTS: dict[str, list] = {
    "prompt": [str],
    "length": [Interval(Integral, 0, None, closed="left")],
    "temperature": [Interval(Real, 0, None, closed="left")],
    "top_k": [Interval(Integral, 1, None, closed="left"), None],
    "top_p": [Interval(Real, 0, 1, closed="right"), None],
    "stop": [str, "array-like", None],
    "unknown": [StrOptions({"error", "skip"})],
    "return_logprobs": ["boolean"],
    "state": [TextState, None],
    "random_state": ["random_state"],
}


class CharSequenceGenerator(BaseNetwork):
    """Character-level LSTM that learns text and writes more of it.

    The network reads one character after another and predicts the next one at every time step;
    its state is carried from character to character, so nothing is read twice. Every document
    starts from the zero state. Keras trains the network, ONNX Runtime reads and writes with it.

    Parameters
    ----------
    units : int or sequence of int, default=128
        Units of the LSTM layers: an int for one layer, a sequence for one layer each.
    dropout : float in [0, 1), default=0.0
        Share of each layer's outputs that training hides, the same at all time steps of a window.
    embedding_dim : int, default=None
        Length of a vector learnt for each character; None codes characters one-hot.
    vocabulary : str, default=None
        All characters that may ever come. None learns them from the text of ``fit``. In
        cross-validation give it: a held-out document may have characters that the others lack.
    window : int, default=64
        Characters of a training window, each of which is a target. Every epoch cuts the documents
        that are longer at another place.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        One of "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "ftrl", "lion",
        "nadam", "rmsprop" and "sgd", or an object, of which a copy is trained with its own
        learning rate.
    learning_rate : float, default=0.003
        For an optimizer given by name; None for that optimizer's own default.
    learning_rate_schedule : {"constant", "cosine"}, default="constant"
        Whether the learning rate stays, or falls to 0 over the fit in half a period of a cosine.
    warmup : float in [0, 1), default=0.0
        Share of the fit over which the learning rate first rises, in equal steps.
    clipnorm : float, default=1.0
        Largest norm of the gradient of each weight array, for an optimizer given by name; None
        does not clip.
    batch_size : int, default=64
        Windows per step of the optimizer.
    epochs : int, default=10
        Passes over the text.
    early_stopping : bool, default=False
        Whether to stop when the loss of `X_val` has not improved for `n_iter_no_change` epochs; the
        best weights are kept.
    n_iter_no_change : int, default=3
        Patience of early stopping, in epochs.
    checkpoint : str or path-like, default=None
        A file that ``fit`` writes after every epoch, whole or not at all. If it is there when
        ``fit`` begins, the training goes on from it, to the same result as if it had never
        stopped; a training that was complete is not run again. What `callbacks` remember is not
        kept. It is a model file: ``persistence.load`` reads it.
    sample_length : int, default=0
        Characters of a sample that is printed after every epoch, at temperature 0.6; 0 prints none.
    callbacks : list, default=None
        Keras callbacks, copied before training, and functions of ``(epoch, logs)`` called at each
        epoch's end.
    keras_params : dict, default=None
        Parameters of the optimizer by Keras's names, such as ``{"optimizer__beta_1": 0.8}``.
    warm_start : bool, default=False
        Whether ``fit`` continues from the fitted weights, vocabulary and optimizer state.
    random_state : int, RandomState or None, default=None
        Draws the initial weights, the windows and the dropout. An int gives the same numbers to
        the last bit on one machine.
    verbose : int, default=0
        1 shows a progress bar, with nats per character, characters per second and the time left.

    Attributes
    ----------
    vocabulary_ : ndarray of str, shape (n_characters,)
        The characters of the text, in order; columns of ``predict_proba``.
    history_ : dict of lists
        ``loss``, the mean nats per character of each epoch, and ``accuracy``; with `X_val`,
        ``val_loss`` and ``val_accuracy``.
    n_iter_ : int
        Epochs run.
    training_loop_ : str
        What ran the epochs, as in `LSTMClassifier`.

    See Also
    --------
    sklstm.datasets.split_documents : Cuts a text into documents, for cross-validation.

    References
    ----------
    A. Graves, "Generating sequences with recurrent neural networks", 2013.

    Examples
    --------
    >>> from sklstm import CharSequenceGenerator
    >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
    ...                                   random_state=0)
    >>> generator.fit("abcd" * 200).generate("ab", 6, temperature=0)
    'cdabcd'
    """

    _parameter_constraints: dict = TRAINING_CONSTRAINTS | {
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "vocabulary": [str, None],
        "window": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "checkpoint": [str, os.PathLike, None],
        "sample_length": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        units: int | Sequence[int] = 128,
        *,
        dropout: float = 0.0,
        embedding_dim: int | None = None,
        vocabulary: str | None = None,
        window: int = 64,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        learning_rate: float | None = 0.003,
        learning_rate_schedule: str = "constant",
        warmup: float = 0.0,
        clipnorm: float | None = 1.0,
        batch_size: int = 64,
        epochs: int = 10,
        early_stopping: bool = False,
        n_iter_no_change: int = 3,
        checkpoint: str | os.PathLike | None = None,
        sample_length: int = 0,
        callbacks: list | None = None,
        keras_params: Mapping[str, Any] | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.units = units
        self.dropout = dropout
        self.embedding_dim = embedding_dim
        self.vocabulary = vocabulary
        self.window = window
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.warmup = warmup
        self.clipnorm = clipnorm
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.n_iter_no_change = n_iter_no_change
        self.checkpoint = checkpoint
        self.sample_length = sample_length
        self.callbacks = callbacks
        self.keras_params = keras_params
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: str | Sequence[str], y: None = None, *, X_val: str | Sequence[str] | None = None
    ) -> Self:
        """Learn a text, anew or, with `warm_start`, from where the network stands.

        Parameters
        ----------
        X : str or list of str
            A text, or documents.
        y : None
            Ignored.
        X_val : str or list of str, default=None
            A text, or documents, whose loss is recorded after every epoch. It is read at
            `batch_size` places at once, so that it may differ a little from ``-score(X_val)``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is not valid, a document has fewer than two characters or characters
            that the vocabulary lacks, or the checkpoint is damaged or of another training.
        """
        continues = self.warm_start and self.__sklearn_is_fitted__()
        self._fit(X, X_val, continues=continues, keep_optimizer=self.warm_start, one_epoch=False)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: str | Sequence[str], y: None = None) -> Self:
        """Train for one epoch more; the vocabulary stays that of the first call.

        Parameters
        ----------
        X : str or list of str
            A text, or documents.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As ``fit``; if X holds characters that the vocabulary lacks.
        """
        continues = self.__sklearn_is_fitted__()
        self._fit(X, None, continues=continues, keep_optimizer=True, one_epoch=True)
        return self

    @validate_params(
        WRITING_CONSTRAINTS | {"n_samples": [Interval(Integral, 1, None, closed="left"), None]},
        prefer_skip_nested_validation=True,
    )
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
        unknown: str = "error",
        return_logprobs: bool = False,
        state: TextState | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> str | list[str] | tuple[str, np.ndarray] | tuple[list[str], list[np.ndarray]]:
        """Write on from a prompt, one character after another, carrying the state.

        Parameters
        ----------
        prompt : str, default=""
            What has been written so far; an empty one begins a document, or goes on from `state`.
        length : int, default=400
            Characters to write.
        temperature : float, default=1.0
            Divides the logarithms of the probabilities. Below 1 the text is more regular, above 1
            more surprising; 0 always takes the most probable character (of equals, the first in
            ``vocabulary_``).
        top_k : int, default=None
            Draw from this many of the most probable characters; of equals, the first in
            ``vocabulary_`` are taken, so that there are never more or fewer.
        top_p : float in (0, 1], default=None
            Draw from the fewest of the most probable characters whose probabilities, after
            `temperature` and `top_k`, sum to at least this share [1]_.
        stop : str or list of str, default=None
            Text that ends a sample as soon as it has been written; it is the sample's end. The
            prompt does not count.
        n_samples : int, default=None
            Write this many samples side by side, far faster than one after another. Each draws from
            a stream of its own: the first is the text that the same `random_state` gives alone.
        unknown : {"error", "skip"}, default="error"
            Whether characters of the prompt that the vocabulary lacks are an error or left out.
        return_logprobs : bool, default=False
            Whether to return the logarithm of each character's probability too: the network's
            own, as of ``log_probabilities``, whatever `temperature`, `top_k` and `top_p` are.
        state : TextState, default=None
            From ``encode``: what has been read before the prompt. It is not changed.
        random_state : int, RandomState or None, default=None
            Draws the characters.

        Returns
        -------
        text : str, or list of str
            The new characters, without the prompt; a list if `n_samples` is given.
        log_probabilities : ndarray of shape (n_characters_written,), or list of ndarray
            In nats; only if `return_logprobs`.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If an argument is out of range, the prompt holds characters that the vocabulary lacks,
            or `state` belongs to a network of another shape.

        Notes
        -----
        A sample's text does not depend on how many are written beside it: the step computes each
        row of a batch alike, to the last bit (tested on x86-64). Where a processor's matrix
        products round by the size of the batch, a probability moves by some 1e-7, which draws
        another character about once in some 100,000; the texts differ from there on.

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
        state, writing = self._prepare(
            prompt,
            state,
            unknown,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop=stop,
            return_logprobs=return_logprobs,
        )
        samples = write(self._runtime, state, writing, random_streams(random_state, n_samples or 1))
        texts = [self._decode(sample.tokens) for sample in samples]
        if not return_logprobs:
            return texts[0] if n_samples is None else texts
        logs = [sample.log_probabilities for sample in samples]
        return (texts[0], logs[0]) if n_samples is None else (texts, logs)

    @validate_params(WRITING_CONSTRAINTS, prefer_skip_nested_validation=True)
    def stream(
        self,
        prompt: str = "",
        length: int = 400,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        unknown: str = "error",
        return_logprobs: bool = False,
        state: TextState | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Iterator[str] | Iterator[tuple[str, float]]:
        """Write on from a prompt, and yield characters as they are drawn.

        Together they are the text of ``generate``. The prompt is read, and arguments are checked,
        by the call itself.

        Parameters
        ----------
        prompt, length, temperature, top_k, top_p, stop, unknown, state, random_state
            As of ``generate``.
        return_logprobs : bool, default=False
            Whether to yield (character, the logarithm of its probability).

        Returns
        -------
        iterator of str, or of (str, float)

        Raises
        ------
        NotFittedError, ValueError
            As ``generate``.

        Examples
        --------
        >>> from sklstm import CharSequenceGenerator
        >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
        ...                                   random_state=0).fit("abcd" * 200)
        >>> for character in generator.stream("ab", 4, temperature=0):
        ...     print(character, end="|")
        c|d|a|b|
        """
        state, writing = self._prepare(
            prompt,
            state,
            unknown,
            length=length,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            stop=stop,
            return_logprobs=return_logprobs,
        )
        (rng,) = random_streams(random_state, 1)
        return self._characters(stream(self._runtime, state, writing, rng))

    @validate_params(
        {
            "text": [str],
            "state": [TextState, None],
            "unknown": [StrOptions({"error", "skip"})],
        },
        prefer_skip_nested_validation=True,
    )
    def encode(
        self, text: str, *, state: TextState | None = None, unknown: str = "error"
    ) -> TextState:
        """Read a text once, and return the state that writing and reading go on from.

        Parameters
        ----------
        text : str
            A document's beginning, or what follows `state`.
        state : TextState, default=None
            Of an earlier call; None begins a document.
        unknown : {"error", "skip"}, default="error"
            Whether characters that the vocabulary lacks are an error or left out.

        Returns
        -------
        TextState

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If the text holds characters that the vocabulary lacks, or `state` belongs to a network
            of another shape.

        Examples
        --------
        >>> from sklstm import CharSequenceGenerator
        >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
        ...                                   random_state=0).fit("abcd" * 200)
        >>> state = generator.encode("abcdab")
        >>> generator.generate("c", 5, temperature=0, state=state)
        'dabcd'
        """
        state = self._begin(state)
        return read(self._runtime, self._encode(text, "The text", unknown) - 1, state)[1]

    @validate_params(
        {"text": [str], "state": [TextState, None], "return_state": ["boolean"]},
        prefer_skip_nested_validation=True,
    )
    def log_probabilities(
        self, text: str, *, state: TextState | None = None, return_state: bool = False
    ) -> np.ndarray | tuple[np.ndarray, TextState]:
        """Compute the logarithm of each character's probability, after those before it.

        Their mean over a document is ``score``.

        Parameters
        ----------
        text : str
            A document, or what follows `state`.
        state : TextState, default=None
            From ``encode``, or of an earlier call; None begins a document.
        return_state : bool, default=False
            Whether to return the state after the text too, to read a long text in pieces.

        Returns
        -------
        log_probabilities : ndarray of shape (n_characters,)
            In nats.
        state : TextState
            Only if `return_state`.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If the text holds characters that the vocabulary lacks, or `state` belongs to a network
            of another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from sklstm import CharSequenceGenerator
        >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
        ...                                   random_state=0).fit("abcd" * 200)
        >>> logs, state = generator.log_probabilities("abcd", return_state=True)
        >>> bool(np.isclose(logs.mean(), generator.score("abcd")))
        True
        >>> more = generator.log_probabilities("abcd", state=state)
        """
        state = self._begin(state)
        logs, state = read(self._runtime, self._encode(text, "The text") - 1, state)
        return (logs, state) if return_state else logs

    def predict(self, X: str | Sequence[str]) -> np.ndarray:
        """Predict the most probable next character of each prompt.

        Parameters
        ----------
        X : str or list of str
            Prompts.

        Returns
        -------
        ndarray of str, shape (n,)

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If a prompt holds characters that the vocabulary lacks.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.vocabulary_[best]

    def predict_proba(self, X: str | Sequence[str]) -> np.ndarray:
        """Predict the probability that each character comes next.

        Parameters
        ----------
        X : str or list of str
            Prompts, each read from the zero state as a document's beginning.

        Returns
        -------
        ndarray of shape (n, n_characters)
            In the order of ``vocabulary_``.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If a prompt holds characters that the vocabulary lacks.
        """
        check_is_fitted(self)
        prompts = as_documents(X, min_length=0)
        encoded = [self._encode(prompt, f"Prompt {i}") for i, prompt in enumerate(prompts)]
        begin = beginning(self._runtime)
        states = [read(self._runtime, ids - 1, begin)[1] for ids in encoded]
        return np.stack([read_next(self._runtime, state) for state in states])

    def score(self, X: str | Sequence[str], y: None = None) -> float:
        """Compute the mean log-likelihood per character, in nats; greater is better.

        Parameters
        ----------
        X : str or list of str
            A text, or documents, each read once from the zero state. All characters weigh alike.
        y : None
            Ignored.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If a document has fewer than two characters, or a character that the vocabulary lacks.
        """
        check_is_fitted(self)
        documents = as_documents(X)
        encoded = [self._encode(text, f"Document {i}") for i, text in enumerate(documents)]
        totals = [total for batch in _similar_lengths(encoded) for total in self._read(batch)]
        return float(np.sum(totals) / sum(map(len, encoded)))

    def perplexity(self, X: str | Sequence[str]) -> float:
        """Compute the perplexity per character, ``exp(-score(X))``; smaller is better.

        Parameters
        ----------
        X : str or list of str
            A text, or documents.

        Returns
        -------
        float
            From 1 (every character foreseen).

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            As ``score``.
        """
        return float(np.exp(-self.score(X)))

    def _fit(
        self, X: Any, X_val: Any, *, continues: bool, keep_optimizer: bool, one_epoch: bool
    ) -> None:
        documents = as_documents(X)
        self._check_combinations(X_val, one_epoch=one_epoch)
        if not continues:
            known = "".join(documents) if self.vocabulary is None else self.vocabulary
            self.vocabulary_ = np.unique(_code_points(known)).view("<U1")
        data = self._windows(documents, "Document")
        validation = None
        if X_val is not None:
            validation = self._windows(as_documents(X_val), "Validation document", data.window)
        checkpoint = None
        if self.checkpoint is not None and not one_epoch:
            learnt = [self.vocabulary_, data.stream, validation and validation.stream]
            checkpoint = Checkpoint(self, learnt)
        settings = self._settings(
            "sparse_categorical_crossentropy",
            "sparse_categorical_accuracy",
            one_epoch=one_epoch,
            patience=self.n_iter_no_change if self.early_stopping and not one_epoch else None,
            progress=Progress("char", data.n_targets, "nats/char"),
        )
        self._train(
            self._spec(),
            settings,
            data,
            validation,
            self._random_generator(continues=continues),
            continues=continues,
            keep_optimizer=keep_optimizer,
            varies=False,
            resume=checkpoint and checkpoint.read(),
            on_epoch=partial(self._after_epoch, checkpoint),
        )

    def _after_epoch(self, checkpoint: Checkpoint | None, trained: Trained) -> None:
        if checkpoint is not None:
            checkpoint.write(trained)
        if self.sample_length:
            writer = copy.copy(self)
            writer._remember(trained, continues=False, varies=False)
            text = writer.generate(
                "", self.sample_length, temperature=0.6, random_state=trained.last.n_epochs
            )
            _print(f"--- after epoch {trained.last.n_epochs}\n{text}")

    def _check_combinations(self, X_val: Any, *, one_epoch: bool) -> None:
        if self.early_stopping and X_val is None and not one_epoch:
            raise ValueError("early_stopping=True needs a validation text: fit(X, X_val=...).")
        if self.checkpoint is None:
            return
        if self.warm_start:
            raise ValueError(
                f"checkpoint={str(self.checkpoint)!r} goes on with a fit that was interrupted, "
                "warm_start=True with one that was complete: set one of them."
            )
        if not isinstance(self.optimizer, str):
            raise ValueError(
                f"checkpoint={str(self.checkpoint)!r} needs an optimizer given by name: a model "
                f"file cannot keep {self.optimizer!r}."
            )

    def _windows(self, documents: list[str], name: str, window: int | None = None) -> TextWindows:
        """Put documents one after another, each after the id that starts it."""
        encoded = [self._encode(text, f"{name} {i}") for i, text in enumerate(documents)]
        lengths = np.array([len(ids) + 1 for ids in encoded])
        stream = np.concatenate([part for ids in encoded for part in ([START], ids)])
        if window is None:
            window = min(self.window, int(lengths.max()) - 1)
        return TextWindows(stream.astype(np.int32), np.cumsum(lengths) - lengths, window)

    def _spec(self) -> NetworkSpec:
        units = layer_units(self.units, "units")
        if not units:
            raise ValueError("units=() leaves no LSTM layer: a generator needs one.")
        return NetworkSpec(
            n_outputs=len(self.vocabulary_),
            activation="softmax",
            vocabulary_size=len(self.vocabulary_) + 1,
            embedding_dim=self.embedding_dim,
            units=units,
            dropout=float(self.dropout),
            pooling=None,
        )

    def _prepare(
        self,
        prompt: str,
        state: TextState | None,
        unknown: str,
        *,
        stop: str | Sequence[str] | None,
        return_logprobs: bool,
        **sampling: Any,
    ) -> tuple[TextState, Writing]:
        """Read the prompt; return the state after it, and what to write."""
        state = self._begin(state)
        # A stop with characters that the vocabulary lacks never comes.
        known = set(self.vocabulary_.tolist())
        stops = [text for text in _stop_texts(stop) if known.issuperset(text)]
        tokens = self._encode(prompt, "The prompt", unknown) - 1
        writing = Writing(
            stops=tuple(self._encode(text, "stop") - 1 for text in stops),
            log_probabilities=return_logprobs,
            **sampling,
        )
        return read(self._runtime, tokens, state)[1], writing

    def _begin(self, state: TextState | None) -> TextState:
        check_is_fitted(self)
        return beginning(self._runtime) if state is None else check_state(state, self._runtime)

    def _characters(self, blocks: Iterator[Written]) -> Iterator[str] | Iterator[tuple[str, float]]:
        for block in blocks:
            text = self._decode(block.tokens)
            if block.log_probabilities is None:
                yield from text
            else:
                yield from zip(text, block.log_probabilities.tolist(), strict=True)

    def _decode(self, tokens: np.ndarray) -> str:
        """Turn indices of the vocabulary into text."""
        points = self.vocabulary_.view("<u4")[tokens]
        return points.tobytes().decode("utf-32-le", "surrogatepass")

    def _encode(self, text: str, name: str, unknown: str = "error") -> np.ndarray:
        """Turn characters into ids, counted from 1."""
        points, known = _code_points(text), self.vocabulary_.view("<u4")
        places = np.searchsorted(known, points)
        unseen = known[np.minimum(places, len(known) - 1)] != points
        if unknown == "skip":
            return places[~unseen] + 1
        if unseen.any():
            place = int(np.flatnonzero(unseen)[0])
            characters = "".join(dict.fromkeys(np.array(list(text))[unseen]))
            raise ValueError(
                f"{name} holds characters that the vocabulary lacks: {characters[:40]!r}, the "
                f"first at position {place}. Remove them, or fit with vocabulary= all characters "
                "that may come; vocabulary_ lists those that are known."
            )
        return places + 1

    def _sequences(self, X: Any) -> Sequences:
        texts = as_documents(X, min_length=0)
        encoded = [
            np.append(START, self._encode(text, f"Document {i}")) for i, text in enumerate(texts)
        ]
        stops = np.cumsum([len(ids) for ids in encoded])
        starts = np.concatenate([[0], stops[:-1]])
        return pad_right(np.concatenate(encoded).astype(np.int32), starts, stops)

    def _read(self, batch: list[np.ndarray]) -> np.ndarray:
        """Sum the log-likelihoods of each of some documents, read side by side."""
        ids = np.zeros((len(batch), max(map(len, batch)) + 1), np.int32)
        for row, document in zip(ids, batch, strict=True):
            row[1 : len(document) + 1] = document
        totals = np.zeros(len(batch))
        state = self._runtime.initial_state(len(batch))
        for inputs, targets in zip(pieces(ids[:, :-1]), pieces(ids[:, 1:]), strict=True):
            outputs, state = self._runtime.read(inputs, state)
            logs = log_of_chosen(outputs, np.maximum(targets - 1, 0))
            totals += np.where(targets > 0, logs, 0).sum(axis=1)
        return totals

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        return tags


def as_documents(X: Any, *, min_length: int = 2) -> list[str]:
    """Read X as a list of documents; a bare string is one.

    Raises
    ------
    ValueError
        If there is no document, or one is shorter than `min_length` characters.
    TypeError
        If a document is not a string.
    """
    documents = [X] if isinstance(X, str) else list(X)
    if not documents:
        raise ValueError("X is empty: found 0 documents while a minimum of 1 is required.")
    for index, document in enumerate(documents):
        if not isinstance(document, str):
            raise TypeError(
                f"Document {index} of X is of type {type(document).__name__}, not a string: "
                "valid are one text, or a list of texts."
            )
        if len(document) < min_length:
            raise ValueError(
                f"Document {index} of X, {document!r}, has {len(document)} character(s) while a "
                f"minimum of {min_length} is required. scikit-learn's splitters cut a bare string "
                "into single characters: split it into documents first, by "
                "sklstm.datasets.split_documents(text, n)."
            )
    return [str(document) for document in documents]


def _print(text: str) -> None:
    """Print above a progress bar; what the terminal cannot show must not end a training."""
    encoding = sys.stdout.encoding or "utf-8"
    tqdm.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _stop_texts(stop: str | Sequence[str] | None) -> list[str]:
    texts = [stop] if isinstance(stop, str) else list(() if stop is None else stop)
    for text in texts:
        if not isinstance(text, str) or not text:
            raise ValueError(
                f"stop holds {text!r}: valid are texts of at least one character, which end a "
                "sample."
            )
    return texts


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _similar_lengths(encoded: list[np.ndarray]) -> Iterator[list[np.ndarray]]:
    encoded = sorted(encoded, key=len)
    for first in range(0, len(encoded), DOCUMENTS_PER_BATCH):
        yield encoded[first : first + DOCUMENTS_PER_BATCH]
