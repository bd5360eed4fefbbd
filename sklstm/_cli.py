"""The command line: the tour."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

DESCRIPTION = """\
A tour of sklstm in about a minute: digits classified in a grid search, a forecast of airline
passengers, and text in the manner of the Python reference, each beside a baseline."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sklstm",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--picture",
        default="sklstm_tour.png",
        metavar="FILE",
        help="where to save the learning curves (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (default: 0)")
    options = parser.parse_args(arguments)
    load_tensorflow_quietly()
    from sklstm._tour import tour

    try:
        tour(options.picture, options.seed)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


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
