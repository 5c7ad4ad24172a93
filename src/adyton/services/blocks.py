"""Blocks: read again what has been read, and show how far that is."""

from __future__ import annotations

import structlog

from adyton.domain.errors import Fault, Invalid
from adyton.services.parts import Parts
from adyton.storage import alarms, judgements
from adyton.storage import rereads as stored
from adyton.storage.paged import Paged
from adyton.storage.rereads import Reread

log = structlog.get_logger(__name__)


async def replay(parts: Parts, from_block: int) -> Reread:
    """Let every block from ``from_block`` to the one taken in last be read again, for every job; nothing is started twice.

    Clears the alarms whose cure that is, and has the transactions judged again which the chain may have lost with those blocks.
    Raises Invalid when there is no such block yet.
    """
    height = parts.intake.reached
    if height is None:
        raise Invalid(Fault("no block has been read yet: there is nothing to read again", "/fromBlock", code="ADY-0610"))
    if not 0 <= from_block <= height:
        raise Invalid(
            Fault(
                f"fromBlock must be a block from 0 to {height}, the last one read, not {from_block}",
                "/fromBlock",
                code="ADY-0610",
            )
        )
    wanted = stored.asked("an operator asked for it", from_block, height, every_job=True, now=parts.clock.now())
    cured = [each.block for each in await alarms.load(parts.db) if each.block >= from_block]
    lost = [judgements.asked(min(cured))] if cured else []
    # The alarm is cured by what is durable with it: the re-read and the judgement go on after a crash.
    ((row,),) = await parts.db.write(stored.insert(wanted), alarms.cured_by_reading_from(from_block), *lost)
    parts.intake.wake()
    if lost:
        parts.outgoing.wished()
    log.info("blocks will be read again", first=from_block, last=height)
    return wanted.numbered(row)


async def rereads(parts: Parts, *, offset: int, limit: int) -> Paged[Reread]:
    """A page of what is being read again or was, the newest first."""
    return await stored.page(parts.lists, offset=offset, limit=limit)
