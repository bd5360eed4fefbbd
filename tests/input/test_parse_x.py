"""One meaning, many forms: what X may be, and that no form or padding changes a prediction."""

import tracemalloc

import h5py
import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
import zarr

from sklstm import LSTMClassifier, LSTMRegressor
from sklstm.input.parse_x import read_for_fit
from tasks import TINY, first_step_task, nan_padded, object_array, ragged

X, y = first_step_task()
SEQUENCES = ragged(X)
IDS = np.random.default_rng(0).integers(1, 7, (24, 5))
TOKENS = [row[: 5 - i % 3] for i, row in enumerate(IDS)]


def zero_padded(tokens, n_steps, side="right"):
    padded = np.zeros((len(tokens), n_steps), int)
    for row, ids in zip(padded, tokens, strict=True):
        place = slice(len(ids)) if side == "right" else slice(n_steps - len(ids), None)
        row[place] = ids
    return padded


def memory_map(array, folder):
    path = folder / "X.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def as_lists(sequences):
    return [sequence.tolist() for sequence in sequences]


RAGGED_FORMS = {
    "list": SEQUENCES,
    "tuple": tuple(SEQUENCES),
    "nested lists": as_lists(SEQUENCES),
    "object array": object_array(SEQUENCES),
    "list of DataFrames": [pd.DataFrame(sequence) for sequence in SEQUENCES],
    "Series of arrays": pd.Series(SEQUENCES),
    "Series of lists": pd.Series(as_lists(SEQUENCES)),
    "masked to the right": np.ma.masked_invalid(nan_padded(SEQUENCES, 5)),
    "list of masked arrays": [
        np.ma.masked_array(np.r_[x, [[9, 9]]], mask=np.r_[x * 0, [[1, 1]]]) for x in SEQUENCES
    ],
    "NaN to the right": nan_padded(SEQUENCES, 5),
    "NaN to the left": nan_padded(SEQUENCES, 5, "left"),
    "much NaN": nan_padded(SEQUENCES, 9),
    "list with NaN": list(nan_padded(SEQUENCES, 7, "left")),
    "3-D object array": nan_padded(SEQUENCES, 5).astype(object),
}


@pytest.mark.parametrize("form", RAGGED_FORMS.values(), ids=RAGGED_FORMS)
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "concat"])
def test_padding_never_matters(form, pooling):
    classifier = LSTMClassifier(**TINY, pooling=pooling, bidirectional=True).fit(SEQUENCES, y)
    expected = classifier.predict_proba(SEQUENCES)
    np.testing.assert_allclose(classifier.predict_proba(form), expected, rtol=1e-6)
    alone = np.concatenate([classifier.predict_proba(form[i : i + 1]) for i in range(4)])
    np.testing.assert_allclose(alone, expected[:4], rtol=1e-6)


@pytest.mark.parametrize("form", RAGGED_FORMS.values(), ids=RAGGED_FORMS)
def test_every_ragged_form_fits_alike(form, ragged_classifier):
    fitted = LSTMClassifier(**TINY).fit(form, y)
    np.testing.assert_array_equal(
        fitted.predict_proba(SEQUENCES), ragged_classifier.predict_proba(SEQUENCES)
    )
    assert fitted.n_features_in_ == 2
    assert not hasattr(fitted, "feature_names_in_")


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


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_of_tokens_never_matters(side):
    classifier = LSTMClassifier(**TINY, vocabulary_size=7, embedding_dim=3).fit(TOKENS, y)
    expected = classifier.predict_proba(TOKENS)
    for n_steps in (5, 8):
        padded = zero_padded(TOKENS, n_steps, side)
        np.testing.assert_allclose(classifier.predict_proba(padded), expected, rtol=1e-6)
    np.testing.assert_allclose(classifier.predict_proba(object_array(TOKENS)), expected, rtol=1e-6)


@pytest.mark.parametrize("form", [np.uint8, np.int64, np.float32, pd.DataFrame, list], ids=str)
def test_whole_numbers_of_any_dtype_are_token_ids(form, token_classifier):
    ids = IDS.astype(form) if isinstance(form, type) and issubclass(form, np.generic) else form(IDS)
    np.testing.assert_array_equal(
        token_classifier.predict_proba(ids), token_classifier.predict_proba(IDS)
    )
    assert token_classifier.n_features_in_ == 1


def test_vocabulary_size_is_taken_from_x():
    classifier = LSTMClassifier(**TINY, embedding_dim=3).fit(IDS, y)
    assert classifier.to_keras().get_layer("embedding").input_dim == IDS.max() + 1


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
    monkeypatch.setattr("sklstm._sequences.BYTES_PER_CHECK", size)
    rng = np.random.default_rng(0)
    for _ in range(20):
        lengths, before, after = rng.integers(1, 6, 9), rng.integers(0, 4, 9), rng.integers(0, 4, 9)
        inner = [rng.normal(size=(n, 2)) for n in lengths]
        padded = [
            np.pad(x, [(a, b), (0, 0)], constant_values=np.nan)
            for x, a, b in zip(inner, before, after, strict=True)
        ]
        sequences, _ = read_for_fit(LSTMClassifier(), padded)
        assert sequences.lengths.tolist() == lengths.tolist()
        np.testing.assert_array_equal(np.concatenate(list(sequences)), np.concatenate(inner))
        sample = int(rng.integers(9))
        padded[sample] = np.concatenate([inner[sample], np.full((2, 2), np.nan), inner[0]])
        with pytest.raises(ValueError, match=f"sample {sample} at time step {lengths[sample]}, in"):
            read_for_fit(LSTMClassifier(), padded)
        padded[sample] = np.full((3, 2), np.nan)
        with pytest.raises(ValueError, match=f"Sequence {sample} of X is empty: .* other than NaN"):
            read_for_fit(LSTMClassifier(), padded)


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
    sequences, _ = read_for_fit(LSTMClassifier(), X)
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


def test_columns_are_time_steps_of_one_feature():
    table = X[:, :, 0]
    as_table = LSTMClassifier(**TINY).fit(table, y)
    as_array = LSTMClassifier(**TINY).fit(table[:, :, np.newaxis], y)
    assert (as_table.n_features_in_, as_array.n_features_in_) == (5, 1)
    np.testing.assert_array_equal(
        as_table.predict_proba(table), as_array.predict_proba(table[:, :, np.newaxis])
    )


def test_timesteps_reads_columns_step_by_step(classifier, table_classifier):
    assert table_classifier.n_features_in_ == 10
    np.testing.assert_array_equal(
        table_classifier.predict_proba(X.reshape(24, 10)), classifier.predict_proba(X)
    )


def test_nan_in_a_table_with_timesteps_is_an_absent_step(table_classifier, ragged_classifier):
    table = nan_padded(SEQUENCES, 5).reshape(24, 10)
    np.testing.assert_allclose(
        table_classifier.predict_proba(table),
        table_classifier.predict_proba(SEQUENCES),
        rtol=1e-6,
    )
    fitted = LSTMClassifier(**TINY, timesteps=5).fit(table, y)
    np.testing.assert_array_equal(
        fitted.predict_proba(table), ragged_classifier.predict_proba(SEQUENCES)
    )


def test_lists_of_numbers_are_a_table(table_classifier):
    table = X.reshape(24, 10)
    np.testing.assert_allclose(
        table_classifier.predict_proba(table.tolist()), table_classifier.predict_proba(table)
    )
    assert LSTMClassifier(**TINY).fit(table.tolist(), y).n_features_in_ == 10


def test_lists_of_arrays_of_one_length_are_sequences():
    series = [row.copy() for row in X[:, :, 0]]
    classifier = LSTMClassifier(**TINY).fit(series, y)
    assert classifier.n_features_in_ == 1
    longer = [np.r_[row, row] for row in series]
    assert classifier.predict(longer).shape == (24,)


def test_forms_that_mean_the_same_are_read_alike(classifier, table_classifier):
    expected = classifier.predict_proba(X)
    for form in (list(X), object_array(X), X.tolist()):
        np.testing.assert_allclose(classifier.predict_proba(form), expected, rtol=1e-6)
        np.testing.assert_allclose(table_classifier.predict_proba(form), expected, rtol=1e-6)


def test_a_table_means_the_same_where_steps_have_one_feature():
    series = X[:, :, :1]
    classifier = LSTMClassifier(**TINY).fit(series, y)
    expected = classifier.predict_proba(series)
    for form in (series[:, :, 0], pd.DataFrame(series[:, :, 0]), list(series[:, :, 0])):
        np.testing.assert_allclose(classifier.predict_proba(form), expected, rtol=1e-6)


def test_sequences_may_be_longer_or_shorter_than_in_fit(classifier):
    longer = np.concatenate([X, X], axis=1)
    assert classifier.predict(longer).shape == (24,)
    np.testing.assert_allclose(
        classifier.predict_proba(longer[:, :5]), classifier.predict_proba(X), rtol=1e-6
    )
    assert classifier.predict(X[:, :1]).shape == (24,)


def test_one_row(classifier, table_classifier, ragged_classifier, regressor):
    assert classifier.predict_proba(X[:1]).shape == (1, 2)
    assert table_classifier.predict(X[:1].reshape(1, 10)).shape == (1,)
    assert ragged_classifier.predict(SEQUENCES[:1]).shape == (1,)
    assert regressor.predict(X[:1]).shape == (1,)


def test_sequences_of_one_step():
    one = X[:, :1]
    assert LSTMClassifier(**TINY).fit(one, y).predict(one).shape == (24,)
    assert LSTMRegressor(**TINY).fit(list(one), y).predict(one).shape == (24,)


def test_more_units_of_padding_than_of_sequence():
    lengths = [1, 30]
    two = [np.ones((n, 2)) for n in lengths]
    classifier = LSTMClassifier(**TINY).fit(two, [0, 1])
    together = classifier.predict_proba(two)
    alone = np.concatenate([classifier.predict_proba([sequence]) for sequence in two])
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_keras_model_reads_what_users_hold(classifier, ragged_classifier, token_classifier):
    for fitted, form in (
        (classifier, X.astype("f")),
        (ragged_classifier, nan_padded(SEQUENCES, 6).astype("f")),
        (token_classifier, IDS.astype("int32")),
    ):
        np.testing.assert_allclose(
            fitted.to_keras()(form), fitted.predict_proba(form), rtol=1e-5, atol=1e-6
        )


def test_keras_and_onnx_models_of_a_regressor_answer_in_units_of_y(regressor):
    import onnxruntime

    expected = regressor.predict(X)
    assert expected.mean() > 900
    np.testing.assert_allclose(np.ravel(regressor.to_keras()(X.astype("f"))), expected, rtol=1e-5)
    session = onnxruntime.InferenceSession(regressor.to_onnx().SerializeToString())
    feeds = {"values": X, "lengths": np.full(24, 5, "int32")}
    np.testing.assert_allclose(session.run(None, feeds)[0].ravel(), expected, rtol=1e-5)
