"""Log in and out."""

from __future__ import annotations

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import Caller, CallerKind
from adyton.domain.credentials import could_be_email
from adyton.domain.errors import Invalid
from adyton.domain.request_json import field, first_object
from adyton.services import users
from adyton.web import auth, jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.record import note


class SessionAttributes(msgspec.Struct, frozen=True):
    """Whether the client is logged in now."""

    authenticated: bool


async def create(node: Node, request: Request) -> Response:
    """Log in with e-mail and password. A session whose cookie came with the request ends."""
    email, password = _credentials(await body_of(request))
    note(request, subject=email if could_be_email(email) else "")
    address = auth.caller_of(request).address
    token = await users.login(node.parts, email, password, address=address, instead_of=auth.token_of(request))
    request.state.caller = Caller(CallerKind.USER, email, address=address, email=email)
    response = _session(authenticated=True)
    auth.remember(response, token, now=node.parts.clock.now(), secure=node.settings.secure_cookies)
    return response


async def delete(node: Node, request: Request) -> Response:
    """Log out: this session only."""
    token = auth.token_of(request)
    assert token is not None
    await users.logout(node.parts, token)
    response = _session(authenticated=False)
    auth.forget(response, secure=node.settings.secure_cookies)
    return response


def _credentials(body: bytes) -> tuple[str, str]:
    try:
        source = first_object(body)
        return _text(field(source, "email"), "email"), _text(field(source, "password"), "password")
    except Invalid as invalid:
        # The texts name what is wrong, never what was sent.
        raise Invalid(f"error binding json {invalid}", code=invalid.error_code) from None


def _text(value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    if value is UNSET or value is None:
        return ""  # as v0.6.2: readable, and nobody's credentials
    raise Invalid(f"{name} must be a string", code="ADY-0021")


def _session(*, authenticated: bool) -> Response:
    return jsonapi.shown(jsonapi.Resource("session", "sessionID", SessionAttributes(authenticated)))
