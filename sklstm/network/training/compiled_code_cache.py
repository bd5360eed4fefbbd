"""The code that XLA has compiled is kept in a folder, for the first fit of the next process.

TensorFlow can do this by itself, but it trusts the folder: a file that was cut short makes a fit
fail, and bytes that changed within the machine code end the process. So TensorFlow never sees the
folder. It is lent another one, of this process alone, with hard links to the files whose checksums
are right; what it adds there is linked back, under a name that holds the checksum.

TensorFlow hears of its folder by an environment variable, which it reads once, when it computes
for the first time; this setting can be reached in no other way. So the variable is set for that
moment, and only if the user has not set it.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sklstm.network.quiet_import import set_for_a_moment

VARIABLE = "SKLSTM_COMPILED_CODE_CACHE"
FLAGS_VARIABLE = "TF_XLA_FLAGS"
FLAGS = '--tf_xla_persistent_cache_directory="{}" --tf_xla_persistent_cache_device_types=CPU'
MAX_BYTES = 2**28  # of all files: some 350 programs, whose checksums take half a second
ROOM_BYTES = 2**23  # of disk that must be free: a fit fails where TensorFlow cannot write its file
SECONDS_PER_DAY = 86_400

ENTRY = re.compile(r"(?P<name>\w+\.pb)\.(?P<checksum>[0-9a-f]{64})")
LENT = "lent-"  # begins the name of a folder that TensorFlow is lent
# of /proc/cpuinfo: the model, and the instructions that it has
PROCESSOR = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU ")
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
ENTERED_BY_OTHERS = stat.S_IXGRP | stat.S_IXOTH


class CompiledCodeCache:
    """One process's share of the folder. Where anything is in the way, no code is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_decided = False
        self._folder: Path | None = None
        self._lent: Path | None = None
        self._known: set[str] = set()

    @property
    def is_used(self) -> bool:
        """Whether TensorFlow reads and keeps compiled code."""
        return self._lent is not None

    def start(
        self, compiled_for: tuple[object, ...], start_tensorflow: Callable[[], object]
    ) -> None:
        """Start TensorFlow so that it reads and keeps compiled code. Later calls do nothing.

        Parameters
        ----------
        compiled_for : tuple
            What compiled code depends on beside the processor: versions, numbers of threads.
        start_tensorflow : callable
            Makes TensorFlow, which has not computed yet, read its settings. It is called only if
            code can be kept.
        """
        with self._lock:
            if self._is_decided:
                return
            self._is_decided = True
            if FLAGS_VARIABLE in os.environ:  # settings of the user's own
                return
            with suppress(OSError):
                self._lend(compiled_for)
            if self.is_used:
                with set_for_a_moment(FLAGS_VARIABLE, FLAGS.format(self._lent)):
                    start_tensorflow()

    def keep(self) -> None:
        """Keep what was compiled since the last call."""
        if not self.is_used:
            return
        with self._lock:
            new = [path for path in self._lent.glob("*.pb") if path.name not in self._known]
            for path in new:
                self._known.add(path.name)
                with suppress(OSError):
                    path.chmod(0o600)
                    os.link(path, self._folder / f"{path.name}.{_checksum(path)}")
            if new:
                drop_oldest(self._folder.parent, MAX_BYTES)

    def _lend(self, compiled_for: tuple[object, ...]) -> None:
        """Make the folder that TensorFlow is lent, with what is known to be intact."""
        root = find_root()
        if root is None or _is_in_folder_of_others(root):
            return
        folder = root / _name_of(compiled_for)
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        folder = folder.resolve()
        if may_be_changed_by_others(folder) or set(str(folder)) & set("\"'\\\n"):
            return
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM_BYTES))
        _remove_forgotten(folder)
        lent = Path(tempfile.mkdtemp(prefix=LENT, dir=folder))
        for path in folder.iterdir():
            with suppress(OSError):  # another process has just removed it
                _lend_file(path, lent)
        self._known = {path.name for path in lent.iterdir()}
        self._folder, self._lent = folder, lent
        atexit.register(self._end, os.getpid())

    def _end(self, process: int) -> None:
        if process == os.getpid():  # and not a fork of it
            self.keep()
            shutil.rmtree(self._lent, ignore_errors=True)


def find_root() -> Path | None:
    """Return the folder of compiled code, for all processors; None where there is to be none.

    Nor is there one on Windows, where Python cannot tell who may write to a folder.
    """
    named = os.environ.get(VARIABLE, "")
    if named == "0" or not hasattr(os, "geteuid"):
        return None
    try:
        return Path(named).expanduser().absolute() if named else _user_cache() / "compiled-code"
    except RuntimeError:  # the user has no home
        return None


def _user_cache() -> Path:
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):  # another one is to be ignored, says the standard
        return Path(named, "sklstm")
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "sklstm"


def _name_of(compiled_for: tuple[object, ...]) -> str:
    """Name the subfolder for this processor, XLA's options and what else code depends on."""
    parts = [*compiled_for, platform.machine(), *_processor(), os.environ.get("XLA_FLAGS")]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _processor() -> list[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return [platform.processor(), platform.node()]
    return sorted({line for line in lines if line.startswith(PROCESSOR)})


def may_be_changed_by_others(folder: Path) -> bool:
    """Whether another user owns a resolved folder, may write to it, or may replace it."""
    others_come_here = True
    for path in (*reversed(folder.parents), folder):
        status = path.stat()
        owners = {os.geteuid()} if path == folder else {os.geteuid(), 0}
        # In a folder like /tmp others may add something, but not replace what is ours.
        keeps_ours = status.st_mode & stat.S_ISVTX and path != folder
        others_write = status.st_mode & WRITABLE_BY_OTHERS and not keeps_ours
        can_they = others_come_here or path == folder
        if status.st_uid not in owners or (others_write and can_they):
            return True
        others_come_here = others_come_here and bool(status.st_mode & ENTERED_BY_OTHERS)
    return False


def _is_in_folder_of_others(root: Path) -> bool:
    """Whether another user owns what there is already: with `sudo`, root may have their home."""
    there = next(path for path in (root, *root.parents) if path.exists())
    return there.stat().st_uid not in {os.geteuid(), 0}


def drop_oldest(root: Path, max_bytes: int) -> None:
    """Remove the files that were used longest ago, until the rest has so many bytes at most."""
    files = []
    for path in root.glob("*/*.pb.*"):
        with suppress(OSError):  # another process has just removed it
            status = path.lstat()
            files.append((max(status.st_atime, status.st_mtime), status.st_size, path))
    total = 0
    for _, size, path in sorted(files, reverse=True):
        total += size
        if total > max_bytes:
            with suppress(OSError):
                path.unlink()


def _lend_file(path: Path, lent: Path) -> None:
    """Link a file to the lent folder; remove it if it is damaged, or there already."""
    entry = ENTRY.fullmatch(path.name)
    if entry is None or not _is_private(path):
        return
    link = lent / entry["name"]
    if link.exists():  # two processes have compiled it at the same time
        path.unlink()
        return
    os.link(path, link, follow_symlinks=False)
    if not _is_private(link) or _checksum(link) != entry["checksum"]:
        link.unlink()
        path.unlink()


def _is_private(path: Path) -> bool:
    status = path.lstat()
    is_ours = status.st_uid == os.geteuid() and not status.st_mode & WRITABLE_BY_OTHERS
    return is_ours and stat.S_ISREG(status.st_mode)


def _checksum(path: Path) -> str:
    """Compute it; to look at a file is no use of it."""
    status = path.stat()
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return checksum


def _remove_forgotten(folder: Path) -> None:
    """Remove folders that were lent to processes which ended too suddenly to do it."""
    for path in folder.glob(f"{LENT}*"):
        with suppress(OSError):  # another process has just removed it
            if time.time() - path.stat().st_mtime > SECONDS_PER_DAY:
                shutil.rmtree(path)
