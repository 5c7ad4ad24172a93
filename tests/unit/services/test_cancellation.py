"""An operator cancels a run: in every status, with a transaction in every state, against everybody who works on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.domain.bridges import Bridge
from adyton.domain.errors import Conflict, NotFound
from adyton.domain.fates import Kind
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Completed, Run, RunStatus, Waits, after, moved
from adyton.domain.transactions import TransactionState
from adyton.ports import HttpRequest, HttpResponse
from adyton.services import cancellation, requests
from adyton.services import jobs as job_service
from adyton.storage import request_runs, statistics
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.database import Row, Statement
from adyton.storage.fates import Chosen
from support.api import Api, PassingDatabase
from support.asked import request_of, run_for, store, transaction_of
from support.builders import JOB_ID, NOW, ORACLE, Bench, job, run_log

R = RunStatus
S = TransactionState
LOG = run_log(block=100)
SLEEP = TaskSpec(type="sleep", params={"until": NOW // 1_000_000 + 3600})


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api(height=120) as opened:
        await opened.job(job("noop", "ethtx", address=ORACLE))
        yield opened


async def asked(api: Api, run: Run) -> Run:
    """The run of a request, stored with it."""
    await store(api.db, run, request_of(LOG, run_id=run.id))
    return run


def waiting(api: Api, status: R) -> Run:
    run = run_for(api.bench, LOG)
    if status is R.IN_PROGRESS:
        return run
    if status is R.PENDING_CONFIRMATIONS:
        return moved(run, status, NOW, wake_height=130, due_at=NOW + 5)
    return after(run, 0, Waits(status, {"result": 1}, NOW + 5), NOW)


@pytest.mark.parametrize(
    "status", [R.IN_PROGRESS, R.PENDING_CONFIRMATIONS, R.PENDING_CONNECTION, R.PENDING_BRIDGE, R.PENDING_SLEEP]
)
async def test_a_run_that_is_not_finished_is_cancelled_for_good(api: Api, status: R) -> None:
    run = await asked(api, waiting(api, status))
    api.bench.clock.micros += 7

    ended, _ = await cancellation.cancel(api.parts, run.id)

    assert ended == await api.run(run.id)
    assert (ended.status, ended.finished_at, ended.error) == (R.CANCELLED, NOW + 7, cancellation.REASON)
    assert (ended.wake_height, ended.due_at, ended.left_chain) == (None, None, None)
    assert ended.tasks[0].status not in (R.PENDING_SLEEP, R.PENDING_BRIDGE, R.PENDING_CONNECTION)


async def test_its_request_is_refused_with_the_reason_and_can_be_run_again(api: Api) -> None:
    run = await asked(api, waiting(api, R.PENDING_CONFIRMATIONS))
    await cancellation.cancel(api.parts, run.id)

    found = await requests.get(api.parts, f"{LOG.address}:{request_of(LOG).request_id}")
    assert (found.fate.kind, found.fate.reason) == (Kind.EXPIRED, "cancelled by the operator")
    unexpired = msgspec.structs.replace(found.request, expiration=None)
    assert (await requests.accounted(api.parts, [unexpired]))[0].fate.kind is Kind.REFUSED
    assert (await requests.page(api.parts, Chosen.UNACCOUNTED, offset=0, limit=5)).count == 0

    receipt = transaction_of(None).receipt
    assert receipt is not None
    api.lookup.receipts[LOG.transaction_hash] = msgspec.structs.replace(receipt, logs=(LOG,))
    new, _ = await requests.run_again(api.parts, f"{LOG.address}:{request_of(LOG).request_id}")
    assert new.status is R.IN_PROGRESS
    assert (await api.run(run.id)).superseded_by == new.id


@pytest.mark.parametrize("status", [R.COMPLETED, R.ERRORED, R.CANCELLED])
async def test_what_is_finished_cannot_be_cancelled(api: Api, status: R) -> None:
    run = await asked(api, run_for(api.bench, LOG, status, "why"))
    with pytest.raises(Conflict, match=f"the run is {status.value} already"):
        await cancellation.cancel(api.parts, run.id)
    assert await api.run(run.id) == run


async def test_a_run_whose_request_left_the_chain_does_not_come_back_once_an_operator_cancelled_it(api: Api) -> None:
    run = msgspec.structs.replace(run_for(api.bench, LOG, R.CANCELLED, "its request left the chain"), left_chain=110)
    await asked(api, run)

    ended, _ = await cancellation.cancel(api.parts, run.id)
    assert (ended.left_chain, ended.error) == (None, cancellation.REASON)

    await api.db.write(request_runs.revived([(LOG.address, request_of(LOG).request_id)], NOW + 1))
    assert (await api.run(run.id)).status is R.CANCELLED


async def test_a_run_that_ended_before_an_operator_cancelled_it_is_counted_once(api: Api) -> None:
    run = msgspec.structs.replace(run_for(api.bench, LOG, R.CANCELLED, "its request left the chain"), left_chain=110)
    await asked(api, run)
    await statistics.count_everything(api.db)
    await cancellation.cancel(api.parts, run.id)
    await statistics.count_everything(api.db)
    assert (await statistics.of_jobs(api.db, [JOB_ID]))[JOB_ID].cancelled == 1


async def test_a_run_of_an_archived_job_can_be_cancelled(api: Api) -> None:
    run = await asked(api, waiting(api, R.IN_PROGRESS))
    await job_service.archive(api.parts, JOB_ID)
    assert (await cancellation.cancel(api.parts, run.id))[0].status is R.CANCELLED


async def test_an_unknown_run_is_not_found(api: Api) -> None:
    with pytest.raises(NotFound, match="Job run not found"):
        await cancellation.cancel(api.parts, "f" * 32)


# --- its transaction -------------------------------------------------------------------------------------------------


async def sending(api: Api, state: S, **changes: object) -> Run:
    """A run that has asked for a transaction, which is in that state."""
    run = run_for(api.bench, LOG)
    run = after(after(run, 0, Completed({}), NOW), 1, Waits(R.PENDING_CONFIRMATIONS, {}), NOW)
    await store(api.db, run, request_of(LOG, run_id=run.id), transaction_of(run, state, **changes))  # type: ignore[arg-type] # a test's shorthand
    await api.db.write(*stored.save(run, run.tasks))
    return await api.run(run.id)


async def test_a_transaction_without_a_nonce_is_taken_back_in_the_same_write(api: Api) -> None:
    run = await sending(api, S.UNSTARTED)
    commits = api.db.commits

    ended, _ = await cancellation.cancel(api.parts, run.id)

    assert api.db.commits == commits + 1
    assert [task.status for task in ended.tasks] == [R.COMPLETED, R.CANCELLED]
    transaction = await stored_transactions.of_task(api.db, run.id, 1)
    assert transaction is not None
    assert (transaction.state, transaction.failure) == (S.FATAL_ERROR, "cancelled by an operator")


@pytest.mark.parametrize("state", [S.IN_PROGRESS, S.UNCONFIRMED])
async def test_a_transaction_that_may_be_mined_is_cancelled_first(api: Api, state: S) -> None:
    run = await sending(api, state)
    with pytest.raises(Conflict, match=f"its transaction 1 is {state.value} and may be mined.*`adyton txs cancel 1`"):
        await cancellation.cancel(api.parts, run.id)
    assert await api.run(run.id) == run


@pytest.mark.parametrize("state", [S.CONFIRMED, S.SAFE])
async def test_a_transaction_that_is_mined_cannot_be_taken_back(api: Api, state: S) -> None:
    run = await sending(api, state)
    with pytest.raises(Conflict, match="its transaction 1 is mined, in block 105"):
        await cancellation.cancel(api.parts, run.id)


async def test_a_transaction_that_was_given_up_keeps_nobody(api: Api) -> None:
    run = await sending(api, S.FATAL_ERROR)
    assert (await cancellation.cancel(api.parts, run.id))[0].status is R.CANCELLED


async def test_the_transaction_of_an_earlier_task_keeps_nobody_once_it_is_safe(api: Api) -> None:
    run = await sending(api, S.SAFE, task_position=0)
    assert (await cancellation.cancel(api.parts, run.id))[0].status is R.CANCELLED


# --- against others --------------------------------------------------------------------------------------------------


class Meanwhile(PassingDatabase):
    """Lets something happen once between the look and the write."""

    def __init__(self, bench: Bench, statement: Statement) -> None:
        super().__init__(bench.db)
        self.statement: Statement | None = statement

    async def write(self, *statements: Statement) -> list[list[Row]]:
        statement, self.statement = self.statement, None
        if statement is not None:
            await self.real.write(statement)
        return await self.real.write(*statements)


async def test_a_transaction_that_gets_its_nonce_meanwhile_wins(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await sending(api, S.UNSTARTED)
    assign = Statement("UPDATE transactions SET state = 'in_progress', nonce = ? WHERE run_id = ?", [(7, run.id)])
    monkeypatch.setattr(api.bench.engine, "_db", Meanwhile(api.bench, assign))

    with pytest.raises(Conflict, match="is in_progress and may be mined"):
        await cancellation.cancel(api.parts, run.id)

    assert await api.run(run.id) == run


async def test_a_worker_that_was_executing_the_run_loses(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.job(job("httpget", job_id="b" * 32))
    spec = api.bench.jobs.jobs["b" * 32]
    asks, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(request: HttpRequest) -> HttpResponse:
        asks.set()
        await goes_on.wait()
        return HttpResponse(200, {}, b"nobody hears this")

    monkeypatch.setattr(api.bench.http, "request", slow)
    run = await api.bench.engine.start(spec, spec.initiators[0], {"get": "https://slow.example/"})
    working = asyncio.create_task(api.bench.executor.advance(run))
    await asks.wait()

    ended, _ = await cancellation.cancel(api.parts, run.id)
    goes_on.set()

    with pytest.raises(Conflict):
        await working
    assert await api.run(run.id) == ended


async def test_a_late_answer_of_its_bridge_comes_too_late(api: Api) -> None:
    api.bench.bridges.put(Bridge(name="oracle", url="https://b.example/", incoming_token_hash="", salt="", outgoing_token="t"))
    run = await asked(api, waiting(api, R.PENDING_BRIDGE))
    await cancellation.cancel(api.parts, run.id)

    with pytest.raises(Conflict):
        await api.bench.engine.answered(run, Completed({}))
    with pytest.raises(Conflict, match="does not wait for a bridge: it is cancelled"):
        await api.bench.engine.answered(await api.run(run.id), Completed({}))


async def test_a_sleeping_run_that_was_cancelled_does_not_wake(api: Api) -> None:
    await api.job(job(SLEEP, job_id="c" * 32))
    spec = api.bench.jobs.jobs["c" * 32]
    run = await api.bench.executor.advance(await api.bench.engine.start(spec, spec.initiators[0], {}))
    assert run.status is R.PENDING_SLEEP

    await cancellation.cancel(api.parts, run.id)

    assert await stored.overdue(api.db, NOW + 10**12, limit=5) == []
