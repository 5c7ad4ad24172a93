"""A person at a terminal: a child process in a pseudo-terminal, read until it says something, answered by typing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

PATIENCE = 60.0


class Terminal:
    """Runs a command whose standard streams are one terminal."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], *, columns: int = 200) -> None:
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (50, columns))
        self.said = ""
        self._read = 0
        inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
        environment = {**inherited, "PYTHONWARNINGS": "error", "TERM": "dumb", **environ}
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True, close_fds=True
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def waits_for(self, words: str) -> str:
        """Read until the words come; what was said since the last ones, these included."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.said[self._read :]:
            assert self._more(deadline), f"{words!r} did not come; it said: {self.said}"
        end = self.said.index(words, self._read) + len(words)
        said, self._read = self.said[self._read : end], end
        return said

    def types(self, line: str, end: str = "\n") -> None:
        """Type a line and press Enter."""
        os.write(self._master, f"{line}{end}".encode())

    def interrupts(self) -> None:
        """As Ctrl-C does: everything in the terminal's session is told."""
        os.killpg(self._process.pid, signal.SIGINT)

    def ends(self) -> int:
        """Read until the command ends; its exit status."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline):
            pass
        return self._process.wait(PATIENCE)

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            said = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the other end is closed
            return False
        self.said += said.decode(errors="replace").replace("\r\n", "\n")
        return bool(said)
