"""What `python -m sklstm text` does: train, sample, score."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import math
import shlex
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import get_args

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from sklstm import CharSequenceGenerator, WordSequenceGenerator
from sklstm._files import check_writable
from sklstm._parameters import layer_units
from sklstm.cli.terminal import check_memory, load_tensorflow_quietly, tell, warnings_in_one_line
from sklstm.cli.text_files import (
    MIN_LENGTH,
    STANDARD_INPUT,
    check_length,
    read_text,
    read_texts,
    shown,
)
from sklstm.network.spec import NetworkSpec
from sklstm.persistence import load

Generator = CharSequenceGenerator | WordSequenceGenerator  # what sample and score can read

VALIDATION = 0.05
LENGTH = inspect.signature(CharSequenceGenerator.generate).parameters["length"].default
GENERATE_OPTIONS = ("length", "temperature", "top_k", "top_p")
LENGTH_OF_SUGGESTED_PROMPT = 12
TOKENS = {"char": "characters", "word": "words"}
# Arrays of a training, each as large as the weights: these, their gradients, the optimizer's two
# moments, and a copy of all but the gradients after each epoch.
COPIES_OF_WEIGHTS = 7
BYTES_PER_SAMPLE = 2_000  # of the random generator of each sample


def train(options: argparse.Namespace) -> None:
    """Train on texts; write the model after every epoch, and go on from a file that exists."""
    start = time.perf_counter()
    documents = read_texts(options.texts, options.encoding)
    learnt, held_out = split(documents, options.validation)
    generator = new_generator(options, "".join(documents))
    done = epochs_done(generator, overwrite=options.overwrite)
    check_size(generator)
    tell(
        f"{sum(map(len, learnt)):,} characters to learn, {sum(map(len, held_out)):,} held out, "
        f"{len(generator.vocabulary)} different ones"
    )
    if 0 < done < generator.epochs:
        tell(f"{options.output} is there, after epoch {done} of {generator.epochs}")
    fit(generator, learnt, held_out, resumed=done > 0, overwrite=options.overwrite)
    if generator.n_iter_ == done:
        print(f"{options.output} was complete, and stays as it was. --overwrite trains it anew.")
    report(generator, held_out, time.perf_counter() - start)
    print(f"next:      {suggestion(options.output, documents[0])}")


def sample(options: argparse.Namespace) -> None:
    """Write on from a prompt: one sample as it is drawn, or several at once."""
    generator = load_generator(options.model)
    prompt = options.prompt
    if prompt == STANDARD_INPUT:
        prompt = read_text(STANDARD_INPUT, options.encoding).removesuffix("\n")
    known = known_text(prompt, "The prompt", generator, options.handle_unknown)
    given = {name: getattr(options, name) for name in GENERATE_OPTIONS if hasattr(options, name)}
    stops = known_stops(options.stop, generator, options.handle_unknown)
    given |= {"stop": stops, "random_state": options.seed}
    echoed = "" if options.no_echo else prompt
    if options.samples == 1:
        characters = generator.stream(known, **given)
        write_as_drawn(chain([echoed], characters))
        return
    check_samples(options.samples, getattr(options, "length", LENGTH), generator)
    texts = generator.generate(known, n_samples=options.samples, **given)
    for number, text in enumerate(texts, 1):
        print(f"--- sample {number} of {options.samples}\n{echoed}{text}", flush=True)


def score(options: argparse.Namespace) -> None:
    """Print how well a model predicts each text, and all of them together."""
    generator = load_generator(options.model)
    names = [shown(name) for name in options.texts]
    texts = texts_to_score(options, generator)
    width = max(map(len, [*names, "file"]))
    token = generator._token
    print(f"{'file':{width}}  {TOKENS[token]:>10}  nats/{token}  bits/{token}  perplexity")
    nats, lengths = [], []
    for name, text in zip(names, texts, strict=True):
        logs = generator.log_probabilities(text)
        nats.append(-float(logs.mean()))
        lengths.append(len(logs))
        print(score_line(f"{name:{width}}", lengths[-1], nats[-1]), flush=True)
    if len(texts) > 1:
        mean = float(np.average(nats, weights=lengths))
        print(score_line(f"{'all':{width}}", sum(lengths), mean))


def texts_to_score(options: argparse.Namespace, generator: Generator) -> list[str]:
    """Read all texts before any is scored: an error then comes at once."""
    texts = []
    for name, text in zip(options.texts, read_texts(options.texts, options.encoding), strict=True):
        texts.append(known_text(text, shown(name), generator, options.handle_unknown))
        check_length(texts[-1], name)
    return texts


def split(documents: Sequence[str], share: float) -> tuple[list[str], list[str]]:
    """Hold out the last share of all characters; the border may lie within a document.

    Raises
    ------
    ValueError
        If either part would have no document of two characters.
    """
    total = sum(map(len, documents))
    border = total - math.ceil(share * total)
    learnt, held_out = [], []
    for text in documents:
        cut = min(max(border, 0), len(text))
        learnt.append(text[:cut])
        held_out.append(text[cut:])
        border -= len(text)
    learnt = [text for text in learnt if len(text) >= MIN_LENGTH]
    held_out = [text for text in held_out if len(text) >= MIN_LENGTH]
    if not learnt or (share and not held_out):
        raise ValueError(
            f"--validation {share:g} of {total} characters leaves too few to learn or to hold "
            "out: give more text, or --validation 0"
        )
    return learnt, held_out


def new_generator(options: argparse.Namespace, text: str) -> CharSequenceGenerator:
    """Make what is to be trained: parameters that were not given keep the estimator's defaults."""
    given = {
        name: getattr(options, name)
        for name in CharSequenceGenerator().get_params()
        if hasattr(options, name)
    }
    if "early_stopping" in given and not options.validation:
        raise ValueError("--early-stopping needs a part that is held out: --validation above 0")
    return CharSequenceGenerator(
        **given,
        vocabulary="".join(sorted(set(text))),  # the held-out part may have characters of its own
        checkpoint=options.output,
        random_state=options.seed,
        verbose=0 if options.quiet else 1,
    )


def epochs_done(generator: CharSequenceGenerator, *, overwrite: bool) -> int:
    """Count the epochs in the file that the training goes on from; the file is checked first.

    Raises
    ------
    OSError
        If it cannot be written.
    ValueError
        If it is no model of a text, or one of another text that must not be overwritten.
    """
    path = Path(generator.checkpoint)
    if not path.exists():
        check_writable(path)
        return 0
    there = load_generator(path)  # a file of another kind is never overwritten
    check_writable(path)
    if overwrite:
        return 0
    if set(there.vocabulary_) != set(generator.vocabulary):
        raise ValueError(
            f"{path} has learnt another text. Name another file, or give --overwrite to replace it."
        )
    return there.n_iter_


def check_size(generator: CharSequenceGenerator) -> None:
    """Refuse a network that the memory cannot hold while it is trained."""
    n_tokens = len(generator.vocabulary)
    spec = NetworkSpec(
        n_outputs=n_tokens,
        activation="softmax",
        vocabulary_size=n_tokens + 1,
        embedding_dim=generator.embedding_dim,
        units=layer_units(generator.units, "units"),
        pooling=None,
    )
    n_weights = sum(math.prod(shape) for shape in spec.weight_shapes().values())
    units = ",".join(map(str, spec.units))
    check_memory(
        4 * n_weights * COPIES_OF_WEIGHTS, f"--units {units}, a network of {n_weights:,} weights,"
    )


def check_samples(n_samples: int, length: int, generator: Generator) -> None:
    """Refuse samples that the memory cannot hold side by side."""
    state = sum(layer_units(generator.units, "units"))
    per_sample = BYTES_PER_SAMPLE + 8 * state + 16 * length
    check_memory(n_samples * per_sample, f"--samples {n_samples} of --length {length}")


def fit(
    generator: CharSequenceGenerator,
    learnt: list[str],
    held_out: list[str],
    *,
    resumed: bool,
    overwrite: bool,
) -> None:
    """Train; progress and warnings go to standard error."""
    load_tensorflow_quietly()
    before = version_of(generator.checkpoint)
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an interruption is told below
        try:
            # As fit does, but for a file that is there: --overwrite leaves it until a new one takes
            # its place.
            generator._fit(
                learnt, held_out or None, previous=None, partial=False, resumes=not overwrite
            )
            is_interrupted = generator.interrupted_
        except KeyboardInterrupt:
            is_interrupted = True
        except ValueError as error:
            hint = " Or give --overwrite to begin anew." if resumed else ""
            raise ValueError(f"{error}{hint}") from error
    if is_interrupted:
        is_new = version_of(generator.checkpoint) != before
        raise KeyboardInterrupt(interruption(generator, is_new=is_new, overwrite=overwrite))


def interruption(generator: CharSequenceGenerator, *, is_new: bool, overwrite: bool) -> str:
    """Describe what the file of an interrupted training holds."""
    path = Path(generator.checkpoint)
    if not path.exists():
        return f"interrupted before the first epoch was complete: there is no {path} yet"
    if overwrite and not is_new:
        return f"interrupted before the first epoch was complete: {path} stays as it was"
    again = "the same command without --overwrite" if overwrite else "the same command"
    return (
        f"interrupted: {path} holds {load(path).n_iter_} of {generator.epochs} epochs, and {again} "
        "goes on from there"
    )


def version_of(path: str | Path) -> tuple[int, int] | None:
    """Return what changes when a file is replaced; None if there is none."""
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def report(generator: CharSequenceGenerator, held_out: list[str], seconds: float) -> None:
    """Print the results of a training."""
    size = Path(generator.checkpoint).stat().st_size / 1e6
    print(f"model:     {generator.checkpoint}, {size:.1f} MB, {generator.n_iter_} epochs")
    print(f"learnt:    {generator.history_['loss'][-1]:.3f} nats/char in the last epoch")
    if held_out:
        nats = -generator.score(held_out)
        print(f"held out:  {nats:.3f} nats/char on {sum(map(len, held_out)):,} characters")
    minutes, rest = divmod(round(seconds), 60)
    print(f"time:      {f'{minutes} min ' if minutes else ''}{rest} s")


def suggestion(model: str, text: str) -> str:
    """Return a command to try next, with a prompt of characters that the model knows."""
    line = text.strip().partition("\n")[0][:LENGTH_OF_SUGGESTED_PROMPT]
    prompt = line.rpartition(" ")[0] or line[:2]
    return (
        f"python -m sklstm text sample {shlex.quote(model)} --prompt {shlex.quote(prompt)} "
        "--length 400 --temperature 0.6"
    )


def load_generator(path: str | Path) -> Generator:
    """Load a model of a text.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, is no model file, or holds another kind of model.
    """
    with warnings_in_one_line():
        model = load(path)
    if not isinstance(model, Generator):
        raise ValueError(
            f"{path} holds a {type(model).__name__}: valid are models of a text, "
            f"{' and '.join(kind.__name__ for kind in get_args(Generator))}"
        )
    check_is_fitted(model, msg=f"{path} holds a %(name)s that is not fitted")
    return model


def known_text(text: str, name: str, generator: Generator, handle_unknown: str) -> str:
    """Return a text without its unknown tokens, or raise an error that names them.

    With "auto", a word generator gets them, and reads them as the unknown word.
    """
    if handle_unknown == "auto" and isinstance(generator, WordSequenceGenerator):
        return text
    tokens, known = generator._vocabulary.split(text), known_tokens(generator)
    missing = [token for token in tokens if token not in known]
    if not missing:
        return text
    kind, distinct = TOKENS[generator._token], list(dict.fromkeys(missing))
    named = repr("".join(distinct)[:40])
    if kind == "words":
        named = f"{', '.join(map(repr, distinct)):.80}"
    if handle_unknown != "ignore":
        raise ValueError(
            f"{name} holds {kind} that the model does not know: {named}, the first at position "
            f"{tokens.index(missing[0])}. --handle-unknown ignore leaves them out."
        )
    tell(f"{name}: unknown {kind} left out: {len(missing):,} ({named})")
    return "".join(token for token in tokens if token in known)


def known_stops(stops: list[str], generator: Generator, handle_unknown: str) -> list[str]:
    """Return the stops that a generator may write; others are left out or an error."""
    kind = TOKENS[generator._token]
    for stop in stops:
        if stop and not generator._vocabulary.encode_stop(stop):
            message = f"--stop {stop!r} never comes: it holds {kind} that the model does not know"
            if handle_unknown != "ignore":
                raise ValueError(f"{message}. --handle-unknown ignore leaves it out.")
            tell(f"{message}, and is left out")
    return [stop for stop in stops if not stop or generator._vocabulary.encode_stop(stop)]


def known_tokens(generator: Generator) -> set[str]:
    """Return what a generator may write."""
    return set(generator.vocabulary_[: generator._vocabulary.n_drawn])


def write_as_drawn(characters: Iterable[str]) -> None:
    """Write characters as they come, and a line end after the last one."""
    for character in characters:
        sys.stdout.write(character)
        sys.stdout.flush()
    print(flush=True)


def score_line(name: str, length: int, nats: float) -> str:
    """Format a line of the table."""
    return (
        f"{name}  {length:>10,}  {nats:>9.4f}  {nats / math.log(2):>9.4f}  {math.exp(nats):>10.3f}"
    )
