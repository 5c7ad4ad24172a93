"""Drafts as the API shows them: judged, tried, and planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import UNSET, Raw, UnsetType

from adyton.domain import data, evm
from adyton.domain.errors import Fault
from adyton.domain.jobs import Job
from adyton.domain.plans import Action, Change
from adyton.domain.runs import Data
from adyton.domain.times import rfc3339
from adyton.engine.tries import Step, StepStatus
from adyton.services.drafts import Judged
from adyton.services.tries import Sending, Tried
from adyton.web.jsonapi import Resource
from adyton.web.presenters.traces import ExchangeTrace, exchange_trace

DRAFT, TRY, CHANGE, EXPORT = "specDrafts", "specTries", "specChanges", "specExports"


class Warned(msgspec.Struct, frozen=True):
    """Something that is probably not meant."""

    detail: str
    pointer: str


class Fires(msgspec.Struct, frozen=True):
    """When a cron initiator would fire next."""

    schedule: str
    times: list[str]


class DraftAttributes(msgspec.Struct, frozen=True):
    """A draft in which nothing is wrong; ``spec`` is what was understood of it, and what is left out is said nowhere."""

    spec: Raw
    warnings: list[Warned]
    nextFires: list[Fires]  # noqa: N815 - the API's own name


class WouldAsk(msgspec.Struct, frozen=True):
    """A question that was not asked, because it may change something outside. Secrets stay as they are named."""

    whom: str
    method: str
    url: str
    body: str


class WouldSend(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that was not sent; ``gasLimit`` and ``gasPrice`` of null are the node's own. ``outcome`` is that of an
    ``eth_call`` as the chain is now: succeeds, reverts or unknown, and ``reason`` why. Nothing was signed."""

    to: str
    data: str
    value: str
    gasLimit: int | None  # noqa: N815 - the API's own name
    gasPrice: str | None  # noqa: N815 - the API's own name
    fromAddress: str | None  # noqa: N815 - the API's own name
    outcome: str
    reason: str


class StepAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """One task that was tried. ``status`` is completed, errored, given (a stand-in was), held (not done: it would change
    something outside), pending (a run would wait, in the status ``waits``) or not reached. ``ms`` are milliseconds."""

    position: int
    type: str
    status: StepStatus
    ms: float
    input: Raw
    params: Raw | None
    output: Raw | None
    error: str | None
    note: str
    waits: str | UnsetType = UNSET
    wouldAsk: WouldAsk | UnsetType = UNSET  # noqa: N815 - the API's own name
    exchanges: list[ExchangeTrace]


class TryAttributes(msgspec.Struct, frozen=True):
    """A trial: nothing of it is stored, nothing was sent."""

    status: str
    tasks: list[StepAttributes]
    wouldSend: WouldSend | None  # noqa: N815 - the API's own name


class ChangeAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes, or would become, of a key. ``jobId`` is null while there is no job; ``previousJobId`` that of the job which
    is archived."""

    key: str
    action: Action
    jobId: str | None  # noqa: N815 - the API's own name
    previousJobId: str | None  # noqa: N815 - the API's own name
    name: str | None
    diff: tuple[str, ...]
    warnings: tuple[str, ...]


class ExportAttributes(msgspec.Struct, frozen=True):
    """The request that would make a job; ``key`` is the one that it was applied under."""

    key: str | None
    spec: Raw


def draft_resource(draft: Judged) -> Resource:
    """A draft. Its id is the one that it brings along; without, the word draft: it has none yet."""
    fires = [Fires(item.schedule or "", [rfc3339(time) for time in times]) for item, times in draft.fires]
    attributes = DraftAttributes(_raw(draft.spec), [_warned(each) for each in draft.warnings], fires)
    return Resource(DRAFT, draft.job.id if draft.own_id else "draft", attributes)


def _warned(fault: Fault) -> Warned:
    return Warned(fault.detail, fault.pointer)


def export_resource(job: Job, spec: Data) -> Resource:
    """A job as a file for apply."""
    return Resource(EXPORT, job.id, ExportAttributes(job.applied_as, _raw(spec)))


def try_resource(tried: Tried) -> Resource:
    """A trial, under the id of the job: of a draft one that no other has."""
    sending = None if tried.sending is None else _would_send(tried.sending)
    return Resource(TRY, tried.job.id, TryAttributes(tried.status, [_step(step) for step in tried.steps], sending))


def _step(step: Step) -> StepAttributes:
    asked = step.question
    return StepAttributes(
        position=step.position,
        type=step.type,
        status=step.came,
        ms=step.ms,
        input=_raw(step.input),
        params=None if step.params is None else _raw(step.params),
        output=None if step.output is None else _raw(step.output),
        error=step.error,
        note=step.note,
        waits=step.status.value if step.came is StepStatus.PENDING else UNSET,
        wouldAsk=UNSET if asked is None else WouldAsk(asked.whom, asked.method, asked.url, asked.body),
        exchanges=[exchange_trace(each) for each in step.exchanges],
    )


def _would_send(sending: Sending) -> WouldSend:
    request = sending.request
    return WouldSend(
        to=evm.checksum(request.to),
        data=request.data,
        value=str(request.value),
        gasLimit=request.gas_limit,
        gasPrice=None if request.gas_price is None else str(request.gas_price),
        fromAddress=None if sending.sender is None else evm.checksum(sending.sender),
        outcome=sending.outcome,
        reason=sending.reason,
    )


def change_resources(changes: Sequence[Change], *, applied: bool) -> list[Resource]:
    """The lines of a plan, in its order."""
    return list(_changes(changes, applied=applied))


def _changes(changes: Sequence[Change], *, applied: bool) -> Iterator[Resource]:
    for change in changes:
        is_there = applied or change.action in {Action.UPDATE, Action.UNCHANGED}
        ends = change.action in {Action.REPLACE, Action.ARCHIVE}
        job = change.job
        attributes = ChangeAttributes(
            key=change.key,
            action=change.action,
            jobId=job.id if job is not None and is_there else None,
            previousJobId=change.before.id if ends and change.before is not None else None,
            name=None if job is None else job.name,
            diff=change.diff,
            warnings=change.warnings,
        )
        yield Resource(CHANGE, change.key, attributes)


def _raw(value: object) -> Raw:
    return Raw(data.encode_bytes(value))
