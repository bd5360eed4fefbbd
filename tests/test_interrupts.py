"""Ctrl-C during a fit, and fits where TensorFlow cannot train: what is heard, and when."""

import os
import subprocess
import sys
from pathlib import Path

# --- the interpreter's end ---

AT_THE_END = """
import atexit, threading
from sklstm.network.runtime import in_threads

def show(when):
    print(when, list(in_threads(abs, iter([-1, -2, -3]), 2)), flush=True)

def outlive_main():
    threading.main_thread().join()
    show("thread")

atexit.register(show, "atexit")
threading.Thread(target=outlive_main).start()
show("before")
"""


def test_predictions_go_on_while_the_interpreter_shuts_down():
    result = subprocess.run(
        [sys.executable, "-c", AT_THE_END],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert result.stdout.splitlines() == [
        f"{when} [1, 2, 3]" for when in ("before", "thread", "atexit")
    ]
    assert result.stderr == ""
