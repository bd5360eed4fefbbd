"""`python -m sklstm`: what each command prints, and how it ends."""

import inspect
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sklstm import CharSequenceGenerator, WordSequenceGenerator, persistence
from sklstm.cli.main import main
from sklstm.cli.text_files import read_text
from sklstm.cli.text_options import NETWORK, TRAINING
from tasks import ENVIRONMENT, REFUSE_TENSORFLOW

TEXT = "to be or not to be, that is the question.\n" * 12
TINY = ["--units", "8", "--window", "8", "--batch-size", "8", "--epochs", "1", "--seed", "0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With a text, a model that one epoch trained, and the output of the training."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "book.txt").write_text(TEXT)
    code, out, err = outcome(
        lambda: main(["text", "train", str(folder / "book.txt"), *target(folder), *TINY])
    )
    assert code == 0, err
    (folder / "out").write_text(out)
    (folder / "err").write_text(err)
    return folder


@pytest.fixture
def book(folder):
    return str(folder / "book.txt")


@pytest.fixture
def model(folder):
    return str(folder / "book.sklstm")


@pytest.fixture(scope="module")
def words(folder):
    """A word model."""
    generator = WordSequenceGenerator(4, embedding_dim=4, window=8, epochs=1, random_state=0)
    persistence.save(generator.fit(TEXT), folder / "words.sklstm")
    return str(folder / "words.sklstm")


def target(folder):
    return ["-o", str(folder / "book.sklstm")]


def outcome(run):
    """Run outside of any test: return the code, and what was printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out := io.StringIO())
        patch.setattr(sys, "stderr", err := io.StringIO())
        return run(), out.getvalue(), err.getvalue()


@pytest.fixture
def text(capsys):
    """Run a text command; return the code, standard output and standard error."""

    def run(*arguments):
        code = main(["text", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(text):
    """Run a text command that must fail; return the line that says why."""

    def run(*arguments):
        code, out, err = text(*arguments)
        assert code == 1
        assert out == ""
        *before, last = err.splitlines()
        assert last.startswith("python -m sklstm: error: ")
        assert not before or arguments[0] == "train"
        assert "Traceback" not in err
        return last

    return run


@pytest.fixture
def misused(capsys):
    """Run a command that argparse must refuse; return its message."""

    def run(*arguments):
        with pytest.raises(SystemExit) as exit_:
            main([*map(str, arguments)])
        assert exit_.value.code == 2
        return capsys.readouterr().err

    return run


def give_input(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "sklstm", "text", *map(str, arguments)],
        env=ENVIRONMENT | {"PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


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
    arguments = ("train", book, "-o", output, "--overwrite", "-q", *TINY, "--units", "9")
    assert text(*arguments)[0] == 0
    assert persistence.load(output).units == 9
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
        generator.n_iter_ = 2
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


# sample


def test_sample_is_what_generate_returns(text, model):
    drawing = ["--temperature", "0.7", "--top-k", "9", "--top-p", "0.9", "--seed", "3"]
    code, out, err = text("sample", model, "--prompt", "to ", "--length", "50", *drawing)
    expected = persistence.load(model).generate(
        "to ", 50, temperature=0.7, top_k=9, top_p=0.9, random_state=3
    )
    assert (code, out, err) == (0, f"to {expected}\n", "")
    assert text("sample", model, "--length", "50", *drawing, "--no-echo")[1] != out


def test_sample_flushes_every_character(monkeypatch, model):
    flushed = []

    class Recorder(io.StringIO):
        def flush(self):
            flushed.append(self.getvalue())

    monkeypatch.setattr(sys, "stdout", recorder := Recorder())
    main(["text", "sample", model, "--prompt", "to be", "--length", "20", "--seed", "0"])
    whole = recorder.getvalue()
    assert flushed[:21] == [whole[:n] for n in range(5, 26)]


def test_sample_several_stop_and_skip(text, model):
    arguments = ["--prompt", "toé", "--length", "90", "--seed", "3", "--unknown", "skip"]
    code, out, err = text("sample", model, *arguments, "--no-echo", "--stop", "e", "--stop", "o")
    expected = persistence.load(model).generate("to", 90, stop=["e", "o"], random_state=3)
    assert (code, out) == (0, f"{expected}\n")
    assert "left out: 1 ('é')" in err
    several = text("sample", model, *arguments, "--samples", "2")[1]
    texts = persistence.load(model).generate("to", 90, n_samples=2, random_state=3)
    assert several == "".join(
        f"--- sample {i + 1} of 2\ntoé{sample}\n" for i, sample in enumerate(texts)
    )


def test_sample_reads_the_prompt_from_standard_input(text, monkeypatch, model):
    given = text("sample", model, "--prompt", "to be\nor", "--length", "9", "--seed", "0")
    give_input(monkeypatch, b"to be\r\nor\r\n")
    assert text("sample", model, "--prompt", "-", "--length", "9", "--seed", "0") == given


def test_sample_refuses_unknown_characters_by_name(refused, model):
    assert "'éZ', the first at position 1" in refused("sample", model, "--prompt", "oéZé")


def test_a_stop_that_never_comes_is_named(text, refused, model, words):
    arguments = ["--length", "5", "--seed", "0", "--stop", "e", "--stop"]
    message = refused("sample", model, *arguments, "oé")
    assert "--stop 'oé' never comes: it holds characters that the model does not know" in message
    assert "--stop ' whale' never comes: it holds words" in refused(
        "sample", words, "--stop", " whale"
    )
    code, out, err = text("sample", model, *arguments, "oé", "--unknown", "skip")
    assert (code, out) == text("sample", model, *arguments, "o")[:2]
    assert "--stop 'oé' never comes" in err


def test_a_word_model_writes_and_scores(text, refused, tmp_path, words, book):
    generator = persistence.load(words)
    arguments = ["--length", "9", "--seed", "3"]
    code, out, err = text("sample", words, "--prompt", "to whale", *arguments)
    assert (code, out, err) == (
        0,
        f"to whale{generator.generate('to whale', 9, random_state=3)}\n",
        "",
    )
    message = refused("sample", words, "--prompt", "to whale", "--unknown", "error")
    assert "The prompt holds words that the model does not know: ' whale', the first at" in message
    code, out, err = text(
        "sample", words, "--prompt", "to whale or", "--no-echo", *arguments, "--unknown", "skip"
    )
    assert out == f"{generator.generate('to or', 9, random_state=3)}\n"
    assert "unknown words left out: 1 (' whale')" in err
    code, out, _ = text("score", words, book)
    head, row = out.splitlines()
    assert head.split() == ["file", "words", "nats/word", "bits/word", "perplexity"]
    assert row.split()[1:3] == [str(12 * 13), f"{-generator.score(TEXT):.4f}"]
    output = Path(tmp_path / "words.sklstm")
    output.write_bytes(Path(words).read_bytes())
    assert "has learnt another text" in refused("train", book, "-o", output, *TINY)


# score


def test_score_prints_nats_bits_and_perplexity(text, tmp_path, model, book):
    (tmp_path / "other.txt").write_text("question\n")
    code, out, _ = text("score", model, tmp_path / "other.txt", book)
    assert code == 0
    rows = [line.split()[-4:] for line in out.splitlines()[1:]]
    nats = [-persistence.load(model).score(part) for part in ("question\n", TEXT)]
    nats.append(np.average(nats, weights=[9, len(TEXT)]))
    for row, length, value in zip(rows, (9, len(TEXT), 9 + len(TEXT)), nats, strict=True):
        numbers = [float(number) for number in row]
        expected = [length, value, value / np.log(2), np.exp(value)]
        assert numbers == pytest.approx(expected, abs=6e-4)


def test_score_of_one_file_has_no_total(text, model, book):
    assert len(text("score", model, book)[1].splitlines()) == 2


def test_score_and_characters_that_the_model_does_not_know(text, refused, tmp_path, model):
    (tmp_path / "other.txt").write_text("to bé or")
    message = refused("score", model, tmp_path / "other.txt")
    assert "other.txt holds characters that the model does not know: 'é'" in message
    code, out, err = text("score", model, tmp_path / "other.txt", "--unknown", "skip")
    assert code == 0
    assert " 7 " in out
    assert "other.txt: unknown characters left out: 1 ('é')" in err
    (tmp_path / "foreign.txt").write_text("éèà")
    code, out, err = text("score", model, tmp_path / "foreign.txt", "--unknown", "skip")
    assert (code, out) == (1, "")
    assert "foreign.txt is empty" in err


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


# processes


def test_sampling_and_scoring_load_no_tensorflow(model, book):
    script = REFUSE_TENSORFLOW + (
        "from sklstm.cli.main import main\n"
        "codes = main(['text', 'sample', *sys.argv[1:2]]), main(['text', 'score', *sys.argv[1:]])\n"
        "sys.exit(codes != (0, 0))"
    )
    command = [sys.executable, "-c", script, model, book]
    subprocess.run(command, env=ENVIRONMENT, check=True)


def test_a_sample_comes_as_it_is_drawn_and_a_broken_pipe_is_quiet(model):
    """A text this long would take minutes."""
    process = start("sample", model, "--prompt", "to be", "--length", 10**8)
    assert process.stdout.read(1000).startswith(b"to be")
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_sample_ends_with_130(model):
    process = start("sample", model, "--length", 10**8)
    process.stdout.read(100)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().split() == ["interrupted"]


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
