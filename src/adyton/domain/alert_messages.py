"""What a destination is sent: JSON for programs, a text for people. The same alert always gives the same bytes, so that a
message that is sent twice is the same message.

A webhook's signature is that of a text ``<seconds>.<body>`` by HMAC-SHA256, in the header ``X-Adyton-Signature: t=…,v1=…``: who
checks it and the time knows that the body is the node's, and that nobody sends an old one again.
"""

from __future__ import annotations

import hmac
import re
from enum import StrEnum

import msgspec

from adyton.domain.alerts import Alert
from adyton.domain.times import rfc3339

SIGNATURE_HEADER = "X-Adyton-Signature"
MESSAGE_HEADER = "X-Adyton-Message"
EVENT_HEADER = "X-Adyton-Event"
_SECOND = 1_000_000
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class AlertEvent(StrEnum):
    """What is told."""

    RAISED = "raised"
    CLEARED = "cleared"
    TEST = "test"


class Origin(msgspec.Struct, frozen=True, rename="camel"):
    """Which node tells it: ``keys`` are its addresses; ``url`` is where it can be reached, if BRIDGE_RESPONSE_URL says so."""

    chain_id: int | None = None
    keys: tuple[str, ...] = ()
    url: str | None = None

    @property
    def called(self) -> str:
        """In a few words."""
        name = self.url or (self.keys[0] if self.keys else "a node without keys")
        return f"{name} (chain {self.chain_id})" if self.chain_id is not None else name


class Told(msgspec.Struct, frozen=True):
    """A message: ``id`` is the same whenever it is sent. A test is about no alert."""

    id: str
    event: AlertEvent
    alert: Alert | None
    origin: Origin


class _AlertBody(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    rule: str
    subject: str
    title: str
    severity: str
    detail: str
    what_to_do: str
    code: str
    since: str
    raised_at: str | None
    cleared_at: str | None
    cleared_because: str


class _Body(msgspec.Struct, frozen=True):
    id: str
    event: str
    text: str
    node: Origin
    alert: _AlertBody | None


# --- for programs ----------------------------------------------------------------------------------------------------


def webhook_body(told: Told) -> bytes:
    """The JSON of a message."""
    return msgspec.json.encode(_Body(told.id, told.event, headline(told), told.origin, _alert_body(told)))


def _alert_body(told: Told) -> _AlertBody | None:
    alert = told.alert
    if alert is None:
        return None
    over = told.event is AlertEvent.CLEARED and alert.cleared_at is not None
    return _AlertBody(
        id=alert.id,
        rule=alert.rule,
        subject=alert.subject,
        title=alert.title,
        severity=alert.severity,
        detail=alert.detail,
        what_to_do=alert.to_do,
        code=alert.code,
        since=rfc3339(alert.since),
        raised_at=None if alert.raised_at is None else rfc3339(alert.raised_at),
        cleared_at=rfc3339(alert.cleared_at) if over and alert.cleared_at is not None else None,
        cleared_because=alert.cleared_because if over else "",
    )


def signature(secret: str, body: bytes, now: int) -> str:
    """The value of the signature's header at a time in microseconds."""
    seconds = now // _SECOND
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest()
    return f"t={seconds},v1={digest}"


# --- for people ------------------------------------------------------------------------------------------------------


def headline(told: Told) -> str:
    """One line: what is wrong, or is over."""
    alert = told.alert
    if alert is None:
        return f"Test: alerts of {told.origin.called} arrive here"
    about = f": {_line(alert.subject)}" if alert.subject else ""
    word = f"{alert.severity}" if told.event is AlertEvent.RAISED else "cleared"
    return f"[{word}] {alert.title}{about}"


def text(told: Told) -> str:
    """A few lines in plain text."""
    return "\n".join(_lines(told))


def slack_body(told: Told) -> bytes:
    """The form of Slack's incoming webhooks. Nothing of it is markup but what stands here."""
    first, *rest = [_escaped(line) for line in _lines(told)]
    return msgspec.json.encode({"text": "\n".join([f"*{first}*", *rest])})


def _lines(told: Told) -> list[str]:
    alert = told.alert
    if alert is None:
        return [headline(told), "Nothing is wrong: somebody pressed the button."]
    lines = [headline(told), _line(alert.detail)]
    if told.event is AlertEvent.CLEARED and alert.cleared_at is not None:
        why = f" because {alert.cleared_because}" if alert.cleared_because else ""
        lines.append(f"It began at {_clock(alert.since)} and was over at {_clock(alert.cleared_at)}{why}.")
    else:
        lines += [f"Since {_clock(alert.since)}.", f"What to do: {alert.to_do}", f"More: adyton explain {alert.code}"]
    return [*lines, f"Node: {told.origin.called}" + (f" {told.origin.url}/alerts" if told.origin.url else "")]


def _clock(micros: int) -> str:
    return rfc3339(micros - micros % _SECOND)


def _line(words: str) -> str:
    """Words from outside on one line."""
    return _UNPRINTABLE.sub(" ", words)


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
