"""Model files that load without running code, in the format of skops.

A model file is a zip archive: a header (``sklstm.json``) that says which format and which versions
wrote it, the structure of the estimator (``schema.json``) and its arrays, in numpy's format. `load`
builds objects of trusted types only: those of sklstm and of scikit-learn, and numpy's arrays. A
pickle can run any code when it is loaded; such a file cannot.
"""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import sklearn
from sklearn import model_selection
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer, get_scorer_names

from sklstm._files import write_atomically
from sklstm._parts import full_name, keys_last, parts
from sklstm._requests import Requests, restore_requests, without_requests
from sklstm._scaling import InputScaling
from sklstm._sequences import InputForm
from sklstm._version import __version__
from sklstm.network.spec import NetworkSpec
from sklstm.network.training.settings import OptimizerState, Snapshot

__all__ = ["load", "save"]

FORMAT = 1  # of what an estimator of ours holds; a newer one is refused
HEADER = "sklstm.json"
NAME_OFFSET = 30  # of a zip archive's first member, which is the header
# Only the structure is compressed: weights would shrink by 7 % and be read seven times as slowly.
MAX_EXPANSION, MAX_EXTRA_BYTES = 100, 2**26  # what a file may expand to, against zip bombs

# Their modules stand in the files: whoever moves a class has to read its old name, too.
OURS = (
    "sklstm._estimators.LSTMClassifier",
    "sklstm._estimators.LSTMRegressor",
    "sklstm.forecasting._differences.DifferencedRegressor",
    "sklstm.forecasting._intervals.ConformalQuantileRegressor",
    "sklstm.network.runtime.Runtime",
    "sklstm.preprocessing._chars.CharOneHotEncoder",
    "sklstm.preprocessing._padding.SequencePadder",
    "sklstm.preprocessing._time_distributed.TimeDistributed",
    "sklstm.preprocessing._tokens.SequenceTokenizer",
    "sklstm.preprocessing._windows.SlidingWindow",
    "sklstm.text.chars.CharSequenceGenerator",
    "sklstm.text.words.WordSequenceGenerator",
    InputScaling,
    InputForm,
    NetworkSpec,
    OptimizerState,
    Snapshot,
)
# What searches, votes and calibrations hold besides the estimators that skops knows.
SPLITTERS = (
    model_selection.GroupKFold,
    model_selection.GroupShuffleSplit,
    model_selection.KFold,
    model_selection.LeaveOneGroupOut,
    model_selection.LeaveOneOut,
    model_selection.LeavePGroupsOut,
    model_selection.LeavePOut,
    model_selection.PredefinedSplit,
    model_selection.RepeatedKFold,
    model_selection.RepeatedStratifiedKFold,
    model_selection.ShuffleSplit,
    model_selection.StratifiedGroupKFold,
    model_selection.StratifiedKFold,
    model_selection.StratifiedShuffleSplit,
    model_selection.TimeSeriesSplit,
)
PARTS_OF_SCIKIT_LEARN = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.utils._bunch.Bunch",
)
# Objects of other packages are refused before skops looks into them.
KNOWN_PACKAGES = {"builtins", "collections", "numpy", "scipy", "sklearn", "sklstm"}


def save(
    estimator: BaseEstimator, path: str | os.PathLike, *, trusted: Collection[str | type] = ()
) -> None:
    """Save an estimator to a file that loads without running code.

    All of it is kept, the state of the optimizer and of the random generator included, so that
    `partial_fit` and `warm_start` go on as if nothing had happened. The file is written whole or
    not at all: if saving fails, an older file of that name stays as it was.

    Parameters
    ----------
    estimator : estimator
        An estimator or transformer of sklstm, or one of scikit-learn that holds some: a Pipeline,
        a search, a vote.
    path : str or path-like
        The file; ``.sklstm`` is the usual suffix.
    trusted : collection of str or type, default=()
        Types and functions of other packages that the estimator holds, or their full names, such
        as ``"sklearn.tree._tree.Tree"``. `load` needs them too.

    Raises
    ------
    TypeError
        If `estimator` is none, or holds something that a model file cannot: a function, an
        optimizer object, Keras's callbacks, a type that is not trusted. The message says where.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Reads the file.

    References
    ----------
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
    names = _names(trusted)
    _refuse_foreign(estimator, names)
    _refuse_keys(estimator)
    estimator, requests = without_requests(estimator)
    archive = _pack(_dump(estimator), requests)
    if untrusted := _untrusted(archive, names):
        _refuse(estimator, lambda name: name in untrusted, untrusted)
    try:
        _construct(archive, names)
    except Exception as error:
        raise TypeError(f"{estimator!r:.80} would not load from a model file: {error}") from error
    write_atomically(path, lambda file: file.write(archive))


def load(path: str | os.PathLike, *, trusted: Collection[str | type] = ()) -> BaseEstimator:
    """Load an estimator that `save` wrote. No code of the file is run.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : collection of str or type, default=()
        Types and functions of other packages that may be loaded, as in `save`. Give only names
        that you know; what is loaded of them is the installed package's, not the file's.

    Returns
    -------
    estimator
        As it was saved. Predicting with it needs no TensorFlow.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is not a model file, is truncated or damaged, was written by a newer sklstm, or
        holds a type that is not trusted.

    Warns
    -----
    UserWarning
        If another version of sklstm wrote it. scikit-learn warns in the same case of its own
        estimators (`InconsistentVersionWarning`).

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
    archive = Path(path).read_bytes()
    header = _read_header(archive, path)
    names = _names(trusted)
    with _explaining(path, header):
        untrusted = _untrusted(archive, names)
    if untrusted:
        raise ValueError(
            f"{path} holds what sklstm does not trust: {', '.join(untrusted)}. If you know these "
            f"and who wrote the file, name them: load(..., trusted={untrusted})."
        )
    if header["sklstm"] != __version__:
        warnings.warn(
            f"{path} was saved with sklstm {header['sklstm']}, and this is sklstm "
            f"{__version__}: its predictions may differ. Check them, or fit anew.",
            UserWarning,
            stacklevel=2,
        )
    with _explaining(path, header):
        estimator = _construct(archive, names)
        restore_requests(estimator, header["metadata_requests"])
        return estimator


def _dump(estimator: BaseEstimator) -> bytes:
    from skops import io as skops_io

    try:
        return skops_io.dumps(estimator)
    except Exception as error:
        raise TypeError(f"{estimator!r:.80} cannot be saved: {error}") from error


def _untrusted(archive: bytes, names: set[str]) -> list[str]:
    """List what the archive names and nobody trusts, without building anything."""
    from skops import io as skops_io

    return sorted(set(skops_io.get_untrusted_types(data=archive)) - names)


def _construct(archive: bytes, names: set[str]) -> BaseEstimator:
    from skops import io as skops_io

    return skops_io.loads(archive, trusted=sorted(names))


def _names(trusted: Collection[str | type]) -> set[str]:
    """Name all that is trusted besides what skops trusts by itself."""
    if isinstance(trusted, str | bool):
        raise TypeError(f"trusted={trusted!r} is not valid: give a list of types or their names.")
    metrics = {get_scorer(name)._score_func for name in get_scorer_names()}
    known = (*OURS, *SPLITTERS, *PARTS_OF_SCIKIT_LEARN, *metrics, *trusted)
    return {each if isinstance(each, str) else full_name(each) for each in known}


def _pack(dumped: bytes, requests: Requests) -> bytes:
    """Put the header before what skops wrote, and compress the structure."""
    import skops

    header = {
        "format": FORMAT,
        "sklstm": __version__,
        "scikit-learn": sklearn.__version__,
        "skops": skops.__version__,
        "metadata_requests": requests,
    }
    buffer = io.BytesIO()
    with ZipFile(io.BytesIO(dumped)) as source, ZipFile(buffer, "w") as archive:
        archive.writestr(ZipInfo(HEADER), json.dumps(header))
        for name in source.namelist():
            compression = ZIP_DEFLATED if name.endswith(".json") else ZIP_STORED
            archive.writestr(ZipInfo(name), source.read(name), compression)
    return buffer.getvalue()


def _read_header(archive: bytes, path: str | os.PathLike) -> dict[str, Any]:
    """Read the header of a file that is a model file, whole and not too new."""
    name = archive[NAME_OFFSET : NAME_OFFSET + len(HEADER)]
    if not archive.startswith(b"PK") or name != HEADER.encode():
        raise ValueError(
            f"{path} is not a model file of sklstm: {_foreign_kind(archive)}. Valid are files that "
            "sklstm.persistence.save wrote."
        )
    try:
        header = _checked_header(archive)
    except Exception as error:  # zipfile and zlib raise many kinds on damaged bytes
        raise ValueError(
            f"{path} is truncated or damaged ({error}): copy it again, or save the model anew."
        ) from error
    if header["format"] > FORMAT:
        raise ValueError(
            f"{path} was written by a newer sklstm, {header['sklstm']} (format "
            f"{header['format']}); this is {__version__} (format {FORMAT}): update sklstm."
        )
    return header


def _foreign_kind(content: bytes) -> str:
    if not content:
        return "it is empty"
    if content.startswith(b"\x80"):
        return "it looks like a pickle, which may run code when it is loaded"
    if content.startswith(b"PK"):
        return "it is another zip archive"
    return f"it begins with {content[:16]!r}"


def _checked_header(archive: bytes) -> dict[str, Any]:
    """Compare all checksums and return the header."""
    with ZipFile(io.BytesIO(archive)) as members:
        size = sum(member.file_size for member in members.infolist())
        if size > MAX_EXPANSION * len(archive) + MAX_EXTRA_BYTES:
            raise ValueError(f"it would expand to {size} bytes")
        if (bad := members.testzip()) is not None:
            raise ValueError(f"the checksum of {bad} is wrong")
        members.getinfo("schema.json")
        header = json.loads(members.read(HEADER))
    return {
        "format": int(header["format"]),
        "metadata_requests": dict(header["metadata_requests"]),
        **{package: str(header[package]) for package in ("sklstm", "scikit-learn", "skops")},
    }


@contextmanager
def _explaining(path: str | os.PathLike, header: dict[str, Any]) -> Iterator[None]:
    """Say which file does not load, and which versions wrote it."""
    import skops

    try:
        yield
    except Warning:  # where the user made errors of them
        raise
    except Exception as error:
        raise ValueError(
            f"{path} cannot be loaded ({type(error).__name__}: {error}). It was saved with sklstm "
            f"{header['sklstm']}, scikit-learn {header['scikit-learn']} and skops "
            f"{header['skops']}; these are {__version__}, {sklearn.__version__} and "
            f"{skops.__version__}."
        ) from error


def _refuse_foreign(estimator: BaseEstimator, trusted: set[str]) -> None:
    """Raise TypeError for what skops had better not look into: it follows every reference."""

    def is_foreign(name: str) -> bool:
        return name not in trusted and name.partition(".")[0] not in KNOWN_PACKAGES

    _refuse(estimator, is_foreign)


def _refuse(
    estimator: BaseEstimator, is_refused: Callable[[str], bool], names: Collection[str] = ()
) -> None:
    """Raise TypeError that names the first part that is refused, and where it is."""
    for place, part in parts(estimator, type(estimator).__name__):
        if is_refused(name := full_name(part)):
            raise TypeError(
                f"{place} holds {name}, which a model file cannot keep. {_advice(place, name)}"
            )
    if names:
        raise TypeError(
            f"{type(estimator).__name__} holds {', '.join(names)}, which a model file cannot keep. "
            f"{_advice('', next(iter(names)))}"
        )


def _advice(place: str, name: str) -> str:
    attribute = place.rpartition(".")[2].partition("[")[0]
    if attribute == "optimizer":
        return (
            "Name the optimizer, such as set_params(optimizer='adam'): its state is kept all the "
            "same."
        )
    if attribute == "callbacks":
        return "They are for training only: set_params(callbacks=None) before saving."
    if attribute == "checkpoint":
        return "Name the file by a str, or set_params(checkpoint=None) before saving."
    return (
        f"If it is safe to load, give trusted=[{name!r}] to save and load; or save without it (of "
        "a search, best_estimator_)."
    )


def _refuse_keys(estimator: BaseEstimator) -> None:
    """Raise TypeError for keys of dicts that would come back as others."""
    for place, part in parts(estimator, type(estimator).__name__):
        if isinstance(part, dict) and not keys_last(part):
            raise TypeError(
                f"{place} has the keys {list(part)!r:.80}: a model file keeps strings, ints and "
                "floats, all different as text. Use such keys, or a pickle."
            )
