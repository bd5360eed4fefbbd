"""Arrays that were made to harm, swapped arrays, and files changed at random."""

import pickle
import random
import re

import joblib
import numpy as np
import pytest

from crafting import (
    RAN,
    Bomb,
    alike,
    archive,
    crafted,
    npy,
    npy_with,
    refusal,
    refused_swaps,
)
from file_tools import X, load_or_refusal, same_params

ARRAYS = {
    "objects": (npy(np.array([Bomb()], object), allow_pickle=True), "which would be a pickle"),
    "a pickle": (pickle.dumps(Bomb()), "is no array in numpy's format"),
    "nothing": (b"", "is no array in numpy's format"),
    "a newer format": (b"\x93NUMPY\x09\x00", "is no array in numpy's format"),
    "more than is there": (npy_with((10**11,), content=bytes(8)), "in 8 bytes"),
    "less than is there": (npy_with((2,), content=bytes(16)), "in 16 bytes"),
    "a negative size": (npy_with((-2,), content=bytes(8)), "in 8 bytes"),
    "no size": (npy_with("None"), "is no array in numpy's format"),
    "elements of no size": (npy_with((10**15,), "|S0"), r"\(1000000000000000,\)"),
    "nothing, of a great length": (npy_with((10**15, 0)), "and no element"),
    "a long header": (npy_with("(" * 9000), "is no array in numpy's format"),
    "code": (npy_with("__import__('os').getpid()"), "is no array in numpy's format"),
    "objects in a record": (npy_with((1,), [("a", "|O")], bytes(8)), "which would be a pickle"),
}


@pytest.mark.parametrize(("content", "message"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_that_are_none(content, message, whole, tmp_path):
    name = next(name for name in whole if name.endswith(".npy"))
    why = refusal(tmp_path / "crafted.sklstm", archive((whole | {name: content}).items()))
    assert re.search(f"{name} .*{message}", why), why
    assert RAN == []


def test_pickles_are_not_loaded(tmp_path):
    path = tmp_path / "model.sklstm"
    for content in (pickle.dumps(Bomb()), pickle.dumps(Bomb(), protocol=0)):
        assert "not a model file of sklstm" in refusal(path, content)
    joblib.dump(Bomb(), path, compress=3)
    assert "not a model file of sklstm" in refusal(path)
    assert RAN == []


def test_swapped_arrays_are_refused(whole, tmp_path):
    assert refused_swaps(whole, tmp_path / "swapped.sklstm") > 20


def test_files_changed_at_random_are_refused_or_are_the_same(whole, classifier, tmp_path):
    draw, n_refused = random.Random(0), 0
    content, names = archive(whole.items()), list(whole)
    expected = classifier.predict_proba(X)
    path = tmp_path / "mutant.sklstm"
    for number in range(400):
        path.write_bytes(mutant(content, whole, names, draw, number % 4))
        loaded, why = load_or_refusal(path)
        if loaded is None:
            assert path.name in why
            n_refused += 1
        else:
            np.testing.assert_array_equal(loaded.predict_proba(X), expected)
            assert same_params(loaded, classifier)
    assert n_refused > 300


def mutant(content, whole, names, draw, kind):
    damaged = bytearray(content)
    if kind == 0:  # a flipped bit
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    elif kind == 1:  # a part that is lost
        start = draw.randrange(len(damaged))
        del damaged[start : start + draw.randrange(1, 50)]
    elif kind == 2:  # a part that comes twice
        start, place = draw.randrange(len(damaged)), draw.randrange(len(damaged))
        damaged[place:place] = damaged[start : start + draw.randrange(1, 200)]
    else:  # members that change places
        one, other = draw.sample(names, 2)
        while alike(whole[one], whole[other]):
            one, other = draw.sample(names, 2)
        return archive((whole | {one: whole[other], other: whole[one]}).items())
    return bytes(damaged)


def test_structures_changed_at_random_are_refused_or_load(whole, tmp_path):
    """A byte of the structure is another one, and all checksums are right."""
    draw, path, n_refused = random.Random(1), tmp_path / "mutant.sklstm", 0
    structure = whole["structure.json"]
    for _ in range(200):
        damaged = bytearray(structure)
        damaged[draw.randrange(len(damaged))] = draw.choice(b'0123456789{}[]",:aeinrst')
        path.write_bytes(crafted(whole, bytes(damaged)))
        loaded, why = load_or_refusal(path)
        assert loaded is not None or path.name in why
        n_refused += loaded is None
    assert n_refused > 100
