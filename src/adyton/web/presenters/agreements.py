"""Service agreements as the API shows them, in the two forms of v0.6.2."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from adyton.domain.agreements import Agreement, Encumbrance
from adyton.domain.evm import checksum
from adyton.domain.jobs import Job
from adyton.domain.times import rfc3339
from adyton.web.jsonapi import Resource
from adyton.web.presenters.jobs import fragments

_TYPE = "service_agreements"


def agreement_resource(made: Agreement, job: Job) -> Resource:
    """An agreement with its job; what one who proposes it needs is the signature."""
    attributes = {
        "id": made.id,
        "createdAt": rfc3339(made.created_at),
        "encumbrance": _encumbrance(made.terms),
        "requestBody": made.request_body,
        "signature": made.signature,
        "JobSpec": _stored_job(job),
        "jobSpecId": job.id,
    }
    return Resource(_TYPE, made.id, attributes)


def request_resource(made: Agreement) -> Resource:
    """What was proposed, normalised."""
    return Resource(_TYPE, made.id, Raw(made.request_body.encode()))


def _encumbrance(terms: Encumbrance) -> dict[str, Any]:
    shown = {
        "payment": None if terms.payment is None else str(terms.payment),
        "expiration": terms.expiration,
        "endAt": _time(terms.end_at),
        "oracles": [checksum(oracle) for oracle in terms.oracles],
    }
    if terms.aggregator is not None:
        shown |= {
            "aggregator": checksum(terms.aggregator),
            "aggInitiateJobSelector": terms.initiate_selector,
            "aggFulfillSelector": terms.fulfill_selector,
        }
    return shown


def _stored_job(job: Job) -> dict[str, Any]:
    """The job in the form that v0.6.2 stored."""
    pieces = fragments(job)
    return {
        "id": job.id,
        "createdAt": rfc3339(job.created_at),
        "initiators": list(pieces.stored_initiators.values()),
        "tasks": pieces.tasks,
        "startAt": _time(job.start_at),
        "endAt": _time(job.end_at),
    }


def _time(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
