"""Requests: list them with what became of each, show one, run one again."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import msgspec
import structlog

from adyton.domain import evm
from adyton.domain.chain import Address, Log
from adyton.domain.errors import Conflict, NotFound, Refused, TryAgain
from adyton.domain.fates import Fate, Kind, fate
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import Request, RunLog, listener, read_run_log, run_log_in
from adyton.domain.runs import Run, RunStatus
from adyton.domain.transactions import Transaction, TransactionState
from adyton.ethereum.errors import RpcError
from adyton.services.jobs import plain_id
from adyton.services.parts import Parts
from adyton.storage import fates, requests, reruns
from adyton.storage import jobs as stored_jobs
from adyton.storage import runs as stored_runs
from adyton.storage import transactions as stored_transactions
from adyton.storage.fates import Chosen
from adyton.storage.paged import Paged

_ID = re.compile(r"(?:(0x[0-9a-f]{40}):)?(0x[0-9a-f]{64})")
_AT_ONCE = 400
_SETTLED = (TransactionState.SAFE, TransactionState.FATAL_ERROR)

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Gone(Conflict):
    """The chain does not hold the request any more."""

    usual = "ADY-0613"


class Unwanted(Conflict):
    """The node would not take the request if it came now."""

    usual = "ADY-0618"


class Accounted(msgspec.Struct, frozen=True):
    """A request and what became of it; ``run`` is its newest run."""

    request: Request
    fate: Fate
    run: Run | None


# --- look ------------------------------------------------------------------------------------------------------------


async def page(
    parts: Parts,
    chosen: Chosen = Chosen.ALL,
    *,
    job_id: str | None = None,
    contract: Address | None = None,
    offset: int,
    limit: int,
    descending: bool = True,
) -> Paged[Accounted]:
    """A page of requests, the newest first unless told otherwise."""
    wanted = plain_id(job_id) if job_id is not None else None
    found = await fates.page(
        parts.lists,
        chosen,
        job_id=wanted,
        contract=contract,
        offset=offset,
        limit=limit,
        descending=descending,
        now=chain_time(parts),
    )

    async def known(part: Sequence[Request]) -> list[Accounted]:
        return await accounted(parts, part)

    return found.of(known)


async def counts(parts: Parts, *, job_id: str | None = None, contract: Address | None = None) -> dict[Kind, int]:
    """How many requests have each fate now; those of one job, of one contract."""
    wanted = plain_id(job_id) if job_id is not None else None
    return await fates.counts(parts.lists, chain_time(parts), job_id=wanted, contract=contract)


async def get(parts: Parts, identity: str) -> Accounted:
    """The request of an id: its own, or the contract's, a colon, and its own. Raises NotFound, and Conflict when several
    contracts have a request of that id."""
    return (await accounted(parts, [await find(parts, identity)]))[0]


async def find(parts: Parts, identity: str) -> Request:
    """As ``get``, only the request."""
    parsed = _ID.fullmatch(identity.lower())
    if parsed is None:
        raise NotFound("Request not found: a request's id is 0x and 64 hex digits, or contract:id", code="ADY-0611")
    contract, request_id = parsed.groups()
    if contract is not None:
        found = [known] if (known := await requests.get(parts.db, contract, request_id)) is not None else []
    else:
        found = await requests.named(parts.db, request_id)
    if not found:
        raise NotFound(
            "Request not found; `adyton explain` says of its transaction's hash what the chain knows of it", code="ADY-0611"
        )
    if len(found) > 1:
        names = ", ".join(f"{evm.checksum(each.contract)}:{each.request_id}" for each in found)
        raise Conflict(f"several contracts have a request of that id; name one: {names}", code="ADY-0612")
    return found[0]


async def accounted(parts: Parts, found: Sequence[Request]) -> list[Accounted]:
    """The requests with what became of each."""
    runs: dict[str, Run] = {}
    sent: dict[str, list[Transaction]] = {}
    ids = [each.run_id for each in found if each.run_id is not None]
    for start in range(0, len(ids), _AT_ONCE):
        part = ids[start : start + _AT_ONCE]
        runs.update({run.id: run for run in await stored_runs.many(parts.db, part, parts.jobs)})
        for (run_id, _), transaction in (await stored_transactions.of_runs(parts.db, part)).items():
            sent.setdefault(run_id, []).append(transaction)
    now = chain_time(parts)
    return [_accounted(each, runs.get(each.run_id or ""), sent.get(each.run_id or "", ()), now) for each in found]


def _accounted(request: Request, run: Run | None, transactions: Sequence[Transaction], now: int) -> Accounted:
    return Accounted(request, fate(request, run, transactions, now), run)


def chain_time(parts: Parts) -> int:
    """The time of the newest block in seconds; our own as long as there is none."""
    head = parts.chain.state.head
    return parts.clock.now() // 1_000_000 if head is None else head.timestamp


async def unaccounted_count(parts: Parts) -> int:
    """How many requests have neither an end nor a reason. It must read zero."""
    return await fates.count_unaccounted(parts.db)


# --- run again -------------------------------------------------------------------------------------------------------


async def run_again(parts: Parts, identity: str) -> tuple[Run, Job]:
    """Start another run of a request that got no answer, because an operator wishes it; ``identity`` is as in ``get``.

    It is durable when this returns. Raises NotFound, Conflict (it is answered, cancelled or under way, the chain does not hold
    it any more, or the node would refuse it again), TryAgain.
    """
    run, job = await start_again(parts, await find(parts, identity))
    parts.metrics.requests_run_again.labels("operator").inc()
    return run, job


async def start_again(parts: Parts, request: Request) -> tuple[Run, Job]:
    """Start another run of a request, whoever wishes it. A crash before the write leaves everything as it was; after it the new
    run is queued at the next start.

    Raises Gone when the chain does not hold the request, Unwanted when the node would refuse it, any other Conflict when
    something is under way, and TryAgain when the chain or the database does not answer.
    """
    old = await _replaceable(parts, request)
    entry = await _fresh(parts, request)
    job, initiator = await _listener(parts, request, entry)
    asked = read_run_log(entry, initiator)
    if await asked_of_chain(parts.open_requests.closed({(request.contract, request.request_id): asked})):
        raise Gone(
            f"contract {evm.checksum(request.contract)} does not hold it any more: answered or cancelled unseen",
            code="ADY-0613",
        )
    new = _made(parts, job, initiator, entry, asked)
    try:
        now = parts.clock.now()
        news = (*parts.engine.news.saved([new]), *parts.engine.news.moved([] if old is None else [old.id], now))
        await parts.db.write(*reruns.started_again(request, old, new, now), *news)
    except Conflict:
        raise Conflict("something else changed the request meanwhile; look at it again", code="ADY-0617") from None
    parts.engine.accept([new])
    log.info("a request is run again", request=request.request_id, run=new.id, instead=request.run_id, job=job.id)
    return new, job


async def _replaceable(parts: Parts, request: Request) -> Run | None:
    """The run whose place a new one may take; None if the request has none. Raises Conflict."""
    if request.closed is not None:
        how, where = request.closed.how.value, request.closed.transaction_hash
        raise Conflict(f"the request is {how} on the chain, in transaction {where}: nothing is left to do", code="ADY-0614")
    if request.run_id is None:
        return None
    old = await stored_runs.get(parts.db, request.run_id, parts.jobs)
    if old is None:
        return None
    if not old.status.finished:
        raise Conflict(
            f"its run {old.id} is not finished ({old.status.value}); `adyton explain {old.id}` says what it waits for",
            code="ADY-0615",
        )
    for transaction in (await stored_transactions.of_runs(parts.db, [old.id])).values():
        _check_idle(transaction, request)
    return old


def _check_idle(transaction: Transaction, request: Request) -> None:
    """Raises Conflict when a transaction has answered or may still, or has done all that the job does."""
    if transaction.receipt is not None and transaction.failure is None:
        done = "the request is answered" if transaction.to_address == request.contract else "its job has called whom it calls"
        raise Conflict(f"{done} in transaction {transaction.receipt.transaction_hash}", code="ADY-0614")
    if transaction.state not in _SETTLED:
        raise Conflict(
            f"transaction {transaction.id} of its run is {transaction.state.value} and may still answer; wait for it, or "
            f"cancel it first: `adyton txs cancel {transaction.id}`",
            code="ADY-0616",
        )


async def _fresh(parts: Parts, request: Request) -> Log:
    """The request's log as the chain has it now. Raises Gone, TryAgain."""
    receipt = await asked_of_chain(parts.lookup.receipt(request.transaction_hash))
    if receipt is None:
        raise Gone(f"its transaction {request.transaction_hash} is not on the chain any more", code="ADY-0613")
    for entry in receipt.logs:
        asked = run_log_in(entry)
        if asked is None or (entry.address, asked.request_id) != (request.contract, request.request_id):
            continue
        if await asked_of_chain(parts.chain.canonical_hash(entry.block_number)) != entry.block_hash:
            raise TryAgain(
                f"block {entry.block_number}, which holds the request, is not on the chain that the node follows now",
                code="ADY-0619",
            )
        return entry
    raise Gone(f"its transaction {request.transaction_hash} does not ask it any more", code="ADY-0613")


async def _listener(parts: Parts, request: Request, entry: Log) -> tuple[Job, Initiator]:
    """The job that the request names and its initiator that takes it. Raises Unwanted."""
    job = parts.jobs.jobs.get(request.job_id)
    if job is None:
        archived = await stored_jobs.archived(parts.db, [request.job_id])
        why = "is archived" if archived else "is not on this node"
        raise Unwanted(f"its job {request.job_id} {why}, and no other can answer it", code="ADY-0618")
    initiator = listener(job, entry)
    if initiator is None:
        raise Unwanted(f"its job {job.id} does not listen to contract {evm.checksum(entry.address)}", code="ADY-0618")
    return job, initiator


def _made(parts: Parts, job: Job, initiator: Initiator, entry: Log, asked: RunLog) -> Run:
    """The new run. Raises Unwanted if it would be errored from the start."""
    head = parts.chain.state.head
    height = entry.block_number if head is None else head.number
    try:
        run = parts.maker.from_log(job, initiator, entry, asked, height)
    except Refused as fault:
        raise Unwanted(str(fault), code="ADY-0618") from None
    if run.status is RunStatus.ERRORED:
        raise Unwanted(f"it would be refused again: {run.error}", code="ADY-0618")
    return run


async def asked_of_chain(question: Awaitable[T]) -> T:
    """The answer to a question to the chain. Raises TryAgain, also for what the Ethereum node calls an error."""
    try:
        return await question
    except RpcError as fault:
        raise TryAgain(f"the Ethereum node does not say: {fault}", code="ADY-0619") from fault


async def give_up(parts: Parts, request: Request, reason: str) -> None:
    """Write down why a request gets no answer any more. Raises Conflict when it is closed or has another run."""
    await parts.db.write(*reruns.given_up(request, reason))
