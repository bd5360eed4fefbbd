"""The image of examples/serving, made by the commands of its Dockerfile, and its service."""

import json
import os
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import joblib
import numpy as np
import pandas as pd
import pytest

from dockerfile import Image
from sklstm import CharSequenceGenerator, persistence
from sklstm.forecasting import LSTMForecaster
from tasks import TINY

ROOT = Path(__file__).parents[2]
SECONDS_TO_START = 60
AT_ONCE = 100
ABSENT = ["tensorflow", "keras", "scikeras", "skops"]

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    return Image(ROOT / "examples" / "serving" / "Dockerfile", ROOT, folder)


def in_image(image, script, *arguments):
    """Run a script in the image and return what it prints."""
    result = subprocess.run(
        [image.python, "-W", "error", "-c", script, *map(str, arguments)],
        cwd=image.work,
        env=image.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_image_has_no_tensorflow(image):
    script = "import sys, importlib.util as u; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    assert in_image(image, script, "sklstm", *ABSENT) == "['sklstm']\n"


def test_the_image_is_small(image):
    """TensorFlow alone takes more than twice as much."""
    (packages,) = image.packages.glob("lib/python*/site-packages")
    sizes = [path.stat().st_size for path in packages.rglob("*") if path.is_file()]
    assert sum(sizes) < 500e6


PREDICT = """
import sys
import joblib
from sklstm import persistence

folder = sys.argv[1]
for method, argument in joblib.load(f"{folder}/calls.joblib").items():
    estimator = persistence.load(f"{folder}/{method}.sklstm")
    joblib.dump(getattr(estimator, method)(argument), f"{folder}/{method}.joblib")
"""
FORECAST = """
import sys
import joblib
import pandas as pd
from sklstm import persistence

folder = sys.argv[1]
history = pd.DataFrame(joblib.load(f"{folder}/history.joblib"))
forecast = persistence.load(f"{folder}/forecaster.sklstm").predict(history)
joblib.dump({name: forecast[name].to_numpy() for name in forecast}, f"{folder}/forecast.joblib")
"""


def test_model_files_predict_the_same_bits_in_the_image(
    image, classifier, regressor, task, tmp_path
):
    X, _ = task
    text = "to be or not to be. "
    generator = CharSequenceGenerator(**TINY, window=5).fit([text] * 4)
    calls = {"predict_proba": (classifier, X), "predict": (regressor, X)}
    calls["log_probabilities"] = generator, text
    for method, (estimator, _) in calls.items():
        persistence.save(estimator, tmp_path / f"{method}.sklstm")
    arguments = {method: argument for method, (_, argument) in calls.items()}
    joblib.dump(arguments, tmp_path / "calls.joblib")
    in_image(image, PREDICT, tmp_path)
    for method, (estimator, argument) in calls.items():
        expected = getattr(estimator, method)(argument)
        there = joblib.load(tmp_path / f"{method}.joblib")
        np.testing.assert_array_equal(there, expected, err_msg=method)


def test_a_forecaster_needs_pandas_too(image, tmp_path):
    image.run(f"pip install --no-cache-dir pandas=={pd.__version__}")
    dates = np.arange("2024-01-01", "2024-01-21", dtype="datetime64[D]").astype("datetime64[ns]")
    history = {"shop": np.array(["a"] * 20, object), "date": dates, "sales": np.arange(20.0) % 7}
    columns = {"target": "sales", "time": "date", "series": "shop"}
    network = TINY | {"lookback": 8, "lags": (), "n_networks": 1, "bidirectional": False}
    forecaster = LSTMForecaster(3, **columns, **network).fit(pd.DataFrame(history))
    persistence.save(forecaster, tmp_path / "forecaster.sklstm")
    joblib.dump(history, tmp_path / "history.joblib")
    in_image(image, FORECAST, tmp_path)
    there = joblib.load(tmp_path / "forecast.joblib")
    for name, column in forecaster.predict(pd.DataFrame(history)).items():
        np.testing.assert_array_equal(there[name], column.to_numpy(), err_msg=name)


class Service:
    """The image's command, on a free port of this machine."""

    def __init__(self, image, model, folder):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*image.command, "--host", "127.0.0.1", "--port", str(port)],
                cwd=image.work,
                env=image.environment | {"MODEL": str(model)},
                stdout=log,
                stderr=log,
            )

    def wait(self):
        end = time.monotonic() + SECONDS_TO_START
        while self.process.poll() is None and time.monotonic() < end:
            try:
                return self.get("/health")
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def get(self, path):
        with urlopen(self.url + path, timeout=60) as response:
            return json.load(response)

    def post(self, content):
        """Return the status and the answer to bytes, or to what becomes JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        request = Request(f"{self.url}/predict", body, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    def resident_mib(self):
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture(scope="module")
def service(image, classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    persistence.save(classifier, folder / "model.sklstm")
    started = Service(image, folder / "model.sklstm", folder)
    try:
        assert started.wait() == {"status": "ok"}
        yield started
    finally:
        started.process.terminate()
        started.process.wait()


def test_a_service_without_a_model_does_not_start(image, tmp_path):
    started = Service(image, tmp_path / "nowhere.sklstm", tmp_path)
    assert started.process.wait(SECONDS_TO_START) != 0
    assert "No such file or directory" in started.log.read_text()
    assert "nowhere.sklstm" in started.log.read_text()


def test_labels_and_probabilities(service, classifier, task):
    X, _ = task
    sequences = [X[0].tolist(), X[1, :3].tolist()]
    expected = classifier.predict_proba([X[0], X[1, :3]])
    status, answer = service.post({"sequences": sequences})
    assert status == 200
    assert answer == {
        "classes": classifier.classes_.tolist(),
        "labels": classifier.predict([X[0], X[1, :3]]).tolist(),
        "probabilities": expected.tolist(),
    }


def test_a_hundred_requests_at_once_and_flat_memory(service, classifier, task):
    X = np.random.default_rng(1).normal(size=(AT_ONCE, 5, 2))
    expected = classifier.predict_proba(X)
    together = threading.Barrier(AT_ONCE)

    def ask(row):
        together.wait()
        return service.post({"sequences": [X[row].tolist()]})

    def ask_all():
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(ask, range(AT_ONCE)))
        assert [status for status, _ in answers] == [200] * AT_ONCE
        got = [answer["probabilities"][0] for _, answer in answers]
        np.testing.assert_array_equal(np.array(got, np.float32), expected)
        return service.resident_mib()

    memory = [ask_all() for _ in range(8)]
    assert memory[-1] - memory[2] < 5, memory


OK = [[0.5, 1.0]] * 5
NAN = float("nan")
BAD_X = {
    "empty": ([], "X is empty: found 0 sample(s) while a minimum of 1 is required;"),
    "no-time-step": ([OK, []], "Sequence 1 of X is empty: it has no time step."),
    "features": (
        [[[0.0, 1.0, 2.0]]],
        "X has 3 features per time step, but LSTMClassifier is expecting 2 features per time step",
    ),
    "nan": (
        [OK, [[0.0, 1.0], [NAN, 1.0]]],
        "Input X contains NaN in sample 1 at time step 1. A time step is absent only if",
    ),
    "infinity": ([[[float("inf"), 0.0]]], "Input X contains infinity in sample 0 at time step 0."),
}
BAD_FORM = {
    "no-number": ({"sequences": [[[0.0, "1.0"]]]}, "body.sequences.0.0.1: Input should be a"),
    "null": ({"sequences": [[[None, None]] * 50]}, "body.sequences.0.0.0: Input should be a valid"),
    "nan-for-a-list": ({"sequences": [[NAN]]}, "body.sequences.0.0: Input should be a valid list"),
    "many": ({"sequences": [[]] * 1001}, "body.sequences: List should have at most 1000 items"),
    "other-name": ({"sequences": [OK], "steps": 5}, "body.steps: Extra inputs are not permitted"),
    "no-json": (b"{sequences", "JSON decode error"),
}


@pytest.mark.parametrize(("sequences", "message"), BAD_X.values(), ids=BAD_X)
def test_bad_values_get_the_estimators_message(service, sequences, message):
    status, answer = service.post({"sequences": sequences})
    assert status == 422
    assert answer["detail"].startswith(message)


@pytest.mark.parametrize(("content", "message"), BAD_FORM.values(), ids=BAD_FORM)
def test_bad_forms_are_refused_by_one_short_line(service, content, message):
    status, answer = service.post(content)
    assert status == 422
    assert message in answer["detail"]
    assert len(answer["detail"]) < 150
