"""How far schedules are, on every database."""

from __future__ import annotations

import msgspec
import pytest

from adyton.domain.errors import Conflict
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.runs import Run, RunStatus
from adyton.engine.create import RunSource
from adyton.storage import jobs, runs, schedules
from adyton.storage.database import Database
from adyton.storage.schedules import Decided, Position
from support.builders import NOW, Bench

pytestmark = pytest.mark.usefixtures("database")
TIMED = (Initiator(type="cron", schedule="* * * * *"), Initiator(type="runat", run_at=NOW), Initiator(type="web"))


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


async def stored(bench: Bench, job_id: str = "a" * 32) -> Job:
    return await bench.add(Job(id=job_id, initiators=TIMED, tasks=(TaskSpec(type="noop"),), created_at=NOW))


def a_run(bench: Bench, job: Job, place: int = 0) -> Run:
    return bench.maker.new_run(job, job.initiators[place], RunSource(given={}))


async def ids(bench: Bench) -> list[object]:
    return [row[0] for row in await bench.db.read("SELECT id FROM runs ORDER BY id")]


async def test_an_initiator_begins_nowhere(bench: Bench) -> None:
    job = await stored(bench)
    numbers = [item.id for item in job.initiators]
    assert await schedules.positions(bench.db, [*numbers, 999]) == dict.fromkeys(numbers, Position(None, ran=False))


async def test_a_time_is_decided_about_in_the_same_write_as_its_run(bench: Bench) -> None:
    job = await stored(bench)
    cron, once, _ = (item.id for item in job.initiators)
    await bench.db.write(
        runs.insert([a_run(bench, job), a_run(bench, job, 1)]),
        schedules.fired([Decided(cron, 5, None)]),
        schedules.ran([(once, 7)]),
    )
    assert await schedules.positions(bench.db, [cron, once]) == {cron: Position(5, ran=False), once: Position(7, ran=True)}
    assert len(await ids(bench)) == 2
    found = await jobs.get(bench.db, job.id)
    assert found is not None
    assert [item.ran for item in found.initiators] == [False, True, False]


@pytest.mark.parametrize(
    ("time", "before"),
    [(5, 5), (4, 5), (6, None), (6, 4), (7, 6)],
    ids=["the same", "older", "as if it were the first", "from an older one", "from a newer one"],
)
async def test_a_time_must_follow_the_stored_one(bench: Bench, time: int, before: int | None) -> None:
    job = await stored(bench)
    cron = job.initiators[0].id
    await bench.db.write(schedules.fired([Decided(cron, 5, None)]))
    with pytest.raises(Conflict):
        await bench.db.write(runs.insert([a_run(bench, job)]), schedules.fired([Decided(cron, time, before)]))
    assert await ids(bench) == []
    await bench.db.write(runs.insert([a_run(bench, job)]), schedules.fired([Decided(cron, 6, 5)]))
    assert (await schedules.positions(bench.db, [cron]))[cron].fired_at == 6


async def test_a_one_time_run_is_started_once(bench: Bench) -> None:
    job = await stored(bench)
    once = job.initiators[1].id
    await bench.db.write(runs.insert([a_run(bench, job, 1)]), schedules.ran([(once, 5)]))
    with pytest.raises(Conflict):
        await bench.db.write(runs.insert([a_run(bench, job, 1)]), schedules.ran([(once, 6)]))
    assert len(await ids(bench)) == 1


async def test_one_that_is_refused_takes_the_others_of_its_write_along(bench: Bench) -> None:
    first, second = await stored(bench), await stored(bench, "b" * 32)
    await bench.db.write(schedules.fired([Decided(first.initiators[0].id, 9, None)]))
    with pytest.raises(Conflict):
        await bench.db.write(
            schedules.fired([Decided(second.initiators[0].id, 9, None), Decided(first.initiators[0].id, 10, None)])
        )
    assert (await schedules.positions(bench.db, [second.initiators[0].id]))[second.initiators[0].id].fired_at is None


async def test_busy_initiators_have_a_run_that_is_not_finished(bench: Bench) -> None:
    jobs_ = [await stored(bench, f"{n:032x}") for n in range(4)]
    numbers = [job.initiators[0].id for job in jobs_]
    waiting = msgspec.structs.replace(a_run(bench, jobs_[1]), status=RunStatus.PENDING_BRIDGE)
    done = msgspec.structs.replace(a_run(bench, jobs_[2]), status=RunStatus.COMPLETED, finished_at=NOW)
    under_way = a_run(bench, jobs_[0])
    await bench.db.write(runs.insert([under_way, waiting, done, a_run(bench, jobs_[3], 2)]))

    assert await schedules.busy(bench.db, numbers) == {numbers[0], numbers[1]}
    assert await schedules.busy(bench.db, []) == set()
    assert await schedules.in_progress(bench.db, numbers) == [under_way.id]


async def test_many_are_read_in_parts(bench: Bench) -> None:
    job = await stored(bench)
    many = [job.initiators[0].id, *range(10_000, 11_200)]
    assert list(await schedules.positions(bench.db, many)) == [job.initiators[0].id]
    assert await schedules.busy(bench.db, many) == set()
