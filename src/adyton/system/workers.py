"""The processes in which Python adapters run, so that a wrong one can fail only its own runs.

Each package has up to ``PROCESSES`` of its own, started when there is something to do, ended when idle. A process has one call
at a time; calls for which none is free wait in their order. A call that is not answered in time, or with something that cannot
be read, ends the process and all that it started; the next call gets a fresh one.

This protects the node from mistakes, not from malice: the processes run as the node's own user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self, TypeVar

import msgspec
import structlog

from adyton.domain.python_adapters import Answer, Installed, Loaded, Question, Ready, Setup
from adyton.ports import WorkerFailure
from adyton.system import hidden
from adyton.system.groups import Guard, Leader, kill_group

log = structlog.get_logger(__name__)

_T = TypeVar("_T")

PROCESSES = 4
"""How many calls of one package's adapters run at once."""
IDLE_SECONDS = 300.0
_START_SECONDS = 30.0
_END_SECONDS = 5.0
_ROOM = 64 * 1024
"""Bytes of a line beside the answer's value."""
_LINES = 50
"""How much of what an adapter prints during one call is logged."""
_LONGEST_LINE = 2000
_PASSED_ON = frozenset(
    {
        "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR",
    }
)  # fmt: skip
_PREFIXES_PASSED_ON = ("LC_", "ADAPTER_")
"""The node's own settings, and the secrets among them, are not an adapter's business."""


class SystemWorkers:
    """Implements ``Workers`` with processes. ``timeout`` is for calls of adapters that say none, in seconds; ``answer_limit``
    and ``memory_limit`` are in bytes (0: any memory)."""

    def __init__(
        self,
        installed: Sequence[Installed],
        *,
        timeout: float,
        answer_limit: int,
        memory_limit: int = 0,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.installed = tuple(installed)
        self._packages: dict[str, _Package] = {}
        self._guard = Guard()
        environment = environment_of(os.environ if environ is None else environ)
        for package in dict.fromkeys(adapter.package for adapter in installed):
            targets = {adapter.name: adapter.target for adapter in installed if adapter.package == package}
            setup = Setup(targets=targets, answer_limit=answer_limit, memory_limit=memory_limit)
            found = _Package(package, setup, environment, timeout, self._guard)
            self._packages.update(dict.fromkeys(targets, found))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every process; may be called twice."""
        for package in set(self._packages.values()):
            await package.close()
        await self._guard.close()

    async def ask(self, question: Question) -> Answer:
        """Put a question to its adapter. Raises WorkerFailure. When the caller is cancelled the process ends."""
        package = self._packages.get(question.name)
        if package is None:
            raise WorkerFailure(f"no package provides {question.name}")
        return await package.ask(question)


def environment_of(environ: Mapping[str, str]) -> dict[str, str]:
    """What a process may know of the node's environment."""
    passed = {name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith(_PREFIXES_PASSED_ON)}
    return {**passed, "PYTHONUNBUFFERED": "1"}


class _Package:
    """The processes of one package."""

    def __init__(self, name: str, setup: Setup, environment: Mapping[str, str], timeout: float, guard: Guard) -> None:
        self._name = name
        self._guard = guard
        self._setup = setup
        self._environment = environment
        self._timeout = timeout
        self._places = asyncio.Semaphore(PROCESSES)
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()

    async def ask(self, question: Question) -> Answer:
        """Put a question to a free process, or to a new one."""
        async with self._places:
            process = self._take() or await self._started()
            try:
                answer = await self._asked(process, question)
            except BaseException:
                await self._end(process)
                raise
            self._give_back(process)
            return answer

    async def _asked(self, process: _Process, question: Question) -> Answer:
        loaded = process.loaded.get(question.name, Loaded(error="it was not loaded"))
        if loaded.error is not None:  # the process ends with this failure, so that the next call tries to load it again
            raise WorkerFailure(f"it cannot be loaded: {loaded.error}")
        seconds = loaded.timeout or self._timeout
        try:
            async with asyncio.timeout(seconds):
                return await process.ask(question)
        except TimeoutError:
            raise WorkerFailure(f"it did not answer within {seconds:g} s, and its process was ended") from None

    async def _started(self) -> _Process:
        process = await _Process.start(self._name, self._environment, self._setup.answer_limit + _ROOM, self._guard)
        self._all.add(process)
        try:
            async with asyncio.timeout(max(_START_SECONDS, self._timeout)):
                await process.prepare(self._setup)
        except TimeoutError:
            await self._end(process)
            raise WorkerFailure("its package could not be imported in time") from None
        except BaseException:
            await self._end(process)
            raise
        return process

    def _take(self) -> _Process | None:
        while self._idle:
            process = self._idle.pop()
            process.stop_waiting()
            if process.alive:
                return process
            self._all.discard(process)
        return None

    def _give_back(self, process: _Process) -> None:
        self._idle.append(process)
        process.wait_for_work(IDLE_SECONDS, lambda: self._retire(process))

    def _retire(self, process: _Process) -> None:
        """End a process that has had nothing to do."""
        self._idle.remove(process)
        self._all.discard(process)
        process.kill()

    async def _end(self, process: _Process) -> None:
        self._all.discard(process)
        process.kill()
        await process.gone()

    async def close(self) -> None:
        """End every process."""
        self._idle.clear()
        for process in list(self._all):
            process.stop_waiting()
            await self._end(process)


class _Process:
    """One running process."""

    def __init__(self, package: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.loaded: dict[str, Loaded] = {}
        self._package = package
        self._process = process
        self._questions = process.stdin
        self._answers = process.stdout
        self._number = 0
        self._lines = _LINES
        self._idle: asyncio.TimerHandle | None = None
        self._printed = asyncio.create_task(self._log(process.stderr), name=f"what {package} prints")

    @classmethod
    async def start(cls, package: str, environment: Mapping[str, str], limit: int, guard: Guard) -> _Process:
        """Start one; an answer has at most ``limit`` bytes. Raises WorkerFailure."""
        loop = asyncio.get_running_loop()
        try:
            await guard.start()
            transport, protocol = await loop.subprocess_exec(
                lambda: Leader(guard, limit=limit, loop=loop),
                sys.executable, "-P", "-m", "adyton.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env=dict(environment), start_new_session=True,
            )  # fmt: skip
        except OSError as problem:
            raise WorkerFailure(f"its process cannot be started: {problem.strerror}") from None
        return cls(package, asyncio.subprocess.Process(transport, protocol, loop))

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None and not self._answers.at_eof() and not _has_ended(self._process.pid)

    async def prepare(self, setup: Setup) -> None:
        """Let it load its adapters. Raises WorkerFailure."""
        self.loaded = _read(await self._exchange(msgspec.json.encode(setup)), Ready).loaded

    async def ask(self, question: Question) -> Answer:
        """Ask. Raises WorkerFailure; then, and when it is cancelled, the process is of no use any more."""
        self._number += 1
        self._lines = _LINES
        line = await self._exchange(msgspec.json.encode(msgspec.structs.replace(question, number=self._number)))
        answer = _read(line, Answer)
        if answer.number != self._number:
            raise WorkerFailure("its process answered what it was not asked")
        return answer

    async def _exchange(self, line: bytes) -> bytes:
        try:
            self._questions.write(line + b"\n")
            await self._questions.drain()
            answer = await self._answers.readline()
        except ValueError:  # a line that is longer than the reader's limit
            raise WorkerFailure("its process answered with more than it may") from None
        except OSError:
            answer = b""
        if not answer.endswith(b"\n"):
            self.kill()
            raise WorkerFailure(f"its process ended {await self.gone()}")
        return answer

    def wait_for_work(self, seconds: float, then: Callable[[], None]) -> None:
        """Call ``then`` when nothing was asked for that long."""
        self._idle = asyncio.get_running_loop().call_later(seconds, then)

    def stop_waiting(self) -> None:
        """There is work, or the end."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def kill(self) -> None:
        """End it with everything that it started; may be called twice."""
        if self._process.returncode is None:
            kill_group(self._process.pid)

    async def gone(self) -> str:
        """How it ended, in words."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        self._questions.close()
        self._printed.cancel()
        code = self._process.returncode
        if code is None:
            return "in part: something that it started still runs"
        if code >= 0:
            return f"with status {code}"
        try:
            return f"by {signal.Signals(-code).name}"
        except ValueError:
            return f"by signal {-code}"

    async def _log(self, printed: asyncio.StreamReader) -> None:
        """Log what the adapter prints, within bounds, and read it all the same: a full pipe would hold the adapter."""
        rest = b""
        while chunk := await printed.read(_ROOM):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[:_ROOM]
            for line in lines:
                self._log_line(line)
        if rest:
            self._log_line(rest)

    def _log_line(self, line: bytes) -> None:
        self._lines -= 1
        if self._lines > 0:
            text = hidden.without(line.decode(errors="replace"))  # before it is cut, so that no piece of a secret is left
            log.info("a Python adapter says", package=self._package, text=text[:_LONGEST_LINE])
        elif self._lines == 0:
            log.warning("a Python adapter says more than is logged", package=self._package)


def _has_ended(pid: int) -> bool:
    """Whether a child has ended of which the event loop may not have heard yet."""
    if not hasattr(os, "waitid"):  # macOS, before Python 3.13
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _read(line: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise WorkerFailure("its process answered with something else than an answer") from None
