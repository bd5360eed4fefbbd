"""Vocabularies: which tokens a language model knows, and how texts become token ids."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain
from typing import Any, Self

import numpy as np

from sklstm._targets import SoftmaxTargets
from sklstm.preprocessing._base import as_object_array
from sklstm.preprocessing._read_texts import UNKNOWN_TOKEN, most_frequent
from sklstm.preprocessing._word_boundaries import lower, split_text


@dataclass(frozen=True, eq=False)
class Vocabulary(SoftmaxTargets, ABC):
    """The tokens of a language model, which are what its network predicts.

    Token k is entry k of `tokens`, the network's output k and its input k + 1; input 0 precedes
    a document's first token.

    Attributes
    ----------
    tokens : ndarray of shape (n_tokens,), dtype object
    """

    tokens: np.ndarray

    @property
    def n_outputs(self) -> int:
        """Units of the output layer."""
        return len(self.tokens)

    @property
    def n_drawn(self) -> int:
        """How many tokens may be predicted and written: the first ones of `tokens`."""
        return len(self.tokens)

    @abstractmethod
    def split(self, text: str) -> list[str]:
        """Cut a text into tokens, known or not."""

    @abstractmethod
    def encode(self, text: str, name: str, handle_unknown: str = "auto") -> np.ndarray:
        """Convert a text to ids, counted from 1; `name` is the text's name in errors.

        Raises
        ------
        ValueError
            If it holds tokens that the vocabulary lacks, unless `handle_unknown` allows them.
        """

    @abstractmethod
    def encode_stop(self, text: str) -> list[np.ndarray]:
        """Return the indices of `tokens` that spell a text, once for each possible spelling."""

    def decode(self, indices: np.ndarray) -> list[str]:
        """Return the token of each index, as text."""
        return self.tokens[indices].tolist()

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, eq=False)
class CharVocabulary(Vocabulary):
    """Characters, in the order of their code points."""

    @classmethod
    def learn(cls, texts: list[str]) -> Self:
        """Learn the characters of texts.

        Raises
        ------
        ValueError
            If there is only one character.
        """
        characters = sorted(set().union(*texts))
        if len(characters) < 2:
            raise ValueError(
                f"X holds one character only, {characters[0]!r}: a text of two or more different "
                "ones is needed, or vocabulary= all characters that may come."
            )
        return cls(as_object_array(characters))  # an array of str would lose the character NUL

    @classmethod
    def given(cls, tokens: Iterable[str], shown: str) -> Self:
        """Make a vocabulary of given characters; errors show them as `shown`.

        Raises
        ------
        ValueError
            If there are fewer than two, or one is not a single character.
        """
        characters = set(tokens)
        for character in characters:
            if not isinstance(character, str) or len(character) != 1:
                raise ValueError(f"vocabulary holds {character!r:.40}: valid are characters.")
        if len(characters) < 2:
            raise ValueError(
                f"vocabulary={shown} holds {len(characters)} different character(s): valid are "
                "all characters that may come, at least two, or None for those of X."
            )
        return cls(as_object_array(sorted(characters)))

    @cached_property
    def _code_points(self) -> np.ndarray:
        return _code_points("".join(self.tokens))  # in order

    def split(self, text: str) -> list[str]:
        """Return the characters of a text."""
        return list(text)

    def encode(self, text: str, name: str, handle_unknown: str = "auto") -> np.ndarray:
        """Convert a text to ids; characters that the vocabulary lacks are an error by default."""
        points, known = _code_points(text), self._code_points
        places = np.searchsorted(known, points)
        unseen = known[np.minimum(places, len(known) - 1)] != points
        if handle_unknown == "ignore":
            return places[~unseen] + 1
        if unseen.any():
            places = np.flatnonzero(unseen)
            characters = "".join(dict.fromkeys(text[place] for place in places))
            raise ValueError(
                f"{name} holds characters that the vocabulary lacks: {characters[:40]!r}, the "
                f"first at position {places[0]}. Remove them, or fit with vocabulary= all "
                "characters that may come; vocabulary_ lists those that are known."
            )
        return places + 1

    def encode_stop(self, text: str) -> list[np.ndarray]:
        """Return the indices of a text; an empty list if the vocabulary lacks a character of it."""
        known = self.encode(text, "stop", handle_unknown="ignore")
        return [known - 1] if len(known) == len(text) else []


@dataclass(frozen=True, eq=False)
class WordVocabulary(Vocabulary):
    """Words, marks and line breaks by decreasing frequency; the last token is the unknown one.

    Attributes
    ----------
    tokens : ndarray of shape (n_tokens,), dtype object
    lowercase : bool
        Whether texts are turned to lower case first.
    """

    lowercase: bool

    @classmethod
    def learn(
        cls, texts: list[str], *, num_words: int | None, min_count: int, lowercase: bool
    ) -> Self:
        """Learn the words that occur at least `min_count` times.

        Raises
        ------
        ValueError
            If there is no such word.
        """
        counts = Counter(chain.from_iterable(_words(text, lowercase) for text in texts))
        known = [word for word in most_frequent(counts, num_words) if counts[word] >= min_count]
        if not known:
            raise ValueError(
                f"No word comes min_count={min_count} times: the most frequent of "
                f"{len(counts)} comes {max(counts.values(), default=0)} time(s)."
            )
        return cls(as_object_array([*known, UNKNOWN_TOKEN]), lowercase)

    @classmethod
    def given(cls, tokens: Iterable[str], *, lowercase: bool) -> Self:
        """Make a vocabulary of given words, such as ``vocabulary_`` of another generator.

        Raises
        ------
        ValueError
            If there are none, or one is not a single word, mark or line break.
        """
        known = [word for word in dict.fromkeys(tokens) if word != UNKNOWN_TOKEN]
        if not known:
            raise ValueError("vocabulary holds no word: give some, or None for those of X.")
        for word in known:
            if not isinstance(word, str) or _words(word, lowercase) != [word]:
                raise ValueError(
                    f"vocabulary holds {word!r:.40}: valid are single words, marks and line "
                    "breaks, each with the space before it, as vocabulary_ lists them."
                )
        return cls(as_object_array([*known, UNKNOWN_TOKEN]), lowercase)

    @property
    def n_drawn(self) -> int:
        """How many tokens may be predicted and written: all except the unknown one."""
        return len(self.tokens) - 1

    @cached_property
    def _id_of(self) -> dict[str, int]:
        return {word: id_ for id_, word in enumerate(self.tokens, 1)}

    def split(self, text: str) -> list[str]:
        """Cut a text into words, marks and line breaks."""
        return _words(text, self.lowercase)

    def encode(self, text: str, name: str, handle_unknown: str = "auto") -> np.ndarray:
        """Convert a text to ids; words that the vocabulary lacks get the last id by default."""
        words = self.split(text)
        ids = self._lookup(words)
        is_unknown = ids == len(self.tokens)
        if handle_unknown == "ignore":
            return ids[~is_unknown]
        if handle_unknown == "error" and is_unknown.any():
            missing = np.array(words, dtype=object)[is_unknown]
            named = ", ".join(map(repr, dict.fromkeys(missing)))
            raise ValueError(
                f"{name} holds words that the vocabulary lacks: {named:.80}, the first at position "
                f"{is_unknown.argmax()}. Set handle_unknown='auto' to read them as the unknown "
                "token; vocabulary_ lists those that are known."
            )
        return ids

    def encode_stop(self, text: str) -> list[np.ndarray]:
        """Return the indices of a text, with and without a space before it."""
        spelled = [text] if text[0].isspace() else [text, f" {text}"]
        tokens = [self._lookup(self.split(spelling)) - 1 for spelling in spelled]
        return [stop for stop in tokens if (stop < self.n_drawn).all()]  # unknown ones never occur

    def _lookup(self, words: list[str]) -> np.ndarray:
        """Return the ids of words, counted from 1; the highest is that of the unknown token."""
        id_of, unknown_id = self._id_of.get, len(self.tokens)
        return np.fromiter((id_of(word, unknown_id) for word in words), np.int64, len(words))


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _words(text: str, lowercase: bool) -> list[str]:
    return split_text(lower(text) if lowercase else text)
