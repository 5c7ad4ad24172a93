"""Who is calling: the session cookie."""

from __future__ import annotations

from email.utils import formatdate

from starlette.requests import Request, cookie_parser
from starlette.responses import Response

from adyton.services import users
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
