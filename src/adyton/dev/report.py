"""What a person sees while a world is built: one line a step, with its time, in colour on a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adyton.ports import Clock

DIM, BOLD, GREEN, RED, CYAN, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[36m", "\x1b[0m"
CLEAR_LINE = "\r\x1b[2K"
NAME_WIDTH = 16
TIME_WIDTH = 10


class Report:
    """Writes steps through ``write``, which takes text as it is. ``colour`` says that a terminal shows it."""

    def __init__(self, write: Callable[[str], None], *, clock: Clock, colour: bool) -> None:
        self._write = write
        self._clock = clock
        self._colour = colour
        self._start = clock.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._clock.monotonic() - self._start

    @contextmanager
    def step(self, name: str, waiting: str = "") -> Iterator[list[str]]:
        """A step named ``name``. The caller fills the yielded list with the words that say what came of it.

        On a terminal the line stands there, saying ``waiting``, until it is done.
        """
        words: list[str] = []
        if self._colour:
            self._write(f"{self._time()}  {BOLD}{name:<{NAME_WIDTH}}{PLAIN} {DIM}{waiting}…{PLAIN}")
        try:
            yield words
        except asyncio.CancelledError:
            self._settle(name, RED, "stopped")
            raise
        except BaseException:
            self._settle(name, RED, "failed")
            raise
        self._settle(name, GREEN, " ".join(words))

    def line(self, text: str = "") -> None:
        """A line of its own."""
        self._write(text + "\n")

    def detail(self, name: str, value: str) -> None:
        """A line that belongs to the step before."""
        self.line(f"{'':{TIME_WIDTH + NAME_WIDTH}} {name:<9} {self.strong(value)}")

    def done(self, text: str) -> None:
        """The last line."""
        self.line(self._paint(BOLD + GREEN, text))

    def failed(self, text: str) -> None:
        """The last line, when it went wrong."""
        self.line(self._paint(BOLD + RED, text))

    def strong(self, text: str) -> str:
        """Text that a person may want to copy."""
        return self._paint(CYAN, text)

    def _settle(self, name: str, colour: str, words: str) -> None:
        if self._colour:
            self._write(f"{CLEAR_LINE}{self._time()}  {colour}{name:<{NAME_WIDTH}}{PLAIN} {words}\n")
        else:
            self._write(f"{self._time()}  {name:<{NAME_WIDTH}} {words}\n")

    def _time(self) -> str:
        return self._paint(DIM, f"{self.elapsed:6.2f} s")

    def _paint(self, code: str, text: str) -> str:
        return f"{code}{text}{PLAIN}" if self._colour else text
