"""`SequenceTokenizer`: texts as sequences of integer token ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import chain
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sklstm._doc_link import DocLinkMixin
from sklstm._sklearn_compat import Interval, StrOptions, fit_context
from sklstm.preprocessing._base import as_object_array
from sklstm.preprocessing._padding import Side, pad, truncate
from sklstm.preprocessing._read_texts import UNKNOWN_TOKEN, most_frequent, read_texts
from sklstm.preprocessing._word_boundaries import find_words, lower

PADDING_ID, UNKNOWN_ID = 0, 1
SPECIAL_TOKENS = ["<pad>", UNKNOWN_TOKEN]


class SequenceTokenizer(
    DocLinkMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Turn texts into sequences of integer token ids, for an estimator with `embedding_dim`.

    Id 0 is padding and id 1 the unknown token; the known tokens follow from 2 by falling
    frequency in the texts of `fit` (as truncated), equally frequent ones in alphabetical order.

    Parameters
    ----------
    level : {"word", "char"}, default="word"
        Whether a token is a word or a character.
    num_words : int or None, default=None
        How many of the most frequent tokens to know; None knows all. The vocabulary has two more,
        for padding and unknown.
    max_length : int or None, default=None
        Ids per text in the output. None takes the longest text seen by `fit`; longer ones are
        truncated in `transform`.
    padding : {"post", "pre"}, default="post"
        Whether padding goes to the end or to the start of a text.
    truncating : {"post", "pre"}, default="post"
        Whether a longer text loses its end or its start.
    lowercase : bool, default=True
        Whether to turn the texts to lower case first, character by character.
    token_pattern : str or None, default=None
        Regular expression (of Python's ``re``) of a word; if it has a group, the group is the
        token. None takes the words of any script, by the word boundaries of Unicode (see Notes).
        Not used for ``level="char"``.

    Attributes
    ----------
    vocabulary_ : ndarray of shape (n_tokens,), dtype object
        ``vocabulary_[id]`` is the token of an id; ``"<pad>"`` and ``"<unk>"`` come first.
    max_length_ : int
        Ids per text in the output.

    See Also
    --------
    CharOneHotEncoder : Characters for networks without an embedding.

    Notes
    -----
    A text without any token is read as one unknown token, since an LSTM needs a time step.

    Words are those of Unicode Standard Annex 29 [1]_: letters, digits and underscores with the
    marks and joiners that belong to them, with apostrophes inside ("don't", "1980's"), and numbers
    with their commas and points ("1,000.5"). A full stop or a colon between letters ends a word,
    as in "end.The". One letter may be a word; marks and emoji are none. Where a script writes no
    spaces between words, the annex finds no words without a dictionary: each Chinese character or
    hiragana is a token, and Thai, Lao, Burmese and Khmer come apart into single letters, each with
    its marks. For these, put spaces between the words beforehand and set
    ``token_pattern=r"\S+"``, or take ``level="char"``.

    References
    ----------
    .. [1] "Unicode text segmentation", Unicode Standard Annex 29,
       https://www.unicode.org/reports/tr29/

    Examples
    --------
    >>> from sklstm.preprocessing import SequenceTokenizer
    >>> tokenizer = SequenceTokenizer()
    >>> tokenizer.fit_transform(["a rose is a rose", "is it?"])
    array([[2, 4, 3, 2, 4],
           [3, 5, 0, 0, 0]], dtype=int32)
    >>> tokenizer.vocabulary_
    array(['<pad>', '<unk>', 'a', 'is', 'rose', 'it'], dtype=object)
    >>> ids = tokenizer.transform(["It is a daisy"])
    >>> tokenizer.inverse_transform(ids)
    array(['it is a <unk>'], dtype=object)
    """

    _parameter_constraints: ClassVar[dict] = {
        "level": [StrOptions({"word", "char"})],
        "num_words": [Interval(Integral, 1, None, closed="left"), None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "padding": [StrOptions({"post", "pre"})],
        "truncating": [StrOptions({"post", "pre"})],
        "lowercase": ["boolean"],
        "token_pattern": [str, None],
    }

    def __init__(
        self,
        level: Literal["word", "char"] = "word",
        *,
        num_words: int | None = None,
        max_length: int | None = None,
        padding: Side = "post",
        truncating: Side = "post",
        lowercase: bool = True,
        token_pattern: str | None = None,
    ) -> None:
        self.level = level
        self.num_words = num_words
        self.max_length = max_length
        self.padding = padding
        self.truncating = truncating
        self.lowercase = lowercase
        self.token_pattern = token_pattern

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the vocabulary.

        Parameters
        ----------
        X : list, 1-D array or Series of str, or table of one column, of length n
        y : None
            Ignored.

        Returns
        -------
        self : SequenceTokenizer

        Raises
        ------
        ValueError
            If X is empty, a bare string or a table of several columns, no text has a token, or
            `token_pattern` is no regular expression with at most one group.
        TypeError
            If X is of another kind, or an element of it is no string.
        """
        texts = read_texts(X)
        tokenized = self._tokenize(texts)
        counts = Counter(chain.from_iterable(tokenized))
        if not counts:
            raise ValueError(
                f"No text of X has a token: the first is {texts[0]!r:.40}, and {self._valid_token}."
            )
        self.vocabulary_ = as_object_array(SPECIAL_TOKENS + most_frequent(counts, self.num_words))
        self.max_length_ = int(self.max_length or max(map(len, tokenized)))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Turn texts into ids.

        Parameters
        ----------
        X : list, 1-D array or Series of str, or table of one column, of length n

        Returns
        -------
        ids : ndarray of shape (n, `max_length_`), int32
            Tokens that are not in the vocabulary are 1, padding is 0.

        Raises
        ------
        ValueError
            If X is empty, a bare string or a table of several columns.
        TypeError
            If X is of another kind, or an element of it is no string.
        """
        check_is_fitted(self)
        id_of = {token: id_ for id_, token in enumerate(self.vocabulary_) if id_ > UNKNOWN_ID}
        ids = [
            np.array([id_of.get(token, UNKNOWN_ID) for token in tokens] or [UNKNOWN_ID], np.int32)
            for tokens in self._tokenize(read_texts(X))
        ]
        return pad(
            ids,
            self.max_length_,
            padding=self.padding,
            truncating=self.truncating,
            fill=PADDING_ID,
        )

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Turn ids back into texts.

        Parameters
        ----------
        X : integer array of shape (n, T), or list of integer arrays (T_i,)

        Returns
        -------
        texts : ndarray of shape (n,), dtype object
            The tokens, words joined by spaces; padding is left out. What is no token, and what
            was truncated, does not come back.

        Raises
        ------
        ValueError
            If X holds other than integers, or an id outside the vocabulary.
        """
        check_is_fitted(self)
        between = " " if self.level == "word" else ""
        return as_object_array(
            [between.join(self._decode(row, sample)) for sample, row in enumerate(_as_rows(X))]
        )

    @property
    def _n_features_out(self) -> int:
        return self.max_length_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def _valid_token(self) -> str:
        if self.level == "char":
            return "every character is one"
        if self.token_pattern is None:
            return "a word begins with a letter, a digit or an underscore"
        return f"a word matches token_pattern={self.token_pattern!r}"

    def _tokenize(self, texts: list[str]) -> list[list[str]]:
        split = list if self.level == "char" else _word_finder(self.token_pattern)
        tokenized = [split(lower(text) if self.lowercase else text) for text in texts]
        # Truncated before tokens are counted: a token that only truncated ends hold would get an
        # id that fit_transform never returns, and an estimator that learnt its vocabulary size
        # from there would refuse the id later.
        return [truncate(tokens, self.max_length, self.truncating) for tokens in tokenized]

    def _decode(self, row: Any, sample: int) -> np.ndarray:
        ids = np.asarray(row)
        if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
            raise ValueError(
                f"Sample {sample} of X has dtype {ids.dtype} and shape {ids.shape}: valid are "
                "integers of shape (n, T), or a list of integer arrays (T_i,)."
            )
        ids = ids.astype(np.int64)
        if (outside := (ids < 0) | (ids >= len(self.vocabulary_))).any():
            raise ValueError(
                f"Token id {ids[outside][0]} in sample {sample} is outside the vocabulary: valid "
                f"are 0 (padding) to {len(self.vocabulary_) - 1}."
            )
        return self.vocabulary_[ids[ids != PADDING_ID]]


def _word_finder(token_pattern: str | None) -> Callable[[str], list[str]]:
    if token_pattern is None:
        return find_words
    try:
        pattern = re.compile(token_pattern)
    except re.error as error:
        raise ValueError(
            f"token_pattern={token_pattern!r} is not a regular expression: {error}."
        ) from error
    if pattern.groups > 1:
        raise ValueError(
            f"token_pattern={token_pattern!r} has {pattern.groups} groups: valid is at most one; "
            "write (?:...) for the others."
        )
    return pattern.findall


def _as_rows(X: Any) -> Any:
    """Iterate over the samples of X, which a DataFrame would not."""
    return np.asarray(X) if hasattr(X, "shape") else X
