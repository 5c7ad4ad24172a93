"""HTTP exchanges: written with what came of them, read in their order, gone with their run."""

from __future__ import annotations

import msgspec

from adyton.domain.exchanges import Exchange, Failure
from adyton.domain.runs import FINISHED, Completed, RunStatus, Waits, after
from adyton.engine.create import RunSource
from adyton.storage import exchanges, run_history
from adyton.storage import runs as stored
from adyton.storage.database import Database
from support.builders import JOB_ID, NOW, Bench, job

MADE = Exchange(
    method="GET",
    url="http://source.test/a",
    started_at=NOW,
    duration=1500,
    status=200,
    size=2**40,
    media_type="text/html",
    body="<script>\u202e\x1b[31m",
)
FAILED = Exchange(
    method="POST", url="http://source.test/b", started_at=NOW + 1, duration=3, failure=Failure.TIMEOUT, error="too late"
)


async def run_of(database: Database) -> tuple[Bench, str]:
    bench = Bench(database)
    spec = await bench.add(job("noop", "noop"))
    run = bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))
    await database.write(stored.insert([run]))
    return bench, run.id


async def test_what_is_kept_is_read_back_in_order(database: Database) -> None:
    _, run_id = await run_of(database)
    await database.write(exchanges.insert(run_id, [(1, FAILED), (0, MADE)]))
    await database.write(exchanges.insert(run_id, [(0, FAILED)]))
    assert await exchanges.of_run(database, run_id) == {0: [MADE, FAILED], 1: [FAILED]}
    assert await exchanges.of_run(database, "0" * 32) == {}


async def test_what_no_database_can_hold_is_replaced(database: Database) -> None:
    _, run_id = await run_of(database)
    hostile = msgspec.structs.replace(MADE, url="http://h/\ud800", body="a\0b", error="\0", media_type="\udfff")
    await database.write(exchanges.insert(run_id, [(0, hostile)]))
    [kept] = (await exchanges.of_run(database, run_id))[0]
    assert (kept.url, kept.body, kept.error, kept.media_type) == ("http://h/?", "a\ufffdb", "\ufffd", "?")


async def test_they_go_with_their_run(database: Database) -> None:
    bench, run_id = await run_of(database)
    run = await stored.get(database, run_id, bench.jobs)
    assert run is not None
    done = after(after(run, 0, Completed({}), NOW), 1, Completed({}), NOW)
    await database.write(*stored.save(done, done.tasks), exchanges.insert(run_id, [(0, MADE)]))
    deleted = await run_history.delete(database, FINISHED, before=NOW + 1, settled=10**6, limit=10)
    assert deleted.runs == 1
    assert await database.read("SELECT id FROM exchanges") == []


async def test_when_a_task_began_and_ended_is_read_back(database: Database) -> None:
    bench, run_id = await run_of(database)
    run = await stored.get(database, run_id, bench.jobs)
    assert run is not None
    waiting = after(run, 0, Waits(RunStatus.PENDING_SLEEP, {}), NOW + 5, began=NOW + 2)
    await database.write(*stored.save(waiting, [waiting.tasks[0]]))
    read = await stored.get(database, run_id, bench.jobs)
    assert read is not None
    assert [(task.started_at, task.finished_at) for task in read.tasks] == [(NOW + 2, None), (None, None)]
    assert bench.jobs.jobs[JOB_ID].tasks == tuple(task.spec for task in read.tasks)
