"""Each run that ended is counted once, whatever becomes of it, and in every row that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from adyton.domain.errors import Conflict
from adyton.domain.runs import FINISHED, Run, RunRequest, RunStatus, moved, strayed
from adyton.domain.statistics import BOUNDS, BUCKETS, NOTHING, SECOND, Step, Tally, together
from adyton.storage import request_runs, reruns, run_history, statistics
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from support.api import PassingDatabase
from support.asked import request_of, run_for, store
from support.builders import JOB_ID, NOW, Bench, job, run_log

R = RunStatus
OTHER = "f" * 32
HOUR, DAY = Step.HOUR.micros, Step.DAY.micros


async def make(database: Database) -> Bench:
    bench = Bench(database)
    await bench.add(job("noop"))
    await bench.add(job("noop", job_id=OTHER))
    return bench


def run(bench: Bench, number: int, status: RunStatus, *, at: int = NOW, took: int = SECOND, job_id: str = JOB_ID) -> Run:
    """A run of request ``number`` that came to a status at a time, and had begun before."""
    made = msgspec.structs.replace(run_for(bench, run_log(request=number)), created_at=at - took, job_id=job_id)
    return made if status is R.IN_PROGRESS else moved(made, status, at, error=None if status is R.COMPLETED else "why")


def counted(runs: Iterable[Run]) -> Tally:
    """What should be counted of these runs."""
    found = [each for each in runs if each.status.finished]
    took = [0] * BUCKETS
    spans = [(each.finished_at or 0) - each.created_at for each in found if each.status is R.COMPLETED]
    for span in spans:
        took[next((index for index, bound in enumerate(BOUNDS) if span <= bound), len(BOUNDS))] += 1
    return Tally(
        runs=len(found),
        completed=len(spans),
        errored=sum(each.status is R.ERRORED for each in found),
        cancelled=sum(each.status is R.CANCELLED for each in found),
        duration=sum(spans),
        took=tuple(took),
    )


async def all_time(database: Database, job_id: str = statistics.ALL_JOBS) -> Tally:
    """What is counted of a job, but for when its newest run began: that stays when a run is taken out again."""
    found = (await statistics.of_jobs(database, [job_id])).get(job_id, NOTHING)
    return msgspec.structs.replace(found, last_at=0)


async def truth(database: Database, bench: Bench) -> Tally:
    """What the runs that are there say."""
    ids = [str(row[0]) for row in await database.read("SELECT id FROM runs")]
    return counted(await stored.many(database, ids, bench.jobs))


async def test_runs_are_counted_by_hour_by_day_and_for_good_of_each_job_and_of_all(database: Database) -> None:
    bench = await make(database)
    begin = Step.DAY.floor(NOW)
    runs = [
        run(bench, 1, R.COMPLETED, at=begin + 5, took=30 * SECOND),
        run(bench, 2, R.ERRORED, at=begin + HOUR - 1),
        run(bench, 3, R.CANCELLED, at=begin + HOUR),
        run(bench, 4, R.COMPLETED, at=begin + HOUR, took=3 * HOUR, job_id=OTHER),
        run(bench, 5, R.COMPLETED, at=begin - 1, took=0),
        run(bench, 6, R.IN_PROGRESS),
    ]
    await store(database, *runs)
    await statistics.count_everything(database)

    def at(*numbers: int) -> Tally:
        return counted(runs[number - 1] for number in numbers)

    async def series(step: Step, job_id: str = statistics.ALL_JOBS) -> dict[int, Tally]:
        found = await statistics.series(database, step, begin - DAY, begin + DAY, job_id=job_id)
        return {start - begin: msgspec.structs.replace(tally, last_at=0) for start, tally in found.items()}

    assert await series(Step.HOUR) == {-HOUR: at(5), 0: at(1, 2), HOUR: at(3, 4)}
    assert await series(Step.DAY) == {-DAY: at(5), 0: at(1, 2, 3, 4)}
    assert await series(Step.HOUR, OTHER) == {HOUR: at(4)}
    assert await series(Step.DAY, JOB_ID) == {-DAY: at(5), 0: at(1, 2, 3)}
    assert await all_time(database) == counted(runs)
    assert (await all_time(database, JOB_ID), await all_time(database, OTHER)) == (at(1, 2, 3, 5), at(4))
    assert (await statistics.of_jobs(database, [OTHER]))[OTHER].last_at == runs[3].created_at
    assert await statistics.in_progress(database, [JOB_ID, OTHER]) == {JOB_ID: (1, runs[5].created_at)}


async def test_parts_make_up_the_whole_and_a_run_counts_when_it_has_ended(database: Database) -> None:
    bench = await make(database)
    runs = [run(bench, number, R.COMPLETED if number % 3 else R.IN_PROGRESS) for number in range(1, 12)]
    await store(database, *runs)
    parts = 0
    while await statistics.count(database, limit=3):
        parts += 1
    assert parts == 3
    assert await all_time(database) == counted(runs)
    await database.write(*stored.save(moved(runs[2], R.ERRORED, NOW, error="why"), ()))
    await statistics.count_everything(database)
    assert (await all_time(database)).errored == 1
    assert await all_time(database) == await truth(database, bench)


@pytest.mark.parametrize("before", [False, True], ids=["counted after", "counted before"])
async def test_a_run_that_changes_once_more_is_counted_once(database: Database, before: bool) -> None:
    """Whether or not its first end was counted already."""
    bench = await make(database)
    replaced, gone, moves, back = (run(bench, number, R.ERRORED if number == 1 else R.IN_PROGRESS) for number in range(1, 5))
    away = [strayed(each, 150, NOW) for each in (gone, moves, back)]
    request = request_of(run_log(request=1), run_id=replaced.id)
    await store(database, replaced, *away, request)
    if before:
        await statistics.count_everything(database)
        assert (await all_time(database)).cancelled == 3

    new = run(bench, 1, R.IN_PROGRESS)
    await database.write(*reruns.started_again(request, replaced, new, NOW + 1))
    await database.write(
        *statistics.forgotten([moves.id]),
        request_runs.move(moves.id, _place(moves), {}, payment=1, height=101, by=1, now=NOW + 1),
    )
    asked = back.request
    assert asked is not None
    assert asked.request_id is not None
    key = (asked.contract, asked.request_id)
    await database.write(*statistics.forgotten_of([key]), request_runs.revived([key], NOW + 1))
    await statistics.count_everything(database)
    found = await truth(database, bench)
    assert (found.runs, found.errored, found.cancelled) == (2, 1, 1)
    assert await all_time(database) == found
    assert together((await statistics.series(database, Step.HOUR, 0, 2**62)).values()).runs == 2

    again = await stored.get(database, moves.id, bench.jobs)
    assert again is not None
    ended = moved(moved(again, R.IN_PROGRESS, NOW + HOUR), R.COMPLETED, NOW + HOUR)
    await database.write(*stored.save(ended, ()))
    await statistics.count_everything(database)
    assert await all_time(database) == await truth(database, bench)


def _place(run: Run) -> RunRequest:
    assert run.request is not None
    return run.request


async def test_two_who_count_at_the_same_time_count_once(database: Database) -> None:
    bench = await make(database)
    await store(database, run(bench, 1, R.COMPLETED))

    class Overtaken(PassingDatabase):
        async def write(self, *statements: Statement) -> list[list[Row]]:
            await statistics.count(self.real)
            return await self.real.write(*statements)

    with pytest.raises(Conflict):
        await statistics.count(Overtaken(database))
    assert (await all_time(database)).runs == 1


async def test_a_run_that_changes_while_it_is_counted_is_counted_once(database: Database) -> None:
    bench = await make(database)
    first = run(bench, 1, R.ERRORED)
    request = request_of(run_log(request=1), run_id=first.id)
    await store(database, first, request)

    class Moving(PassingDatabase):
        async def write(self, *statements: Statement) -> list[list[Row]]:
            await self.real.write(*reruns.started_again(request, first, run(bench, 1, R.IN_PROGRESS), NOW + 1))
            return await self.real.write(*statements)

    with pytest.raises(Conflict):
        await statistics.count(Moving(database))
    assert (await all_time(database)).runs == 0
    await statistics.count_everything(database)
    assert await all_time(database) == await truth(database, bench)


async def test_what_is_deleted_was_counted_before(database: Database) -> None:
    bench = await make(database)
    runs = [
        msgspec.structs.replace(run(bench, number, R.COMPLETED), request=None, creation_height=None) for number in range(1, 6)
    ]
    await store(database, *runs)
    done = await run_history.delete(database, FINISHED, before=2**62, settled=10**6, limit=10)
    assert done.runs == 5
    await statistics.count_everything(database)
    assert await all_time(database) == counted(runs)


async def test_runs_from_before_there_were_changes_are_counted_by_their_ids(database: Database) -> None:
    bench = await make(database)
    old = [run(bench, number, R.COMPLETED) for number in range(1, 8)]
    await store(database, *old)
    await database.write(Statement("UPDATE runs SET change = 0 WHERE id < ?", [(old[5].id,)]))
    await database.write(Statement("UPDATE statistics_place SET old_end = ?", [(old[4].id,)]))
    while await statistics.count(database, limit=2):
        pass
    assert await all_time(database) == counted(old)
    await database.write(*statistics.forgotten([old[0].id]))
    assert await all_time(database) == counted(old[1:])


async def test_old_hours_go_and_days_stay(database: Database) -> None:
    bench = await make(database)
    await store(database, *(run(bench, number, R.COMPLETED, at=NOW - number * DAY) for number in range(1, 5)))
    await statistics.count_everything(database)
    limit = Step.HOUR.floor(NOW) - 2 * DAY
    while await statistics.delete_hours(database, limit, limit=1):
        pass
    hours = await statistics.series(database, Step.HOUR, 0, 2**62)
    assert sorted(hours) == [limit, limit + DAY]
    assert len(await statistics.series(database, Step.DAY, 0, 2**62)) == 4


async def test_there_are_as_many_columns_as_bounds(database: Database) -> None:
    """The bounds and the schema belong together: neither may change alone."""
    assert BUCKETS == 20
    await database.read(f"SELECT {statistics.COLUMNS} FROM statistics")


async def test_unfinished_runs_of_jobs_are_counted_from_their_index_alone() -> None:
    database = open_memory()
    bench = await make(database)
    await store(database, run(bench, 1, R.IN_PROGRESS))
    plans: list[str] = []

    class Plans(PassingDatabase):
        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            plans.extend(str(row[-1]) for row in await self.real.read(f"EXPLAIN QUERY PLAN {sql}", params))
            return await self.real.read(sql, params)

    assert len(await statistics.in_progress(Plans(database), [JOB_ID, OTHER])) == 1
    assert any("COVERING INDEX runs_unfinished" in plan for plan in plans), plans
