"""API tokens: those with names, and the one without that v0.7.1 knew."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import Role
from adyton.domain.errors import Fault
from adyton.domain.times import parse_rfc3339, rfc3339
from adyton.domain.tokens import ApiToken
from adyton.services import tokens
from adyton.services.tokens import Wanted
from adyton.web import auth, jsonapi
from adyton.web.asked import object_of, role_in, text_in, unless_unfit
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Resource
from adyton.web.pages import Page
from adyton.web.record import note


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """A token in the form of v0.7.1. The secret is shown this once."""

    access_key: str
    secret: str


class TokenAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """A token. ``secret`` is shown when it is made or rotated, and never again; ``last_used`` is kept to the minute."""

    access_key: str
    name: str
    email: str
    role: Role
    created_at: str
    last_used: str | None
    expires_at: str | None
    secret: str | UnsetType = UNSET


async def create_unnamed(node: Node, request: Request) -> Response:
    """Make the user's token without a name, in the place of the one before (as v0.7.1)."""
    password = text_in(await object_of(request), "password")
    made, secret = await tokens.create_unnamed(node.parts, auth.caller_of(request), password)
    return jsonapi.shown(Resource("auth_tokens", made.access_key, Credentials(made.access_key, secret)), 201)


async def delete_unnamed(node: Node, request: Request) -> Response:
    """Delete the user's token without a name (as v0.7.1)."""
    password = text_in(await object_of(request), "password")
    await tokens.delete_unnamed(node.parts, auth.caller_of(request), password)
    return jsonapi.nothing()


async def index(node: Node, request: Request) -> Response:
    """List the caller's tokens, for an admin everybody's; without their secrets."""
    page = Page.of(request)
    found, count = await tokens.page(node.parts, auth.caller_of(request), offset=page.offset, limit=page.size)
    return jsonapi.listed([_resource(token) for token in found], page.links(request, count), count)


async def create(node: Node, request: Request) -> Response:
    """Make a token with a name, and perhaps a role below the user's and an end; its secret is shown this once."""
    body = await object_of(request)
    ends = text_in(body, "expiresAt")
    wanted = Wanted(text_in(body, "name").strip(), role_in(body), _time(ends) if ends else None)
    making = tokens.create(node.parts, auth.caller_of(request), text_in(body, "password"), wanted)
    made, secret = await unless_unfit(making)
    note(request, name=made.name, role=made.role)
    return jsonapi.shown(_resource(made, secret), 201)


async def rotate(node: Node, request: Request) -> Response:
    """Give a token another secret, and show it this once."""
    password = text_in(await object_of(request), "password")
    token, secret = await tokens.rotate(node.parts, auth.caller_of(request), password, request.path_params["access_key"])
    return jsonapi.shown(_resource(token, secret))


async def delete(node: Node, request: Request) -> Response:
    """Delete a token."""
    await tokens.delete(node.parts, auth.caller_of(request), request.path_params["access_key"])
    return jsonapi.nothing()


def _time(text: str) -> int:
    try:
        return parse_rfc3339(text)
    except ValueError as wrong:
        raise Unprocessable(Fault(f"expiresAt: {wrong}", "/expiresAt"), code="ADY-0108") from None


def _resource(token: ApiToken, secret: str | None = None) -> Resource:
    attributes = TokenAttributes(
        access_key=token.access_key,
        name=token.name,
        email=token.email,
        role=token.role,
        created_at=rfc3339(token.created_at),
        last_used=None if token.last_used is None else rfc3339(token.last_used),
        expires_at=None if token.expires_at is None else rfc3339(token.expires_at),
        secret=UNSET if secret is None else secret,
    )
    return Resource("tokens", token.access_key, attributes)
