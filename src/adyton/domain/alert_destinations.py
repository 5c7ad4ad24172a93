"""Where alerts are told: a webhook, a Slack channel, e-mail. What a destination is, and how one is read from a body.

A destination's URL, password and signing secret are its owner's: they are kept, used, and never shown again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from adyton.domain.alert_rules import Severity
from adyton.domain.errors import Fault, Invalid
from adyton.domain.request_json import field, kind_of
from adyton.domain.urls import redact

MOST = 20
"""Destinations that there may be."""
SHORTEST_SECRET = 16
"""Characters of a secret by which messages are signed."""
_LONGEST = 2000
_LONGEST_NAME = 100
_MOST_RECIPIENTS = 50
_CODE = "ADY-1376"
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\()\[\]]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)
_Word = TypeVar("_Word", bound=StrEnum)
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[?[0-9a-fA-F:.]{2,45}\]?", re.ASCII)


class DestinationType(StrEnum):
    """In what form, and by what means."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    EMAIL = "email"


class MailSecurity(StrEnum):
    """How the line to a mail server is protected: from the first byte, by its STARTTLS, or not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class Webhook(msgspec.Struct, frozen=True):
    """A URL that takes JSON. With a ``secret`` each message is signed."""

    url: str
    secret: str = ""


class Slack(msgspec.Struct, frozen=True):
    """The URL of an incoming webhook in the form of Slack, which many chat programs take. It is a secret."""

    url: str


class Email(msgspec.Struct, frozen=True, kw_only=True):
    """A mail server and the people. Without a ``user`` nobody logs in."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = ""


Settings: TypeAlias = Webhook | Slack | Email


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Somewhere to tell alerts of at least a ``severity``. Times are in microseconds."""

    id: str
    name: str
    enabled: bool
    severity: Severity
    settings: Settings
    created_at: int
    updated_at: int

    @property
    def type(self) -> DestinationType:
        """In what form it is told."""
        return type_of(self.settings)

    def takes(self, severity: Severity) -> bool:
        """Whether it is told of alerts of that severity."""
        return self.enabled and (self.severity is Severity.WARNING or severity is Severity.CRITICAL)


def type_of(settings: Settings) -> DestinationType:
    """In what form messages go there."""
    return {Webhook: DestinationType.WEBHOOK, Slack: DestinationType.SLACK, Email: DestinationType.EMAIL}[type(settings)]


def encode(settings: Settings) -> str:
    """As a row keeps it."""
    return msgspec.json.encode(settings).decode()


def decode(kind: str, text: str) -> Settings:
    """What ``encode`` made."""
    match DestinationType(kind):
        case DestinationType.WEBHOOK:
            return msgspec.json.decode(text, type=Webhook)
        case DestinationType.SLACK:
            return msgspec.json.decode(text, type=Slack)
        case DestinationType.EMAIL:
            return msgspec.json.decode(text, type=Email)


def masked(url: str) -> str:
    """A URL as it may be shown: its path is often the secret."""
    parts = urlsplit(url)
    return redact(url) + ("/***" if parts.path.strip("/") or parts.query or parts.username else "")


# --- what is asked for -----------------------------------------------------------------------------------------------


class Wanted(msgspec.Struct, frozen=True):
    """What a new destination is to be, or what one becomes."""

    name: str
    enabled: bool
    severity: Severity
    settings: Settings


def read_wanted(body: Mapping[str, object], before: Destination | None = None) -> Wanted:
    """What a body asks for. Of a destination that is there, what the body does not name stays as it was: secrets too, whose
    values nobody can send back. Raises Invalid with every fault."""
    reader = _Reader(body)
    name = reader.text("name", before.name if before else "").strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or "/" in name:
        reader.fault("name", f"name must have 1 to {_LONGEST_NAME} characters that can be printed, and no slash")
    enabled = reader.truth("enabled", before.enabled if before else True)
    severity = reader.choice("severity", Severity, before.severity if before else Severity.WARNING)
    kind = reader.choice("type", DestinationType, before.type if before else None)
    if before is not None and kind is not before.type:
        reader.fault("type", "type cannot be changed: make another destination")
    settings = None if kind is None else _READ[kind](reader, before.settings if before else None)
    if reader.faults or settings is None or severity is None:
        raise Invalid(*reader.faults, code=_CODE)
    return Wanted(name, enabled, severity, settings)


def _webhook(reader: _Reader, before: Settings | None) -> Settings:
    old = before if isinstance(before, Webhook) else Webhook("")
    secret = reader.text("secret", old.secret)
    if secret and len(secret) < SHORTEST_SECRET:
        reader.fault("secret", f"secret must have {SHORTEST_SECRET} characters or more")
    return Webhook(reader.url("url", old.url), secret)


def _slack(reader: _Reader, before: Settings | None) -> Settings:
    return Slack(reader.url("url", before.url if isinstance(before, Slack) else ""))


def _email(reader: _Reader, before: Settings | None) -> Settings:
    old = before if isinstance(before, Email) else None
    security = reader.choice("security", MailSecurity, old.security if old else MailSecurity.STARTTLS) or MailSecurity.STARTTLS
    port = reader.port(
        old.port if old else {MailSecurity.TLS: 465, MailSecurity.STARTTLS: 587, MailSecurity.NONE: 25}[security]
    )
    host = reader.text("host", old.host if old else "").strip()
    if _HOST.fullmatch(host) is None:
        reader.fault("host", "host must be the name or the address of a mail server")
    user = reader.text("user", old.user if old else "")
    # Who lets nobody log in any more has no use for the password, which cannot be sent back.
    password = reader.text("password", old.password if old and user else "")
    if password and not user:
        reader.fault("user", "user is missing: a password alone logs nobody in")
    if user and not password:
        reader.fault("password", "password is missing: a user without one is not let in")
    if old is not None and old.password and user and host != old.host and not reader.names("password"):
        reader.fault("password", "password must be given again for another host: it was for the one before")
    if user and security is MailSecurity.NONE:
        reader.fault("security", "security must be tls or starttls where somebody logs in: a password is not sent in clear")
    sender = reader.text("from", old.sender if old else "").strip()
    if _ADDRESS.fullmatch(sender) is None:
        reader.fault("from", "from must be an e-mail address")
    return Email(
        host=host,
        port=port,
        security=security,
        user=user,
        password=password,
        sender=sender,
        recipients=reader.recipients(old.recipients if old else ()),
    )


_READ = {DestinationType.WEBHOOK: _webhook, DestinationType.SLACK: _slack, DestinationType.EMAIL: _email}


class _Reader:
    """Reads fields of a body, and collects what is wrong with them."""

    def __init__(self, body: Mapping[str, object]) -> None:
        self._body = body
        self.faults: list[Fault] = []

    def fault(self, name: str, words: str) -> None:
        self.faults.append(Fault(words, f"/{name}"))

    def names(self, name: str) -> bool:
        return field(self._body, name) not in (UNSET, None)

    def text(self, name: str, otherwise: str) -> str:
        value = field(self._body, name)
        if value is UNSET or value is None:
            return otherwise
        if not isinstance(value, str):
            self.fault(name, f"{name} must be a string, not {kind_of(value)}")
        elif len(value) > _LONGEST or not value.isprintable():
            self.fault(name, f"{name} must have at most {_LONGEST} characters, all of which can be printed")
        else:
            return value
        return otherwise

    def truth(self, name: str, otherwise: bool) -> bool:
        value = field(self._body, name)
        if value is UNSET or value is None:
            return otherwise
        if not isinstance(value, bool):
            self.fault(name, f"{name} must be true or false, not {kind_of(value)}")
            return otherwise
        return value

    def choice(self, name: str, words: type[_Word], otherwise: _Word | None) -> _Word | None:
        text = self.text(name, otherwise or "")
        try:
            return words(text)
        except ValueError:
            self.fault(name, f"{name} must be one of {', '.join(words)}")
            return otherwise

    def url(self, name: str, otherwise: str) -> str:
        text = self.text(name, otherwise).strip()
        try:
            parts = urlsplit(text)
            whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole or " " in text:
            self.fault(name, f"{name} must begin with http:// or https:// and name a host")
        return text

    def port(self, otherwise: int) -> int:
        value = field(self._body, "port")
        if value is UNSET or value is None:
            return otherwise
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
            self.fault("port", "port must be a number from 1 to 65535")
            return otherwise
        return value

    def recipients(self, otherwise: Sequence[str]) -> tuple[str, ...]:
        value = field(self._body, "to")
        given = tuple(otherwise) if value is UNSET or value is None else value
        several = isinstance(given, list | tuple) and all(isinstance(each, str) for each in given)
        found = tuple(str(each).strip() for each in given) if several and isinstance(given, list | tuple) else ()
        if not 0 < len(found) <= _MOST_RECIPIENTS or not all(each.isprintable() and _ADDRESS.fullmatch(each) for each in found):
            self.fault("to", f"to must be a list of 1 to {_MOST_RECIPIENTS} e-mail addresses")
        return found
