"""External initiators."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.errors import Invalid
from adyton.domain.external_initiators import read_wanted
from adyton.services import external_initiators, features
from adyton.web import auth, jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Resource
from adyton.web.pages import Page
from adyton.web.presenters.external_initiators import credentials_resource, initiator_resource


async def create(node: Node, request: Request) -> Response:
    """Create one; the only answer that shows its secret."""
    features.need_external_initiators(node.parts)
    try:
        wanted = read_wanted(await body_of(request))
    except Invalid as unreadable:
        raise Unprocessable(*unreadable.faults, code=unreadable.error_code) from None
    made, secret = await external_initiators.create(node.parts, wanted)
    return jsonapi.shown(credentials_resource(made, secret), 201)


async def index(node: Node, request: Request) -> Response:
    """List them."""
    page = Page.of(request)
    found, count = await external_initiators.page(node.parts, offset=page.offset, limit=page.size)
    secrets = auth.may_see_secrets(request)
    items: list[Resource] = [initiator_resource(known, undelivered, secrets=secrets) for known, undelivered in found]
    return jsonapi.listed(items, page.links(request, count), count)


async def delete(node: Node, request: Request) -> Response:
    """Delete one by its name or its access key."""
    await external_initiators.delete(node.parts, request.path_params["name"])
    return jsonapi.nothing()


async def ping(_node: Node, _request: Request) -> Response:
    """An initiator asks whether it is known here (as v0.6.6)."""
    return Response(b'{"message":"pong"}', media_type="application/json; charset=utf-8")
