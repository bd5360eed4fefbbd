"""Where files of data are looked for, and what can fail."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from data_files import MODULES, published
from sklstm.datasets import (
    _fetch,
    _images,
    fetch_daily_temperatures,
    fetch_imdb,
    fetch_mnist,
    fetch_shakespeare,
    fetch_sunspots,
)

# -------------------------------------------------------------------------------- where files are


def test_a_download_is_kept_and_read_the_next_time(publish, server, cache):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    assert fetch_shakespeare() == "First Citizen:\n"
    assert fetch_shakespeare(download_if_missing=False) == "First Citizen:\n"
    assert server.requested == ["/shakespeare.txt"]
    assert [path.name for path in cache.iterdir()] == ["shakespeare.txt"]


def test_own_copy_goes_before_cache_and_download(publish, server, own_folder, cache):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    (own_folder / "shakespeare.txt").write_bytes(b"First Citizen:\n")
    assert fetch_shakespeare(data_home=cache) == "First Citizen:\n"
    assert not server.requested
    assert not cache.exists()


def test_a_folder_without_the_file_is_passed_over(publish, own_folder, cache):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    assert fetch_shakespeare() == "First Citizen:\n"
    assert not list(own_folder.iterdir())
    assert (cache / "shakespeare.txt").exists()


def test_data_home_goes_before_the_variable(publish, cache, tmp_path):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    fetch_shakespeare(data_home=tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "shakespeare.txt").read_bytes() == b"First Citizen:\n"
    assert not cache.exists()


def test_the_default_cache_is_in_the_home_folder(publish, monkeypatch, tmp_path):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    monkeypatch.delenv("SKLSTM_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    fetch_shakespeare()
    assert (tmp_path / "sklstm_data" / "shakespeare.txt").exists()


def test_the_cached_file_has_the_permissions_of_any_other_file(publish, cache):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    fetch_shakespeare()
    (cache / "other").write_bytes(b"")
    assert (cache / "shakespeare.txt").stat().st_mode == (cache / "other").stat().st_mode


# ---------------------------------------------------------------------------------- what can fail


FETCHERS = {
    "_DAILY_TEMPERATURES": fetch_daily_temperatures,
    "_SUNSPOTS": fetch_sunspots,
    "_SHAKESPEARE": fetch_shakespeare,
    "_MNIST": fetch_mnist,
    "_IMDB_WORDS": fetch_imdb,
}


def assert_says_how_to_get(error, file, cache):
    message = str(error.value)
    assert f"Save {file.url} as {cache / file.name}," in message
    assert "SKLSTM_DATA" in message
    assert file.local_name in message


@pytest.mark.parametrize("constant", FETCHERS)
def test_no_copy_and_no_download(constant, cache):
    with pytest.raises(FileNotFoundError, match=r"SKLSTM_DATA .*it is not set") as error:
        FETCHERS[constant](download_if_missing=False)
    assert_says_how_to_get(error, published(constant), cache)
    assert not cache.exists()


def test_the_message_names_the_folder_that_lacks_the_file(own_folder):
    with pytest.raises(FileNotFoundError) as error:
        fetch_mnist(download_if_missing=False)
    assert repr(str(own_folder)) in str(error.value)


@pytest.mark.parametrize("constant", FETCHERS)
def test_offline(constant, publish, server, cache):
    publish(constant, b"")
    server.payloads.clear()
    with pytest.raises(OSError, match=r"download failed: .*404") as error:
        FETCHERS[constant]()
    assert_says_how_to_get(error, published(constant), cache)
    assert not list(cache.iterdir())


def test_no_server(publish, server, monkeypatch, cache):
    file = replace(_images._MNIST, url="http://127.0.0.1:1/mnist.npz")  # nothing listens there
    monkeypatch.setattr(_images, "_MNIST", file)
    with pytest.raises(OSError, match="download failed") as error:
        fetch_mnist()
    assert_says_how_to_get(error, file, cache)


def test_a_download_that_breaks_off(publish, server, cache):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    server.missing_bytes = 10
    with pytest.raises(OSError, match="download failed: IncompleteRead"):
        fetch_shakespeare()
    assert not list(cache.iterdir())


def test_a_server_that_hangs(publish, monkeypatch):
    publish("_SHAKESPEARE", b"First Citizen:\n")

    def hang(url, timeout):
        raise TimeoutError(f"timed out after {timeout} s")

    monkeypatch.setattr(_fetch, "urlopen", hang)
    with pytest.raises(OSError, match=r"download failed: TimeoutError.*60 s"):
        fetch_shakespeare()


def test_a_download_with_another_checksum_is_not_kept(publish, server, cache):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    server.payloads["/shakespeare.txt"] = b"something else"
    with pytest.raises(OSError, match="Nothing was kept") as error:
        fetch_shakespeare()
    assert hashlib.sha256(b"First Citizen:\n").hexdigest() in str(error.value)
    assert hashlib.sha256(b"something else").hexdigest() in str(error.value)
    assert not list(cache.iterdir())


@pytest.mark.parametrize("constant", FETCHERS)
def test_a_damaged_file_in_the_cache(constant, cache):
    file = published(constant)
    path = cache / file.name
    cache.mkdir()
    path.write_bytes(b"half of i")
    with pytest.raises(OSError, match="is damaged or another file") as error:
        FETCHERS[constant]()
    assert f"Delete {path} and call again" in str(error.value)
    assert file.checksum in str(error.value)
    assert hashlib.new(file.algorithm, b"half of i").hexdigest() in str(error.value)
    assert path.read_bytes() == b"half of i"


def test_a_damaged_own_copy_of_shakespeare(own_folder):
    (own_folder / "shakespeare.txt").write_bytes(b"half of i")
    with pytest.raises(OSError, match=r"own.shakespeare\.txt is damaged"):
        fetch_shakespeare()


def test_nothing_half_written_is_left(publish, cache, monkeypatch):
    publish("_SHAKESPEARE", b"First Citizen:\n")

    def interrupt(source, target):
        assert Path(source).parent == Path(target).parent == cache
        raise KeyboardInterrupt

    monkeypatch.setattr(_fetch.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch_shakespeare()
    assert not list(cache.iterdir())


def test_many_at_once(publish, cache):
    text = "All:\nSpeak, speak.\n" * 20_000
    publish("_SHAKESPEARE", text.encode())
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: fetch_shakespeare(), range(24)))
    assert texts == [text] * 24
    assert [path.name for path in cache.iterdir()] == ["shakespeare.txt"]


def test_a_cache_that_cannot_be_made(publish, server, tmp_path):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        fetch_shakespeare(data_home=tmp_path / "file")
    assert not server.requested


@pytest.mark.parametrize("fetch", FETCHERS.values())
@pytest.mark.parametrize("wrong", [{"data_home": 3}, {"download_if_missing": "no"}])
def test_parameters_of_places(fetch, wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The {name!r} parameter of {fetch.__name__} must be"):
        fetch(**wrong)


@pytest.mark.parametrize("constant", MODULES)
def test_published_addresses_are_https(constant):
    assert published(constant).url.startswith("https://")
