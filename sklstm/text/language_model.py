"""`LanguageModel`: learns texts as tokens, reads and scores them, whatever a token is."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import Tags

from sklstm._base import BaseNetwork
from sklstm._parameters import TRAINING_CONSTRAINTS, layer_units
from sklstm._sequences import Sequences
from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.bucketing import round_up
from sklstm.network.training.data import TextWindows
from sklstm.network.training.settings import Progress, Trained
from sklstm.persistence._checkpoint import Checkpoint
from sklstm.text.arguments import checked
from sklstm.text.decoding import (
    TextState,
    beginning,
    check_state,
    log_likelihoods,
    next_probabilities,
    read,
)
from sklstm.text.documents import as_documents

START = 0  # the id that stands before a document's first token
UNKNOWN = StrOptions({"auto", "error", "skip"})


class LanguageModel(BaseNetwork):
    """A network that predicts each token of a text from those before it.

    A subclass says what a token is. Token k is entry k of ``vocabulary_``, the network's output k
    and its input k + 1; input 0 stands before a document's first token.
    """

    _token: ClassVar[str]  # what a progress bar calls a token

    _parameter_constraints: dict = TRAINING_CONSTRAINTS | {
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "vocabulary": [str, None],
        "window": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "checkpoint": [str, os.PathLike, None],
        "sample_length": [Interval(Integral, 0, None, closed="left")],
    }

    @abstractmethod
    def _learn_vocabulary(self, texts: list[str]) -> np.ndarray:
        """Return the tokens that the network is to know."""

    @abstractmethod
    def _index_vocabulary(self) -> Any:
        """Return what finds tokens in ``vocabulary_``."""

    @abstractmethod
    def _tokens(self, text: str) -> list[str]:
        """Cut a text into tokens, known or not."""

    @abstractmethod
    def _encode(self, text: str, name: str, unknown: str = "auto") -> np.ndarray:
        """Turn a text, which errors call by a name, into ids, counted from 1."""

    @property
    def _n_drawn(self) -> int:
        """How many tokens may be predicted and written: the first ones of ``vocabulary_``."""
        return len(self.vocabulary_)

    @property
    def _index(self) -> Any:
        """What finds tokens in ``vocabulary_``: made once, at the first use, and not pickled."""
        indexed, index = vars(self).get("_vocabulary_index", (None, None))
        if indexed is not self.vocabulary_:
            indexed = self.vocabulary_
            index = self._index_vocabulary()
            self._vocabulary_index = indexed, index  # at once: other threads see all of it
        return index

    def _as_learnt(self) -> Self:
        learnt = super()._as_learnt()
        self._vocabulary_index = learnt.vocabulary_, learnt._index  # the next copies find it here
        return learnt

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in super().__getstate__().items() if k != "_vocabulary_index"}

    @fit_context(prefer_skip_nested_validation=True)
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
            If a parameter is not valid, a document has fewer than two characters, or one that the
            vocabulary of a `CharSequenceGenerator` lacks, or the checkpoint is damaged or of
            another training.
        """
        continues = self.warm_start and self.__sklearn_is_fitted__()
        self._fit(X, X_val, continues=continues, keep_optimizer=self.warm_start, one_epoch=False)
        return self

    @fit_context(prefer_skip_nested_validation=True)
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
            As ``fit``.
        """
        continues = self.__sklearn_is_fitted__()
        self._fit(X, None, continues=continues, keep_optimizer=True, one_epoch=True)
        return self

    @checked({"text": [str], "unknown": [UNKNOWN]})
    def encode(
        self, text: str, *, state: TextState | None = None, unknown: str = "auto"
    ) -> TextState:
        """Read a text once, and return the state that writing and reading go on from.

        Parameters
        ----------
        text : str
            A document's beginning, or what follows `state`.
        state : TextState, default=None
            Of an earlier call; None begins a document.
        unknown : {"auto", "error", "skip"}, default="auto"
            Tokens that the vocabulary lacks: "skip" leaves them out, "error" names them. "auto"
            reads words as the unknown token and is an error for characters.

        Returns
        -------
        TextState

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If the text holds tokens that are an error (see `unknown`), or `state` belongs to a
            network of another shape.

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

    @checked({"text": [str], "return_state": ["boolean"]})
    def log_probabilities(
        self, text: str, *, state: TextState | None = None, return_state: bool = False
    ) -> np.ndarray | tuple[np.ndarray, TextState]:
        """Compute the logarithm of each token's probability, after those before it.

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
        log_probabilities : ndarray of shape (n_tokens,)
            In nats. Tokens are characters, or words, marks and line breaks.
        state : TextState
            Only if `return_state`.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If the text holds characters that the vocabulary lacks (words never do), or `state`
            belongs to a network of another shape.

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
        """Predict the most probable next token of each prompt.

        Parameters
        ----------
        X : str or list of str
            Prompts.

        Returns
        -------
        ndarray of shape (n,), dtype object
            Entries of ``vocabulary_``: characters, or words, but never the unknown one.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If a prompt holds characters that the vocabulary lacks (words never do).
        """
        learnt = self._as_learnt()
        best = learnt.predict_proba(X)[:, : learnt._n_drawn].argmax(axis=1)
        return learnt.vocabulary_[best]

    def predict_proba(self, X: str | Sequence[str]) -> np.ndarray:
        """Predict the probability that each token comes next.

        Parameters
        ----------
        X : str or list of str
            Prompts, each read from the zero state as a document's beginning.

        Returns
        -------
        ndarray of shape (n, n_tokens)
            In the order of ``vocabulary_``, the unknown word included.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If a prompt holds characters that the vocabulary lacks (words never do).
        """
        learnt = self._as_learnt()
        prompts = as_documents(X, item="Prompt", min_length=0)
        encoded = [learnt._encode(prompt, f"Prompt {i}") for i, prompt in enumerate(prompts)]
        return next_probabilities(learnt._runtime, encoded)

    def score(self, X: str | Sequence[str], y: None = None) -> float:
        """Compute the mean log-likelihood per token, in nats; greater is better.

        Parameters
        ----------
        X : str or list of str
            A text, or documents, each read once from the zero state. All tokens (characters, or
            words) weigh alike.
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
            If a document has fewer than two characters, or one that the vocabulary of a
            `CharSequenceGenerator` lacks.
        """
        learnt = self._as_learnt()
        documents = as_documents(X)
        encoded = [learnt._encode(text, f"Document {i}") for i, text in enumerate(documents)]
        total = log_likelihoods(learnt._runtime, encoded).sum()
        return float(total / sum(map(len, encoded)))

    def perplexity(self, X: str | Sequence[str]) -> float:
        """Compute the perplexity per token, ``exp(-score(X))``; smaller is better.

        Parameters
        ----------
        X : str or list of str
            A text, or documents.

        Returns
        -------
        float
            From 1 (every token foreseen).

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            As ``score``.
        """
        return float(np.exp(-self.score(X)))

    def _fit(
        self,
        X: Any,
        X_val: Any,
        *,
        continues: bool,
        keep_optimizer: bool,
        one_epoch: bool,
        resumes: bool = True,
    ) -> None:
        with self._learner() as learner:
            trained = learner._learn(
                X,
                X_val,
                continues=continues,
                keep_optimizer=keep_optimizer,
                one_epoch=one_epoch,
                resumes=resumes,
            )
        self._warn_if_interrupted(trained)

    def _learn(
        self,
        X: Any,
        X_val: Any,
        *,
        continues: bool,
        keep_optimizer: bool,
        one_epoch: bool,
        resumes: bool,
    ) -> Trained:
        documents = as_documents(X)
        self._check_combinations(X_val, one_epoch=one_epoch)
        self._learn_fixed_parameters(continues=continues)
        if not continues:
            known = documents if self.vocabulary is None else [self.vocabulary]
            self.vocabulary_ = self._learn_vocabulary(known)
        data = self._windows(documents, "Document")
        validation = None
        if X_val is not None:
            held_out = as_documents(X_val, name="X_val")
            validation = self._windows(held_out, "Validation document", data.window)
        checkpoint = None
        if self.checkpoint is not None and not one_epoch:
            learnt = [self.vocabulary_, data.stream, validation and validation.stream]
            checkpoint = Checkpoint(self, learnt)
        settings = self._settings(
            "sparse_categorical_crossentropy",
            "sparse_categorical_accuracy",
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            one_epoch=one_epoch,
            patience=self.n_iter_no_change if self.early_stopping and not one_epoch else None,
            progress=Progress(self._token, data.n_targets, f"nats/{self._token}"),
            always_xla=checkpoint is not None,
        )
        return self._train(
            self._spec(),
            settings,
            data,
            validation,
            self._random_generator(continues=continues),
            continues=continues,
            keep_optimizer=keep_optimizer,
            varies=False,
            resume=checkpoint.read() if checkpoint and resumes else None,
            on_epoch=partial(self._after_epoch, checkpoint),
        )

    def _after_epoch(self, checkpoint: Checkpoint | None, trained: Trained) -> None:
        if checkpoint is not None:
            checkpoint.write(trained)

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
        stream, starts, stops = self._stream(documents, name)
        if window is None:
            longest = int((stops - starts).max()) - 1
            window = min(int(self.window), round_up(longest))
        return TextWindows(stream, starts, window)

    def _stream(self, documents: list[str], name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the ids of all documents, and where each starts and stops."""
        encoded = [self._encode(text, f"{name} {i}") for i, text in enumerate(documents)]
        stream = np.concatenate([part for ids in encoded for part in ([START], ids)])
        lengths = np.array([len(ids) + 1 for ids in encoded])
        stops = np.cumsum(lengths)
        return stream.astype(np.int32), stops - lengths, stops

    def _spec(self) -> NetworkSpec:
        units = layer_units(self.units, "units")
        if not units:
            raise ValueError("units=() leaves no LSTM layer: a generator needs one.")
        return NetworkSpec(
            n_outputs=len(self.vocabulary_),
            activation="softmax",
            vocabulary_size=len(self.vocabulary_) + 1,
            embedding_dim=self.embedding_dim and int(self.embedding_dim),
            units=units,
            dropout=float(self.dropout),
            pooling=None,
        )

    def _begin(self, state: TextState | None) -> TextState:
        if state is None:
            return beginning(self._runtime)
        if not isinstance(state, TextState):
            raise ValueError(
                f"state={state!r:.40} is of type {type(state).__name__}: valid is a TextState, "
                "as encode returns it, or None."
            )
        return check_state(state, self._runtime)

    def _sequences(self, X: Any) -> Sequences:
        stream, starts, stops = self._stream(as_documents(X, min_length=0), "Document")
        return Sequences(stream, starts, stops - starts)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        return tags
