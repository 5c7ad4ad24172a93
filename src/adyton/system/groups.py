"""Groups of processes that end together: a process, and whatever it has started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import cast

from adyton import guard


def kill_group(group: int) -> None:
    """Kill every process of a group; one that has ended is no matter."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


class Leader(asyncio.subprocess.SubprocessStreamProtocol):
    """The first process of a group, which takes with it what it has started, however it ends. It must be started in a session
    of its own."""

    def __init__(self, guard: Guard, *, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self._guard = guard
        self._group = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It runs."""
        super().connection_made(transport)
        pid = cast("asyncio.SubprocessTransport", transport).get_pid()
        if pid is not None:
            self._group = pid
            self._guard.add(pid)

    def process_exited(self) -> None:
        """It has ended. As long as one of its group is left nothing else can get the group's number."""
        if self._group:
            kill_group(self._group)
            self._guard.remove(self._group)
        super().process_exited()


class Guard:
    """The process that kills the groups which are left when the node cannot, because it was killed itself."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._groups: set[int] = set()
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start it if it does not run. Raises OSError."""
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(guard.__file__),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                env={}, start_new_session=True,
            )  # fmt: skip
            for group in self._groups:
                self._say("+", group)

    def add(self, group: int) -> None:
        """To be killed with the node."""
        self._groups.add(group)
        self._say("+", group)

    def remove(self, group: int) -> None:
        """It is gone."""
        self._groups.discard(group)
        self._say("-", group)

    def _say(self, sign: str, group: int) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{sign}{group}\n".encode())

    async def close(self) -> None:
        """There is nothing left to guard; may be called twice."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()
