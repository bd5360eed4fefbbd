"""TensorFlow is imported without needless log lines; an error says what to install for it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE = "TF_CPP_MIN_LOG_LEVEL"
NO_LOGS = "3"  # errors are raised as exceptions anyway
TRAINERS = ("tensorflow", "keras", "scikeras")


@contextmanager
def importing_tensorflow() -> Iterator[None]:
    """Let TensorFlow, if it is imported in this context for the first time, write no logs.

    TensorFlow reads the level of its logs from an environment variable when it is imported. The
    variable is set for that moment only. Nothing changes where the user has set it, or has
    imported TensorFlow before.

    Raises
    ------
    ImportError
        If a library that trains is not installed; it says what to install.
    """
    try:
        with _quiet_tensorflow():
            yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in TRAINERS:
            raise
        raise ImportError(
            f"fit and to_keras need {missing}, which is not installed here (predictions do not): "
            f"pip install {' '.join(_requirements())}",
            name=error.name,
        ) from error


def _requirements() -> list[str]:
    """Return the libraries that train, with the versions that an installed sklstm asks for."""
    try:
        lines = importlib.metadata.requires("sklstm") or []
    except importlib.metadata.PackageNotFoundError:
        lines = []
    trainers = [line for line in lines if re.match(r"[\w-]*", line)[0] in TRAINERS]
    versions = dict.fromkeys(f'"{line.split(";")[0].strip()}"' for line in trainers)
    return list(versions or TRAINERS)


@contextmanager
def _quiet_tensorflow() -> Iterator[None]:
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
