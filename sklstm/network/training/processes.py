"""What TensorFlow must be told in worker processes, and whether a fork has broken it."""

from __future__ import annotations

import os
from pathlib import Path

import tensorflow as tf
from tensorflow.python.eager.context import context  # nothing public tells whether it started

from sklstm.network.onnx_predictor import available_cores
from sklstm.network.training.compiled_code_cache import CompiledCodeCache

compiled_code = CompiledCodeCache()


def limit_to_share_of_machine() -> None:
    """Give TensorFlow, in a worker of joblib's, its share of the cores and of GPUs' memory.

    joblib tells its workers their share of the cores by environment variables, which TensorFlow
    does not read. Of a GPU's memory the first process would take all. TensorFlow heeds this only
    before it computes for the first time.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(available_cores())
        tf.config.threading.set_inter_op_parallelism_threads(1)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # somebody has computed with TensorFlow already: its threads are theirs
        return


def use_compiled_code() -> None:
    """Let TensorFlow use code that was compiled before, if it has looked at no device yet."""
    # The number of threads, if somebody has set one, is in the names of TensorFlow's files.
    compiled_for = (tf.version.VERSION, tf.version.GIT_VERSION, available_cores())
    compiled_code.start(compiled_for, tf.config.list_physical_devices)


def has_lost_threads() -> bool:
    """Whether TensorFlow has started, but in a process that this one is a fork of.

    The names of the threads tell, on Linux; elsewhere the answer is no.
    """
    if not context()._initialized:
        return False
    names = [name for path in Path("/proc/self/task").glob("*/comm") if (name := _read(path))]
    return bool(names) and not any(name.startswith("tf_") for name in names)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread has just ended
        return ""
