"""Static features: which columns of X they are, and how every form of X is split."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklstm._parameters import static_features_of
from sklstm.input.parse_x import read_for_fit, read_for_predict
from tasks import nan_padded, ragged

STEPS = np.random.default_rng(0).normal(size=(4, 3, 2))
STATIC = np.array([[5.0, 1], [6, 0], [7, 1], [8, 0]])
# One feature stands before those of the time steps, one after them.
SEQUENCES = np.stack(
    [
        np.column_stack([[a] * 3, steps, [b] * 3])
        for steps, (a, b) in zip(STEPS, STATIC, strict=True)
    ]
)
TABLE = np.column_stack([STATIC[:, 0], STEPS.reshape(4, 6), STATIC[:, 1]])
COLUMNS = ["region", "price_1", "sold_1", "price_2", "sold_2", "price_3", "sold_3", "open"]
FEATURES = ["region", "price", "sold", "open"]


def frames_of(sequences, make=pd.DataFrame):
    return [make(dict(zip(FEATURES, x.T, strict=True))) for x in sequences]


def assert_split(X, static, *, timesteps=None, steps=STEPS):
    sequences, form = read_for_fit(X, timesteps=timesteps, static=static)
    for read, expected in zip(sequences, steps, strict=True):
        np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(sequences.static, STATIC)
    assert sequences.static.dtype == np.float64
    again = read_for_predict(X, form, "LSTM")
    np.testing.assert_array_equal(again.static, STATIC)
    np.testing.assert_array_equal(again.steps, sequences.steps)
    return form


@pytest.mark.parametrize("static", [["region", "open"], ["open", 0], [0, -1], [7, "region"]])
@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_columns_of_a_table(make, static):
    form = assert_split(make(dict(zip(COLUMNS, TABLE.T, strict=True))), static, timesteps=3)
    assert (form.kind, form.n_features, form.n_columns) == ("table", 2, 8)
    assert (form.static, form.names) == ((0, 7), tuple(COLUMNS))


def test_a_table_without_timesteps_has_one_feature_per_time_step():
    form = assert_split(TABLE, [0, 7], steps=STEPS.reshape(4, 6, 1))
    assert form.n_features == 1


@pytest.mark.parametrize(
    "X",
    [
        SEQUENCES,
        SEQUENCES.astype(object),
        list(SEQUENCES),
        frames_of(SEQUENCES),
        frames_of(SEQUENCES, pl.DataFrame),
    ],
    ids=["array", "objects", "list", "pandas", "polars"],
)
def test_features_of_sequences(X):
    form = assert_split(X, [0, 3])
    assert (form.kind, form.n_features, form.n_columns) == ("sequences", 2, 4)


def test_features_of_frames_by_name():
    form = assert_split(frames_of(SEQUENCES), ["region", "open"])
    assert (form.static, form.names) == ((0, 3), tuple(FEATURES))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("goes_on", [True, False])
def test_sequences_of_different_lengths(side, goes_on):
    """Padding is known by the other features: a static one may go on there."""
    padded = nan_padded(ragged(SEQUENCES), 4, side=side)
    if goes_on:
        padded[:, :, [0, 3]] = STATIC[:, np.newaxis]
    assert_split(padded, [0, 3], steps=ragged(STEPS))
    assert_split(ragged(SEQUENCES), [0, 3], steps=ragged(STEPS))


def test_integers_and_bools_and_an_x_that_cannot_be_written_to():
    table = (10 * TABLE).astype(int)
    table.flags.writeable = False
    sequences, _ = read_for_fit(table, timesteps=3, static=[0, 7])
    np.testing.assert_array_equal(sequences.static, 10 * STATIC)
    assert sequences.steps.dtype == table.dtype
    sequences, _ = read_for_fit(np.ones((2, 3, 2), bool), static=[1])
    np.testing.assert_array_equal(sequences.static, [[1], [1]])


def test_rows_of_sequences_keep_their_static_features():
    sequences, _ = read_for_fit(ragged(SEQUENCES), static=[0, 3])
    for chosen in (sequences[[2, 0]], sequences[[2, 0]].compact()):
        np.testing.assert_array_equal(chosen.static, STATIC[[2, 0]])
    for rows, block in sequences.blocks(1):
        np.testing.assert_array_equal(block.static, STATIC[rows])


FRAME = pd.DataFrame(TABLE, columns=COLUMNS)
WIDE = pd.DataFrame(np.zeros((2, 30)), columns=[f"lag_{j}" for j in range(30)])


@pytest.mark.parametrize(
    ("X", "static", "timesteps", "message"),
    [
        (FRAME, ["regoin"], 3, r"holds 'regoin', which is no column of X: valid are \['region'"),
        (WIDE, ["lag"], None, r"'lag_19'\] and 10 others\."),
        (TABLE, ["region"], 3, "holds the name 'region', but the columns of X have no names: pass"),
        (SEQUENCES, ["region"], None, "holds the name 'region', but the columns of X have no nam"),
        (TABLE, [8], 3, "holds the index 8, but X has 8 columns: valid are -8 to 7"),
        (SEQUENCES, [-5], None, "holds the index -5, but X has 4 columns: valid are -4 to 3"),
        (FRAME, ["region", 0], 7, "holds 'region' and 0, which are one column of X: give each"),
        (FRAME, COLUMNS, None, "are all columns of X, and none is left for the time steps"),
        (SEQUENCES[:, :, :1], [0], None, r"static=\[0\] are all columns of X"),
        ([np.arange(3.0)], [0], None, "are all columns of X"),
        (TABLE, [0], 3, "timesteps=3 does not divide the 7 columns of X that are not static: each"),
    ],
    ids=[
        "unknown name",
        "many columns",
        "table without names",
        "array without names",
        "index too high",
        "index too low",
        "one column twice",
        "all columns",
        "all features",
        "the only feature",
        "timesteps",
    ],
)
def test_what_is_no_column_is_refused(X, static, timesteps, message):
    with pytest.raises(ValueError, match=message):
        read_for_fit(X, timesteps=timesteps, static=static)


def with_value(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            with_value(SEQUENCES, (2, 1, 3), 9),
            "The static feature 3 of X is 1.0 in sample 2 at time step 0, but 9.0 in sample 2 at "
            "time step 1: a static feature has one value in a sequence.",
        ),
        (
            frames_of(with_value(SEQUENCES, (0, 2, 0), 5.5)),
            "The static feature 'region' of X is 5.0 in sample 0 at time step 0, but 5.5 in sample "
            "0 at time step 2",
        ),
        (
            with_value(SEQUENCES, (3, 1, 0), np.nan),
            "Input X contains NaN in the static feature 0 of sample 3 at time step 1: impute it, "
            "or leave the sequence out, of X and of y.",
        ),
        (
            with_value(SEQUENCES, (1, slice(None), 3), np.inf),
            "Input X contains infinity in the static feature 3 of sample 1 at time step 0: clip",
        ),
        (
            with_value(SEQUENCES, (1, 1, 1), np.nan),
            "Input X contains NaN in sample 1 at time step 1. A time step is absent only if",
        ),
    ],
    ids=["changes", "changes in a frame", "NaN", "infinity", "NaN in a time step"],
)
def test_what_is_not_static_is_refused(X, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_for_fit(X, static=[0, 3])


def test_a_change_is_numbered_from_the_beginning_of_a_padded_sequence():
    padded = nan_padded(ragged(SEQUENCES), 4, side="left")
    padded[1, 3, 0] = 9
    with pytest.raises(
        ValueError, match=r"6\.0 in sample 1 at time step 2, but 9\.0 .* time step 3"
    ):
        read_for_fit(padded, static=[0, 3])


def test_values_at_the_border_of_two_sequences_may_differ():
    alone, _ = read_for_fit([SEQUENCES[0][:1], SEQUENCES[1][:1]], static=[0])
    np.testing.assert_array_equal(alone.static, STATIC[:2, :1])


@pytest.mark.parametrize(
    ("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity")], ids=["NaN", "infinity"]
)
def test_missing_values_in_a_table_are_refused(value, what):
    frame = FRAME.copy()
    frame.loc[2, "open"] = value
    message = f"Input X contains {what} in the static feature 'open' of sample 2: "
    with pytest.raises(ValueError, match=message):
        read_for_fit(frame, timesteps=3, static=["region", "open"])
    _, form = read_for_fit(TABLE, timesteps=3, static=[0, 7])
    with pytest.raises(ValueError, match=f"contains {what} in the static feature 7 of sample 102"):
        read_for_predict(frame.to_numpy(), form, "LSTM", first_sample=100)


def test_an_estimator_of_sequences_also_reads_a_table_that_repeats_them():
    _, form = read_for_fit(SEQUENCES, timesteps=3, static=[0, 3])
    again = read_for_predict(SEQUENCES.reshape(4, 12), form, "LSTM")
    np.testing.assert_array_equal(again.static, STATIC)


@pytest.mark.parametrize(
    ("fitted", "X", "message"),
    [
        (TABLE, SEQUENCES, "LSTM was fitted on a table with static columns: pass a table of the "),
        (TABLE, TABLE[:, 1:], "X has 7 features, but LSTM is expecting 8 features as input"),
        (SEQUENCES, STEPS, "X has 2 features per time step, but LSTM is expecting 4 features per"),
        (SEQUENCES, TABLE[:, :7], r"was fitted on sequences of 4 features per time step"),
    ],
    ids=["sequences", "fewer columns", "fewer features", "a table"],
)
def test_other_columns_are_refused_by_predict(fitted, X, message):
    _, form = read_for_fit(fitted, static=[0])
    with pytest.raises(ValueError, match=message):
        read_for_predict(X, form, "LSTM")


@pytest.mark.parametrize(
    ("static", "expected"),
    [
        (None, ()),
        ([], ()),
        ("region", ("region",)),
        (3, (3,)),
        (np.array([0, 3]), (0, 3)),
        (pd.Index(["region", "open"]), ("region", "open")),
        (("region", np.int64(3)), ("region", 3)),
    ],
    ids=str,
)
def test_names_and_indices_become_plain_values(static, expected):
    plain = static_features_of(static)
    assert plain == expected
    assert all(type(each) in (str, int) for each in plain)


@pytest.mark.parametrize("static", [True, [True, False], [1.0], [None], [["region"]], [b"a"]])
def test_what_is_neither_a_name_nor_an_index_is_refused(static):
    with pytest.raises(ValueError, match=r"^static=.* is not valid: give names \(str\) or indices"):
        static_features_of(static)
