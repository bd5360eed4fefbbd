"""Long tables and groups where sequences are needed: refused, with the code that helps."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.preprocessing import StandardScaler

from forms import SEQUENCES, X, y
from sklstm import LSTMClassifier, SequencePadder, TimeDistributed, sequences_from_table
from sklstm.input.parse_x import read_for_fit
from tasks import TINY

FRAMES = [pd.DataFrame(sequence, columns=["a", "b"]) for sequence in SEQUENCES]
LEVELS = pd.concat(FRAMES, keys=range(24), names=["id", "step"])
LONG = LEVELS.reset_index()
CODE = r"sequences_from_table\(X, by=\.\.\., order_by=\.\.\.\)"
CODE_OF_LEVELS = r"sequences_from_table\(X, by='id', order_by='step'\)"
libraries = pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])


def in_library(library, frame):
    return frame if library is pd else pl.from_pandas(frame)


@libraries
def test_a_fit_to_a_long_table(library):
    message = rf"table X has 96 rows, but y has 24 .*; {CODE} makes a list of a DataFrame"
    with pytest.raises(ValueError, match=message):
        LSTMClassifier(**TINY).fit(in_library(library, LONG), y)


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_a_prediction_of_a_long_table(names):
    """With one feature, each row would be a sequence of one time step."""
    fitted = LSTMClassifier(**TINY).fit([frame[names] for frame in FRAMES], y)
    for table, code in ((LONG[names], CODE), (LEVELS[names], CODE_OF_LEVELS)):
        with pytest.raises(
            ValueError, match=rf"X has shape .* is one sequence, pass \[X\];.*{code}\.X"
        ):
            fitted.predict(table)
    X_again = sequences_from_table(LEVELS[names], by="id", order_by="step").X
    expected = fitted.predict_proba([frame[names] for frame in FRAMES])
    np.testing.assert_array_equal(fitted.predict_proba(X_again), expected)


def test_a_table_of_a_row_per_sequence_may_have_levels(classifier):
    """Where sequences had one feature and no name, a table has a row for each."""
    series = X[:, :, 0]
    fitted = LSTMClassifier(**TINY).fit(series[:, :, np.newaxis], y)
    table = pd.DataFrame(series)
    np.testing.assert_array_equal(fitted.predict(table), fitted.predict(series))
    with pytest.raises(ValueError, match=r"X has shape \(24, 5\), .* pass \[X\]"):
        fitted.predict(table.set_index([table.index, table.index]))
    of_table = LSTMClassifier(**TINY, timesteps=5).fit(
        pd.DataFrame(X.reshape(24, 10), index=LEVELS.index[:24]), y
    )
    np.testing.assert_array_equal(of_table.predict(X.reshape(24, 10)), classifier.predict(X))


@pytest.mark.parametrize("transformer", [SequencePadder(), TimeDistributed(StandardScaler())])
def test_a_long_table_in_a_transformer(transformer):
    for table, code in ((LEVELS, CODE_OF_LEVELS), (pl.from_pandas(LONG), CODE)):
        with pytest.raises(ValueError, match=rf"X is one DataFrame .*or {code}\.X if it holds"):
            transformer.fit(table)


@libraries
def test_groups(library):
    table = in_library(library, LONG)
    groups = table.groupby("id") if library is pd else table.group_by("id")
    with pytest.raises(
        ValueError, match=r"X is a .*GroupBy: pass .*sequences_from_table\(table, b"
    ):
        read_for_fit(groups)
    with pytest.raises(ValueError, match=r"Sequence 0 of X is a pair of a key and a DataFrame, as"):
        read_for_fit(list(groups))


CELLS = {"a": [x[:, 0].tolist() for x in SEQUENCES], "b": [x[:, 1].tolist() for x in SEQUENCES]}


@libraries
@pytest.mark.parametrize("read", [read_for_fit, SequencePadder().fit])
def test_cells_that_are_sequences(library, read):
    """What the error says is what reads them."""
    table = library.DataFrame({"a": CELLS["a"]})
    with pytest.raises(ValueError, match=r"cells are sequences, in .* 'a': pass X\['a'\]\."):
        read(table)
    sequences, _ = read_for_fit(table["a"])
    assert [x[:, 0].tolist() for x in sequences] == CELLS["a"]
    table = library.DataFrame(CELLS)
    with pytest.raises(ValueError, match=r"in the column.* 'a', 'b': pass sequences_") as caught:
        read(table)
    code = str(caught.value).split(": pass ")[1].removesuffix(".")
    frames = eval(code, {"X": table, "sequences_from_table": sequences_from_table})
    assert list(frames[0].columns) == ["a", "b"]
    sequences, _ = read_for_fit(frames)
    np.testing.assert_array_equal(sequences.steps, np.concatenate(SEQUENCES))


def test_cells_of_arrays_and_series():
    for cells in ([np.ones(2), np.ones(3)], [pd.Series([1.0])] * 2, [None, [1.0]]):
        with pytest.raises(ValueError, match=r"cells are sequences, in .*: pass X\['a'\]\."):
            read_for_fit(pd.DataFrame({"a": cells}))
    table = pl.DataFrame({"a": [[1.0, 2.0]]}, schema={"a": pl.Array(pl.Float64, 2)})
    with pytest.raises(ValueError, match=r"cells are sequences, in .*: pass X\['a'\]\."):
        read_for_fit(table)


@libraries
def test_text_in_frames_of_a_list(library):
    frames = [in_library(library, frame.assign(channel="web")) for frame in FRAMES]
    frames[0] = frames[0][["a", "b", "channel"]]
    message = "Sequence 0 of X holds 'web' in row 0, column 'channel', .*inside TimeDistributed"
    with pytest.raises(ValueError, match=message):
        read_for_fit(frames)
    message = r"float: 'web'\. Columns of text: \['channel'\]\. Encode them"
    with pytest.raises(ValueError, match=message):
        TimeDistributed(StandardScaler()).fit(frames)


def test_a_value_that_is_no_number_in_a_later_frame():
    frames = [frame.astype(object) for frame in FRAMES]
    frames[7].iloc[1, 0] = print
    with pytest.raises(TypeError, match=r"Sequence 7 of X holds <built-in .* in row 1, column 'a'"):
        read_for_fit(frames)


def test_columns_of_a_frame_are_named_where_they_differ():
    X_less = [*FRAMES[:3], FRAMES[3][["a"]], *FRAMES[4:]]
    with pytest.raises(ValueError, match=r"Sequence 3 of X has the columns \['a'\], but"):
        read_for_fit(X_less)
    for sample in (0, 5):
        with_none = [*FRAMES[:sample], None, *FRAMES[sample:]]
        with pytest.raises(ValueError, match=f"Sequence {sample} of X is None: leave it out, of X"):
            read_for_fit(with_none)
