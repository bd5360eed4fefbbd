"""The floors of the house, read from its imports, and what a fresh interpreter loads."""

import ast
import sys
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklstm
from sklstm import LSTMClassifier
from tasks import REFUSE_TENSORFLOW, TENSORFLOW, TINY, first_step_task, run_script

PACKAGE = Path(sklstm.__file__).parent
FLOORS = {
    "sklstm.__main__": 8,
    "sklstm.cli": 7,
    "sklstm": 6,
    "sklstm.export": 6,
    "sklstm.inspection": 6,
    "sklstm.forecasting": 6,
    "sklstm._classifier": 5,
    "sklstm._regressor": 5,
    "sklstm._base_lstm": 4,
    "sklstm.text": 4,
    "sklstm._base": 3,
    "sklstm.persistence": 3,
    "sklstm._fit_data": 2,
    "sklstm._fitted_state": 2,
    "sklstm.text.vocabulary": 2,
    "sklstm.network": 1,
    "sklstm.preprocessing": 1,
    "sklstm.datasets": 1,
    "sklstm._auto_parameters": 0,
    "sklstm._doc_link": 0,
    "sklstm._fit_tasks": 0,
    "sklstm._files": 0,
    "sklstm._parameters": 0,
    "sklstm._sequences": 0,
    "sklstm._sklearn_compat": 0,
    "sklstm._targets": 0,
    "sklstm._version": 0,
    "sklstm.input": 0,
    "sklstm.network.quantiles": 0,
    "sklstm.network.reference": 0,
    "sklstm.network.scaling": 0,
    "sklstm.network.spec": 0,
    "sklstm.network.training.learning_rate": 0,
    "sklstm.network.training.settings": 0,
}
LEVEL_FLOORS = {0, 6}  # whose rooms may look into each other
KERAS_ROOMS = {"sklstm.network.keras_layers", "sklstm.network.keras_model"}
ONNX = {"onnx", "onnxruntime"}
ONNX_ROOMS = {
    "sklstm.network.onnx_graph",
    "sklstm.network.onnx_predictor",
    "sklstm.network.onnx_reading",
    "sklstm.network.onnx_sampler",
}
NUMERIC = {"numpy", "scipy", "sklearn"}
WITHOUT_TENSORFLOW = {
    "sklstm.network.training",
    "sklstm.network.training.batches",
    "sklstm.network.training.bucketing",
    "sklstm.network.training.compiled_code_cache",
    "sklstm.network.training.learning_rate",
    "sklstm.network.training.settings",
}


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
every_module = pytest.mark.parametrize("module", MODULES)


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def imports_below(node, inside=None):
    """Yield (module, the function that imports it, or None) for what runs."""
    for child in ast.iter_child_nodes(node):
        if is_for_type_checkers(child):
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name, inside) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative imports hide the floor"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield (whole if whole in MODULES else child.module), inside
        else:
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from imports_below(child, child.name if is_function else inside)


@cache
def imports(module):
    return set(imports_below(ast.parse(MODULES[module].read_text())))


def floor(module):
    while module not in FLOORS:
        module = module.rpartition(".")[0]
        assert module != "sklstm", "give every room a floor in this test, and in DESIGN.md"
    return FLOORS[module]


def room(module):
    """`sklstm.network.training.batches` belongs to `network`."""
    return module.split(".")[1] if "." in module else ""


def third_party(module):
    names = {name.split(".")[0] for name, _ in imports(module)}
    return names - set(sys.stdlib_module_names) - {"sklstm", "__future__"}


@every_module
def test_imports_point_down(module):
    for imported, _ in imports(module):
        if not imported.startswith("sklstm"):
            continue
        here, there = floor(module), floor(imported)
        may_be_level = room(imported) == room(module) or here in LEVEL_FLOORS
        assert there < here or (there == here and may_be_level), (
            f"{module} (floor {here}) imports {imported} (floor {there})"
        )


@every_module
def test_the_ground_floor_needs_numeric_libraries_only(module):
    if floor(module) == 0:
        assert third_party(module) <= NUMERIC


@every_module
def test_tensorflow_is_imported_in_its_rooms_only(module):
    trains = module in KERAS_ROOMS or (
        module.startswith("sklstm.network.training") and module not in WITHOUT_TENSORFLOW
    )
    assert not third_party(module) & TENSORFLOW or trains


@every_module
def test_onnx_is_imported_in_its_rooms_only(module):
    assert not third_party(module) & ONNX or module in ONNX_ROOMS


@every_module
def test_what_loads_tensorflow_is_imported_inside_functions(module):
    loads = {name for name in MODULES if third_party(name) & TENSORFLOW}
    loads |= {f"sklstm.network.training.{name}" for name in ("ensemble", "model_pool", "trainer")}
    if module in loads:
        return
    late = {(name, function) for name, function in imports(module) if name in loads}
    assert all(function is not None for _, function in late)
    if module == "sklstm._base":
        assert {function for _, function in late} == {"_train", "to_keras"}


@every_module
def test_private_names_of_scikit_learn_are_in_one_file(module):
    if module == "sklstm._sklearn_compat":
        return
    nodes = ast.walk(ast.parse(MODULES[module].read_text()))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "sklearn":
            names = [*node.module.split("."), *(alias.name for alias in node.names)]
            assert not any(name.startswith("_") for name in names), names


@every_module
def test_skops_is_imported_inside_functions_of_its_room_only(module):
    """It loads all of scikit-learn."""
    places = {function for name, function in imports(module) if name.split(".")[0] == "skops"}
    assert not places or (room(module) == "persistence" and None not in places)


@every_module
def test_skl2onnx_is_imported_by_the_export_only(module):
    """It is optional: whoever exports no Pipeline needs not have it."""
    places = {function for name, function in imports(module) if name.split(".")[0] == "skl2onnx"}
    if module == "sklstm.export":
        assert places == {"register_onnx_converters"}
    else:
        assert not places or module == "sklstm.export._converters"


def test_networks_know_no_estimator_and_preprocessing_knows_no_network():
    for module in MODULES:
        rooms = {room(name) for name, _ in imports(module) if name.startswith("sklstm")}
        if room(module) == "network":
            assert rooms <= {"network", "_sequences"}
        if room(module) == "preprocessing":
            assert "network" not in rooms


PREDICT = """
from pathlib import Path
import joblib
import numpy as np
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

import sklstm

folder = Path(sys.argv[1])
saved = np.load(folder / "expected.npz")
pipeline = joblib.load(folder / "model.joblib")
assert np.array_equal(pipeline.predict_proba(saved["X"]), saved["probabilities"])
assert np.array_equal(pipeline.predict(saved["X"]), saved["labels"])
assert pipeline.score(saved["X"], saved["labels"]) == 1
for estimator in (pipeline, pipeline[-1], clone(pipeline), sklstm.LSTMRegressor(units=(8, 4))):
    assert "LSTM" in estimator_html_repr(estimator)
    assert "LSTM" in estimator._repr_html_()
    assert "LSTM" in repr(estimator)
sklstm.LSTMClassifier().set_params(units=8).get_params()
pipeline[-1].to_onnx()
pipeline[-1].summary()
"""
ASK_FOR_TENSORFLOW = """
import contextlib
import io
import re

from sklstm.cli.main import main

message = re.compile(
    "fit and to_keras need (keras|tensorflow), which is not installed here "
    r'[(]predictions do not[)]: pip install "?tensorflow\\S* "?keras\\S* "?scikeras\\S*'
)
before = dict(vars(pipeline[-1]))
for train in (lambda: pipeline[-1].fit(saved["X"], np.arange(24) % 2),
              pipeline[-1].to_keras):
    try:
        train()
    except ImportError as error:
        assert message.fullmatch(str(error)), error
    else:
        raise AssertionError("trained without TensorFlow")
assert vars(pipeline[-1]) == before
told = io.StringIO()
with contextlib.redirect_stderr(told):
    assert main([]) == 1
assert message.fullmatch(told.getvalue().strip().removeprefix("python -m sklstm: error: ")), told
"""


def test_predicting_needs_no_tensorflow_and_training_says_what_to_install(tmp_path):
    X, y = first_step_task()
    X = X.reshape(24, 10)
    pipeline = make_pipeline(StandardScaler(), LSTMClassifier(**TINY, timesteps=5)).fit(X, y)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    np.savez(
        tmp_path / "expected.npz",
        X=X,
        probabilities=pipeline.predict_proba(X),
        labels=pipeline.predict(X),
    )
    run_script(REFUSE_TENSORFLOW + PREDICT + ASK_FOR_TENSORFLOW, tmp_path)


def test_importing_the_package_loads_no_tensorflow_and_sets_no_environment():
    run_script(
        "import os, sys; before = dict(os.environ); import sklstm, sklstm.datasets; "
        f"assert not {TENSORFLOW} & set(sys.modules); assert dict(os.environ) == before"
    )


def test_the_public_names_are_there():
    assert sklstm.__all__ == sorted(sklstm.__all__)
    assert all(getattr(sklstm, name).__doc__ for name in sklstm.__all__)


def test_public_modules_are_shown_and_load_when_they_are_asked_for():
    public = "{'datasets', 'export', 'forecasting', 'inspection', 'persistence', 'preprocessing'}"
    run_script(
        "import sys, sklstm\n"
        f"assert set(dir(sklstm)) == {{*sklstm.__all__, *{public}}}\n"
        "assert 'sklstm.forecasting' not in sys.modules\n"
        "assert sklstm.forecasting.forecast.__name__ == 'forecast'\n"
        f"assert all(getattr(sklstm, name).__doc__ for name in {public})"
    )


def test_a_name_that_the_package_lacks():
    with pytest.raises(AttributeError, match="module 'sklstm' has no attribute 'forecast'"):
        sklstm.forecast  # noqa: B018
    assert not hasattr(sklstm, "__wrapped__")
