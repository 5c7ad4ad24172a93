"""Why did nothing happen? What the node saw and decided, step by step, about whatever it is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from adyton.domain.chain import Hash
from adyton.domain.errors import Invalid, NotFound, TryAgain
from adyton.domain.event_logs import is_event
from adyton.domain.fates import fate
from adyton.domain.jobs import Job
from adyton.domain.requests import Request
from adyton.domain.runs import Run
from adyton.domain.transactions import Transaction
from adyton.ethereum.errors import RpcError
from adyton.services import narrative, unseen
from adyton.services.jobs import plain_id
from adyton.services.narrative import Chapter, Explanation, Sight, Step, Terms
from adyton.services.parts import Parts
from adyton.services.requests import chain_time
from adyton.services.requests import find as find_request
from adyton.services.run_story import told_asker, told_run
from adyton.storage import histories, requests, rereads
from adyton.storage import runs as stored_runs
from adyton.storage import transactions as stored_transactions

_HASH = re.compile(r"(?:0x)?([0-9a-f]{64})")
_BOTH = re.compile(r"0x[0-9a-f]{40}:0x[0-9a-f]{64}")
_SHOWN = 20
"""Requests of one transaction that are told of."""
_REREADS = 100
"""Re-reads that are looked through, the newest."""


async def explain(parts: Parts, what: str) -> Explanation:
    """Tell what became of ``what``: the hash of a transaction that asked, or that answers; a request's id, alone or behind its
    contract's address and a colon; a run's id, with or without dashes.

    Works without the chain too, and says what cannot be told then. Raises Invalid when it is none of these, NotFound for a run
    or a request with its contract that is not there, StorageUnavailable.
    """
    asked = what.strip().lower()
    if _BOTH.fullmatch(asked):
        return Explanation(asked, (await _request(parts, await find_request(parts, asked)),))
    if (run_id := plain_id(asked)) != "":
        return Explanation(run_id, (await _run_by_id(parts, run_id),))
    found = _HASH.fullmatch(asked)
    if found is None:
        raise Invalid(
            "that is neither a transaction's hash nor a request's id (0x and 64 hex digits), nor a run's id (32 hex digits)",
            code="ADY-0309",
        )
    return await _of_hash(parts, f"0x{found.group(1)}")


async def _of_hash(parts: Parts, named: Hash) -> Explanation:
    """A hash may be a request's id, or that of a transaction that asked or answers."""
    found = [*await requests.named(parts.db, named), *await requests.of_transaction(parts.db, named)]
    if found:
        chapters = [await _request(parts, request) for request in found[:_SHOWN]]
        if len(found) > _SHOWN:
            left = Step("more", f"{len(found) - _SHOWN} more requests; ask for each by its id")
            chapters.append(Chapter(subject=f"transaction {named}", steps=(left,)))
        # Its logs may have started runs that are no request's, too.
        places = {each.block_hash for each in found if each.transaction_hash == named}
        others = [run for block in places for run in await histories.event_runs(parts.db, block, named, limit=_SHOWN)]
        return Explanation(named, (*chapters, *[await _run_by_id(parts, run) for run in others]))
    transaction = await histories.transaction_of_attempt(parts.db, named)
    if transaction is not None:
        return Explanation(named, (await _of_transaction(parts, transaction),))
    told, runs = await unseen.told(parts, named)
    return Explanation(named, (told, *[await _run_by_id(parts, run) for run in runs]))


# --- a run, a transaction --------------------------------------------------------------------------------------------


async def _run_by_id(parts: Parts, run_id: str) -> Chapter:
    run = await stored_runs.get(parts.db, run_id, parts.jobs)
    if run is None:
        raise NotFound("Job run not found", code="ADY-0300")
    return await _run(parts, run)


async def _run(parts: Parts, run: Run) -> Chapter:
    """A run: the whole story of its request if it has one."""
    if run.request is not None and run.request.request_id is not None and not is_event(run.request.request_id):
        request = await requests.get(parts.db, run.request.contract, run.request.request_id)
        if request is not None:
            return await _request(parts, request)
    sent = list((await stored_transactions.of_runs(parts.db, [run.id])).values())
    sight = await see(parts, [*_blocks([], sent), *([] if run.creation_height is None else [run.creation_height])])
    times = await histories.task_times(parts.db, [run.id])
    asked = told_asker(run, await parts.jobs.job(run.job_id))
    steps = (asked, *told_run(run, times, sent, sight))
    return Chapter(subject=f"run {run.id}", steps=steps)


async def _of_transaction(parts: Parts, transaction: Transaction) -> Chapter:
    """A transaction of ours: the story of the run that asked for it, if there is one."""
    if transaction.run_id is not None:
        run = await stored_runs.get(parts.db, transaction.run_id, parts.jobs)
        if run is not None:
            return await _run(parts, run)
    why = f"it is a {transaction.purpose}" if transaction.purpose else "no run waits for it: its request was moved by the chain"
    sight = await see(parts, _blocks([], [transaction]))
    steps = (Step("sent by this node", why), *narrative.told_transaction(transaction, sight))
    return Chapter(subject=f"transaction {transaction.id}", steps=steps)


# --- a request -------------------------------------------------------------------------------------------------------


async def _request(parts: Parts, request: Request) -> Chapter:
    db = parts.db
    runs = await histories.runs_of_request(db, parts.jobs, request.contract, request.request_id, request.run_id)
    ids = [run.id for run in runs]
    sent = list((await stored_transactions.of_runs(db, ids)).values()) if ids else []
    times = await histories.task_times(db, ids)
    sight = await see(parts, _blocks([request], sent))
    job = await parts.jobs.job(request.job_id)
    newest = next((run for run in runs if run.id == request.run_id), None)
    current = [each for each in sent if each.run_id == request.run_id]
    end = fate(request, newest, current, chain_time(parts))
    steps = [
        *narrative.told_request(request, _terms(parts, job), sight, await rereads.newest(db, limit=_REREADS)),
        *(step for run in runs for step in told_run(run, times, sent, sight)),
        *narrative.told_closing(request, sight),
    ]
    return Chapter(
        subject=f"request {request.request_id}",
        steps=tuple(steps),
        fate=end,
        next=narrative.advice(request, end, current, sight, job),
    )


def _terms(parts: Parts, job: Job | None) -> Terms:
    """What the job asks for with the settings of now."""
    if job is None:
        return Terms(job=None, cost=None, confirmations=None)
    try:
        needed = max(max(parts.task_types.min_confirmations(task.type), task.confirmations or 0) for task in job.tasks)
    except Invalid:
        return Terms(job=job, cost=None, confirmations=None)
    return Terms(job=job, cost=parts.maker.cost(job), confirmations=needed)


def _blocks(found: Iterable[Request], sent: Iterable[Transaction]) -> Iterator[int]:
    """The heights that the story is about."""
    for request in found:
        yield request.block_number
        if request.closed is not None:
            yield request.closed.block_number
    for transaction in sent:
        if transaction.receipt is not None:
            yield transaction.receipt.block_number


async def see(parts: Parts, heights: Iterable[int]) -> Sight:
    """What the chain has at these heights now, as far as it can be told."""
    state = parts.chain.state
    head = None if state.head is None else state.head.number
    if not state.connected:
        return Sight(head=head, problem=state.problem or "there is no connection to the chain")
    hashes: dict[int, Hash | None] = {}
    for height in sorted(set(heights)):
        try:
            hashes[height] = await parts.chain.canonical_hash(height)
        except (RpcError, TryAgain) as fault:
            return Sight(head=head, hashes=hashes, problem=str(fault))
    return Sight(head=head, hashes=hashes)
