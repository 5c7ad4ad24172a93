"""Users: who calls, their password and sessions; and for admins, everybody."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import CallerKind, Role
from adyton.domain.credentials import User, token_hash
from adyton.domain.errors import Fault
from adyton.domain.times import rfc3339
from adyton.services import users
from adyton.web import auth, jsonapi
from adyton.web.asked import object_of, role_in, text_in, unless_unfit
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Resource
from adyton.web.pages import Page
from adyton.web.record import note


class UserAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """A user, as v0.6.2 showed its one, with the role of later versions."""

    email: str
    created_at: str
    role: Role


class UserListed(msgspec.Struct, frozen=True, rename="camel"):
    """The same in a list. ``lastSeen`` is when they last used a session (to the minute) or did something that the audit log
    keeps; null when neither is known any more. What only looks with an API token is not counted."""

    email: str
    created_at: str
    role: Role
    last_seen: str | None


class Myself(msgspec.Struct, frozen=True, rename="camel"):
    """Who calls. ``role`` is what this caller may do, of an API token not more than its user; ``via`` is ``session`` or
    ``token``."""

    email: str
    created_at: str
    role: Role
    via: str


class OpenSession(msgspec.Struct, frozen=True, rename="camel"):
    """A login of the caller's user that is open. ``current`` is the one that asks."""

    created_at: str
    last_used: str
    expires_at: str
    address: str
    current: bool


# --- one's own -------------------------------------------------------------------------------------------------------


async def whoami(node: Node, request: Request) -> Response:
    """Tell the caller who they are."""
    caller = auth.caller_of(request)
    user = await users.get(node.parts, caller.email)
    via = "token" if caller.kind is CallerKind.TOKEN else "session"
    shown = Myself(user.email, _seconds(user.created_at), caller.role or user.role, via)
    return jsonapi.shown(Resource("users", user.email, shown))


async def change_password(node: Node, request: Request) -> Response:
    """Change the caller's password. All sessions end; the one that asks goes on under a new cookie."""
    body = await object_of(request)
    caller = auth.caller_of(request)
    stays = caller.kind is CallerKind.USER
    changed = users.change_password(
        node.parts,
        caller.email,
        text_in(body, "oldPassword"),
        text_in(body, "newPassword"),
        stays=stays,
        address=caller.address,
    )
    user, token = await unless_unfit(changed)
    response = jsonapi.shown(_resource(user))
    if token is not None:
        auth.remember(response, token, now=node.parts.clock.now(), secure=node.settings.secure_cookies)
    return response


async def sessions(node: Node, request: Request) -> Response:
    """List the sessions of the caller's user, without their tokens; the newest first."""
    mine = token_hash(auth.token_of(request) or "")
    found = await users.sessions_of(node.parts, auth.caller_of(request).email)
    shown = [
        Resource(
            "sessions",
            session.id,
            OpenSession(
                created_at=rfc3339(session.created_at),
                last_used=rfc3339(session.last_used),
                expires_at=rfc3339(node.parts.sessions.ends(session)),
                address=session.address,
                current=session.token_hash == mine,
            ),
        )
        for session in found
    ]
    return jsonapi.shown(shown)


async def end_sessions(node: Node, request: Request) -> Response:
    """End all sessions of the caller's user; with ``others=true`` but the one that asks."""
    others = request.query_params.get("others", "false")
    if others not in {"true", "false"}:
        words = f'invalid others param: "{others[:40]}"; it is true or false'
        raise Unprocessable(Fault(words, parameter="others"), code="ADY-0120")
    keep = auth.token_of(request) if others == "true" else None
    note(request, others=others == "true")
    await users.end_sessions(node.parts, auth.caller_of(request), but=keep)
    response = jsonapi.nothing()
    if keep is None:
        auth.forget(response, secure=node.settings.secure_cookies)
    return response


async def end_session(node: Node, request: Request) -> Response:
    """End one session of the caller's user, by its id in the list."""
    ended = await users.end_session(node.parts, auth.caller_of(request), request.path_params["session_id"])
    response = jsonapi.nothing()
    if ended.token_hash == token_hash(auth.token_of(request) or ""):
        auth.forget(response, secure=node.settings.secure_cookies)
    return response


# --- everybody -------------------------------------------------------------------------------------------------------


async def index(node: Node, request: Request) -> Response:
    """List the users, the oldest first."""
    page = Page.of(request)
    found, count = await users.page(node.parts, offset=page.offset, limit=page.size)
    return jsonapi.listed([_listed(user, seen) for user, seen in found], page.links(request, count), count)


async def create(node: Node, request: Request) -> Response:
    """Make a user with a role."""
    parts = node.parts
    body = await object_of(request)
    email, password = text_in(body, "email"), text_in(body, "password")
    role = _wanted_role(body)
    made = users.create(parts.db, clock=parts.clock, entropy=parts.entropy, email=email, password=password, role=role)
    user = await unless_unfit(made)
    note(request, role=role)
    return jsonapi.shown(_resource(user), 201)


async def update(node: Node, request: Request) -> Response:
    """Give a user another role. It counts from the next request on, in sessions that are open as well."""
    role = _wanted_role(await object_of(request))
    note(request, role=role)
    return jsonapi.shown(_resource(await users.set_role(node.parts, request.path_params["email"], role)))


async def delete(node: Node, request: Request) -> Response:
    """Delete a user, with their sessions and API tokens, and show them once more."""
    return jsonapi.shown(_resource(await users.delete(node.parts, request.path_params["email"])))


def _wanted_role(body: Mapping[str, object]) -> Role:
    role = role_in(body)
    if role is None:
        raise Unprocessable(Fault(f"role is missing: one of {', '.join(Role)}", "/role"), code="ADY-0105")
    return role


def _resource(user: User) -> Resource:
    return Resource("users", user.email, UserAttributes(user.email, _seconds(user.created_at), user.role))


def _listed(user: User, seen: int | None) -> Resource:
    shown = UserListed(user.email, _seconds(user.created_at), user.role, None if seen is None else rfc3339(seen))
    return Resource("users", user.email, shown)


def _seconds(micros: int) -> str:
    """To the second, as v0.6.2 showed when a user was made."""
    return rfc3339(micros // 1_000_000 * 1_000_000)
