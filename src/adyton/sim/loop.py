"""An event loop whose time is a number that it moves itself.

Nothing here waits: when every task sleeps, the loop jumps to the moment at which the first of them wakes. An hour of a node's
life passes as fast as its steps can be computed, and in the same order every time:

* time counts in whole microseconds and moves only in ``select``;
* tasks and futures hash by the order of their creation, so that the sets in which asyncio keeps them (a ``TaskGroup`` that
  cancels its tasks) are walked in the same order in every process;
* the garbage collector rests during ``run``, so that nothing is finalised at a moment that depends on the process's past;
* threads, sockets and child processes are refused: their timing is not ours.

A program in which every task waits for something that nobody will ever do ends with ``Deadlock`` instead of hanging.
"""

from __future__ import annotations

import asyncio
import gc
import math
import selectors
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LONGEST = 400 * 24 * 3600.0
"""Simulated seconds after which ``run`` gives up, unless told otherwise."""


OWNER: ContextVar[object | None] = ContextVar("OWNER", default=None)
"""On whose behalf code runs: tasks take it over from the task that creates them, so a whole node's tasks can be found."""


class Deadlock(RuntimeError):
    """Every task waits, and nothing is scheduled that could wake one."""


class RealWorldRefused(RuntimeError):
    """Code under simulation asked for a thread, a socket or a process."""


class VirtualTime:
    """The loop's time: whole microseconds since the loop began."""

    def __init__(self) -> None:
        self.microseconds = 0

    @property
    def seconds(self) -> float:
        """The same in seconds."""
        return self.microseconds / 1_000_000

    def advance(self, seconds: float) -> None:
        """Move forward by at least ``seconds``, to the next whole microsecond."""
        self.microseconds += max(1, math.ceil(seconds * 1_000_000))


class JumpingSelector(selectors.BaseSelector):
    """A selector on which nothing ever becomes ready: it moves the time instead of waiting."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Remember a file (the loop registers its own wake-up pipe); it is never looked at."""
        descriptor = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = selectors.SelectorKey(fileobj, descriptor, events, data)
        self._keys[descriptor] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget a file."""
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """What is registered, by descriptor."""
        return self._keys

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move the time by ``timeout`` seconds; nothing is ever ready. Raises Deadlock where a real one would wait for ever."""
        if timeout is None:
            raise Deadlock("every task waits, and nothing is scheduled that could wake one")
        if timeout > 0:
            self._time.advance(timeout)
        return []


class SimulatedTask(asyncio.Task[T]):
    """A task that hashes by the order of its creation."""

    def __init__(self, sequence: int, coro: Coroutine[Any, Any, T], **options: Any) -> None:
        self.sequence = sequence  # before the base class registers the task in a set
        self.owner = OWNER.get()
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self.sequence

    def __eq__(self, other: object) -> bool:
        return self is other


class SimulatedFuture(asyncio.Future[Any]):
    """A future that hashes by the order of its creation."""

    def __init__(self, sequence: int, loop: asyncio.AbstractEventLoop) -> None:
        self.sequence = sequence
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.sequence

    def __eq__(self, other: object) -> bool:
        return self is other


class SimulatedLoop(asyncio.SelectorEventLoop):
    """The loop. ``virtual`` is its time; clocks are made from it."""

    def __init__(self) -> None:
        self.virtual = VirtualTime()
        self._sequence = 0
        self._owner = threading.get_ident()
        super().__init__(JumpingSelector(self.virtual))
        self.set_task_factory(_make_task)

    def time(self) -> float:
        """Seconds since the loop began."""
        return self.virtual.seconds

    def create_future(self) -> asyncio.Future[Any]:
        """A future whose place in a set does not depend on its address."""
        return SimulatedFuture(self.next_sequence(), self)

    def next_sequence(self) -> int:
        """The place of the next task or future in the order of creation."""
        self._sequence += 1
        return self._sequence

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As ``call_soon``: there is only one thread. Raises RealWorldRefused from any other."""
        if threading.get_ident() != self._owner:
            raise RealWorldRefused("another thread reached into the simulation")
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> NoReturn:
        """Raises RealWorldRefused: there are no threads here."""
        raise RealWorldRefused(f"a thread was asked for, to run {getattr(func, '__qualname__', func)!r}")

    async def create_connection(self, *args: Any, **options: Any) -> NoReturn:
        """Raises RealWorldRefused: there is no network here."""
        raise RealWorldRefused("a connection was asked for")

    async def create_server(self, *args: Any, **options: Any) -> NoReturn:
        """Raises RealWorldRefused: there is no network here."""
        raise RealWorldRefused("a listening socket was asked for")

    async def subprocess_exec(self, *args: Any, **options: Any) -> NoReturn:
        """Raises RealWorldRefused: there are no processes here."""
        raise RealWorldRefused("a process was asked for")


def tasks_of(owner: object) -> list[SimulatedTask[Any]]:
    """The tasks of an owner that are not done, oldest first."""
    tasks = [task for task in asyncio.all_tasks() if isinstance(task, SimulatedTask) and task.owner is owner]
    return sorted(tasks, key=lambda task: task.sequence)


def _make_task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> SimulatedTask[Any]:
    assert isinstance(loop, SimulatedLoop)
    return SimulatedTask(loop.next_sequence(), coro, loop=loop, **options)


def run(main: Coroutine[Any, Any, T], *, longest: float = LONGEST) -> T:
    """Run ``main`` on a new simulated loop and return its result.

    ``longest`` is the limit in simulated seconds. Raises Deadlock when nothing can go on any more, and TimeoutError at the
    limit, which ends a node that would otherwise mine and poll for ever.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            return runner.run(_limited(main, longest))
    finally:
        if collected:
            gc.enable()


async def _limited(main: Coroutine[Any, Any, T], longest: float) -> T:
    async with asyncio.timeout(longest):
        return await main


def running_loop() -> SimulatedLoop:
    """The simulated loop that runs now."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulatedLoop):
        raise RuntimeError("this belongs on a SimulatedLoop")
    return loop
