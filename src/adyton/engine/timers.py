"""The timer of waiting runs: when a sleep ends, and when any other wait is given up.

The rows are the truth (``runs.due_at``, indexed): the timer sleeps until the earliest, hands what is due to the queue, and
the executor decides from the row and the clock. So a restart needs nothing, and ten thousand sleeping runs cost what is due
of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from adyton.domain.errors import StorageUnavailable
from adyton.domain.runs import Run
from adyton.ports import Clock
from adyton.storage import runs as stored
from adyton.storage.database import Database

log = structlog.get_logger(__name__)

PATIENCE = 60.0
"""Seconds after which it looks in any case: the machine's time may have been set, and a hint may have been lost."""
CHUNK = 1000
_SECOND = 1_000_000

Push = Callable[[list[str]], Awaitable[None]]
"""Queues the runs of these ids. Raises StorageUnavailable."""


class Timers:
    """Sleeps until a run is due. ``behind`` says whether the queue has more than it keeps: it reads what is due itself then."""

    def __init__(self, *, db: Database, clock: Clock, push: Push, behind: Callable[[], bool]) -> None:
        self._db = db
        self._clock = clock
        self._push = push
        self._behind = behind
        self._poked = asyncio.Event()
        self._wakes_at: int | None = None

    def note(self, run: Run) -> None:
        """Take note of a run that has just been stored: it may be due before all others."""
        if run.due_at is not None and run.status.pending and (self._wakes_at is None or run.due_at < self._wakes_at):
            self._wakes_at = run.due_at
            self._poked.set()

    async def run(self) -> None:
        """Wake, look, push, and sleep again, for ever. A crash loses nothing: the next start looks first of all."""
        while True:
            # Before the look: a run that is stored during it is either seen by it or pokes.
            self._poked.clear()
            self._wakes_at = None
            try:
                now = self._clock.now()
                await self._look(now)
                self._sooner(await stored.next_due(self._db, now))
            except StorageUnavailable as fault:
                log.error("what is due cannot be read; trying again", because=str(fault))
                await self._clock.sleep(1)
                continue
            await self._rest()

    async def _look(self, now: int) -> None:
        """Queue every run that is due at a time, as far as the queue keeps them."""
        behind = (-1, "")
        while not self._behind():
            found = await stored.overdue(self._db, now, behind=behind, limit=CHUNK)
            await self._push([run_id for _, run_id in found])
            if len(found) < CHUNK:
                return
            behind = found[-1]

    def _sooner(self, due_at: int | None) -> None:
        if due_at is not None and (self._wakes_at is None or due_at < self._wakes_at):
            self._wakes_at = due_at

    async def _rest(self) -> None:
        """Return when the earliest run is due, a run with an earlier one was stored, or a minute has passed."""
        rest = PATIENCE
        if self._wakes_at is not None:
            rest = min(PATIENCE, max(0.0, (self._wakes_at - self._clock.now()) / _SECOND))
        waiting = {asyncio.ensure_future(self._clock.sleep(rest)), asyncio.ensure_future(self._poked.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
