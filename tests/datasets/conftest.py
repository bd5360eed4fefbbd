"""Folders, a server and what it publishes."""

import functools
import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data_files import (
    MODULES,
    REAL_DATA,
    WORDS,
    keras_imdb_npz,
    own_imdb_npz,
    published,
)


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


@pytest.fixture
def own_imdb(own_folder):
    (own_folder / "imdb_int.npz").write_bytes(own_imdb_npz())
    (own_folder / "imdb_word_index.json").write_bytes(WORDS)
    return own_folder


@pytest.fixture
def published_imdb(publish):
    publish("_IMDB", keras_imdb_npz())
    publish("_IMDB_WORDS", WORDS)
