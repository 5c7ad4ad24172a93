"""A node that stops at any moment goes on from its rows: from every status, and from before and after every write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adyton.domain.bridges import Bridge
from adyton.domain.jobs import TaskSpec
from adyton.domain.requests import read_run_log
from adyton.domain.runs import Completed, Run, RunStatus
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from support.api import PassingDatabase
from support.builders import JOB_ID, NOW, Bench, TestHttp, job, run_log
from support.databases import open_url

R = RunStatus
SLEEP = TaskSpec(type="sleep", params={"until": NOW // 1_000_000 + 3600})
FETCH = TaskSpec(type="httpget", params={"get": "https://prices.example/"})


def made(db: Database, *, height: int | None = None, connected: bool = True) -> Bench:
    """A node's engine around the database, as it is after a start."""
    bench = Bench(db, http=TestHttp('{"pending":true}'))
    bench.bridges.put(Bridge(name="oracle", url="https://b.example/", incoming_token_hash="", salt="", outgoing_token="t"))
    if height is not None:
        bench.chain.at(height, connected=connected)
    return bench


@asynccontextmanager
async def at_work(bench: Bench) -> AsyncIterator[None]:
    running = asyncio.create_task(bench.engine.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def status(bench: Bench, run_id: str, *wanted: R) -> Run:
    async with asyncio.timeout(10):
        while True:
            run = await stored.get(bench.db, run_id, bench.jobs)
            if run is not None and run.status in wanted:
                return run
            await asyncio.sleep(0)


# --- from every status -----------------------------------------------------------------------------------------------


async def web(bench: Bench, *tasks: TaskSpec | str) -> Run:
    spec = await bench.add(job(*tasks))
    return await bench.engine.start(spec, spec.initiators[0], {"result": 1})


async def on_chain(bench: Bench, *tasks: TaskSpec | str) -> Run:
    spec, log = await bench.add(job(*tasks)), run_log(block=100)
    run = bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 100)
    await bench.db.write(*bench.engine.statements([run]))
    return run


async def in_progress(bench: Bench) -> Run:
    return await web(bench, "noop")


async def sleeping(bench: Bench) -> Run:
    return await bench.executor.advance(await web(bench, SLEEP, "noop"))


async def unconfirmed(bench: Bench) -> Run:
    bench.chain.at(100)
    return await on_chain(bench, "noop")


async def unconnected(bench: Bench) -> Run:
    bench.chain.at(102, connected=False)
    return await bench.executor.advance(await on_chain(bench, "ethtx"))


async def unanswered(bench: Bench) -> Run:
    return await bench.executor.advance(await web(bench, "oracle", "noop"))


async def sent(bench: Bench) -> Run:
    """Its transaction has failed for good while the node was down."""
    bench.chain.at(102)
    run = await bench.executor.advance(await on_chain(bench, "ethtx"))
    await bench.db.write(
        Statement("UPDATE transactions SET state = 'fatal_error', error = 'gone' WHERE run_id = ?", [(run.id,)])
    )
    return run


Begin = Callable[[Bench], Awaitable[Run]]
BEFORE: list[tuple[Begin, R, R]] = [
    (in_progress, R.IN_PROGRESS, R.COMPLETED),
    (sleeping, R.PENDING_SLEEP, R.COMPLETED),
    (unconfirmed, R.PENDING_CONFIRMATIONS, R.COMPLETED),
    (unconnected, R.PENDING_CONNECTION, R.PENDING_CONFIRMATIONS),
    (unanswered, R.PENDING_BRIDGE, R.PENDING_BRIDGE),
    (sent, R.PENDING_CONFIRMATIONS, R.ERRORED),
]


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize(("begin", "before", "then"), BEFORE)
async def test_a_run_goes_on_from_whatever_status_it_had(
    tmp_path: Path, begin: Begin, before: R, then: R, archived: bool
) -> None:
    first = await open_url("", root=tmp_path)
    run = await begin(made(first))
    assert run.status is before
    if archived:
        await first.write(Statement("UPDATE jobs SET archived_at = 1 WHERE id = ?", [(JOB_ID,)]))
    await first.close()

    second = await open_url("", root=tmp_path)
    bench = made(second, height=103)
    await bench.jobs.load()
    async with at_work(bench):
        found = await status(bench, run.id, then)
        if then is R.PENDING_BRIDGE:
            found = await bench.engine.answered(found, Completed({"result": 2}))
            found = await status(bench, run.id, R.COMPLETED)
            assert found.tasks[-1].data == {"result": 2}
    assert (found.finished_at is None) == (not found.status.finished)
    await second.close()


@pytest.mark.parametrize("final", [R.COMPLETED, R.ERRORED, R.CANCELLED])
async def test_what_is_finished_stays_as_it_is(final: R) -> None:
    bench = made(open_memory())
    run = await web(bench, "noop", "jsonparse" if final is R.ERRORED else "noop")
    done = await (bench.engine.cancel(run, "why") if final is R.CANCELLED else bench.executor.advance(run))
    assert (done.status, done.finished_at) == (final, NOW)

    again = made(bench.db, height=200)
    await again.jobs.load()
    async with at_work(again):
        for _ in range(200):
            await asyncio.sleep(0)
    assert await stored.get(bench.db, run.id, bench.jobs) == done
    await bench.db.close()


# --- from before and after every write -------------------------------------------------------------------------------


class Dying(PassingDatabase):
    """A process that dies at a write: from then on nothing that it asks comes back."""

    def __init__(self, db: Database, at: int, *, written: bool) -> None:
        super().__init__(db)
        self.left = at
        self.written = written
        self.dead = asyncio.Event()

    async def write(self, *statements: Statement) -> list[list[Row]]:
        self.left -= 1
        if self.left == 0 and self.written:
            await self.real.write(*statements)
        if self.left <= 0:
            await self._die()
        return await self.real.write(*statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        if self.dead.is_set():
            await self._die()
        return await self.real.read(sql, params)

    async def _die(self) -> None:
        self.dead.set()
        await asyncio.Event().wait()


async def bridge_answers(bench: Bench, run_id: str) -> None:
    """The bridge, which repeats its answer until it is taken."""
    while True:
        run = await stored.get(bench.db, run_id, bench.jobs)
        if run is not None and run.status is R.PENDING_BRIDGE:
            await bench.engine.answered(run, Completed({"result": 2}))
        await asyncio.sleep(0)


async def lived(bench: Bench, run_id: str, dead: asyncio.Event) -> None:
    """The node works until it dies, or the run is finished."""
    async with at_work(bench):
        tasks = [
            asyncio.ensure_future(each)
            for each in (
                bridge_answers(bench, run_id),
                dead.wait(),
                status(bench, run_id, *(each for each in R if each.finished)),
            )
        ]
        await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


WRITES = 6
"""How many the run's life takes, at least: see the test's last line."""


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_crash_before_or_after_any_write_costs_nothing(at: int, written: bool) -> None:
    db = open_memory()
    first = made(db)
    run = await web(first, "noop", SLEEP, "oracle", FETCH, "noop")
    dying = Dying(db, at, written=written)
    before = made(dying)
    await before.jobs.load()
    await lived(before, run.id, dying.dead)
    assert dying.dead.is_set() == (at < WRITES or dying.left <= 0)

    bench = made(db)
    bench.clock.micros = before.clock.micros
    await bench.jobs.load()
    await lived(bench, run.id, asyncio.Event())

    done = await status(bench, run.id, R.COMPLETED)
    assert [task.status for task in done.tasks] == [R.COMPLETED] * 5
    assert [(task.data or {}).get("result") for task in done.tasks] == [1, 1, 2, '{"pending":true}', '{"pending":true}']
    assert await db.read("SELECT COUNT(*), MAX(due_at) FROM runs") == [(1, None)]
    await db.close()
