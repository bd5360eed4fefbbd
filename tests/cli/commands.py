"""How tests run commands."""

import io
import subprocess
import sys

import pytest

from tasks import ENVIRONMENT

TEXT = "to be or not to be, that is the question.\n" * 12
TINY = ["--units", "8", "--window", "8", "--batch-size", "8", "--epochs", "1", "--seed", "0"]


def target(folder):
    return ["-o", str(folder / "book.sklstm")]


def outcome(run):
    """Run outside of any test: return the code, and what was printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out := io.StringIO())
        patch.setattr(sys, "stderr", err := io.StringIO())
        return run(), out.getvalue(), err.getvalue()


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
