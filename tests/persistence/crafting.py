"""How tests make model files that are to do harm."""

import itertools
import json
import re
import struct
import zipfile
from io import BytesIO

import numpy as np
import pytest

from file_tools import load_or_refusal, write_members
from sklstm import persistence

RAN = []  # what code from a file would fill
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
METRIC = "sklearn.metrics._classification.accuracy_score"


def refusal(path, content=None, **options):
    """Return why a file is refused, which has to name the file."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared by callers
        persistence.load(path, **options)
    assert path.name in str(caught.value)
    assert str(caught.value).isprintable()
    return str(caught.value)


def archive(members, compression=STORED):
    """Write an archive from (name, content) pairs."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members:
            method = STORED if name == "sklstm.json" else compression
            file.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def node(kind, **fields):
    return {"kind": kind, **fields}


def items(*values):
    return node("list", items=list(values))


NOTHING = node("dict", items={})


def random_state(place):
    state = node("dict", items={"key": node("array", file="arrays/0.npy"), "pos": place})
    whole = node("dict", items={"bit_generator": "MT19937", "state": state})
    return node("random", type="numpy.random.mtrand.RandomState", state=whole)


def with_units(whole, value):
    structure = json.loads(whole["structure.json"])
    structure["state"]["items"]["units"] = value
    return structure


def items_of(node):
    """Return what a node of a list, a dict or an object holds."""
    return (node if "items" in node else node["state"])["items"]


def part_at(structure, place):
    """Return the node that stands at a place, such as "_fitted_state.data.targets"."""
    for name in filter(None, place.split(".")):
        held = items_of(structure)
        structure = held[int(name) if isinstance(held, list) else name]
    return structure


def with_part(members, place, value):
    """Put another node, or an array, at a place of a model; None takes away what is there."""
    structure = json.loads(members["structure.json"])
    outer, _, name = place.rpartition(".")
    held = items_of(part_at(structure, outer))
    name = int(name) if isinstance(held, list) else name
    if isinstance(value, np.ndarray):
        return members | {held[name]["file"]: npy(value)}
    before = held.pop(name) if name in held or isinstance(held, list) else None
    if value is not None:
        held.insert(name, value) if isinstance(held, list) else held.update({name: value})
    lost = re.findall(r"arrays/\d+\.npy", json.dumps(before))
    kept = {member: members[member] for member in members if member not in lost}
    return kept | {"structure.json": json.dumps(structure).encode()}


def crafted(whole, structure):
    if not isinstance(structure, bytes):
        structure = json.dumps(structure).encode()
    return archive((whole | {"structure.json": structure}).items())


# Arrays
def npy(array, **options):
    buffer = BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npy_with(shape, descr="<f4", content=b""):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def run_me(*args):
    RAN.append(args)


class Bomb:
    def __reduce__(self):
        return run_me, ("from a pickle",)


def alike(one, other):
    """Say whether two members have one header: arrays of one shape, of one kind of number."""
    return one[:128] == other[:128]


def refused_swaps(members, path, draw=None):
    """Let arrays change places, all pairs or some drawn ones; return how many were refused.

    Those of one shape and one kind of number cannot be told apart.
    """
    names = [name for name in members if name.endswith(".npy")]
    pairs = list(itertools.combinations(names, 2))
    n_refused = 0
    for one, other in draw.sample(pairs, 100) if draw else pairs:
        swapped = members | {one: members[other], other: members[one]}
        loaded, why = load_or_refusal(write_members(path, swapped))
        if not alike(members[one], members[other]):
            assert loaded is None
            assert f"{path.name} cannot be loaded" in why
            n_refused += 1
    return n_refused
