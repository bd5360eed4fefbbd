"""Fits of arrays that are larger than what is held of them in memory."""

import h5py
import numpy as np
import pytest
import zarr

from sklstm import LSTMClassifier, LSTMRegressor
from tasks import TINY, first_step_task, nan_padded, ragged

N = 60
X, y = first_step_task(N)
BYTES_PER_ROW = X[0].nbytes


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Let a block be a fifth of X, and nothing be scaled at once."""
    monkeypatch.setattr("sklstm.input.stored_arrays.BYTES_PER_BLOCK", 12 * BYTES_PER_ROW)
    monkeypatch.setattr("sklstm.input.stored_arrays.BYTES_PER_PIECE", 3 * BYTES_PER_ROW)
    monkeypatch.setattr("sklstm.input.parse_x.BYTES_PER_BLOCK", 12 * BYTES_PER_ROW)
    monkeypatch.setattr("sklstm._fit_data.NUMBERS_SCALED_AT_ONCE", 0)


def in_hdf5(array, folder):
    return h5py.File(folder / "X.h5", "w").create_dataset("X", data=array, chunks=(3, 5, 2))


def in_zarr(array, folder):
    stored = zarr.create_array(
        folder / "X.zarr", shape=array.shape, dtype=array.dtype, chunks=(3, *array.shape[1:])
    )
    stored[:] = array
    return stored


def memory_map(array, folder):
    np.save(folder / "X.npy", array)
    return np.load(folder / "X.npy", mmap_mode="r")


def last_steps_of_memory_map(array, folder):
    longer = np.concatenate([array[:, :1], array], axis=1)
    return memory_map(longer, folder)[:, 1:]


every_store = pytest.mark.parametrize("store", [in_hdf5, in_zarr, last_steps_of_memory_map])
WEIGHTS = np.arange(N) % 3.0
# In one batch of all rows, the order of the rows does not matter.
ONE_BATCH = {**TINY, "batch_size": N, "epochs": 3}


def test_a_memory_map_gives_the_same_bits_as_the_array(tmp_path):
    padded = nan_padded(ragged(X), 5)
    for array in (X, padded):
        in_memory = LSTMClassifier(**TINY, validation_fraction=0.2).fit(array, y, WEIGHTS)
        mapped = memory_map(array, tmp_path)
        on_disk = LSTMClassifier(**TINY, validation_fraction=0.2).fit(mapped, y, WEIGHTS)
        assert on_disk.history_ == in_memory.history_
        expected = in_memory.predict_proba(array)
        np.testing.assert_array_equal(on_disk.predict_proba(mapped), expected)


@every_store
def test_a_store_gives_what_the_array_gives_but_for_the_order_of_rows(store, tmp_path):
    options = ONE_BATCH | {"validation_fraction": 0.2, "class_weight": {0: 1, 1: 2}}
    array = nan_padded(ragged(X), 5)
    stored = store(array, tmp_path)
    in_memory = LSTMClassifier(**options).fit(array, y, WEIGHTS)
    on_disk = LSTMClassifier(**options).fit(stored, y, WEIGHTS)
    for name, values in in_memory.history_.items():  # val_loss too: the same rows are held out
        np.testing.assert_allclose(on_disk.history_[name], values, rtol=1e-4)
    np.testing.assert_allclose(
        on_disk.predict_proba(stored), in_memory.predict_proba(array), atol=1e-5
    )


@every_store
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(store, tmp_path):
    stored = store(X, tmp_path)
    first = LSTMClassifier(**TINY).fit(stored, y).predict_proba(stored)
    again = LSTMClassifier(**TINY).fit(stored, y).predict_proba(stored)
    np.testing.assert_array_equal(again, first)
    in_memory = LSTMClassifier(**TINY).fit(X, y).predict_proba(X)
    assert not np.array_equal(in_memory, first)  # the order of the rows is another


@pytest.mark.slow
def test_labels_that_are_sorted_on_the_disk_are_learnt(tmp_path):
    order = np.argsort(y, kind="stable")
    stored = in_hdf5(X[order], tmp_path)
    network = LSTMClassifier(**TINY | {"epochs": 30, "learning_rate": 0.05})
    assert network.fit(stored, y[order]).score(stored, y[order]) > 0.9


@pytest.mark.parametrize("store", [in_hdf5, in_zarr, memory_map])
def test_early_stopping_by_a_score_and_a_validation_set_on_the_disk(store, tmp_path):
    stored = store(X, tmp_path)
    options = ONE_BATCH | {"early_stopping": True, "scoring": "neg_log_loss"}
    in_memory = LSTMClassifier(**options).fit(X, y).history_
    on_disk = LSTMClassifier(**options).fit(stored, y).history_
    np.testing.assert_allclose(on_disk["val_score"], in_memory["val_score"], rtol=1e-4)
    given = LSTMClassifier(**ONE_BATCH).fit(X, y, X_val=stored, y_val=y)
    expected = LSTMClassifier(**ONE_BATCH).fit(X, y, X_val=X, y_val=y)
    np.testing.assert_allclose(given.history_["val_loss"], expected.history_["val_loss"], rtol=1e-5)


def test_networks_of_an_ensemble_read_the_array_side_by_side(tmp_path):
    stored = in_zarr(X, tmp_path)
    both = LSTMRegressor(**TINY, n_networks=2).fit(stored, X[:, 0, 0])
    again = LSTMRegressor(**TINY, n_networks=2).fit(stored, X[:, 0, 0])
    np.testing.assert_array_equal(again.predict(stored), both.predict(stored))
    assert (both.predict(stored, return_std=True)[1] > 0).all()


def test_a_checkpoint_and_a_fit_that_continues(tmp_path):
    stored = in_zarr(X, tmp_path)
    constant = TINY | {"learning_rate_schedule": "constant", "warmup": 0}
    begun, whole = (constant | {"checkpoint": tmp_path / f"{name}.sklstm"} for name in "ab")
    LSTMClassifier(**begun | {"epochs": 1}).fit(stored, y)
    resumed = LSTMClassifier(**begun).fit(stored, y)
    whole = LSTMClassifier(**whole).fit(stored, y)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    more = LSTMClassifier(**TINY, warm_start=True).fit(stored, y)
    assert more.fit(stored, y).n_iter_ == 2 * TINY["epochs"]
