"""`LanguageModel`: learns, reads and scores texts as tokens of any kind."""

from __future__ import annotations

import functools
import os
from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import Tags

from sklstm._base import BaseNetwork, SnapshotsOfNetworks
from sklstm._fit_tasks import fit_tasks
from sklstm._fitted_state import FittedState, LearntFromData
from sklstm._parameters import TRAINING_CONSTRAINTS, as_int, layer_units
from sklstm._sequences import Sequences
from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.settings import Progress
from sklstm.persistence._checkpoint import Checkpoint
from sklstm.text.arguments import check_combinations, checked
from sklstm.text.decoding import (
    TextState,
    begin,
    log_likelihoods,
    next_probabilities,
    read_tokens,
)
from sklstm.text.documents import as_documents
from sklstm.text.token_stream import encode_documents, join_documents, training_windows
from sklstm.text.vocabulary import Vocabulary

HANDLE_UNKNOWN = StrOptions({"auto", "error", "ignore"})


class LanguageModel(BaseNetwork):
    """A network that predicts each token of a text from those before it.

    A subclass says what a token is. Token k is entry k of ``vocabulary_``, the network's output k
    and its input k + 1; input 0 precedes a document's first token.
    """

    _token: ClassVar[str]  # what a progress bar calls a token

    _parameter_constraints: dict = TRAINING_CONSTRAINTS | {
        "embedding_dim": [Interval(Integral, 1, None, closed="left"), None],
        "vocabulary": [str, "array-like", None],
        "window": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "checkpoint": [str, os.PathLike, None],
        "sample_length": [Interval(Integral, 0, None, closed="left")],
    }

    @abstractmethod
    def _learn_vocabulary(self, texts: list[str]) -> Vocabulary:
        """Return the vocabulary that is given, or learn it from the texts."""

    @property
    def vocabulary_(self) -> np.ndarray:
        """The tokens that the network knows, in the order of its outputs."""
        return self._vocabulary.tokens

    @property
    def _vocabulary(self) -> Vocabulary:
        return self._fitted().data.targets

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: str | Sequence[str], y: None = None, *, X_val: str | Sequence[str] | None = None
    ) -> Self:
        """Learn a text, anew or, with `warm_start`, starting from the fitted weights.

        Parameters
        ----------
        X : str or list of str
            A text, or documents.
        y : None
            Ignored.
        X_val : str or list of str, default=None
            A text, or documents, whose loss is recorded after every epoch. It is read from
            `batch_size` places at once, so the loss may differ a little from ``-score(X_val)``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter is not valid, a document has fewer than two characters, or one that the
            vocabulary of a `CharSequenceGenerator` lacks, or the checkpoint is damaged or was
            written by another fit.
        """
        self._fit(X, X_val, previous=self._state_to_continue(), partial=False)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: str | Sequence[str], y: None = None) -> Self:
        """Train for one more epoch; the vocabulary stays that of the first call.

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
            See ``fit``.
        """
        self._fit(X, None, previous=self._state(), partial=True)
        return self

    @checked({"text": [str], "handle_unknown": [HANDLE_UNKNOWN]})
    def encode(
        self, text: str, *, state: TextState | None = None, handle_unknown: str = "auto"
    ) -> TextState:
        """Read a text once, and return the state from which other calls can continue.

        Parameters
        ----------
        text : str
            A document's beginning, or what follows `state`.
        state : TextState, default=None
            The result of an earlier call; None begins a document.
        handle_unknown : {"auto", "error", "ignore"}, default="auto"
            Tokens that the vocabulary lacks: "ignore" leaves them out, "error" names them. "auto"
            reads words as the unknown token and raises an error for characters.

        Returns
        -------
        TextState

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            If the text holds tokens that are an error (see `handle_unknown`), or `state` belongs
            to a network of another shape.

        Examples
        --------
        >>> from sklstm import CharSequenceGenerator
        >>> generator = CharSequenceGenerator(16, window=16, batch_size=8, learning_rate=0.03,
        ...                                   random_state=0).fit("abcd" * 200)
        >>> state = generator.encode("abcdab")
        >>> generator.generate("c", 5, temperature=0, state=state)
        'dabcd'
        """
        learnt = self._fitted()
        tokens = learnt.data.targets.encode(text, "The text", handle_unknown) - 1
        return read_tokens(learnt.network, tokens, begin(learnt.network, state))[1]

    @checked({"text": [str], "return_state": ["boolean"]})
    def log_probabilities(
        self, text: str, *, state: TextState | None = None, return_state: bool = False
    ) -> np.ndarray | tuple[np.ndarray, TextState]:
        """Compute the logarithm of each token's probability, given those before it.

        Their mean over a document is ``score``.

        Parameters
        ----------
        text : str
            A document, or what follows `state`.
        state : TextState, default=None
            From ``encode`` or an earlier call; None begins a document.
        return_state : bool, default=False
            Whether to return the state after the text too, so as to read a long text in pieces.

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
        learnt = self._fitted()
        tokens = learnt.data.targets.encode(text, "The text") - 1
        logs, state = read_tokens(learnt.network, tokens, begin(learnt.network, state))
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
        learnt = self._fitted()
        vocabulary = learnt.data.targets
        probabilities = self._with_state(learnt).predict_proba(X)
        best = probabilities[:, : vocabulary.n_drawn].argmax(axis=1)
        return vocabulary.tokens[best]

    def predict_proba(self, X: str | Sequence[str]) -> np.ndarray:
        """Predict the probability that each token comes next.

        Parameters
        ----------
        X : str or list of str
            Prompts, each of which is read as the beginning of a document.

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
        learnt = self._fitted()
        prompts = as_documents(X, item="Prompt", min_length=0)
        encoded = encode_documents(prompts, learnt.data.targets, "Prompt")
        return next_probabilities(learnt.network, encoded)

    def score(self, X: str | Sequence[str], y: None = None) -> float:
        """Compute the mean log-likelihood per token, in nats; greater is better.

        Parameters
        ----------
        X : str or list of str
            A text, or documents, each read once from the zero state. All tokens (characters, or
            words) have the same weight.
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
        learnt = self._fitted()
        encoded = encode_documents(as_documents(X), learnt.data.targets, "Document")
        total = log_likelihoods(learnt.network, encoded).sum()
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
            1 or more; 1 if every token was predicted with probability 1.

        Raises
        ------
        NotFittedError
            If the generator is not fitted.
        ValueError
            See ``score``.
        """
        return float(np.exp(-self.score(X)))

    def _fit(
        self,
        X: Any,
        X_val: Any,
        *,
        previous: FittedState | None,
        partial: bool,
        resumes: bool = True,
    ) -> None:
        """Fit anew, or continue a previous state; `partial` is one epoch of ``partial_fit``.

        If `resumes` is False, an existing checkpoint is replaced rather than continued.
        """
        documents = as_documents(X)
        check_combinations(self, X_val, partial=partial)
        fixed = self._checked_fixed_parameters(previous)
        if previous is None:
            vocabulary = self._learn_vocabulary(documents)
        else:
            vocabulary = previous.data.targets
        data, validation = training_windows(documents, X_val, vocabulary, int(self.window))
        checkpoint = None
        if self.checkpoint is not None and not partial:
            read = [vocabulary.tokens, data.stream, validation and validation.stream]
            checkpoint = Checkpoint(self, read)
        settings = self._settings(
            vocabulary,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            partial=partial,
            patience=self.n_iter_no_change if self.early_stopping and not partial else None,
            progress=Progress(self._token, data.n_targets, f"nats/{self._token}"),
            always_xla=checkpoint is not None,
        )
        state = self._train(
            self._spec(vocabulary),
            settings,
            (data, validation),
            LearntFromData(vocabulary, None, None, False, settings.batch_size, fixed),
            self._random_generator(previous),
            varies=False,
            previous=previous,
            partial=partial,
            resume=checkpoint.read() if checkpoint and resumes else None,
            on_epoch=functools.partial(self._after_epoch, checkpoint),
            tasks=fit_tasks(self, X),
        )
        self._learn(state)

    def _after_epoch(
        self, checkpoint: Checkpoint | None, state: FittedState, snapshots: SnapshotsOfNetworks
    ) -> None:
        if checkpoint is not None:
            checkpoint.write(state, snapshots)

    def _spec(self, vocabulary: Vocabulary) -> NetworkSpec:
        units = layer_units(self.units, "units")
        if not units:
            raise ValueError("units=() leaves no LSTM layer: a generator needs one.")
        return NetworkSpec(
            n_outputs=vocabulary.n_outputs,
            activation=vocabulary.activation,
            vocabulary_size=vocabulary.n_outputs + 1,
            embedding_dim=as_int(self.embedding_dim),
            units=units,
            dropout=float(self.dropout),
            pooling=None,
        )

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"estimator_module": "sklstm", "estimator_name": type(self).__name__}

    def _sequences(self, X: Any) -> Sequences:
        documents = as_documents(X, min_length=0)
        stream, starts, stops = join_documents(documents, self._vocabulary, "Document")
        return Sequences(stream, starts, stops - starts)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = False
        return tags
