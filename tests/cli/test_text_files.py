"""Files of texts and of models, as commands read them."""

from pathlib import Path

import pytest

from sklstm import CharSequenceGenerator, persistence
from sklstm.cli.text_files import read_text


# files and errors
@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa\r\nb\rc\n", b"a\nb\nc\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_marks_and_line_ends(tmp_path, content, encoding):
    (tmp_path / "x").write_bytes(content)
    assert read_text(str(tmp_path / "x"), encoding) == "a\nb\nc\n"


def test_encodings(text, tmp_path, model):
    (tmp_path / "x").write_bytes("to be".encode("utf-16"))
    assert " 5 " in text("score", model, tmp_path / "x", "--encoding", "utf-16")[1]
    (tmp_path / "x").write_bytes("éé".encode("latin-1"))
    assert "'é'" in text("score", model, tmp_path / "x", "--encoding", "latin-1")[2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9 au lait", "byte 0xe9 at offset 3"),
        (b"it\x92s", "(invalid start byte). Name its encoding, such as --encoding cp1252"),
        (
            b"it\x92\x81s",
            "byte 0x92 at offset 2 (invalid start byte). Name its encoding, such as "
            "--encoding latin-1",
        ),
        (b"\xef\xbb\xbfcaf\xe9 au lait", "byte 0xe9 at offset 6"),
        ("to be".encode("utf-16"), "byte 0xff at offset 0 (invalid start byte). Name its encoding"),
        (b"", "is empty"),
        (b"a", "holds 'a' only"),
    ],
)
def test_texts_that_cannot_be_read(refused, tmp_path, model, content, message):
    (tmp_path / "x.txt").write_bytes(content)
    for error in (
        refused("score", model, tmp_path / "x.txt"),
        refused("train", tmp_path / "x.txt", "-o", tmp_path / "x.sklstm"),
    ):
        assert "x.txt" in error
        assert message in error


def test_encoding_errors_of_a_mark_count_from_the_files_beginning(tmp_path):
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbfcaf\xe9")
    with pytest.raises(ValueError, match="byte 0xe9 at offset 6"):
        read_text(str(tmp_path / "x"), "utf-8-sig")


def test_files_that_are_not_there(refused, tmp_path, model, book):
    for arguments in (("score", model, tmp_path / "no"), ("sample", tmp_path / "no")):
        assert f"{tmp_path / 'no'}: No such file or directory" in refused(*arguments)
    assert f"{tmp_path}: Is a directory" in refused("score", model, tmp_path)
    assert f"{tmp_path}: Is a directory" in refused("score", tmp_path, book)


def test_files_that_are_no_model_of_a_text(refused, tmp_path, model, book, classifier):
    assert "is not a model file of sklstm" in refused("sample", book)
    (tmp_path / "cut.sklstm").write_bytes(Path(model).read_bytes()[:-99])
    assert "is truncated or damaged" in refused("sample", tmp_path / "cut.sklstm")
    persistence.save(classifier, tmp_path / "classifier.sklstm")
    assert "holds a LSTMClassifier" in refused("score", tmp_path / "classifier.sklstm", book)
    persistence.save(CharSequenceGenerator(), tmp_path / "new.sklstm")
    assert "not fitted" in refused("sample", tmp_path / "new.sklstm")
