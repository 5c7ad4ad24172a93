"""Requests and their fates as the API shows them, and the story of one. The forms are our own: v0.6.2 had nothing of it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adyton.domain import evm
from adyton.domain.chain import Hash
from adyton.domain.fates import Fate, Kind
from adyton.domain.times import rfc3339, seconds_text
from adyton.services.narrative import Explanation, Step
from adyton.services.requests import Accounted
from adyton.web.jsonapi import Resource


class RequestFate(msgspec.Struct, frozen=True):
    """What became of a request."""

    kind: str
    reason: str
    transaction: Hash | None


class RequestAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """What a contract of ours was asked. ``payment`` is in juels."""

    id: str
    contract: str
    request_id: Hash
    job_id: str
    run_id: str | None
    requester: str
    payment: str
    expiration: str | None
    block_number: int
    block_hash: Hash
    transaction_hash: Hash
    log_index: int
    seen_at: str
    decision: str
    fate: RequestFate


class FateCounts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many requests have each fate."""

    id: str
    all: int
    unaccounted: int
    in_progress: int
    refused: int
    expired: int
    answered: int
    cancelled: int


class ExplainedStep(msgspec.Struct, frozen=True):
    """One step of a story; ``at`` is null where nobody noted the time."""

    at: str | None
    what: str
    detail: str
    block: int | None


class ExplainedChapter(msgspec.Struct, frozen=True):
    """The story of a request, a run or a transaction; ``next`` is what to do."""

    subject: str
    fate: RequestFate | None
    next: str
    steps: list[ExplainedStep]


class ExplanationAttributes(msgspec.Struct, frozen=True):
    """What became of a transaction, a request or a run."""

    id: str
    chapters: list[ExplainedChapter]


def request_resource(found: Accounted) -> Resource:
    """A request. Its id names the contract too, because contracts number their requests themselves."""
    request = found.request
    contract = evm.checksum(request.contract)
    identity = f"{contract}:{request.request_id}"
    attributes = RequestAttributes(
        id=identity,
        contract=contract,
        request_id=request.request_id,
        job_id=request.job_id,
        run_id=request.run_id,
        requester=evm.checksum(request.requester),
        payment=str(request.payment),
        expiration=None if request.expiration is None else seconds_text(request.expiration),
        block_number=request.block_number,
        block_hash=request.block_hash,
        transaction_hash=request.transaction_hash,
        log_index=request.log_index,
        seen_at=rfc3339(request.seen_at),
        decision=request.decision,
        fate=_fate(found.fate),
    )
    return Resource("requests", identity, attributes)


def counts_resource(found: Mapping[Kind, int]) -> Resource:
    """How many requests have each fate."""
    counts = FateCounts(
        id="fates",
        all=sum(found.values()),
        unaccounted=found[Kind.UNACCOUNTED],
        in_progress=found[Kind.IN_PROGRESS],
        refused=found[Kind.REFUSED],
        expired=found[Kind.EXPIRED],
        answered=found[Kind.ANSWERED],
        cancelled=found[Kind.CANCELLED],
    )
    return Resource("requestFates", counts.id, counts)


def explanation_resource(explanation: Explanation) -> Resource:
    """A story, step by step."""
    chapters = [
        ExplainedChapter(
            subject=chapter.subject,
            fate=None if chapter.fate is None else _fate(chapter.fate),
            next=chapter.next,
            steps=[_step(step) for step in chapter.steps],
        )
        for chapter in explanation.chapters
    ]
    return Resource("explanations", explanation.what, ExplanationAttributes(explanation.what, chapters))


def _fate(fate: Fate) -> RequestFate:
    return RequestFate(fate.kind.value, fate.reason, fate.transaction)


def _step(step: Step) -> ExplainedStep:
    return ExplainedStep(None if step.at is None else rfc3339(step.at), step.what, step.detail, step.block)
