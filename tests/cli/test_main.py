"""How commands end, and what they write to."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sklstm
from commands import TEXT, TINY, target
from sklstm.cli.main import main
from sklstm.cli.tour import save_curves
from tasks import ENVIRONMENT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "x"], "required: -o/--output"),
        (["train", "x", "-o", "y", "--units", "0"], "argument --units: '0' is not valid"),
        (["train", "x", "-o", "y", "--epochs", "1.5"], "argument --epochs: '1.5' is not valid"),
        (["train", "x", "-o", "y", "--dropout", "1"], "in the range [0.0, 1.0)"),
        (["train", "x", "-o", "y", "--validation", "1"], "at least 0, below 1"),
        (["train", "x", "-o", "y", "--encoding", "klingon"], "'klingon' is not valid: must be an"),
        (["train", "x", "-o", "y", "--encoding", "undefined"], "such as utf-8, utf-16 or cp1252"),
        (["train", "x", "-o", "y", "--units", "8,x"], "must be a whole number of at least 1"),
        (
            ["train", "x", "-o", "y", "--optimizer", "adan"],
            "'adan' is not valid: must be one of adad",
        ),
        (["train", "x", "-o", "y", "--clipnorm", "0"], "must be a float in the range (0.0, inf)\n"),
        (["sample", "x", "--top-p", "0"], "argument --top-p: '0' is not valid"),
        (["sample", "x", "--samples", "0"], "argument --samples: '0' is not valid"),
        (["sample", "x", "--samples", "1" * 400], "a number of 400 digits is too large"),
        (["sample", "x", "--length", str(2**31)], "must be an int in the range [0, 2147483647]"),
        (["sample", "x", "--seed", "-1"], "argument --seed: '-1' is not valid: must be a whole"),
        (["sample", "x", "--seed", str(2**32)], "must be a whole number from 0 to 4294967295\n"),
        (["score", "x"], "required: FILE"),
        ([], "required: {train,sample,score}"),
    ],
)
def test_misuse_ends_with_2(misused, arguments, message):
    assert message in misused("text", *arguments)


def test_the_tour_checks_its_options_first(capsys, misused, tmp_path):
    assert "must be a whole number from 0" in misused("--seed", "-1")
    assert main(["--picture", str(tmp_path / "no" / "x.png")]) == 1
    assert "no: There is no such folder\n" in capsys.readouterr().err
    assert main(["--picture", "."]) == 1
    assert ".: Is a directory\n" in capsys.readouterr().err.replace(str(Path.cwd()), ".")
    assert main(["--picture", str(tmp_path / "x.tune")]) == 1
    out, err = capsys.readouterr()
    assert "x.tune names no format of a picture: the valid endings are" in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr() == (f"sklstm {sklstm.__version__}\n", "")


def test_what_a_terminal_cannot_show_is_escaped(monkeypatch, tmp_path, model):
    (tmp_path / "é.txt").write_text(TEXT)
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["text", "score", model, str(tmp_path / "é.txt")]) == 0
    assert b"\\xe9.txt  " in output.buffer.getvalue()


def test_closed_streams_end_no_command(monkeypatch, text, folder, book, model):
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in text("score", model, "-")[2]
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert main(["text", "train", book, *target(folder), *TINY]) == 0
    assert main(["text", "sample", model, "--length", "3"]) == 0
    assert main(["text", "sample", "no such model"]) == 1
    for stream in (sys.stdout, sys.stderr):
        stream.close()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_a_process_without_streams(folder, book):
    """The numbers of the streams must not go to files that are opened then."""
    script = (
        "import os, sys; from sklstm.cli.main import main; "
        "code = main(['text', 'score', *sys.argv[1:3]]); "
        "taken = os.open(os.devnull, os.O_RDONLY); os._exit(code or taken < 3)"
    )
    command = [sys.executable, "-c", script, str(folder / "book.sklstm"), book]
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command]
    assert subprocess.run(shell, env=ENVIRONMENT).returncode == 0


def test_the_tour_is_what_runs_without_a_command(monkeypatch):
    tours = []
    monkeypatch.setattr("sklstm.cli.tour.tour", lambda *arguments: tours.append(arguments))
    assert main([]) == 0
    assert main(["--picture", "x.png", "--seed", "3"]) == 0
    assert tours == [("sklstm_tour.png", 0), ("x.png", 3)]


def test_the_picture_of_the_tour_has_named_axes(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda figure, path: figures.append(figure)
    )
    curves = {"digits": {"loss": [2.0, 1.0], "accuracy": [0.5, 0.75]}, "passengers": {"loss": [1]}}
    assert "curves are in" in save_curves(curves, tmp_path / "curves.png")
    drawn = [axes for axes in figures[0].axes if axes.axison]
    assert [axes.get_ylabel() for axes in drawn] == ["loss", "accuracy", "loss"]
    assert {axes.get_xlabel() for axes in drawn} == {"epoch"}
    assert [subfigure.get_suptitle() for subfigure in figures[0].subfigs] == list(curves)
