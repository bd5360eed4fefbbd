"""Builds objects from a checked structure: every call that loading a file makes is here."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from sklstm.persistence._arrays import read_array
from sklstm.persistence._random import checked_random_state
from sklstm.persistence._structure import Node
from sklstm.persistence._trusted_types import SPARSE, Trust

READ_NUMBERS = {"builtins.int": int, "builtins.float": float}


class Builder:
    """Builds what a checked structure describes.

    Parameters
    ----------
    trust : Trust
    read : callable
        Takes the name of a member, and returns its bytes.
    """

    def __init__(self, trust: Trust, read: Callable[[str], bytes]) -> None:
        self.trust = trust
        self.read = read
        self._shared: dict[int, Any] = {}

    def build(self, node: Node) -> Any:
        """Build a node and all nodes inside it.

        Raises
        ------
        ValueError
            If an array differs from its header, or parts do not fit together.
        """
        if not isinstance(node, dict):
            return node
        if node["kind"] == "shared":
            return self._shared[node["id"]]
        built = getattr(self, f"_{node['kind']}")(node)
        if "id" in node:
            self._shared[node["id"]] = built
        return built

    def _all(self, nodes: list[Node]) -> list:
        return [self.build(node) for node in nodes]

    def _list(self, node: dict) -> list:
        return self._all(node["items"])

    def _set(self, node: dict) -> set:
        return set(self._all(node["items"]))

    def _tuple(self, node: dict) -> tuple:
        items = self._all(node["items"])
        return self.trust.find_type(node["type"])(*items) if "type" in node else tuple(items)

    def _dict(self, node: dict) -> dict:
        filled = self.trust.find_type(node["type"])() if "type" in node else {}
        keys = list(node["items"])
        if "keys" in node:
            keys = [
                key if kind == "builtins.str" else self._key_type(kind)(key)
                for kind, key in zip(node["keys"], keys, strict=True)
            ]
        for key, value in zip(keys, node["items"].values(), strict=True):
            filled[key] = self.build(value)
        return filled

    def _key_type(self, name: str) -> type:
        return READ_NUMBERS.get(name) or self.trust.find_type(name)

    def _array(self, node: dict) -> np.ndarray | np.generic:
        array = read_array(self.read(node["file"]), node["file"])
        if "type" not in node:
            return array
        if array.ndim:
            raise ValueError(f"{node['file']} is not a single number")
        return self.trust.find_type(node["type"])(array)

    def _objects(self, node: dict) -> np.ndarray:
        array = np.empty(math.prod(node["shape"]), object)
        for place, item in enumerate(node["items"]):
            array[place] = self.build(item)
        return array.reshape(node["shape"])

    def _masked(self, node: dict) -> np.ma.MaskedArray:
        return np.ma.MaskedArray(self.build(node["data"]), self.build(node["mask"]))

    def _sparse(self, node: dict) -> Any:
        parts = {name: self.build(part) for name, part in node["parts"].items()}
        form, shape = SPARSE[node["type"]], tuple(node["shape"])
        if form == "coo":
            content = (parts["data"], (parts["row"], parts["col"]))
        elif form == "dia":
            content = (parts["data"], parts["offsets"])
        else:
            content = (parts["data"], parts["indices"], parts["indptr"])
        made = getattr(import_module("scipy.sparse"), node["type"].rpartition(".")[2])
        matrix = made(content, shape=shape)
        if form in ("bsr", "csc", "csr"):
            matrix.check_format(full_check=True)  # wrong indices would read foreign memory
        return matrix

    def _dtype(self, node: dict) -> np.dtype:
        return np.dtype(node["name"])

    def _random(self, node: dict) -> np.random.RandomState | np.random.Generator:
        state = checked_random_state(self.build(node["state"]))
        if node["type"].endswith("RandomState"):
            random_state = np.random.RandomState()
            random_state.set_state(state)
            return random_state
        bits = getattr(np.random, state["bit_generator"])()
        bits.state = state
        return np.random.Generator(bits)

    def _slice(self, node: dict) -> slice:
        return slice(*node["bounds"])

    def _type(self, node: dict) -> Any:
        return self.trust.find(node["type"])

    def _function(self, node: dict) -> Any:
        return self.trust.find(node["type"])

    def _partial(self, node: dict) -> functools.partial:
        function, arguments = self.build(node["function"]), self.build(node["arguments"])
        return functools.partial(function, *arguments, **self.build(node["keywords"]))

    def _object(self, node: dict) -> Any:
        kind = self.trust.find_type(node["type"])
        built = kind.__new__(kind)  # without __init__, as pickle does
        return self._with_state(built, node)

    def _call(self, node: dict) -> Any:
        built = self.trust.find_type(node["type"])(*self.build(node["arguments"]))
        return self._with_state(built, node)

    def _with_state(self, built: Any, node: dict) -> Any:
        state = self.build(node["state"])
        if isinstance(state, dict) and node["type"] not in self.trust.given:
            _refuse_methods(type(built), state)
        if not state:
            return built
        if hasattr(built, "__setstate__"):
            built.__setstate__(state)
        else:
            built.__dict__.update(state)
        return built


def _refuse_methods(kind: type, state: dict) -> None:
    """Raise ValueError if an attribute would replace a method, and so be called."""
    for name in state:
        is_text = isinstance(name, str)
        if not is_text or name.startswith("__") or callable(getattr(kind, name, None)):
            raise ValueError(f"an attribute of a {kind.__name__} is called {name!a:.80}")
