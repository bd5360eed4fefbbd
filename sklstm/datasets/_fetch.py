"""Published files: found in ``SKLSTM_DATA`` or the cache, or downloaded, and always checked."""

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

PLACES = {  # constraints of the parameters that all fetchers have
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
}
_TIMEOUT = 60  # seconds without a byte


@dataclass(frozen=True)
class Published:
    """A file as its publisher offers it, and what is looked for in ``SKLSTM_DATA`` instead."""

    name: str
    url: str
    checksum: str
    own: str
    algorithm: str = "sha256"
    repacked: bool = False  # the copy in SKLSTM_DATA may be another file of the same values


class Copy(NamedTuple):
    """A file that was found: where, and its bytes, so that what was checked is what is used."""

    path: Path
    payload: bytes


def read_copy(
    file: Published, data_home: str | os.PathLike | None, download_if_missing: bool
) -> Copy:
    """Read a file from ``SKLSTM_DATA``, the cache, or the network."""
    own = own_path(file.own)
    if own is None:
        return read_cache(file, data_home, download_if_missing)
    copy = Copy(own, own.read_bytes())
    if not file.repacked:
        _check_copy(copy, file)
    return copy


def read_cache(
    file: Published, data_home: str | os.PathLike | None, download_if_missing: bool
) -> Copy:
    path = _cache_folder(data_home) / file.name
    if path.exists():
        copy = Copy(path, path.read_bytes())
        _check_copy(copy, file)
        return copy
    if not download_if_missing:
        raise FileNotFoundError(_how_to_get(file, path, f"{path} does not exist"))
    path.parent.mkdir(parents=True, exist_ok=True)  # first: a folder that cannot be is found early
    payload = _download(file, path)
    write_atomically(path, lambda file: file.write(payload))
    return Copy(path, payload)


def own_path(name: str) -> Path | None:
    """Return the path of a file in ``SKLSTM_DATA``, None if it is not there."""
    folder = os.environ.get("SKLSTM_DATA")
    if not folder:
        return None
    path = Path(folder).expanduser().absolute() / name
    return path if path.is_file() else None


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Say which file is at fault: a damaged archive fails in a dozen ways, few of which name it."""
    try:
        yield
    except Exception as error:
        raise OSError(
            f"{path} is damaged or another file: {error!r}. Delete or replace {path}."
        ) from error


def load_npz(payload: bytes, keys: list[str], *, allow_pickle: bool = False) -> dict:
    with np.load(io.BytesIO(payload), allow_pickle=allow_pickle) as archive:
        return {key: archive[key] for key in keys}


def _cache_folder(data_home: str | os.PathLike | None) -> Path:
    folder = data_home or os.environ.get("SKLSTM_HOME") or "~/sklstm_data"
    return Path(folder).expanduser().absolute()


def _download(file: Published, path: Path) -> bytes:
    try:
        payload = _get(file.url)
    except (OSError, http.client.HTTPException) as error:
        raise OSError(_how_to_get(file, path, f"the download failed: {error!r}")) from error
    found = _checksum(payload, file.algorithm)
    if found != file.checksum:
        raise OSError(
            f"The download from {file.url} is not {file.name} as published: its {file.algorithm} "
            f"is {found}, expected {file.checksum}. Nothing was kept; try again later."
        )
    return payload


def _get(url: str) -> bytes:
    try:
        with urlopen(url, timeout=_TIMEOUT) as response:
            return response.read()
    except HTTPError as error:
        error.close()  # the error is the response, still open
        raise


def _checksum(payload: bytes, algorithm: str) -> str:
    return hashlib.new(algorithm, payload, usedforsecurity=False).hexdigest()


def _check_copy(copy: Copy, file: Published) -> None:
    found = _checksum(copy.payload, file.algorithm)
    if found != file.checksum:
        raise OSError(
            f"{copy.path} is damaged or another file: its {file.algorithm} is {found}, expected "
            f"{file.checksum}. Delete {copy.path} and call again, or replace it by {file.url}."
        )


def _how_to_get(file: Published, path: Path, reason: str) -> str:
    setting = os.environ.get("SKLSTM_DATA")
    state = f"it is {setting!r}" if setting else "it is not set"
    return (
        f"No copy of {file.name} ({reason}). Save {file.url} as {path}, or let the environment "
        f"variable SKLSTM_DATA name a folder that holds {file.own} ({state})."
    )
