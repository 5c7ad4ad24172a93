"""Service agreements: agree, show."""

from __future__ import annotations

import msgspec
import structlog

from adyton.domain import agreements, strangers
from adyton.domain.agreements import Agreement, Encumbrance, Limits
from adyton.domain.chain import ZERO_ADDRESS, Address, Hash
from adyton.domain.errors import Conflict, Fault, Invalid, NotFound
from adyton.domain.job_requests import decode
from adyton.domain.job_requests import judge as judge_job
from adyton.domain.jobs import Initiator, Job
from adyton.domain.normalise import normalise
from adyton.domain.request_json import first_object
from adyton.domain.requests import EXEC_AGREEMENT
from adyton.services import jobs
from adyton.services.features import need_service_agreements
from adyton.services.parts import Parts
from adyton.storage import agreements as stored
from adyton.storage import jobs as stored_jobs

log = structlog.get_logger(__name__)

_SECOND = 1_000_000


async def create(parts: Parts, text: bytes, *, trusted: bool = False) -> tuple[Agreement, Job]:
    """Agree to what a text proposes: sign its id with the node's first key, and store the agreement with its job. An agreement
    that the node has made before is returned as it is. ``trusted``: an operator proposes it, so its job may do what any may.

    Raises SwitchedOff, Invalid with every fault, and Conflict when the job of this agreement was archived.
    """
    need_service_agreements(parts)
    normalised = _normalised(text)
    asked = decode(text, job_id="", now=parts.clock.now())
    terms = agreements.read_terms(first_object(text), asked.end_at)
    request_digest = agreements.digest(normalised)
    agreement_id = agreements.agreement_id(terms, request_digest)
    known = await stored.get(parts.db, f"0x{agreement_id.hex()}")
    if known is not None:
        return await _again(parts, known)
    own = _first_key(parts)
    job = _bound(parts, asked, f"0x{agreement_id.hex()}", terms)
    _judge(parts, job, terms, own, trusted=trusted)
    made = Agreement(
        id=f"0x{agreement_id.hex()}",
        job_id=job.id,
        created_at=job.created_at,
        terms=terms,
        request_body=normalised,
        request_digest=f"0x{request_digest.hex()}",
        signature=f"0x{parts.keys.sign_message(own, agreement_id).hex()}",
    )
    try:
        stored_job = await jobs.store(parts, job, stored.insert(made))
    except Conflict:
        # Somebody proposed the same at the same time.
        known = await stored.get(parts.db, made.id)
        if known is None:
            raise
        return await _again(parts, known)
    log.info("service agreement made", agreement=made.id, job=job.id, payment=str(terms.payment), oracles=len(terms.oracles))
    return made, stored_job


async def get(parts: Parts, agreement_id: str) -> Agreement:
    """The agreement of that id, whether its job was archived or not. Raises NotFound."""
    known = agreements.plain_id(agreement_id)
    found = await stored.get(parts.db, known) if known is not None else None
    if found is None:
        raise NotFound("ServiceAgreement not found", code="ADY-0511")
    return found


async def _again(parts: Parts, known: Agreement) -> tuple[Agreement, Job]:
    """An agreement made before. That its job was archived was an operator's decision, which nobody outside may undo."""
    job = await stored_jobs.get(parts.db, known.job_id)
    if job is None:
        raise Conflict(
            f"agreement {known.id} has ended here: its job {known.job_id} was archived. Other terms, such as another endAt, "
            "make another agreement",
            code="ADY-0512",
        )
    return known, job


def _normalised(text: bytes) -> str:
    try:
        return normalise(text)
    except ValueError as wrong:
        raise Invalid(f"the body is not JSON: {wrong}", code="ADY-0020") from None


def _first_key(parts: Parts) -> Address:
    addresses = parts.keys.addresses()
    if not addresses:
        raise Invalid("No Ethereum Accounts configured", code="ADY-0513")
    return addresses[0]


def _bound(parts: Parts, asked: Job, agreement_id: Hash, terms: Encumbrance) -> Job:
    """The job with what the agreement makes of it: its initiator takes requests under this agreement, and none that pays less
    than agreed. (The contract does not hold requests to an agreement that it does not know.) An id that the proposal brings
    along is not taken: requests name the agreement."""
    return msgspec.structs.replace(
        asked,
        id=parts.entropy.new_id(),
        min_payment=terms.payment,
        initiators=tuple(_bound_initiator(each, agreement_id, parts) for each in asked.initiators),
    )


def _bound_initiator(initiator: Initiator, agreement_id: Hash, parts: Parts) -> Initiator:
    if initiator.type != EXEC_AGREEMENT:
        return initiator
    coordinator = parts.config.coordinator_contract_address
    listens = coordinator if coordinator is not None and initiator.address == ZERO_ADDRESS else initiator.address
    # No request under it is older than the agreement, and no stranger has the node read old blocks again.
    return msgspec.structs.replace(initiator, agreement=agreement_id, address=listens, from_block=None)


def _judge(parts: Parts, job: Job, terms: Encumbrance, own: Address, *, trusted: bool) -> None:
    config = parts.config
    limits = Limits(
        payment=config.minimum_contract_payment,
        expiration=config.minimum_request_expiration,
        shortest=round(config.minimum_service_duration * _SECOND),
        longest=round(config.maximum_service_duration * _SECOND),
    )
    job_faults = [
        *judge_job(job, parts.task_types.check),
        *agreements.exec_agreement_alone(job),
        *_other_contract(job, config.coordinator_contract_address),
    ]
    if not job_faults and not trusted:
        job_faults = strangers.faults(job)
    faults = agreements.judge(terms, own, job_faults, limits, parts.clock.now())
    if faults:
        raise Invalid(*faults)


def _other_contract(job: Job, coordinator: Address | None) -> list[Fault]:
    return [
        Fault(
            f"this node takes requests under agreements from {coordinator} only",
            f"/initiators/{n}/params/address",
            code="ADY-0515",
        )
        for n, initiator in enumerate(job.initiators)
        if coordinator is not None and initiator.type == EXEC_AGREEMENT and initiator.address != coordinator
    ]
