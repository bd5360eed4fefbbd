"""Texts read from files and from standard input."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import stat
import sys
from collections.abc import Sequence

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
    content = _read_standard_input() if name == STANDARD_INPUT else _read_file(name)
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


def _read_file(name: str) -> bytes:
    """Read a file, a pipe or what is typed at a terminal; other devices might never end."""
    with open(name, "rb") as file:
        if stat.S_ISCHR(os.fstat(file.fileno()).st_mode) and not file.isatty():
            raise OSError(errno.EINVAL, "A device is no text", name)
        return file.read()


def _read_standard_input() -> bytes:
    if sys.stdin is None:
        raise ValueError("standard input is closed: there is nothing to read")
    return sys.stdin.buffer.read()


def _decode(content: bytes, name: str, encoding: str) -> str:
    # utf-8-sig would count the offset of an error from behind the byte order mark.
    is_utf8 = codecs.lookup(encoding).name == "utf-8-sig"
    try:
        return content.decode("utf-8" if is_utf8 else encoding)
    except UnicodeError as error:
        reason = str(error)
        if isinstance(error, UnicodeDecodeError):
            wrong = content[error.start]
            reason = f"byte 0x{wrong:02x} at offset {error.start} ({error.reason})"
        raise ValueError(
            f"{name} is not text in {encoding}: {reason}. Name its encoding, such as "
            f"--encoding {_likely_encoding(content)}."
        ) from None


def _likely_encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "cp1252"):  # cp1252 has the quotes and dashes that latin-1 lacks
        with contextlib.suppress(UnicodeDecodeError):
            content.decode(encoding)
            return encoding
    return "latin-1"  # any bytes
