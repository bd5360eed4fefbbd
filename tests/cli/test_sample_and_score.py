"""`python -m sklstm text sample` and `score`."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from commands import TEXT, TINY, give_input, start
from sklstm import persistence
from sklstm.cli.main import main
from tasks import ENVIRONMENT, REFUSE_TENSORFLOW


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
    arguments = ["--prompt", "toé", "--length", "90", "--seed", "3", "--handle-unknown", "ignore"]
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
    code, out, err = text("sample", model, *arguments, "oé", "--handle-unknown", "ignore")
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
    message = refused("sample", words, "--prompt", "to whale", "--handle-unknown", "error")
    assert "The prompt holds words that the model does not know: ' whale', the first at" in message
    code, out, err = text(
        "sample",
        words,
        "--prompt",
        "to whale or",
        "--no-echo",
        *arguments,
        "--handle-unknown",
        "ignore",
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
    code, out, err = text("score", model, tmp_path / "other.txt", "--handle-unknown", "ignore")
    assert code == 0
    assert " 7 " in out
    assert "other.txt: unknown characters left out: 1 ('é')" in err
    (tmp_path / "foreign.txt").write_text("éèà")
    code, out, err = text("score", model, tmp_path / "foreign.txt", "--handle-unknown", "ignore")
    assert (code, out) == (1, "")
    assert "foreign.txt is empty" in err


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


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_sample_ends_with_130(model):
    process = start("sample", model, "--length", 10**8)
    process.stdout.read(100)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().split() == ["interrupted"]
