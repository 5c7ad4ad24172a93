"""Logs that start runs without asking: what each initiator decided, where they begin, and whose runs linger."""

from __future__ import annotations

import msgspec
import pytest

from adyton.domain.errors import Conflict
from adyton.domain.event_logs import event_data, event_id, subscriptions
from adyton.domain.jobs import Initiator
from adyton.domain.runs import Run, RunRequest
from adyton.engine.create import RunSource
from adyton.storage import histories, request_runs
from adyton.storage import jobs as stored_jobs
from adyton.storage import logs as stored
from adyton.storage import runs as stored_runs
from adyton.storage.database import Database, Statement
from adyton.storage.logs import LogDecision
from support.builders import NOW, ORACLE, Bench, number_hash
from support.intake import event, event_job

LOG = event(block=100)
A_DAY = 24 * 3600 * 1_000_000


async def started(database: Database, *, job_id: str = "a" * 32, number: int = 0) -> Run:
    """The stored run of ``LOG``, and the decision about it."""
    bench = Bench(database)
    job = await bench.add(event_job(job_id=job_id))
    (mine,) = subscriptions(job)
    place = RunRequest(
        contract=LOG.address,
        transaction_hash=LOG.transaction_hash,
        block_hash=LOG.block_hash,
        log_index=LOG.log_index,
        request_id=event_id(mine, LOG, number),
    )
    source = RunSource(given=event_data(LOG), height=100, head=100, request=place)
    run = msgspec.structs.replace(bench.maker.new_run(job, mine.initiator, source), id=job_id)
    decision = LogDecision(
        log=LOG, job_id=job.id, subscription=mine.name, decision="run started", run_id=run.id, request_id=place.request_id
    )
    await database.write(stored_runs.insert([run]), stored.insert([decision], NOW))
    return run


async def test_each_initiator_decides_for_itself_and_once(database: Database) -> None:
    def decision(place: int | None) -> LogDecision:
        name = None if place is None else f"job/{place}"
        return LogDecision(log=LOG, job_id="job", subscription=name, decision="refused", reason="a\0b", run_id=None)

    await database.write(stored.insert([decision(None), decision(0), decision(1)], NOW))
    assert set(await stored.decided(database, [LOG.block_hash])) == {
        (LOG.block_hash, 0, name) for name in ("job", "job/0", "job/1")
    }
    with pytest.raises(Conflict):
        await database.write(stored.insert([decision(1)], NOW))
    assert {each.reason for each in await histories.decisions(database, LOG.block_hash, 0)} == {"a\ufffdb"}


async def test_a_run_of_a_log_is_found_by_what_the_log_is_known_by_and_is_there_once(database: Database) -> None:
    run = await started(database)
    assert run.request is not None
    key = (ORACLE, str(run.request.request_id))
    found = await request_runs.of_requests(database, [key])
    assert found[key].id == run.id
    assert found[key].payment is None
    with pytest.raises(Conflict):
        await database.write(stored_runs.insert([msgspec.structs.replace(run, id="f" * 32)]))


async def test_a_run_without_a_payment_moves_and_has_none_there(database: Database) -> None:
    run = await started(database)
    assert run.request is not None
    place = msgspec.structs.replace(run.request, block_hash=number_hash(101, 5), log_index=9)
    moved = event_data(event(block=101, kind=5, index=9))
    await database.write(request_runs.move(run.id, place, moved, payment=None, height=101, by=1, now=NOW + 1))
    ((payment, height, index, version),) = await database.read(
        "SELECT payment, creation_height, request_log, version FROM runs"
    )
    assert (payment, height, index, version) == (None, 101, 9, 2)


async def test_the_runs_of_a_transactions_logs_are_found_in_its_block(database: Database) -> None:
    run = await started(database)
    assert await histories.event_runs(database, LOG.block_hash, LOG.transaction_hash, limit=5) == [run.id]
    assert await histories.event_runs(database, LOG.block_hash, number_hash(2), limit=5) == []
    await database.write(Statement("DELETE FROM runs", [()]))
    assert await histories.event_runs(database, LOG.block_hash, LOG.transaction_hash, limit=5) == []


async def test_initiators_that_do_not_say_where_they_begin_are_told(database: Database) -> None:
    kinds = (Initiator(type="ethlog"), Initiator(type="ethlog", from_block=5), Initiator(type="runlog"))
    await Bench(database).add(event_job(*kinds))
    await database.write(stored.begins(90))
    rows = await database.read("SELECT from_block FROM initiators ORDER BY position")
    assert [row[0] for row in rows] == [90, 5, None]


@pytest.mark.parametrize(
    ("state", "archived", "lingers"),
    [
        ("status = 'in_progress', wake_height = NULL", True, True),
        ("status = 'pending_confirmations'", False, False),
        (f"status = 'completed', finished_at = {NOW}, wake_height = NULL", True, False),
        (f"status = 'cancelled', finished_at = {NOW}, wake_height = NULL, left_chain = 100, updated_at = {NOW}", True, True),
        (f"status = 'cancelled', finished_at = {NOW}, wake_height = NULL, updated_at = {NOW}", True, False),
        (
            f"status = 'cancelled', finished_at = {NOW}, wake_height = NULL, left_chain = 100, updated_at = {NOW - 2 * A_DAY}",
            True,
            False,
        ),
    ],
)
async def test_archived_jobs_linger_while_their_runs_may_follow_their_logs(
    database: Database, state: str, archived: bool, lingers: bool
) -> None:
    run = await started(database)
    await database.write(Statement(f"UPDATE runs SET {state}", [()]))
    if archived:
        await stored_jobs.archive(database, run.job_id, NOW)
    assert await stored.lingering(database, NOW) == ([run.job_id] if lingers else [])
