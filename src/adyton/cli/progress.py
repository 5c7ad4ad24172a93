"""A line on standard error about what takes longer than a second, where a person sees it; wiped at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

FIRST, EACH = 1.0, 0.2
"""Seconds until the line appears, and between its changes."""
_SIGNS = "|/-\\"


class Progress:
    """What is shown; ``words`` may be changed while it is."""

    def __init__(self, words: str) -> None:
        self.words = words
        self._over = Event()
        self._thread = Thread(target=self._show, daemon=True)

    def begin(self) -> None:
        """Show it when a second is over."""
        self._thread.start()

    def end(self) -> None:
        """Wipe it."""
        self._over.set()
        self._thread.join()

    def _show(self) -> None:
        turn = 0
        if self._over.wait(FIRST):
            return
        while True:
            seconds = int(FIRST + turn * EACH)
            sys.stderr.write(f"\r\x1b[K{_SIGNS[turn % len(_SIGNS)]} {self.words} ({seconds} s)")
            sys.stderr.flush()
            turn += 1
            if self._over.wait(EACH):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()
                return


_shown: Progress | None = None


@contextmanager
def progress(words: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Say what is being waited for. Inside another one nothing is shown, nor where standard error is no terminal."""
    global _shown
    current = Progress(words)
    if quiet or _shown is not None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield current
        return
    _shown = current
    current.begin()
    try:
        yield current
    finally:
        current.end()
        _shown = None
