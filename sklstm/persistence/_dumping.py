"""Turns skops's output for an estimator into the structure and the arrays of a model file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import numpy as np
from sklearn.base import BaseEstimator

from sklstm.persistence._structure import Node
from sklstm.persistence._trusted_types import NAMES_OF_OURS

EMPTY = {"kind": "tuple", "items": []}
State = dict[str, Any]  # a node of skops: a loader, a type, and fields that depend on the loader


def take_apart(estimator: BaseEstimator) -> tuple[Node, dict[str, bytes]]:
    """Return the structure of an estimator, and its arrays by the names of their members.

    Raises
    ------
    TypeError
        If it holds an object that no kind of node can represent.
    """
    from skops import io as skops_io

    try:
        with ZipFile(io.BytesIO(skops_io.dumps(estimator))) as dumped:
            writer = _Writer(dumped.read)
            return writer.write(json.loads(dumped.read("schema.json"))), writer.arrays
    except Exception as error:
        raise TypeError(f"{estimator!r:.80} cannot be saved: {error}") from error


class _Writer:
    """Writes nodes in the order in which they are built: a shared node before references to it."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self.read = read
        self.arrays: dict[str, bytes] = {}
        self._written: dict[int, dict] = {}  # by skops's ids
        self._n_shared = 0

    def write(self, state: State) -> Node:
        loader = state["__loader__"]
        if loader == "JsonNode":
            return json.loads(state["content"])
        identity = state.get("__id__")
        if identity in self._written:
            return self._share(self._written[identity])
        if loader not in WRITERS:
            raise TypeError(f"a model file cannot keep {_name(state)}")
        node = WRITERS[loader](self, state)
        if identity is not None and node != EMPTY:  # all empty tuples of Python are one object
            self._written[identity] = node
        return node

    def _share(self, node: dict) -> Node:
        if "id" not in node:
            node["id"] = self._n_shared
            self._n_shared += 1
        return {"kind": "shared", "id": node["id"]}

    def _all(self, states: list[State]) -> list[Node]:
        return [self.write(state) for state in states]

    def _list(self, state: State) -> Node:
        return {"kind": "list", "items": self._all(state["content"])}

    def _set(self, state: State) -> Node:
        return {"kind": "set", "items": self._all(state["content"])}

    def _tuple(self, state: State) -> Node:
        node = {"kind": "tuple", "items": self._all(state["content"])}
        return node if _name(state) == "builtins.tuple" else node | {"type": _name(state)}

    def _dict(self, state: State) -> Node:
        items = {key: self.write(value) for key, value in state["content"].items()}
        node = {"kind": "dict", "items": items}
        keys = [_name(key) for key in state["key_types"]["content"]]
        if set(keys) - {"builtins.str"}:
            node["keys"] = keys
        return node if _name(state) == "builtins.dict" else node | {"type": _name(state)}

    def _array(self, state: State) -> Node:
        if state["type"] == "json":
            return self._objects(state)
        node = self._add(self.read(state["file"]))
        return node if _name(state) == "numpy.ndarray" else node | {"type": _name(state)}

    def _objects(self, state: State) -> Node:
        shape = self._all(state["shape"]["content"])
        if not shape:
            raise TypeError("a model file cannot keep an array of objects without axes")
        items = state["content"]
        for _ in shape[1:]:
            items = [item for row in items for item in row["content"]]
        return {"kind": "objects", "shape": shape, "items": self._all(items)}

    def _add(self, content: bytes) -> Node:
        name = f"arrays/{len(self.arrays)}.npy"
        self.arrays[name] = content
        return {"kind": "array", "file": name}

    def _masked(self, state: State) -> Node:
        content = state["content"]
        data = self.write(content["data"])
        return {"kind": "masked", "data": data, "mask": self.write(content["mask"])}

    def _sparse(self, state: State) -> Node:
        with np.load(io.BytesIO(self.read(state["file"]))) as parts:
            shape = parts["shape"].tolist()
            names = [name for name in parts.files if name not in ("format", "shape", "_is_array")]
            arrays = {name: self._add(_bytes_of(parts[name])) for name in names}
        return {"kind": "sparse", "type": _name(state), "shape": shape, "parts": arrays}

    def _dtype(self, state: State) -> Node:
        dtype = np.load(io.BytesIO(self.read(state["content"]["file"]))).dtype
        return {"kind": "dtype", "name": dtype.str}

    def _random_state(self, state: State) -> Node:
        return {"kind": "random", "type": _name(state), "state": self.write(state["content"])}

    def _random_generator(self, state: State) -> Node:
        inner = self.write(state["content"]["bit_generator"])
        return {"kind": "random", "type": _name(state), "state": inner}

    def _slice(self, state: State) -> Node:
        bounds = [state["content"][name] for name in ("start", "stop", "step")]
        return {"kind": "slice", "bounds": bounds}

    def _type(self, state: State) -> Node:
        return {"kind": "type", "type": _name(state)}

    def _function(self, state: State) -> Node:
        return {"kind": "function", "type": _name(state)}

    def _partial(self, state: State) -> Node:
        content = state["content"]
        if self.write(content["namespace"]):
            raise TypeError("a model file cannot keep a partial that has attributes")
        node = {"kind": "partial", "type": _name(state), "function": self.write(content["func"])}
        node["arguments"] = self.write(content["args"])
        return node | {"keywords": self.write(content["kwds"])}

    def _object(self, state: State) -> Node:
        inner = self.write(state["content"]) if state.get("content") else None
        return {"kind": "object", "type": _name(state), "state": inner}

    def _made_again(self, state: State) -> Node:
        node = {"kind": "call", "type": _name(state)}
        node["arguments"] = self.write(state["__reduce__"]["args"])
        return node | {"state": self.write(state["content"])}

    def _made(self, state: State) -> Node:
        arguments = self.write(state["content"])
        return {"kind": "call", "type": _name(state), "arguments": arguments, "state": None}


WRITERS = {  # by skops's loaders
    "ConstructorFromReduceNode": _Writer._made,
    "DTypeNode": _Writer._dtype,
    "DictNode": _Writer._dict,
    "FunctionNode": _Writer._function,
    "ListNode": _Writer._list,
    "LossNode": _Writer._made_again,
    "MaskedArrayNode": _Writer._masked,
    "NdArrayNode": _Writer._array,
    "ObjectNode": _Writer._object,
    "PartialNode": _Writer._partial,
    "RandomGeneratorNode": _Writer._random_generator,
    "RandomStateNode": _Writer._random_state,
    "SetNode": _Writer._set,
    "SliceNode": _Writer._slice,
    "SparseMatrixNode": _Writer._sparse,
    "TreeNode": _Writer._made_again,
    "TupleNode": _Writer._tuple,
    "TypeNode": _Writer._type,
}


def _name(state: State) -> str:
    """Return the name of a type or a function; for classes of this package, the public name."""
    name = f"{state['__module__']}.{state['__class__']}"
    return NAMES_OF_OURS.get(name, name)


def _bytes_of(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
