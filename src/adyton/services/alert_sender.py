"""Tells destinations what the rows say is to be told: each in its order, all beside one another.

A row is written with the alert's state, so a crash loses nothing: at worst a receiver hears the same message twice, and knows
it by its id. One that fails is tried again after 5 s, 10 s, … up to ten minutes, for a day; those behind it wait, so that
nobody hears the end of something before its beginning.
"""

from __future__ import annotations

import asyncio

import structlog

from adyton.domain.alert_messages import Told
from adyton.domain.errors import Broken, StorageUnavailable
from adyton.services.alert_telling import NotTold, origin_of, tell
from adyton.services.parts import Parts
from adyton.storage import alert_deliveries as deliveries
from adyton.storage import alert_destinations as destinations
from adyton.storage import alerts as stored
from adyton.storage.alert_deliveries import Delivery

DEADLINE = 24 * 3600.0
"""Seconds after which a message that nobody took is given up, at its next failure."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5, 600
_REST = 60.0
"""Seconds after which the rows are looked at in any case."""
_SECOND = 1_000_000

log = structlog.get_logger(__name__)


class AlertSender:
    """Delivers to each destination its oldest message, and one at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver, then wait for more, for ever."""
        async with asyncio.TaskGroup() as sending:
            while True:
                self._parts.alerts.send.clear()
                rest = await self._try_to_begin(sending)
                try:
                    async with asyncio.timeout(rest):
                        await self._parts.alerts.send.wait()
                except TimeoutError:
                    pass

    async def _try_to_begin(self, sending: asyncio.TaskGroup) -> float:
        """Begin what is due; returns the seconds until more is."""
        try:
            await self._begin(sending)
            return await self._until_next()
        except (StorageUnavailable, Broken) as fault:
            log.warning("alerts cannot be told now; the next try comes", because=str(fault))
            return float(_FIRST_PAUSE)

    async def _begin(self, sending: asyncio.TaskGroup) -> None:
        before = set(self._busy)  # what ends while the rows are read is in them as it was
        for one in await deliveries.due(self._parts.db, self._parts.clock.now()):
            if one.destination not in before:
                task = sending.create_task(self._deliver_safely(one))
                self._busy[one.destination] = task

    async def _until_next(self) -> float:
        next_at = await deliveries.next_at(self._parts.db)
        if next_at is None:
            return _REST
        # What is under way is due as well; it wakes this loop when it is done.
        least = _FIRST_PAUSE if self._busy else 0
        return min(max((next_at - self._parts.clock.now()) / _SECOND, least), _REST)

    async def deliver_due(self) -> int:
        """One message to each destination that has one due; returns how many were tried. Raises StorageUnavailable."""
        found = await deliveries.due(self._parts.db, self._parts.clock.now())
        await asyncio.gather(*(self._deliver(one) for one in found))
        return len(found)

    async def _deliver_safely(self, one: Delivery) -> None:
        try:
            await self._deliver(one)
        except (StorageUnavailable, Broken) as fault:
            # What was sent is sent again, under the same id.
            log.warning("what became of an alert's message cannot be written", message=one.message, because=str(fault))
            await self._parts.clock.sleep(_FIRST_PAUSE)
        except Exception:
            log.exception("an alert cannot be told, in a way that must not be", message=one.message)
            await self._parts.clock.sleep(_LONGEST_PAUSE)
        finally:
            del self._busy[one.destination]
            self._parts.alerts.send.set()

    async def _deliver(self, one: Delivery) -> None:
        destination = await destinations.get(self._parts.db, one.destination)
        alert = None if one.alert is None else await stored.get(self._parts.db, one.alert)
        if destination is None:
            return  # deleted since, and its messages with it
        told = Told(one.message, one.event, alert, origin_of(self._parts))
        try:
            remark = await tell(self._parts, destination, told)
        except NotTold as failed:
            await self._failed(one, destination.name, failed)
            return
        # A crash before this write: the receiver hears it again, under the same id.
        await self._parts.db.write(deliveries.ended(one, sent=True, now=self._parts.clock.now(), error=remark))
        log.info("alert told", message=one.message, destination=destination.name)

    async def _failed(self, one: Delivery, name: str, failed: NotTold) -> None:
        now = self._parts.clock.now()
        if not failed.again or now - one.created_at >= DEADLINE * _SECOND:
            await self._parts.db.write(deliveries.ended(one, sent=False, now=now, error=str(failed)))
            told = {"message": one.message, "destination": name, "because": str(failed)}
            log.error("alert not told, and given up", **told, code="ADY-1380")
            return
        pause = max(min(_FIRST_PAUSE * 2 ** min(one.attempts, 20), _LONGEST_PAUSE), failed.wait)
        await self._parts.db.write(deliveries.postponed(one, until=now + round(pause * _SECOND), error=str(failed)))
        log.warning("alert not told", message=one.message, destination=name, because=str(failed), again_in=pause)
