"""Structures that were made to harm: no code runs, and the error says why."""

import json
import re

import numpy as np
import pytest

from crafting import (
    METRIC,
    NOTHING,
    RAN,
    crafted,
    items,
    node,
    npy,
    part_at,
    random_state,
    refusal,
    with_units,
)
from tasks import run_script


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
    spec = part_at(json.loads(whole["structure.json"]), "_fitted_state.network.spec")
    no_arrays = {name: whole[name] for name in ("sklstm.json", "structure.json")}
    content = crafted(no_arrays, replaced_shared(spec))
    assert "holds a NetworkSpec, which is no estimator" in refusal(tmp_path / "a.sklstm", content)


def replaced_shared(spec):
    """A spec whose tuples are its own."""
    for name in ("units", "dense_units"):
        spec["state"]["items"][name] = node("tuple", items=[])
    return spec
