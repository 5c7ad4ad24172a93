"""The queue of due runs: one worker a run, a bound, and nothing lost beyond it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adyton.domain.runs import Run
from adyton.engine.queue import RunQueue


class Floor:
    """Workers that stand still until the test lets them go."""

    def __init__(
        self, *, workers: int = 2, keeps: int = 100, left: Callable[[frozenset[str]], list[str]] | None = None
    ) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self.go = asyncio.Event()
        self.stirred = asyncio.Event()
        self.most = 0
        self._at_once = 0
        self._left = left or (lambda owned: [])
        self.queue = RunQueue(work=self.work, leftovers=self.leftovers, workers=workers, keeps=keeps)

    async def work(self, run_id: str, run: Run | None) -> None:
        self.begun.append(run_id)
        self._at_once += 1
        self.most = max(self.most, self._at_once)
        self.stirred.set()
        await self.go.wait()
        self._at_once -= 1
        self.done.append(run_id)
        self.stirred.set()

    async def leftovers(self, owned: frozenset[str]) -> list[str]:
        return self._left(owned)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self.stirred.clear()
                await self.stirred.wait()


@asynccontextmanager
async def at_work(floor: Floor) -> AsyncIterator[Floor]:
    running = asyncio.create_task(floor.queue.run())
    try:
        yield floor
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_no_more_workers_than_allowed_and_each_run_once() -> None:
    async with at_work(Floor(workers=3)) as floor:
        for number in range(10):
            floor.queue.push(str(number))
        await floor.until(lambda: len(floor.begun) == 3)
        floor.go.set()
        await floor.until(lambda: len(floor.done) == 10)
        assert floor.begun == [str(number) for number in range(10)]
        assert floor.most == 3


async def test_a_run_that_becomes_due_while_it_is_worked_on_is_looked_at_again_once() -> None:
    async with at_work(Floor()) as floor:
        floor.queue.push("a")
        await floor.until(lambda: floor.begun == ["a"])
        floor.queue.push("a")
        floor.queue.push("a")
        floor.go.set()
        await floor.until(lambda: floor.done == ["a", "a"])
        assert floor.most == 1


async def test_what_the_queue_has_no_room_for_is_read_from_the_database_when_it_has_drained() -> None:
    due = {str(number) for number in range(25)}

    def left(owned: frozenset[str]) -> list[str]:
        return sorted(due - owned - set(floor.done), key=int)

    floor = Floor(workers=2, keeps=5, left=left)
    async with at_work(floor):
        for number in range(25):
            floor.queue.push(str(number))
        assert floor.queue.behind
        floor.go.set()
        await floor.until(lambda: len(floor.done) == 25)
        assert set(floor.done) == due
        assert len(floor.done) == len(set(floor.done))


async def test_a_cancelled_queue_takes_its_workers_along() -> None:
    floor = Floor()
    async with at_work(floor):
        floor.queue.push("a")
        await floor.until(lambda: floor.begun == ["a"])
    assert floor.done == []
    assert floor.queue.depth == 0
