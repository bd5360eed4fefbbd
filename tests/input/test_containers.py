"""Containers of X: memory maps, frames, files on a disk, number types and memory layouts."""

import tracemalloc

import h5py
import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import zarr

from forms import SEQUENCES, X, as_lists, memory_map, y
from sklstm import LSTMClassifier
from sklstm.input.parse_x import read_for_fit
from tasks import TINY, nan_padded


def test_nan_padding_of_a_memory_map(tmp_path, ragged_classifier):
    padded = memory_map(nan_padded(SEQUENCES, 8), tmp_path)
    np.testing.assert_allclose(
        ragged_classifier.predict_proba(padded),
        ragged_classifier.predict_proba(SEQUENCES),
        rtol=1e-6,
    )


def test_prediction_block_by_block_is_the_same(tmp_path, ragged_classifier, monkeypatch):
    padded = memory_map(nan_padded(SEQUENCES, 8), tmp_path)
    whole = ragged_classifier.predict_proba(padded)
    monkeypatch.setattr("sklstm.input.parse_x.BYTES_PER_BLOCK", 8 * 8 * 2 * 5)  # 5 rows
    np.testing.assert_allclose(ragged_classifier.predict_proba(padded), whole, rtol=1e-6)


def test_errors_of_a_later_block_name_the_sample_of_the_whole(ragged_classifier, monkeypatch):
    monkeypatch.setattr("sklstm.input.parse_x.BYTES_PER_BLOCK", 8 * 5 * 2 * 5)
    padded = nan_padded(SEQUENCES, 5)
    padded[17, 1] = np.nan
    with pytest.raises(ValueError, match="NaN in sample 17 at time step 1"):
        ragged_classifier.predict(padded)
    padded[17] = np.nan
    with pytest.raises(ValueError, match="Sequence 17 of X is empty"):
        ragged_classifier.predict(padded)


def test_errors_of_a_later_block_of_a_table_or_of_tokens(table_classifier, monkeypatch):
    monkeypatch.setattr("sklstm.input.parse_x.BYTES_PER_BLOCK", 8 * 10 * 5)
    table = X.reshape(24, 10).copy()
    table[17, 4] = np.inf
    with pytest.raises(ValueError, match=r"infinity in sample 17 at time step 2"):
        table_classifier.predict(table)
    ids = np.ones((24, 5), int)
    classifier = LSTMClassifier(**TINY, vocabulary_size=7, embedding_dim=3).fit(ids, y)
    ids[17, 2] = 7
    with pytest.raises(ValueError, match="Token id 7 in sample 17 at time step 2"):
        classifier.predict(ids)


def test_columns_of_polars_lists_are_sequences(ragged_classifier):
    column = polars.Series(as_lists(SEQUENCES))
    np.testing.assert_array_equal(
        ragged_classifier.predict_proba(column), ragged_classifier.predict_proba(SEQUENCES)
    )


def frames(sequences, names=("a", "b"), library=pd):
    if library is pd:
        return [pd.DataFrame(sequence, columns=list(names)) for sequence in sequences]
    return [library.DataFrame(sequence, schema=list(names)) for sequence in sequences]


@pytest.mark.parametrize("library", [pd, polars], ids=["pandas", "polars"])
def test_names_of_the_features_in_lists_of_data_frames(library, classifier):
    X_frames = frames(X, library=library)
    fitted = LSTMClassifier(**TINY).fit(X_frames, y)
    assert (fitted.n_features_in_, fitted.feature_names_in_.tolist()) == (2, ["a", "b"])
    expected = classifier.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X_frames), expected)
    swapped = [frame[["b", "a"]] for frame in X_frames]
    with pytest.raises(ValueError, match=r"(?s)Sequence 0 of X: .*must be in the same order"):
        fitted.predict(swapped)
    with pytest.raises(ValueError, match=r"(?s)Sequence 0 of X: .*must be in the same order"):
        fitted.predict(pd.Series(swapped))
    with pytest.raises(ValueError, match=r"(?s)names should match.*unseen at fit time:\n- c"):
        fitted.predict(frames(X, ["a", "c"], library))
    message = r"Sequence 5 of X has the columns \['b', 'a'\], but sequence 0 has the columns \['a'"
    for method in (fitted.fit, fitted.score):
        with pytest.raises(ValueError, match=message):
            method([*X_frames[:5], *swapped[5:]], y)
    with pytest.raises(ValueError, match=r"Sequence 1 of X has no column names, but sequence 0"):
        fitted.predict([X_frames[0], X[1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        np.testing.assert_array_equal(fitted.predict_proba(X), expected)
    with pytest.warns(UserWarning, match="X has feature names, but LSTMClassifier was fitted"):
        classifier.predict(X_frames)
    assert not hasattr(fitted.fit(list(X), y), "feature_names_in_")


@pytest.mark.parametrize(
    "convert",
    [
        lambda frame: frame.astype("Float64"),
        lambda frame: frame.astype(str).astype("string"),
        lambda frame: frame.astype(object),
        lambda frame: polars.DataFrame(dict(frame)),
        pyarrow.Table.from_pandas,
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    ],
    ids=["nullable", "string", "object", "polars", "arrow", "pyarrow-backed"],
)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_numbers_in_columns_of_any_kind(convert, table_classifier):
    frame = pd.DataFrame(X.reshape(24, 10)).rename(columns=str)
    np.testing.assert_array_equal(
        table_classifier.predict_proba(convert(frame)), table_classifier.predict_proba(frame)
    )


@pytest.mark.parametrize("size", [1, 40, 100, 2**20], ids=str)
def test_absent_steps_are_found_whatever_is_looked_at_in_one_go(size, monkeypatch):
    monkeypatch.setattr("sklstm.input.absent_steps.BYTES_PER_CHECK", size)
    rng = np.random.default_rng(0)
    for _ in range(20):
        lengths, before, after = rng.integers(1, 6, 9), rng.integers(0, 4, 9), rng.integers(0, 4, 9)
        inner = [rng.normal(size=(n, 2)) for n in lengths]
        padded = [
            np.pad(x, [(a, b), (0, 0)], constant_values=np.nan)
            for x, a, b in zip(inner, before, after, strict=True)
        ]
        sequences, _ = read_for_fit(padded)
        assert sequences.lengths.tolist() == lengths.tolist()
        np.testing.assert_array_equal(np.concatenate(list(sequences)), np.concatenate(inner))
        sample = int(rng.integers(9))
        padded[sample] = np.concatenate([inner[sample], np.full((2, 2), np.nan), inner[0]])
        with pytest.raises(ValueError, match=f"sample {sample} at time step {lengths[sample]}, in"):
            read_for_fit(padded)
        padded[sample] = np.full((3, 2), np.nan)
        with pytest.raises(ValueError, match=f"Sequence {sample} of X is empty: .* other than NaN"):
            read_for_fit(padded)


class Sliced:
    """An array on a disk, which only slices are read of."""

    def __init__(self, array):
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim
        self.array, self.reads = array, []

    def __getitem__(self, rows):
        self.reads.append(rows)
        return self.array[rows]


def of_h5py(array, folder):
    file = h5py.File(folder / "X.h5", "w")
    return file.create_dataset("X", data=array)


def of_zarr(array, folder):
    stored = zarr.create_array(
        folder / "X.zarr", shape=array.shape, dtype=array.dtype, chunks=(4, *array.shape[1:])
    )
    stored[:] = array
    return stored


@pytest.mark.parametrize("store", [of_h5py, of_zarr, lambda array, _: Sliced(array)])
def test_arrays_on_a_disk_are_read_slice_by_slice(store, tmp_path, classifier, monkeypatch):
    monkeypatch.setattr("sklstm.input.parse_x.BYTES_PER_BLOCK", 8 * 5 * 2 * 5)  # 5 rows
    monkeypatch.setattr("sklstm.input.parse_x.BYTES_PER_READ", 8 * 5 * 2 * 7)
    stored = store(X, tmp_path)
    expected = classifier.predict_proba(X)
    np.testing.assert_allclose(classifier.predict_proba(stored), expected, rtol=1e-6)
    if isinstance(stored, Sliced):
        assert [rows.stop for rows in stored.reads] == [5, 10, 15, 20, 25]
    fitted = LSTMClassifier(**TINY).fit(stored, y)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected)


@pytest.mark.parametrize(
    ("X", "copies"),
    [
        (np.ones((400, 100, 50), np.float32), 0),
        (np.ones((400, 100, 25)), 0),
        (np.ones((400, 100, 100), np.int16), 0),
        (nan_padded(np.ones((200, 50, 50)), 100), 0),
        (np.ones((400, 5000), np.float32), 0),
        ([np.ones((100, 50), np.float32)] * 400, 1),
        (Sliced(np.ones((400, 100, 50), np.float32)), 1),
    ],
    ids=["float32", "float64", "int16", "NaN", "table", "list", "on a disk"],
)
def test_reading_takes_no_memory_but_that_of_x(X, copies, monkeypatch):
    monkeypatch.setattr("sklstm.input.parse_x.BYTES_PER_READ", 2**20)
    tracemalloc.start()
    sequences, _ = read_for_fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sequences.steps.dtype == np.asarray(X[0]).dtype
    assert peak < copies * 8e6 + 1.5e6  # X has 8 MB


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int8, np.uint64, bool, object])
def test_dtypes_of_numbers(dtype):
    X = (np.random.default_rng(0).normal(size=(24, 5, 2)) > 0).astype(dtype)
    expected = LSTMClassifier(**TINY).fit(X.astype(np.float32), y)
    actual = LSTMClassifier(**TINY).fit(X, y)
    np.testing.assert_array_equal(actual.predict_proba(X), expected.predict_proba(X))
    table, flat = X.reshape(24, 10), X.reshape(24, 10).astype(np.float32)
    expected = LSTMClassifier(**TINY, timesteps=5).fit(flat, y)
    actual = LSTMClassifier(**TINY, timesteps=5).fit(table, y)
    np.testing.assert_array_equal(actual.predict_proba(table), expected.predict_proba(flat))


def strided(array):
    doubled = np.repeat(array, 2, axis=1)
    return doubled[:, ::2]


@pytest.mark.parametrize("layout", [np.asfortranarray, strided, lambda a: a[::-1][::-1]])
def test_memory_layouts(layout, classifier, table_classifier):
    np.testing.assert_array_equal(classifier.predict_proba(layout(X)), classifier.predict_proba(X))
    table = X.reshape(24, 10)
    np.testing.assert_array_equal(
        table_classifier.predict_proba(layout(table)), table_classifier.predict_proba(table)
    )
    fitted = LSTMClassifier(**TINY).fit(layout(X), y)
    np.testing.assert_array_equal(fitted.predict_proba(X), classifier.predict_proba(X))


def test_values_of_which_only_the_sum_overflows():
    fitted = LSTMClassifier(**TINY, standardize=False, differences=False).fit(X, y)
    large = np.abs(X).astype("f") * np.float32(1e37)
    with np.errstate(over="ignore"):
        assert np.isinf(large.sum())
    assert np.isfinite(fitted.predict_proba(large)).all()


def test_read_only_and_memory_mapped_x(tmp_path, classifier):
    mapped = memory_map(X, tmp_path)
    assert not mapped.flags.writeable
    labels = y.copy()
    labels.flags.writeable = False
    weights = np.ones(24)
    weights.flags.writeable = False
    fitted = LSTMClassifier(**TINY).fit(mapped, labels, weights)
    np.testing.assert_array_equal(fitted.predict_proba(mapped), classifier.predict_proba(X))
