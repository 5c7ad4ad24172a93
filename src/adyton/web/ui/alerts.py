"""Alerts and metrics: what is wrong and was, by which rules, who is told, and every number that is watched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from starlette.responses import Response

from adyton.web.ui.api import Answer, piece
from adyton.web.ui.page import View, Visit, go

SIZE = 20
KINDS = {"webhook": "Webhook", "slack": "Slack form", "email": "E-mail"}
SECURITIES = {"starttls": "STARTTLS", "tls": "TLS from the first byte", "none": "none"}
_RULES, _DESTINATIONS = "/alerts/rules", "/alerts/destinations"
_SECRETS = ("url", "secret", "password")
"""Fields that are never shown again: left empty in a form, they stay."""


# --- what is wrong ---------------------------------------------------------------------------------------------------


async def index(visit: Visit) -> View:
    """What is wrong now, and what was."""
    page = visit.query("page", "1")
    raised, pending, cleared, rules, destinations = await asyncio.gather(
        visit.api.get("/v2/alerts", status="raised", size=100),
        visit.api.get("/v2/alerts", status="pending", size=100),
        visit.api.get("/v2/alerts", status="cleared", size=SIZE, page=page),
        visit.api.get("/v2/alert_rules"),
        visit.api.get("/v2/alert_destinations"),
    )
    values = {
        "raised": raised.items,
        "pending": pending.items,
        "cleared": cleared.items,
        "count": cleared.count,
        "number": int(page),
        "size": SIZE,
        "looking": sum(rule["enabled"] for rule in rules.items),
        "told": [each for each in destinations.items if each["enabled"]],
        "open": raised.count,
        # What waits for its first attempt is on its way.
        "behind": [each for each in destinations.items if each["waiting"] and each["lastError"]],
    }
    return View("alerts/index.html.j2", values, live=("alerts",))


# --- rules -----------------------------------------------------------------------------------------------------------


async def rules(visit: Visit) -> View:
    """Every rule with what it looks at and when it counts."""
    return await _rules(visit)


async def change_rule(visit: Visit) -> View | Response:
    """Save a rule, switch it, or have it again as the program has it."""
    name, wish = visit.param("name"), visit.form.get("wish", "save")
    body: dict[str, Any] = {"enabled": wish == "on"} if wish in {"on", "off"} else _rule_body(visit.form, reset=wish == "reset")
    answer = await visit.api.ask("PATCH", f"/v2/alert_rules/{piece(name)}", body)
    if not answer.ok:
        return await _rules(visit, name, answer)
    done = {"on": "switched on", "off": "switched off", "reset": "is as the program has it"}.get(wish, "saved")
    return go(f"{_RULES}#{name}", f"{answer.item['title']}: {done}.")


async def _rules(visit: Visit, wrong: str = "", answer: Answer | None = None) -> View:
    found = await visit.api.get("/v2/alert_rules")
    values = {
        "rules": found.items,
        "wrong": wrong,
        "faults": answer.faults if answer else [],
        "typed": visit.form,
    }
    return View("alerts/rules.html.j2", values, answer.status if answer else 200)


def _rule_body(form: Mapping[str, str], *, reset: bool) -> dict[str, Any]:
    """Fields of a rule. An empty one is as the program has it."""
    if reset:
        return dict.fromkeys(("threshold", "holdSeconds", "clearSeconds"))
    body: dict[str, Any] = {"threshold": form.get("threshold", "").strip() or None}
    return body | {name: _whole(form.get(name, "")) for name in ("holdSeconds", "clearSeconds")}


def _whole(text: str) -> int | str | None:
    """A whole number; a text that is none goes to the API as it is, which says what is wrong with it."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else text or None


# --- destinations ----------------------------------------------------------------------------------------------------


async def destinations(visit: Visit) -> View:
    """Who is told, and what was told."""
    page = visit.query("page", "1")
    asked, shown = visit.query("state"), visit.query("destination")
    found, sent = await asyncio.gather(
        visit.api.get("/v2/alert_destinations"),
        visit.api.get("/v2/alert_deliveries", size=SIZE, page=page, state=asked, destination=shown),
    )
    values = {
        "destinations": found.items,
        "deliveries": sent.items,
        "count": sent.count,
        "number": int(page),
        "size": SIZE,
        "filters": {"state": asked, "destination": shown},
        "kinds": KINDS,
    }
    return View("alerts/destinations.html.j2", values, live=("alerts",))


async def new_destination(visit: Visit) -> View:
    """The form for another destination."""
    return _form(visit.query("type", "webhook"), {})


async def create_destination(visit: Visit) -> View | Response:
    """Make it."""
    kind = visit.form.get("type", "webhook")
    answer = await visit.api.ask("POST", "/v2/alert_destinations", _destination_body(visit.form, kind))
    if not answer.ok:
        return _form(kind, visit.form, answer=answer)
    return go(_DESTINATIONS, f"{answer.item['name']} is told from now on. Send it a test.")


async def destination(visit: Visit) -> View:
    """The form of one that is there."""
    found = (await visit.api.get(f"/v2/alert_destinations/{piece(visit.param('id'))}")).item
    return _form(found["type"], _typed(found), known=found)


async def change_destination(visit: Visit) -> View | Response:
    """Change it."""
    path = f"/v2/alert_destinations/{piece(visit.param('id'))}"
    found = (await visit.api.get(path)).item
    answer = await visit.api.ask("PATCH", path, _destination_body(visit.form, found["type"]))
    if not answer.ok:
        return _form(found["type"], visit.form, known=found, answer=answer)
    return go(_DESTINATIONS, f"{answer.item['name']}: saved.")


async def test_destination(visit: Visit) -> Response:
    """Send it a test."""
    answer = await visit.api.ask("POST", f"/v2/alert_destinations/{piece(visit.param('id'))}/test")
    if not answer.ok:
        return go(_DESTINATIONS, answer.faults[0].detail, kind="failed")
    sent = answer.item
    if sent["state"] == "sent":
        return go(
            _DESTINATIONS, f"{sent['destination']} took the test." + (f" It remarked: {sent['error']}" if sent["error"] else "")
        )
    return go(_DESTINATIONS, f"{sent['destination']} did not take the test: {sent['error']}", kind="failed")


async def delete_destination(visit: Visit) -> Response:
    """Delete it."""
    answer = await visit.api.ask("DELETE", f"/v2/alert_destinations/{piece(visit.param('id'))}")
    if not answer.ok:
        return go(_DESTINATIONS, answer.faults[0].detail, kind="failed")
    return go(_DESTINATIONS, "The destination is deleted.")


def _form(kind: str, typed: Mapping[str, Any], *, known: Mapping[str, Any] | None = None, answer: Answer | None = None) -> View:
    kind = kind if kind in KINDS else "webhook"
    faults = answer.faults if answer else []
    # Secrets are not sent back: what is saved without them would be another thing than was asked for.
    again = {name: "type it again: it is not shown" for name in ("secret", "password") if faults and typed.get(name)}
    named = again | {fault.pointer.removeprefix("/"): fault.detail for fault in faults if fault.pointer}
    values = {
        "kind": kind,
        "kinds": KINDS,
        "securities": SECURITIES,
        "typed": {name: value for name, value in typed.items() if name not in {"secret", "password"}},
        "known": known,
        "wrong": named,
        "faults": [fault for fault in faults if not fault.pointer or fault.pointer.removeprefix("/") not in _fields(kind)],
        "action": f"{_DESTINATIONS}/{known['id']}" if known else f"{_DESTINATIONS}/new",
    }
    return View("alerts/destination.html.j2", values, answer.status if answer else 200)


def _fields(kind: str) -> tuple[str, ...]:
    own = {
        "webhook": ("url", "secret"),
        "slack": ("url",),
        "email": ("host", "port", "security", "user", "password", "from", "to"),
    }
    return ("name", "severity", *own.get(kind, ()))  # the API says what is wrong with a kind that is none


def _typed(found: Mapping[str, Any]) -> dict[str, str]:
    """What a form of a known one begins with. Secrets are not known here."""
    shown = {name: str(found[name]) for name in _fields(found["type"]) if name in found and found[name] is not None}
    shown.pop("url", None)
    return {**shown, "to": ", ".join(found["to"] or ()), "enabled": "yes" if found["enabled"] else ""}


def _destination_body(form: Mapping[str, str], kind: str) -> dict[str, Any]:
    """A form as the API wants it. Secrets that are left empty are left out: they stay."""
    body: dict[str, Any] = {"type": kind, "enabled": bool(form.get("enabled"))}
    for name in _fields(kind):
        text = form.get(name, "").strip()
        if name == "to":
            body[name] = [each.strip() for each in text.replace("\n", ",").split(",") if each.strip()]
        elif name == "port":
            body[name] = _whole(text)
        elif text or name not in _SECRETS:
            body[name] = text
    if form.get("unsigned"):
        body["secret"] = ""
    return body


# --- metrics ---------------------------------------------------------------------------------------------------------


async def metrics(visit: Visit) -> View:
    """Every number that Prometheus reads, with its meaning."""
    families = (await visit.api.get("/v2/metric_families")).items
    groups = [(title, list(found)) for title, found in groupby(families, key=lambda each: each["group"])]
    return View("alerts/metrics.html.j2", {"families_by_group": groups, "host": visit.request.url.netloc, "value": _value})


def _value(number: float | None) -> str:
    """A number for people: whole ones whole, others with four digits."""
    if number is None:
        return "–"
    return f"{number:,.0f}" if number == int(number) else f"{number:,.4g}"
