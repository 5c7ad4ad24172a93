"""Other programs that this world starts, and none that it leaves behind.

Each child leads its own process group, so a Ctrl-C at the terminal reaches only us and we stop the children in order. Should
we be killed ourselves, Linux ends them (``PR_SET_PDEATHSIG``).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
GRACE = 8.0
"""Seconds that a child gets between SIGTERM and SIGKILL: longer than the node's own grace of 5 s."""


class Child:
    """A running program whose output goes to a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The process's id, which is its group's as well."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs; minus the signal's number if a signal ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Return the exit status when it has ended."""
        return await self._process.wait()

    async def stop(self) -> int:
        """Ask it to end, insist after a while, and return the exit status. May be called twice."""
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE):
                return await self._process.wait()
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """End it at once, as ``kill -9`` does."""
        self.signal(signal.SIGKILL)
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group; nothing happens if it has ended."""
        if self.exit_status is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def output(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def last_lines(self, count: int = 20) -> list[str]:
        """The last lines of its output."""
        return self.output().splitlines()[-count:]


async def start(name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> Child:
    """Start ``command`` with its output appended to ``log``. Without ``environment`` it has ours."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            preexec_fn=_dies_with_us(),
        )
    finally:
        os.close(output)
    return Child(name, process, log)


def _dies_with_us() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: between fork and exec nothing may be
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # we died before the line above
            os._exit(1)

    return ask_the_kernel
