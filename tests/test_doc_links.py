"""The "?" of an HTML representation leads to a page of the documentation, or is not there."""

import importlib
import re
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import sklstm
from sklstm import LSTMClassifier, _doc_link

API = (Path(__file__).parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
MODULES = ("sklstm", "sklstm.forecasting", "sklstm.preprocessing")


def estimators():
    """Yield all public estimators, each of them once."""
    found = {
        value
        for module in map(importlib.import_module, MODULES)
        for value in map(vars(module).get, module.__all__)
        if isinstance(value, type) and issubclass(value, BaseEstimator)
    }
    return sorted(found, key=lambda one: one.__name__)


def documented_names():
    """Yield the names of all pages that the API documentation has."""
    for section in API.split(".. currentmodule:: ")[1:]:
        module, *lines = section.splitlines()
        for line in lines:
            if name := re.fullmatch(r" {3}(\w+)", line):
                yield f"{module}.{name[1]}"


@pytest.fixture
def address(monkeypatch):
    """Say that the documentation has an address."""
    monkeypatch.setattr(_doc_link, "documentation_address", lambda: "https://docs.invalid")
    return "https://docs.invalid"


@pytest.mark.parametrize("estimator", estimators())
def test_each_estimator_links_to_a_page(address, estimator):
    link = estimator.__new__(estimator)._get_doc_link()
    name = link.removeprefix(f"{address}/generated/").removesuffix(".html")
    assert name in documented_names()
    assert name.endswith(f".{estimator.__name__}")


def test_the_representation_has_the_link(address):
    html = LSTMClassifier()._repr_html_()
    assert f'href="{address}/generated/sklstm.LSTMClassifier.html"' in html


def test_no_address_no_link(monkeypatch):
    monkeypatch.setattr(_doc_link, "documentation_address", lambda: "")
    assert LSTMClassifier()._get_doc_link() == ""
    assert "Documentation for LSTMClassifier" not in LSTMClassifier()._repr_html_()


@pytest.mark.parametrize(
    ("urls", "address"),
    [
        ([], ""),
        (["Source, https://code.invalid"], ""),
        (["Documentation, https://docs.invalid/en/"], "https://docs.invalid/en"),
    ],
)
def test_the_address_is_that_of_the_metadata(monkeypatch, urls, address):
    class Metadata:
        def get_all(self, name, missing):
            return urls if name == "Project-URL" and urls else missing

    monkeypatch.setattr(_doc_link.importlib.metadata, "metadata", lambda name: Metadata())
    assert _doc_link.documentation_address.__wrapped__() == address


def test_the_package_has_estimators():
    assert {LSTMClassifier, sklstm.SlidingWindow} < set(estimators())
