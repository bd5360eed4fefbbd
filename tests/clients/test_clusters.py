"""The code of the page on clusters, run on two worker processes of Dask."""

import re
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklstm import LSTMClassifier
from tasks import first_step_task

pytestmark = pytest.mark.clients
pytest.importorskip("distributed")
pytest.importorskip("dask.dataframe")
zarr = pytest.importorskip("zarr")

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "clusters.md"
X, y = first_step_task()


def code_of(heading, number=0):
    """Return a block of Python code that stands below a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)[number]


def run(heading, number=0, **names):
    """Run a block of code of the page, and return the names that it sets."""
    names = {"__name__": "__main__", "LSTMClassifier": LSTMClassifier, **names}
    exec(compile(code_of(heading, number), f"{PAGE.name}: {heading}", "exec"), names)
    return names


@pytest.fixture(scope="module")
def client():
    """Start two workers as the page does."""
    names = run("Start a Dask cluster")
    yield names["client"]
    names["client"].close()
    names["cluster"].close()


def test_a_search_finds_what_it_finds_in_one_process(client):
    names = run("Search on Dask", X=X, y=y)
    search = names["search"]
    alone = clone(search).fit(X, y)
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(search.predict_proba(X), alone.predict_proba(X))


def test_prediction_of_a_folder_of_parquet_files(client, tmp_path):
    table = pd.DataFrame(X[:, :, 0], columns=[f"step_{i}" for i in range(5)])
    for part in range(3):
        rows = table.iloc[8 * part : 8 * part + 8]
        rows.to_parquet(tmp_path / f"{part}.parquet", row_group_size=4)
    name = "Predict a folder of Parquet files on Dask"
    names = run(name, folder=tmp_path, train=table, labels=y)
    assert names["tables"].npartitions == 6
    expected = names["network"].predict(table)
    np.testing.assert_array_equal(names["result"].to_numpy(), expected)
    assert len(names["predict"](table[:0], names["network"])) == 0
    names["predicted"].to_frame().to_parquet(tmp_path / "predictions")
    written = pd.read_parquet(tmp_path / "predictions")
    np.testing.assert_array_equal(written["label"], expected)


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def zeros_with_ends(path, ends, n_mib):
    """Write an array of zeros, in chunks of 4 MiB, which begins and ends with given rows."""
    n, chunk = (mib * 2**20 // ends[0].nbytes for mib in (n_mib, 4))
    stored = zarr.create_array(
        path, shape=(n, *ends.shape[1:]), dtype=ends.dtype, chunks=(chunk, *ends.shape[1:])
    )
    stored[: len(ends)] = stored[n - len(ends) :] = ends


def test_prediction_of_a_zarr_array_with_flat_memory(client, tmp_path):
    wide, _ = first_step_task(n_steps=40, n_features=64)
    wide, peaks = wide.astype(np.float32), []
    for n_mib in (16, 256):  # the first loads what predicts
        path = tmp_path / f"{n_mib}.zarr"
        zeros_with_ends(path, wide, n_mib)
        names = run("Predict a Zarr array on Dask", path=path, X_train=wide, y_train=y)
        peaks.append(max(client.run(peak_mib).values()))
    expected = names["network"].predict(wide)
    assert len(names["labels"]) == 256 * 2**20 // wide[0].nbytes
    np.testing.assert_array_equal(names["labels"][:24], expected)
    np.testing.assert_array_equal(names["labels"][-24:], expected)
    assert peaks[1] - peaks[0] < 32


def test_two_processes_share_a_study_of_optuna(client, tmp_path):
    optuna = pytest.importorskip("optuna")
    heading = "Search with Optuna in several processes"
    names = run(heading, X=X, y=y, X_val=X, y_val=y)
    journal = str(tmp_path / "journal.log")
    run(heading, 1, client=client, journal=journal, take_part=names["take_part"])
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(journal))
    study = optuna.load_study(study_name="units", storage=storage)
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert all(trial.state.is_finished() for trial in study.trials)
    units = study.best_params["units"]
    network = LSTMClassifier(units, epochs=2, random_state=0).fit(X, y, X_val=X, y_val=y)
    assert study.best_value == network.history_["val_loss"][-1]
