"""History is deleted, and what came of each request is not; what a task left is kept, however long."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from adyton.domain.errors import Conflict
from adyton.domain.fates import Kind, fate
from adyton.domain.requests import End
from adyton.domain.runs import FINISHED, Completed, Run, RunStatus, after
from adyton.domain.transactions import Transaction, TransactionState
from adyton.storage import packing, run_history
from adyton.storage import requests as stored_requests
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from adyton.storage.run_history import Deleted
from support.api import PassingDatabase
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import JOB_ID, NOW, Bench, job, number_hash, run_log

S = TransactionState
DEEP = 10**6
OLD = NOW + 10**6
ELSEWHERE = "it failed in another block than the one where the request is now"


async def make(database: Database, *tasks: str) -> Bench:
    bench = Bench(database)
    await bench.add(job(*tasks or ("noop", "ethtx")))
    return bench


async def forget(database: Database, *, before: int = OLD, settled: int = DEEP, limit: int = 1000) -> Deleted:
    return await run_history.delete(database, FINISHED, before=before, settled=settled, limit=limit)


async def left(database: Database) -> list[str]:
    return [str(row[0]) for row in await database.read("SELECT id FROM runs ORDER BY id")]


RUNS = [
    (RunStatus.IN_PROGRESS, None),
    (RunStatus.COMPLETED, None),
    (RunStatus.ERRORED, "why"),
    (RunStatus.ERRORED, None),
    (RunStatus.ERRORED, ELSEWHERE),
    (RunStatus.CANCELLED, "cancelled by the operator"),
]
SENT = [None, *((state, 1, False) for state in S if state is not S.IN_PROGRESS), (S.SAFE, 0, False), (S.SAFE, 1, True)]
ENDS = [("run started", None), ("refused", None), ("run started", End.ANSWERED), ("run started", End.CANCELLED)]


@pytest.mark.parametrize("tasks", [("noop", "ethtx"), ("noop",)])
async def test_what_became_of_a_request_outlives_its_run(database: Database, tasks: tuple[str, ...]) -> None:
    bench = await make(database, *tasks)
    before: dict[str, tuple[Kind, Run, bool]] = {}
    for number, (known, sent, (decision, how)) in enumerate(product(RUNS, SENT, ENDS), start=1):
        log = run_log(request=number, block=100 + number)
        run = run_for(bench, run_log(request=number, block=9000 + number) if known[1] == ELSEWHERE else log, *known)
        reason = "why" if decision == "refused" else None
        end = None if how is None else closing(how, transaction=number_hash(number, 9))
        request = request_of(log, run_id=run.id, decision=decision, reason=reason, closed=end)
        made: list[Transaction] = []
        if sent is not None:
            state, status, noop = sent
            attempt = number_hash(number, 8)
            made = [transaction_of(run, state, number=number, status=status, noop=noop, attempt=attempt)]
        await store(database, run, *made, request)
        settled = all(each.state in (S.SAFE, S.FATAL_ERROR) for each in made)
        before[request.request_id] = (fate(request, run, made, 0).kind, run, settled)

    done = await forget(database)

    gone = {run.id for _, run, _ in before.values()} - set(await left(database))
    assert done == Deleted(len(gone), None)
    assert len(gone) > 20
    for request_id, (kind, run, settled) in before.items():
        assert (run.id in gone) <= (run.status.finished and settled)
        now = await stored_requests.get(database, run_log().address, request_id)
        assert now is not None
        if run.id in gone:
            assert kind in (Kind.ANSWERED, Kind.CANCELLED, Kind.REFUSED)
            after_it = fate(now, None, (), 0)
            assert (after_it.kind, bool(after_it.reason)) == (kind, True)
            assert now.closed is not None or now.run_id is None
        else:
            assert now.run_id == run.id
    assert await database.read("SELECT COUNT(*) FROM task_runs WHERE run_id NOT IN (SELECT id FROM runs)") == [(0,)]


async def test_the_reason_is_the_runs_own(database: Database) -> None:
    bench = await make(database)
    log = run_log()
    run = run_for(bench, log, RunStatus.ERRORED, "the source is away")
    await store(database, run, request_of(log, run_id=run.id))

    await forget(database)

    request = await stored_requests.get(database, log.address, request_of(log).request_id)
    assert request is not None
    assert (request.decision, request.reason, request.run_id) == ("refused", "the source is away", None)


async def test_a_run_that_a_reorganisation_may_still_concern_stays(database: Database) -> None:
    bench = await make(database)
    for number in range(1, 4):
        log = run_log(request=number, block=100)
        run = run_for(bench, log, RunStatus.ERRORED, "why")
        if number == 2:
            run = msgspec.structs.replace(run, status=RunStatus.CANCELLED, left_chain=150)
        await store(database, run, request_of(log, run_id=run.id))
        if number == 3:
            await store(database, transaction_of(run, S.SAFE, status=0))

    assert (await forget(database, settled=-1)).runs == 0, "no head is known"
    assert (await forget(database, settled=100)).runs == 0
    assert (await forget(database, settled=101)).runs == 1
    assert (await forget(database, settled=106)).runs == 1, "its transaction was mined in block 105"
    assert (await forget(database, settled=151)).runs == 1, "its request left the chain at head 150"
    assert await left(database) == []


async def test_the_place_of_a_run_that_gave_it_up_needs_no_reason(database: Database) -> None:
    bench = await make(database)
    log = run_log()
    old = msgspec.structs.replace(run_for(bench, log, RunStatus.ERRORED), superseded_by="f" * 32)
    new = run_for(bench, log)
    await store(database, old, new, request_of(log, run_id=new.id))

    assert (await forget(database)).runs == 1
    assert await left(database) == [new.id]


async def test_chunks_begin_behind_one_another_and_pass_by_what_stays(database: Database) -> None:
    bench = await make(database, "noop")
    runs = []
    for number in range(1, 8):
        log = run_log(request=number, block=100 if number != 3 else 500)
        run = msgspec.structs.replace(run_for(bench, log, RunStatus.COMPLETED), updated_at=NOW - number)
        runs.append(run)
        await store(database, run)

    first = await forget(database, before=NOW - 1, settled=200, limit=2)
    assert (first.runs, first.behind) == (2, (NOW - 6, runs[5].id))
    assert first.behind is not None
    second = await run_history.delete(database, FINISHED, before=NOW - 1, settled=200, behind=first.behind, limit=5)
    assert second == Deleted(3, None)
    assert await left(database) == [runs[0].id, runs[2].id]


async def test_only_the_statuses_that_are_named_are_deleted(database: Database) -> None:
    bench = await make(database, "noop")
    runs = {}
    for number, status in enumerate(sorted(FINISHED), start=1):
        runs[status] = run_for(bench, run_log(request=number), status, "why")
        await store(database, runs[status])

    assert await run_history.delete(database, (), before=OLD, settled=DEEP, limit=9) == Deleted(0, None)
    await run_history.delete(database, {RunStatus.ERRORED}, before=OLD, settled=DEEP, limit=9)
    assert await left(database) == sorted(run.id for status, run in runs.items() if status is not RunStatus.ERRORED)


class Meanwhile(PassingDatabase):
    """Lets something happen between the look and the write."""

    def __init__(self, db: Database, statement: Statement) -> None:
        super().__init__(db)
        self.statement = statement

    async def write(self, *statements: Statement) -> list[list[Row]]:
        await self.real.write(self.statement)
        return await self.real.write(*statements)


async def test_a_run_that_is_run_again_meanwhile_stays_with_all_of_its_chunk(database: Database) -> None:
    bench = await make(database, "noop")
    runs = [run_for(bench, run_log(request=number), RunStatus.ERRORED, "why") for number in (1, 2)]
    await store(database, *runs)
    change = Statement("UPDATE runs SET version = version + 1, superseded_by = ? WHERE id = ?", [("f" * 32, runs[0].id)])

    with pytest.raises(Conflict):
        await forget(Meanwhile(database, change))

    assert await left(database) == [run.id for run in runs]


async def test_history_is_found_by_its_age_without_reading_the_rest() -> None:
    database = open_memory()
    steps: list[str] = []

    class Plans(PassingDatabase):
        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            steps.extend(str(row[-1]) for row in await self.real.read(f"EXPLAIN QUERY PLAN {sql}", params))
            return await self.real.read(sql, params)

    await forget(Plans(database))
    assert any("runs_finished" in step for step in steps), steps
    # What is not counted yet is in an index of its own, and counted a part at a time (``ahead``).
    small = ("runs_finished", "ahead", "transactions_uncounted")
    assert not [step for step in steps if step.startswith("SCAN") and not any(name in step for name in small)]
    await database.close()


# --- what a task left ------------------------------------------------------------------------------------------------


async def test_long_data_are_stored_packed_and_read_as_they_were(database: Database) -> None:
    bench = await make(database, "noop")
    spec = bench.jobs.jobs[JOB_ID]
    run = run_for(bench, run_log())
    await store(database, run)
    given = {"prices": [{"symbol": f"ETH{number}", "é": "\0€"} for number in range(2000)]}
    done = after(run, 0, Completed(given), NOW + 1)
    await database.write(*stored.save(done, done.tasks))

    ((text,),) = await database.read("SELECT data FROM task_runs")
    assert str(text).startswith("zlib:")
    assert len(str(text)) < 30_000
    found = await stored.get(database, run.id, bench.jobs)
    assert found is not None
    assert found.tasks[0].data == given
    assert found.job_id == spec.id


async def test_data_of_older_versions_are_read_as_they_are(database: Database) -> None:
    bench = await make(database, "noop")
    run = run_for(bench, run_log())
    await store(database, run)
    long = '{"result":"' + "x" * 2 * packing.LONG + '"}'
    sql = "INSERT INTO task_runs (run_id, position, status, data, updated_at) VALUES (?, 0, 'completed', ?, 1)"
    await database.write(Statement(sql, [(run.id, long)]))

    found = await stored.get(database, run.id, bench.jobs)
    assert found is not None
    assert found.tasks[0].data == {"result": "x" * 2 * packing.LONG}


@pytest.mark.parametrize("text", ["", "{}", "null", '"' + "é" * 5000 + '"', "[" + "1," * 5000 + "1]", '"zlib:"'])
def test_a_packed_text_is_unpacked_to_itself(text: str) -> None:
    assert packing.unpack(packing.pack(text)) == text
