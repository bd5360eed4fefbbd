"""Files that are written whole or not at all."""

import contextlib
import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sklstm import SequenceTokenizer, persistence
from sklstm._files import check_writable, open_regular, write_atomically
from tasks import ENVIRONMENT

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
from sklstm import SequenceTokenizer, persistence
from sklstm._files import check_writable, open_regular, write_atomically

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
        env=ENVIRONMENT,
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


def special_files(folder):
    """Yield what has a name like a file, and is none."""
    os.mkfifo(folder / "pipe")
    yield folder / "pipe", errno.EINVAL, "A pipe is no regular file"
    (folder / "circle").symlink_to(folder / "other")
    (folder / "other").symlink_to(folder / "circle")
    yield folder / "circle", errno.ELOOP, "circle|symbolic links"
    yield folder, errno.EISDIR, "Is a directory"
    yield Path("/dev/zero"), errno.EINVAL, "A device is no regular file"
    (folder / "device").symlink_to("/dev/null")
    yield folder / "device", errno.EINVAL, "A device is no regular file"
    with contextlib.chdir(folder), socket.socket(socket.AF_UNIX) as listening:  # a short path
        listening.bind("socket")
        yield folder / "socket", errno.EINVAL, "A socket is no regular file"


@posix
def test_what_is_no_regular_file_is_neither_written_nor_read(tmp_path):
    tokenizer = SequenceTokenizer().fit(["a"])
    for path, code, message in special_files(tmp_path):
        before = os.lstat(path)
        for use in (
            lambda path=path: write_atomically(path, disk_full),
            lambda path=path: check_writable(path),
            lambda path=path: open_regular(path),
            lambda path=path: persistence.save(tokenizer, path),
            lambda path=path: persistence.load(path),
        ):
            with pytest.raises(OSError, match=message) as caught:
                use()
            assert caught.value.errno == code
            assert caught.value.filename
        assert os.lstat(path).st_mode == before.st_mode
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("length", [216, 255])
def test_long_names_are_written(length, tmp_path):
    path = tmp_path / ("n" * length)
    check_writable(path)
    write_atomically(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"


def test_a_name_that_is_too_long_is_an_error_before_the_work(tmp_path):
    path = tmp_path / ("n" * 256)
    for use in (check_writable, lambda path: write_atomically(path, disk_full)):
        with pytest.raises(OSError, match="n" * 256) as caught:
            use(path)
        assert caught.value.errno == errno.ENAMETOOLONG


def test_a_full_disk_names_the_file(old):
    with pytest.raises(OSError, match=r"No space left on device.*file'") as caught:
        write_atomically(old, disk_full)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(old)


LIMITED = """
import resource, signal, sys
from sklstm._files import write_atomically

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(sys.argv[1], lambda file: file.write(bytes(10**6)))
except OSError as error:
    assert error.filename == sys.argv[1], error
else:
    raise SystemExit("written")
"""


def in_another_process(script, *arguments):
    subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=ENVIRONMENT,
        check=True,
    )


@pytest.mark.slow
@posix
def test_a_file_that_grows_too_large_leaves_the_old_one(old):
    in_another_process(LIMITED, old)
    assert old.read_bytes() == b"old"
    assert only_file(old)


@posix
def test_a_link_to_another_folder_stays_one(old, tmp_path):
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link"
    link.symlink_to("../file")
    write_atomically(link, lambda file: file.write(b"new"))
    assert link.is_symlink()
    assert old.read_bytes() == b"new"
    assert os.listdir(link.parent) == ["link"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_files_and_folders_are_left_alone(old):
    old.chmod(0o444)
    for use in (check_writable, lambda path: write_atomically(path, disk_full)):
        with pytest.raises(PermissionError, match=r"The file is read-only.*file'"):
            use(old)
    old.chmod(0o644)
    old.parent.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="file'"):
            write_atomically(old, lambda file: file.write(b"new"))
    finally:
        old.parent.chmod(0o755)
    assert old.read_bytes() == b"old"


def test_writers_at_one_time_leave_one_whole_file(old):
    contents = [bytes([letter]) * 100_000 for letter in b"abcd"]

    def write(content):
        for _ in range(10):
            write_atomically(old, lambda file: file.write(content))

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert old.read_bytes() in (*contents, b"old")
    assert old.read_bytes() in contents
    assert only_file(old)
