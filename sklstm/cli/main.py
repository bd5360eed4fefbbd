"""The command line: the tour, and the commands on text."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sklstm._version import __version__
from sklstm.cli import terminal
from sklstm.cli.text_options import add_text_parser, read_seed

DESCRIPTION = """\
A tour of sklstm in about a minute: digits classified in a grid search, a forecast of airline
passengers, and text in the manner of the Python reference, each beside a baseline.

python -m sklstm text ... trains on a text of yours, and writes more of it."""
EXAMPLES = """\
examples:
  python -m sklstm --picture curves.png
  python -m sklstm text train book.txt -o book.sklstm"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    terminal.open_streams()
    parser = _parser()
    options = parser.parse_args(arguments)
    return terminal.run(parser.prog, lambda: options.command(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sklstm",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=_tour)
    parser.add_argument("--version", action="version", version=f"sklstm {__version__}")
    parser.add_argument(
        "--picture",
        default="sklstm_tour.png",
        metavar="FILE",
        help="where to save the tour's learning curves (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=read_seed,
        default=0,
        metavar="N",
        help="seed of all random numbers of the tour (default: 0)",
    )
    add_text_parser(parser.add_subparsers(title="commands", metavar="text"))
    return parser


def _tour(options: argparse.Namespace) -> None:
    terminal.load_tensorflow_quietly()
    from sklstm.cli.tour import tour

    tour(options.picture, options.seed)
