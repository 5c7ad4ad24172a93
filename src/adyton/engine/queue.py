"""Which run is worked on now: at most one worker a run, a bounded number of workers, nothing lost.

The queue is only a hint; the rows are the truth. When more runs wait than it keeps, it forgets the newest and remembers that
it did: as soon as it has drained, it asks the database for what is left. So a flood slows down and never costs a run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from adyton.domain.runs import Run

log = structlog.get_logger(__name__)

Work = Callable[[str, Run | None], Awaitable[None]]
"""Advances the run of an id; the run itself is given when it was just created, else it is read."""
Leftovers = Callable[[frozenset[str]], Awaitable[list[str]]]
"""Ids of runs in the database that are due and not among those given."""


class RunQueue:
    """Ids of due runs, and the workers that advance them."""

    def __init__(self, *, work: Work, leftovers: Leftovers, workers: int, keeps: int) -> None:
        self._work = work
        self._leftovers = leftovers
        self._workers = workers
        self._keeps = keeps
        self._waiting: deque[tuple[str, Run | None]] = deque()
        self._owned: set[str] = set()
        self._again: set[str] = set()
        self._overflowed = False
        self._stirred = asyncio.Event()
        self._active = 0

    @property
    def depth(self) -> int:
        """Runs queued or being worked on, as far as the queue remembers."""
        return len(self._owned)

    @property
    def behind(self) -> bool:
        """Whether more runs are due than the queue keeps."""
        return self._overflowed

    def push(self, run_id: str, run: Run | None = None) -> None:
        """Say that a run is due. Never blocks; a run that is being worked on is looked at again afterwards."""
        if run_id in self._owned:
            self._again.add(run_id)
            return
        if len(self._waiting) >= self._keeps:
            if not self._overflowed:
                log.warning("more runs are due than the queue keeps; the rest is read from the database", keeps=self._keeps)
            self._overflowed = True
            return
        self._owned.add(run_id)
        self._waiting.append((run_id, run))
        self._stirred.set()

    async def run(self) -> None:
        """Hand runs to workers, for ever. Cancelling it cancels the workers; what they had not saved is done again."""
        async with asyncio.TaskGroup() as workers:
            while True:
                while self._waiting and self._active < self._workers:
                    run_id, run = self._waiting.popleft()
                    self._active += 1
                    workers.create_task(self._one(run_id, run))
                if not self._waiting and self._overflowed:
                    await self._refill()
                    continue
                self._stirred.clear()
                await self._stirred.wait()

    async def _one(self, run_id: str, run: Run | None) -> None:
        try:
            await self._work(run_id, run)
        finally:
            self._active -= 1
            self._owned.discard(run_id)
            if run_id in self._again:
                self._again.discard(run_id)
                self.push(run_id)
            if self._waiting or self._overflowed:
                self._stirred.set()

    async def _refill(self) -> None:
        self._overflowed = False
        for run_id in await self._leftovers(frozenset(self._owned)):
            self.push(run_id)
