"""Reading the ``.ts`` text files of the UCR/UEA archive."""

import os
import reprlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sklstm._sklearn_compat import validate_params


@validate_params({"path": [str, os.PathLike]}, prefer_skip_nested_validation=True)
def load_ts(
    path: str | os.PathLike,
) -> tuple[np.ndarray | list[np.ndarray], np.ndarray | None]:
    r"""Read a ``.ts`` text file of the UCR/UEA time series archive.

    The archive is [1]_, and the form of its files is described in [2]_.

    Parameters
    ----------
    path : str or path-like
        The file, in UTF-8. Of its header, ``@classLabel``, ``@targetLabel`` and ``@timeStamps``
        are read; what the others say, the samples (cases, in the format's own word) show.

    Returns
    -------
    X : ndarray of shape (n, T, F), or list of n ndarrays of shape (T_i, F), dtype float64
        The samples, whose channels are the F features: an array if all have as many time steps, a
        list if not. Missing values (``?``) are NaN.
    y : ndarray of shape (n,), or None
        The classes, as the file writes them (str), if ``@classLabel`` is true; the targets
        (float64), if ``@targetLabel`` is true; None if the header says that there are none.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file holds time stamps, has no ``@data`` or no case below it, or a case has no
        label, a class that is not in the header, a value that is no number, channels of different
        length, or another number of channels than the first one. The message names the line.

    Notes
    -----
    The estimators read a time step whose features are all NaN, at the start or the end of a
    sequence, as absent. For NaN elsewhere, and for infinity, they raise a ValueError that says
    where.

    References
    ----------
    .. [1] The archive, https://www.timeseriesclassification.com
    .. [2] The format, https://www.sktime.net/en/stable/api_reference/file_specifications/ts.html

    Examples
    --------
    Two cases of two channels and three time steps:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklstm.datasets import load_ts
    >>> text = "@classLabel true rest walk\n@data\n0,1,?:3,4,5:rest\n6,7,8:9,8,7:walk\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "Motions_TRAIN.ts")
    ...     size = path.write_text(text)
    ...     X, y = load_ts(path)
    >>> X.shape
    (2, 3, 2)
    >>> X[0]
    array([[ 0.,  3.],
           [ 1.,  4.],
           [nan,  5.]])
    >>> y
    array(['rest', 'walk'], dtype='<U4')
    """
    # In descriptions other encodings are common: what is not UTF-8 stays visible as \xNN.
    with Path(path).open(encoding="utf-8-sig", errors="backslashreplace") as file:
        lines = _lines_of(file, path)
        header = _read_header(lines, path)
        cases = list(_read_cases(lines, header))
    if not cases:
        raise ValueError(f"{path} has no case below @data")
    X = [values for values, _ in cases]
    y = np.array([label for _, label in cases]) if header.labels else None
    same_length = len({len(values) for values in X}) == 1
    return (np.stack(X) if same_length else X), y


class _Line(NamedTuple):
    """A line, and where it stands, for the errors."""

    text: str
    number: int
    path: str | os.PathLike

    def error(self, reason: str) -> ValueError:
        return ValueError(f"{self.path}, line {self.number}: {reason}")


class _Header(NamedTuple):
    labels: str | None  # "classes" or "targets"
    classes: list[str]  # empty where the header lists none


_Case = tuple[np.ndarray, str | float | None]  # values (T, F), label


def _lines_of(file: Iterable[str], path: str | os.PathLike) -> Iterator[_Line]:
    """Yield the lines that are neither empty nor comments."""
    for number, text in enumerate(file, 1):
        text = text.strip()
        if text and not text.startswith("#"):
            yield _Line(text, number, path)


def _read_header(lines: Iterator[_Line], path: str | os.PathLike) -> _Header:
    found, classes = {}, []
    for line in lines:
        key, *words = line.text.split()
        if not key.startswith("@"):
            raise line.error(f"{reprlib.repr(line.text)} stands above @data")
        key = key.lower()
        if key == "@data":
            return _Header(_kind_of_labels(found, line), classes)
        if key in ("@timestamps", "@classlabel", "@targetlabel"):
            found[key] = _is_true(words, line)
        if key == "@timestamps" and found[key]:
            raise line.error("@timeStamps is true; only files without time stamps are read")
        if key == "@classlabel":
            classes = words[1:]
    raise ValueError(f"{path} has no line @data")


def _is_true(words: list[str], line: _Line) -> bool:
    word = words[0].lower() if words else ""
    if word not in ("true", "false"):
        raise line.error(f"{reprlib.repr(line.text)} says neither true nor false")
    return word == "true"


def _kind_of_labels(found: dict[str, bool], data: _Line) -> str | None:
    of_classes, of_targets = found.get("@classlabel"), found.get("@targetlabel")
    if of_classes is None and of_targets is None:
        raise data.error("the header above @data has neither @classLabel nor @targetLabel")
    if of_classes and of_targets:
        raise data.error("the header above @data has both @classLabel and @targetLabel true")
    if of_classes:
        return "classes"
    return "targets" if of_targets else None


def _read_cases(lines: Iterable[_Line], header: _Header) -> Iterator[_Case]:
    n_channels = None
    for line in lines:
        values, label = _read_case(line, header)
        n_channels = n_channels or values.shape[1]
        if values.shape[1] != n_channels:
            raise line.error(f"{values.shape[1]} channels, but the first case has {n_channels}")
        yield values, label


def _read_case(line: _Line, header: _Header) -> _Case:
    text, label = line.text, None
    if header.labels:
        text, _, word = text.rpartition(":")
        label = _read_label(word.strip(), text, header, line)
    channels = [_read_channel(part, number, line) for number, part in enumerate(text.split(":"))]
    for number, channel in enumerate(channels):
        if len(channel) != len(channels[0]):
            raise line.error(
                f"channel {number} has {len(channel)} time steps, channel 0 has {len(channels[0])}"
            )
    return np.stack(channels, axis=1), label


def _read_label(word: str, before: str, header: _Header, line: _Line) -> str | float:
    if not word or not before:
        raise line.error(f"no label behind the last channel of {reprlib.repr(line.text)}")
    if header.labels == "targets":
        return _read_target(word, line)
    if header.classes and word not in header.classes:
        raise line.error(
            f"the class {reprlib.repr(word)} is not in the header's {reprlib.repr(header.classes)}"
        )
    return word


def _read_target(word: str, line: _Line) -> float:
    try:
        return float(word)
    except ValueError:
        raise line.error(f"the target {reprlib.repr(word)} is no number") from None


def _read_channel(text: str, number: int, line: _Line) -> np.ndarray:
    entries = text.split(",")
    try:
        return np.array(entries, dtype=np.float64)  # fast, where nothing is missing
    except ValueError:
        return np.array(
            [_read_value(entry.strip(), number, step, line) for step, entry in enumerate(entries)]
        )


def _read_value(entry: str, channel: int, step: int, line: _Line) -> float:
    try:
        return np.nan if entry == "?" else float(entry)
    except ValueError:
        raise line.error(
            f"{reprlib.repr(entry)} in channel {channel} at time step {step} is no number"
        ) from None
