"""`CharOneHotEncoder`: strings as sequences of one-hot characters."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.input.absent_steps import TimeSteps
from sklstm.preprocessing._base import SequenceOutputMixin, as_object_array
from sklstm.preprocessing._read_sequences import check_n_features, read_sequences, strip_padding
from sklstm.preprocessing._read_texts import read_texts

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class CharOneHotEncoder(SequenceOutputMixin, TransformerMixin, BaseEstimator):
    """Encode strings as sequences of one-hot characters.

    Each string becomes one sequence with a time step per character (Unicode code point). Strings
    of different lengths are padded at the end with NaN, which the estimators of this package
    read as "no such time step".

    Parameters
    ----------
    vocabulary : str, list of characters or None, default=None
        The characters that have a feature, in this order. None learns them from the strings.
    max_length : int or None, default=None
        Time steps of the output: longer strings are cut at the end. None cuts nothing, and the
        output is as long as the longest string of X.
    handle_unknown : {"error", "ignore"}, default="error"
        What to do with a character that has no feature: raise, or encode it as a time step of
        zeros.

    Attributes
    ----------
    vocabulary_ : ndarray of shape (n_characters,), dtype object
        The character of each feature; sorted if learned.

    See Also
    --------
    SequenceTokenizer : Integer ids of words or characters, for `embedding_dim`.

    Examples
    --------
    >>> from sklstm.preprocessing import CharOneHotEncoder
    >>> encoder = CharOneHotEncoder()
    >>> encoder.fit_transform(["ab", "b"])
    array([[[ 1.,  0.],
            [ 0.,  1.]],
    <BLANKLINE>
           [[ 0.,  1.],
            [nan, nan]]], dtype=float32)
    >>> encoder.vocabulary_
    array(['a', 'b'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        "vocabulary": [str, "array-like", None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "handle_unknown": [StrOptions({"error", "ignore"})],
    }

    def __init__(
        self,
        *,
        vocabulary: str | Sequence[str] | None = None,
        max_length: int | None = None,
        handle_unknown: Literal["error", "ignore"] = "error",
    ) -> None:
        self.vocabulary = vocabulary
        self.max_length = max_length
        self.handle_unknown = handle_unknown

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the characters.

        Parameters
        ----------
        X : list, 1-D array or Series of str, or table of one column, of length n
        y : None
            Ignored.

        Returns
        -------
        self : CharOneHotEncoder

        Raises
        ------
        ValueError
            If X is empty, a bare string or a table of several columns, a string is empty, or a
            character is not in a given `vocabulary` (unless ``handle_unknown="ignore"``).
        TypeError
            If X is of another kind, or an element of it is no string.
        """
        texts = self._read(X)
        if self.vocabulary is None:
            self.vocabulary_ = as_object_array(sorted(set().union(*texts)))
        else:
            self.vocabulary_ = _read_vocabulary(self.vocabulary)
            self._feature_indices(texts)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Encode strings.

        Parameters
        ----------
        X : list, 1-D array or Series of str, or table of one column, of length n

        Returns
        -------
        X_out : ndarray of shape (n, T, n_characters), float32
            T is `max_length`, or the length of the longest string. Time steps after the end of a
            string are NaN.

        Raises
        ------
        ValueError
            If X is empty, a bare string or a table of several columns, a string is empty, or a
            character is unknown (unless ``handle_unknown="ignore"``).
        TypeError
            If X is of another kind, or an element of it is no string.
        """
        check_is_fitted(self)
        texts = self._read(X)
        features = self._feature_indices(texts)  # (characters of all texts,)
        lengths = np.array([len(text) for text in texts])
        n_steps = self.max_length or lengths.max()
        one_hot = np.full((len(texts), n_steps, len(self.vocabulary_)), np.nan, dtype=np.float32)
        step_mask = np.arange(n_steps) < lengths[:, np.newaxis]
        one_hot[step_mask] = 0
        sample, step = np.nonzero(step_mask)
        known = features >= 0
        one_hot[sample[known], step[known], features[known]] = 1
        return one_hot

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode to strings: the character with the largest value at each time step.

        Parameters
        ----------
        X : array of shape (n, T, n_characters), or list of arrays (T_i, n_characters)
            One-hot characters or probabilities; time steps of NaN at the ends are padding.

        Returns
        -------
        texts : ndarray of shape (n,), dtype object
            A time step of zeros (an ignored character) is U+FFFD, the replacement character.

        Raises
        ------
        ValueError
            If X has another number of features, or contains NaN inside a sequence.
        """
        check_is_fitted(self)
        steps = read_sequences(X)
        check_n_features(self, steps, len(self.vocabulary_))
        starts, stops = strip_padding(steps)
        _check_not_partly_missing(steps)
        best = np.where(steps.values.any(axis=1), steps.values.argmax(axis=1), -1)
        letters = np.append(self.vocabulary_, REPLACEMENT)[best]
        return as_object_array(["".join(letters[a:b]) for a, b in zip(starts, stops, strict=True)])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Get the names of the features (the last axis of the output): the characters.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        feature_names_out : ndarray of shape (n_characters,), dtype object
        """
        check_is_fitted(self)
        return self.vocabulary_.copy()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _read(self, X: Any) -> list[str]:
        texts = read_texts(X)
        if not all(texts):
            raise ValueError(
                f"Sample {texts.index('')} of X is an empty string: every string needs at least "
                "one character."
            )
        return [text[: self.max_length] for text in texts]

    def _feature_indices(self, texts: list[str]) -> np.ndarray:
        """Return the feature of each character of all texts, one after another; -1 if unknown."""
        # a str may hold a lone surrogate, which no encoding has
        code_points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
        distinct, where = np.unique(code_points, return_inverse=True)
        feature_of = {character: i for i, character in enumerate(self.vocabulary_)}
        features = np.array([feature_of.get(chr(point), -1) for point in distinct])
        if self.handle_unknown == "error" and (features < 0).any():
            self._raise_unknown(texts, {chr(point) for point in distinct[features < 0]})
        return features[where]

    def _raise_unknown(self, texts: list[str], unknown: set[str]) -> None:
        sample = next(i for i, text in enumerate(texts) if not unknown.isdisjoint(text))
        character = next(c for c in texts[sample] if c in unknown)
        known = "".join(self.vocabulary_)
        raise ValueError(
            f"Sample {sample} of X ({texts[sample]!r:.40}) contains the unknown character "
            f"{character!r} (X holds {len(unknown)} unknown: {''.join(sorted(unknown))!r:.80}). "
            f"Known are {known!r:.80}. Set vocabulary to all characters that may come, or "
            "handle_unknown='ignore'."
        )


def _read_vocabulary(vocabulary: str | Sequence[str]) -> np.ndarray:
    characters = list(vocabulary)
    for i, character in enumerate(characters):
        if not isinstance(character, str) or len(character) != 1:
            raise ValueError(f"vocabulary contains {character!r}, which is not a single character.")
        if character in characters[:i]:
            raise ValueError(f"vocabulary contains {character!r} twice.")
    if not characters:
        raise ValueError(f"vocabulary={vocabulary!r} is empty: it needs at least one character.")
    return as_object_array([str(character) for character in characters])


def _check_not_partly_missing(steps: TimeSteps) -> None:
    missing = np.isnan(steps.values)
    if (partly := missing.any(axis=1) & ~missing.all(axis=1)).any():
        where = steps.locate(int(np.flatnonzero(partly)[0]))
        raise ValueError(f"Input X contains NaN in {where}, among other values.")
