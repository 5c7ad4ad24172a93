"""The queue of due runs: one worker a run, a bound, and nothing lost beyond it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adyton.domain.runs import Run, RunRequest, RunStatus
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


def due(run_id: str, job_id: str, requester: str | None = None) -> Run:
    request = RunRequest(contract="0xc", transaction_hash="0xt", block_hash="0xb", log_index=0, requester=requester)
    return Run(
        id=run_id,
        job_id=job_id,
        initiator_id=1,
        status=RunStatus.IN_PROGRESS,
        tasks=(),
        created_at=0,
        updated_at=0,
        input={},
        request=None if requester is None else request,
    )


async def test_runs_that_hang_in_one_job_leave_workers_to_the_others() -> None:
    async with at_work(Floor(workers=10)) as floor:
        for number in range(50):
            floor.queue.push(f"slow-{number}", due(f"slow-{number}", "slow"))
        await floor.until(lambda: len(floor.begun) == 8)
        floor.queue.push("quick", due("quick", "quick"))
        await floor.until(lambda: "quick" in floor.begun)
        for number in range(50):
            floor.queue.push(f"next-{number}", due(f"next-{number}", "next"))
        floor.queue.push("last", due("last", "last"))
        await floor.until(lambda: "last" in floor.begun or len(floor.begun) == 10)
        floor.go.set()
        await floor.until(lambda: len(floor.done) == 102)


async def test_a_requester_whose_runs_hang_leaves_workers_to_other_requesters_of_the_job() -> None:
    async with at_work(Floor(workers=10)) as floor:
        for number in range(50):
            floor.queue.push(f"slow-{number}", due(f"slow-{number}", "job", "0xbad"))
        await floor.until(lambda: len(floor.begun) == 8)
        floor.queue.push("honest", due("honest", "job", "0xgood"))
        await floor.until(lambda: "honest" in floor.begun)


async def test_jobs_take_turns() -> None:
    floor = Floor(workers=2)
    for number in range(3):
        floor.queue.push(f"a-{number}", due(f"a-{number}", "a"))
    floor.queue.push("b-0", due("b-0", "b"))
    async with at_work(floor):
        floor.go.set()
        await floor.until(lambda: len(floor.done) == 4)
        assert floor.begun == ["a-0", "b-0", "a-1", "a-2"]


async def test_a_full_queue_still_takes_the_first_run_of_another_job() -> None:
    async with at_work(Floor(workers=5, keeps=5)) as floor:
        for number in range(50):
            floor.queue.push(f"slow-{number}", due(f"slow-{number}", "slow"))
        assert floor.queue.behind
        floor.queue.push("quick", due("quick", "quick"))
        await floor.until(lambda: "quick" in floor.begun)
