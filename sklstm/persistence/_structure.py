"""The structure of a saved estimator: a tree of nodes, checked as a whole before any is built.

A node is a number, a string, a boolean or null, or a JSON object whose ``kind`` says which other
fields it has (`FIELDS`). Arrays are members of the archive, each named by exactly one node. An
object that several places hold has an ``id`` at the first one, and the others are nodes of the kind
"shared". These can only refer to earlier nodes, so a structure has no cycles.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from typing import Any

from sklstm.persistence._trusted_types import KEYS, MAX_NAME, NAME, Trust

Node = Any  # a scalar, or a dict with a "kind"

NODE, NODES, TEXT, COUNTS = "a node", "a list of nodes", "a string", "a list of integers"
FIELDS = {
    "array": {"file": TEXT},
    "call": {"arguments": NODE, "state": NODE},
    "dict": {"items": "an object of nodes"},
    "dtype": {"name": TEXT},
    "function": {},
    "list": {"items": NODES},
    "masked": {"data": NODE, "mask": NODE},
    "object": {"state": NODE},
    "objects": {"shape": COUNTS, "items": NODES},
    "partial": {"function": NODE, "arguments": NODE, "keywords": NODE},
    "random": {"state": NODE},
    "set": {"items": NODES},
    "shared": {"id": "an integer"},
    "slice": {"bounds": NODES},
    "sparse": {"shape": COUNTS, "parts": "an object of nodes"},
    "tuple": {"items": NODES},
    "type": {},
}
NAMED = {"call", "function", "object", "partial", "random", "sparse", "type"}
MAY_BE_NAMED = NAMED | {"array", "dict", "tuple"}
MAX_BYTES = 2**26
MAX_VALUES = 2**19  # in the text, and of nodes if shared ones are counted at every place
MAX_OBJECTS = 2**15  # nodes with a kind: in memory they take some hundred times their text
MAX_DEPTH = 100
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"')  # possessive: no backtracking
DTYPE = re.compile(r"[<>|=]?[?A-Za-z]\d{0,9}(\[\w{1,9}\])?", re.ASCII)


def parse(text: bytes) -> Node:
    """Parse the text of a structure of at most `MAX_VALUES` values.

    Raises
    ------
    ValueError
        If it has more values, is too long or too deep, or is not JSON.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"its structure has {len(text)} bytes, valid are {MAX_BYTES} at most")
    for marks, limit, what in (
        ((b",", b"[", b"{"), MAX_VALUES, "values"),
        ((b"{",), MAX_OBJECTS, "objects"),
    ):
        if (count := _count(text, marks, limit)) > limit:
            raise ValueError(f"its structure has {count} {what}, valid are {limit} at most")
    try:
        return json.loads(text.decode("ascii"))
    except RecursionError:
        raise ValueError("its structure is nested too deeply") from None


def _count(text: bytes, marks: tuple[bytes, ...], limit: int) -> int:
    """Return an upper bound on the number of values that begin with some marks; parse none."""
    count = sum(map(text.count, marks))
    if count > limit and text.count(b'"') < MAX_VALUES:  # the marks may be inside strings
        text = STRING.sub(b"", text)
        count = sum(map(text.count, marks))
    return count


class Checker:
    """Checks a structure without building anything.

    Parameters
    ----------
    trust : Trust
    arrays : collection of str
        The members of the archive that are arrays.

    Attributes
    ----------
    untrusted : set of str
        The names in the structure that are not trusted.
    """

    def __init__(self, trust: Trust, arrays: Collection[str]) -> None:
        self.trust = trust
        self.untrusted: set[str] = set()
        self._unread = set(arrays)
        self._sizes: dict[int, int] = {}  # of shared nodes with all nodes inside them, by id
        self._allowed: set[tuple[str, str]] = set()

    def check(self, structure: Node) -> None:
        """Check the structure of a whole file.

        Raises
        ------
        ValueError
            If it is not a structure, too large or too deep, or names a member that does not exist.
        """
        if not isinstance(structure, dict) or structure.get("kind") != "object":
            raise ValueError("it holds no estimator")
        self._check(structure, 0)
        if self._unread:
            raise ValueError(f"nothing holds its member {min(self._unread)}")

    def _check(self, node: Node, depth: int) -> int:
        """Check a node; return the number of nodes, itself and all nodes inside it."""
        if node is None or isinstance(node, str | int | float):
            return 1
        kind = self._kind(node)
        if depth > MAX_DEPTH:
            raise ValueError(f"its structure is nested more than {MAX_DEPTH} levels deep")
        if kind == "shared":
            if node["id"] not in self._sizes:
                raise ValueError("its structure refers to what does not stand before it")
            return self._sizes[node["id"]]
        self._check_name(kind, node.get("type"))
        self._check_details(kind, node)
        size = 1
        for field, form in FIELDS[kind].items():
            for child in _children(node[field], form):
                size += self._check(child, depth + 1)
                if size > MAX_VALUES:
                    raise ValueError(f"its structure stands for more than {MAX_VALUES} values")
        if "id" in node:
            if node["id"] in self._sizes:
                raise ValueError("its structure has two nodes of one id")
            self._sizes[node["id"]] = size
        return size

    def _kind(self, node: Node) -> str:
        """Return the kind of a node; check that it has the fields of its kind and no others."""
        kind = node.get("kind") if isinstance(node, dict) else None
        if not isinstance(kind, str) or kind not in FIELDS:
            raise ValueError(f"its structure has a node of the kind {kind!a:.80}")
        fields = FIELDS[kind]
        more = {"id"} | ({"type"} if kind in MAY_BE_NAMED else set())
        more |= {"keys"} if kind == "dict" else set()
        is_whole = set(fields) <= node.keys() - {"kind"} <= set(fields) | more
        if not is_whole or (kind in NAMED and "type" not in node):
            raise ValueError(f"its structure has a {kind} node with the fields {list(node)!a:.80}")
        for field, form in (fields | {"id": "an integer"}).items():
            if field in node and not _has_form(node[field], form):
                raise ValueError(f"its structure has a {kind} node whose {field} is not {form}")
        return kind

    def _check_name(self, kind: str, name: Any) -> None:
        """Check a name; add it to `untrusted` if it is not trusted."""
        if name is None or (isinstance(name, str) and (kind, name) in self._allowed):
            return
        if not isinstance(name, str) or len(name) > MAX_NAME or not NAME.fullmatch(name):
            raise ValueError(f"its structure has a {kind} node of the type {name!a:.80}")
        if self.trust.allows(kind, name):
            self._allowed.add((kind, name))
        else:
            self.untrusted.add(name)

    def _check_details(self, kind: str, node: dict[str, Any]) -> None:
        """Check the fields that only some kinds have."""
        if kind == "array":
            if node["file"] not in self._unread:
                raise ValueError(f"{node['file']!a:.80} is not there, or held by two nodes")
            self._unread.remove(node["file"])
        elif kind == "dict" and "keys" in node:
            keys = node["keys"]
            if not isinstance(keys, list) or len(keys) != len(node["items"]):
                raise ValueError("its structure has a dict node whose keys are not its items'")
            if not all(isinstance(key, str) and key in KEYS for key in keys):
                raise ValueError(f"its structure has a dict node with keys of {keys!a:.80}")
        elif kind == "objects" and math.prod(node["shape"]) != len(node["items"]):
            raise ValueError(f"its structure has objects of the shape {node['shape']!a:.80}")
        elif kind == "dtype" and not DTYPE.fullmatch(node["name"]):
            raise ValueError(f"its structure has a dtype {node['name']!a:.80}")
        elif kind == "slice" and (len(node["bounds"]) != 3 or not _are_bounds(node["bounds"])):
            raise ValueError("its structure has a slice that is none")


def _children(value: Any, form: str) -> Collection[Node]:
    if form == NODE:
        return (value,)
    if form == NODES:
        return value
    return value.values() if form == "an object of nodes" else ()


def _has_form(value: Any, form: str) -> bool:
    if form == TEXT:
        return isinstance(value, str)
    if form == NODES:
        return isinstance(value, list)
    if form == "an object of nodes":
        return isinstance(value, dict)
    if form == COUNTS:
        return isinstance(value, list) and len(value) <= 32 and all(map(_is_count, value))
    return form == NODE or _is_count(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _are_bounds(values: list) -> bool:
    return all(value is None or isinstance(value, int) for value in values)
