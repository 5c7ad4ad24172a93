"""A transaction that this node knows nothing of: the chain is asked for it, and what stands between it and a run is told."""

from __future__ import annotations

import msgspec

from adyton.config.redact import words
from adyton.domain import evm
from adyton.domain.chain import Hash, Log, Receipt
from adyton.domain.errors import Refused, TryAgain
from adyton.domain.event_logs import Subscription, subscriptions, wants
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import CLOSINGS, REQUEST_TOPICS, MalformedLog, RunLog, listener, named_job, read_run_log
from adyton.domain.runs import RunStatus
from adyton.ethereum.errors import RpcError
from adyton.services.narrative import Chapter, Step, listens
from adyton.services.parts import Parts
from adyton.storage import histories

_SHOWN = 20
"""Requests of one transaction that are told of."""
_LOGS = 200
"""Logs of one transaction that are looked at."""
_UNKNOWN = Step("this node", "knows no request, no transaction and no run of that name")


class Verdict(msgspec.Struct, frozen=True):
    """What stands between a request and a run, and what to do about it."""

    steps: tuple[Step, ...]
    next: str


async def told(parts: Parts, named: Hash) -> tuple[Chapter, list[str]]:
    """What the chain knows of a transaction, and why nothing came of it here; or the runs that its logs started without asking
    for them. Raises StorageUnavailable only."""
    state = parts.chain.state
    subject = f"transaction {named}"
    if not state.connected:
        away = Step("chain", f"it cannot be asked: {state.problem or 'there is no connection'}")
        advice = "`adyton health` says what is wrong; ask again then."
        return Chapter(subject=subject, steps=(_UNKNOWN, away), next=advice), []
    try:
        receipt = await parts.lookup.receipt(named)
        if receipt is None:
            known = await parts.lookup.known(named)
            return _unmined(subject, known=known), []
        runs = await histories.event_runs(parts.db, receipt.block_hash, named, limit=_SHOWN)
        if runs:
            return Chapter(subject=subject, steps=(_mined_in(receipt), _started(runs))), runs
        verdict = await _mined(parts, receipt)
    except (RpcError, TryAgain) as fault:
        failed = Step("chain", f"it does not say: {words(str(fault))}")
        return Chapter(subject=subject, steps=(_UNKNOWN, failed), next="Ask again in a moment."), []
    return Chapter(subject=subject, steps=(_UNKNOWN, *verdict.steps), next=verdict.next), []


def _mined_in(receipt: Receipt) -> Step:
    return Step("chain", f"mined in block {receipt.block_number}", None, receipt.block_number)


def _started(runs: list[str]) -> Step:
    return Step("this node", f"its logs started {len(runs)} run{'s' if len(runs) > 1 else ''}")


def _unmined(subject: str, *, known: bool) -> Chapter:
    if known:
        pending = Step("chain", "the Ethereum node has it, but it is in no block yet: nothing has been asked")
        advice = (
            "Wait until it is mined. If that takes long, its price is too low or an earlier nonce of its sender is missing."
        )
        return Chapter(subject=subject, steps=(_UNKNOWN, pending), next=advice)
    absent = Step("chain", "no transaction of that hash is on the chain, and none waits for it")
    advice = (
        "Is the hash right, and of this chain? Then it was dropped, or replaced by another of the same nonce. If it is a "
        "request's id, no contract that this node listens to was asked it in a block that it has read."
    )
    return Chapter(subject=subject, steps=(_UNKNOWN, absent), next=advice)


async def _mined(parts: Parts, receipt: Receipt) -> Verdict:
    mined = _mined_in(receipt)
    canonical = await parts.chain.canonical_hash(receipt.block_number)
    if canonical is not None and canonical != receipt.block_hash:
        moved = Step("chain", "that block is not on the chain that the node follows now", None, receipt.block_number)
        return Verdict((mined, moved), "Ask again in a moment.")
    if receipt.status != 1:
        return Verdict(
            (mined, Step("chain", "it reverted there, so nothing was asked")), "The sender must see why it reverted."
        )
    asked = [entry for entry in receipt.logs if len(entry.topics) > 1 and entry.topics[0] in REQUEST_TOPICS]
    if not asked and (wanted := _wanted(parts, receipt)):
        events = [await _event(parts, *each) for each in wanted[:_SHOWN]]
        return Verdict((mined, *events), "Each initiator's `fromBlock` says where it begins; a new job may begin elsewhere.")
    if not asked:
        return Verdict(
            (mined, _no_request(receipt)), "Is that the transaction that asked? Its contract made no oracle request."
        )
    verdicts = [await _request(parts, entry) for entry in asked[:_SHOWN]]
    steps = tuple(step for verdict in verdicts for step in verdict.steps)
    return Verdict((mined, *steps), "\n".join(dict.fromkeys(verdict.next for verdict in verdicts)))


def _no_request(receipt: Receipt) -> Step:
    ends = [CLOSINGS[entry.topics[0]].value for entry in receipt.logs if entry.topics and entry.topics[0] in CLOSINGS]
    also = f"; it says that requests were {' and '.join(sorted(set(ends)))}" if ends else ""
    return Step("logs", f"none of its {len(receipt.logs)} logs is an oracle request{also}")


# --- logs that ask for nothing ---------------------------------------------------------------------------------------


def _wanted(parts: Parts, receipt: Receipt) -> list[tuple[Log, Subscription]]:
    """The logs that ethlog initiators want, and which."""
    listening = [each for job in parts.jobs.jobs.values() for each in subscriptions(job)]
    return [(entry, each) for entry in receipt.logs[:_LOGS] for each in listening if wants(each.initiator, entry)]


async def _event(parts: Parts, entry: Log, subscription: Subscription) -> Step:
    """Why a log that an initiator wants started no run."""
    begins, height = subscription.initiator.from_block, parts.intake.height
    decided = await histories.decisions(parts.db, entry.block_hash, entry.log_index)
    verdict = next((each for each in decided if each.job_id == subscription.name), None)
    if verdict is not None:
        why = f"{verdict.decision}{f': {words(verdict.reason)}' if verdict.reason else ''}"
    elif begins is not None and entry.block_number < begins:
        why = f"it takes logs from block {begins} on, and this one is older"
    elif height is None or entry.block_number > height:
        why = "the block has not been read yet"
    else:
        why = "the block was read before the job was there, or the Ethereum node left the log out"
    wanted = f"log {entry.log_index}, of contract {evm.checksum(entry.address)}, is what job {subscription.job.id} listens for"
    return Step("log", f"{wanted}: {why}", None, entry.block_number)


# --- one request log -------------------------------------------------------------------------------------------------


async def _request(parts: Parts, entry: Log) -> Verdict:
    """One request log: the first thing that stands in its way decides what to do."""
    contract = evm.checksum(entry.address)
    named = named_job(entry)
    seen = Step("request log", f"log {entry.log_index}, of contract {contract}, asks job {named}", None, entry.block_number)
    job = parts.jobs.jobs.get(named) or _by_agreement(parts, entry)
    if job is None:
        return await _no_job(parts, seen, named)
    taker = listener(job, entry)
    if taker is None:
        detail = f"job {job.id} does not take requests of contract {contract}: {listens(job)}"
        return Verdict((seen, Step("job", detail)), f"Create a job that listens to {contract}; the requester must name its id.")
    at_job = Step("job", f"job {job.id} takes requests of that contract", job.created_at)
    try:
        request = read_run_log(entry, taker)
    except MalformedLog as fault:
        wrong = Step("request", f"it cannot be read: {fault}")
        return Verdict((seen, at_job, wrong), "The contract is not an oracle contract that this node understands.")
    return await _unread(parts, entry, taker, (seen, at_job, *_terms(parts, entry, job, taker, request)))


def _by_agreement(parts: Parts, entry: Log) -> Job | None:
    """The job whose service agreement a request names."""
    return next((job for job in parts.jobs.jobs.values() if listener(job, entry) is not None), None)


async def _no_job(parts: Parts, seen: Step, named: str) -> Verdict:
    archived = await parts.jobs.job(named)
    if archived is not None:
        detail, at = f"job {named} is archived: it takes nothing any more", archived.archived_at
        return Verdict((seen, Step("job", detail, at)), "Create the job again; the requester must name the new id.")
    here = f"there are {len(parts.jobs.jobs)} jobs here" if parts.jobs.jobs else "there is no job here at all"
    advice = "Is the job's id in the requester's contract that of this node's job? `adyton jobs list` shows the ids."
    return Verdict((seen, Step("job", f"there is no job {named} on this node; {here}")), advice)


def _terms(parts: Parts, entry: Log, job: Job, taker: Initiator, request: RunLog) -> tuple[Step, ...]:
    """What will be said of it when it is read."""
    who = f"by {evm.checksum(request.requester)}, for {evm.eighteen(request.payment)} LINK"
    asked = Step("request", f"request {request.request_id} {who}")
    try:
        run = parts.maker.from_log(job, taker, entry, request, entry.block_number)
    except Refused as fault:
        return (asked, Step("terms", f"it would be refused: {words(str(fault))}"))
    if run.status is RunStatus.ERRORED:
        return (asked, Step("terms", f"it would be refused: {words(run.error or '')}"))
    return (asked, Step("terms", "payment and requester are as the job asks for"))


async def _unread(parts: Parts, entry: Log, taker: Initiator, steps: tuple[Step, ...]) -> Verdict:
    """A request that a job would take, and that the node has not taken in."""
    for decided in await histories.decisions(parts.db, entry.block_hash, entry.log_index):
        because = f": {words(decided.reason)}" if decided.reason else ""
        advice = "The reason above says what to do." if because else "Ask again: it has been taken in this moment."
        return Verdict((*steps, Step("decision", f"{decided.decision}{because}", decided.at)), advice)
    if taker.from_block is not None and entry.block_number < taker.from_block:
        detail = f"it takes requests from block {taker.from_block} on, and this one is older"
        return Verdict((*steps, Step("job", detail)), _again(entry))
    height = parts.intake.height
    if height is None or entry.block_number > height:
        read = "no block has been read yet" if height is None else f"blocks have been read through {height}"
        late = Step("log intake", f"{read}; this is block {entry.block_number}", None, entry.block_number)
        return Verdict((*steps, late), "Wait. If that number stands still, `adyton health` and the node's log say why.")
    passed = Step(
        "log intake",
        f"blocks have been read through {height}, but this request was not seen: block {entry.block_number} was read before "
        "the job was there, or the node began later, or its Ethereum node left the log out",
        None,
        entry.block_number,
    )
    return Verdict((*steps, passed), _again(entry))


def _again(entry: Log) -> str:
    return f"To have that block read again: `adyton blocks replay --from {entry.block_number}`; nothing is started twice."
