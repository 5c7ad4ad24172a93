"""Finished runs are deleted: those that are old, by the node itself, and those that an operator does not want any more.

Both in small chunks, so that others get their turn, and both leave what still matters (see ``storage.run_history``).
"""

from __future__ import annotations

from collections.abc import Collection

import structlog
from msgspec import UNSET

from adyton.domain.errors import Broken, Conflict, Fault, Invalid, StorageUnavailable
from adyton.domain.request_json import field, first_object, kind_of
from adyton.domain.runs import FINISHED, RunStatus
from adyton.domain.times import parse_rfc3339
from adyton.services.parts import Parts
from adyton.storage import run_history

CHUNK = 500
"""Runs deleted in one write."""
BREATH = 0.1
"""Seconds between two chunks."""
EVERY = 3600.0
"""Seconds between two passes, at most."""
PATIENCE = 60.0
"""Seconds until a pass that could not be made is tried again."""
_TRIES = 10
_MICROS = 1_000_000
_NOTHING_SETTLED = -1
_NEVER = -(2**62)

log = structlog.get_logger(__name__)


class Undeletable(Invalid):
    """Runs of that status are not history."""

    usual = "ADY-0308"


class Retention:
    """The loop, which forgets old runs, and old entries of the audit log. A crash costs a pass: what a chunk deleted stays
    deleted, and the next start begins again."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(self) -> None:
        """One pass now and then, for ever; returns at once when RUN_HISTORY_RETENTION and AUDIT_LOG_RETENTION are 0."""
        config = self._parts.config
        kept = [keeps for keeps in (config.run_history_retention, config.audit_log_retention) if keeps > 0]
        while kept:
            pause = min(EVERY, max(1.0, min(kept)))
            try:
                await self._pass()
            except StorageUnavailable as fault:
                log.error("old runs cannot be deleted now", because=str(fault))
                pause = min(PATIENCE, pause)
            except (Conflict, Broken):
                log.exception("old runs cannot be deleted, in a way that must not be")
            await self._parts.clock.sleep(pause)

    async def _pass(self) -> None:
        parts, config = self._parts, self._parts.config
        if config.run_history_retention > 0:
            before = parts.clock.now() - round(config.run_history_retention * _MICROS)
            if deleted := await delete(parts, FINISHED, before=before):
                log.info("old runs deleted", runs=deleted)
        if config.audit_log_retention > 0 and (forgotten := await parts.audit.forget(config.audit_log_retention)):
            log.info("old entries of the audit log deleted", entries=forgotten)


async def delete(parts: Parts, statuses: Collection[RunStatus], *, before: int) -> int:
    """Delete the finished runs of these statuses that last changed before a time (microseconds); those stay that a
    reorganisation may still concern, or whose request's fate would be lost. Returns how many went. Raises StorageUnavailable,
    and Conflict when others change the same runs all the time: then some did."""
    head = parts.chain.state.head
    settled = _NOTHING_SETTLED if head is None else head.number - parts.finality_depth
    total, behind, tries = 0, run_history.BEGINNING, 0
    while True:
        try:
            done = await run_history.delete(parts.db, statuses, before=before, settled=settled, behind=behind, limit=CHUNK)
        except Conflict:
            tries += 1
            if tries == _TRIES:
                raise
            await parts.clock.sleep(BREATH)
            continue  # one of them was run again just now: read the chunk again
        total, tries = total + done.runs, 0
        if done.behind is None:
            return total
        behind = done.behind
        await parts.clock.sleep(BREATH)


async def delete_asked(parts: Parts, body: bytes) -> int:
    """Delete what an operator describes (as v0.6.2): ``status``, a list, and ``updatedBefore``. Without either nothing is
    deleted.

    Raises Invalid for a body that cannot be read, Undeletable for a status of runs that are not finished.
    """
    given = first_object(body)
    before = _before(field(given, "updatedBefore"))
    statuses = _statuses(field(given, "status"))
    deleted = await delete(parts, statuses, before=before)
    log.warning("an operator has deleted runs", runs=deleted, statuses=sorted(statuses))
    return deleted


def _before(value: object) -> int:
    if value is UNSET or value is None:
        return _NEVER
    if not isinstance(value, str):
        raise Invalid(
            Fault(
                f"updatedBefore must be a time such as 2019-06-27T14:03:11Z, not {kind_of(value)}",
                "/updatedBefore",
                code="ADY-0307",
            )
        )
    try:
        return parse_rfc3339(value)
    except ValueError as wrong:
        raise Invalid(Fault(f"updatedBefore: {wrong}", "/updatedBefore", code="ADY-0307")) from None


def _statuses(value: object) -> frozenset[RunStatus]:
    if value is UNSET or value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Invalid(Fault('status must be a list of statuses, such as ["completed", "errored"]', "/status", code="ADY-0307"))
    wrong = [each for each in value if each not in FINISHED]
    if wrong:
        raise Undeletable(*(Fault(f"cannot delete Runs with status {each}", "/status", code="ADY-0308") for each in wrong))
    return frozenset(map(RunStatus, value))
