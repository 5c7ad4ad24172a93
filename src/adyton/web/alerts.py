"""Alerts: what is wrong and was, by which rules, and where it is told."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.alert_rules import LONGEST_HOLD
from adyton.domain.alerts import AlertStatus, Changed
from adyton.domain.errors import Fault
from adyton.domain.request_json import field, kind_of
from adyton.services import alerts
from adyton.storage.alert_deliveries import STATES, How
from adyton.web import jsonapi
from adyton.web.asked import object_of, unless_unfit
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable
from adyton.web.pages import Page
from adyton.web.presenters.alerts import alert_resource, delivery_resource, destination_resource, rule_resource
from adyton.web.record import note

_FIELDS = {"enabled": "enabled", "threshold": "threshold", "holdSeconds": "hold", "clearSeconds": "clear"}
_MOST_DIGITS = 60
_LARGEST = 10**9


async def index(node: Node, request: Request) -> Response:
    """List alerts that were raised, the newest first; ``status`` chooses."""
    page, text = Page.of(request), request.query_params.get("status", "")
    if text and text not in set(AlertStatus):
        raise _wrong("status", list(AlertStatus))
    found, count = await alerts.page(node.parts, AlertStatus(text) if text else None, offset=page.offset, limit=page.size)
    return jsonapi.listed([alert_resource(each) for each in found], page.links(request, count), count)


async def rules(node: Node, _request: Request) -> Response:
    """List the rules, the most important first."""
    return jsonapi.shown([rule_resource(rule, standing) for rule, standing in await alerts.rules(node.parts)])


async def change_rule(node: Node, request: Request) -> Response:
    """Change a rule. What is not named stays; null is as the program has it."""
    body = await object_of(request)
    given = [ours for theirs, ours in _FIELDS.items() if field(body, theirs) is not UNSET]
    wanted = Changed(
        enabled=_truth(field(body, "enabled")),
        threshold=_decimal(field(body, "threshold")),
        hold=_seconds("holdSeconds", field(body, "holdSeconds")),
        clear=_seconds("clearSeconds", field(body, "clearSeconds")),
    )
    rule = await unless_unfit(alerts.change_rule(node.parts, request.path_params["name"], wanted, given))
    changes = {theirs: _plain(field(body, theirs)) for theirs, ours in _FIELDS.items() if ours in given}
    note(request, None, **changes)
    standing = next(own for each, own in await alerts.rules(node.parts) if each.rule is rule.rule)
    return jsonapi.shown(rule_resource(rule, standing))


async def destinations(node: Node, _request: Request) -> Response:
    """List where alerts are told, the oldest first, without secrets."""
    return jsonapi.shown([destination_resource(*each) for each in await alerts.every_destination(node.parts)])


async def show_destination(node: Node, request: Request) -> Response:
    """Show one destination, without secrets."""
    return jsonapi.shown(destination_resource(*await alerts.show_destination(node.parts, request.path_params["name"])))


async def create_destination(node: Node, request: Request) -> Response:
    """Make a destination. It hears at once of what is wrong now."""
    made = await unless_unfit(alerts.create_destination(node.parts, await object_of(request)))
    note(request, name=made.name, type=made.type)
    return jsonapi.shown(destination_resource(made, How()), 201)


async def change_destination(node: Node, request: Request) -> Response:
    """Change a destination. What is not named stays, secrets too."""
    named = request.path_params["name"]
    changed = await unless_unfit(alerts.change_destination(node.parts, named, await object_of(request)))
    note(request, name=changed.name)
    return jsonapi.shown(destination_resource(*await alerts.show_destination(node.parts, changed.id)))


async def delete_destination(node: Node, request: Request) -> Response:
    """Delete a destination, and what it was still to be told."""
    await alerts.delete_destination(node.parts, request.path_params["name"])
    return jsonapi.nothing()


async def test_destination(node: Node, request: Request) -> Response:
    """Send a destination a test message now, and show what came of it."""
    return jsonapi.shown(delivery_resource(await alerts.test_destination(node.parts, request.path_params["name"])))


async def deliveries(node: Node, request: Request) -> Response:
    """List what was told of alerts, or waits, the newest first; ``destination``, ``alert`` and ``state`` choose."""
    page, query = Page.of(request), request.query_params
    state = query.get("state", "")
    if state and state not in STATES:
        raise _wrong("state", STATES)
    alert = query.get("alert", "")
    found, count = await alerts.told(
        node.parts,
        destination=query.get("destination", ""),
        alert=alert if alert.isprintable() else "?",
        state=state,
        offset=page.offset,
        limit=page.size,
    )
    return jsonapi.listed([delivery_resource(each) for each in found], page.links(request, count), count)


# --- reading ---------------------------------------------------------------------------------------------------------


def _wrong(name: str, words: list[AlertStatus] | tuple[str, ...]) -> Unprocessable:
    return Unprocessable(Fault(f"{name} must be one of {', '.join(words)}", parameter=name), code="ADY-1379")


def _unfit(name: str, what: str, value: object) -> Unprocessable:
    return Unprocessable(Fault(f"{name} must be {what} or null, not {kind_of(value)}", f"/{name}"), code="ADY-1371")


def _truth(value: object) -> bool | None:
    if value is UNSET or value is None or isinstance(value, bool):
        return value if isinstance(value, bool) else None
    raise _unfit("enabled", "true or false", value)


def _seconds(name: str, value: object) -> int | None:
    if value is UNSET or value is None:
        return None
    number = Decimal(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None
    # Bounded first: a number of a few characters can have a million digits.
    if number is not None and number.is_finite() and abs(number) >= _LARGEST:
        raise Unprocessable(Fault(f"{name} must be from 0 to {LONGEST_HOLD} seconds", f"/{name}"), code="ADY-1371")
    if number is not None and number.is_finite() and number == int(number):
        return int(number)
    raise _unfit(name, "a whole number of seconds", value)


def _decimal(value: object) -> Decimal | None:
    """A number, or a text with one."""
    if value is UNSET or value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str) or len(text) > _MOST_DIGITS:
        raise _unfit("threshold", "a number", value)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Unprocessable(Fault("threshold must be a number", "/threshold"), code="ADY-1371") from None


def _plain(value: object) -> bool | int | str | None:
    return value if value is None or isinstance(value, bool | int) else str(value)
