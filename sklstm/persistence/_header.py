"""The header of a model file: its format, the versions that wrote it, and metadata requests."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import sklearn

from sklstm._version import __version__
from sklstm.persistence._metadata_requests import Requests

FORMAT = 2  # changes when the fitted state of an estimator changes; others are refused
VERSION = re.compile(r"[0-9A-Za-z.+!_-]{1,40}")  # errors print it, so other characters are refused


@dataclass(frozen=True)
class Header:
    """The header of a model file.

    Attributes
    ----------
    format : int
        Number of the file format.
    sklstm, scikit_learn, skops : str
        The versions that wrote it.
    requests : dict
        Metadata requests, by the place of the estimator that they belong to.
    """

    format: int
    sklstm: str
    scikit_learn: str
    skops: str
    requests: Requests

    @classmethod
    def of_this_version(cls, requests: Requests) -> Header:
        import skops

        return cls(FORMAT, __version__, sklearn.__version__, skops.__version__, requests)

    @classmethod
    def from_json(cls, content: bytes) -> Header:
        """Read a header.

        Raises
        ------
        ValueError
            If the content is not a valid header.
        """
        try:
            fields = json.loads(content)
        except RecursionError:
            raise ValueError("its header is no header") from None
        names = ("sklstm", "scikit-learn", "skops")
        versions = [fields.get(name) for name in names] if isinstance(fields, dict) else [None]
        is_version = all(isinstance(v, str) and VERSION.fullmatch(v) for v in versions)
        if not is_version or not _is_format(fields.get("format")):
            raise ValueError("its header is no header")
        requests = fields.get("metadata_requests")
        if fields["format"] <= FORMAT and not _are_requests(requests):
            raise ValueError("its header holds no metadata requests")
        return cls(fields["format"], *versions, requests)

    def to_json(self) -> bytes:
        """Write the header."""
        fields = {
            "format": self.format,
            "sklstm": self.sklstm,
            "scikit-learn": self.scikit_learn,
            "skops": self.skops,
            "metadata_requests": self.requests,
        }
        return json.dumps(fields).encode()


def _is_format(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**6


def _are_requests(value: Any) -> bool:
    """Whether this is a valid value of `Requests`: aliases by place, method and parameter."""

    def are_aliases(of_method: Any) -> bool:
        return isinstance(of_method, dict) and all(
            alias is None or isinstance(alias, bool | str) for alias in of_method.values()
        )

    def are_methods(of_place: Any) -> bool:
        return isinstance(of_place, dict) and all(map(are_aliases, of_place.values()))

    return isinstance(value, dict) and all(map(are_methods, value.values()))
