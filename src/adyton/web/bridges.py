"""Bridges."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.bridges import Bridge, BridgeRequest, read_name, read_request
from adyton.domain.errors import Invalid
from adyton.domain.external_initiators import shown_url
from adyton.services import bridge_tests, bridges
from adyton.web import auth, jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Resource
from adyton.web.pages import Page
from adyton.web.presenters.bridge_tests import tested_resource


class BridgeAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """A bridge. ``incomingToken`` is shown once, when it is made; ``outgoingToken`` to those who may edit bridges.

    In the key order of v0.6.2.
    """

    name: str
    url: str
    confirmations: int
    incomingToken: str | UnsetType = UNSET  # noqa: N815 - the API's own name
    outgoingToken: str | UnsetType = UNSET  # noqa: N815 - the API's own name
    minimumContractPayment: str | None  # noqa: N815 - the API's own name


async def create(node: Node, request: Request) -> Response:
    """Create a bridge. Both of its tokens are shown, the incoming one never again."""
    bridge, incoming = await bridges.create(node.parts, await _asked(request))
    return jsonapi.shown(_resource(request, bridge, incoming))


async def index(node: Node, request: Request) -> Response:
    """List the bridges by name."""
    page = Page.of(request)
    found, count = await bridges.page(node.parts, offset=page.offset, limit=page.size)
    return jsonapi.listed([_resource(request, bridge) for bridge in found], page.links(request, count), count)


async def show(node: Node, request: Request) -> Response:
    """Show a bridge."""
    return jsonapi.shown(_resource(request, bridges.get(node.parts, _name(request))))


async def update(node: Node, request: Request) -> Response:
    """Replace a bridge's URL, confirmations and minimum payment, as a whole."""
    name = _name(request)
    bridges.get(node.parts, name)  # as v0.6.2, an unknown bridge is told before a wrong body
    return jsonapi.shown(_resource(request, await bridges.update(node.parts, name, await _asked(request))))


async def rotate(node: Node, request: Request) -> Response:
    """Give a bridge new tokens, and show them."""
    bridge, incoming = await bridges.rotate(node.parts, _name(request))
    return jsonapi.shown(_resource(request, bridge, incoming))


async def test(node: Node, request: Request) -> Response:
    """Ask a bridge as a run would, with the data of the body, and show what it answers. No run is made of it."""
    tested = await bridge_tests.test(node.parts, _name(request), await body_of(request))
    return jsonapi.shown(tested_resource(tested, secrets=auth.may_see_secrets(request)))


async def delete(node: Node, request: Request) -> Response:
    """Delete a bridge that no live job uses, and show it once more."""
    return jsonapi.shown(_resource(request, await bridges.delete(node.parts, _name(request))))


def _name(request: Request) -> str:
    try:
        return read_name(request.path_params["name"])
    except Invalid as wrong:
        raise Unprocessable(*wrong.faults, code=wrong.error_code) from None


async def _asked(request: Request) -> BridgeRequest:
    body = await body_of(request)
    try:
        return read_request(body)
    except Invalid as wrong:
        raise Unprocessable(*wrong.faults, code=wrong.error_code) from None


def _resource(request: Request, bridge: Bridge, incoming: str | None = None) -> Resource:
    secrets = auth.may_see_secrets(request)
    attributes = BridgeAttributes(
        name=bridge.name,
        url=bridge.url if secrets else shown_url(bridge.url),
        confirmations=bridge.confirmations,
        outgoingToken=bridge.outgoing_token if secrets else UNSET,
        minimumContractPayment=None if bridge.minimum_payment is None else str(bridge.minimum_payment),
        incomingToken=UNSET if incoming is None else incoming,
    )
    return Resource("bridges", bridge.name, attributes)
