"""The page of an estimator in the documentation, which its HTML representation links to."""

from __future__ import annotations

import importlib.metadata
from functools import cache


class DocLinkMixin:
    """Mixin for estimators that have a page in the API documentation.

    scikit-learn shows the link as "?". The address of the documentation is the URL that the
    project's metadata call "Documentation"; where there is none, there is no link.
    """

    _doc_link_module = "sklstm"

    @property
    def _doc_link_template(self) -> str:
        address = documentation_address()
        return address and f"{address}/generated/{{estimator_module}}.{{estimator_name}}.html"


@cache
def documentation_address() -> str:
    """Return the address of the documentation, or an empty string."""
    try:
        urls = importlib.metadata.metadata("sklstm").get_all("Project-URL", [])
    except importlib.metadata.PackageNotFoundError:
        return ""
    named = dict(url.split(", ", maxsplit=1) for url in urls)
    return named.get("Documentation", "").rstrip("/")
