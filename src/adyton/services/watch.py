"""What rows say about how the node is: read together, for /metrics and for /health, and kept for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from adyton.domain.chain import Address
from adyton.domain.errors import StorageUnavailable
from adyton.services import requests
from adyton.services.parts import Parts
from adyton.services.recent import Recent
from adyton.storage import alarms, counts, facts, sync_events
from adyton.storage import logs as stored_logs
from adyton.storage.alarms import Alarm
from adyton.storage.counts import Oldest, OpenTransactions, Rereads
from adyton.storage.logs import Cursor
from adyton.storage.sync_events import Outstanding

KEPT = 2.0
"""Seconds for which an answer serves whoever asks."""
KEPT_LONGER = 15.0
"""Seconds for which an answer serves that costs more with each request that is refused or expires: a second for a million."""
PATIENCE = 2.0
"""Seconds that the database has to answer."""
_PROBE = 32768
"""Characters of what is written. The last bytes of a disk still take a small row when they take no run any more."""

log = structlog.get_logger(__name__)


class Requests(msgspec.Struct, frozen=True):
    """Requests that the chain still waits for an answer to, and those of them of which no row says why."""

    open: int
    unaccounted: int


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What rows say, all read within a moment; ``requests`` is None while they are still being counted.

    ``newest`` is the height of the head at that moment: a later one says nothing about this cursor.
    """

    runs: Mapping[str, int]
    transactions: Sequence[OpenTransactions]
    oldest: Sequence[Oldest]
    rereads: Rereads
    cursor: Cursor | None
    newest: int | None
    requests: Requests | None
    foreign_nonces: Mapping[Address, int]
    alarms: Sequence[Alarm]
    database_size: int
    explorer: Outstanding | None = None
    """What an explorer has not been told; None if there is none."""

    @property
    def lag(self) -> int | None:
        """Blocks between the newest and the one through which logs have been taken in; None while one of them is not known."""
        return None if self.newest is None or self.cursor is None else max(0, self.newest - self.cursor.block_number)


class Watch:
    """Asks the database, for everybody who watches the node. ``seldom``: seconds for which what costs more serves at least."""

    def __init__(self, parts: Parts, *, seldom: float = 0.0) -> None:
        self._parts = parts
        self._numbers = Recent(self._read, clock=parts.clock, seconds=KEPT)
        self._requests = Recent(self._count_requests, clock=parts.clock, seconds=max(KEPT_LONGER, seldom))
        self._written = Recent(self._write, clock=parts.clock, seconds=max(KEPT, seldom))

    async def numbers(self) -> Numbers | None:
        """The numbers; None when the database does not give them in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._numbers.value()
        except (StorageUnavailable, TimeoutError) as fault:
            log.warning("the numbers of the rows cannot be read", because=str(fault) or f"no answer within {PATIENCE:g} s")
            return None

    async def unwritable(self) -> str | None:
        """Why nothing can be stored; None if something can. A row is written, because a full disk can still be read."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._written.value()
        except StorageUnavailable as fault:
            return f"nothing can be stored: {fault}"
        except TimeoutError:
            return f"a write was not durable within {PATIENCE:g} s"
        return None

    async def _write(self) -> None:
        await self._parts.db.write(facts.put("health checked at", f"{self._parts.clock.now():>{_PROBE}}"))

    async def _requests_soon(self) -> Requests | None:
        try:
            async with asyncio.timeout(PATIENCE / 2):
                return await self._requests.value()
        except TimeoutError:
            return None

    async def _count_requests(self) -> Requests:
        return Requests(await counts.unclosed_requests(self._parts.db), await requests.unaccounted_count(self._parts))

    async def _read(self) -> Numbers:
        db, head = self._parts.db, self._parts.chain.state.head
        return Numbers(
            runs=await counts.unfinished_runs(db),
            transactions=await counts.open_transactions(db),
            oldest=await counts.oldest_transactions(db),
            rereads=await counts.open_rereads(db),
            cursor=await stored_logs.cursor(db),
            newest=None if head is None else head.number,
            requests=await self._requests_soon(),
            foreign_nonces=await counts.foreign_nonces(db),
            alarms=await alarms.load(db),
            database_size=await counts.size(db),
            explorer=await sync_events.outstanding(db) if self._parts.config.explorer_url else None,
        )
