"""SequencePadder: pad, truncate, strip."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sklstm.input.parse_x import flatten_sequences
from sklstm.preprocessing import SequencePadder

sides = st.sampled_from(["post", "pre"])
float_dtypes = st.sampled_from([np.float32, np.float64])


@st.composite
def ragged(draw):
    """Lists of (T_i, F) arrays of one float dtype."""
    dtype, n_features = draw(float_dtypes), draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    values = st.floats(-10, 10, width=32)
    return [draw(arrays(dtype, (length, n_features), elements=values)) for length in lengths]


ragged_ids = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=5), min_size=1, max_size=5)


def assert_same_sequences(actual, expected):
    assert isinstance(actual, np.ndarray)
    assert actual.dtype == object
    assert actual.shape == (len(expected),)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == np.asarray(e).dtype
        np.testing.assert_array_equal(a, e)


@given(ragged(), sides, sides, st.integers(0, 3))
def test_unpad_after_pad_is_the_identity(X, padding, truncating, more):
    max_length = max(map(len, X)) + more
    padder = SequencePadder(max_length, padding=padding, truncating=truncating)
    padded = padder.fit_transform(X)
    assert padded.shape == (len(X), max_length, X[0].shape[1])
    assert padded.dtype == X[0].dtype
    assert_same_sequences(padder.inverse_transform(padded), X)


@given(ragged(), sides)
def test_pad_after_unpad_is_the_identity(X, padding):
    padder = SequencePadder(padding=padding)
    padded = padder.fit_transform(X)
    np.testing.assert_array_equal(padder.transform(padder.inverse_transform(padded)), padded)
    np.testing.assert_array_equal(padder.transform(padded), padded)


@given(ragged_ids, sides)
def test_ids(X, padding):
    padder = SequencePadder(padding=padding)
    padded = padder.fit_transform(X)
    assert padded.dtype == np.int64
    assert padded.shape == (len(X), max(map(len, X)))
    assert_same_sequences(padder.inverse_transform(padded), X)
    np.testing.assert_array_equal(padder.transform(padded), padded)


@given(ragged(), sides, sides)
def test_nan_is_exactly_the_padding(X, padding, truncating):
    padder = SequencePadder(padding=padding, truncating=truncating)
    missing = np.isnan(padder.fit_transform(X)).all(axis=2)
    np.testing.assert_array_equal((~missing).sum(axis=1), [len(x) for x in X])
    assert not missing[:, 0 if padding == "post" else -1].any()


@pytest.mark.parametrize(
    ("padding", "truncating", "expected"),
    [
        ("post", "post", [[1, 2], [4, 0]]),
        ("pre", "post", [[1, 2], [0, 4]]),
        ("post", "pre", [[2, 3], [4, 0]]),
        ("pre", "pre", [[2, 3], [0, 4]]),
    ],
)
def test_sides(padding, truncating, expected):
    padder = SequencePadder(2, padding=padding, truncating=truncating)
    assert padder.fit_transform([[1, 2, 3], [4]]).tolist() == expected
    floats = padder.fit_transform([[1.0, 2.0, 3.0], [4.0]])[:, :, 0]
    np.testing.assert_array_equal(np.nan_to_num(floats), expected)


def test_length_is_that_of_fit():
    padder = SequencePadder().fit([[1.0, 2.0], [3.0]])
    assert padder.max_length_ == 2
    assert padder.transform([[1.0, 2.0, 3.0]]).shape == (1, 2, 1)
    assert padder.transform([[1.0]]).shape == (1, 2, 1)


def test_padding_of_the_input_does_not_count():
    X = np.array([[[np.nan], [1.0], [2.0], [np.nan]]])
    padded = SequencePadder().fit_transform(X)
    np.testing.assert_array_equal(padded, [[[1.0], [2.0]]])
    assert SequencePadder().fit_transform([[0, 5, 6, 0]]).tolist() == [[5, 6]]


def test_partly_missing_steps_stay():
    X = np.array([[[1.0, np.nan], [np.nan, np.nan]]])
    np.testing.assert_array_equal(SequencePadder(2, padding="pre").fit_transform(X), X[:, ::-1])


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_table_of_ids_is_padded_anew(dtype):
    X = np.array([[1, 2, 0], [3, 0, 0]], dtype=dtype)
    padded = SequencePadder(4, padding="pre").fit_transform(X)
    assert padded.tolist() == [[0, 0, 1, 2], [0, 0, 0, 3]]
    assert padded.dtype == dtype


def test_object_arrays():
    X = np.empty(2, dtype=object)
    X[:] = [np.ones((2, 3)), np.ones((1, 3))]
    padder = SequencePadder()
    assert_same_sequences(padder.inverse_transform(padder.fit_transform(X)), list(X))
    X[:] = [[1, 2], [3]]
    assert SequencePadder().fit_transform(X).tolist() == [[1, 2], [3, 0]]


def test_sequences_of_equal_length():
    padder = SequencePadder()
    X = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    assert_same_sequences(padder.inverse_transform(padder.fit_transform(X)), X)
    assert_same_sequences(padder.inverse_transform(np.ones((2, 2, 1))), [[1.0, 1.0]] * 2)
    assert_same_sequences(padder.fit(np.ones((1, 2, 1))).inverse_transform(X[:1]), [[[1.0], [2.0]]])


def test_integers_of_two_dimensions_are_values():
    padded = SequencePadder().fit_transform([np.array([[0, 1], [2, 0]]), np.array([[3, 4]])])
    assert padded.dtype == np.float64
    assert np.isnan(padded[1, 1]).all()


def test_output_is_read_like_the_list():
    X = [np.arange(6.0).reshape(3, 2), np.ones((1, 2))]
    padded = SequencePadder(padding="pre").fit_transform(X)
    values = flatten_sequences(padded).values
    np.testing.assert_array_equal(values[~np.isnan(values[:, 0])], flatten_sequences(X).values)


def test_feature_names():
    padder = SequencePadder().fit(np.ones((1, 2, 3)))
    assert padder.get_feature_names_out().tolist() == ["x0", "x1", "x2"]
    assert padder.get_feature_names_out(["a", "b", "c"]).tolist() == ["a", "b", "c"]


def test_floats_after_ids():
    padder = SequencePadder().fit([[1, 2], [3]])
    for X in ([[1.5]], np.ones((2, 3, 1)), [["a"]]):
        with pytest.raises(ValueError, match="was fitted on token ids, but X holds other than"):
            padder.transform(X)


def test_integers_after_floats_are_floats():
    padder = SequencePadder().fit([[1.0, 0.5]])
    np.testing.assert_array_equal(padder.transform([[0, 1]]), [[[0.0], [1.0]]])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1], [2, 0, 3]], r"contains padding \(id 0\) in sample 1 at time step 1, inside"),
        ([[1], [0, 0]], r"Sequence 1 of X is empty: it has no time step other than padding"),
        (np.zeros((0, 3), dtype=int), "X is empty: found 0 sample"),
        ([[1], [2**63]], "Sequence 1 of X holds the token id 9223372036854775808: valid are int"),
        ([[1], [2**70, None]], "Sequence 1 of X holds the token id 1180591620717411303424: valid"),
    ],
)
def test_bad_ids(X, message):
    with pytest.raises(ValueError, match=message):
        SequencePadder().fit(X)


# Arrays of other kinds


@pytest.mark.parametrize(
    "X",
    [
        [[1, 2], [3, None]],
        [np.array([1, 2]), np.array([3, 0], object)],
        [pd.array([1, 2], dtype="Int64"), pd.array([3, None], dtype="Int64")],
        [pd.Series([1, 2]), pd.Series([3])],
        [pl.Series([1, 2]), pl.Series([3, None])],
        [np.ma.masked_array([1, 2]), np.ma.masked_array([3, 4], [False, True])],
        pd.Series([[1, 2], [3]]),
        pl.Series([[1, 2], [3]]),
        np.array([[1, 2], [3, 0]], object),
        np.array([[1, 2], [3, None]], object),
        np.ma.masked_array([[1, 2], [3, 4]], [[False, False], [False, True]]),
        pd.DataFrame({"a": [1, 3], "b": [2, 0]}),
        pd.DataFrame({"a": [1, 3], "b": [2, None]}, dtype="Int64"),
        pl.DataFrame({"a": [1, 3], "b": [2, None]}),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_every_form_of_ids(X):
    padder = SequencePadder(3)
    padded = padder.fit_transform(X)
    assert padded.dtype == np.int64
    assert padded.tolist() == [[1, 2, 0], [3, 0, 0]]
    np.testing.assert_array_equal(SequencePadder(3).fit([[5]]).transform(X), padded)


@pytest.mark.parametrize(
    "X",
    [
        [[1.0, 2.0], [3.0, None]],
        [np.ma.masked_array([1, 2]) / 1, np.ma.masked_array([3.0, 4.0], [False, True])],
        pd.Series([[1.0, 2.0], [3.0]]),
        pl.Series([[1.0, 2.0], [3.0]]),
        [pd.array([1.0, 2.0], dtype="Float64"), pd.array([3.0, None], dtype="Float64")],
        np.ma.masked_array([[[1], [2]], [[3], [4]]], [[[0], [0]], [[0], [1]]]),
        np.array([[[1], [2]], [[3], [None]]], object),
    ],
    ids=lambda X: f"{type(X).__module__}.{type(X).__name__}",
)
def test_what_is_masked_or_missing_is_absent(X):
    padded = SequencePadder(3).fit_transform(X)
    np.testing.assert_array_equal(padded[:, :, 0], [[1, 2, np.nan], [3, np.nan, np.nan]])


@pytest.mark.parametrize("X", [np.array([[1.5, 2.0]], object), pd.DataFrame({"a": [True]})])
def test_tables_of_other_than_integers_are_no_sequences(X):
    with pytest.raises(ValueError, match=r"X .* shape .*, but sequences are needed"):
        SequencePadder().fit(X)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64])
def test_small_integers_of_numpy_do_not_overflow(kind):
    padder = SequencePadder(kind(3), padding="pre", truncating="pre")
    assert padder.fit_transform([[1, 2], [1, 2, 3, 4]]).tolist() == [[0, 1, 2], [2, 3, 4]]
    assert type(padder.max_length_) is int


def test_ids_of_different_types_stay_integers():
    X = [np.array([1], np.uint64), np.array([2, 3], np.int64)]
    assert SequencePadder().fit_transform(X).tolist() == [[1, 0], [2, 3]]
    assert SequencePadder().fit_transform(X).dtype.kind in "iu"
