"""Who is calling: someone with a session cookie, or an external initiator with its access key and secret."""

from __future__ import annotations

from email.utils import formatdate

from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from adyton.domain.access import NOBODY, Caller, CallerKind
from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER, ExternalInitiator
from adyton.services import external_initiators, users
from adyton.services.parts import Parts

COOKIE = "clsession"
_MAX_AGE = 30 * 24 * 3600
_SECOND = 1_000_000


async def nobody(_parts: Parts, _request: Request) -> Caller | None:
    """Anyone may call."""
    return NOBODY


async def session(parts: Parts, request: Request) -> Caller | None:
    """Someone who is logged in may call; this counts as use of the session."""
    token = token_of(request)
    return None if token is None else await users.current(parts, token)


async def session_or_initiator(parts: Parts, request: Request) -> Caller | None:
    """Someone who is logged in, or any external initiator, may call; ``initiator_of`` says which.

    A session that is over does not stand in the way of the initiator's headers. (In v0.6.2 it did.)
    """
    return await session(parts, request) or _as_caller(await _initiator(parts, request))


async def session_or_anonymous_initiator(parts: Parts, request: Request) -> Caller | None:
    """Someone who is logged in, or an external initiator without a name, as v0.6.2 had them, may call."""
    caller = await session(parts, request)
    if caller is not None:
        return caller
    known = await _initiator(parts, request)
    return _as_caller(known) if known is not None and known.name is None else None


def _as_caller(known: ExternalInitiator | None) -> Caller | None:
    return None if known is None else Caller(CallerKind.INITIATOR, known.name or known.access_key)


async def _initiator(parts: Parts, request: Request) -> ExternalInitiator | None:
    access_key, secret = request.headers.get(ACCESS_KEY_HEADER), request.headers.get(SECRET_HEADER)
    if access_key is None or secret is None:
        return None
    request.state.initiator = known = await external_initiators.recognise(parts, access_key, secret)
    return known


def caller_of(request: Request) -> Caller:
    """Who calls, with the address they call from."""
    known = getattr(request.state, "caller", None)
    return known if isinstance(known, Caller) else NOBODY


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
