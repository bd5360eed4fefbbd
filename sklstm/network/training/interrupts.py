"""Ctrl-C during a training: kept when it comes, and raised between two compiled calls."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """Keeps the exception that Ctrl-C raises until the training asks for it.

    TensorFlow and numpy call Python to convert values, and sometimes swallow a KeyboardInterrupt
    that is raised there. Inside of this context, the exception that the signal's handler raises is
    kept, and `check` raises it. A second Ctrl-C before that raises at once.

    Signals reach the main thread only: nothing changes in other threads, nor where Ctrl-C is
    ignored. A handler of the user's is still called, and what it raises is kept.
    """

    def __init__(self) -> None:
        self._theirs = None
        self._kept: BaseException | None = None
        self._waits = True

    def __enter__(self) -> Self:
        theirs = signal.getsignal(signal.SIGINT)
        if callable(theirs):
            self._theirs = theirs
            try:
                signal.signal(signal.SIGINT, self._hear)
            except ValueError:  # not in the main thread
                self._theirs = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A callback may have set a handler of its own: that one stays.
        if self._theirs is not None and signal.getsignal(signal.SIGINT) == self._hear:
            signal.signal(signal.SIGINT, self._theirs)
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise the exception that was kept, if any."""
        kept = self.forget()
        if kept is not None:
            raise kept

    def forget(self) -> BaseException | None:
        """Return the exception that was kept, if any, and keep it no longer."""
        kept, self._kept = self._kept, None
        return kept

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let Ctrl-C raise at once: for callbacks of the user, which may take long."""
        self._waits = False
        try:
            yield
        finally:
            self._waits = True

    def _hear(self, number: int, frame: FrameType | None) -> None:
        try:
            self._theirs(number, frame)
        except BaseException as raised:
            waits = self._waits and self._kept is None
            self._kept = raised  # even if raised now: other code may swallow it
            if not waits:
                raise


class StopRequest(Interrupts):
    """Asks a training in another thread to stop, as Ctrl-C does in the main thread.

    Parameters
    ----------
    event : threading.Event
        Set where the training is to stop.
    """

    def __init__(self, event: threading.Event) -> None:
        super().__init__()
        self._event = event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave errors as they are."""

    def forget(self) -> BaseException | None:
        """Return what a training raises that is to stop."""
        return KeyboardInterrupt() if self._event.is_set() else None
