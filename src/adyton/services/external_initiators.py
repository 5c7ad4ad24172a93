"""External initiators: create, list, delete, recognise."""

from __future__ import annotations

import structlog

from adyton.domain import external_initiators
from adyton.domain.errors import Conflict, Fault, Invalid, NotFound, Unauthenticated
from adyton.domain.external_initiators import EXTERNAL, ExternalInitiator, Wanted
from adyton.domain.jobs import Job
from adyton.services.features import need_external_initiators
from adyton.services.parts import Parts
from adyton.storage import external_initiators as stored
from adyton.storage import notifications
from adyton.storage.notifications import Undelivered

log = structlog.get_logger(__name__)


async def create(parts: Parts, wanted: Wanted | None) -> tuple[ExternalInitiator, str]:
    """Make an external initiator, as v0.6.2 had them if nothing is ``wanted`` of it. Returns it with the secret that it must
    send, which is shown this once. Raises SwitchedOff, Invalid."""
    need_external_initiators(parts)
    if wanted is not None:
        external_initiators.check(wanted)
    made, secret = external_initiators.make(wanted, parts.entropy.token, parts.clock.now())
    try:
        await stored.create(parts.db, made)
    except Conflict:
        raise Invalid(Fault(f"Name {made.name} already exists", "/name", code="ADY-0503")) from None
    log.info("external initiator created", initiator=made.called)
    return made, secret


async def page(parts: Parts, *, offset: int, limit: int) -> tuple[list[tuple[ExternalInitiator, Undelivered]], int]:
    """A page of them with what each has not been told, by age, and how many there are in all."""
    found, count = await stored.page(parts.db, offset=offset, limit=limit)
    waiting = await notifications.undelivered(parts.db, [known.name for known in found if known.name])
    return [(known, waiting.get(known.name or "", Undelivered(0, None))) for known in found], count


async def delete(parts: Parts, called: str) -> None:
    """Delete the one with that access key or name, and what it was still to be told. Jobs that name it stay, and nobody starts
    them. An access key that nobody has is fine, as in v0.6.2; an unknown name raises NotFound. Raises SwitchedOff."""
    need_external_initiators(parts)
    known = await _by_key(parts, called) or await _by_name(parts, called.lower())
    if known is not None and await stored.delete(parts.db, known.access_key):
        log.info("external initiator deleted", initiator=known.called)
    elif not external_initiators.could_be_key(called):
        raise NotFound("external initiator not found", code="ADY-0504")


async def recognise(parts: Parts, access_key: str, secret: str, address: str) -> ExternalInitiator | None:
    """Who has this access key and this secret; None when nobody has. Whether the feature is on does not matter (as v0.6.2).
    Raises TooManyAttempts."""
    try:
        with parts.throttle.secret(f"initiator {access_key}", address):
            return await _proven(parts, access_key, secret)
    except Unauthenticated:
        return None


async def _proven(parts: Parts, access_key: str, secret: str) -> ExternalInitiator:
    known = await _by_key(parts, access_key)
    if not external_initiators.proves(known, access_key, secret) or known is None:
        raise Unauthenticated("no external initiator has this access key and this secret", code="ADY-0507")
    return known


async def named_by(parts: Parts, job: Job) -> ExternalInitiator | None:
    """The external initiator that a job names, if it names one. Raises Invalid when there is none of that name."""
    for n, initiator in enumerate(job.initiators):
        if initiator.type == EXTERNAL and initiator.name is not None:
            known = await _by_name(parts, initiator.name)
            if known is None:
                told = f"there is no external initiator {initiator.name}; create it first, or correct the name"
                raise Invalid(Fault(told, f"/initiators/{n}/params/name", code="ADY-0268"))
            return known
    return None


async def _by_key(parts: Parts, text: str) -> ExternalInitiator | None:
    return await stored.by_key(parts.db, text) if external_initiators.could_be_key(text) else None


async def _by_name(parts: Parts, text: str) -> ExternalInitiator | None:
    return await stored.by_name(parts.db, text) if external_initiators.could_be_name(text) else None
