"""Reads for all who watch: changed rows, the head, what is wrong. While nobody watches it reads nothing."""

from __future__ import annotations

import asyncio

import structlog

from adyton.domain.errors import AdytonError
from adyton.domain.times import rfc3339
from adyton.services import health, live_events
from adyton.services.live_events import Alert, Event
from adyton.services.live_guests import ASKED
from adyton.services.parts import Parts
from adyton.services.watch import Watch
from adyton.storage import alarms, changes
from adyton.storage import alerts as stored_alerts
from adyton.storage.changes import Place

LOOKED_AFTER = 5.0
"""Seconds between two looks at what is wrong."""
_AT_ONCE = 500
_MOST = 2000
"""Changes of one look that are kept in memory; after more, as after a long fault, everybody reads rows."""
_PAUSE = 1.0

log = structlog.get_logger(__name__)

Alerts = dict[tuple[str, str], Alert]


class LiveReader:
    """Fills the hub of ``parts``. A crash loses nothing: a client that comes back says how far it is."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hub = parts.live
        self._watch = Watch(parts)
        self._commits = -1
        self._looked_at = 0.0

    async def run(self) -> None:
        """Read as long as anybody watches, for ever. When it is cancelled every stream ends."""
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self._read())
                parts.create_task(self._ask())
        finally:
            self._hub.close()

    async def _read(self) -> None:
        while True:
            await self._hub.someone()
            await self._begin()
            while self._hub.streams:
                await self._parts.clock.sleep(self._hub.interval)
                await self._look()
            self._hub.rest()

    async def _ask(self) -> None:
        while True:
            await self._hub.someone()
            await self._parts.clock.sleep(ASKED)
            await self._hub.guests.ask()

    async def _begin(self) -> None:
        """Find out where the rows end. Whoever watches waits for it."""
        while self._hub.streams:
            try:
                self._commits = self._parts.db.commits
                place = await changes.newest(self._parts.db)
            except AdytonError as fault:
                log.warning("changes cannot be read for those who watch; trying again", because=str(fault))
                await self._parts.clock.sleep(_PAUSE)
                continue
            self._hub.begin(place, self._parts.chain.state.head, await self._alerts({}))
            return

    async def _look(self) -> None:
        """Publish what is new. What fails is tried again at the next look, from the same place."""
        before = self._hub.end
        try:
            await self._look_at_rows()
            self._look_at_head()
            await self._look_after()
        except AdytonError as fault:
            log.warning("changes cannot be read for those who watch; trying again", because=str(fault))
            await self._parts.clock.sleep(_PAUSE)
        if self._hub.end != before:
            await self._hub.wake(self._parts.clock.sleep)

    async def _look_at_rows(self) -> None:
        commits = self._parts.db.commits  # before the read: what is committed during it is looked for again
        if commits == self._commits:
            return
        place = self._place
        events: list[Event] = []
        reached = True
        while reached and len(events) < _MOST:
            runs = await changes.runs(self._parts.db, place.runs, limit=_AT_ONCE)
            sent = await changes.transactions(self._parts.db, place.transactions, limit=_AT_ONCE)
            for run in runs:
                place = Place(run.change, place.transactions)
                events.append(live_events.of_run(run, place))
            for transaction in sent:
                place = Place(place.runs, transaction.change)
                events.append(live_events.of_transaction(transaction, place))
            reached = len(runs) == _AT_ONCE or len(sent) == _AT_ONCE
        self._commits = commits
        if reached:
            self._hub.skip_to(await changes.newest(self._parts.db))
        elif events:
            self._hub.publish(events, place)

    def _look_at_head(self) -> None:
        head = self._parts.chain.state.head
        if head is not None and head != self._hub.head:
            self._hub.head = head
            self._hub.publish([live_events.of_head(head, self._place)], self._place)

    async def _look_after(self) -> None:
        """What has begun or ceased to be wrong."""
        now = self._parts.clock.monotonic()
        if now - self._looked_at < LOOKED_AFTER:
            return
        before = self._hub.alerts
        found = await self._alerts(before)
        at = rfc3339(self._parts.clock.now())
        cleared = [
            Alert(old.name, old.source, "cleared", old.detail, at, code=old.code, subject=old.subject)
            for key, old in before.items()
            if key not in found
        ]
        raised = [alert for key, alert in found.items() if before.get(key) != alert]
        self._hub.alerts = found
        events = [live_events.of_alert(alert, self._place) for alert in (*cleared, *raised)]
        if events:
            self._hub.publish(events, self._place)

    async def _alerts(self, before: Alerts) -> Alerts:
        """What is wrong now. A check that failed before keeps what was said of it then; while the rows cannot be read, so do
        the alarms."""
        self._looked_at = self._parts.clock.monotonic()
        found: Alerts = {}
        at = rfc3339(self._parts.clock.now())
        for check in await health.report(self._parts, self._watch):
            if not check.passing and check.name != "alarms":
                key = ("health", check.name)
                found[key] = before.get(key) or Alert(check.name, "health", "raised", check.output, at, code=check.code)
        try:
            raised = await alarms.load(self._parts.db)
            standing = await stored_alerts.standing(self._parts.db)
        except AdytonError:
            return found | {key: alert for key, alert in before.items() if key[0] != "health"}
        for alarm in raised:
            key = ("alarm", alarm.name)
            found[key] = Alert(alarm.name, "alarm", "raised", alarm.detail, rfc3339(alarm.since), alarm.cure, alarm.code)
        for told in standing:
            if told.raised_at is not None:
                at = rfc3339(told.raised_at)
                found["rule", told.id] = Alert(
                    told.rule, "rule", "raised", told.detail, at, told.to_do, told.code, told.subject
                )
        return found

    @property
    def _place(self) -> Place:
        place = self._hub.place
        assert place is not None, "it has begun"
        return place
