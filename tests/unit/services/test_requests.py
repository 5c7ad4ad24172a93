"""Requests: what became of each, and running one again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.domain.chain import Log, Receipt
from adyton.domain.errors import Conflict, NotFound, TryAgain
from adyton.domain.fates import Kind
from adyton.domain.jobs import Initiator
from adyton.domain.requests import End, Request
from adyton.domain.runs import Run, RunStatus
from adyton.domain.transactions import TransactionState
from adyton.ethereum.errors import RpcError
from adyton.services import jobs as job_service
from adyton.services import requests
from adyton.services.reconciler import Reconciler
from adyton.storage import fates
from adyton.storage import requests as stored_requests
from adyton.storage import runs as stored_runs
from support.api import Api
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import JOB_ID, ORACLE, REQUESTER, SENDER, head, job, number_hash, run_log

LOG = run_log(block=100)
OTHER = "0x" + "77" * 20
S = TransactionState


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api(height=120) as opened:
        await opened.job(job("noop", "ethtx", address=ORACLE))
        yield opened


def on_chain(api: Api, *logs: Log) -> None:
    """Let the chain have the transactions of these logs."""
    for log in logs:
        api.lookup.receipts[log.transaction_hash] = Receipt(
            log.transaction_hash, log.block_number, log.block_hash, 1, 21_000, 1, (log,)
        )


async def asked(api: Api, status: RunStatus = RunStatus.ERRORED, error: str | None = "the source is away") -> Request:
    """A request on the chain whose run has ended like that."""
    on_chain(api, LOG)
    run = run_for(api.bench, LOG, status, error)
    request = request_of(LOG, run_id=run.id)
    await store(api.db, run, request)
    return request


async def undone(api: Api) -> Request:
    """A request on the chain whose run believes that it has answered; but the answer reverted."""
    request = await asked(api, RunStatus.COMPLETED, None)
    run = await stored_runs.get(api.db, request.run_id or "", api.bench.jobs)
    await store(api.db, transaction_of(run, status=0, revert_reason="Params do not match request ID"))
    return request


async def now(api: Api, request: Request) -> requests.Accounted:
    return await requests.get(api.parts, f"{request.contract}:{request.request_id}")


# --- look ------------------------------------------------------------------------------------------------------------


async def test_a_page_has_the_fate_of_each(api: Api) -> None:
    first = await asked(api)
    other = run_log(request=2, block=101)
    await store(api.db, request_of(other, closed=closing(End.CANCELLED)))
    page = await requests.page(api.parts, offset=0, limit=10)
    found = await page.whole()
    assert [(each.request.request_id, each.fate.kind) for each in found] == [
        (request_of(other).request_id, Kind.CANCELLED),
        (first.request_id, Kind.EXPIRED),
    ]
    assert page.count == 2
    assert found[1].fate.reason == "the source is away"


async def test_expiration_is_measured_by_the_time_of_the_chain(api: Api) -> None:
    request = await asked(api)
    assert (await now(api, request)).fate.kind is Kind.EXPIRED
    early = msgspec.structs.replace(head(120), timestamp=(request.expiration or 0) - 1)
    api.bench.chain.state = msgspec.structs.replace(api.bench.chain.state, head=early)
    assert (await now(api, request)).fate.kind is Kind.REFUSED


async def test_a_request_is_found_by_its_id_alone_unless_two_contracts_have_it(api: Api) -> None:
    request = await asked(api)
    assert (await requests.find(api.parts, request.request_id.upper().replace("0X", "0x"))) == request
    await store(api.db, request_of(run_log(address=OTHER)))
    with pytest.raises(Conflict, match="several contracts"):
        await requests.find(api.parts, request.request_id)
    assert (await requests.find(api.parts, f"{OTHER}:{request.request_id}")).contract == OTHER


@pytest.mark.parametrize("identity", ["", "0x12", "7" * 64, number_hash(4), f"{OTHER}:{number_hash(1)}", "../../etc"])
async def test_an_id_of_nothing_is_not_found(api: Api, identity: str) -> None:
    with pytest.raises(NotFound, match="Request not found"):
        await requests.get(api.parts, identity)


async def test_the_count_is_that_of_the_unaccounted(api: Api) -> None:
    await asked(api)
    assert await requests.unaccounted_count(api.parts) == 0
    await store(api.db, request_of(run_log(request=9)))
    assert await requests.unaccounted_count(api.parts) == 1


# --- run again -------------------------------------------------------------------------------------------------------


async def test_a_failed_run_is_replaced_by_one_for_the_request_as_it_is_now(api: Api) -> None:
    request = await asked(api)
    moved = run_log(block=105, payment=2 * 10**18)
    on_chain(api, moved)

    run, spec = await requests.run_again(api.parts, request.request_id)

    stored = await api.run(run.id)
    assert (stored.status, spec.id) == (RunStatus.IN_PROGRESS, JOB_ID)
    assert stored.request is not None
    assert (stored.request.block_hash, stored.payment) == (moved.block_hash, 2 * 10**18)
    assert (await api.run(request.run_id or "")).superseded_by == run.id
    assert (await now(api, request)).fate.kind is Kind.IN_PROGRESS
    assert api.bench.engine.queue.depth == 1


async def test_a_refused_request_without_a_run_is_run(api: Api) -> None:
    on_chain(api, LOG)
    await store(api.db, request_of(LOG, decision="refused", reason="emitted before the job begins"))
    run, _ = await requests.run_again(api.parts, request_of(LOG).request_id)
    assert (await now(api, request_of(LOG))).run == await api.run(run.id)


async def refusal(api: Api, request: Request) -> str:
    """Why it is not run again; nothing may have been written."""
    before = await stored_requests.get(api.db, request.contract, request.request_id)
    with pytest.raises(Conflict) as caught:
        await requests.run_again(api.parts, request.request_id)
    assert await stored_requests.get(api.db, request.contract, request.request_id) == before
    assert api.bench.engine.queue.depth == 0
    return str(caught.value)


async def test_what_is_answered_or_cancelled_is_not_run_again(api: Api) -> None:
    request = request_of(LOG, closed=closing(End.CANCELLED, transaction=number_hash(3)))
    await store(api.db, request)
    assert f"cancelled on the chain, in transaction {number_hash(3)}" in await refusal(api, request)


async def test_what_is_under_way_is_not_run_again(api: Api) -> None:
    request = await asked(api, RunStatus.IN_PROGRESS, None)
    assert f"its run {request.run_id} is not finished (in_progress)" in await refusal(api, request)


@pytest.mark.parametrize(
    ("state", "words"),
    [(S.UNSTARTED, "may still answer"), (S.UNCONFIRMED, "may still answer"), (S.SAFE, "is answered in transaction")],
)
async def test_what_may_still_be_answered_is_not_run_again(api: Api, state: TransactionState, words: str) -> None:
    request = await asked(api, RunStatus.COMPLETED, None)
    await store(api.db, transaction_of(await api.run(request.run_id or ""), state))
    assert words in await refusal(api, request)


async def test_what_the_chain_does_not_hold_any_more_is_not_run_again(api: Api) -> None:
    request = await asked(api)
    api.open_requests.ended = {(request.contract, request.request_id)}
    assert "does not hold it any more" in await refusal(api, request)
    api.lookup.receipts.clear()
    assert "is not on the chain any more" in await refusal(api, request)
    api.lookup.receipts[LOG.transaction_hash] = Receipt(LOG.transaction_hash, 100, LOG.block_hash, 0, 21_000, 1)
    assert "does not ask it any more" in await refusal(api, request)


async def test_an_archived_job_takes_nothing_again(api: Api) -> None:
    request = await asked(api)
    await job_service.archive(api.parts, JOB_ID)
    assert f"job {JOB_ID} is archived" in await refusal(api, request)


async def test_a_job_that_is_not_here_takes_nothing(api: Api) -> None:
    request = request_of(LOG, job_id="5" * 32, decision="refused", reason="no such job")
    await store(api.db, request)
    on_chain(api, LOG)
    assert f"job {'5' * 32} is not on this node" in await refusal(api, request)


async def test_a_contract_that_the_job_does_not_listen_to_is_not_served(api: Api) -> None:
    log = run_log(address=OTHER)
    on_chain(api, log)
    request = request_of(log, decision="refused", reason="does not listen")
    await store(api.db, request)
    assert "does not listen to contract" in await refusal(api, request)


async def test_what_would_be_refused_again_is_said_at_once(api: Api) -> None:
    cheap = run_log(payment=1)
    on_chain(api, cheap)
    request = request_of(cheap, decision="refused", reason="paid too little")
    await store(api.db, request)
    assert "it would be refused again: Rejecting job" in await refusal(api, request)


@pytest.mark.parametrize("fault", [RpcError(-32000, "header not found"), TryAgain("no answer in time")])
async def test_a_chain_that_does_not_answer_is_asked_later(api: Api, fault: Exception) -> None:
    request = await asked(api)
    api.lookup.error = fault
    with pytest.raises(TryAgain):
        await requests.run_again(api.parts, request.request_id)
    assert (await api.run(request.run_id or "")).superseded_by is None


async def test_while_the_chain_is_reorganised_nothing_is_started(api: Api) -> None:
    request = await asked(api)
    api.bench.chain.hashes[100] = number_hash(100, 4)
    with pytest.raises(TryAgain, match="not on the chain that the node follows"):
        await requests.run_again(api.parts, request.request_id)


# --- the reconciler --------------------------------------------------------------------------------------------------


@pytest.fixture
def reconciler(api: Api) -> Reconciler:
    return Reconciler(parts=api.parts, heads=api.bench.chain)


async def newest(api: Api, request: Request) -> Run:
    row = await stored_requests.get(api.db, request.contract, request.request_id)
    assert row is not None
    return await api.run(row.run_id or "")


async def test_an_undone_answer_is_repeated(api: Api, reconciler: Reconciler) -> None:
    request = await undone(api)
    assert (await now(api, request)).fate.kind is Kind.UNACCOUNTED
    await reconciler.look(head(120))
    again = await newest(api, request)
    assert again.id != request.run_id
    assert again.status is RunStatus.IN_PROGRESS
    await reconciler.look(head(121))
    assert await newest(api, request) == again
    assert b'adyton_requests_run_again_total{because="answer undone"} 1.0' in _exposed(api)


async def test_refused_and_failed_requests_are_never_touched(api: Api, reconciler: Reconciler) -> None:
    request = await asked(api)
    await reconciler.look(head(120))
    assert (await newest(api, request)).id == request.run_id


async def test_a_request_whose_run_failed_in_a_block_that_it_has_left_is_run_again(api: Api, reconciler: Reconciler) -> None:
    run = run_for(api.bench, run_log(block=LOG.block_number - 1), RunStatus.ERRORED, "not on main chain")
    on_chain(api, LOG)
    request = request_of(LOG, run_id=run.id)
    await store(api.db, run, request)
    found = (await now(api, request)).fate
    assert (found.kind, found.reason) == (
        Kind.UNACCOUNTED,
        f"run {run.id} failed in another block than the one where the request is now: not on main chain",
    )
    await reconciler.look(head(120))
    again = await newest(api, request)
    assert again.id != run.id
    assert again.request is not None
    assert again.request.block_hash == LOG.block_hash
    assert b'adyton_requests_run_again_total{because="request moved"} 1.0' in _exposed(api)


async def test_what_else_is_unaccounted_for_is_left_to_an_operator(api: Api, reconciler: Reconciler) -> None:
    request = request_of(LOG)
    on_chain(api, LOG)
    await store(api.db, request)
    await reconciler.look(head(120))
    row = await stored_requests.get(api.db, request.contract, request.request_id)
    assert row == request


async def test_a_request_that_the_chain_does_not_hold_may_come_back_until_finality(api: Api, reconciler: Reconciler) -> None:
    request = await undone(api)
    api.open_requests.ended = {(request.contract, request.request_id)}
    await reconciler.look(head(120))
    await reconciler.look(head(120 + api.parts.finality_depth - 1))
    assert await fates.count_unaccounted(api.db) == 1
    api.open_requests.ended = set()
    await reconciler.look(head(120 + api.parts.finality_depth))
    assert (await newest(api, request)).status is RunStatus.IN_PROGRESS


async def test_a_request_whose_block_was_off_the_chain_is_run_again_when_it_is_back(api: Api, reconciler: Reconciler) -> None:
    request = await undone(api)
    api.bench.chain.hashes[100] = number_hash(100, 4)
    await reconciler.look(head(120))
    api.bench.chain.hashes.clear()
    api.lookup.error = TryAgain("no answer in time")
    with pytest.raises(TryAgain):
        await reconciler.look(head(130))
    api.lookup.error = None
    await reconciler.look(head(131))
    assert (await newest(api, request)).id != request.run_id


async def test_what_never_comes_back_gets_a_reason(api: Api, reconciler: Reconciler) -> None:
    request = await undone(api)
    api.open_requests.ended = {(request.contract, request.request_id)}
    await reconciler.look(head(120))
    await reconciler.look(head(120 + api.parts.finality_depth))
    found = await now(api, request)
    assert found.fate.kind is Kind.EXPIRED
    assert found.fate.reason.startswith("its answer was undone by a reorganisation, and contract 0x")
    assert await fates.count_unaccounted(api.db) == 0


async def test_what_the_node_would_not_take_now_gets_that_as_its_reason(api: Api, reconciler: Reconciler) -> None:
    request = await undone(api)
    await job_service.archive(api.parts, JOB_ID)
    await reconciler.look(head(120))
    assert f"job {JOB_ID} is archived" in (await now(api, request)).fate.reason


async def test_many_undone_answers_are_all_repeated(api: Api, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adyton.services.reconciler._AT_ONCE", 2)
    for number in range(1, 6):
        log = run_log(request=number, block=100 + number)
        on_chain(api, log)
        run = run_for(api.bench, log, RunStatus.COMPLETED)
        await store(api.db, run, request_of(log, run_id=run.id))
        await store(api.db, transaction_of(run, number=number, status=0, attempt=number_hash(number, 8)))
    await reconciler.look(head(120))
    assert await fates.count_unaccounted(api.db) == 0
    assert api.bench.engine.queue.depth == 5


def _exposed(api: Api) -> bytes:
    from prometheus_client import generate_latest

    return generate_latest(api.bench.metrics.registry)


async def test_a_requester_that_may_not_ask_is_refused_again(api: Api) -> None:
    spec = msgspec.structs.replace(
        job("ethtx", job_id="6" * 32),
        initiators=(Initiator(type="web"), Initiator(type="runlog", requesters=(SENDER,))),
    )
    await api.job(spec)
    log = run_log(job_id="6" * 32, requester=REQUESTER)
    on_chain(api, log)
    request = request_of(log, job_id="6" * 32, decision="refused", reason="requester")
    await store(api.db, request)
    assert "valid requester" in await refusal(api, request)
