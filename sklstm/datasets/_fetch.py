"""Finding published files in ``SKLSTM_DATA`` or the cache, or downloading them; with checksums."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np

from sklstm._files import write_atomically

FETCH_CONSTRAINTS = {  # of the parameters that all fetchers have
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
}
_TIMEOUT = 60  # seconds without a byte


@dataclass(frozen=True)
class RemoteFile:
    """A published file, and the file that may replace it in ``SKLSTM_DATA``.

    Attributes
    ----------
    name : str
        The name of the file in the cache.
    url : str
    checksum : str
        Hexadecimal, by `algorithm`.
    local_name : str
        The name of the file that is looked for in ``SKLSTM_DATA``.
    algorithm : str
        The hash function of the checksum.
    repacked : bool
        Whether the file in ``SKLSTM_DATA`` may be another one that holds the same values: its
        checksum is not compared.
    """

    name: str
    url: str
    checksum: str
    local_name: str
    algorithm: str = "sha256"
    repacked: bool = False


class LocalCopy(NamedTuple):
    """The path and the content of a file; what was checked is what is used."""

    path: Path
    content: bytes


def read_copy(
    file: RemoteFile, data_home: str | os.PathLike | None, download_if_missing: bool
) -> LocalCopy:
    """Read a file from ``SKLSTM_DATA``, the cache, or the network."""
    path = local_path(file.local_name)
    if path is None:
        return read_cache(file, data_home, download_if_missing)
    copy = LocalCopy(path, path.read_bytes())
    if not file.repacked:
        _check_copy(copy, file)
    return copy


def read_cache(
    file: RemoteFile, data_home: str | os.PathLike | None, download_if_missing: bool
) -> LocalCopy:
    path = _cache_folder(data_home) / file.name
    if path.exists():
        copy = LocalCopy(path, path.read_bytes())
        _check_copy(copy, file)
        return copy
    if not download_if_missing:
        raise FileNotFoundError(_how_to_get(file, path, f"{path} does not exist"))
    path.parent.mkdir(parents=True, exist_ok=True)  # fails before the download
    content = _download(file, path)
    write_atomically(path, lambda file: file.write(content))
    return LocalCopy(path, content)


def local_path(name: str) -> Path | None:
    """Return the path of a file in ``SKLSTM_DATA``, None if it is not there."""
    folder = os.environ.get("SKLSTM_DATA")
    if not folder:
        return None
    path = Path(folder).expanduser().absolute() / name
    return path if path.is_file() else None


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Name the file in the error of a block: few of the errors of a damaged archive name it."""
    try:
        yield
    except Exception as error:
        raise OSError(
            f"{path} is damaged or another file: {error!r}. Delete or replace {path}."
        ) from error


def load_npz(content: bytes, keys: list[str], *, allow_pickle: bool = False) -> dict:
    with np.load(io.BytesIO(content), allow_pickle=allow_pickle) as archive:
        return {key: archive[key] for key in keys}


def _cache_folder(data_home: str | os.PathLike | None) -> Path:
    folder = data_home or os.environ.get("SKLSTM_HOME") or "~/sklstm_data"
    return Path(folder).expanduser().absolute()


def _download(file: RemoteFile, path: Path) -> bytes:
    try:
        content = _get(file.url)
    except (OSError, http.client.HTTPException) as error:
        raise OSError(_how_to_get(file, path, f"the download failed: {error!r}")) from error
    found = _checksum(content, file.algorithm)
    if found != file.checksum:
        raise OSError(
            f"The download from {file.url} is not {file.name} as published: its {file.algorithm} "
            f"is {found}, expected {file.checksum}. Nothing was kept; try again later."
        )
    return content


def _get(url: str) -> bytes:
    try:
        with urlopen(url, timeout=_TIMEOUT) as response:
            return response.read()
    except HTTPError as error:
        error.close()  # the error is the response, still open
        raise


def _checksum(content: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()


def _check_copy(copy: LocalCopy, file: RemoteFile) -> None:
    found = _checksum(copy.content, file.algorithm)
    if found != file.checksum:
        raise OSError(
            f"{copy.path} is damaged or another file: its {file.algorithm} is {found}, expected "
            f"{file.checksum}. Delete {copy.path} and call again, or replace it by {file.url}."
        )


def _how_to_get(file: RemoteFile, path: Path, reason: str) -> str:
    setting = os.environ.get("SKLSTM_DATA")
    state = f"it is {setting!r}" if setting else "it is not set"
    return (
        f"No copy of {file.name} ({reason}). Save {file.url} as {path}, or let the environment "
        f"variable SKLSTM_DATA name a folder that holds {file.local_name} ({state})."
    )
