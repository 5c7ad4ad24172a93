"""The commands about alerts, their rules, and where they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from adyton.cli import prompts
from adyton.cli.client import Answer, connect
from adyton.cli.listing import show_list
from adyton.cli.output import write_table
from adyton.cli.passwords import secret
from adyton.cli.showing import Attributes, show_one, show_page
from adyton.cli.tables import when
from adyton.cli.tree import Failure, Pages

_DESTINATIONS, _RULES = ("v2", "alert_destinations"), ("v2", "alert_rules")


def list_alerts(pages: Pages, status: str | None) -> None:
    """Alerts that were raised, the newest first."""
    show_list("v2", "alerts", shown=_alerts, pages=pages, query={"status": status})


# --- rules -----------------------------------------------------------------------------------------------------------


def list_rules() -> None:
    """Every rule."""
    show_page(connect().call("GET", *_RULES), _rules)


def change_rule(
    name: str, threshold: str | None, hold: int | None, clear: int | None, on: bool, off: bool, default: bool
) -> None:
    """Change a rule, or have it as the program has it. Raises UsageError for options that do not go together, or none."""
    if on and off:
        raise click.UsageError("--on and --off exclude each other.")
    named = on or off or any(each is not None for each in (threshold, hold, clear))
    if default and named:
        raise click.UsageError("--default excludes the other options: it takes back all that was changed.")
    if not default and not named:
        raise click.UsageError("Say what changes: --threshold, --hold, --clear, --on, --off or --default.")
    if default:
        body: dict[str, object] = dict.fromkeys(("enabled", "threshold", "holdSeconds", "clearSeconds"))
    else:
        given = {"threshold": threshold, "holdSeconds": hold, "clearSeconds": clear, "enabled": on if on or off else None}
        body = {field: value for field, value in given.items() if value is not None}
    show_one(connect().call("PATCH", *_RULES, name, body=msgspec.json.encode(body)), lambda found: _rules([found]))


# --- destinations ----------------------------------------------------------------------------------------------------


def list_destinations() -> None:
    """Where alerts are told."""
    show_page(connect().call("GET", *_DESTINATIONS), _destinations)


def add_webhook(name: str, url: str, severity: str | None, secret_file: str | None) -> None:
    """A webhook; its secret comes from a file, because a command line is seen by others."""
    signing = None if secret_file is None else secret(secret_file, "Secret:")
    _add(name=name, type="webhook", url=_url(url), severity=severity, secret=signing)


def add_slack(name: str, url: str, severity: str | None) -> None:
    """A channel behind an incoming webhook in the form of Slack."""
    _add(name=name, type="slack", url=_url(url), severity=severity)


def add_email(
    name: str,
    to: Sequence[str],
    sender: str,
    host: str,
    port: int | None,
    security: str | None,
    user: str | None,
    password: str | None,
    severity: str | None,
) -> None:
    """People, by a mail server."""
    _add(
        name=name,
        type="email",
        to=list(to),
        host=host,
        port=port,
        security=security,
        user=user,
        severity=severity,
        password=None if user is None else secret(password, "Password of the mail server:"),
        **{"from": sender},
    )


def switch_on(name: str) -> None:
    """Tell a destination again."""
    _switch(name, enabled=True)


def switch_off(name: str) -> None:
    """Tell a destination nothing."""
    _switch(name, enabled=False)


def test(name: str) -> None:
    """Send a test. Raises Failure when it was not taken."""
    answer = connect().call("POST", *_DESTINATIONS, name, "test")
    show_one(answer, lambda found: _deliveries([found]))
    sent = msgspec.json.decode(answer.body)["data"]["attributes"]
    if sent["state"] != "sent":
        raise Failure("The destination did not take the test.", str(sent["error"]), code="ADY-1380")


def delete(name: str, yes: bool) -> None:
    """Delete a destination; prints nothing."""
    if not yes and not prompts.confirmed(f"Delete the alert destination {name}?"):
        raise Failure("Nothing was done.", code="ADY-1161")
    _done(connect().call("DELETE", *_DESTINATIONS, name))


def list_deliveries(pages: Pages, destination: str | None, state: str | None) -> None:
    """What was told, the newest first."""
    show_list("v2", "alert_deliveries", shown=_deliveries, pages=pages, query={"destination": destination, "state": state})


def _add(**fields: object) -> None:
    body = {name: value for name, value in fields.items() if value is not None}
    show_one(connect().call("POST", *_DESTINATIONS, body=msgspec.json.encode(body)), lambda made: _destinations([made]))


def _url(given: str) -> str:
    """The URL; "-" asks for it, unseen: it is often the whole secret."""
    return secret(None, "URL:") if given == "-" else given


def _switch(name: str, *, enabled: bool) -> None:
    answer = connect().call("PATCH", *_DESTINATIONS, name, body=msgspec.json.encode({"enabled": enabled}))
    show_one(answer, lambda found: _destinations([found]))


def _done(answer: Answer) -> None:
    if answer.refused:
        raise answer.failure()


# --- shown -----------------------------------------------------------------------------------------------------------


def _alerts(found: Sequence[Attributes]) -> None:
    columns = ("Alert", "About", "Severity", "Status", "Since", "Over", "Found", "What to Do")
    rows = [
        (
            each["title"],
            each["subject"],
            each["severity"],
            each["status"],
            when(each["since"]),
            when(each["clearedAt"]),
            each["detail"],
            f"{each['whatToDo']} ({each['code']})",
        )
        for each in found
    ]
    write_table("Alerts", columns, rows, wrap=40)


def _rules(found: Sequence[Attributes]) -> None:
    columns = ("Rule", "Title", "Severity", "Threshold", "Wrong for", "Well for", "State")
    write_table("Rules of Alerts", columns, [_rule(each) for each in found], wrap=40)


def _rule(each: Attributes) -> tuple[str, ...]:
    threshold = f"{each['threshold']} {each['unit']}" if each["threshold"] is not None else each["measure"]
    state = "raised" if each["raised"] else "seen" if each["pending"] else "well"
    return (
        each["name"],
        each["title"],
        each["severity"],
        threshold if each["unit"] else "",
        f"{each['holdSeconds']} s",
        f"{each['clearSeconds']} s",
        state if each["enabled"] else "off",
    )


def _destinations(found: Sequence[Attributes]) -> None:
    columns = ("Name", "Type", "Where", "Told of", "Waiting", "Last Told", "Because")
    write_table("Alert Destinations", columns, [_destination(each) for each in found], wrap=40)


def _destination(each: Attributes) -> tuple[str, ...]:
    where: Any = each["url"] or f"{', '.join(each['to'] or ())} by {each['host']}:{each['port']}"
    told = ("critical" if each["severity"] == "critical" else "every alert") if each["enabled"] else "nothing: switched off"
    return (
        each["name"],
        each["type"],
        where,
        told,
        str(each["waiting"]),
        when(each["lastSentAt"]),
        each["lastError"] or "",
    )


def _deliveries(found: Sequence[Attributes]) -> None:
    rows = [
        (
            f"{each['rule'] or ''} {each['event']}".strip(),
            each["subject"] or "",
            each["destination"],
            each["state"],
            str(each["attempts"]),
            when(each["finishedAt"] or each["createdAt"]),
            each["error"] or "",
        )
        for each in found
    ]
    write_table("Alert Deliveries", ("Message", "About", "To", "State", "Attempts", "Since", "Because"), rows, wrap=40)
