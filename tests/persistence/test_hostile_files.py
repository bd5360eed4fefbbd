"""Model files that were made to harm: no code runs, nothing grows, and the error says why."""

import itertools
import json
import pickle
import random
import re
import struct
import sys
import warnings
import zipfile
from io import BytesIO

import joblib
import numpy as np
import pytest

from sklstm import persistence
from sklstm.persistence._archive import END, MAX_DIRECTORY
from tasks import run_script
from test_persistence import X, load_or_refusal, members_of, same_params, write_members

RAN = []  # what code from a file would fill
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
METRIC = "sklearn.metrics._classification.accuracy_score"


@pytest.fixture(scope="module")
def whole(classifier, tmp_path_factory):
    """The members of a small model file."""
    path = tmp_path_factory.mktemp("model") / "model.sklstm"
    persistence.save(classifier, path)
    return members_of(path)


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


# The structure


def doubled(times):
    """A list that holds a list twice, which holds a list twice, and so on."""
    parts = [node("list", items=[], id=0)]
    for number in range(times):
        shared = node("shared", id=number)
        parts.append(node("list", items=[shared, shared], id=number + 1))
    return items(*parts)


def nested(levels):
    value = 1
    for _ in range(levels):
        value = items(value)
    return value


def random_state(place):
    state = node("dict", items={"key": node("array", file="arrays/0.npy"), "pos": place})
    whole = node("dict", items={"bit_generator": "MT19937", "state": state})
    return node("random", type="numpy.random.mtrand.RandomState", state=whole)


NODES = {  # what stands where `units` should
    "a kind that is none": (node("eval"), "of the kind 'eval'"),
    "a kind that is a list": (node([]), r"of the kind \[\]"),
    "no kind": ({}, "of the kind None"),
    "more objects than any model has": (
        node("list", items=[node("list", items=[])] * 2**15),
        r"its structure has 32\d{3} objects, valid are 32768 at most",
    ),
    "a JSON list": ([1], "of the kind None"),
    "a field too few": (node("list"), "a list node with the fields"),
    "a field too many": (node("list", items=[], state=1), "a list node with the fields"),
    "a field of another form": (node("list", items="abc"), "whose items is not a list of nodes"),
    "a circle": (node("list", items=[node("shared", id=5)], id=5), "does not stand before it"),
    "a reference to nothing": (node("shared", id=7), "does not stand before it"),
    "an id that is none": (node("shared", id=[1]), "whose id is not an integer"),
    "one id twice": (items(*[node("list", items=[], id=1)] * 2), "two nodes of one id"),
    "a list that doubles itself": (doubled(40), "stands for more than 524288 values"),
    "too deep": (nested(101), "nested more than 100 levels deep"),
    "a member that is not there": (node("array", file="arrays/99.npy"), "is not there"),
    "the structure as an array": (node("array", file="structure.json"), "is not there"),
    "a member of another node": (
        items(*[node("array", file="arrays/0.npy")] * 2),
        "is not there, or held by two nodes",
    ),
    "a metric that is called": (
        node("call", type=METRIC, arguments=node("tuple", items=[1, 1]), state=None),
        f"does not trust: {METRIC}",
    ),
    "a metric as an object": (node("object", type=METRIC, state=None), "does not trust"),
    "a metric as a tuple": (node("tuple", type=METRIC, items=[1]), "does not trust"),
    "a metric as a dict": (node("dict", type=METRIC, items={}), "does not trust"),
    "a metric as a number": (
        node("array", type=METRIC, file="arrays/0.npy"),
        "does not trust|held by two",
    ),
    "a metric as a key": (node("dict", items={"1": 1}, keys=[METRIC]), "a dict node with keys of"),
    "eval as a key": (
        node("dict", items={"1/0": 1}, keys=["builtins.eval"]),
        "a dict node with keys of",
    ),
    "keys of nothing": (node("dict", items={"1": 1}, keys=[]), "keys are not its items'"),
    "a class of ours as a type": (node("type", type="sklstm.LSTMClassifier"), "does not trust"),
    "os.system": (
        node("call", type="os.system", arguments=node("tuple", items=["echo ran"]), state=None),
        "does not trust: os.system",
    ),
    "os.system, held": (node("function", type="os.system"), "does not trust: os.system"),
    "eval, held": (node("type", type="builtins.eval"), "does not trust: builtins.eval"),
    "a partial": (
        node(
            "partial",
            type="functools.partial",
            function=node("type", type="builtins.eval"),
            arguments=node("tuple", items=["1/0"]),
            keywords=NOTHING,
        ),
        r"does not trust: builtins.eval, functools.partial",
    ),
    "a process": (node("object", type="subprocess.Popen", state=NOTHING), "does not trust"),
    "a module that does something": (
        node("object", type="antigravity.Flight", state=NOTHING),
        "does not trust: antigravity.Flight",
    ),
    "a test of scikit-learn": (
        node("object", type="sklearn.tests.test_base.MyEstimator", state=NOTHING),
        "does not trust: sklearn.tests",
    ),
    "a tree": (
        node("call", type="sklearn.tree._tree.Tree", arguments=items(), state=NOTHING),
        "does not trust: sklearn.tree._tree.Tree",
    ),
    "escapes in a name": (node("type", type="a.\x1b[2J"), r"type 'a.\\x1b\[2J'"),
    "a long name": (node("type", type="a." * 500), "of the type 'a.a"),
    "objects of another shape": (
        node("objects", shape=[10**12, 0, 3], items=[1]),
        r"objects of the shape \[1000000000000",
    ),
    "objects without end": (node("objects", shape=[10**9], items=[]), "objects of the shape"),
    "a slice of nodes": (node("slice", bounds=[NOTHING, 1, 1]), "a slice that is none"),
    "a dtype that is none": (node("dtype", name="O,O"), "a dtype 'O,O'"),
    "a random state behind its end": (random_state(625), "has the place 625|held by two nodes"),
    "a method that is a metric": (
        node(
            "object",
            type="sklearn.preprocessing._data.StandardScaler",
            state=node("dict", items={"transform": node("function", type=METRIC)}),
        ),
        "an attribute of a StandardScaler is called 'transform'",
    ),
    "a special method": (
        node(
            "object",
            type="sklearn.preprocessing._data.StandardScaler",
            state=node("dict", items={"__sklearn_is_fitted__": node("function", type=METRIC)}),
        ),
        "is called '__sklearn_is_fitted__'",
    ),
}


def with_units(whole, value):
    structure = json.loads(whole["structure.json"])
    structure["state"]["items"]["units"] = value
    return structure


def crafted(whole, structure):
    if not isinstance(structure, bytes):
        structure = json.dumps(structure).encode()
    return archive((whole | {"structure.json": structure}).items())


@pytest.mark.parametrize(("value", "message"), NODES.values(), ids=NODES)
def test_nodes_that_are_none_of_ours(value, message, whole, tmp_path):
    why = refusal(tmp_path / "crafted.sklstm", crafted(whole, with_units(whole, value)))
    assert re.search(message, why), why


def test_a_random_state_is_not_read_behind_its_end(whole, tmp_path):
    structure = with_units(whole, random_state(625) | {})
    key = node("array", file="arrays/99.npy")
    structure["state"]["items"]["units"]["state"]["items"]["state"]["items"]["key"] = key
    key = npy(np.zeros(624, np.uint32))
    content = crafted(whole | {"arrays/99.npy": key}, structure)
    assert "has the place 625" in refusal(tmp_path / "crafted.sklstm", content)


def test_nothing_that_is_named_is_imported(whole, tmp_path):
    path = tmp_path / "crafted.sklstm"
    path.write_bytes(crafted(whole, with_units(whole, NODES["a module that does something"][0])))
    run_script(
        "import sys\nfrom sklstm import persistence\n"
        "try: persistence.load(sys.argv[1])\n"
        "except ValueError: assert not {'antigravity', 'skops'} & set(sys.modules)\n"
        "else: raise SystemExit('loaded')",
        str(path),
    )


def test_what_the_user_trusts_is_called_only_if_it_is_a_type(whole, tmp_path):
    run_me = f"{__name__}.{run_me_too.__name__}"
    for value in (
        node("call", type=run_me, arguments=node("tuple", items=[1]), state=None),
        node("tuple", type=run_me, items=[1]),
        node("dict", type=run_me, items={}),
        node("object", type=run_me, state=None),
    ):
        content = crafted(whole, with_units(whole, value))
        why = refusal(tmp_path / "crafted.sklstm", content, trusted=[run_me])
        assert f"{run_me} is no type" in why
    assert RAN == []


def run_me_too(*args):
    RAN.append(args)


ROOTS = {
    "a list": items(1),
    "a dict": NOTHING,
    "a number": 1,
    "a type": node("type", type="builtins.int"),
    "a metric": node("function", type=METRIC),
    "a reference": node("shared", id=0),
    "no JSON": b"",
    "no ASCII": '{"kind": "ä"}'.encode(),
    "a deep list": b"[" * 10**5 + b"]" * 10**5,
    "a splitter": node(
        "object",
        type="sklearn.model_selection._split.KFold",
        state=node("dict", items={"n_splits": 5}),
    ),
}


@pytest.mark.parametrize("structure", ROOTS.values(), ids=ROOTS)
def test_what_is_no_estimator_is_refused(structure, whole, tmp_path):
    no_arrays = {name: whole[name] for name in ("sklstm.json", "structure.json")}
    why = refusal(tmp_path / "crafted.sklstm", crafted(no_arrays, structure))
    assert re.search("no estimator|structure is nested|Expecting value|UnicodeDecode|ascii", why)


def test_a_network_alone_is_no_estimator(whole, tmp_path):
    spec = json.loads(whole["structure.json"])["state"]["items"]["_runtime"]["state"]["items"]
    no_arrays = {name: whole[name] for name in ("sklstm.json", "structure.json")}
    content = crafted(no_arrays, replaced_shared(spec["spec"]))
    assert "holds a NetworkSpec, which is no estimator" in refusal(tmp_path / "a.sklstm", content)


def replaced_shared(spec):
    """A spec whose tuples are its own."""
    for name in ("units", "dense_units"):
        spec["state"]["items"][name] = node("tuple", items=[])
    return spec


def test_a_member_that_nothing_holds_is_refused(whole, tmp_path):
    content = archive((whole | {"arrays/99.npy": b"spare"}).items())
    assert "nothing holds its member arrays/99.npy" in refusal(tmp_path / "a.sklstm", content)


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


def test_swapped_arrays_are_refused(whole, tmp_path):
    assert refused_swaps(whole, tmp_path / "swapped.sklstm") > 20


def changed(whole, change):
    structure = json.loads(whole["structure.json"])
    change(structure["state"]["items"])
    return structure


def scaling_of(attributes):
    return attributes["_input_scaling"]["state"]["items"]


def spec_of(attributes):
    return attributes["_runtime"]["state"]["items"]["spec"]["state"]["items"]


MISFITS = {
    "more units": (
        lambda a: spec_of(a).update(units=node("tuple", items=[10**9])),
        r"_runtime: lstm_0/forward/kernel has the shape \(\d+, 16\), valid is",
    ),
    "another pooling": (lambda a: spec_of(a).update(pooling=None), "network of another estimator"),
    "no parameter": (lambda a: a.pop("verbose"), "lacks the parameters verbose"),
    "no form of X": (lambda a: a.update(_form=None), "does not hold how X is read"),
    "features that are text": (lambda a: a.update(n_features_in_="2"), "n_features_in_ is '2'"),
    "units that are a list": (lambda a: spec_of(a).update(units=items(4)), "is no network"),
    "another activation": (lambda a: spec_of(a).update(activation="exp"), "is no network"),
    "deltas of no feature": (
        lambda a: scaling_of(a).update(deltas_of=node("tuple", items=[7])),
        r"scales deltas of the features \(7,\)",
    ),
    "a vocabulary for numbers": (
        lambda a: a["_form"]["state"]["items"].update(vocabulary_size=7),
        "is not how X of its network is read",
    ),
    "a spec without units": (lambda a: spec_of(a).pop("units"), "is no network"),
    "a network that is a list": (lambda a: a.update(_runtime=items()), "nothing holds its member"),
}


@pytest.mark.parametrize(("change", "message"), MISFITS.values(), ids=MISFITS)
def test_networks_that_do_not_fit_are_refused(change, message, whole, tmp_path):
    why = refusal(tmp_path / "crafted.sklstm", crafted(whole, changed(whole, change)))
    assert re.search(message, why), why


# What grows


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


@pytest.mark.skipif(sys.platform != "linux", reason="maxrss is in kilobytes there")
def test_large_files_are_refused_soon_and_in_little_memory(whole, tmp_path):
    paths = large_files(whole, tmp_path)
    for path, line in zip(paths, run_script(LARGE, *paths).splitlines(), strict=True):
        seconds, n_bytes = map(float, line.split())
        assert seconds < 20, path  # on a busy machine; without the checks they do not end
        assert n_bytes < min(2**24, path.stat().st_size) * 4, path


# Whatever else


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
