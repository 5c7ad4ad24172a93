"""Service agreements as the API shows them, in the two forms of v0.6.2."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, UnsetType

from adyton.domain.agreements import Agreement, Encumbrance
from adyton.domain.evm import checksum
from adyton.domain.jobs import Job
from adyton.domain.times import rfc3339
from adyton.web.jsonapi import Resource
from adyton.web.presenters.jobs import StoredInitiatorJson, TaskJson, fragments

_TYPE = "service_agreements"


class EncumbranceAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """The terms of an agreement. ``payment`` is in juels, ``expiration`` in seconds."""

    payment: str | None
    expiration: int
    endAt: str | None  # noqa: N815 - the API's own name
    oracles: list[str]
    aggregator: str | UnsetType = UNSET
    aggInitiateJobSelector: str | UnsetType | None = UNSET  # noqa: N815 - the API's own name
    aggFulfillSelector: str | UnsetType | None = UNSET  # noqa: N815 - the API's own name


class StoredJob(msgspec.Struct, frozen=True):
    """A job in the form that v0.6.2 stored."""

    id: str
    createdAt: str  # noqa: N815 - the API's own name
    initiators: list[StoredInitiatorJson]
    tasks: tuple[TaskJson, ...]
    startAt: str | None  # noqa: N815 - the API's own name
    endAt: str | None  # noqa: N815 - the API's own name


class AgreementAttributes(msgspec.Struct, frozen=True):
    """A service agreement with its job; what one who proposes it needs is the signature."""

    id: str
    createdAt: str  # noqa: N815 - the API's own name
    encumbrance: EncumbranceAttributes
    requestBody: str  # noqa: N815 - the API's own name
    signature: str
    JobSpec: StoredJob
    jobSpecId: str  # noqa: N815 - the API's own name


def agreement_resource(made: Agreement, job: Job) -> Resource:
    """An agreement with its job."""
    attributes = AgreementAttributes(
        id=made.id,
        createdAt=rfc3339(made.created_at),
        encumbrance=_encumbrance(made.terms),
        requestBody=made.request_body,
        signature=made.signature,
        JobSpec=_stored_job(job),
        jobSpecId=job.id,
    )
    return Resource(_TYPE, made.id, attributes)


def request_resource(made: Agreement) -> Resource:
    """What was proposed, normalised."""
    return Resource(_TYPE, made.id, Raw(made.request_body.encode()))


def _encumbrance(terms: Encumbrance) -> EncumbranceAttributes:
    shown = EncumbranceAttributes(
        payment=None if terms.payment is None else str(terms.payment),
        expiration=terms.expiration,
        endAt=_time(terms.end_at),
        oracles=[checksum(oracle) for oracle in terms.oracles],
    )
    if terms.aggregator is None:
        return shown
    return msgspec.structs.replace(
        shown,
        aggregator=checksum(terms.aggregator),
        aggInitiateJobSelector=terms.initiate_selector,
        aggFulfillSelector=terms.fulfill_selector,
    )


def _stored_job(job: Job) -> StoredJob:
    pieces = fragments(job)
    return StoredJob(
        id=job.id,
        createdAt=rfc3339(job.created_at),
        initiators=list(pieces.stored_initiators.values()),
        tasks=pieces.tasks,
        startAt=_time(job.start_at),
        endAt=_time(job.end_at),
    )


def _time(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
