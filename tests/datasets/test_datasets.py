import functools
import hashlib
import io
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklstm.datasets import (
    _fetch,
    _images,
    _reviews,
    _series,
    _texts,
    decode_reviews,
    fetch_daily_temperatures,
    fetch_imdb,
    fetch_mnist,
    fetch_shakespeare,
    fetch_sunspots,
    load_airline_passengers,
    load_python_reference,
    split_documents,
)

REAL_DATA = os.environ.get("SKLSTM_DATA")
MODULES = {
    "_DAILY_TEMPERATURES": _series,
    "_SUNSPOTS": _series,
    "_SHAKESPEARE": _texts,
    "_MNIST": _images,
    "_IMDB": _reviews,
    "_IMDB_WORDS": _reviews,
}


def published(constant):
    return getattr(MODULES[constant], constant)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Give each test an empty cache of its own and no ``SKLSTM_DATA``; return the cache."""
    monkeypatch.delenv("SKLSTM_DATA", raising=False)
    monkeypatch.setenv("SKLSTM_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


@pytest.fixture
def own_folder(monkeypatch, tmp_path):
    """Return an empty folder that ``SKLSTM_DATA`` names."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("SKLSTM_DATA", str(folder))
    return folder


@pytest.fixture
def real_data(monkeypatch):
    """Return a function that lets the test use real files, or skips it if there are none."""

    def use(*names):
        if not REAL_DATA:
            pytest.skip("SKLSTM_DATA is not set: it names the folder with the real data")
        for name in names:
            if not (Path(REAL_DATA) / name).is_file():
                pytest.skip(f"SKLSTM_DATA={REAL_DATA} holds no {name}")
        monkeypatch.setenv("SKLSTM_DATA", REAL_DATA)

    return use


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requested.append(self.path)
        payload = self.server.payloads.get(self.path)
        if payload is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload) + self.server.missing_bytes))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """Serve ``server.payloads`` (path -> bytes) on this machine; record ``server.requested``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.payloads, server.requested, server.missing_bytes = {}, [], 0
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def publish(monkeypatch, server):
    """Return a function that makes ``payload`` the published content of a file."""

    def publish(constant, payload):
        file = published(constant)
        server.payloads[f"/{file.name}"] = payload
        checksum = hashlib.new(file.algorithm, payload).hexdigest()
        url = f"{server.url}/{file.name}"
        changed = replace(file, url=url, checksum=checksum)
        monkeypatch.setattr(MODULES[constant], constant, changed)

    return publish


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def mnist_npz(n_train=6, n_test=3, size=28):
    rng = np.random.RandomState(0)
    arrays = {}
    for part, n in (("train", n_train), ("test", n_test)):
        arrays[f"x_{part}"] = rng.randint(0, 256, (n, size, size), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.randint(0, 10, n, dtype=np.uint8)
    return npz(**arrays)


WORDS = json.dumps({"film": 2, "the": 1, "good": 4, "bad": 3}).encode()

# The same reviews twice: ids with the start mark, as in SKLSTM_DATA, and Keras's lists of ranks.
IDS = [[1, 4, 5], [1, 6], [1, 4, 5, 7], [1, 7]]
CLASSES = [0, 0, 1, 1]


def own_imdb_npz(ids=IDS, classes=CLASSES):
    tokens = np.concatenate(ids).astype(np.uint16)
    offsets = np.cumsum([0, *map(len, ids)])
    parts = {f"{part}_tokens": tokens for part in ("train", "test")}
    parts |= {f"{part}_offsets": offsets for part in ("train", "test")}
    return npz(**parts, y_train=np.int8(classes), y_test=np.int8(classes))


def keras_imdb_npz(ids=IDS, classes=CLASSES):
    ranks = np.empty(len(ids), dtype=object)
    ranks[:] = [[i - 3 for i in review[1:]] for review in ids]
    return npz(x_train=ranks, x_test=ranks, y_train=np.array(classes), y_test=np.array(classes))


@pytest.fixture
def own_imdb(own_folder):
    (own_folder / "imdb_int.npz").write_bytes(own_imdb_npz())
    (own_folder / "imdb_word_index.json").write_bytes(WORDS)
    return own_folder


@pytest.fixture
def published_imdb(publish):
    publish("_IMDB", keras_imdb_npz())
    publish("_IMDB_WORDS", WORDS)


# ---------------------------------------------------------------------------------------- loaders


def test_airline_passengers():
    passengers = load_airline_passengers()
    assert passengers.shape == (144,)
    assert passengers.dtype == np.float64
    assert passengers.sum() == 40363
    assert passengers.max() == 622
    assert np.argmax(passengers) == 11 * 12 + 6  # July 1960
    assert load_airline_passengers() is not passengers


@pytest.mark.data
def test_airline_passengers_are_those_of_the_file(real_data):
    real_data("airline-passengers.csv")
    path = Path(REAL_DATA) / "airline-passengers.csv"
    expected = np.loadtxt(path, delimiter=",", skiprows=1, usecols=1)
    np.testing.assert_array_equal(load_airline_passengers(), expected)


def test_python_reference():
    text = load_python_reference()
    assert 300_000 < len(text) < 1_000_000
    assert text.startswith('The "assert" statement\n')
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
    assert text == load_python_reference()


# -------------------------------------------------------------------------------- where files are


def test_a_download_is_kept_and_read_the_next_time(publish, server, cache):
    publish("_SHAKESPEARE", b"First Citizen:\n")
    assert fetch_shakespeare() == "First Citizen:\n"
    assert fetch_shakespeare(download=False) == "First Citizen:\n"
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
    assert file.own in message


@pytest.mark.parametrize("constant", FETCHERS)
def test_no_copy_and_no_download(constant, cache):
    with pytest.raises(FileNotFoundError, match=r"SKLSTM_DATA .*it is not set") as error:
        FETCHERS[constant](download=False)
    assert_says_how_to_get(error, published(constant), cache)
    assert not cache.exists()


def test_the_message_names_the_folder_that_lacks_the_file(own_folder):
    with pytest.raises(FileNotFoundError) as error:
        fetch_mnist(download=False)
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
@pytest.mark.parametrize("wrong", [{"data_home": 3}, {"download": "no"}])
def test_parameters_of_places(fetch, wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"The {name!r} parameter of {fetch.__name__} must be"):
        fetch(**wrong)


@pytest.mark.parametrize("constant", MODULES)
def test_published_addresses_are_https(constant):
    assert published(constant).url.startswith("https://")


# ----------------------------------------------------------------------------------------- series

SERIES = pytest.mark.parametrize(
    ("fetch", "constant", "n"),
    [(fetch_daily_temperatures, "_DAILY_TEMPERATURES", 3650), (fetch_sunspots, "_SUNSPOTS", 2820)],
)


def table(n, *, end="\r\n"):
    """Return the lines of a published series whose values are 0, 0.1, 0.2, ..."""
    return end.join(['"Date","Value"', *(f'"day {i}",{i / 10}' for i in range(n))]).encode()


@SERIES
def test_series_are_downloaded(fetch, constant, n, publish, server):
    publish(constant, table(n))
    values = fetch()
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, np.arange(n) / 10)
    np.testing.assert_array_equal(fetch(download=False), values)
    assert server.requested == [f"/{published(constant).name}"]


@SERIES
def test_own_series_may_have_other_line_ends_and_quotes(fetch, constant, n, own_folder):
    lines = b"\xef\xbb\xbf" + table(n, end="\n").replace(b'"', b"") + b"\n\n"
    (own_folder / published(constant).name).write_bytes(lines)
    np.testing.assert_array_equal(fetch(download=False), np.arange(n) / 10)


@SERIES
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"day 7",0.7', b'"day 7",?0.7', r"line 9 should be a date and a number: .*,\?0\.7'"),
        (b'"day 7",0.7', b'"day 7",nan', "line 9 should be .*,nan'"),
        (b'"day 7",0.7', b'"day 7"', "line 9 should be .*day 7"),
        (b'"day 7",0.7', b'"day 7",0,7', "line 9 should be .*,0,7'"),
        (b'"day 7",0.7\r\n', b"", "has .*9 values, expected .*0"),
        (b"Date", b"\xff", "UnicodeDecodeError"),
    ],
)
def test_a_damaged_own_series(fetch, constant, n, own_folder, old, new, reason):
    path = own_folder / published(constant).name
    path.write_bytes(table(n).replace(old, new))
    with pytest.raises(OSError, match=reason) as error:
        fetch()
    assert f"Delete or replace {path}" in str(error.value)


@pytest.mark.data
def test_real_series(real_data):
    real_data("daily-min-temperatures.csv", "monthly-sunspots.csv")
    temperatures, sunspots = (
        fetch_daily_temperatures(download=False),
        fetch_sunspots(download=False),
    )
    assert temperatures.shape == (3650,)
    assert (temperatures[0], temperatures[-1]) == (20.7, 13.0)
    assert (temperatures.min(), temperatures.max()) == (0, 26.3)
    assert sunspots.shape == (2820,)
    assert (sunspots[0], sunspots[-1]) == (58.0, 33.4)
    for constant in ("_DAILY_TEMPERATURES", "_SUNSPOTS"):
        payload = (Path(REAL_DATA) / published(constant).name).read_bytes()
        assert hashlib.sha256(payload).hexdigest() == published(constant).checksum


# ------------------------------------------------------------------------------------------ MNIST


def test_mnist(publish):
    publish("_MNIST", mnist_npz())
    mnist = fetch_mnist()
    assert mnist.data_train.shape == (6, 28, 28)
    assert mnist.data_test.shape == (3, 28, 28)
    assert mnist.target_train.shape == (6,)
    assert mnist.target_test.shape == (3,)
    assert {mnist[key].dtype.name for key in mnist if key.startswith(("data", "target_t"))} == {
        "uint8"
    }
    assert mnist.target_names == list("0123456789")
    assert "MNIST" in mnist.DESCR


def test_own_copy_of_mnist_may_be_another_archive(own_folder):
    (own_folder / "mnist.npz").write_bytes(mnist_npz(n_train=4))
    assert fetch_mnist(download=False).data_train.shape == (4, 28, 28)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "EOFError"),
        (b"no archive", "ValueError"),
        (npz(x_train=np.zeros(1)), "KeyError.*y_train"),
        (mnist_npz(size=27), r"shape \(6, 27, 27\) and dtype uint8, expected \(6, 28, 28\)"),
        (mnist_npz()[:-100], "BadZipFile"),
    ],
)
def test_a_damaged_own_copy_of_mnist(own_folder, payload, reason):
    (own_folder / "mnist.npz").write_bytes(payload)
    with pytest.raises(OSError, match=reason) as error:
        fetch_mnist()
    assert f"Delete or replace {own_folder / 'mnist.npz'}" in str(error.value)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_damage_anywhere_is_an_oserror(data):
    """A file with one other byte reads the same (unused bytes) or is an OSError, nothing else."""
    payload = bytearray(mnist_npz(n_train=1, n_test=1))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    with suppress(OSError), _fetch.blaming(Path("mnist.npz")):
        _fetch.load_npz(bytes(payload), ["x_train", "y_train", "x_test", "y_test"])


def test_own_copies_are_never_unpickled(own_folder):
    (own_folder / "mnist.npz").write_bytes(keras_imdb_npz())
    with pytest.raises(OSError, match="allow_pickle=False"):
        fetch_mnist()


@pytest.mark.data
def test_real_mnist(real_data):
    real_data("mnist.npz")
    mnist = fetch_mnist(download=False)
    assert mnist.data_train.shape == (60000, 28, 28)
    assert mnist.data_test.shape == (10000, 28, 28)
    assert mnist.data_train.dtype == mnist.target_train.dtype == np.uint8
    assert mnist.target_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.target_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(mnist.target_train).min() == 5421


# ------------------------------------------------------------------------------------------- IMDB


def reviews_of(bunch, part="train"):
    return [ids.tolist() for ids in bunch[f"data_{part}"]]


def test_own_imdb(own_imdb):
    imdb = fetch_imdb(shuffle=False)
    assert reviews_of(imdb) == reviews_of(imdb, "test") == IDS
    assert imdb.target_train.tolist() == imdb.target_test.tolist() == CLASSES
    assert imdb.data_train.dtype == object
    assert imdb.data_train[0].dtype == np.int32
    assert imdb.target_train.dtype == np.int64
    assert imdb.target_names == ["negative", "positive"]
    assert imdb.vocabulary == [
        "<pad>",
        "<start>",
        "<unknown>",
        "<unused>",
        "the",
        "film",
        "bad",
        "good",
    ]


def test_the_download_has_the_same_form(published_imdb, own_imdb, cache, monkeypatch):
    own = fetch_imdb()
    monkeypatch.delenv("SKLSTM_DATA")
    downloaded = fetch_imdb()
    assert {path.name for path in cache.iterdir()} == {"imdb.npz", "imdb_word_index.json"}
    assert reviews_of(own) == reviews_of(downloaded)
    assert own.vocabulary == downloaded.vocabulary
    assert own.target_train.tolist() == downloaded.target_train.tolist()
    assert own.data_train[0].dtype == downloaded.data_train[0].dtype
    assert own.target_train.dtype == downloaded.target_train.dtype


def test_reviews_of_one_length_stay_an_array_of_arrays(own_imdb):
    ids = [[1, 4], [1, 5], [1, 6], [1, 7]]
    (own_imdb / "imdb_int.npz").write_bytes(own_imdb_npz(ids))
    imdb = fetch_imdb(shuffle=False)
    assert imdb.data_train.shape == (4,)
    assert reviews_of(imdb) == ids


def test_num_words_counts_the_reserved_ids(own_imdb):
    imdb = fetch_imdb(num_words=6, shuffle=False)
    assert reviews_of(imdb) == [[1, 4, 5], [1, 2], [1, 4, 5, 2], [1, 2]]
    assert imdb.vocabulary == ["<pad>", "<start>", "<unknown>", "<unused>", "the", "film"]
    assert len(fetch_imdb(num_words=1000).vocabulary) == 8


@pytest.mark.parametrize("num_words", [4, 0, -1, 10.5, "all", True])
def test_num_words_out_of_range(own_imdb, num_words):
    with pytest.raises(ValueError, match=rf"'num_words'.*\[5, inf\) or None\. Got {num_words!r}"):
        fetch_imdb(num_words=num_words)


def test_shuffling_keeps_reviews_and_classes_together(own_imdb):
    ids = [[1, 4 + i % 4] + [4] * i for i in range(50)]
    classes = [i // 25 for i in range(50)]
    (own_imdb / "imdb_int.npz").write_bytes(own_imdb_npz(ids, classes))
    imdb = fetch_imdb()
    for part in ("train", "test"):
        shuffled = reviews_of(imdb, part)
        assert shuffled != ids
        assert sorted(shuffled) == sorted(ids)
        assert [classes[ids.index(r)] for r in shuffled] == imdb[f"target_{part}"].tolist()
    assert reviews_of(imdb) == reviews_of(fetch_imdb(random_state=0))
    assert reviews_of(imdb) != reviews_of(fetch_imdb(random_state=1))
    assert reviews_of(imdb) != reviews_of(imdb, "test")


def test_shuffling_leaves_the_global_random_state_alone(own_imdb):
    before = np.random.get_state()[1].copy()
    fetch_imdb()
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_own_reviews_need_their_own_words(own_imdb, published_imdb):
    (own_imdb / "imdb_word_index.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"imdb_word_index\.json is missing: it belongs to"):
        fetch_imdb()


def test_own_words_alone_are_not_mixed_with_the_published_reviews(own_imdb, published_imdb, server):
    (own_imdb / "imdb_int.npz").unlink()
    (own_imdb / "imdb_word_index.json").write_bytes(b'{"other": 1}')
    assert "film" in fetch_imdb().vocabulary
    assert sorted(server.requested) == ["/imdb.npz", "/imdb_word_index.json"]


@pytest.mark.parametrize(
    ("name", "payload", "reason"),
    [
        ("imdb_int.npz", b"no archive", "ValueError"),
        ("imdb_int.npz", own_imdb_npz(classes=[0, 1]), "4 reviews and 2 classes"),
        ("imdb_int.npz", own_imdb_npz([[1, 4], [], [1], [1]]), "do not cut 4 words"),
        ("imdb_word_index.json", b"{", "JSONDecodeError"),
        ("imdb_word_index.json", b"[1]", "AttributeError"),
        ("imdb_word_index.json", b'{"the": 0}', "rank 0; ranks count from 1"),
    ],
)
def test_damaged_own_imdb(own_imdb, name, payload, reason):
    (own_imdb / name).write_bytes(payload)
    with pytest.raises(OSError, match=reason) as error:
        fetch_imdb()
    assert f"Delete or replace {own_imdb / name}" in str(error.value)


class _Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_an_unchecked_pickle_is_never_opened(published_imdb, server, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bomb = np.array([_Bomb()], dtype=object)
    payload = npz(x_train=bomb, y_train=[0], x_test=bomb, y_test=[0])
    server.payloads["/imdb.npz"] = payload
    with pytest.raises(OSError, match="Nothing was kept"):
        fetch_imdb()
    (cache / "imdb.npz").write_bytes(payload)
    with pytest.raises(OSError, match="is damaged or another file"):
        fetch_imdb()
    assert not (tmp_path / "exploded").exists()


@pytest.mark.data
def test_real_imdb(real_data):
    real_data("imdb_int.npz", "imdb_word_index.json")
    imdb = fetch_imdb(num_words=10_000, download=False)
    for part in ("train", "test"):
        reviews = imdb[f"data_{part}"]
        assert reviews.shape == (25000,)
        assert imdb[f"target_{part}"].sum() == 12500
        assert all(ids[0] == 1 for ids in reviews)
        assert max(ids.max() for ids in reviews) == 9999
        assert min(ids.min() for ids in reviews) == 1
        assert 450 < imdb[f"target_{part}"][:1000].sum() < 550  # shuffled
    assert len(imdb.vocabulary) == 10_000
    assert imdb.vocabulary[4:7] == ["the", "and", "a"]
    brilliant = ["brilliant" in text for text in decode_reviews(imdb.data_train, imdb.vocabulary)]
    assert imdb.target_train[brilliant].mean() > 0.7


@pytest.mark.data
def test_real_shakespeare(real_data):
    real_data("shakespeare.txt")
    text = fetch_shakespeare(download=False)
    assert len(text) == 1_115_394
    assert len(set(text)) == 65
    assert text.startswith("First Citizen:\nBefore we proceed any further")


# ---------------------------------------------------------------------------------------- decoding

VOCABULARY = ["<pad>", "<start>", "<unknown>", "<unused>", "the", "film"]


def test_decode_leaves_padding_out():
    padded = np.array([[0, 0, 1, 4], [1, 5, 0, 0], [0, 0, 0, 0]])
    assert decode_reviews(padded, VOCABULARY) == ["<start> the", "<start> film", ""]
    assert decode_reviews([[], np.uint8([4])], VOCABULARY) == ["", "the"]


@pytest.mark.parametrize("wrong", [6, -1])
def test_decode_names_an_id_outside_the_vocabulary(wrong):
    with pytest.raises(ValueError, match=f"review 1 contains the id {wrong}; valid are 0 to 5"):
        decode_reviews([[1, 4], [1, wrong]], VOCABULARY)


@pytest.mark.parametrize("wrong", [[1, 4], "ab", [[1.0, 4.0]], np.zeros((1, 2, 2), int)])
def test_decode_wants_a_list_of_reviews(wrong):
    with pytest.raises(ValueError, match=r"review 0 has shape .* takes a list of reviews"):
        decode_reviews(wrong, VOCABULARY)


@given(st.lists(st.lists(st.integers(0, 5))))
def test_decode_inverts_encode(reviews):
    texts = decode_reviews(reviews, VOCABULARY)
    encoded = [[VOCABULARY.index(word) for word in text.split()] for text in texts]
    assert encoded == [[i for i in ids if i] for ids in reviews]


@given(st.text("ab\n", min_size=2, max_size=80), st.integers(1, 12))
def test_split_documents_lose_nothing(text, n):
    if len(text) < 2 * n:
        with pytest.raises(ValueError, match=f"n={n} documents"):
            split_documents(text, n)
        return
    documents = split_documents(text, n)
    assert "".join(documents) == text
    assert len(documents) == n
    assert min(map(len, documents)) >= 2
