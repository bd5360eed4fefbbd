"""The pool that keeps compiled models for the next fit: `ModelPool`."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sklstm.network.training.compiled_model import CompiledModel
from sklstm.network.training.model_key import ModelKey
from sklstm.network.training.processes import compiled_code, has_lost_threads
from sklstm.network.training.settings import TrainingSettings

POOL_SIZE = 16


class ModelPool:
    """Compiled models that wait for their next fit, the latest used last.

    A fit takes its model out and puts it back, so that threads never share one. A model that a
    callback has changed does not come back.

    Parameters
    ----------
    size : int
        How many models are kept.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._process: int | None = None
        self._idle: list[CompiledModel] = []
        self._lock = threading.Lock()
        self._building = threading.Lock()  # Keras changes classes while it builds a model

    @contextmanager
    def borrow(self, key: ModelKey, settings: TrainingSettings) -> Iterator[CompiledModel]:
        """Lend a model for a key, compiled anew if none is idle."""
        compiled = self._take(key) or self._build(key, settings)
        try:
            yield compiled
        finally:
            compiled_code.keep()
            with self._lock:
                if compiled.is_as_made:
                    self._idle.append(compiled)
                is_full = len(self._idle) > self.size
                del self._idle[: -self.size]
            if is_full:
                gc.collect()  # models hold themselves in cycles, and tens of MiB of compiled code

    def refuse_forks(self) -> None:
        """Raise an error where TensorFlow would wait for threads that a fork has not copied."""
        here = os.getpid()
        if self._process == here:
            return
        if self._process is not None or has_lost_threads():
            raise RuntimeError(
                "TensorFlow cannot train in this process: it had started in the parent process, "
                "which was then forked, and it would wait for ever. Start processes by 'spawn' or "
                "'forkserver' (multiprocessing.get_context), or by joblib's backend 'loky'. "
                "predict works in a forked process too."
            )
        self._process = here

    def counts(self) -> tuple[int, int]:
        """Return how many models wait, and how many compiled loops they have."""
        with self._lock:
            return len(self._idle), sum(compiled.n_compiled for compiled in self._idle)

    def _build(self, key: ModelKey, settings: TrainingSettings) -> CompiledModel:
        with self._building:
            return CompiledModel(key, settings)

    def _take(self, key: ModelKey) -> CompiledModel | None:
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index].key == key:
                    compiled = self._idle.pop(index)
                    # A callback may have kept the model, and changed it since.
                    return compiled if compiled.is_as_made else None
        return None


pool = ModelPool(POOL_SIZE)
