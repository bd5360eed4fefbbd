"""What all commands share: exit codes, messages on standard error, loading TensorFlow quietly."""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from sklstm.network.quiet_import import importing_tensorflow

FAILED, INTERRUPTED, BROKEN_PIPE = 1, 130, 141  # 128 + the number of the signal, as shells have it


def open_streams() -> None:
    """Replace standard streams that are closed, and make all of them accept every character.

    Where a standard stream is closed, the next file that is opened would get its number, and what
    TensorFlow prints would be written into that file. Characters that the encoding of a stream
    lacks are written as escapes, so that printing a result never fails.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    sys.stdout = _writable(sys.stdout)
    sys.stderr = _writable(sys.stderr)


def _writable(stream: TextIO | None) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def run(program: str, command: Callable[[], None]) -> int:
    """Run a command; print errors that the user can mend in one line; return the exit code."""
    try:
        command()
        sys.stdout.flush()
    except KeyboardInterrupt as interrupt:
        tell(f"\n{str(interrupt) or 'interrupted'}")
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return BROKEN_PIPE
    except MemoryError as error:
        tell(f"{program}: error: there is not enough memory: {_in_one_line(error)}")
        return FAILED
    except (ImportError, OSError, ValueError) as error:
        tell(f"{program}: error: {_in_one_line(error)}")
        _flush_or_discard_output()
        return FAILED
    return 0


def check_memory(needed: float, what: str) -> None:
    """Raise ValueError if work needs more memory than this machine has, before it begins.

    Parameters
    ----------
    needed : float
        In bytes.
    what : str
        The option that needs the memory, for the message.
    """
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # some systems do not tell
        return
    if needed > memory:
        raise ValueError(
            f"{what} needs about {needed / 1e9:,.0f} GB of memory, and this machine has "
            f"{memory / 1e9:,.0f} GB"
        )


def tell(message: str) -> None:
    """Print to standard error, which progress and errors go to."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print each warning of a block in one line, without the code that it came from."""
    with warnings.catch_warnings(record=True) as caught:
        yield
    for warning in caught:
        tell(f"warning: {_in_one_line(warning.message)}")


def load_tensorflow_quietly() -> None:
    """Import the trainer without the log lines that TensorFlow writes while it loads.

    TensorFlow writes them to the standard error of the process, not through Python, before any
    setting can stop it.

    Raises
    ------
    ImportError
        If a library that trains is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with importing_tensorflow():
            importlib.import_module("sklstm.network.training.trainer")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def _flush_or_discard_output() -> None:
    """Write what is left, unless writing it is what has failed."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()


def _discard_output() -> None:
    """Redirect what is left to nowhere: the reader of the output is gone, or the disk is full."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
