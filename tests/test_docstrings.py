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
    if name.startswith("sklstm.export"):
        pytest.importorskip("skl2onnx")
    results = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert results.failed == 0


PUBLIC_MODULES = [sklstm, *(getattr(sklstm, name) for name in sklstm._MODULES)]


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_every_public_class_and_function_has_an_example(module):
    public = [getattr(module, name) for name in module.__all__ if name != "__version__"]
    assert not [one.__name__ for one in public if ">>> " not in one.__doc__]
