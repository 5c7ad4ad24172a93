"""Old runs go by themselves, in chunks, and only if the operator wants that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from adyton.domain.access import Caller, CallerKind
from adyton.domain.audit import Outcome
from adyton.domain.errors import Conflict, StorageUnavailable
from adyton.domain.runs import FINISHED, Run, RunStatus
from adyton.services import retention
from adyton.services.retention import Retention
from adyton.storage import statistics
from adyton.storage.database import Row, Statement
from support.api import Api
from support.asked import request_of, run_for, store
from support.builders import NOW, job, run_log

HOUR = 3600 * 10**6


async def finished(api: Api, *ages: int) -> list[Run]:
    """Runs that finished so many hours ago."""
    spec = await api.job(job("noop"))
    runs = []
    for number, age in enumerate(ages, start=1):
        run = run_for(api.bench, run_log(request=number), RunStatus.ERRORED, "why")
        run = msgspec.structs.replace(run, updated_at=NOW - age * HOUR, request=None, creation_height=None, job_id=spec.id)
        runs.append(run)
        await store(api.db, run)
    return runs


async def left(api: Api) -> list[str]:
    return [str(row[0]) for row in await api.db.read("SELECT id FROM runs ORDER BY id")]


@asynccontextmanager
async def at_work(part: Retention) -> AsyncIterator[asyncio.Task[None]]:
    running = asyncio.create_task(part.run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(api: Api, count: int) -> None:
    async with asyncio.timeout(5):
        while True:
            if len(await left(api)) == count:
                return
            await asyncio.sleep(0)


async def test_runs_go_when_they_are_old_enough_and_not_before() -> None:
    async with Api(environment={"RUN_HISTORY_RETENTION": "24h"}) as api:
        runs = await finished(api, 30, 25, 23)
        async with at_work(Retention(api.parts)):
            await until(api, 1)
            assert await left(api) == [runs[2].id]
            await until(api, 0)
        assert api.bench.clock.now() >= NOW + HOUR


async def test_what_is_kept_for_ever_never_goes() -> None:
    async with Api(environment={"AUDIT_LOG_RETENTION": "0s"}) as api:
        await finished(api, 10**6)
        await Retention(api.parts).run()
        assert len(await left(api)) == 1


async def test_by_default_runs_stay_and_the_audit_log_keeps_a_year() -> None:
    async with Api() as api:
        await finished(api, 10**6)
        nobody, detail = Caller(CallerKind.NOBODY), {"status": 401}
        await api.parts.audit.record(nobody, "POST /sessions", "a@b", Outcome.REFUSED, detail)
        await api.bench.clock.sleep(364 * 86_400)
        await api.parts.audit.record(nobody, "POST /sessions", "a@b", Outcome.REFUSED, detail)
        async with at_work(Retention(api.parts)), asyncio.timeout(5):
            while len(await api.db.read("SELECT id FROM audit_log")) > 1:  # noqa: ASYNC110 - a row has no event
                await asyncio.sleep(0)
        assert len(await left(api)) == 1


async def test_a_disk_that_is_away_for_a_while_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Api(environment={"RUN_HISTORY_RETENTION": "24h"}) as api:
        await finished(api, 30)
        write, failures = api.db.write, [1, 1]

        async def failing(*statements: Statement) -> list[list[Row]]:
            if failures:
                failures.pop()
                raise StorageUnavailable("the disk is full")
            return await write(*statements)

        monkeypatch.setattr(api.db, "write", failing)
        async with at_work(Retention(api.parts)):
            await until(api, 0)
        assert not failures


async def test_many_go_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 3)
    async with Api() as api:
        await finished(api, *range(1, 9))
        await statistics.count_everything(api.db)  # else the first chunk does it
        commits = api.db.commits
        assert await retention.delete(api.parts, FINISHED, before=NOW) == 8
        assert api.db.commits == commits + 3
        assert await left(api) == []


async def test_a_chunk_that_met_somebody_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Api() as api:
        await finished(api, 5)
        write, conflicts = api.db.write, [1]

        async def busy(*statements: Statement) -> list[list[Row]]:
            if conflicts:
                conflicts.pop()
                raise Conflict("somebody was first")
            return await write(*statements)

        monkeypatch.setattr(api.db, "write", busy)
        assert await retention.delete(api.parts, FINISHED, before=NOW) == 1


async def test_what_a_reorganisation_may_still_change_is_told_by_the_head() -> None:
    async with Api(height=None) as api:
        await api.job(job("noop"))
        log = run_log(block=100)
        run = run_for(api.bench, log, RunStatus.ERRORED, "why")
        await store(api.db, run, request_of(log, run_id=run.id))

        assert await retention.delete(api.parts, FINISHED, before=NOW + 1) == 0, "no head is known"
        api.bench.chain.at(150)
        assert await retention.delete(api.parts, FINISHED, before=NOW + 1) == 0
        api.bench.chain.at(151)
        assert await retention.delete(api.parts, FINISHED, before=NOW + 1) == 1
