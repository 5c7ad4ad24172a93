"""Which run is worked on now: at most one worker a run, a bounded number of workers, nothing lost, nobody displaced.

The queue is only a hint; the rows are the truth. When more runs wait than it keeps, it forgets the newest and remembers that
it did: as soon as it has drained, it asks the database for what is left. So a flood slows down and never costs a run.

Runs wait in lanes: one for each job, of requests on chain one for each job and requester. Lanes take turns, and none may have
more than a few times the workers that are free: however many runs hang in one (a bridge that does not answer, a stranger's slow
URL), the others find workers.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable

import structlog

from adyton.domain.runs import Run

log = structlog.get_logger(__name__)

Work = Callable[[str, Run | None], Awaitable[None]]
"""Advances the run of an id; the run itself is given when it was just created, else it is read."""
Leftovers = Callable[[frozenset[str]], Awaitable[list[str]]]
"""Ids of runs in the database that are due and not among those given."""


SHARE = 4
"""Workers that a lane may have for each that is free: one that hangs gets four fifths of them, two get four ninths each."""
_MIXED = ""
"""The lane of runs of which only the id is known."""


class RunQueue:
    """Ids of due runs, and the workers that advance them."""

    def __init__(self, *, work: Work, leftovers: Leftovers, workers: int, keeps: int) -> None:
        self._work = work
        self._leftovers = leftovers
        self._workers = workers
        self._keeps = keeps
        self._lanes: dict[str, deque[tuple[str, Run | None]]] = {}
        self._turns: deque[str] = deque()
        self._waiting = 0
        self._busy: Counter[str] = Counter()
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
        lane = _lane(run)
        if self._waiting >= self._keeps and lane in self._lanes:
            if not self._overflowed:
                log.warning("more runs are due than the queue keeps; the rest is read from the database", keeps=self._keeps)
            self._overflowed = True
            return
        self._owned.add(run_id)
        if lane not in self._lanes:
            self._lanes[lane] = deque()
            self._turns.append(lane)
        self._lanes[lane].append((run_id, run))
        self._waiting += 1
        self._stirred.set()

    async def run(self) -> None:
        """Hand runs to workers, for ever. Cancelling it cancels the workers; what they had not saved is done again."""
        async with asyncio.TaskGroup() as workers:
            while True:
                while (lane := self._next_lane()) is not None:
                    run_id, run = self._take(lane)
                    workers.create_task(self._one(lane, run_id, run))
                if not self._waiting and self._overflowed:
                    await self._refill()
                    continue
                self._stirred.clear()
                await self._stirred.wait()

    def _next_lane(self) -> str | None:
        """The lane whose turn it is, of those that may have one more worker; None when there is none."""
        allowed = SHARE * (self._workers - self._active)
        for _ in range(len(self._turns) if allowed else 0):
            lane = self._turns[0]
            if self._busy[lane] < allowed:
                return lane
            self._turns.rotate(-1)
        return None

    def _take(self, lane: str) -> tuple[str, Run | None]:
        """The first run of the lane whose turn it is; the lane is the last to have a turn again."""
        waiting = self._lanes[lane]
        found = waiting.popleft()
        self._waiting -= 1
        self._turns.popleft()
        if waiting:
            self._turns.append(lane)
        else:
            del self._lanes[lane]
        self._active += 1
        self._busy[lane] += 1
        return found

    async def _one(self, lane: str, run_id: str, run: Run | None) -> None:
        try:
            await self._work(run_id, run)
        finally:
            self._active -= 1
            self._busy[lane] -= 1
            if not self._busy[lane]:
                del self._busy[lane]
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


def _lane(run: Run | None) -> str:
    if run is None:
        return _MIXED
    requester = None if run.request is None else run.request.requester
    return run.job_id if requester is None else f"{run.job_id} {requester}"
