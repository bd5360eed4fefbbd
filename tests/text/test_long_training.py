"""What people want of a training that takes long: progress, samples, validation."""

import io
import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from tqdm.auto import tqdm

from sklstm import CharSequenceGenerator
from sklstm.datasets import load_python_reference
from sklstm.network import progress
from sklstm.network.training import callbacks
from sklstm.network.training.settings import Progress
from tasks import assert_same_weights

TEXT = load_python_reference()[:1500]
DOCUMENTS = [TEXT[:700], TEXT[700:750], TEXT[750:]]
FITTED = {
    "units": 6,
    "window": 16,
    "batch_size": 8,
    "epochs": 3,
    "learning_rate": 0.02,
    "random_state": 0,
}


def make(**options):
    return CharSequenceGenerator(**FITTED | options)


@pytest.fixture
def bars(monkeypatch):
    """All progress bars that are opened."""
    opened = []

    class Bar(tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.shown = [self.n]
            opened.append(self)

        def update(self, n=1):
            shown = super().update(n)
            self.shown.append(self.n)
            return shown

    monkeypatch.setattr(progress, "_bar_class", lambda: Bar)
    return opened


def test_the_bar_counts_all_characters(bars):
    make(verbose=1).fit(DOCUMENTS)
    (bar,) = bars
    assert bar.total == bar.n == 3 * len(TEXT)
    assert bar.unit == "char"
    assert len(bar.shown) > 4  # within the epochs, too
    assert (np.diff(bar.shown) >= 0).all()
    assert bar.disable  # closed


@pytest.mark.slow
def test_the_bar_never_runs_ahead_of_its_epoch(bars):
    """Many documents, cut at random, make an epoch longer than foreseen."""
    documents = [TEXT[first : first + 20] for first in range(0, 1000, 20)]
    make(verbose=1, batch_size=2).fit(documents)
    (bar,) = bars
    assert bar.n == bar.total == 3000
    assert (np.diff(bar.shown) >= 0).all()
    assert {1000, 2000} <= set(bar.shown)


@pytest.mark.slow
def test_the_bar_begins_where_the_checkpoint_stands(bars, tmp_path):
    path = tmp_path / "text.sklstm"
    options = {"checkpoint": path, "learning_rate_schedule": "constant"}
    make(**options, epochs=2).fit(TEXT)
    make(**options, verbose=1).fit(TEXT)
    (bar,) = bars
    assert bar.shown[0] == 2 * len(TEXT)
    assert bar.n == bar.total == 3 * len(TEXT)


def test_the_bar_says_nats_per_character(capfd):
    make(verbose=1).fit(TEXT, X_val=TEXT[:100])
    out, err = capfd.readouterr()
    assert out == ""
    last = err.split("\r")[-1]
    assert re.search(r"k, val_nats/char=\d.*, nats/char=\d.*, epoch=3 \[", last)
    assert "char/s" in last


def fail(epoch, logs):
    raise RuntimeError("mine")


def test_the_bar_is_closed_by_errors(bars):
    with pytest.raises(RuntimeError, match="mine"):
        make(verbose=1, callbacks=[fail]).fit(TEXT)
    (bar,) = bars
    assert bar.disable
    assert bar.n < bar.total


def test_a_bar_of_epochs_counts_epochs(bars):
    bar = callbacks.ProgressBar(Progress(), 5, 2)
    bar.on_train_begin()
    bar.advance(0.5)
    bar.on_epoch_end(2, {"loss": 1.0})
    bar.close()
    assert bars[0].shown == [2, 3]


def test_silent_without_verbose(capfd):
    make().fit(TEXT, X_val=TEXT[:100])
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_samples_are_printed_and_change_nothing(capsys):
    plain = make(dropout=0.2).fit(TEXT)
    capsys.readouterr()
    sampled = make(dropout=0.2, sample_length=30).fit(TEXT)
    out = capsys.readouterr().out
    samples = re.split(r"--- after epoch \d\n", out)[1:]
    assert re.findall(r"after epoch (\d)", out) == ["1", "2", "3"]
    assert [len(sample) for sample in samples] == [31, 31, 31]  # and a line's end
    assert samples[-1][:-1] == sampled.generate("", 30, temperature=0.6, random_state=3)
    assert sampled.history_ == plain.history_
    assert_same_weights(sampled, plain)


@pytest.mark.slow
def test_samples_that_a_terminal_cannot_show_do_not_end_the_training(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    fitted = make(epochs=1, sample_length=20).fit("春眠不觉晓\ud800" * 20)
    terminal.flush()
    assert fitted.n_iter_ == 1
    assert rb"\u" in terminal.buffer.getvalue()


def test_the_validation_loss_of_short_documents_is_their_score():
    documents = [TEXT[first : first + 5 + first % 7] for first in range(0, 300, 12)]
    generator = make().fit(TEXT, X_val=documents)
    assert len(generator.history_["val_loss"]) == 3
    assert_allclose(generator.history_["val_loss"][-1], -generator.score(documents), atol=1e-4)


@pytest.mark.slow
def test_the_validation_loss_of_a_long_text_is_near_its_score():
    text = load_python_reference()[:9000]
    generator = make(units=24).fit(text[:6000], X_val=text[6000:].translate(known(text[:6000])))
    score = generator.score(text[6000:].translate(known(text[:6000])))
    assert_allclose(generator.history_["val_loss"][-1], -score, atol=0.05)


def known(text):
    """Replace the characters that a text lacks by spaces."""
    return {ord(c): " " for c in load_python_reference()[:9000] if c not in text}


def test_validation_changes_nothing_in_the_training():
    plain, validated = make(dropout=0.2).fit(TEXT), make(dropout=0.2).fit(TEXT, X_val=TEXT[:99])
    assert plain.history_["loss"] == validated.history_["loss"]
    assert_same_weights(plain, validated)


@pytest.mark.slow
def test_early_stopping_keeps_the_best_weights():
    generator = make(epochs=20, learning_rate=0.3, early_stopping=True, n_iter_no_change=2)
    documents = [TEXT[first : first + 12] for first in range(0, 240, 12)]
    generator.fit(TEXT, X_val=documents)
    losses = generator.history_["val_loss"]
    assert generator.n_iter_ == len(losses) == int(np.argmin(losses)) + 3 < 20
    assert_allclose(-generator.score(documents), min(losses), atol=1e-4)


def test_early_stopping_needs_a_text():
    with pytest.raises(ValueError, match="X_val"):
        make(early_stopping=True).fit(TEXT)


def test_unseen_characters_of_the_validation_text_are_named():
    with pytest.raises(ValueError, match=r"Validation document 1 holds .*'é'"):
        make().fit(TEXT, X_val=["and", "café"])
