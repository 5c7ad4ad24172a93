"""The audit log: who did what, from where, to what, when, and with what outcome.

An entry is begun before what it tells of, or its statement stands in the writer's queue before that of what it tells of, so no
crash leaves something done without its entry. How it ended is noted up to a second later, many in one write: an entry that a
crash left as begun says that something was begun, and the rows say how far it came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from adyton.domain import data
from adyton.domain.access import Caller, CallerKind
from adyton.domain.audit import Entry, Outcome, storable
from adyton.domain.errors import StorageUnavailable
from adyton.ports import Clock
from adyton.services.throttle import Failures
from adyton.storage import audit as stored
from adyton.storage.audit import Ended, Wanted
from adyton.storage.database import Database
from adyton.storage.list_tables import AUDIT
from adyton.storage.lists import Listing
from adyton.storage.paged import Paged

log = structlog.get_logger(__name__)

SETTLES = 1.0
"""Seconds until the outcome of an entry is stored."""
REFUSALS = 120
"""Refusals of one caller, or of all strangers together, that are kept in a minute; the log has a line of each."""
CHUNK = 1000
"""Entries deleted in one write."""
_KEPT = 10_000
_SECOND = 1_000_000

Detail = Mapping[str, object]


class AuditLog:
    """Writes entries. ``run`` stores how they ended; ``settle`` does it at once."""

    def __init__(self, *, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._ended: list[Ended] = []
        self._news = asyncio.Event()
        self._entries = Listing(db, AUDIT)
        self._refusals = Failures(clock, limit=REFUSALS, period=60.0)

    async def run(self) -> None:
        """Store the outcomes of entries, for ever."""
        while True:
            await self._news.wait()
            await self._clock.sleep(SETTLES)
            try:
                await self.settle()
            except StorageUnavailable as fault:
                log.warning("outcomes of the audit log cannot be stored now", because=str(fault))

    async def begin(self, caller: Caller, action: str, subject: str) -> int:
        """Write that something is begun; returns the entry's id. Its statement is in the writer's queue when this first waits.
        Raises StorageUnavailable."""
        return await stored.begin(self._db, self._entry(caller, action, subject, Outcome.BEGUN, {}))

    def end(self, entry: int, outcome: Outcome, subject: str, detail: Detail) -> None:
        """Say how an entry ended. A crash within ``SETTLES`` leaves it as begun."""
        if len(self._ended) < _KEPT:
            self._ended.append(Ended(entry, outcome, storable(subject), data.encode(dict(detail))))
        self._news.set()

    async def record(self, caller: Caller, action: str, subject: str, outcome: Outcome, detail: Detail) -> None:
        """Write a whole entry. Strangers cannot fill the disk with refusals: see ``REFUSALS``. Raises StorageUnavailable."""
        if outcome is Outcome.REFUSED:
            if self._refusals.wait(caller.name):
                log.warning("a refusal is not in the audit log: there are too many", action=action, caller=caller.name)
                return
            self._refusals.add(caller.name)
        await self._db.write(stored.entry(self._entry(caller, action, subject, outcome, detail)))

    async def settle(self) -> None:
        """Store how entries ended. Raises StorageUnavailable, and keeps them then."""
        ended, self._ended = self._ended, []
        self._news.clear()
        if not ended:
            return
        try:
            await stored.end(self._db, ended)
        except BaseException:
            self._ended = [*ended, *self._ended]
            self._news.set()
            raise

    async def page(self, wanted: Wanted, *, offset: int, limit: int) -> Paged[Entry]:
        """A page of entries, the newest first."""
        await self.settle()
        return await stored.page(self._entries, wanted, offset=offset, limit=limit)

    async def forget(self, keeps: float) -> int:
        """Delete the entries older than ``keeps`` seconds, in chunks; returns how many went. Raises StorageUnavailable."""
        before, total = self._clock.now() - round(keeps * _SECOND), 0
        while True:
            gone = await stored.forget(self._db, before=before, limit=CHUNK)
            total += gone
            if gone < CHUNK:
                return total
            await self._clock.sleep(0.1)

    def _entry(self, caller: Caller, action: str, subject: str, outcome: Outcome, detail: Detail) -> Entry:
        return Entry(
            at=self._clock.now(),
            caller_kind=caller.kind,
            caller=storable(caller.name),
            address=caller.address,
            action=action,
            subject=storable(subject),
            outcome=outcome,
            detail=data.encode(dict(detail)),
        )


async def record_locally(db: Database, clock: Clock, action: str, subject: str) -> None:
    """Write what a command did on the node's own files: nobody has proven who they are but by having them."""
    entry = Entry(at=clock.now(), caller_kind=CallerKind.NODE, caller="", action=action, subject=subject, outcome=Outcome.DONE)
    await db.write(stored.entry(entry))
