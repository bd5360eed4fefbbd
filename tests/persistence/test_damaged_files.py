"""Files that are damaged, foreign, or of another version."""

import random
import warnings
import zipfile

import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.preprocessing import StandardScaler

import sklstm
from file_tools import (
    REFUSALS,
    X,
    load_or_refusal,
    members_of,
    same_params,
    with_header,
    write_members,
)
from sklstm import (
    TimeDistributed,
    persistence,
)

# Foreign, damaged, newer and older files
FOREIGN = {
    "empty": (b"", "it is empty"),
    "text": (b"once upon a time", "it begins with b'once upon a time'"),
    "another zip": (skops.io.dumps(StandardScaler()), "it is another zip archive"),
}


@pytest.mark.parametrize(("content", "message"), FOREIGN.values(), ids=FOREIGN)
def test_foreign_files_are_refused(content, message, tmp_path):
    path = tmp_path / "model.sklstm"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"model.sklstm is not a model file .*{message}"):
        persistence.load(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.sklstm"):
        persistence.load(tmp_path / "none.sklstm")
    with pytest.raises(IsADirectoryError):
        persistence.load(tmp_path)


def test_truncated_files_are_refused(model_file, tmp_path):
    whole = model_file.read_bytes()
    cut = tmp_path / "cut.sklstm"
    for n_bytes in {*(len(whole) * tenth // 10 for tenth in range(10)), len(whole) - 1, 50}:
        cut.write_bytes(whole[:n_bytes])
        with pytest.raises(ValueError, match=r"cut\.sklstm is (truncated|not a model file)"):
            persistence.load(cut)


def test_flipped_bits_are_seen_or_change_nothing(model_file, tmp_path, classifier):
    whole, expected = model_file.read_bytes(), classifier.predict_proba(X)
    draw, refused = random.Random(0), 0
    path = tmp_path / "flipped.sklstm"
    places = [draw.randrange(8 * len(whole)) for _ in range(150)]
    end = len(whole) - 22  # the directory and what closes it are where zipfile is trustful
    places += [8 * draw.randrange(end - 600, len(whole)) + draw.randrange(8) for _ in range(100)]
    for place in places:
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        loaded, refusal = load_or_refusal(path)
        if loaded is None:
            refused += 1
            assert any(kind in refusal for kind in REFUSALS)
        else:
            np.testing.assert_array_equal(loaded.predict_proba(X), expected)
            assert same_params(loaded, classifier)
    assert refused > 150


def test_a_damaged_array_is_named(model_file, tmp_path):
    whole = bytearray(model_file.read_bytes())
    with zipfile.ZipFile(model_file) as archive:
        array = next(member for member in archive.infolist() if member.filename.endswith(".npy"))
    whole[array.header_offset + 30 + len(array.filename) + array.file_size - 1] ^= 4
    path = tmp_path / "flipped.sklstm"
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=rf"is truncated or damaged .*{array.filename} is wrong"):
        persistence.load(path)


def test_newer_files_are_refused(model_file, tmp_path):
    path = with_header(model_file, tmp_path / "new.sklstm", format=3, sklstm="7.0")
    with pytest.raises(ValueError, match=r"newer sklstm, 7.0 \(format 3\); this is 0"):
        persistence.load(path)


def test_older_files_are_refused(model_file, tmp_path):
    path = with_header(model_file, tmp_path / "old.sklstm", format=1, sklstm="0.0.9")
    with pytest.raises(ValueError, match=r"older sklstm, 0.0.9 \(format 1\); this is 0.*anew"):
        persistence.load(path)


def test_other_versions_are_told(model_file, tmp_path):
    path = with_header(model_file, tmp_path / "old.sklstm", sklstm="0.0.9")
    with pytest.warns(UserWarning, match=f"sklstm 0.0.9, and this is sklstm {sklstm.__version__}"):
        persistence.load(path)


def test_scikit_learn_tells_of_its_own_estimators(tmp_path, monkeypatch):
    path = tmp_path / "model.sklstm"
    persistence.save(TimeDistributed(StandardScaler()).fit(X), path)
    monkeypatch.setattr(sklearn.base, "__version__", "9.9")
    with pytest.warns(InconsistentVersionWarning, match=r"when using version 9\.9"):
        persistence.load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        with pytest.raises(InconsistentVersionWarning):
            persistence.load(path)


def test_a_class_that_is_gone_names_the_versions(model_file, tmp_path):
    members = members_of(model_file)
    structure = members["structure.json"].replace(b'"sklstm.LSTMClassifier"', b'"sklstm.Gone"')
    path = write_members(tmp_path / "gone.sklstm", members | {"structure.json": structure})
    with pytest.raises(ValueError, match=r"does not trust: sklstm\.Gone"):
        persistence.load(path)
    with pytest.raises(
        ValueError, match=r"AttributeError: .*Gone.* and scikit-learn .*; these are .* and "
    ):
        persistence.load(path, trusted=["sklstm.Gone"])
