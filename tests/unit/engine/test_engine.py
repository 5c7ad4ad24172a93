"""What makes a run due: start, recovery, heads, connections, settlements, and what becomes of defects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adyton.domain.errors import StorageUnavailable
from adyton.domain.requests import read_run_log
from adyton.domain.runs import Run, RunStatus
from adyton.engine.create import OutsideWindow
from adyton.engine.engine import Engine
from adyton.ethereum.head_tracker import ChainState
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Row
from support.builders import NOW, Bench, job, run_log


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    db = open_memory()
    yield Bench(db)
    await db.close()


@asynccontextmanager
async def at_work(engine: Engine) -> AsyncIterator[None]:
    running = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def status(bench: Bench, run_id: str, *wanted: RunStatus) -> Run:
    """The run, once it has one of the statuses."""
    async with asyncio.timeout(5):
        while True:
            run = await stored.get(bench.db, run_id, bench.jobs)
            if run is not None and run.status in wanted:
                return run
            await asyncio.sleep(0)


async def untold() -> AsyncIterator[ChainState]:
    """No news of the chain."""
    states: tuple[ChainState, ...] = ()
    for state in states:
        yield state


async def test_a_started_run_is_durable_at_once_and_then_completed(bench: Bench) -> None:
    spec = await bench.add(job("noop"))
    async with at_work(bench.engine):
        run = await bench.engine.start(spec, spec.initiators[0], {"result": 1})
        found = await stored.get(bench.db, run.id, bench.jobs)
        assert found is not None
        done = await status(bench, run.id, RunStatus.COMPLETED)
        assert done.tasks[0].data == {"result": 1}


async def test_runs_that_a_stop_interrupted_go_on_at_the_next_start(bench: Bench) -> None:
    spec = await bench.add(job("noop"))
    run = await bench.engine.start(spec, spec.initiators[0], {})
    assert run.status is RunStatus.IN_PROGRESS

    fresh = Bench(bench.db)
    await fresh.jobs.load()
    async with at_work(fresh.engine):
        assert (await status(fresh, run.id, RunStatus.COMPLETED)).status is RunStatus.COMPLETED


async def test_a_run_of_an_archived_job_goes_on(bench: Bench) -> None:
    spec = await bench.add(job("noop"))
    run = await bench.engine.start(spec, spec.initiators[0], {})
    bench.jobs.remove(spec.id)
    async with at_work(bench.engine):
        assert (await status(bench, run.id, RunStatus.COMPLETED)).status is RunStatus.COMPLETED


async def test_the_head_that_completes_the_confirmations_takes_a_run_up(bench: Bench) -> None:
    spec = await bench.add(job("noop"))
    bench.chain.at(100)
    log = run_log(block=100)
    run = bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 100)
    await bench.db.write(*bench.engine.statements([run]))
    bench.chain.at(102)
    async with at_work(bench.engine):
        assert (await status(bench, run.id, RunStatus.COMPLETED)).status is RunStatus.COMPLETED


async def test_a_head_that_came_while_the_run_was_written_is_not_waited_for_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = await bench.add(job("noop"))
    log = run_log(block=100)
    run = bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 100)
    assert run.wake_height == 102
    monkeypatch.setattr(bench.chain, "updates", untold)
    async with at_work(bench.engine):
        bench.chain.at(102)  # the engine has looked at it before there was a row
        await bench.db.write(*bench.engine.statements([run]))
        bench.engine.accept([run])
        assert (await status(bench, run.id, RunStatus.COMPLETED)).status is RunStatus.COMPLETED


async def test_a_new_connection_takes_up_what_waited_for_one(bench: Bench) -> None:
    spec = await bench.add(job("ethtx"))
    bench.chain.at(102, connected=False)
    log = run_log(block=100)
    run = bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 102)
    await bench.db.write(*bench.engine.statements([run]))
    waiting = await bench.executor.advance(run)
    assert waiting.status is RunStatus.PENDING_CONNECTION

    bench.chain.at(103)
    async with at_work(bench.engine):
        assert (await status(bench, run.id, RunStatus.PENDING_CONFIRMATIONS)).status is RunStatus.PENDING_CONFIRMATIONS


async def test_a_connection_that_was_back_before_the_waiting_for_it_was_stored_is_not_waited_for_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = await bench.add(job("ethtx"))
    bench.chain.at(102, connected=False)
    log = run_log(block=100)
    run = bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 102)
    await bench.db.write(*bench.engine.statements([run]))
    advance = bench.executor.advance

    async def meanwhile(given: Run) -> Run:
        done = await advance(given)
        bench.chain.at(102)  # and nobody is told: whoever follows the heads has looked already
        return done

    monkeypatch.setattr(bench.executor, "advance", meanwhile)
    monkeypatch.setattr(bench.chain, "updates", untold)
    async with at_work(bench.engine):
        assert (await status(bench, run.id, RunStatus.PENDING_CONFIRMATIONS)).status is RunStatus.PENDING_CONFIRMATIONS


async def test_a_job_takes_no_runs_outside_its_window(bench: Bench) -> None:
    early = job("noop")
    spec = await bench.add(
        type(early)(**{name: getattr(early, name) for name in early.__struct_fields__} | {"start_at": NOW + 1})
    )
    with pytest.raises(OutsideWindow, match=f"Job runner: Job {spec.id} unstarted"):
        await bench.engine.start(spec, spec.initiators[0], {})
    assert await bench.db.read("SELECT COUNT(*) FROM runs") == [(0,)]


async def test_a_defect_costs_its_own_run_only(bench: Bench) -> None:
    spec = await bench.add(job("noop"))
    advance = bench.executor.advance
    broken = await bench.engine.start(spec, spec.initiators[0], {"broken": True})

    async def defective(run: Run) -> Run:
        if run.id == broken.id:
            raise ZeroDivisionError("a defect")
        return await advance(run)

    bench.executor.advance = defective  # type: ignore[method-assign] # the defect
    async with at_work(bench.engine):
        good = await bench.engine.start(spec, spec.initiators[0], {})
        assert (await status(bench, good.id, RunStatus.COMPLETED)).status is RunStatus.COMPLETED
        ended = await status(bench, broken.id, RunStatus.ERRORED)
        assert ended.error == "internal error"


async def test_a_database_that_cannot_read_for_a_while_loses_no_run(bench: Bench) -> None:
    spec = await bench.add(job("noop"))
    run = await bench.engine.start(spec, spec.initiators[0], {})
    fresh = Bench(bench.db)
    await fresh.jobs.load()
    read, failures, awake = bench.db.read, 3, asyncio.Event()

    async def failing(sql: str, params: Row = ()) -> list[Row]:
        nonlocal failures
        if failures:
            failures -= 1
            raise StorageUnavailable("the disk is slow to wake")
        awake.set()
        return await read(sql, params)

    bench.db.read = failing  # type: ignore[method-assign] # the failing disk
    async with at_work(fresh.engine):
        async with asyncio.timeout(5):
            await awake.wait()
        assert (await status(fresh, run.id, RunStatus.COMPLETED)).status is RunStatus.COMPLETED
