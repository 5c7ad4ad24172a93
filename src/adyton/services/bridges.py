"""Bridges: create, show, list, change, delete; new tokens.

Changes are made one after the other, so that memory ends as the rows do.
"""

from __future__ import annotations

import msgspec
import structlog

from adyton.domain.bridges import TOKEN_BYTES, Bridge, BridgeRequest, token_hash
from adyton.domain.errors import Conflict, Fault, Invalid, NotFound
from adyton.domain.jobs import Job
from adyton.domain.urls import redact
from adyton.ports import Entropy
from adyton.services.parts import Parts
from adyton.storage import bridges as stored
from adyton.storage.database import Statement

log = structlog.get_logger(__name__)


class Tokens(msgspec.Struct, frozen=True):
    """New tokens of a bridge. ``incoming`` is shown once; only its hash, salted, is kept."""

    incoming: str
    salt: str
    outgoing: str

    @property
    def incoming_hash(self) -> str:
        """What is stored of the incoming one."""
        return token_hash(self.incoming, self.salt)


async def create(parts: Parts, asked: BridgeRequest) -> tuple[Bridge, str]:
    """Store a new bridge; returns it and its incoming token, which nobody can learn later. Raises Invalid."""
    if not asked.name:
        raise Invalid(Fault("No name specified", "/name", code="ADY-0450"))
    tokens, now = _new_tokens(parts.entropy), parts.clock.now()
    bridge = Bridge(
        name=asked.name,
        url=asked.url,
        confirmations=asked.confirmations,
        minimum_payment=asked.minimum_payment,
        incoming_token_hash=tokens.incoming_hash,
        salt=tokens.salt,
        outgoing_token=tokens.outgoing,
        created_at=now,
        updated_at=now,
    )
    async with parts.bridges.changing:
        if _exists(parts, asked.name):
            raise _taken(asked.name)
        try:
            await parts.db.write(stored.insert(bridge))
        except Conflict:
            raise _taken(asked.name) from None
        # A crash before this line loses nothing but the sight of the tokens: the bridge can be given new ones.
        parts.bridges.put(bridge)
    log.info("bridge created", bridge=bridge.name, at=redact(bridge.url), confirmations=bridge.confirmations)
    return bridge, tokens.incoming


def get(parts: Parts, name: str) -> Bridge:
    """The bridge of that name. Raises NotFound."""
    bridge = parts.bridges.get(name)
    if bridge is None:
        raise NotFound("bridge not found", code="ADY-0455")
    return bridge


async def page(parts: Parts, *, offset: int, limit: int) -> tuple[list[Bridge], int]:
    """A page of the bridges by name, and how many there are in all."""
    return await stored.page(parts.db, offset=offset, limit=limit)


async def update(parts: Parts, name: str, asked: BridgeRequest) -> Bridge:
    """Replace where a bridge is and what it asks for, as a whole; name and tokens stay. Raises NotFound."""
    async with parts.bridges.changing:
        bridge = await stored.update(
            parts.db,
            name,
            url=asked.url,
            confirmations=asked.confirmations,
            minimum_payment=asked.minimum_payment,
            now=parts.clock.now(),
        )
        if bridge is None:
            raise NotFound("bridge not found", code="ADY-0455")
        parts.bridges.put(bridge)
    log.info("bridge changed", bridge=name, at=redact(bridge.url), confirmations=bridge.confirmations)
    return bridge


async def rotate(parts: Parts, name: str) -> tuple[Bridge, str]:
    """Give a bridge new tokens; the old ones are worth nothing from now on. Returns it and the incoming one, shown once. Raises
    NotFound."""
    tokens = _new_tokens(parts.entropy)
    async with parts.bridges.changing:
        bridge = await stored.rotate(
            parts.db,
            name,
            incoming_token_hash=tokens.incoming_hash,
            salt=tokens.salt,
            outgoing_token=tokens.outgoing,
            now=parts.clock.now(),
        )
        if bridge is None:
            raise NotFound("bridge not found", code="ADY-0455")
        parts.bridges.put(bridge)
    log.info("bridge has new tokens", bridge=name)
    return bridge, tokens.incoming


async def delete(parts: Parts, name: str) -> Bridge:
    """Delete a bridge that no live job uses. Runs of archived jobs that wait for it wait until their deadline. Raises NotFound,
    Conflict."""
    async with parts.bridges.changing:
        get(parts, name)
        bridge = await stored.delete(parts.db, name)
        if bridge is None:
            # v0.6.2's words; the end of them is an error that there is not.
            raise Conflict("Can't remove the bridge because there are jobs associated with it: <nil>", code="ADY-0456")
        parts.bridges.remove(name)
    log.info("bridge deleted", bridge=name)
    return bridge


def fence(parts: Parts, job: Job) -> list[Statement]:
    """Statements for the write that stores a new job, behind its own: Conflict if a bridge that it names is being deleted at
    this moment."""
    return stored.held(job, {task.type for task in job.tasks if parts.bridges.get(task.type) is not None})


def _exists(parts: Parts, name: str) -> bool:
    try:
        parts.task_types.min_confirmations(name)
    except Invalid:
        return False
    return True


def _taken(name: str) -> Invalid:
    return Invalid(Fault(f"Adapter {name} already exists", "/name", code="ADY-0454"))


def _new_tokens(entropy: Entropy) -> Tokens:
    incoming, salt, outgoing = (entropy.token(TOKEN_BYTES).hex() for _ in range(3))
    return Tokens(incoming, salt, outgoing)
