"""What operators wish of alerts: see them, change their rules, say where they are told, try that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from msgspec.structs import replace

from adyton.domain import alerts
from adyton.domain.alert_destinations import MOST, Destination, read_wanted
from adyton.domain.alert_messages import AlertEvent, Told
from adyton.domain.alert_rules import BY_NAME
from adyton.domain.alerts import Alert, AlertStatus, Changed, InForce
from adyton.domain.errors import Conflict, NotFound
from adyton.services.alert_telling import NotTold, origin_of, tell
from adyton.services.parts import Parts
from adyton.storage import alert_deliveries as deliveries
from adyton.storage import alert_destinations as destinations
from adyton.storage import alerts as stored
from adyton.storage.alert_deliveries import How, Shown

log = structlog.get_logger(__name__)


# --- rules -----------------------------------------------------------------------------------------------------------


async def rules(parts: Parts) -> list[tuple[InForce, Sequence[Alert]]]:
    """Every rule as it counts now, with what it has found that is not over. Raises StorageUnavailable, as everything here."""
    standing = await stored.standing(parts.db)
    found = alerts.in_force(await stored.changed_rules(parts.db))
    return [(rule, [alert for alert in standing if alert.rule == rule.rule.name]) for rule in found]


async def change_rule(parts: Parts, name: str, wanted: Changed, given: Sequence[str]) -> InForce:
    """Change a rule: of ``wanted`` the fields that are ``given``, where None is as the program has it. Raises NotFound,
    Invalid."""
    rule = BY_NAME.get(name)
    if rule is None:
        raise NotFound(f"there is no rule {name[:100]!r}; there are {', '.join(BY_NAME)}", code="ADY-1370")
    before = (await stored.changed_rules(parts.db)).get(name, Changed())
    changed = replace(before, **{each: getattr(wanted, each) for each in given})
    alerts.check(rule, changed)
    await stored.change_rule(parts.db, name, changed)
    parts.alerts.look.set()
    log.info("rule of alerts changed", rule=name)
    return InForce(rule, changed)


# --- alerts ----------------------------------------------------------------------------------------------------------


async def page(parts: Parts, status: AlertStatus | None, *, offset: int, limit: int) -> tuple[list[Alert], int]:
    """A page of alerts, the newest first, and how many there are in all. None: those that were raised."""
    return await stored.page(parts.db, status, offset=offset, limit=limit)


async def told(parts: Parts, *, destination: str, alert: str, state: str, offset: int, limit: int) -> tuple[list[Shown], int]:
    """A page of what was told, or waits, the newest first. Raises NotFound for a destination that is not there."""
    known = (await get_destination(parts, destination)).id if destination else ""
    return await deliveries.page(parts.db, destination=known, alert=alert, state=state, offset=offset, limit=limit)


# --- destinations ----------------------------------------------------------------------------------------------------


async def every_destination(parts: Parts) -> list[tuple[Destination, How]]:
    """All of them, and how telling them goes."""
    how = await deliveries.how(parts.db)
    return [(each, how.get(each.id, How())) for each in await destinations.every(parts.db)]


async def get_destination(parts: Parts, named: str) -> Destination:
    """The one with that id or name. Raises NotFound."""
    found = await destinations.get(parts.db, named) if named.isprintable() else None
    if found is None:
        raise NotFound(f"there is no alert destination {named[:100]!r}", code="ADY-1372")
    return found


async def show_destination(parts: Parts, named: str) -> tuple[Destination, How]:
    """The same, and how telling it goes."""
    found = await get_destination(parts, named)
    return found, (await deliveries.how(parts.db)).get(found.id, How())


async def create_destination(parts: Parts, body: Mapping[str, object]) -> Destination:
    """Make one; it hears at once of what is wrong now. Raises Invalid, Conflict."""
    wanted = read_wanted(body)
    if len(await destinations.every(parts.db)) >= MOST:
        raise Conflict(f"there are {MOST} destinations, which is as many as there may be; delete one first", code="ADY-1378")
    now = parts.clock.now()
    made = Destination(
        id=parts.entropy.new_id(),
        name=wanted.name,
        enabled=wanted.enabled,
        severity=wanted.severity,
        settings=wanted.settings,
        created_at=now,
        updated_at=now,
    )
    try:
        await destinations.create(parts.db, made, now=now)
    except Conflict:
        raise _taken(made.name) from None
    parts.alerts.send.set()
    log.info("alert destination created", destination=made.name, type=made.type.value)
    return made


async def change_destination(parts: Parts, named: str, body: Mapping[str, object]) -> Destination:
    """Change one: what the body does not name stays. Raises NotFound, Invalid, Conflict."""
    before = await get_destination(parts, named)
    wanted, now = read_wanted(body, before), parts.clock.now()
    changed = replace(
        before,
        name=wanted.name,
        enabled=wanted.enabled,
        severity=wanted.severity,
        settings=wanted.settings,
        updated_at=now,
    )
    try:
        there = await destinations.change(parts.db, changed, now=now)
    except Conflict:
        raise _taken(changed.name) from None
    if not there:
        raise NotFound(f"there is no alert destination {named[:100]!r}", code="ADY-1372")
    parts.alerts.send.set()
    log.info("alert destination changed", destination=changed.name)
    return changed


async def delete_destination(parts: Parts, named: str) -> None:
    """Delete one, and what it was still to be told. Raises NotFound."""
    found = await get_destination(parts, named)
    await destinations.delete(parts.db, found.id)
    log.info("alert destination deleted", destination=found.name)


async def test_destination(parts: Parts, named: str) -> Shown:
    """Send one a test now, whatever waits for it, and tell what came of it. A crash meanwhile leaves no trace but the message.
    Raises NotFound."""
    found = await get_destination(parts, named)
    begun = parts.clock.now()
    message = f"{parts.entropy.new_id()}-test"
    error: str | None = None
    try:
        await tell(parts, found, Told(message, AlertEvent.TEST, None, origin_of(parts)))
    except NotTold as failed:
        error = str(failed)
    statement = deliveries.tested(found.id, message, error, begun=begun, now=parts.clock.now())
    (rows,) = await parts.db.write(statement)
    shown = await deliveries.get(parts.db, int(rows[0][0] or 0)) if rows else None
    if shown is None:
        raise NotFound(f"the alert destination {found.name!r} was deleted meanwhile", code="ADY-1372")
    return shown


def _taken(name: str) -> Conflict:
    return Conflict(f"there is an alert destination {name!r} already; choose another name", code="ADY-1377")
