"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO
from uuid import uuid4


def write_atomically(path: str | os.PathLike, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that it is there whole, or as it was before.

    A temporary file in the same folder is written, flushed to the disk and then given the name:
    other processes, and those after a crash, see the old file or the new one. If `write` or the
    disk fails, the old file stays and the temporary one is removed; only a killed process leaves
    it (``.NAME.*.part``).

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
        If the folder is not there, or the file cannot be written.

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
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
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


def check_writable(path: str | os.PathLike) -> None:
    """Check that a file could be written there, before the work whose result it will hold.

    Parameters
    ----------
    path : str or path-like
        The file. If it is there, it stays as it is.

    Raises
    ------
    OSError
        If the folder is not there, nothing can be written in it, or `path` is a folder.

    Examples
    --------
    >>> check_writable("no_such_folder/words.txt")
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] There is no such folder: ...
    """
    with TemporaryFile(dir=_checked_place(path).parent):
        pass


def _checked_place(path: str | os.PathLike) -> Path:
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "A folder is no file to write to", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "There is no such folder", str(path.parent))
    return path


def _sync_folder(folder: Path) -> None:
    """Flush the new name to the disk, where the system can open folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
