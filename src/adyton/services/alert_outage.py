"""While the database takes no rows: its own alert is told all the same, from memory, and becomes a row when it can.

Only that one: everything else that goes wrong meanwhile is seen again when there are rows. What is told here is told under the
id that its row gets, so a receiver that hears of it again knows it. A crash forgets it: a node does not start without its
database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from msgspec.structs import replace

from adyton.domain.alert_destinations import Destination
from adyton.domain.alert_messages import AlertEvent, Told
from adyton.domain.alert_rules import BY_NAME
from adyton.domain.alerts import Alert, Change, InForce, Step
from adyton.services.alert_telling import NotTold, origin_of, tell
from adyton.services.parts import Parts

RULE = "database"
_SECOND = 1_000_000

log = structlog.get_logger(__name__)


class Outage:
    """``told`` are the destination and the message of each that heard of it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rule = InForce(BY_NAME[RULE])
        self._destinations: Sequence[Destination] = ()
        self._alert: Alert | None = None
        self._told: set[str] = set()
        self._known = False
        """Whether it was raised while there were rows, so that it has been told."""

    def remember(self, rules: Sequence[InForce], destinations: Sequence[Destination], standing: Sequence[Alert]) -> None:
        """Note what the rows say, for when they cannot be read."""
        self._known = any(alert.rule == RULE and alert.raised_at is not None for alert in standing)
        self._rule = next(each for each in rules if each.rule.name == RULE)
        self._destinations = destinations

    @property
    def told(self) -> list[tuple[str, str]]:
        """Who heard what."""
        return [] if self._alert is None else [(name, f"{self._alert.id}-raised") for name in sorted(self._told)]

    async def goes_on(self, because: str) -> None:
        """Nothing can be written, still; tell those who were not told yet when that has lasted long enough."""
        now = self._parts.clock.now()
        rule = self._rule
        if self._alert is None:
            self._alert = Alert(
                id=self._parts.entropy.new_id(),
                rule=RULE,
                subject="",
                severity=rule.rule.severity,
                detail=because,
                code=rule.rule.code,
                since=now,
            )
        if self._known or not rule.enabled or now - self._alert.since < rule.hold * _SECOND:
            return
        alert = self._alert
        missing = [each for each in self._destinations if each.takes(alert.severity) and each.id not in self._told]
        await asyncio.gather(*(self._tell(each, alert) for each in missing))

    async def _tell(self, destination: Destination, alert: Alert) -> None:
        told = Told(f"{alert.id}-raised", AlertEvent.RAISED, alert, origin_of(self._parts))
        try:
            await tell(self._parts, destination, told)
        except NotTold as failed:
            log.warning("alert not told", message=told.id, destination=destination.name, because=str(failed))
        else:
            self._told.add(destination.id)
            log.info("alert told", message=told.id, destination=destination.name)

    def joined(self, changes: list[Change], standing: Sequence[Alert]) -> list[Change]:
        """The changes of a look, with the alert that was told meanwhile: its row is written now, raised. What the look found
        out about the same thing then waits for the next."""
        if self._alert is None or not self._told:
            return changes
        others = [change for change in changes if change.alert.rule != RULE]
        raised = Change(Step.RAISED, replace(self._alert, raised_at=self._parts.clock.now()))
        earlier = [alert for alert in standing if alert.rule == RULE]
        if not earlier:
            return [*others, Change(Step.BEGAN, self._alert), raised]
        return [*others, Change(Step.FORGOTTEN, earlier[0]), Change(Step.BEGAN, self._alert), raised]

    def over(self) -> None:
        """Its row is written, or none is needed."""
        self._alert = None
        self._told = set()
