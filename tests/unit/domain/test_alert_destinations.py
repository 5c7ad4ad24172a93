"""What may be a destination, and what one is sent."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from msgspec.structs import replace

from adyton.domain import alert_messages as messages
from adyton.domain.alert_destinations import (
    Destination,
    Email,
    MailSecurity,
    Slack,
    Webhook,
    decode,
    encode,
    masked,
    read_wanted,
    type_of,
)
from adyton.domain.alert_messages import AlertEvent, Origin, Told
from adyton.domain.alert_rules import Severity
from adyton.domain.alerts import Alert
from adyton.domain.errors import Invalid
from support.builders import NOW

MAIL = {"name": "mail", "type": "email", "host": "smtp.example", "from": "node@example.com", "to": ["you@example.com"]}
HOOK = {"name": "hook", "type": "webhook", "url": "https://alerts.example/in"}
ALERT = Alert(
    id="1" * 32,
    rule="head",
    subject="",
    severity=Severity.CRITICAL,
    detail="the newest block is 9 s old <!channel> & more\nlines",
    code="ADY-0632",
    since=NOW,
    raised_at=NOW + 30_000_000,
)
RAISED = Told(f"{ALERT.id}-raised", AlertEvent.RAISED, ALERT, Origin(1, ("0xabc",)))
CLEARED = Told(
    f"{ALERT.id}-cleared",
    AlertEvent.CLEARED,
    replace(ALERT, cleared_at=NOW + 90_000_000, cleared_because="the rule was switched off"),
    Origin(1, ("0xabc",), "https://node.example"),
)


def known(body: dict[str, Any]) -> Destination:
    wanted = read_wanted(body)
    return Destination(
        id="7",
        name=wanted.name,
        enabled=wanted.enabled,
        severity=wanted.severity,
        settings=wanted.settings,
        created_at=NOW,
        updated_at=NOW,
    )


def test_what_is_left_out_is_as_usual() -> None:
    assert read_wanted(HOOK).settings == Webhook("https://alerts.example/in")
    assert (read_wanted(HOOK).enabled, read_wanted(HOOK).severity) == (True, Severity.WARNING)
    assert read_wanted(MAIL).settings == Email(
        host="smtp.example",
        port=587,
        security=MailSecurity.STARTTLS,
        sender="node@example.com",
        recipients=("you@example.com",),
    )
    ports = {word: read_wanted({**MAIL, "security": word}).settings.port for word in ("tls", "none")}  # type: ignore[union-attr]
    assert ports == {"tls": 465, "none": 25}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name", "/type"]),
        ({**HOOK, "name": " "}, ["/name"]),
        ({**HOOK, "name": "a\x00"}, ["/name", "/name"]),
        ({**HOOK, "name": "a/b"}, ["/name"]),
        ({**HOOK, "type": "pigeon"}, ["/type"]),
        ({**HOOK, "type": 7}, ["/type", "/type"]),
        ({**HOOK, "severity": "meek"}, ["/severity"]),
        ({**HOOK, "enabled": "yes"}, ["/enabled"]),
        ({**HOOK, "url": "ftp://a.example"}, ["/url"]),
        ({**HOOK, "url": "https://"}, ["/url"]),
        ({**HOOK, "url": "http://[::1"}, ["/url"]),
        ({**HOOK, "secret": "short"}, ["/secret"]),
        ({"name": "chat", "type": "slack"}, ["/url"]),
        ({**MAIL, "host": "a b"}, ["/host"]),
        ({**MAIL, "port": 0}, ["/port"]),
        ({**MAIL, "port": True}, ["/port"]),
        ({**MAIL, "to": []}, ["/to"]),
        ({**MAIL, "to": "you@example.com"}, ["/to"]),
        ({**MAIL, "to": ["you@example.com\r\nBcc: x@example.com"]}, ["/to"]),
        ({**MAIL, "from": "nobody"}, ["/from"]),
        ({**MAIL, "password": "secret"}, ["/user"]),
        ({**MAIL, "user": "me"}, ["/password"]),
        ({**MAIL, "user": "me", "password": "secret", "security": "none"}, ["/security"]),
    ],
)
def test_every_fault_is_told(body: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        read_wanted(body)
    assert [fault.pointer for fault in refused.value.faults] == pointers
    assert refused.value.error_code == "ADY-1376"


def test_what_a_change_does_not_name_stays_secrets_too() -> None:
    before = known({**HOOK, "secret": "s" * 16})
    changed = read_wanted({"name": "other"}, before)
    assert (changed.name, changed.settings) == ("other", before.settings)
    assert read_wanted({"secret": ""}, before).settings == Webhook("https://alerts.example/in")
    mail = known({**MAIL, "user": "me", "password": "secret"})
    assert read_wanted({"to": ["they@example.com"]}, mail).settings == replace(mail.settings, recipients=("they@example.com",))


def test_a_password_does_not_follow_to_another_host() -> None:
    mail = known({**MAIL, "user": "me", "password": "secret"})
    with pytest.raises(Invalid) as refused:
        read_wanted({"host": "elsewhere.example"}, mail)
    assert [fault.pointer for fault in refused.value.faults] == ["/password"]
    moved = read_wanted({"host": "elsewhere.example", "password": "another"}, mail).settings
    assert isinstance(moved, Email)
    assert (moved.host, moved.password) == ("elsewhere.example", "another")


def test_a_password_goes_with_the_user_who_needed_it() -> None:
    mail = known({**MAIL, "user": "me", "password": "secret"})
    open_to_all = read_wanted({"user": "", "host": "elsewhere.example", "security": "none"}, mail).settings
    assert isinstance(open_to_all, Email)
    assert (open_to_all.user, open_to_all.password) == ("", "")


@pytest.mark.parametrize("address", ["a\x00@example.com", "a\x1c@example.com", "a\u202eb@example.com"])
def test_an_address_is_one_that_can_be_printed(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_wanted({**MAIL, "to": [address]})
    assert [fault.pointer for fault in refused.value.faults] == ["/to"]


def test_a_type_does_not_change() -> None:
    with pytest.raises(Invalid):
        read_wanted({"type": "slack"}, known(HOOK))


@pytest.mark.parametrize("settings", [known(HOOK).settings, Slack("https://hooks.example/x"), known(MAIL).settings])
def test_what_a_row_keeps_comes_back(settings: Webhook | Slack | Email) -> None:
    assert decode(type_of(settings), encode(settings)) == settings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example/services/T0/B0/x", "https://hooks.example/***"),
        ("https://me:pw@hooks.example:8443", "https://hooks.example:8443/***"),
        ("https://hooks.example?token=x", "https://hooks.example/***"),
        ("https://hooks.example/", "https://hooks.example"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert masked(url) == shown


# --- messages --------------------------------------------------------------------------------------------------------


def test_the_same_alert_gives_the_same_bytes_whatever_became_of_it_since() -> None:
    later = Told(RAISED.id, RAISED.event, CLEARED.alert, RAISED.origin)
    assert messages.webhook_body(later) == messages.webhook_body(RAISED)


def test_a_webhook_has_everything() -> None:
    body = json.loads(messages.webhook_body(CLEARED))
    assert (body["id"], body["event"], body["text"]) == (CLEARED.id, "cleared", "[cleared] No new block")
    assert body["node"] == {"chainId": 1, "keys": ["0xabc"], "url": "https://node.example"}
    alert = body["alert"]
    assert (alert["rule"], alert["severity"], alert["code"]) == ("head", "critical", "ADY-0632")
    assert (alert["since"], alert["clearedAt"]) == ("2023-11-14T22:13:20Z", "2023-11-14T22:14:50Z")
    assert alert["clearedBecause"] == "the rule was switched off"
    assert json.loads(messages.webhook_body(Told("1-test", AlertEvent.TEST, None, Origin())))["alert"] is None


def test_a_signature_is_that_of_the_time_and_the_body() -> None:
    body = messages.webhook_body(RAISED)
    expected = hmac.new(b"secret", b"1700000000." + body, hashlib.sha256).hexdigest()
    assert messages.signature("secret", body, NOW) == f"t=1700000000,v1={expected}"


def test_nothing_in_a_slack_message_is_markup_but_ours() -> None:
    text = json.loads(messages.slack_body(RAISED))["text"]
    assert text.startswith("*[critical] No new block*\nthe newest block is 9 s old &lt;!channel&gt; &amp; more lines\n")
    assert "What to do: " in text


def test_a_text_says_when_it_was_over_and_why() -> None:
    text = messages.text(CLEARED)
    assert "It began at 2023-11-14T22:13:20Z and was over at 2023-11-14T22:14:50Z because the rule was switched off." in text
    assert text.endswith("Node: https://node.example (chain 1) https://node.example/alerts")
    assert "adyton explain ADY-0632" in messages.text(RAISED)
