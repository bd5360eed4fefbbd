"""Ctrl-C during a training: heard at any time, raised where nothing swallows it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """Keeps what Ctrl-C raises until the training asks for it.

    TensorFlow and numpy convert values by calling Python, and now and then swallow a
    KeyboardInterrupt that is raised there. Inside of this context, what the signal's handler
    raises is kept and raised by `check`; a second Ctrl-C that comes before raises at once.

    Only the main thread hears signals: nothing changes in others, nor where Ctrl-C is ignored.
    A handler of the user's is called as ever, and decides by what it raises.
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
        """Raise what was kept."""
        kept = self.forget()
        if kept is not None:
            raise kept

    def forget(self) -> BaseException | None:
        """Return what was kept, and keep it no longer."""
        kept, self._kept = self._kept, None
        return kept

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let Ctrl-C raise at once, in code of the user's, which may take long."""
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
            self._kept = raised  # even if raised now: it may be swallowed on its way
            if not waits:
                raise
