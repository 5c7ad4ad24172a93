"""Alerts, their rules, and where they are told, as the API shows them. No secret is shown, to nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from adyton.domain.alert_destinations import Destination, DestinationType, Email, MailSecurity, Slack, masked
from adyton.domain.alert_messages import AlertEvent
from adyton.domain.alert_rules import Severity, Unit
from adyton.domain.alerts import Alert, AlertStatus, InForce
from adyton.domain.times import rfc3339
from adyton.storage.alert_deliveries import How, Shown
from adyton.web.jsonapi import Resource

State = Literal["waiting", "sent", "failed"]


class AlertAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """An alert: of which ``rule``, about which ``subject`` ("": the node). ``detail`` is what was found when it began;
    ``clearedBecause`` says why it is over where that is not because all is well again."""

    id: str
    rule: str
    title: str
    subject: str
    severity: Severity
    status: AlertStatus
    detail: str
    what_to_do: str
    code: str
    since: str
    raised_at: str | None
    cleared_at: str | None
    cleared_because: str


class RuleAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """A rule as it counts now, and as the program has it. A ``threshold`` is a decimal text in ``unit``; null with a unit: the
    node's own measure, which ``measure`` names. ``pending`` and ``raised`` count what it has found that is not over."""

    name: str
    title: str
    watches: str
    what_to_do: str
    code: str
    severity: Severity
    enabled: bool
    threshold: str | None
    unit: Unit | None
    measure: str
    hold_seconds: int
    clear_seconds: int
    default_enabled: bool
    default_threshold: str | None
    default_hold_seconds: int
    default_clear_seconds: int
    changed: bool
    pending: int
    raised: int


class DestinationAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """A destination without its secrets. ``severity`` is the least that is told there. A webhook has ``url`` and ``signed``,
    Slack ``url``, e-mail the rest up to ``to``. ``waiting`` messages wait, the oldest since ``waitingSince``; ``lastError`` is
    what the last attempt at that one met."""

    id: str
    name: str
    type: DestinationType
    enabled: bool
    severity: Severity
    url: str | None
    signed: bool | None
    host: str | None
    port: int | None
    security: MailSecurity | None
    user: str | None
    has_password: bool | None
    sender: str | None = msgspec.field(name="from")
    to: Sequence[str] | None
    waiting: int
    waiting_since: str | None
    next_attempt_at: str | None
    last_error: str | None
    last_sent_at: str | None
    last_failed_at: str | None
    created_at: str
    updated_at: str


class DeliveryAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """A message to a destination: ``waiting``, ``sent``, or ``failed``, which is given up. ``message`` is the id that its
    receiver gets; ``error`` is what the last attempt met."""

    id: str
    destination_id: str
    destination: str
    alert_id: str | None
    rule: str | None
    subject: str | None
    event: AlertEvent
    message: str
    state: State
    attempts: int
    created_at: str
    next_attempt_at: str | None
    finished_at: str | None
    error: str | None


def alert_resource(alert: Alert) -> Resource:
    """One alert."""
    attributes = AlertAttributes(
        id=alert.id,
        rule=alert.rule,
        title=alert.title,
        subject=alert.subject,
        severity=alert.severity,
        status=alert.status,
        detail=alert.detail,
        what_to_do=alert.to_do,
        code=alert.code,
        since=rfc3339(alert.since),
        raised_at=_time(alert.raised_at),
        cleared_at=_time(alert.cleared_at),
        cleared_because=alert.cleared_because,
    )
    return Resource("alerts", alert.id, attributes)


def rule_resource(found: InForce, standing: Sequence[Alert]) -> Resource:
    """One rule, with its alerts that are not over."""
    rule = found.rule
    raised = sum(alert.raised_at is not None for alert in standing)
    attributes = RuleAttributes(
        name=rule.name,
        title=rule.title,
        watches=rule.watches,
        what_to_do=rule.to_do,
        code=rule.code,
        severity=rule.severity,
        enabled=found.enabled,
        threshold=None if found.threshold is None else f"{found.threshold:f}",
        unit=rule.unit,
        measure=rule.measure,
        hold_seconds=found.hold,
        clear_seconds=found.clear,
        default_enabled=rule.enabled,
        default_threshold=None if rule.threshold is None else f"{rule.threshold:f}",
        default_hold_seconds=rule.hold,
        default_clear_seconds=rule.clear,
        changed=(found.enabled, found.threshold, found.hold, found.clear)
        != (rule.enabled, rule.threshold, rule.hold, rule.clear),
        pending=len(standing) - raised,
        raised=raised,
    )
    return Resource("alertRules", rule.name, attributes)


def destination_resource(found: Destination, how: How) -> Resource:
    """One destination, and how telling it goes."""
    settings = found.settings
    mail = settings if isinstance(settings, Email) else None
    attributes = DestinationAttributes(
        id=found.id,
        name=found.name,
        type=found.type,
        enabled=found.enabled,
        severity=found.severity,
        url=None if isinstance(settings, Email) else masked(settings.url),
        signed=None if isinstance(settings, Email | Slack) else bool(settings.secret),
        host=None if mail is None else mail.host,
        port=None if mail is None else mail.port,
        security=None if mail is None else mail.security,
        user=None if mail is None else mail.user,
        has_password=None if mail is None else bool(mail.password),
        sender=None if mail is None else mail.sender,
        to=None if mail is None else mail.recipients,
        waiting=how.waiting,
        waiting_since=_time(how.since),
        next_attempt_at=_time(how.next_at),
        last_error=how.error,
        last_sent_at=_time(how.last_sent),
        last_failed_at=_time(how.last_failed),
        created_at=rfc3339(found.created_at),
        updated_at=rfc3339(found.updated_at),
    )
    return Resource("alertDestinations", found.id, attributes)


def delivery_resource(found: Shown) -> Resource:
    """One message."""
    attributes = DeliveryAttributes(
        id=str(found.id),
        destination_id=found.destination,
        destination=found.destination_name,
        alert_id=found.alert,
        rule=found.rule,
        subject=found.subject,
        event=AlertEvent(found.event),
        message=found.message,
        state=found.state,  # type: ignore[arg-type] # the column allows no other
        attempts=found.attempts,
        created_at=rfc3339(found.created_at),
        next_attempt_at=rfc3339(found.next_at) if found.state == "waiting" else None,
        finished_at=_time(found.finished_at),
        error=found.error,
    )
    return Resource("alertDeliveries", str(found.id), attributes)


def _time(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
