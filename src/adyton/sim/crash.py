"""Lives of a node, and how they end: at the n-th thing that a port does for it, before or after it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from adyton.sim.loop import OWNER, running_loop, tasks_of
from adyton.sim.trace import Gate, Trace

PATIENCE = 100
"""Rounds of cancelling after which a task counts as one that cannot be cancelled."""

QUIET = ("read", "rpc receive")
"""What leaves no mark: a crash there is a crash before or after something else."""


class Life:
    """One life of a node: everything that its tasks do until it is killed."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True


class CrashGate(Gate):
    """A gate that kills: ``fuses`` are numbers of passes, counted over all lives. A pass is a write, a message to the chain, or
    an HTTP exchange, each once before and once after it is done.

    Whoever passes it for a dead node never returns: what a killed process had in mind to do does not happen.
    """

    def __init__(self, trace: Trace, fuses: Iterable[int] = ()) -> None:
        self.passes = 0
        self.died = asyncio.Event()
        self._trace = trace
        self._fuses = set(fuses)

    def defuse(self) -> None:
        """Kill no more."""
        self._fuses.clear()

    async def before(self, what: str) -> None:
        """Called before the thing is done."""
        await self._pass("before", what)

    async def after(self, what: str) -> None:
        """Called after the thing is done and before the node learns of it."""
        await self._pass("after", what)

    async def _pass(self, moment: str, what: str) -> None:
        life = OWNER.get()
        if not isinstance(life, Life):
            return
        if life.alive and not what.startswith(QUIET):
            self.passes += 1
            if self.passes in self._fuses:
                self._trace.note("crash", f"life {life.number}, pass {self.passes}, {moment} {what}")
                life.alive = False
                self.died.set()
        if not life.alive:
            await running_loop().create_future()


async def bury(life: Life) -> None:
    """Cancel the tasks of a life, oldest first, until none is left. Raises RuntimeError if one survives."""
    life.alive = False
    for _ in range(PATIENCE):
        tasks = tasks_of(life)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)
    raise RuntimeError(f"these tasks cannot be cancelled: {tasks_of(life)}")
