"""The scripts in `examples/deployment/` run; the pages of the gallery are run by the docs build."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sklstm import LSTMClassifier
from tasks import PATHS

SCRIPTS = Path(__file__).parents[1] / "examples" / "deployment"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a script in this process, and returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def run_script(name, *arguments):
        path = SCRIPTS / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        module.main()
        return capsys.readouterr().out

    return run_script


@pytest.fixture
def run_at_night(tmp_path):
    """Return a function that runs a script in a process where TensorFlow cannot be imported."""
    folder = tmp_path / "forbidden"
    folder.mkdir()
    for module in ("tensorflow", "keras", "scikeras"):
        (folder / f"{module}.py").write_text(f"raise ImportError('{module} is forbidden here')\n")

    def run_script(name, *arguments):
        result = subprocess.run(
            [sys.executable, SCRIPTS / f"{name}.py", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *PATHS])},
            capture_output=True,
            text=True,
        )
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    return run_script


# ------------------------------------------------------------------------------ batch prediction


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True, as_frame=True)
    return X[:200], y[:200].map(str)


@pytest.fixture(scope="module")
def pipeline(digits):
    lstm = LSTMClassifier(8, timesteps=8, epochs=3, random_state=0)
    return make_pipeline(MinMaxScaler(), lstm).fit(*digits)


@pytest.fixture
def files(tmp_path, digits, pipeline):
    """A saved pipeline, a CSV with its columns in another order and one more, and the output."""
    model, rows = tmp_path / "model.joblib", tmp_path / "rows.csv"
    joblib.dump(pipeline, model)
    digits[0].iloc[:, ::-1].to_csv(rows, index_label="image")
    return model, rows, tmp_path / "predictions.csv"


@pytest.mark.slow
def test_batch_prediction_without_tensorflow(run_at_night, files, digits, pipeline):
    output = run_at_night("batch_prediction", *files, "--keep", "image", "--proba")
    assert re.search(r"200 rows in [\d.]+ s, without TensorFlow", output)
    table = pd.read_csv(files[2], dtype={"prediction": str})
    expected = [f"probability_{label}" for label in pipeline.classes_]
    assert list(table.columns) == ["image", "prediction", *expected]
    assert list(table["image"]) == list(range(200))
    assert list(table["prediction"]) == list(pipeline.predict(digits[0]))
    np.testing.assert_allclose(table[expected], pipeline.predict_proba(digits[0]), rtol=1e-6)
    assert not list(files[2].parent.glob(".*"))


def test_batch_prediction_replaces_its_output(run, files):
    files[2].write_text("of yesterday")
    run("batch_prediction", *files)
    assert files[2].read_text().startswith("prediction\n")


def test_batch_prediction_of_a_pipeline_without_names(run, files, digits):
    lstm = LSTMClassifier(8, timesteps=8, epochs=1, random_state=0)
    nameless = make_pipeline(MinMaxScaler(), lstm).fit(digits[0].to_numpy(), digits[1])
    joblib.dump(nameless, files[0])
    digits[0].to_csv(files[1], index=False)
    run("batch_prediction", *files)
    predictions = pd.read_csv(files[2], dtype=str)["prediction"]
    assert list(predictions) == list(nameless.predict(digits[0].to_numpy()))


def damage_model(model, rows):
    model.write_text("no pickle")


def save_no_model(model, rows):
    joblib.dump({"an": "object"}, model)


def drop_columns(model, rows):
    pd.read_csv(rows).drop(columns=["pixel_0_1", "pixel_7_7"]).to_csv(rows, index=False)


def write_words(model, rows):
    pd.read_csv(rows).assign(pixel_0_1="dark").to_csv(rows, index=False)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda model, rows: model.unlink(), "No such file or directory: .*model.joblib"),
        (lambda model, rows: rows.unlink(), "No such file or directory: .*rows.csv"),
        (damage_model, "joblib cannot load the model"),
        (save_no_model, "the model is of type dict, which does not predict"),
        (drop_columns, "rows.csv by .*model.joblib: 2 columns are missing, such as 'pixel_0_1'"),
        (write_words, "rows.csv by .*: could not convert string to float: 'dark'"),
        (lambda model, rows: rows.write_text(""), "rows.csv by .*: No columns to parse"),
    ],
)
def test_batch_prediction_says_what_is_wrong(run, files, spoil, message):
    files[2].write_text("of yesterday")
    spoil(*files[:2])
    with pytest.raises(SystemExit, match=message):  # the message is printed, and the status is 1
        run("batch_prediction", *files)
    assert files[2].read_text() == "of yesterday"


@pytest.mark.slow
def test_batch_training_makes_what_batch_prediction_takes(run, tmp_path):
    output = run("batch_training", "demo", "--epochs", 1)
    arguments = re.search(r"batch_prediction.py (.*)", output)[1].split()
    assert "450 rows" in run("batch_prediction", *arguments)
    assert list(pd.read_csv(tmp_path / "predictions.csv").columns) == ["image", "prediction"]


# ---------------------------------------------------------------------------------- event tables


def test_the_part_that_a_user_writes_has_25_lines():
    _, code = (SCRIPTS / "event_table.py").read_text().split("# What a user writes: 25 lines.")
    lines = code.split("if __name__")[0].splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 25


@pytest.mark.slow
def test_event_table(run, run_at_night, tmp_path):
    output = run("event_table", "train", "--customers", 150, "--epochs", 1)
    for auc in re.findall(r"AUC.*: ([\d.]+)[ ,]", output):
        assert 0.3 < float(auc) < 1
    assert output.count("AUC") == 2
    assert "15 customers, without TensorFlow" in run_at_night("event_table", "nightly")
    risks = pd.read_csv(tmp_path / "risks.csv")
    assert risks["customer"].tolist() == [f"c{i:05}" for i in range(15)]
    assert risks["risk"].between(0, 1).all()
