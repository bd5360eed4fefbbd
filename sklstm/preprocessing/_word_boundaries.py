r"""Cutting texts of any script into words, at the word boundaries of Unicode.

The boundaries are those of Unicode Standard Annex 29, "Unicode text segmentation", as the library
`regex` has them (``\b`` with its flag WORD). So a word keeps its combining marks, joiners and soft
hyphens, and emoji that are joined to one stay one. The annex lets its users adapt the rules to
their languages. Two rules are adapted, so that fewer words of English prose and code occur only
once:

- a full stop or a colon between letters ends a word ("film.The", "self.x"),
- an apostrophe joins what stands on both sides of it, digits too ("don't", "1980's").
"""

from __future__ import annotations

import re

import regex

_END = r"(?:\b|(?=[.:]\p{L}))"
_REST = rf".*?{_END}(?:['’](?<=\w.)\w.*?{_END})*+"  # of a word, after its first character
# Without this, `regex` would read a whole run of flags again at each boundary within it.
_FLAG = r"\p{Regional_Indicator}{2}[\p{Word_Break=Extend}\p{Word_Break=Format}\u200d]*+"
# Of several spaces, the last one belongs to the word or mark that follows.
_SPACE = r" +(?= \S)| +|\r\n|\s"
_WORD = regex.compile(rf"[\p{{L}}\p{{N}}_]{_REST}", regex.WORD | regex.DOTALL)
_TOKEN = regex.compile(
    rf" ?(?:[.:](?=\p{{L}})|{_FLAG}|\S{_REST})|{_SPACE}", regex.WORD | regex.DOTALL
)
# The same for ASCII, where Python's `re` is three times as fast.
_ASCII = r"\w+(?:'\w+|(?<=\d)[.,;]\d\w*)*"
_ASCII_WORD = re.compile(_ASCII, re.ASCII)
_ASCII_TOKEN = re.compile(rf" ?(?:{_ASCII}|[^\w\s])|{_SPACE}", re.ASCII)


def find_words(text: str) -> list[str]:
    """Return the words of a text: from a letter, digit or underscore to the next boundary.

    Examples
    --------
    >>> find_words("I don't know 1,000.5 well-known की and 🌸.")
    ['I', "don't", 'know', '1,000.5', 'well', 'known', 'की', 'and']
    """
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


def split_text(text: str) -> list[str]:
    r"""Cut a text into words, marks, line breaks and spaces, whose concatenation is the text.

    A word or a mark keeps the space before it.

    Examples
    --------
    >>> split_text("To be:\n  that’s  it.")
    ['To', ' be', ':', '\n', ' ', ' that’s', ' ', ' it', '.']
    """
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


def lower(text: str) -> str:
    """Return a text in lower case, with as many characters.

    ``str.lower`` turns one letter into two characters: "İ" becomes an "i" and a combining dot. Here
    it becomes "i", as in Unicode's simple case mapping.

    Examples
    --------
    >>> lower("İSTANBUL")
    'istanbul'
    """
    return text.replace("İ", "i").lower()
