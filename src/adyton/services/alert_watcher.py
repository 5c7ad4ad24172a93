"""Looks at the node by the rules of alerts, and writes what becomes of them with what is to be told.

The states of alerts are rows, read anew at each look, so nothing is told twice after a restart and what is over meanwhile is
told as over. While rows cannot be written, which the rule ``database`` is about, its alert is told from memory (``Outage``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from adyton.domain import alerts
from adyton.domain.alert_looks import Seen
from adyton.domain.alerts import Change, Step
from adyton.domain.errors import Broken, Conflict, StorageUnavailable
from adyton.services.alert_eyes import Eyes
from adyton.services.alert_outage import Outage
from adyton.services.parts import Parts
from adyton.storage import alert_deliveries as deliveries
from adyton.storage import alert_destinations as destinations
from adyton.storage import alerts as stored

EVERY = 10.0
"""Seconds between two looks."""
SETTLED = 30.0
"""Seconds that a node that has just started may take to find its chain before anything counts as wrong."""
KEPT = 90 * 86400
"""Seconds for which alerts that are over are kept, and what was told of them."""
_FORGET_EVERY = 3600.0
_AT_ONCE = 1000
_SECOND = 1_000_000

log = structlog.get_logger(__name__)


class AlertWatcher:
    """Raises and clears."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._eyes = Eyes(parts)
        self._outage = Outage(parts)
        self._began = parts.clock.monotonic()
        self._forgot = self._began

    async def run(self) -> None:
        """Look now and then, for ever, and at once when a rule was changed."""
        while True:
            self._parts.alerts.look.clear()
            await self._try_to_look()
            try:
                async with asyncio.timeout(EVERY):
                    await self._parts.alerts.look.wait()
            except TimeoutError:
                pass

    async def _try_to_look(self) -> None:
        try:
            await self.look()
        except StorageUnavailable as fault:
            log.warning("alerts cannot be kept now; the next look comes", because=str(fault))
        except (Broken, Conflict):
            log.exception("alerts cannot be kept, in a way that must not be; the next look comes")

    async def look(self) -> None:
        """One look. A crash before the write costs a look; behind it the rows have everything. Raises StorageUnavailable."""
        if not self._parts.chain.state.connected and self._parts.clock.monotonic() - self._began < SETTLED:
            return
        try:
            seen = await self._eyes.look()
            await self._judge(seen)
        except StorageUnavailable as fault:
            await self._outage.goes_on(str(fault))
            raise
        await self._forget_old()

    async def _judge(self, seen: Seen) -> None:
        db = self._parts.db
        rules = alerts.in_force(await stored.changed_rules(db))
        standing = await stored.standing(db)
        self._outage.remember(rules, await destinations.every(db), standing)
        now = self._parts.clock.now()
        changes = alerts.changes(rules, standing, seen, now=now, new_id=self._parts.entropy.new_id)
        changes = self._outage.joined(changes, standing)
        if not changes:
            self._outage.over()
            return
        told = self._outage.told
        await db.write(*stored.applied(changes, now=now), *(deliveries.already(*each, now=now) for each in told))
        self._outage.over()
        self._say(changes)
        self._parts.alerts.send.set()

    def _say(self, changes: Sequence[Change]) -> None:
        for change in changes:
            alert = change.alert
            about = {"rule": alert.rule, "about": alert.subject, "alert": alert.id}
            if change.step is Step.RAISED:
                log.warning("alert raised", **about, because=alert.detail)
            elif change.step is Step.CLEARED:
                log.info("alert cleared", **about, because=alert.cleared_because or "it is well again")

    async def _forget_old(self) -> None:
        if self._parts.clock.monotonic() - self._forgot < _FORGET_EVERY:
            return
        self._forgot = self._parts.clock.monotonic()
        before = self._parts.clock.now() - KEPT * _SECOND
        while await deliveries.forget(self._parts.db, before=before, limit=_AT_ONCE):
            pass
        await stored.forget(self._parts.db, before=before, limit=_AT_ONCE)
