"""Compiled code is kept for the next process, changes no result, and is never in the way."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import sklstm
from sklstm.network.training import compiled_code_cache as cache
from sklstm.network.training.compiled_code_cache import (
    FLAGS_VARIABLE,
    VARIABLE,
    CompiledCodeCache,
    drop_oldest,
    find_root,
    may_be_changed_by_others,
)

if not hasattr(os, "geteuid"):
    pytest.skip("no code is kept on Windows", allow_module_level=True)

NAME = "program.pb"
DAY = 86_400


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Name a folder for the code; the user's own is not touched."""
    monkeypatch.delenv(FLAGS_VARIABLE, raising=False)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "code"))
    return tmp_path / "code"


def start(*compiled_for):
    """Start a cache; return it and the flags that TensorFlow would have read."""
    started, flags = CompiledCodeCache(), []
    started.start(compiled_for, lambda: flags.append(os.environ[FLAGS_VARIABLE]))
    return started, flags


def compile_one(started, content=b"code"):
    (started._lent / NAME).write_bytes(content)
    started.keep()
    return next(started._folder.glob(f"{NAME}.*"))


def lent():
    started, flags = start()
    assert len(flags) == started.is_used == 1
    return {path.name: path.read_bytes() for path in started._lent.iterdir()}


def test_what_one_process_compiles_the_next_one_has(root):
    started, flags = start()
    assert f'"{started._lent}"' in flags[0]
    assert FLAGS_VARIABLE not in os.environ
    kept = compile_one(started)
    assert lent() == {NAME: b"code"}
    assert kept.stat().st_mode & 0o777 == 0o600
    for folder in (root, kept.parent, started._lent):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_code_for_other_versions_and_xla_options_is_kept_apart(root, monkeypatch):
    compile_one(start("2.21.0", 1)[0])
    assert not any(start("2.21.1", 1)[0]._lent.iterdir())
    assert not any(start("2.21.0", 2)[0]._lent.iterdir())
    assert any(start("2.21.0", 1)[0]._lent.iterdir())
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    assert not any(start("2.21.0", 1)[0]._lent.iterdir())


def test_a_process_starts_it_once(root):
    started, flags = start()
    started.start((), lambda: flags.append("again"))
    assert len(flags) == 1


def test_it_can_be_switched_off(root, monkeypatch):
    monkeypatch.setenv(VARIABLE, "0")
    started, flags = start()
    started.keep()
    assert not started.is_used
    assert not flags
    assert not root.exists()


def test_flags_of_the_user_are_left_alone(root, monkeypatch):
    monkeypatch.setenv(FLAGS_VARIABLE, "")
    assert not start()[0].is_used
    assert os.environ[FLAGS_VARIABLE] == ""
    assert not root.exists()


def test_the_environment_is_restored_if_tensorflow_cannot_start(root):
    with pytest.raises(RuntimeError, match="no device"):
        CompiledCodeCache().start((), fail)
    assert FLAGS_VARIABLE not in os.environ


def fail():
    raise RuntimeError("no device")


@pytest.mark.parametrize("name", ["/dev/null/code", "/proc/code", 'a"b', "a\nb", "a\\b"])
def test_without_a_folder_nothing_is_kept(name, root, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(root.parent / name))
    started, flags = start()
    started.keep()
    assert not started.is_used
    assert not flags


def test_a_full_disk_keeps_nothing(root, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", fail_to_write)
    assert not start()[0].is_used


def fail_to_write(dir):
    raise OSError(28, "No space left on device")


def test_where_the_folder_is(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert find_root() == Path("/home/me/.cache/sklstm/compiled-code")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert find_root() == Path("/cache/sklstm/compiled-code")
    monkeypatch.setenv(VARIABLE, "~/code")
    assert find_root() == Path("/home/me/code")


def test_who_has_no_home_has_no_folder(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    assert find_root() is None


@pytest.mark.parametrize("damage", [b"", b"cod", b"cold", b"code and more"])
def test_damaged_files_are_removed(damage, root):
    kept = compile_one(start()[0])
    kept.unlink()  # and not written over: the folder that was lent has it too
    kept.write_bytes(damage)
    assert lent() == {}
    assert not kept.exists()


def test_foreign_files_are_left_alone(root):
    kept = compile_one(start()[0])
    foreign = [kept.with_name(name) for name in ("notes.txt", "a.pb", f"{kept.name}0", "b.pb.abc")]
    for path in foreign:
        path.write_bytes(b"foreign")
    kept.with_name("folder.pb." + "0" * 64).mkdir()
    os.mkfifo(kept.with_name("pipe.pb." + "0" * 64))
    assert lent() == {NAME: b"code"}
    assert all(path.exists() for path in foreign)


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_files_that_others_may_write_are_refused(mode, root):
    kept = compile_one(start()[0])
    kept.chmod(mode)
    assert lent() == {}


def test_links_to_elsewhere_are_refused(root):
    kept = compile_one(start()[0])
    elsewhere = root.parent / "elsewhere"
    kept.rename(elsewhere)
    kept.symlink_to(elsewhere)
    assert lent() == {}


def test_files_of_others_are_refused(root, monkeypatch):
    compile_one(start()[0])
    is_private = cache._is_private
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert all(not is_private(path) for path in root.glob("*/*.pb.*"))
    assert not start()[0].is_used


def test_nothing_is_made_in_the_home_of_another_user(root, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    if os.getuid() == 0:  # whose folders are anybody's
        os.chown(root.parent, 54321, -1)
    assert not start()[0].is_used
    assert not root.exists()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_to_is_refused(mode, root):
    started = start()[0]
    started._folder.chmod(mode)
    assert not start()[0].is_used


def test_a_folder_that_others_may_replace_is_refused():
    with tempfile.TemporaryDirectory() as outer:
        middle = Path(outer).resolve() / "middle"
        folder = middle / "folder"
        folder.mkdir(parents=True)
        for mode, refused in [(0o777, True), (0o1777, False), (0o775, True), (0o755, False)]:
            middle.chmod(mode)
            Path(outer).chmod(0o755)
            assert may_be_changed_by_others(folder) is refused
            Path(outer).chmod(0o700)  # where nobody else can come
            assert not may_be_changed_by_others(folder)


def test_what_two_processes_compiled_at_once_is_kept_once(root):
    one, other = start()[0], start()[0]
    for started, content in [(one, b"code"), (other, b"edoc")]:
        compile_one(started, content)
    assert len(list(root.glob("*/*.pb.*"))) == 2
    assert list(lent()) == [NAME]
    assert len(list(root.glob("*/*.pb.*"))) == 1


def test_files_that_were_not_used_for_longest_go_first(tmp_path):
    for number, used in enumerate([3, 1, 2]):
        path = tmp_path / "version" / f"{number}.pb.x"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + used, 1000))
    drop_oldest(tmp_path, 250)
    assert sorted(path.name[0] for path in tmp_path.rglob("*.pb.x")) == ["0", "2"]


def test_looking_at_a_file_is_no_use_of_it(root):
    kept = compile_one(start()[0])
    os.utime(kept, (1000, 1000))
    assert start()[0]._known == {NAME}
    assert kept.stat().st_atime == 1000


def test_folders_of_processes_that_were_killed_go_after_a_day(root):
    started = start()[0]
    os.utime(started._lent, (time.time() - 2 * DAY,) * 2)
    still_used = start()[0]._lent
    assert not started._lent.exists()
    assert still_used.exists()
    started.keep()


def test_the_lent_folder_goes_at_the_end(root):
    started = start()[0]
    (started._lent / NAME).write_bytes(b"late")
    started._end(os.getpid() + 1)  # a fork
    assert started._lent.exists()
    started._end(os.getpid())
    assert not started._lent.exists()
    assert lent() == {NAME: b"late"}


FIT = """
import hashlib, os, sys
from sklearn.datasets import load_digits
from sklstm import LSTMClassifier, LSTMRegressor
import sklstm.network.training.trainer  # TensorFlow sets variables of its own

before = dict(os.environ)
X, y = load_digits(return_X_y=True)
X, y = X.reshape(-1, 8, 8)[:600], y[:600]
for model in sys.argv[1:]:
    model = eval(model).set_params(units=4, epochs=8, random_state=0).fit(X, y)
    assert model.training_loop_ == "xla"
    weights = b"".join(array.tobytes() for array in model._fitted_state.network.weights.values())
    print(hashlib.sha256(weights).hexdigest())
assert dict(os.environ) == before
assert not {"TF_CPP_MIN_LOG_LEVEL", "TF_XLA_FLAGS"} & set(os.environ)
"""
ABSOLUTE = "LSTMRegressor(loss='absolute_error')"
MODELS = [
    "LSTMRegressor(loss='squared_error')",
    "LSTMClassifier(early_stopping=True, dropout=0.2)",
]


def begin(root, *models):
    """Fit in a new process, which keeps code in a folder, or does not if the folder is 0."""
    environment = {name: v for name, v in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.Popen(
        [sys.executable, "-c", FIT, *models],
        env={
            **environment,
            VARIABLE: str(root),
            "PYTHONPATH": str(Path(sklstm.__file__).parents[1]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def results(process):
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "cpu_aot_loader" not in errors  # what TensorFlow says where it finds compiled code
    assert "Error" not in errors
    return output.split()


def fit(root, *models):
    return results(begin(root, *models))


def kept_in(root):
    """The files, and the programs that they hold."""
    files = set(root.glob("*/*.pb.*"))
    return files, {program_in(path) for path in files}


def program_in(path):
    return path.name.rpartition(".")[0]


@pytest.fixture(scope="module")
def without():
    """What is learnt without kept code: by each of MODELS, and by ABSOLUTE."""
    return fit(0, *MODELS, ABSOLUTE)


@pytest.fixture(scope="module")
def made_at_once(tmp_path_factory, without):
    """A folder of code that two processes have compiled at the same time."""
    root = tmp_path_factory.mktemp("cache") / "code"
    first, second = begin(root, *MODELS), begin(root, *MODELS)
    assert results(first) == results(second) == without[:2]
    assert len(kept_in(root)[1]) == 3  # with the loop over the validation set
    assert not list(root.glob("*/lent-*"))
    return root


@pytest.mark.long
def test_networks_of_the_same_shapes_have_code_of_their_own(made_at_once, without):
    """Each is the first of its process, so that all names are the same too."""
    _, before = kept_in(made_at_once)
    assert fit(made_at_once, ABSOLUTE) == without[2:] != without[:1]
    files, programs = kept_in(made_at_once)
    assert len(files) == len(programs) == len(before) + 1


@pytest.mark.long
def test_kept_code_gives_the_same_bits_and_damaged_code_is_compiled_anew(made_at_once, without):
    before, programs = kept_in(made_at_once)
    intact_program, *_ = programs
    damaged = {path for path in before if program_in(path) != intact_program}
    for path in damaged:
        content = bytearray(path.read_bytes())
        code = content.index(b"\x7fELF") + 8000
        content[code : code + 4000] = bytes(4000)  # TensorFlow alone would load and run it
        path.write_bytes(content)
    assert fit(made_at_once, *MODELS) == without[:2]
    after, programs_after = kept_in(made_at_once)
    assert programs_after == programs  # so nothing else was compiled
    assert len(after) == len(programs)
    assert not after & damaged
    assert any(program_in(path) == intact_program for path in after & before)
