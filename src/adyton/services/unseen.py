"""A transaction that this node knows nothing of: the chain is asked for it, and what stands between it and a run is told."""

from __future__ import annotations

import msgspec

from adyton.config.redact import words
from adyton.domain import evm
from adyton.domain.chain import Hash, Log, Receipt
from adyton.domain.errors import Refused, TryAgain
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import (
    CLOSINGS,
    LAYOUTS,
    RUN_LOG,
    MalformedLog,
    RunLog,
    accepts,
    named_job,
    read_run_log,
)
from adyton.domain.runs import RunStatus
from adyton.ethereum.errors import RpcError
from adyton.services.narrative import Chapter, Step, listens
from adyton.services.parts import Parts
from adyton.storage import histories

_SHOWN = 20
"""Requests of one transaction that are told of."""
_UNKNOWN = Step("this node", "knows no request, no transaction and no run of that name")


class Verdict(msgspec.Struct, frozen=True):
    """What stands between a request and a run, and what to do about it."""

    steps: tuple[Step, ...]
    next: str


async def told(parts: Parts, named: Hash) -> Chapter:
    """What the chain knows of a transaction, and why nothing came of it here. Raises StorageUnavailable only."""
    state = parts.chain.state
    subject = f"transaction {named}"
    if not state.connected:
        away = Step("chain", f"it cannot be asked: {state.problem or 'there is no connection'}")
        return Chapter(subject=subject, steps=(_UNKNOWN, away), next="`adyton health` says what is wrong; ask again then.")
    try:
        receipt = await parts.lookup.receipt(named)
        if receipt is None:
            known = await parts.lookup.known(named)
            return _unmined(subject, known=known)
        verdict = await _mined(parts, receipt)
    except (RpcError, TryAgain) as fault:
        failed = Step("chain", f"it does not say: {words(str(fault))}")
        return Chapter(subject=subject, steps=(_UNKNOWN, failed), next="Ask again in a moment.")
    return Chapter(subject=subject, steps=(_UNKNOWN, *verdict.steps), next=verdict.next)


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
    mined = Step("chain", f"mined in block {receipt.block_number}", None, receipt.block_number)
    canonical = await parts.chain.canonical_hash(receipt.block_number)
    if canonical is not None and canonical != receipt.block_hash:
        moved = Step("chain", "that block is not on the chain that the node follows now", None, receipt.block_number)
        return Verdict((mined, moved), "Ask again in a moment.")
    if receipt.status != 1:
        return Verdict(
            (mined, Step("chain", "it reverted there, so nothing was asked")), "The sender must see why it reverted."
        )
    asked = [entry for entry in receipt.logs if len(entry.topics) > 1 and entry.topics[0] in LAYOUTS]
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


# --- one request log -------------------------------------------------------------------------------------------------


async def _request(parts: Parts, entry: Log) -> Verdict:
    """One request log: the first thing that stands in its way decides what to do."""
    contract = evm.checksum(entry.address)
    named = named_job(entry)
    seen = Step("request log", f"log {entry.log_index}, of contract {contract}, asks job {named}", None, entry.block_number)
    job = parts.jobs.jobs.get(named)
    if job is None:
        return await _no_job(parts, seen, named)
    takers = [each for each in job.initiators if each.type == RUN_LOG and accepts(each, entry)]
    if not takers:
        detail = f"job {job.id} does not take requests of contract {contract}: {listens(job)}"
        return Verdict((seen, Step("job", detail)), f"Create a job that listens to {contract}; the requester must name its id.")
    at_job = Step("job", f"job {job.id} takes requests of that contract", job.created_at)
    try:
        request = read_run_log(entry)
    except MalformedLog as fault:
        wrong = Step("request", f"it cannot be read: {fault}")
        return Verdict((seen, at_job, wrong), "The contract is not an oracle contract that this node understands.")
    return await _unread(parts, entry, takers[0], (seen, at_job, *_terms(parts, entry, job, takers[0], request)))


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
