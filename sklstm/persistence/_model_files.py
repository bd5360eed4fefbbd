"""`save` and `load`, which write and read model files."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import sklearn
from sklearn.base import BaseEstimator

from sklstm._files import open_regular, write_atomically
from sklstm._version import __version__
from sklstm.persistence._archive import (
    HEADER,
    STRUCTURE,
    Archive,
    begins_as_archive,
    pack,
    read_header,
)
from sklstm.persistence._building import Builder
from sklstm.persistence._contents import check_contents
from sklstm.persistence._dumping import take_apart
from sklstm.persistence._header import FORMAT, Header
from sklstm.persistence._metadata_requests import Requests, restore_requests, separate
from sklstm.persistence._refusals import refuse, refuse_foreign, refuse_keys
from sklstm.persistence._structure import Checker, Node, parse
from sklstm.persistence._trusted_types import Trust
from sklstm.persistence._walk import full_name

BEGINNING = 64  # bytes: enough to distinguish model files from other files


def save(
    estimator: BaseEstimator, path: str | os.PathLike, *, trusted: Collection[str | type] = ()
) -> None:
    """Save an estimator to a file that loads without running code.

    Everything is kept, including the states of the optimizer and of the random generator, so that
    `partial_fit` and `warm_start` continue with the same results as without saving. If saving
    fails, no file is written, and an older file of that name is not changed.

    Parameters
    ----------
    estimator : estimator
        An estimator or transformer of sklstm, or one of scikit-learn that contains such: a
        Pipeline, a search, a voting ensemble.
    path : str or path-like
        The file; ``.sklstm`` is the usual suffix.
    trusted : collection of str or type, default=()
        Types and functions of other packages that the estimator holds, or their full names, such
        as ``"sklearn.tree._tree.Tree"``. `load` needs them too.

    Raises
    ------
    TypeError
        If `estimator` is not an estimator, or holds something that a model file cannot: a function,
        an optimizer object, a Keras callback, a type that is not trusted. The message says where.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Reads the file.

    Notes
    -----
    The structure and the arrays are written by skops, https://skops.readthedocs.io.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklstm import SequenceTokenizer, persistence
    >>> tokenizer = SequenceTokenizer().fit(["to be or not to be"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     persistence.save(tokenizer, Path(folder, "words.sklstm"))
    ...     loaded = persistence.load(Path(folder, "words.sklstm"))
    >>> loaded.transform(["not to be"])
    array([[4, 3, 2, 0, 0, 0]], dtype=int32)
    """
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(
            f"persistence.save writes fitted estimators, but was given {estimator!r:.80} of type "
            f"{full_name(type(estimator))}."
        )
    trust = Trust(trusted)
    refuse_foreign(estimator, trust.given)
    refuse_keys(estimator)
    estimator, requests = separate(estimator)
    content = _checked(_content(estimator, requests), estimator, trust)
    write_atomically(path, lambda file: file.write(content))


def load(path: str | os.PathLike, *, trusted: Collection[str | type] = ()) -> BaseEstimator:
    """Load an estimator that `save` wrote. No code from the file is run.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : collection of str or type, default=()
        Types and functions of other packages that may be loaded, as in `save`. Give only names
        that you know. Their code comes from the installed packages, never from the file.

    Returns
    -------
    estimator
        The saved estimator. Predicting with it does not need TensorFlow.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is not a model file, is truncated or damaged, was written by an sklstm of another
        file format, or holds a type that is not trusted.

    Warns
    -----
    UserWarning
        If another version of sklstm wrote it. For its own estimators, scikit-learn warns in the
        same way (`InconsistentVersionWarning`).

    See Also
    --------
    save : Writes the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklstm import persistence
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.sklstm")
    ...     size = path.write_bytes(b"no model")
    ...     persistence.load(path)
    Traceback (most recent call last):
        ...
    ValueError: ...model.sklstm is not a model file of sklstm: it begins with b'no model'. Valid are
    files that sklstm.persistence.save wrote.
    """
    trust = Trust(trusted)
    with open_regular(path) as file:
        header = _read_header(file, path)
        with _explaining_damage(path):
            archive = Archive(file)
        with _explaining(path, header):
            structure, untrusted = _read_structure(archive, trust)
        if untrusted:
            raise ValueError(
                f"{path} holds what sklstm does not trust: {', '.join(untrusted)}. If you know "
                f"these and who wrote the file, name them: load(..., trusted={untrusted})."
            )
        if header.sklstm != __version__:
            warnings.warn(
                f"{path} was saved with sklstm {header.sklstm}, and this is sklstm "
                f"{__version__}: its predictions may differ. Check them, or fit anew.",
                UserWarning,
                stacklevel=2,
            )
        with _explaining(path, header):
            estimator = _build(structure, archive, trust)
            restore_requests(estimator, header.requests)
            return estimator


def _content(estimator: BaseEstimator, requests: Requests) -> bytes:
    """Return the bytes of a model file."""
    structure, arrays = take_apart(estimator)
    members = {
        HEADER: Header.of_this_version(requests).to_json(),
        STRUCTURE: json.dumps(structure, separators=(",", ":")).encode("ascii"),
    }
    return pack(members | arrays)


def _checked(content: bytes, estimator: BaseEstimator, trust: Trust) -> bytes:
    """Check that the content can be loaded, before it is written to a file."""
    try:
        archive = Archive(io.BytesIO(content))
        structure, untrusted = _read_structure(archive, trust)
        if not untrusted:
            _build(structure, archive, trust)
    except Exception as error:
        raise TypeError(f"{estimator!r:.80} would not load from a model file: {error}") from error
    if untrusted:
        refuse(estimator, lambda name: name in untrusted, untrusted)
    return content


def _read_header(file: BinaryIO, path: str | os.PathLike) -> Header:
    """Read only the header of a model file, and check its format."""
    beginning = file.read(BEGINNING)
    if not begins_as_archive(beginning):
        raise ValueError(
            f"{path} is not a model file of sklstm: {_foreign_kind(beginning)}. Valid are files "
            "that sklstm.persistence.save wrote."
        )
    with _explaining_damage(path):
        header = Header.from_json(read_header(file))
    if header.format > FORMAT:
        raise ValueError(
            f"{path} was written by a newer sklstm, {header.sklstm} (format {header.format}); "
            f"this is {__version__} (format {FORMAT}): update sklstm."
        )
    if header.format < FORMAT:
        raise ValueError(
            f"{path} was written by an older sklstm, {header.sklstm} (format {header.format}); "
            f"this is {__version__}, which reads format {FORMAT}: fit the model anew and save it, "
            "or load it with that version."
        )
    return header


def _foreign_kind(beginning: bytes) -> str:
    if not beginning:
        return "it is empty"
    if beginning.startswith(b"\x80"):
        return "it looks like a pickle, which may run code when it is loaded"
    if beginning.startswith(b"PK"):
        return "it is another zip archive"
    return f"it begins with {beginning[:16]!r}"


def _read_structure(archive: Archive, trust: Trust) -> tuple[Node, list[str]]:
    """Return the checked structure, and the names in it that are not trusted."""
    structure = parse(archive.read(STRUCTURE))
    checker = Checker(trust, archive.arrays)
    checker.check(structure)
    return structure, sorted(checker.untrusted)


def _build(structure: Node, archive: Archive, trust: Trust) -> BaseEstimator:
    estimator = Builder(trust, archive.read).build(structure)
    if not isinstance(estimator, BaseEstimator):
        raise ValueError(f"it holds a {type(estimator).__name__}, which is no estimator")
    check_contents(estimator)
    return estimator


@contextmanager
def _explaining_damage(path: str | os.PathLike) -> Iterator[None]:
    """Turn errors into a ValueError that says that a file is damaged; `zipfile` raises many."""
    try:
        yield
    except (MemoryError, OSError):
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is truncated or damaged ({error}): copy it again, or save the model anew."
        ) from error


@contextmanager
def _explaining(path: str | os.PathLike, header: Header) -> Iterator[None]:
    """Turn errors into a ValueError that names the file and the versions that wrote it."""
    try:
        yield
    except (MemoryError, OSError, Warning):  # warnings that a filter turns into errors
        raise
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise ValueError(
            f"{path} cannot be loaded ({kind}{error}). It was saved with sklstm {header.sklstm} "
            f"and scikit-learn {header.scikit_learn}; these are {__version__} and "
            f"{sklearn.__version__}."
        ) from error
