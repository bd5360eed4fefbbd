"""The code of the how-to pages that need other people's libraries."""

import doctest
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HOW_TO = Path(__file__).parents[2] / "docs" / "how_to"
PACKAGES = {
    "optuna": ["optuna", "optuna_integration"],
    "mlflow": ["mlflow"],
    "shap": ["shap"],
    "mapie": ["mapie"],
    "forecasting_libraries": ["skforecast", "mlforecast", "sktime"],
    "onnx_pipeline": ["skl2onnx"],
    "other_libraries": ["imblearn", "feature_engine", "polars"],
}
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS

pytestmark = [
    pytest.mark.clients,
    # Those are for the clients to mend.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def is_installed(name):
    # A module that replaces itself when it is imported, as one of Optuna's does, has no spec then.
    return name in sys.modules or find_spec(name) is not None


@pytest.mark.parametrize("page", PACKAGES)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    missing = [name for name in PACKAGES[page] if not is_installed(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    monkeypatch.chdir(tmp_path)
    path = HOW_TO / f"{page}.md"
    failed, attempted = doctest.testfile(
        str(path), module_relative=False, optionflags=OPTIONS, encoding="utf-8"
    )
    assert attempted
    assert not failed, "the differences are printed above"
