"""The timer: it wakes for the earliest, is poked by an earlier one, looks again when the clock was set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from adyton.domain.bridges import Bridge
from adyton.domain.errors import StorageUnavailable
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Run, RunStatus
from adyton.engine.create import RunSource
from adyton.engine.deadlines import Deadlines
from adyton.engine.engine import Engine
from adyton.engine.timers import CHUNK, PATIENCE, Timers
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Row
from support.api import PassingDatabase
from support.builders import JOB_ID, NOW, Bench, TestHttp, job

SECOND = 1_000_000


class Alarm:
    """A clock whose sleepers wake when the test moves it; ``set`` moves the calendar only."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.offset = 0.0
        self.asked: list[float] = []
        self._moved = asyncio.Condition()

    def now(self) -> int:
        return NOW + round((self.elapsed + self.offset) * SECOND)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        until = self.elapsed + seconds
        async with self._moved:
            self.asked.append(seconds)
            self._moved.notify_all()
            await self._moved.wait_for(lambda: self.elapsed >= until)

    async def asleep(self, sleeps: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: len(self.asked) >= sleeps)

    async def move(self, seconds: float) -> None:
        self.elapsed += seconds
        async with self._moved:
            self._moved.notify_all()


class Timing:
    """A timer with its clock, the ids that it pushed, and runs that sleep."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.clock = Alarm()
        self.pushed: list[str] = []
        self.full = False
        self.timers = Timers(db=bench.db, clock=self.clock, push=self._push, behind=lambda: self.full)

    async def _push(self, run_ids: list[str]) -> None:
        self.pushed += run_ids

    async def sleeping(self, *seconds: float, note: bool = True) -> list[str]:
        spec = self.bench.jobs.jobs[JOB_ID]
        runs: list[Run] = []
        for each in seconds:
            new = self.bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))
            runs.append(msgspec.structs.replace(new, status=RunStatus.PENDING_SLEEP, due_at=NOW + round(each * SECOND)))
        await self.bench.db.write(stored.insert(runs))
        for run in runs if note else ():
            self.timers.note(run)
        return [run.id for run in runs]

    async def idle(self, sleeps: int) -> None:
        """Wait until the timer has gone to sleep for the so manieth time."""
        async with asyncio.timeout(5):
            await self.clock.asleep(sleeps)


@pytest.fixture
async def timing() -> AsyncIterator[Timing]:
    db = open_memory()
    bench = Bench(db)
    await bench.add(job("noop"))
    yield Timing(bench)
    await db.close()


@asynccontextmanager
async def at_work(part: Timers | Engine) -> AsyncIterator[None]:
    running = asyncio.create_task(part.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_sleeps_until_the_earliest_and_pushes_no_other(timing: Timing) -> None:
    late, soon = await timing.sleeping(50, 20)
    async with at_work(timing.timers):
        await timing.idle(1)
        assert timing.clock.asked == [20]
        await timing.clock.move(20)
        await timing.idle(2)
        assert timing.pushed == [soon]
        assert timing.clock.asked[1] == 30
        await timing.clock.move(30)
        await timing.idle(3)
        assert timing.pushed[-1] == late


async def test_what_is_due_at_the_start_is_pushed_at_once(timing: Timing) -> None:
    overdue = await timing.sleeping(-5, -9, note=False)
    async with at_work(timing.timers):
        await timing.idle(1)
        assert timing.pushed == overdue[::-1]


async def test_what_becomes_due_while_it_looks_is_not_left_for_a_minute(timing: Timing) -> None:
    (soon,) = await timing.sleeping(20)

    class SlowDatabase(PassingDatabase):
        """Takes a second for each read."""

        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            rows = await self.real.read(sql, params)
            timing.clock.elapsed += 1
            return rows

    timing.timers._db = SlowDatabase(timing.bench.db)
    timing.clock.elapsed = 19.5
    async with at_work(timing.timers):
        await timing.idle(1)
        assert timing.clock.asked == [0]
        await timing.clock.move(0)
        await timing.idle(2)
        assert timing.pushed == [soon]


async def test_a_run_with_an_earlier_time_pokes_it(timing: Timing) -> None:
    await timing.sleeping(50)
    async with at_work(timing.timers):
        await timing.idle(1)
        await timing.sleeping(10)
        await timing.idle(2)
        await timing.sleeping(40)
        assert timing.clock.asked == [50, 10]


async def test_it_looks_at_least_every_minute_so_a_clock_that_jumps_is_noticed(timing: Timing) -> None:
    (run_id,) = await timing.sleeping(3600)
    async with at_work(timing.timers):
        await timing.idle(1)
        assert timing.clock.asked == [PATIENCE]
        timing.clock.offset = 3600  # somebody sets the machine's clock
        await timing.clock.move(PATIENCE)
        await timing.idle(2)
        assert timing.pushed == [run_id]


async def test_a_clock_that_goes_back_wakes_nobody_too_early(timing: Timing) -> None:
    await timing.sleeping(30)
    async with at_work(timing.timers):
        await timing.idle(1)
        timing.clock.offset = -600
        await timing.clock.move(30)
        await timing.idle(2)
        assert timing.pushed == []
        assert timing.clock.asked[1] == PATIENCE


async def test_many_are_pushed_in_chunks_and_each_once(timing: Timing) -> None:
    due = await timing.sleeping(*([1] * (2 * CHUNK + 1)), note=False)
    timing.clock.elapsed = 1
    async with at_work(timing.timers):
        await timing.idle(1)
        assert timing.pushed == sorted(due)


async def test_a_full_queue_is_not_pushed_any_more(timing: Timing) -> None:
    await timing.sleeping(-1)
    timing.full = True
    async with at_work(timing.timers):
        await timing.idle(1)
        assert timing.pushed == []


async def test_a_database_that_cannot_be_read_is_asked_again(timing: Timing, monkeypatch: pytest.MonkeyPatch) -> None:
    (run_id,) = await timing.sleeping(-1)
    read, failures = timing.bench.db.read, [1, 1]

    async def failing(sql: str, params: Row = ()) -> list[Row]:
        if failures:
            failures.pop()
            raise StorageUnavailable("the disk is slow to wake")
        return await read(sql, params)

    monkeypatch.setattr(timing.bench.db, "read", failing)
    async with at_work(timing.timers):
        for sleeps in (1, 2):
            await timing.idle(sleeps)
            await timing.clock.move(1)
        await timing.idle(3)
        assert timing.pushed == [run_id]


class Counted(PassingDatabase):
    """Counts the rows that are read."""

    rows = 0

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        found = await self.real.read(sql, params)
        self.rows += len(found)
        return found


async def test_ten_thousand_sleeping_runs_cost_nothing_but_those_that_wake() -> None:
    counted = Counted(open_memory())
    bench = Bench(counted)
    await bench.add(job("noop"))
    timing = Timing(bench)
    await timing.sleeping(*range(30, 10_030), note=False)
    counted.rows = 0
    async with at_work(timing.timers):
        await timing.idle(1)
        await timing.clock.move(30)
        await timing.idle(2)
        assert len(timing.pushed) == 1
        assert counted.rows == 3, "the next one, the one that is due, the next one"
    plan = await counted.read(
        "EXPLAIN QUERY PLAN SELECT due_at FROM runs WHERE due_at IS NOT NULL AND due_at > ? ORDER BY due_at, id LIMIT 1", (NOW,)
    )
    assert "runs_due" in str(plan)
    await counted.close()


# --- with the engine -------------------------------------------------------------------------------------------------


async def ended(bench: Bench, run_id: str) -> Run:
    async with asyncio.timeout(10):
        while True:
            run = await stored.get(bench.db, run_id, bench.jobs)
            if run is not None and run.status.finished:
                return run
            await asyncio.sleep(0)


async def test_a_sleeping_run_wakes_by_itself_also_after_a_restart() -> None:
    bench = Bench(open_memory())
    spec = await bench.add(job(TaskSpec(type="sleep", params={"until": NOW // SECOND + 3600})))
    run = await bench.engine.start(spec, spec.initiators[0], {})
    sleeping = await bench.executor.advance(run)
    assert sleeping.status is RunStatus.PENDING_SLEEP

    fresh = Bench(bench.db)  # the first engine never ran: it crashed
    await fresh.jobs.load()
    async with at_work(fresh.engine):
        done = await ended(fresh, run.id)
    assert done.status is RunStatus.COMPLETED
    assert done.finished_at is not None
    assert done.finished_at >= NOW + 3600 * SECOND
    await bench.db.close()


async def test_a_run_whose_bridge_is_silent_ends_by_itself() -> None:
    bench = Bench(open_memory(), http=TestHttp('{"pending":true}'), deadlines=Deadlines(bridge=600))
    bench.bridges.put(_bridge())
    spec = await bench.add(job("oracle", "noop"))
    async with at_work(bench.engine):
        run = await bench.engine.start(spec, spec.initiators[0], {})
        done = await ended(bench, run.id)
    assert done.error == "no answer from bridge oracle within 10m (BRIDGE_ANSWER_DEADLINE)"
    await bench.db.close()


async def test_a_run_that_began_to_wait_when_there_was_no_deadline_gets_one_at_the_next_start() -> None:
    bench = Bench(open_memory(), http=TestHttp('{"pending":true}'))
    bench.bridges.put(_bridge())
    spec = await bench.add(job("oracle", "noop"))
    run = await bench.engine.start(spec, spec.initiators[0], {})
    assert (await bench.executor.advance(run)).due_at is None

    fresh = Bench(bench.db, deadlines=Deadlines(bridge=600))
    await fresh.jobs.load()
    async with at_work(fresh.engine):
        assert (await ended(fresh, run.id)).status is RunStatus.ERRORED
    await bench.db.close()


def _bridge() -> Bridge:
    return Bridge(name="oracle", url="https://bridge.example/", incoming_token_hash="", salt="", outgoing_token="t")
