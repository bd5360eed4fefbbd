"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO
from uuid import uuid4


def write_atomically(path: str | os.PathLike, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that it is there whole, or as it was before.

    A temporary file in the same folder is written, flushed to the disk and then given the name:
    other processes, and those after a crash, see the old file or the new one. If `write` or the
    disk fails, the old file stays and the temporary one is removed; only a killed process leaves
    it (``.sklstm-*.part``).

    Parameters
    ----------
    path : str or path-like
        Where a symbolic link stands, it stays, and what it points to is replaced. A file that
        is replaced keeps its permissions; a new one has those of any new file.
    write : callable
        Is given the open file.

    Raises
    ------
    OSError
        If the folder is not there, the file is read-only or no regular one (a device, a pipe), or
        it cannot be written; the error names it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "words.txt"), lambda file: file.write(b"whole"))
    ...     Path(folder, "words.txt").read_text()
    'whole'
    """
    path = _checked_place(path)
    part = path.with_name(f".sklstm-{uuid4().hex}.part")  # short: the name may be a long one
    with _naming(path, part):
        try:
            with part.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                shutil.copymode(path, part)
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Open a file for reading bytes, if it is one: a device or a pipe might never end.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    file object

    Raises
    ------
    OSError
        If it is not there, cannot be read, or is no regular file.

    Examples
    --------
    >>> import os
    >>> open_regular(os.devnull)
    Traceback (most recent call last):
        ...
    OSError: [Errno 22] A device is no regular file: ...
    """
    _refuse_irregular(os.stat(path).st_mode, path)
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115
    try:
        _refuse_irregular(os.fstat(file.fileno()).st_mode, path)
    except OSError:
        file.close()
        raise
    return file


def check_writable(path: str | os.PathLike) -> None:
    """Check that a file could be written there, before the work whose result it will hold.

    Parameters
    ----------
    path : str or path-like
        The file. If it is there, it stays as it is.

    Raises
    ------
    OSError
        If the folder is not there, nothing can be written in it, the name is too long, or `path`
        is a folder, a device, a pipe, a read-only file or a circle of links.

    Examples
    --------
    >>> check_writable("no_such_folder/words.txt")
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] There is no such folder: ...
    """
    place = _checked_place(path)
    with _naming(place, place), TemporaryFile(dir=place.parent):
        pass


def _checked_place(path: str | os.PathLike) -> Path:
    """Return the file itself, where links lead to it, if it may be written or replaced."""
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder", str(place.parent))
    try:
        mode = os.lstat(place).st_mode
    except FileNotFoundError:
        return place
    _refuse_irregular(mode, place)
    if not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, "The file is read-only", str(place))
    return place


def _refuse_irregular(mode: int, path: str | os.PathLike) -> None:
    """Raise OSError for everything but a regular file."""
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if stat.S_ISLNK(mode):  # realpath follows all others
        raise OSError(errno.ELOOP, "The links lead in a circle", os.fspath(path))
    kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
    kind = kinds.get(stat.S_IFMT(mode), "device")
    raise OSError(errno.EINVAL, f"A {kind} is no regular file", os.fspath(path))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextlib.contextmanager
def _naming(path: Path, part: Path) -> Iterator[None]:
    """Let errors name the file that was to be written, not the temporary one, or none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(part)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _sync_folder(folder: Path) -> None:
    """Flush the new name to the disk, where the system can open folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
