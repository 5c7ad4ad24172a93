"""Who is calling: someone with a session cookie, or an external initiator with its access key and secret."""

from __future__ import annotations

from email.utils import formatdate

from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER, ExternalInitiator
from adyton.services import external_initiators, users
from adyton.services.parts import Parts

COOKIE = "clsession"
_MAX_AGE = 30 * 24 * 3600
_SECOND = 1_000_000


async def nobody(_parts: Parts, _request: Request) -> bool:
    """Anyone may call."""
    return True


async def session(parts: Parts, request: Request) -> bool:
    """Someone who is logged in may call; this counts as use of the session."""
    token = token_of(request)
    return token is not None and await users.current(parts, token) is not None


async def session_or_initiator(parts: Parts, request: Request) -> bool:
    """Someone who is logged in, or any external initiator, may call; ``initiator_of`` says which.

    A session that is over does not stand in the way of the initiator's headers. (In v0.6.2 it did.)
    """
    return await session(parts, request) or await _initiator(parts, request) is not None


async def session_or_anonymous_initiator(parts: Parts, request: Request) -> bool:
    """Someone who is logged in, or an external initiator without a name, as v0.6.2 had them, may call."""
    if await session(parts, request):
        return True
    known = await _initiator(parts, request)
    return known is not None and known.name is None


async def _initiator(parts: Parts, request: Request) -> ExternalInitiator | None:
    access_key, secret = request.headers.get(ACCESS_KEY_HEADER), request.headers.get(SECRET_HEADER)
    if access_key is None or secret is None:
        return None
    request.state.initiator = known = await external_initiators.recognise(parts, access_key, secret)
    return known


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
