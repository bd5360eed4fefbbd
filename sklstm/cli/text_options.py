"""The options of `python -m sklstm text`: how they are read, and their help texts."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from sklstm import CharSequenceGenerator
from sklstm._parameters import OPTIMIZERS
from sklstm._sklearn_compat import InvalidParameterError, validate_parameter_constraints
from sklstm.cli import text_commands as commands
from sklstm.network.training.learning_rate import SCHEDULES
from sklstm.text.generator import WRITING_CONSTRAINTS

Convert = Callable[[str], Any]
MAX_SEED = 2**32 - 1

TEXT = """\
Learn a text with an LSTM network, write more of it, and measure how well it predicts other texts.
Training loads TensorFlow; writing and scoring do not."""
TRAIN = """\
Learn one text or several documents, character by character.

The model file is written after every epoch, whole or not at all. After a kill or Ctrl-C the same
command goes on from it, to the same result; with more --epochs it trains on. A file of another
training is never replaced without --overwrite."""
TRAIN_EXAMPLES = """\
examples:
  python -m sklstm text train book.txt -o book.sklstm --units 256 --epochs 20
  cat letters/*.txt | python -m sklstm text train - -o letters.sklstm --seed 0"""
SAMPLE = """\
Write on from a prompt, character by character (or word by word, if the model was fitted on words),
as they are drawn. The prompt comes first in the output, and a line end last."""
SAMPLE_EXAMPLES = """\
examples:
  python -m sklstm text sample book.sklstm --prompt "To be" --length 400 --temperature 0.6
  head -c 2000 book.txt | python -m sklstm text sample book.sklstm --prompt - --no-echo"""
SCORE = """\
Measure how well a model foresees texts: the mean negative logarithm of the probability of each
character (or word) after those before it, in nats and in bits, and the perplexity (e to the nats).
Smaller is better; each file is read once, from the beginning of a document."""
SCORE_EXAMPLES = """\
examples:
  python -m sklstm text score book.sklstm other.txt
  cat other.txt | python -m sklstm text score book.sklstm - --handle-unknown ignore"""


def layers(text: str) -> int | tuple[int, ...]:
    """Read "256", or "256,128" for two layers."""
    units = [int(part) if part.isdecimal() else 0 for part in text.split(",")]
    if min(units) < 1:
        raise ValueError("must be a whole number of at least 1, or several with commas between")
    return units[0] if len(units) == 1 else tuple(units)


def optimizer(name: str) -> str:
    """Read the name of an optimizer."""
    if name not in OPTIMIZERS:
        raise ValueError(f"must be one of {', '.join(sorted(OPTIMIZERS))}")
    return name


def read_seed(text: str) -> int:
    """Read a seed, as numpy takes it."""
    if not text.isdecimal() or int(text) > MAX_SEED:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not valid: must be a whole number from 0 to {MAX_SEED}"
        )
    return int(text)


# Parameters of the estimator by name: the function that reads a value, and the help text.
NETWORK: dict[str, tuple[Convert, str]] = {
    "units": (layers, "units of the LSTM layer, or of each: 256,256 is two layers"),
    "embedding_dim": (int, "length of the vector learnt for each character; one-hot without it"),
    "dropout": (float, "share of each layer's outputs that training hides"),
}
TRAINING: dict[str, tuple[Convert, str]] = {
    "epochs": (int, "passes over the text"),
    "batch_size": (int, "windows per step of the optimizer"),
    "window": (int, "characters of a training window"),
    "optimizer": (optimizer, f"one of {', '.join(sorted(OPTIMIZERS))}"),
    "learning_rate": (float, "learning rate of the optimizer"),
    "learning_rate_schedule": (str, f"one of {', '.join(sorted(SCHEDULES))}"),
    "warmup": (float, "share of the training over which the learning rate rises"),
    "clipnorm": (float, "largest norm of the gradient of each weight array"),
    "n_iter_no_change": (
        int,
        "epochs without a better held-out score after which --early-stopping ends",
    ),
    "sample_length": (int, "characters of a sample that is shown after every epoch"),
}
LENGTH: dict[str, tuple[Convert, str]] = {"length": (int, "characters, or words of a word model")}
DRAWING: dict[str, tuple[Convert, str]] = {
    "temperature": (float, "below 1 more regular, above 1 more surprising, 0 always the likeliest"),
    "top_k": (int, "draw from this many of the likeliest characters or words"),
    "top_p": (float, "draw from the fewest of the likeliest that reach this share together"),
}


def add_text_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add `text` and its commands."""
    text = subparsers.add_parser("text", help="train, sample, score", description=TEXT)
    text.formatter_class = argparse.RawDescriptionHelpFormatter
    inner = text.add_subparsers(metavar="{train,sample,score}", required=True)
    _add_train(_add(inner, "train", "learn a text", TRAIN, TRAIN_EXAMPLES))
    _add_sample(_add(inner, "sample", "write on from a prompt", SAMPLE, SAMPLE_EXAMPLES))
    _add_score(_add(inner, "score", "measure how well texts are predicted", SCORE, SCORE_EXAMPLES))


def _add(
    subparsers: argparse._SubParsersAction, name: str, summary: str, description: str, epilog: str
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    defaults = _defaults(CharSequenceGenerator)
    constraints = CharSequenceGenerator._parameter_constraints
    parser.set_defaults(command=commands.train)
    files = parser.add_argument_group("files")
    files.add_argument(
        "texts", nargs="+", metavar="FILE", help="texts, a document each; - is standard input"
    )
    files.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="model file to write, or to go on from",
    )
    files.add_argument(
        "--overwrite",
        action="store_true",
        help="begin anew; the model that is there is replaced after the first epoch",
    )
    _add_encoding(files)
    files.add_argument(
        "--validation",
        type=_share,
        default=commands.VALIDATION,
        metavar="SHARE",
        help="this share of the text, its end, is held out and scored after every epoch; 0 holds "
        "out nothing (default: %(default)s)",
    )
    _add_parameters(parser.add_argument_group("network"), NETWORK, constraints, defaults)
    training = parser.add_argument_group("training")
    _add_parameters(training, TRAINING, constraints, defaults)
    training.add_argument(
        "--early-stopping",
        action="store_true",
        default=argparse.SUPPRESS,
        help="end when the held-out score no longer improves, and keep the best weights",
    )
    _add_seed(training)
    training.add_argument("-q", "--quiet", action="store_true", help="show no progress")


def _add_sample(parser: argparse.ArgumentParser) -> None:
    defaults = _defaults(CharSequenceGenerator.generate)
    parser.set_defaults(command=commands.sample)
    _add_model(parser)
    what = parser.add_argument_group("what is written")
    what.add_argument(
        "--prompt",
        default="",
        metavar="TEXT",
        help="what has been written so far; - reads it from standard input, without its last line "
        "end (default: none, the beginning of a document)",
    )
    _add_parameters(what, LENGTH, WRITING_CONSTRAINTS, defaults)
    what.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="end as soon as this text has been written, such as $'\\n\\n'; may be given several "
        "times",
    )
    what.add_argument(
        "--samples",
        type=_count,
        default=1,
        metavar="N",
        help="write this many, side by side; they appear when all are complete (default: 1)",
    )
    what.add_argument("--no-echo", action="store_true", help="leave the prompt out of the output")
    _add_handle_unknown(what, "the prompt")
    _add_encoding(what)
    drawing = parser.add_argument_group("how it is drawn")
    _add_parameters(drawing, DRAWING, WRITING_CONSTRAINTS, defaults)
    _add_seed(drawing)


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=commands.score)
    _add_model(parser)
    parser.add_argument("texts", nargs="+", metavar="FILE", help="texts; - is standard input")
    _add_handle_unknown(parser, "a text")
    _add_encoding(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help="model file that text train or persistence.save wrote"
    )


def _add_encoding(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--encoding",
        type=_encoding,
        default="utf-8",
        metavar="NAME",
        help="encoding of the texts (default: %(default)s)",
    )


def _add_seed(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--seed",
        type=read_seed,
        metavar="N",
        help="seed of all random numbers (default: another one each time)",
    )


def _add_handle_unknown(group: argparse._ActionsContainer, what: str) -> None:
    group.add_argument(
        "--handle-unknown",
        choices=("auto", "error", "ignore"),
        default="auto",
        help=f"whether characters or words of {what} that the model does not know are an error or "
        "left out; auto is an error for characters, and reads words as the unknown one (default: "
        "%(default)s)",
    )


def _add_parameters(
    group: argparse._ActionsContainer,
    options: Mapping[str, tuple[Convert, str]],
    constraints: Mapping[str, list],
    defaults: Mapping[str, Any],
) -> None:
    """Add an option per parameter; one that is not given keeps the default of the estimator."""
    for name, (convert, summary) in options.items():
        default = "" if defaults[name] is None else f" (default: {defaults[name]})"
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=_checked(name, convert, constraints),
            default=argparse.SUPPRESS,
            metavar={float: "X", str: "NAME", optimizer: "NAME"}.get(convert, "N"),
            help=summary + default,
        )


def _defaults(function: Callable) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def _checked(name: str, convert: Convert, constraints: Mapping[str, list]) -> Convert:
    """Return a function that reads one option and checks it by the constraint of the estimator."""

    def read(text: str) -> Any:
        try:
            value = convert(text)
            validate_parameter_constraints(
                {name: constraints[name]}, {name: value}, caller_name="the command"
            )
        except InvalidParameterError as error:
            valid = str(error).partition(" must be ")[2].partition(". Got ")[0]
            valid = valid.removesuffix(" or None")  # which is to leave the option out
            raise argparse.ArgumentTypeError(f"{text!r} is not valid: must be {valid}") from error
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not valid: {error}") from error
        return value

    return read


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: must be at least 0, below 1")
    return share


def _count(text: str) -> int:
    if not text.isdecimal() or not text.strip("0"):
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: must be at least 1")
    if len(text) > 18:
        raise argparse.ArgumentTypeError(f"a number of {len(text)} digits is too large")
    return int(text)


def _encoding(name: str) -> str:
    try:
        "a".encode(name)
    except (LookupError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"{name!r} is not valid: must be an encoding that Python knows, such as utf-8, utf-16 "
            "or cp1252"
        ) from error
    return name
