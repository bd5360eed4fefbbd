"""Texts read from files and from standard input."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Sequence
from pathlib import Path

STANDARD_INPUT = "-"
MIN_LENGTH = 2  # of a document: a character, and the one that follows it


def read_texts(names: Sequence[str], encoding: str) -> list[str]:
    """Read documents, one of each file.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file is not text in this encoding, or has fewer than two characters.
    """
    texts = [read_text(name, encoding) for name in names]
    for name, text in zip(names, texts, strict=True):
        check_length(text, name)
    return texts


def read_text(name: str, encoding: str) -> str:
    r"""Read a file, or standard input if the name is "-".

    A byte order mark is dropped, and every line end (``\r\n``, ``\r``) becomes ``\n``, as Python
    does it when it opens a text file.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not text in this encoding; the message names the first byte that is not.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "book.txt")
    ...     size = path.write_bytes(b"\xef\xbb\xbfTo be,\r\nor")
    ...     read_text(str(path), "utf-8")
    'To be,\nor'
    """
    content = sys.stdin.buffer.read() if name == STANDARD_INPUT else Path(name).read_bytes()
    text = _decode(content, shown(name), encoding)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def check_length(text: str, name: str) -> None:
    """Raise ValueError for a text that is too short to learn from, or to score."""
    if not text:
        raise ValueError(f"{shown(name)} is empty: a text of at least {MIN_LENGTH} characters")
    if len(text) < MIN_LENGTH:
        raise ValueError(
            f"{shown(name)} holds {text!r} only: a text of at least {MIN_LENGTH} characters"
        )


def shown(name: str) -> str:
    """Return what an input is called in messages."""
    return "standard input" if name == STANDARD_INPUT else name


def _decode(content: bytes, name: str, encoding: str) -> str:
    # utf-8-sig would count the offset of an error from behind the byte order mark.
    is_utf8 = codecs.lookup(encoding).name == "utf-8-sig"
    try:
        return content.decode("utf-8" if is_utf8 else encoding)
    except UnicodeDecodeError as error:
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        likely = "utf-16" if is_utf16 else "latin-1"
        raise ValueError(
            f"{name} is not text in {encoding}: byte 0x{content[error.start]:02x} at offset "
            f"{error.start} ({error.reason}). Name its encoding, such as --encoding {likely}."
        ) from None
