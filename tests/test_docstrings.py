"""The examples in the docstrings, of the package as it is installed."""

import doctest
import importlib
import pkgutil

import pytest

import sklstm

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
MODULES = [
    module.name
    for module in pkgutil.walk_packages(sklstm.__path__, "sklstm.")
    if not module.name.endswith("__main__")
]


def test_modules_are_found():
    assert "sklstm._classifier" in MODULES
    assert "sklstm.network.training.trainer" in MODULES


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert results.failed == 0


@pytest.mark.parametrize("name", [name for name in sklstm.__all__ if name[0].isupper()])
def test_every_public_class_has_an_example(name):
    assert ">>> " in getattr(sklstm, name).__doc__
