"""Files that are written whole or not at all."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import sklstm
from sklstm._files import write_atomically

posix = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")


def disk_full(file):
    file.write(b"half")
    raise OSError(28, "No space left on device")


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def only_file(path):
    return os.listdir(path.parent) == [path.name]


def test_a_file_is_written_and_replaced(old):
    write_atomically(str(old), lambda file: file.write(b"new"))
    assert old.read_bytes() == b"new"
    assert only_file(old)


def test_a_failing_write_leaves_the_old_file(old):
    with pytest.raises(OSError, match="No space left"):
        write_atomically(old, disk_full)
    assert old.read_bytes() == b"old"
    assert only_file(old)


def test_an_interrupted_write_leaves_the_old_file(old):
    def interrupt(file):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(old, interrupt)
    assert old.read_bytes() == b"old"
    assert only_file(old)


KILLED = """
import os, signal, sys
from sklstm._files import write_atomically

def write(file):
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

write_atomically(sys.argv[1], write)
"""


@posix
def test_a_killed_writer_leaves_the_old_file(old):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(old)],
        env={**os.environ, "PYTHONPATH": str(Path(sklstm.__file__).parents[1])},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert old.read_bytes() == b"old"


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failing_disk_leaves_the_old_file(step, old, monkeypatch):
    def fail(*args):
        raise OSError("the disk fails")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="the disk fails"):
        write_atomically(old, lambda file: file.write(b"new"))
    assert old.read_bytes() == b"old"
    assert only_file(old)


def test_the_file_is_on_the_disk_before_it_has_its_name(old, monkeypatch):
    calls = []
    for step in ("fsync", "replace"):
        original = getattr(os, step)

        def note(*args, step=step, original=original):
            calls.append(step)
            return original(*args)

        monkeypatch.setattr(os, step, note)
    write_atomically(old, lambda file: file.write(b"new"))
    assert calls[:2] == ["fsync", "replace"]


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_new_file_has_the_usual_permissions(mask, tmp_path):
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "ours", lambda file: file.write(b"new"))
        (tmp_path / "theirs").write_bytes(b"new")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "theirs")]
    assert modes == [0o666 & ~mask] * 2


@posix
def test_a_replaced_file_keeps_its_permissions(old):
    old.chmod(0o640)
    write_atomically(old, lambda file: file.write(b"new"))
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


@posix
def test_a_link_stays_one(old):
    link = old.with_name("link")
    link.symlink_to(old)
    write_atomically(link, lambda file: file.write(b"new"))
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


def test_errors_name_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no such folder.*nowhere'"):
        write_atomically(tmp_path / "nowhere" / "file", disk_full)
    with pytest.raises(IsADirectoryError, match=tmp_path.name):
        write_atomically(tmp_path, disk_full)
