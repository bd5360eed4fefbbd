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
    """Write a file so that it is either complete or left as it was before.

    A temporary file in the same folder is written, flushed to the disk and then renamed: other
    processes see the old file or the new one, also after a crash. If `write` or the disk fails,
    the old file stays and the temporary one is removed; only a killed process leaves a temporary
    file (``.sklstm-*.part``).

    Parameters
    ----------
    path : str or path-like
        If it is a symbolic link, the link stays and the file that it points to is replaced. A
        file that is replaced keeps its permissions; a new one has the default permissions.
    write : callable
        Called with the open file.

    Raises
    ------
    OSError
        If the folder does not exist, the file is read-only or not a regular file (a device, a
        pipe), or it cannot be written; the error names it.

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
    part = path.with_name(f".sklstm-{uuid4().hex}.part")  # not longer than valid names
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
    """Open a regular file for reading bytes; a device or a pipe, which may never end, is refused.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    file object

    Raises
    ------
    OSError
        If it does not exist, cannot be read, or is not a regular file.

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
    """Check that a file can be written, before the work starts whose result it will hold.

    Parameters
    ----------
    path : str or path-like
        The file. If it exists, it is not changed.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to, the name is too long, or `path` is a
        folder, a device, a pipe, a read-only file or a circle of links.

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
    """Resolve links, and check that the file may be written or replaced."""
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
    """Raise OSError unless it is a regular file."""
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if stat.S_ISLNK(mode):  # realpath has followed all links that lead somewhere
        raise OSError(errno.ELOOP, "The links lead in a circle", os.fspath(path))
    kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
    kind = kinds.get(stat.S_IFMT(mode), "device")
    raise OSError(errno.EINVAL, f"A {kind} is no regular file", os.fspath(path))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextlib.contextmanager
def _naming(path: Path, part: Path) -> Iterator[None]:
    """Make errors name the file that was to be written, not the temporary file."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(part)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _sync_folder(folder: Path) -> None:
    """Flush the renaming to the disk, on systems that can open folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
