"""TensorFlow is imported without the log lines that say nothing to a user of sklstm."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "TF_CPP_MIN_LOG_LEVEL"
NO_LOGS = "3"  # errors are raised as exceptions anyway


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Let TensorFlow, if it is imported in this context for the first time, write no logs.

    TensorFlow reads the level of its logs from an environment variable when it is imported. The
    variable is set for that moment only. Nothing changes where the user has set it, or has
    imported TensorFlow before.
    """
    if VARIABLE in os.environ or "tensorflow" in sys.modules:
        yield
        return
    with set_for_a_moment(VARIABLE, NO_LOGS):
        yield


@contextmanager
def set_for_a_moment(variable: str, value: str) -> Iterator[None]:
    """Set an environment variable that is not set, and take it away again."""
    os.environ[variable] = value
    try:
        yield
    finally:
        os.environ.pop(variable, None)
