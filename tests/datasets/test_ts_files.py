"""Files of the UCR/UEA archive, as `load_ts` reads them."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_files import REAL_DATA
from sklstm import LSTMClassifier
from sklstm.datasets import load_ts
from tasks import TINY

HEADER = "@problemName Toy\n@timeStamps false\n@classLabel true a B\n@data\n"
REGRESSION = "@targetLabel true\n@data\n"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write_file(content):
        path = tmp_path / "Toy_TRAIN.ts"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def test_equal_lengths_are_an_array(write):
    X, y = load_ts(write(HEADER + "1,2,3:-4,5e-1,6:a\n7,8,9:10,11,12:B\n"))
    assert X.dtype == np.float64
    assert X.tolist() == [[[1, -4], [2, 0.5], [3, 6]], [[7, 10], [8, 11], [9, 12]]]
    assert y.dtype.kind == "U"
    assert y.tolist() == ["a", "B"]


def test_one_channel_one_case_one_step(write):
    X, y = load_ts(str(write(HEADER + "1:a")))
    assert X.tolist() == [[[1]]]
    assert y.tolist() == ["a"]


def test_different_lengths_are_a_list(write):
    X, y = load_ts(write(HEADER + "1,2:3,4:a\n5:6:B\n"))
    assert isinstance(X, list)
    assert [values.tolist() for values in X] == [[[1, 3], [2, 4]], [[5, 6]]]
    assert y.tolist() == ["a", "B"]


@pytest.mark.parametrize("missing", ["?", " ? ", "NaN"])
def test_missing_values_are_nan(write, missing):
    X, _ = load_ts(write(HEADER + f"1,{missing}:3,4:a\n"))
    np.testing.assert_array_equal(X, [[[1, 3], [np.nan, 4]]])


def test_numbers_as_classes_stay_as_they_are_written(write):
    _, y = load_ts(write("@classLabel true 01 1.0\n@data\n1:01\n1:1.0\n"))
    assert y.tolist() == ["01", "1.0"]


def test_targets_are_numbers(write):
    X, y = load_ts(write(REGRESSION + "1,2:3.5\n3,4:-1e3\n"))
    assert X.shape == (2, 2, 1)
    assert y.dtype == np.float64
    assert y.tolist() == [3.5, -1000]


@pytest.mark.parametrize("label", ["@classLabel", "@targetLabel"])
def test_files_without_labels(write, label):
    X, y = load_ts(write(f"{label} false\n@data\n1,2:3,4\n"))
    assert X.shape == (1, 2, 2)
    assert y is None


def test_a_header_that_lists_no_classes(write):
    assert load_ts(write("@classLabel true\n@data\n1:any\n"))[1].tolist() == ["any"]


def test_the_form_of_the_header_does_not_matter(write):
    content = (
        b"\xef\xbb\xbf# caf\xe9: not UTF-8\x0c and \xe2\x80\xa8 no line\r\n\r\n"
        b"@TIMESTAMPS\tFalse\r\n@dimensions 7\r\n@classlabel  True  a  B \r\n@Data \r\n\r\n"
        b" 1 , 2 : a \r\n"
    )
    X, y = load_ts(write(content))
    assert X.tolist() == [[[1], [2]]]
    assert y.tolist() == ["a"]


# ---------------------------------------------------------------------------------- what can fail


@pytest.mark.parametrize(
    ("content", "number", "reason"),
    [
        (HEADER + "1,2:a\n1,x2:a\n", 6, "'x2' in channel 0 at time step 1 is no number"),
        (HEADER + "1:2:a\n1:?2:a\n", 6, "'?2' in channel 1 at time step 0 is no number"),
        (HEADER + "\n1,2,:a\n", 6, "'' in channel 0 at time step 2 is no number"),
        (HEADER + "1,2::a\n", 5, "'' in channel 1 at time step 0 is no number"),
        (HEADER + "1,2:3:a\n", 5, "channel 1 has 1 time steps, channel 0 has 2"),
        (HEADER + "1:2:a\n1:a\n", 6, "1 channels, but the first case has 2"),
        (HEADER + "1,2\n", 5, "no label behind the last channel of '1,2'"),
        (HEADER + "1,2: \n", 5, "no label behind the last channel of '1,2:'"),
        (HEADER + ":a\n", 5, "no label behind the last channel of ':a'"),
        (HEADER + "1,2:3,4\n", 5, "the class '3,4' is not in the header's ['a', 'B']"),
        (HEADER + "1,2:b\n", 5, "the class 'b' is not in the header's ['a', 'B']"),
        (REGRESSION + "1,2:?\n", 3, "the target '?' is no number"),
        (REGRESSION + "1,2\n", 3, "no label behind the last channel"),
        ("@timeStamps true\n" + HEADER, 1, "@timeStamps is true; only files without time stamps"),
        ("1,2:a\n" + HEADER, 1, "'1,2:a' stands above @data"),
        ("@classLabel yes\n@data\n1:a\n", 1, "'@classLabel yes' says neither true nor false"),
        ("@timeStamps\n@data\n1:a\n", 1, "'@timeStamps' says neither true nor false"),
        ("# no label\n@data\n1:a\n", 2, "has neither @classLabel nor @targetLabel"),
        ("@targetLabel true\n" + HEADER, 5, "has both @classLabel and @targetLabel true"),
    ],
)
def test_errors_name_file_line_and_value(write, content, number, reason):
    path = write(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}, line {number}: ")) as error:
        load_ts(path)
    assert reason in str(error.value)


@pytest.mark.parametrize("content", ["", "\n", "# only\n@classLabel true a\n", "@dataset\n"])
def test_a_file_without_data(write, content):
    path = write(content)
    with pytest.raises(ValueError, match=re.escape(f"{path} has no line @data")):
        load_ts(path)


def test_a_file_without_cases(write):
    path = write(HEADER + "\n\n")
    with pytest.raises(ValueError, match=re.escape(f"{path} has no case below @data")):
        load_ts(path)


def test_long_lines_are_shortened_in_errors(write):
    with pytest.raises(ValueError, match="no label") as error:
        load_ts(write(HEADER + "1," * 100_000 + "1\n"))
    assert len(str(error.value)) < 300


def test_wrong_paths(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_ts(tmp_path / "none.ts")
    with pytest.raises(ValueError, match="The 'path' parameter of load_ts must be"):
        load_ts(3)


# ----------------------------------------------------------------------------------- round trips


numbers = st.floats(allow_nan=False, allow_infinity=False)
cases = st.integers(1, 3).flatmap(
    lambda n_channels: st.lists(
        st.lists(st.lists(numbers, min_size=n_channels, max_size=n_channels), min_size=1),
        min_size=1,
    )
)


@settings(max_examples=50, deadline=None)
@given(cases)
def test_what_is_written_is_read(tmp_path_factory, cases):
    lines = [
        ":".join(",".join(map(repr, channel)) for channel in zip(*case, strict=True))
        for case in cases
    ]
    path = tmp_path_factory.mktemp("drawn") / "drawn.ts"
    path.write_text("@classLabel false\n@data\n" + "\n".join(lines) + "\n")
    X, _ = load_ts(path)
    assert [values.tolist() for values in X] == cases
    assert isinstance(X, np.ndarray) == (len({len(case) for case in cases}) == 1)


def test_an_estimator_takes_what_was_read(write):
    X, y = load_ts(write(HEADER + "1,2,?:3,4,?:a\n5,6,7:6,5,4:B\n" * 4))
    classifier = LSTMClassifier(**TINY).fit(X, y)
    assert set(classifier.predict(X)) <= {"a", "B"}
    padded, cut = classifier.predict_proba(X[:1]), classifier.predict_proba(X[:1, :2])
    np.testing.assert_allclose(padded, cut, atol=1e-6)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "part", "shape", "classes"),
    [
        ("BasicMotions", "TRAIN", (40, 100, 6), ["Badminton", "Running", "Standing", "Walking"]),
        ("BasicMotions", "TEST", (40, 100, 6), ["Badminton", "Running", "Standing", "Walking"]),
        ("ItalyPowerDemand", "TRAIN", (67, 24, 1), ["1", "2"]),
        ("ItalyPowerDemand", "TEST", (1029, 24, 1), ["1", "2"]),
        ("ArrowHead", "TRAIN", (36, 251, 1), ["0", "1", "2"]),
        ("ArrowHead", "TEST", (175, 251, 1), ["0", "1", "2"]),
    ],
)
def test_real_files(real_data, name, part, shape, classes):
    file = Path("tsc", name, f"{name}_{part}.ts")
    real_data(file)
    X, y = load_ts(Path(REAL_DATA) / file)
    assert X.shape == shape
    assert np.isfinite(X).all()
    assert sorted(set(y)) == classes
