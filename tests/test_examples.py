"""The examples run, as a user runs them: in processes of their own, in an empty folder."""

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

EXAMPLES = Path(__file__).parents[1] / "examples"
SECONDS = 120  # at most; they take under 15 where nothing else runs

needs_data = pytest.mark.data
pytestmark = pytest.mark.slow  # each starts a process, and most of them train


@pytest.fixture
def run(tmp_path):
    """Return a function that runs an example; a proxy that nobody serves forbids downloads."""

    def run_example(name, *arguments, **environment):
        nowhere = {"SKLSTM_DATA": "", "SKLSTM_HOME": str(tmp_path / "cache")}
        nowhere |= dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
        return subprocess.run(
            [sys.executable, EXAMPLES / f"{name}.py", *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | nowhere | {"no_proxy": ""} | environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    return run_example


@pytest.fixture
def data():
    """The environment of a run that has the real data."""
    if not os.environ.get("SKLSTM_DATA"):
        pytest.skip("SKLSTM_DATA names no folder")
    return {"SKLSTM_DATA": os.environ["SKLSTM_DATA"]}


def succeed(result):
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    return result.stdout


def numbers(pattern, output):
    """All numbers that stand where a pattern has its group."""
    return [float(number) for number in re.findall(pattern, output)]


def assert_picture(path):
    assert path.read_bytes().startswith(b"\x89PNG")


SHORT_TEXT = ("--epochs", 1, "--characters", 20_000)


def test_characters_without_data(run, tmp_path):
    output = succeed(run("article_a_characters", *SHORT_TEXT, "--units", 8))
    assert "Reading the Python reference instead of Shakespeare. No copy of" in output
    greedy, drawn = re.split(r"\n\n.*circles:\n", output.split("most probable one:\n")[1])
    assert (len(greedy), len(drawn)) == (1000, 401)
    assert str(tmp_path / "article_a.keras") in output
    import keras

    import sklstm.network.training.trainer  # noqa: F401  its classes are in the file

    model = keras.models.load_model(tmp_path / "article_a.keras")
    assert [layer.units for layer in model.layers if hasattr(layer, "return_state")] == [8, 8]


@needs_data
def test_characters(run, data):
    output = succeed(run("article_a_characters", *SHORT_TEXT, "--units", 8, **data))
    assert "Python reference" not in output
    assert "18,000 characters, 1 epochs" in output


@needs_data
def test_shakespeare(run, data):
    arguments = "--epochs", 2, "--characters", 50_000
    output = succeed(run("article_b_shakespeare", *arguments, **data))
    (baseline,) = numbers(r"frequencies of characters: ([\d.]+)", output)
    first, second = numbers(r"after epoch \d .*: ([\d.]+)", output)
    assert second < first
    assert 3 < baseline < 4
    assert len("".join(re.findall(r"^  \| (.*\n)", output, re.M))) >= 2 * 390


def test_images_without_data(run, tmp_path):
    output = succeed(run("article_c_images", "--epochs", 1))
    assert "1,347 images of 8 time steps of 8 features" in output
    lstm, linear = numbers(r"test accuracy.*: +([\d.]+)", output)
    assert lstm > 0.2
    assert linear > 0.9
    assert_picture(tmp_path / "article_c_images.png")


@needs_data
def test_images(run, data, tmp_path):
    arguments = "--epochs", 1, "--samples", 1000, "--output", "curves.png"
    output = succeed(run("article_c_images", *arguments, **data))
    assert "1,000 images of 28 time steps of 28 features" in output
    assert_picture(tmp_path / "curves.png")


@needs_data
def test_reviews(run, data, tmp_path):
    output = succeed(run("article_c_reviews", "--epochs", 2, "--samples", 2000, **data))
    averaged, linear = numbers(r"test accuracy.*: +([\d.]+)", output)
    assert averaged > 0.45
    assert linear > 0.8
    assert output.count("<start> ") == 2
    assert_picture(tmp_path / "article_c_reviews.png")


def test_regression_without_data(run, tmp_path):
    output = succeed(run("article_d_regression", "--epochs", 2, "--characters", 20_000))
    assert "Monthly growth of airline passengers, %: 114 rows" in output
    assert len(numbers(r"error \(RMSE\).*: +([\d.]+)", output)) == 4
    assert "in the manner of the Python reference" in output
    assert_picture(tmp_path / "article_d.png")


@needs_data
def test_regression(run, data):
    output = succeed(run("article_d_regression", "--epochs", 3, "--characters", 20_000, **data))
    lstm, last_value, *_ = numbers(r"error \(RMSE\).*: +([\d.]+)", output)
    assert lstm < last_value
    carried, read_again = numbers(r"(\d+) µs", output)
    assert carried < read_again
    assert "in the manner of Shakespeare" in output


def test_looking_inside(run, tmp_path):
    output = succeed(run("looking_inside", "--epochs", 25))
    (accuracy,) = numbers(r"test accuracy ([\d.]+)", output)
    assert accuracy > 0.9
    first, second, third = numbers(r"falls by ([-\d.]+)", output)
    assert third < 0.1 < second <= first
    places = re.findall(r"feature (\d) at time step (\d+)", output)[:2]
    assert sorted(places) == [("1", "4"), ("1", "5")]
    assert_picture(tmp_path / "looking_inside.png")


def test_forecasting(run, tmp_path):
    output = succeed(run("forecasting"))
    ours, last_value, season, from_afar = numbers(r"error \(RMSE\).*: +([\d.]+)", output)
    assert ours < min(last_value, season)
    assert from_afar > 0
    (inside,) = numbers(r"intervals: (\d+) of 28 months", output)
    assert 14 < inside <= 28
    assert_picture(tmp_path / "forecasting.png")


def test_shops(run, tmp_path):
    output = succeed(run("shops", "--shops", 6, "--epochs", 6))
    ours, naive = (
        numbers(rf"{name} +([\d.]+)", output)[0] for name in ("LSTMForecaster", "seasonal_naive")
    )
    assert ours < 0.8 * naive
    assert len(re.findall(r"shop 0 2025-02-\d\d", output)) == 3
    assert_picture(tmp_path / "shops.png")


@pytest.mark.parametrize("name", ["article_b_shakespeare", "article_c_reviews"])
def test_missing_data_without_a_substitute(run, name):
    result = run(name)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("No copy of ")
    assert "SKLSTM_DATA" in result.stderr


def test_without_matplotlib(run, tmp_path):
    forbid(tmp_path / "forbidden", "matplotlib")
    output = succeed(
        run("article_c_images", "--epochs", 1, PYTHONPATH=path_with(tmp_path / "forbidden"))
    )
    assert 'pip install "sklstm[plot]"' in output
    assert not list(tmp_path.glob("*.png"))


# ------------------------------------------------------------------------------ batch prediction


def path_with(folder):
    """Return the path on which a folder comes first."""
    return os.pathsep.join([str(folder), *PATHS])


def forbid(folder, *modules):
    """Make a folder which, on the path, turns the import of these modules into an error."""
    folder.mkdir()
    for module in modules:
        (folder / f"{module}.py").write_text(f"raise ImportError('{module} is forbidden here')\n")


@pytest.fixture
def run_batch(run, tmp_path):
    """Return a function that runs the batch prediction where TensorFlow cannot be imported."""
    forbid(tmp_path / "forbidden", "tensorflow", "keras", "scikeras")

    def run_where_forbidden(*arguments):
        return run("batch_prediction", *arguments, PYTHONPATH=path_with(tmp_path / "forbidden"))

    return run_where_forbidden


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


def test_batch_prediction(run_batch, files, digits, pipeline):
    output = succeed(run_batch(*files, "--keep", "image", "--proba"))
    assert re.search(r"200 rows in [\d.]+ s, without TensorFlow", output)
    table = pd.read_csv(files[2], dtype={"prediction": str})
    expected = [f"probability_{label}" for label in pipeline.classes_]
    assert list(table.columns) == ["image", "prediction", *expected]
    assert list(table["image"]) == list(range(200))
    assert list(table["prediction"]) == list(pipeline.predict(digits[0]))
    np.testing.assert_allclose(table[expected], pipeline.predict_proba(digits[0]), rtol=1e-6)
    assert not list(files[2].parent.glob(".*"))


def test_batch_prediction_replaces_its_output(run_batch, files):
    files[2].write_text("of yesterday")
    succeed(run_batch(*files))
    assert files[2].read_text().startswith("prediction\n")


def test_batch_prediction_of_a_pipeline_without_names(run_batch, files, digits, pipeline):
    lstm = LSTMClassifier(8, timesteps=8, epochs=1, random_state=0)
    nameless = make_pipeline(MinMaxScaler(), lstm).fit(digits[0].to_numpy(), digits[1])
    joblib.dump(nameless, files[0])
    digits[0].to_csv(files[1], index=False)
    succeed(run_batch(*files))
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
def test_batch_prediction_says_what_is_wrong(run_batch, files, spoil, message):
    files[2].write_text("of yesterday")
    spoil(*files[:2])
    result = run_batch(*files)
    assert result.returncode == 1
    assert re.search(message, result.stderr), result.stderr
    assert "Traceback" not in result.stderr
    assert files[2].read_text() == "of yesterday"


def test_event_table(run, tmp_path):
    output = succeed(run("event_table", "train", "--customers", 150, "--epochs", 1))
    mean, best = numbers(r"AUC.*: ([\d.]+)[ ,]", output)
    assert 0.3 < mean < 1
    assert 0.3 < best < 1
    assert "15 customers, without TensorFlow" in succeed(run("event_table", "nightly"))
    risks = pd.read_csv(tmp_path / "risks.csv")
    assert risks["customer"].tolist() == [f"c{i:05}" for i in range(15)]
    assert risks["risk"].between(0, 1).all()
    _, code = (EXAMPLES / "event_table.py").read_text().split("# What a user writes: 25 lines.")
    lines = code.split("if __name__")[0].splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 25


def test_batch_training_makes_what_batch_prediction_takes(run, run_batch, tmp_path):
    output = succeed(run("batch_training", "demo", "--epochs", 1))
    arguments = re.search(r"batch_prediction.py (.*)", output)[1].split()
    assert "450 rows" in succeed(run_batch(*arguments))
    assert list(pd.read_csv(tmp_path / "predictions.csv").columns) == ["image", "prediction"]
