"""The commands about alerts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Adyton, StandIn

ALERT = {
    "id": "1" * 32,
    "rule": "head",
    "title": "No new block",
    "subject": "",
    "severity": "critical",
    "status": "raised",
    "detail": "the newest block is 312 s old",
    "whatToDo": "Compare with a block explorer.",
    "code": "ADY-0632",
    "since": "2023-11-14T22:13:20Z",
    "raisedAt": "2023-11-14T22:13:50Z",
    "clearedAt": None,
    "clearedBecause": "",
}
RULE = {
    "name": "head",
    "title": "No new block",
    "severity": "critical",
    "enabled": True,
    "threshold": None,
    "unit": "seconds",
    "measure": "NODE_NO_NEW_HEADS_THRESHOLD",
    "holdSeconds": 30,
    "clearSeconds": 60,
    "pending": 0,
    "raised": 1,
}
DESTINATION = {
    "name": "on call",
    "type": "webhook",
    "url": "https://alerts.example/***",
    "to": None,
    "host": None,
    "port": None,
    "severity": "warning",
    "enabled": True,
    "waiting": 2,
    "lastSentAt": None,
    "lastError": "answered 503",
}
DELIVERY = {
    "rule": None,
    "subject": None,
    "event": "test",
    "destination": "on call",
    "state": "sent",
    "attempts": 1,
    "createdAt": "2023-11-14T22:13:20Z",
    "finishedAt": "2023-11-14T22:13:21Z",
    "error": None,
}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def sent(node: StandIn) -> Any:
    return json.loads(node.asked[-1].body)


def test_alerts_are_listed_with_what_to_do(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(ALERT)
    result = adyton("alerts", "--status", "raised")
    assert node.asked[0].line.startswith("GET /v2/alerts?")
    assert "status=raised" in node.asked[0].line
    assert "No new block" in result.stdout
    assert "(ADY-0632)" in result.stdout


def test_rules_are_listed_and_changed(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(RULE)
    assert "NODE_NO_NEW_HEADS_THRESHOLD" in adyton("alerts", "rules").stdout
    node.answers_one(**RULE)
    assert "raised" in adyton("alerts", "rules", "change", "head", "--threshold", "600", "--hold", "0", "--on").stdout
    assert (node.asked[-1].line, sent(node)) == (
        "PATCH /v2/alert_rules/head",
        {"threshold": "600", "holdSeconds": 0, "enabled": True},
    )
    node.answers_one(**{**RULE, "enabled": False})
    assert "║ off " in adyton("alerts", "rules", "change", "head", "--off").stdout
    node.answers_one(**RULE)
    adyton("alerts", "rules", "change", "head", "--default")
    assert sent(node) == {"enabled": None, "threshold": None, "holdSeconds": None, "clearSeconds": None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Say what changes"),
        (["--on", "--off"], "exclude each other"),
        (["--default", "--threshold", "5"], "--default excludes"),
    ],
)
def test_options_of_a_rule_that_say_nothing_or_two_things_are_refused(
    adyton: Adyton, node: StandIn, options: list[str], said: str
) -> None:
    refused = adyton("alerts", "rules", "change", "head", *options)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert node.asked == []


def test_destinations_are_listed_with_how_it_goes(adyton: Adyton, node: StandIn) -> None:
    mail = {**DESTINATION, "name": "mail", "url": None, "to": ["you@example.com"], "host": "smtp.example", "port": 587}
    node.answers_many(DESTINATION, {**mail, "enabled": False})
    shown = " ".join(adyton("alerts", "destinations").stdout.split())
    assert "answered 503" in shown
    assert "you@example.com by smtp.example:587" in shown
    assert "nothing: switched off" in shown


def test_each_kind_is_added(adyton: Adyton, node: StandIn, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("a long enough secret\n")
    node.answers_one(**DESTINATION)
    adyton("alerts", "destinations", "webhook", "on call", "https://alerts.example/in", "--secret", str(secret))
    assert sent(node) == {
        "name": "on call",
        "type": "webhook",
        "url": "https://alerts.example/in",
        "secret": "a long enough secret",
    }
    node.answers_one(**DESTINATION)
    adyton("alerts", "destinations", "slack", "channel", "https://hooks.example/x", "--severity", "critical")
    assert sent(node) == {"name": "channel", "type": "slack", "url": "https://hooks.example/x", "severity": "critical"}
    node.answers_one(**DESTINATION)
    adyton(
        *("alerts", "destinations", "email", "mail", "--to", "a@example.com", "--to", "b@example.com"),
        *("--from", "node@example.com", "--host", "smtp.example", "--user", "node", "--password", str(secret)),
    )
    assert sent(node) == {
        "name": "mail",
        "type": "email",
        "to": ["a@example.com", "b@example.com"],
        "from": "node@example.com",
        "host": "smtp.example",
        "user": "node",
        "password": "a long enough secret",
    }


@pytest.mark.parametrize(("word", "enabled"), [("on", True), ("off", False)])
def test_one_is_switched(adyton: Adyton, node: StandIn, word: str, enabled: bool) -> None:
    node.answers_one(**DESTINATION)
    adyton("alerts", "destinations", word, "on call")
    assert (node.asked[-1].line, sent(node)) == ("PATCH /v2/alert_destinations/on%20call", {"enabled": enabled})


def test_a_test_that_is_not_taken_is_a_failure(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**DELIVERY)
    assert adyton("alerts", "destinations", "test", "on call").exit_code == 0
    node.answers_one(**{**DELIVERY, "state": "failed", "error": "answered 404"})
    result = adyton("alerts", "destinations", "test", "on call")
    assert result.exit_code == 1
    assert "answered 404" in result.stderr
    assert "ADY-1380" in result.stderr


def test_one_is_deleted_when_that_is_said(adyton: Adyton, node: StandIn) -> None:
    node.answers({}, status=204)
    assert adyton("alerts", "destinations", "delete", "on call", "--yes").stdout == ""
    assert node.asked[-1].line == "DELETE /v2/alert_destinations/on%20call"


def test_deliveries_are_chosen(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(DELIVERY)
    result = adyton("alerts", "deliveries", "--state", "sent", "--destination", "on call")
    assert "state=sent" in node.asked[0].line
    assert "║ test " in result.stdout
