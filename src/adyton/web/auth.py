"""Who is calling: someone with a session cookie, a program with an API token, or an external initiator with its access key and
secret."""

from __future__ import annotations

from email.utils import formatdate

import msgspec
from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from adyton.domain import tokens
from adyton.domain.access import NOBODY, Caller, CallerKind, Role
from adyton.domain.credentials import token_hash
from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER, ExternalInitiator
from adyton.services import external_initiators, users
from adyton.services.parts import Parts
from adyton.services.tokens import recognise as recognise_token
from adyton.web.limits import counted_as
from adyton.web.middleware import client_of

COOKIE = "clsession"
_MAX_AGE = 30 * 24 * 3600
_SECOND = 1_000_000


async def nobody(_parts: Parts, _request: Request) -> Caller | None:
    """Anyone may call."""
    return NOBODY


async def session(parts: Parts, request: Request) -> Caller | None:
    """Someone who is logged in, or the API token of a user (as v0.7.1), may call; a session is used by this.

    A token that is named in the headers goes before a cookie, which is sent without being asked for; a wrong one does not stand
    in the cookie's way. Raises TooManyAttempts.
    """
    return await _token(parts, request) or await session_cookie(parts, request)


async def session_cookie(parts: Parts, request: Request) -> Caller | None:
    """Someone who is logged in may call, and no API token (as v0.7.1 for logging out and for what is below /debug)."""
    token = token_of(request)
    return None if token is None else await users.current(parts, token)


async def session_or_initiator(parts: Parts, request: Request) -> Caller | None:
    """A user, or any external initiator, may call; ``initiator_of`` says which.

    A session that is over does not stand in the way of the initiator's headers. (In v0.6.2 it did.)
    """
    return await session(parts, request) or _as_caller(await _initiator(parts, request))


async def session_or_anonymous_initiator(parts: Parts, request: Request) -> Caller | None:
    """A user, or an external initiator without a name, as v0.6.2 had them, may call."""
    caller = await session(parts, request)
    if caller is not None:
        return caller
    known = await _initiator(parts, request)
    return _as_caller(known) if known is not None and known.name is None else None


def _as_caller(known: ExternalInitiator | None) -> Caller | None:
    return None if known is None else Caller(CallerKind.INITIATOR, known.name or known.access_key)


async def _token(parts: Parts, request: Request) -> Caller | None:
    access_key, secret = request.headers.get(tokens.ACCESS_KEY_HEADER), request.headers.get(tokens.SECRET_HEADER)
    if access_key is None or secret is None:
        return None
    return await recognise_token(parts, access_key, secret, counted_as(client_of(request.scope)))


async def _initiator(parts: Parts, request: Request) -> ExternalInitiator | None:
    access_key, secret = request.headers.get(ACCESS_KEY_HEADER), request.headers.get(SECRET_HEADER)
    if access_key is None or secret is None:
        return None
    address = counted_as(client_of(request.scope))
    request.state.initiator = known = await external_initiators.recognise(parts, access_key, secret, address)
    return known


async def still(parts: Parts, request: Request) -> Caller | None:
    """Who calls, asked again later, for what goes on after a request was let in: None when it would not be let in now. Does not
    count as use of a session."""
    caller = caller_of(request)
    if caller.kind is CallerKind.TOKEN:
        now = await parts.tokens.caller(caller.name, request.headers.get(tokens.SECRET_HEADER, ""))
    elif caller.kind is CallerKind.USER:
        now = await parts.sessions.caller(token_of(request) or "", used=False)
    else:
        return caller
    return None if now is None else msgspec.structs.replace(now, address=caller.address)


def credential_of(request: Request) -> str:
    """What the caller has proven who they are with, as a name that tells nothing of it."""
    caller = caller_of(request)
    return caller.name if caller.kind is not CallerKind.USER else token_hash(token_of(request) or "") or ""


def caller_of(request: Request) -> Caller:
    """Who calls, with the address they call from."""
    known = getattr(request.state, "caller", None)
    return known if isinstance(known, Caller) else NOBODY


def may_see_secrets(request: Request) -> bool:
    """Whether the caller may see what the node keeps to prove itself to others: who may change it."""
    role = caller_of(request).role
    return role is not None and role.covers(Role.EDIT)


def initiator_of(request: Request) -> ExternalInitiator | None:
    """The external initiator that calls; None when it is someone who is logged in."""
    known = getattr(request.state, "initiator", None)
    return known if isinstance(known, ExternalInitiator) else None


def token_of(request: Request) -> str | None:
    """The token in the session cookie."""
    header = next((value for name, value in request.scope["headers"] if name == b"cookie"), None)
    return None if header is None else cookie_parser(header.decode("latin-1")).get(COOKIE)


def remember(response: Response, token: str, *, now: int, secure: bool) -> None:
    """Have the client keep the session's token: out of reach of scripts and of requests that other sites make."""
    _set(response, token, _MAX_AGE, formatdate(now // _SECOND + _MAX_AGE, usegmt=True), secure=secure)


def forget(response: Response, *, secure: bool) -> None:
    """Have the client drop the token."""
    _set(response, "", 0, formatdate(0, usegmt=True), secure=secure)


def _set(response: Response, token: str, max_age: int, expires: str, *, secure: bool) -> None:
    attributes = f"Path=/; Expires={expires}; Max-Age={max_age}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    response.headers.append("set-cookie", f"{COOKIE}={token}; {attributes}")
