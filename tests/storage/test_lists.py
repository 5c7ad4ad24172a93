"""Whatever is written, a page and its list's length are what the plain query says at that moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from adyton.domain.requests import read_run_log
from adyton.domain.runs import FINISHED, Completed, Errored, Outcome, Run, RunStatus, Waits, after, called_off
from adyton.engine.create import RunSource
from adyton.storage import jobs as stored_jobs
from adyton.storage import list_tables, lists, request_runs, run_history, run_lists
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row
from adyton.storage.list_tables import RUNS
from adyton.storage.lists import Condition, Listing, Lists
from adyton.storage.run_lists import Wanted
from support.api import PassingDatabase
from support.builders import NOW, ORACLE, Bench, job, number_hash, run_log

JOBS = [f"{number:032x}" for number in range(1, 5)]
FAR = 10**6
STEPS = 90
OPEN = [status for status in RunStatus if status not in FINISHED]


class World:
    """Jobs and runs to which things happen by chance."""

    def __init__(self, db: Database, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bench = Bench(db)
        self.db = db
        self.lists = Lists(db, rows=4)
        self.requests = 0

    async def begin(self) -> None:
        for job_id in JOBS:
            await self.bench.add(job("noop", "noop", job_id=job_id))

    async def step(self) -> None:
        things = [self.create, self.create, self.ask, self.advance, self.advance, self.cancel, self.take_back, self.delete]
        await self.chance.choice(things)()
        if self.chance.random() < 0.02 and len(self.bench.jobs.jobs) > 1:
            await self.archive()

    async def create(self) -> None:
        made = [self._new() for _ in range(self.chance.randint(1, 9))]
        await self.db.write(stored.insert(made))

    def _new(self) -> Run:
        job = self.bench.jobs.jobs[self.chance.choice(sorted(self.bench.jobs.jobs))]
        run = self.bench.maker.new_run(job, job.initiators[0], RunSource(given={}))
        # Ids nearly follow the time, and need not.
        at = NOW + self.chance.randint(0, 1000)
        name = f"{self.chance.getrandbits(128):032x}" if self.chance.random() < 0.2 else run.id
        return msgspec.structs.replace(run, id=name, created_at=at)

    async def ask(self) -> None:
        self.requests += 1
        job = self.bench.jobs.jobs[self.chance.choice(sorted(self.bench.jobs.jobs))]
        log = run_log(job_id=job.id, request=self.requests)
        run = self.bench.maker.from_log(job, job.initiators[1], log, read_run_log(log), 100)
        await self.db.write(stored.insert([run]))

    async def _some(self, statuses: Sequence[RunStatus]) -> Run | None:
        rows = await self.db.read("SELECT id, status FROM runs ORDER BY id")
        some = [str(row[0]) for row in rows if row[1] in statuses]
        return await stored.get(self.db, self.chance.choice(some), self.bench.jobs) if some else None

    async def advance(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            run = await self._some([RunStatus.IN_PROGRESS])
            if run is None or (task := run.next_task()) is None:
                return
            some: list[Outcome] = [Completed({}), Errored("why"), Waits(RunStatus.PENDING_SLEEP, {}, NOW)]
            outcome = self.chance.choice(some)
            done = after(run, task.position, outcome, NOW + self.chance.randint(0, 1000))
            await self.db.write(*stored.save(done, [done.tasks[task.position]]))

    async def cancel(self) -> None:
        run = await self._some([RunStatus.PENDING_SLEEP, RunStatus.IN_PROGRESS])
        if run is not None:
            await self.db.write(*stored.save(called_off(run, "why", NOW), []))

    async def take_back(self) -> None:
        key = (ORACLE, number_hash(self.chance.randint(1, self.requests + 1)))
        if self.chance.random() < 0.5:
            await self.db.write(request_runs.called_off([(*key, "why", 7)], NOW))
        else:
            await self.db.write(request_runs.revived([key], NOW))

    async def delete(self) -> None:
        which = self.chance.choice([FINISHED, {RunStatus.ERRORED}])
        before = NOW + self.chance.randint(0, 1200)
        await run_history.delete(self.db, which, before=before, settled=FAR, limit=self.chance.randint(1, 6))

    async def archive(self) -> None:
        job_id = self.chance.choice(sorted(self.bench.jobs.jobs))
        await stored_jobs.archive(self.db, job_id, NOW)
        self.bench.jobs.remove(job_id)

    def wanted(self) -> Wanted:
        maybe = self.chance.random
        return Wanted(
            job_id=self.chance.choice(JOBS) if maybe() < 0.4 else None,
            statuses=tuple(self.chance.sample(list(RunStatus), self.chance.randint(1, 3))) if maybe() < 0.5 else (),
            initiator=self.chance.choice(["web", "runlog", "cron"]) if maybe() < 0.3 else None,
            created_after=NOW + self.chance.randint(-10, 1010) if maybe() < 0.2 else None,
            created_before=NOW + self.chance.randint(-10, 1010) if maybe() < 0.2 else None,
            transaction=number_hash(self.chance.randint(1, self.requests + 1), 77) if maybe() < 0.1 else None,
        )

    async def compare(self, wanted: Wanted) -> None:
        offset, limit = self.chance.randint(0, 60), self.chance.choice([1, 3, 10, 2**63 - 1])
        descending = self.chance.random() < 0.5
        found = await run_lists.page(self.lists, self.bench.jobs, wanted, offset=offset, limit=limit, descending=descending)
        plain = await self._plain(wanted, descending=descending)
        assert found.count == len(plain), wanted
        assert [run.id for run in await found.whole()] == plain[offset : offset + limit], wanted

    async def _plain(self, wanted: Wanted, *, descending: bool) -> list[str]:
        rows: Any = await self.db.read("""
            SELECT r.id, r.job_id, r.status, i.type, r.created_at, r.request_tx FROM runs r
            JOIN initiators i ON i.id = r.initiator_id JOIN jobs j ON j.id = r.job_id AND j.archived_at IS NULL
            ORDER BY r.id""")
        found = [
            run_id
            for run_id, job_id, status, kind, created_at, transaction in rows
            if wanted.job_id in {None, job_id}
            and (not wanted.statuses or status in wanted.statuses)
            and wanted.initiator in {None, kind}
            and (wanted.created_after is None or created_at >= wanted.created_after)
            and (wanted.created_before is None or created_at < wanted.created_before)
            and wanted.transaction in {None, transaction}
        ]
        return found[::-1] if descending else found


@pytest.mark.parametrize("seed", range(4))
async def test_pages_of_runs_are_what_the_plain_query_says(database: Database, seed: int) -> None:
    world = World(database, seed)
    await world.begin()
    for _ in range(STEPS):
        await world.step()
        for _ in range(3):
            await world.compare(world.wanted())
        await world.compare(Wanted())


async def test_pages_asked_for_at_once_while_runs_are_written_end_as_the_plain_query(database: Database) -> None:
    world = World(database, 7)
    await world.begin()

    async def write() -> None:
        for _ in range(40):
            await world.create()
            await world.advance()

    async def ask() -> None:
        for _ in range(40):
            wanted = world.wanted()
            found = await run_lists.page(world.lists, world.bench.jobs, wanted, offset=3, limit=10)
            assert len(await found.whole()) <= 10

    await asyncio.gather(write(), ask(), ask(), ask())
    for _ in range(20):
        await world.compare(world.wanted())


async def test_a_list_begins_again_when_too_much_was_written_or_notes_are_gone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "NEWS", 5)
    monkeypatch.setattr(list_tables, "NOTES", 1)
    monkeypatch.setattr(lists, "KEPT", 2)
    monkeypatch.setattr(lists, "FEW", 1)
    world = World(database, 11)
    await world.begin()
    for _ in range(40):
        await world.step()
        await world.step()
        await world.delete()
        await world.compare(world.wanted())


async def test_a_table_with_very_many_rows_is_cut_into_longer_stretches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "STRETCHES", 5)
    world = World(database, 13)
    await world.begin()
    for _ in range(20):
        await world.create()
    for _ in range(5):
        await world.compare(world.wanted())


# --- what it costs ---------------------------------------------------------------------------------------------------


class Asked(PassingDatabase):
    """Counts the rows that come back, and keeps the queries."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.queries: list[str] = []
        self.rows = 0

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        found = await self.real.read(sql, params)
        self.queries.append(sql)
        self.rows += len(found)
        return found


async def many_runs(db: Database, count: int) -> Bench:
    bench = Bench(db)
    await bench.add(job(job_id=JOBS[0]))
    spec = bench.jobs.jobs[JOBS[0]]
    made = [bench.maker.new_run(spec, spec.initiators[0], RunSource(given={})) for _ in range(count)]
    await db.write(stored.insert(made))
    return bench


async def test_a_page_costs_two_queries_wherever_it_is_and_however_long_the_list() -> None:
    asked = Asked(open_memory())
    bench = await many_runs(asked, 5000)
    listing = Lists(asked)
    costs = []
    for offset in (0, 0, 2500, 4990):
        asked.queries.clear()
        asked.rows = 0
        found = await run_lists.page(listing, bench.jobs, Wanted(), offset=offset, limit=10)
        assert len(await found.whole()) == 10
        costs.append((len(asked.queries), asked.rows))
    await asked.close()
    # What was written since, the runs, what their tasks left.
    assert costs[1] == costs[2] == costs[3] == (3, 12), costs
    assert costs[0][0] <= 8


async def test_what_was_not_written_to_is_not_counted_again() -> None:
    asked = Asked(open_memory())
    bench = await many_runs(asked, 5000)
    listing = Listing(asked, RUNS)
    await listing.find(Condition("status = ?", ("in_progress",)), offset=0, limit=1)
    run = (await stored.many(asked, [f"{2500:032x}"], bench.jobs))[0]
    done = after(run, 0, Completed({}), NOW)
    await asked.write(*stored.save(done, done.tasks))

    asked.queries.clear()
    found = await listing.find(Condition("status = ?", ("in_progress",)), offset=0, limit=1)
    await asked.close()

    assert found.count == 4999
    counted = [sql for sql in asked.queries if "COUNT(*) FROM runs" in sql]
    assert len(counted) == 1
    assert counted[0].count("CAST(? AS BIGINT)") == 1, "one stretch"


async def test_a_sparse_list_reads_only_where_its_rows_are() -> None:
    asked = Asked(open_memory())
    bench = await many_runs(asked, 5000)
    for number in (10, 4900):
        run = (await stored.many(asked, [f"{number:032x}"], bench.jobs))[0]
        await asked.write(*stored.save(after(run, 0, Errored("why"), NOW), []))
    found = await run_lists.page(Lists(asked), bench.jobs, Wanted(statuses=("errored",)), offset=0, limit=10)
    asked.queries.clear()
    assert [int(run.id, 16) for run in await found.whole()] == [10, 4900]
    await asked.close()
    assert len([sql for sql in asked.queries if "FROM runs" in sql]) == 2
