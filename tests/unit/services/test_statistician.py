"""The loop that counts what has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from adyton.domain.errors import StorageUnavailable
from adyton.domain.requests import End
from adyton.domain.runs import RunStatus
from adyton.domain.statistics import NOTHING, Step, Tally
from adyton.services import statistician
from adyton.services.statistician import Statistician
from adyton.storage import statistics
from adyton.storage.connect import open_memory
from adyton.storage.database import Row
from support.api import Api, PassingDatabase
from support.asked import closing, request_of, run_for, store
from support.builders import NOW, job, run_log


@asynccontextmanager
async def at_work(api: Api) -> AsyncIterator[None]:
    running = asyncio.create_task(Statistician(api.parts).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def counted(api: Api) -> Tally:
    return (await statistics.of_jobs(api.db, [statistics.ALL_JOBS])).get(statistics.ALL_JOBS, NOTHING)


async def until(came: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while True:
            if await came():
                return
            await asyncio.sleep(0)


async def until_counted(api: Api, runs: int) -> None:
    async def came() -> bool:
        return (await counted(api)).runs == runs

    await until(came)


async def ends(api: Api, number: int) -> None:
    await store(api.db, run_for(api.bench, run_log(request=number), RunStatus.COMPLETED))


async def test_what_ends_is_counted_soon_and_money_with_it() -> None:
    async with Api() as api:
        await api.job(job("noop"))
        await ends(api, 1)
        await store(api.db, request_of(run_log(request=9), payment=5, closed=closing(End.ANSWERED)))
        async with at_work(api):
            await until_counted(api, 1)
            began = api.bench.clock.now()
            await ends(api, 2)
            await until_counted(api, 2)
        assert api.bench.clock.now() - began <= (statistician.EVERY + 1) * 10**6
        assert (await counted(api)).link_earned == 5


async def test_a_node_in_which_nothing_is_written_is_left_alone() -> None:
    class Counting(PassingDatabase):
        reads = 0

        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            self.reads += 1
            return await self.real.read(sql, params)

    db = Counting(open_memory())
    async with Api(db=db) as api, at_work(api):
        for _ in range(20):
            await asyncio.sleep(0)
        reads = db.reads
        for _ in range(50):
            await asyncio.sleep(0)
        assert db.reads == reads > 0


async def test_a_database_that_cannot_be_read_is_asked_again() -> None:
    class Failing(PassingDatabase):
        left = 2

        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            if self.left and "statistics_place" in sql:
                self.left -= 1
                raise StorageUnavailable("not now")
            return await self.real.read(sql, params)

    async with Api(db=Failing(open_memory())) as api:
        await api.job(job("noop"))
        await ends(api, 1)
        async with at_work(api):
            await until_counted(api, 1)
        assert api.bench.clock.now() - NOW >= 2 * statistician.PATIENCE * 10**6


async def test_what_must_not_be_ends_neither_the_loop_nor_the_node() -> None:
    class Odd(PassingDatabase):
        odd = True

        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            if self.odd and "statistics_place" in sql:
                self.odd = False
                return []
            return await self.real.read(sql, params)

    async with Api(db=Odd(open_memory())) as api:
        await api.job(job("noop"))
        await ends(api, 1)
        async with at_work(api):
            await until_counted(api, 1)


async def test_old_hours_are_deleted() -> None:
    async with Api() as api:
        await api.job(job("noop"))
        old = NOW - (statistician.HOURS_KEPT + 1) * Step.DAY.micros
        for number, at in enumerate((old, NOW), start=1):
            run = run_for(api.bench, run_log(request=number), RunStatus.COMPLETED)
            await store(api.db, msgspec.structs.replace(run, created_at=at, finished_at=at))
        await statistics.count_everything(api.db)
        assert len(await statistics.series(api.db, Step.HOUR, 0, 2**62)) == 2

        async def gone() -> bool:
            return len(await statistics.series(api.db, Step.HOUR, 0, 2**62)) == 1

        async with at_work(api):
            await until(gone)
        assert len(await statistics.series(api.db, Step.DAY, 0, 2**62)) == 2
