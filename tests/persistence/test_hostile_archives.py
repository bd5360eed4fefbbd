"""Archives and headers that were made to harm, and files that would grow."""

import json
import re
import struct
import sys
import warnings
import zipfile

import pytest

from crafting import DEFLATED, archive, crafted, refusal
from sklstm.persistence._archive import END, MAX_DIRECTORY
from tasks import run_script


# The archive
def replaced(content, old, new):
    assert old in content
    return content.replace(old, new)


def lying_size(whole):
    """The directory says that an array has four billion bytes more than its place."""
    content = archive(whole.items())
    name = next(name for name in whole if name.endswith(".npy")).encode()
    place = content.rindex(name) - 46  # of its entry in the directory
    sizes = struct.pack("<2L", 2**32 - 2, 2**32 - 2)
    return content[: place + 20] + sizes + content[place + 28 :]


def overlapping(whole):
    """Two entries of the directory are of one place."""
    content = archive([*whole.items(), ("arrays/98.npy", b"98"), ("arrays/99.npy", b"99")])
    place = content.rindex(b"arrays/99.npy") - 46
    other = content.rindex(b"arrays/98.npy") - 46
    return content[: place + 42] + content[other + 42 : other + 46] + content[place + 46 :]


def long_directory(whole):
    content = archive(whole.items())
    end = list(END.unpack(content[-END.size :]))
    entry = content[end[6] : end[6] + 46 + len("sklstm.json")]
    n_entries = MAX_DIRECTORY // len(entry) + 1
    end[3:6] = [n_entries % 2**16, n_entries % 2**16, n_entries * len(entry)]
    return content[: end[6]] + entry * n_entries + END.pack(*end)


ARCHIVES = {
    "deflate": (lambda w: archive(w.items(), DEFLATED), "is compressed"),
    "bzip2": (lambda w: archive(w.items(), zipfile.ZIP_BZIP2), "is compressed"),
    "lzma": (lambda w: archive(w.items(), zipfile.ZIP_LZMA), "is compressed"),
    "a bomb": (
        lambda w: archive([*w.items(), ("arrays/99.npy", bytes(2**24))], DEFLATED),
        "is compressed",
    ),
    "a size that lies": (lying_size, "is compressed|is larger than the file"),
    "two of one name": (
        lambda w: archive([*w.items(), ("structure.json", b"{}")]),
        "two members of one name",
    ),
    "two in one place": (overlapping, "is not where it should be"),
    "a long list of members": (long_directory, "its list of members has 209"),
    "a member of another name": (
        lambda w: archive([*w.items(), ("\x1b[31mred", b"")]),
        r"it holds '\\x1b\[31mred'",
    ),
    "a path": (lambda w: archive([*w.items(), ("arrays/../1.npy", b"")]), "it holds 'arrays/"),
    "no structure": (
        lambda w: archive(item for item in w.items() if item[0] != "structure.json"),
        "it holds no structure.json",
    ),
    "bytes before the list": (
        lambda w: replaced(archive(w.items()), b"PK\x01\x02", b"spare bytesPK\x01\x02"),
        "truncated or damaged",
    ),
    "bytes at the end": (lambda w: archive(w.items()) + b"more", "its end is missing"),
    "a long header": (
        lambda w: archive((w | {"sklstm.json": b" " * (2**20 + 1)}).items()),
        "larger than 1048576 bytes",
    ),
}


@pytest.mark.parametrize(("make", "message"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives_that_are_none_of_ours(make, message, whole, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile warns of a name that comes twice
        content = make(whole)
    assert re.search(message, refusal(tmp_path / "crafted.sklstm", content))


HEADERS = {
    "no JSON": (b"", "truncated or damaged"),
    "a list": (b"[1]", "its header is no header"),
    "a deep list": (b"[" * 10**5 + b"]" * 10**5, "its header is no header"),
    "no versions": (b'{"format": 1}', "its header is no header"),
    "an odd format": ({"format": True}, "its header is no header"),
    "escapes in a version": ({"sklstm": "1\x1b[2J"}, "its header is no header"),
    "a version that is a list": ({"skops": ["0"]}, "its header is no header"),
    "requests that are none": ({"metadata_requests": {"a": {"fit": [1]}}}, "metadata requests"),
    "requests of nothing": ({"metadata_requests": {"nowhere": {}}}, "requests are of 'nowhere'"),
    "requests of another method": (
        {"metadata_requests": {"LSTMClassifier": {"__class__": {"a": "b"}}}},
        "of the method '__class__'",
    ),
}


@pytest.mark.parametrize(("header", "message"), HEADERS.values(), ids=HEADERS)
def test_headers_that_are_none(header, message, whole, tmp_path):
    if isinstance(header, dict):
        header = json.dumps(json.loads(whole["sklstm.json"]) | header).encode()
    content = archive((whole | {"sklstm.json": header}).items())
    assert message in refusal(tmp_path / "crafted.sklstm", content)


def test_a_member_that_nothing_holds_is_refused(whole, tmp_path):
    content = archive((whole | {"arrays/99.npy": b"spare"}).items())
    assert "nothing holds its member arrays/99.npy" in refusal(tmp_path / "a.sklstm", content)


LARGE = """
import resource, sys, time
from sklstm import persistence

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

for path in sys.argv[1:]:
    start, before = time.perf_counter(), used()
    try:
        persistence.load(path)
    except ValueError as error:
        assert path in str(error)
    else:
        raise SystemExit(path + " was loaded")
    print(time.perf_counter() - start, (used() - before) * 1024)
"""


def large_files(whole, folder):
    """Write files that would fill memory, or never end, if they were parsed."""
    no_model = folder / "no_model"
    with no_model.open("wb") as file:  # it takes no room on the disk
        file.write(b"PK no model")
        file.truncate(3 * 2**30)
    lists = b'{"kind": "list", "items": [' + b"[]," * (2**24 // 3) + b"[]]}"
    quotes = b'{"kind": "list", "items": [' + b'"",' * (2**24 // 3) + b'""]}'
    text = json.dumps("[," * 2**23).encode()  # all of it is one string
    structures = {"lists": lists, "quotes": quotes, "text": text}
    for name, structure in structures.items():
        (folder / name).write_bytes(crafted(whole, structure))
    return [no_model, *(folder / name for name in structures)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="maxrss is in kilobytes there")
def test_large_files_are_refused_soon_and_in_little_memory(whole, tmp_path):
    paths = large_files(whole, tmp_path)
    for path, line in zip(paths, run_script(LARGE, *paths).splitlines(), strict=True):
        seconds, n_bytes = map(float, line.split())
        assert seconds < 20, path  # on a busy machine; without the checks they do not end
        assert n_bytes < min(2**24, path.stat().st_size) * 4, path
