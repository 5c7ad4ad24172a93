"""The node's keys. Passwords come in bodies, never in URLs, as they did in later Chainlink versions."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.chain import Address
from adyton.domain.errors import Fault, Invalid, Unauthenticated
from adyton.domain.evm import checksum
from adyton.domain.request_json import field, first_object
from adyton.domain.times import rfc3339
from adyton.services import keys
from adyton.services.keys import KeyView
from adyton.web import jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.failures import Unprocessable

T = TypeVar("T")

_ADDRESS = re.compile("0x[0-9a-f]{40}")
_UNREADABLE = "could not decrypt key with given passphrase"


class KeyAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """In the form of v0.10.5."""

    address: str
    eth_balance: str | None
    link_balance: str | None
    next_nonce: int
    is_funding: bool
    created_at: str
    updated_at: str
    deleted_at: str | None


class NewKey(msgspec.Struct, frozen=True):
    """In the form of v0.6.2, which told where the key file is as well; that is the node's own affair."""

    address: str
    url: str


async def index(node: Node, _request: Request) -> Response:
    """List the keys that send, the oldest first."""
    return jsonapi.shown([_resource(view) for view in await keys.every(node.parts)])


async def create(node: Node, request: Request) -> Response:
    """Make a key. The body's ``currentPassword`` is the keystore's."""
    password = _text(await _body(request), "currentPassword")
    return jsonapi.shown(_resource(await keys.create(node.parts, password)), 201)


async def create_extra(node: Node, request: Request) -> Response:
    """Make a key, in the form of v0.6.2, where only a node in development did; there a new key sent after the next start."""
    password = _text(await _body(request), "current_password")
    try:
        view = await keys.create(node.parts, password)
    except Unauthenticated as wrong:
        raise Unauthenticated(f"{wrong}; {_UNREADABLE}", code=wrong.error_code) from None
    address = checksum(view.address)
    return jsonapi.shown(jsonapi.Resource("keys", address, NewKey(view.address, f"keystore:///{address}.json")), 201)


async def take_in(node: Node, request: Request) -> Response:
    """Add the key of the key file ``keyJSON``, which ``oldPassword`` opens; ``currentPassword`` is the keystore's."""
    body = await _body(request)
    content = field(body, "keyJSON")
    theirs, ours = _text(body, "oldPassword"), _text(body, "currentPassword")
    view = await _unless_unfit(keys.take_in(node.parts, content, theirs, ours))
    return jsonapi.shown(_resource(view), 201)


async def give_out(node: Node, request: Request) -> Response:
    """Show the key file of a key, under ``newPassword``; ``currentPassword`` is the keystore's."""
    body = await _body(request)
    current, new = _text(body, "currentPassword"), _text(body, "newPassword")
    content = await _unless_unfit(keys.give_out(node.parts, _address(request), current, new))
    return Response(jsonapi.encode(content), media_type="application/json; charset=utf-8")


async def delete(node: Node, request: Request) -> Response:
    """Take a key out of use, and show it once more. ``hard=true`` deletes its file for good, else it is moved aside."""
    hard = request.query_params.get("hard", "false")
    if hard not in {"true", "false"}:
        raise Unprocessable(Fault(f'invalid hard param: "{hard}"; it is true or false', parameter="hard"), code="ADY-0811")
    password = _text(await _body(request), "currentPassword")
    view = await keys.delete(node.parts, _address(request), password, hard=hard == "true")
    return jsonapi.shown(_resource(view, deleted_at=node.parts.clock.now()))


async def change_password(node: Node, request: Request) -> Response:
    """Give the keystore another password: ``oldPassword``, ``newPassword``."""
    body = await _body(request)
    old, new = _text(body, "oldPassword"), _text(body, "newPassword")
    await _unless_unfit(keys.change_password(node.parts, old, new))
    return jsonapi.nothing()


async def _body(request: Request) -> Mapping[str, object]:
    try:
        return first_object(await body_of(request))
    except Invalid as unreadable:
        raise Unprocessable(*unreadable.faults, code=unreadable.error_code) from None


async def _unless_unfit(work: Awaitable[T]) -> T:
    """What the keystore cannot take is a wrong body here."""
    try:
        return await work
    except Invalid as unfit:
        raise Unprocessable(*unfit.faults, code=unfit.error_code) from None


def _text(body: Mapping[str, object], name: str) -> str:
    value = field(body, name)
    if not isinstance(value, str) or not value:
        raise Unprocessable(Fault(f"{name} must be a string that is not empty", f"/{name}"), code="ADY-0811")
    return value


def _address(request: Request) -> Address:
    text = str(request.path_params["address"]).lower()
    if not _ADDRESS.fullmatch(text):
        raise Unprocessable(Fault("an address is 0x and 40 hex digits"), code="ADY-0811")
    return text


def _resource(view: KeyView, *, deleted_at: int | None = None) -> jsonapi.Resource:
    address, created = checksum(view.address), rfc3339(view.created_at)
    attributes = KeyAttributes(
        address=address,
        eth_balance=None if view.eth is None else str(view.eth),
        link_balance=None if view.link is None else str(view.link),
        next_nonce=view.next_nonce,
        is_funding=False,
        created_at=created,
        updated_at=created,
        deleted_at=None if deleted_at is None else rfc3339(deleted_at),
    )
    return jsonapi.Resource("eTHKeys", address, attributes)
