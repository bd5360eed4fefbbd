"""`python -m sklstm text train`."""

import inspect
import os
import re
import signal
from pathlib import Path

import pytest

from commands import TEXT, TINY, give_input, start, target
from sklstm import CharSequenceGenerator, persistence
from sklstm.cli.main import main
from sklstm.cli.text_options import NETWORK, TRAINING


# train
def test_train_reports_on_stdout_and_progress_on_stderr(folder):
    out, err = (folder / "out").read_text(), (folder / "err").read_text()
    assert re.search(r"model: .*book\.sklstm, 0\.\d MB, 1 epochs\n", out)
    assert re.search(r"held out:  \d\.\d{3} nats/char on 26 characters\n", out)
    assert re.search(r"time: .*\d s\n", out)
    assert "text sample" in out.splitlines()[-1]
    assert "--prompt 'to be or'" in out.splitlines()[-1]
    assert "478 characters to learn, 26 held out, 16 different ones" in err
    assert "nats/char=" in err


def test_train_gives_the_estimator_the_options_and_its_own_defaults(folder, model):
    generator = persistence.load(model)
    given = {"units": 8, "window": 8, "batch_size": 8, "epochs": 1, "random_state": 0}
    defaults = CharSequenceGenerator().get_params() | {"verbose": 1, "vocabulary": None}
    expected = defaults | given | {"vocabulary": "".join(sorted(set(TEXT)))}
    assert generator.get_params() == expected


def test_the_held_out_part_is_the_last_one(folder, model):
    nats = re.search(r"held out:  (\S+)", (folder / "out").read_text())[1]
    assert float(nats) == pytest.approx(-persistence.load(model).score(TEXT[-26:]), abs=6e-4)


def test_the_suggested_command_runs(folder, text):
    command = (folder / "out").read_text().splitlines()[-1].partition("text sample ")[2]
    arguments = [part.strip("'") for part in re.findall(r"'[^']*'|\S+", command)]
    code, out, _ = text("sample", *arguments)
    assert code == 0
    assert out.startswith("to be or")
    assert len(out) == len("to be or") + 400 + 1


def test_a_complete_training_is_not_run_again(text, folder, book, model):
    before = Path(model).read_bytes()
    code, out, err = text("train", book, *target(folder), *TINY)
    assert code == 0
    assert f"{model} was complete, and stays as it was" in out
    assert "is there" not in err
    assert Path(model).read_bytes() == before


def test_an_unfinished_training_goes_on_to_the_same_result(text, tmp_path, book):
    for name, epochs in (("whole", "2"), ("parts", "1"), ("parts", "2")):
        output = ["-o", tmp_path / f"{name}.sklstm", "-q"]
        code, _, err = text("train", book, *output, *TINY, "--epochs", epochs)
        assert code == 0
    assert "is there, after epoch 1 of 2" in err
    whole, parts = (persistence.load(tmp_path / f"{name}.sklstm") for name in ("whole", "parts"))
    assert parts.n_iter_ == whole.n_iter_ == 2
    assert parts.score(TEXT) == whole.score(TEXT)


def test_another_training_is_never_replaced_silently(refused, tmp_path, folder, book, model):
    before = Path(model).read_bytes()
    message = refused("train", book, *target(folder), *TINY, "--units", "9", "-q")
    assert "had units=8, and this has units=9" in message
    assert "--overwrite" in message
    (tmp_path / "other.txt").write_text("another text " * 20)
    assert "another text" in refused("train", tmp_path / "other.txt", *target(folder), *TINY)
    assert Path(model).read_bytes() == before


def test_overwrite_replaces_a_model_and_nothing_else(text, refused, tmp_path, book, model):
    output = tmp_path / "new.sklstm"
    output.write_bytes(Path(model).read_bytes())
    arguments = ("train", book, "-o", output, "--overwrite", "-q", *TINY, "--seed", "1")
    assert text(*arguments)[0] == 0
    assert persistence.load(output).random_state == 1
    assert "not a model file" in refused("train", book, "-o", book, "--overwrite")
    assert Path(book).read_text() == TEXT
    before = output.read_bytes()
    message = refused(*arguments, "--learning-rate", "1e38")
    assert "The loss is nan after epoch 1" in message
    assert output.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "learnt", "message"),
    [
        (["--overwrite"], False, "before the first epoch was complete: {} stays as it was"),
        (["--overwrite"], True, "{} holds 1 of 7 epochs, and the same command without --overwrite"),
        ([], True, "{} holds 1 of 7 epochs, and the same command goes on from there"),
    ],
)
def test_an_interruption_tells_what_the_file_holds(
    monkeypatch, text, tmp_path, book, model, arguments, learnt, message
):
    """The network may have learnt an epoch more, which is not written yet."""
    output = tmp_path / "x.sklstm"
    output.write_bytes(Path(model).read_bytes())

    def interrupted(generator, *documents, **how):
        assert output.exists()
        assert how["resumes"] == (not arguments)
        if learnt:
            os.utime(output, ns=(0, 0))  # as if it had just been written
        raise KeyboardInterrupt

    monkeypatch.setattr(CharSequenceGenerator, "_fit", interrupted)
    code, out, err = text("train", book, "-o", output, *TINY, "--epochs", "7", "-q", *arguments)
    assert (code, out) == (130, "")
    assert f"interrupted{': ' * learnt}{' ' * (not learnt)}{message.format(output)}" in err
    assert persistence.load(output).n_iter_ == 1


def test_what_the_memory_cannot_hold_is_refused_before_the_work(refused, tmp_path, book, model):
    message = refused("train", book, "-o", tmp_path / "x", "--units", "8,9999999")
    network = re.escape("--units 8,9999999, a network of 400,000,440,000,800 weights,")
    assert re.search(rf"{network} needs about 11,200,012 GB of memory, and this .* GB", message)
    message = refused("sample", model, "--samples", 10**11, "--length", 5)
    assert re.search(r"--samples 100000000000 of --length 5 needs about [\d,]+ GB", message)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a system without such devices")
def test_a_device_without_an_end_is_no_text(refused, tmp_path):
    message = refused("train", "/dev/zero", "-o", tmp_path / "x.sklstm")
    assert message.endswith("/dev/zero: A device is no text")


@pytest.mark.slow
def test_train_several_documents_and_standard_input(text, monkeypatch, tmp_path, book):
    give_input(monkeypatch, b"\xef\xbb\xbf" + b"one two three\r\n" * 10)
    output = tmp_path / "two.sklstm"
    code, out, err = text(
        "train", book, "-", "-o", output, *TINY, "--validation", "0", "-q", "--units", "8,9"
    )
    assert code == 0
    assert "644 characters to learn, 0 held out" in err
    assert "held out:" not in out
    generator = persistence.load(output)
    assert generator.units == (8, 9)
    assert "\r" not in generator.vocabulary
    assert "w" in generator.vocabulary


def test_train_shows_samples_on_stderr(text, tmp_path, book):
    code, out, err = text(
        "train", book, "-o", tmp_path / "x.sklstm", *TINY, "-q", "--sample-length", "5"
    )
    assert code == 0
    assert "--- after epoch 1" in err
    assert "---" not in out


@pytest.mark.parametrize("name", [*NETWORK, *TRAINING])
def test_train_help_shows_the_estimators_defaults(capsys, name):
    with pytest.raises(SystemExit) as exit_:
        main(["text", "train", "--help"])
    assert exit_.value.code == 0
    default = inspect.signature(CharSequenceGenerator).parameters[name].default
    sections = " ".join(capsys.readouterr().out.split("options:")[1].split())
    option = re.split(rf" --{name.replace('_', '-')} [NX]", sections)[1]
    option = re.split(r" --[a-z-]+ [NX]", option)[0]
    assert default is None or f"(default: {default})" in option


@pytest.mark.parametrize("command", [[], ["text"], *(["text", c] for c in ("train", "sample"))])
def test_help_has_examples_and_ends_with_0(capsys, command):
    with pytest.raises(SystemExit) as exit_:
        main([*command, "--help"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.count("python -m sklstm") >= 1 + 2 * (command != ["text"])


def test_train_refuses_before_it_works(refused, tmp_path, book):
    assert "There is no such folder" in refused("train", book, "-o", tmp_path / "no" / "x")
    assert str(tmp_path) in refused("train", book, "-o", tmp_path)
    assert "--validation above 0" in refused(
        "train", book, "-o", tmp_path / "x", "--early-stopping", "--validation", "0"
    )
    (tmp_path / "short.txt").write_text("abc")
    message = refused("train", tmp_path / "short.txt", "-o", tmp_path / "x")
    assert "--validation 0.05 of 3 characters" in message
    assert not (tmp_path / "x").exists()


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_training_says_how_to_go_on(tmp_path, book):
    output = tmp_path / "x.sklstm"
    process = start("train", book, "-o", output, *TINY, "--epochs", 10**6, "--sample-length", 1)
    while line := process.stderr.readline():
        if b"after epoch 2" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == b""
    epochs = persistence.load(output).n_iter_
    assert f"x.sklstm holds {epochs} of 1000000 epochs, and the same" in err.decode()
    assert b"Traceback" not in err
