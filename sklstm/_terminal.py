"""What all commands share: how they end, what goes to standard error, and a quiet TensorFlow."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FAILED, INTERRUPTED, BROKEN_PIPE = 1, 130, 141  # 128 + the number of the signal, as shells have it


def run(program: str, command: Callable[[], None]) -> int:
    """Run a command; return its exit code, and tell errors of the user's in one line."""
    try:
        command()
    except KeyboardInterrupt as interrupt:
        tell(f"\n{str(interrupt) or 'interrupted'}")
        return INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return BROKEN_PIPE
    except (OSError, ValueError) as error:
        tell(f"{program}: error: {_in_one_line(error)}")
        return FAILED
    return 0


def tell(message: str) -> None:
    """Print to standard error, which progress and errors go to."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Tell each warning of a block as a line, without the code that it came from."""
    with warnings.catch_warnings(record=True) as caught:
        yield
    for warning in caught:
        tell(f"warning: {_in_one_line(warning.message)}")


def load_tensorflow_quietly() -> None:
    """Import what trains, without the log lines that TensorFlow writes while it loads.

    It writes them past Python, to the process's standard error, before any setting can stop it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        importlib.import_module("sklstm.network.training.trainer")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def _in_one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, UnicodeEncodeError):
        return (
            f"the output's encoding, {error.encoding}, lacks {error.object[error.start]!r}: set "
            "the environment variable PYTHONIOENCODING=utf-8"
        )
    return " ".join(str(error).split())


def _discard_output() -> None:
    """Give Python somewhere to flush to when it ends: the reader of the pipe is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
