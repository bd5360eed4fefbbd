"""Arrays on a disk: which parts are read, how often, and how much is held in memory."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sklstm.input import stored_arrays
from sklstm.input.parse_x import read_for_fit, read_for_predict
from sklstm.input.stored_arrays import StoredRows, StoredSteps, exceeds_a_block, rows_of
from sklstm.network import scaling
from sklstm.network.scaling import InputScaling
from sklstm.network.training import batches
from sklstm.network.training.batches import Batches, SequenceData
from sklstm.persistence._checkpoint import _digest

N, N_STEPS, N_FEATURES = 103, 5, 2
BYTES_PER_ROW = 8 * N_STEPS * N_FEATURES


class Stored:
    """An array that only slices are read of, in chunks of some rows; it notes the slices."""

    def __init__(self, array, chunk=3):
        self.array, self.shape, self.dtype, self.ndim = array, array.shape, array.dtype, array.ndim
        self.chunks, self.reads = (chunk, *array.shape[1:]), []

    def __getitem__(self, rows):
        self.reads.append(rows.start)
        return self.array[rows]


@pytest.fixture
def stored(monkeypatch):
    """An array of 18 pieces of 6 rows, of which 4 pieces are a block."""
    monkeypatch.setattr(stored_arrays, "BYTES_PER_PIECE", 7 * BYTES_PER_ROW)
    monkeypatch.setattr(stored_arrays, "BYTES_PER_BLOCK", 26 * BYTES_PER_ROW)
    return Stored(np.random.default_rng(0).normal(size=(N, N_STEPS, N_FEATURES)))


def padded_at_random(array):
    """Return a copy of which each row has 1 to N_STEPS time steps."""
    lengths = np.random.default_rng(1).integers(1, array.shape[1] + 1, len(array))
    copied = array.copy()
    copied[np.arange(array.shape[1]) >= lengths[:, np.newaxis]] = np.nan
    return copied


def test_any_time_steps_are_those_of_the_array(stored):
    steps, flat = StoredSteps(stored), stored.array.reshape(-1, N_FEATURES)
    rng = np.random.default_rng(0)
    for size in (1, 7, 300, 2000):  # the last ones are of more pieces than are held
        chosen = rng.integers(len(flat), size=size)
        np.testing.assert_array_equal(steps[chosen], flat[chosen])
        first = int(rng.integers(len(flat)))
        np.testing.assert_array_equal(steps[first : first + size], flat[first : first + size])
    assert steps[:0].shape == (0, N_FEATURES)
    assert (steps.shape, steps.nbytes) == (flat.shape, flat.nbytes)


def test_adjacent_time_steps_are_read_once_in_whole_chunks(stored):
    steps = StoredSteps(stored)
    for first in range(0, len(steps), 7):
        steps[first : first + 7]
    assert stored.reads == list(range(0, N, 6))


def test_each_thread_holds_pieces_of_its_own(stored):
    steps, flat = StoredSteps(stored), stored.array.reshape(-1, N_FEATURES)

    def differ(seed):
        chosen = np.random.default_rng(seed).integers(len(flat), size=(50, 40))
        return sum(not np.array_equal(steps[each], flat[each]) for each in chosen)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(differ, range(8))) == 0


@pytest.mark.parametrize("varies", [False, True], ids=["one length", "lengths vary"])
def test_an_epoch_reads_each_piece_about_once_and_mixes_several(stored, varies, monkeypatch):
    monkeypatch.setattr(batches, "BYTES_PER_CHUNK", 1)  # one batch
    if varies:
        stored.array = padded_at_random(stored.array)
    sequences, _ = read_for_fit(stored)
    everything, _ = read_for_fit(stored.array)
    of_disk, in_memory = (
        SequenceData(each, np.arange(N), np.ones(N, np.float32), scaling)
        for scaling in [InputScaling((), np.zeros(N_FEATURES), np.ones(N_FEATURES))]
        for each in (sequences, everything)
    )
    rng = np.random.RandomState(0)
    epochs = []
    for _ in range(3):
        stored.reads.clear()
        order = of_disk.draw_epoch(rng, 8)
        assert sorted(order) == list(range(N))
        epochs.append(order)
        for (values, lengths, rows, weights), _ in Batches(of_disk, 8, rng).chunks(order):
            chosen = rows[0][weights[0] > 0]
            expected, *_ = in_memory.gather(chosen, int(lengths[0].max()))
            np.testing.assert_array_equal(values[0, : len(chosen)], expected)
        assert 18 - 4 <= len(stored.reads) <= 18
        pieces = order[:96].reshape(-1, 8) // 6
        assert np.mean([len(set(each)) > 1 for each in pieces]) > 0.8
    assert not np.array_equal(epochs[0], epochs[1])
    again = of_disk.draw_epoch(np.random.RandomState(0), 8)
    np.testing.assert_array_equal(again, epochs[0])


def test_an_evaluation_reads_each_piece_once(stored, monkeypatch):
    monkeypatch.setattr(batches, "BYTES_PER_CHUNK", 1)
    stored.array = padded_at_random(stored.array)
    sequences, _ = read_for_fit(stored)
    stored.reads.clear()
    held_out = sequences[np.arange(0, N, 3)]
    data = SequenceData(
        held_out,
        np.arange(len(held_out)),
        np.ones(len(held_out), np.float32),
        InputScaling((), np.zeros(N_FEATURES), np.ones(N_FEATURES)),
    )
    rows = data.all_rows(8)
    assert sorted(rows) == list(range(len(held_out)))
    for _ in Batches(data, 8, np.random.RandomState(0)).chunks(rows):
        pass
    assert len(set(stored.reads)) == 18
    assert len(stored.reads) <= 18 + 4  # those at the end of reading X may be held still


def test_memory_of_reading_measuring_and_an_epoch_is_that_of_a_block(monkeypatch):
    block = 8 * 2**20
    monkeypatch.setattr(stored_arrays, "BYTES_PER_BLOCK", block)
    monkeypatch.setattr(stored_arrays, "BYTES_PER_PIECE", 2**18)
    monkeypatch.setattr("sklstm.input.absent_steps.BYTES_PER_CHECK", 2**18)
    monkeypatch.setattr(scaling, "NUMBERS_PER_BLOCK", 2**14)
    monkeypatch.setattr(batches, "BYTES_PER_CHUNK", 2**18)
    X = np.random.default_rng(0).normal(size=(900, 100, 20))
    stored = Stored(X, chunk=4)
    weights = np.ones(len(X), np.float32)
    tracemalloc.start()
    sequences, _ = read_for_fit(stored)
    measured = InputScaling.fit(sequences, weights, standardize=True, differences=True)
    data = Batches(SequenceData(sequences, weights, weights, measured), 8, np.random.RandomState(0))
    n_batches = sum(n for _, n in data.chunks(data.draw_epoch()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_batches == 113
    assert block < peak < 1.3 * block
    in_memory = InputScaling.fit(read_for_fit(X)[0], weights, standardize=True, differences=True)
    np.testing.assert_array_equal(measured.mean, in_memory.mean)
    np.testing.assert_array_equal(measured.scale, in_memory.scale)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"Input X contains NaN in sample 50 at time step 2\. A time step is absent only"),
        (np.inf, r"Input X contains infinity in sample 50 at time step 2\. Clip or replace it\."),
    ],
)
def test_errors_name_the_place_on_the_disk(stored, value, message):
    stored.array[50, 2, 1] = value
    with pytest.raises(ValueError, match=message):
        read_for_fit(stored)


def test_other_features_than_in_fit(stored):
    form = read_for_fit(stored)[1]
    with pytest.raises(ValueError, match="X has 3 features per time step, but LSTM is expecting 2"):
        read_for_predict(Stored(np.zeros((N, N_STEPS, 3))), form, "LSTM")


def test_what_stays_on_the_disk(stored, tmp_path):
    np.save(tmp_path / "X.npy", stored.array)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert exceeds_a_block(stored)
    assert exceeds_a_block(mapped[:, 1:])
    assert not exceeds_a_block(mapped)  # as it is, without a copy
    assert not exceeds_a_block(stored.array[:, 1:])  # in memory
    assert not exceeds_a_block(Stored(stored.array[:26]))  # a block
    assert not exceeds_a_block(Stored(stored.array.astype(complex)))
    assert not exceeds_a_block(Stored(stored.array[:, :, 0]))  # a table


def test_chosen_rows_stay_on_the_disk(stored):
    rows = np.random.default_rng(0).permutation(N)[:50]
    chosen = rows_of(stored, rows)
    assert isinstance(chosen, StoredRows)
    assert not stored.reads
    assert (chosen.shape, chosen.ndim) == ((50, N_STEPS, N_FEATURES), 3)
    np.testing.assert_array_equal(chosen[10:30], stored.array[rows[10:30]])
    np.testing.assert_array_equal(rows_of(stored.array, rows), stored.array[rows])


def test_the_digest_of_a_checkpoint_is_that_of_the_values(stored, monkeypatch):
    flat = stored.array.reshape(-1, N_FEATURES)
    whole = _digest([flat])
    monkeypatch.setattr("sklstm.persistence._checkpoint.BYTES_PER_READ", 100)
    assert _digest([StoredSteps(stored)]) == whole == _digest([flat])
    changed = stored.array.copy()
    changed[-1, -1, -1] += 1
    assert _digest([StoredSteps(Stored(changed))]) != whole
