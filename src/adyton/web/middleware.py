"""What surrounds every request: safe headers, the request log, a time limit, the body limit. Plain ASGI, outermost first.

``app`` says the order. What is refused for its names and origins is in ``proxies``, ``targets``, ``hosts`` and ``origins``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adyton.ports import Clock
from adyton.web.jsonapi import CODE_HEADER, refused
from adyton.web.settings import WebSettings

log = structlog.get_logger("adyton.web.requests")

BODY_SECONDS = 10.0
"""How long a request's body may take to arrive."""

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What a response that says nothing else may load, run or be framed by: nothing. A page brings a policy of its own."""

_ALWAYS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=(), display-capture=()",
    ),
)
_UNLESS_SAID = ((b"content-security-policy", POLICY.encode()), (b"cache-control", b"no-store"))
_LONGEST_SHOWN = 500
"""Characters of a path that are logged."""
_HOST = re.compile(r"[A-Za-z0-9.\-]+|\[[0-9a-fA-F:.]+\]")
_QUIET_PATHS = frozenset({"/health", "/readyz"})


class SafeHeaders:
    """Adds headers that forbid what no client of the API needs: frames, guessing of types, caches, other sites' use of answers.

    Over TLS also that browsers shall come over TLS for the next ``hsts`` seconds; never without, where anybody could say it.
    """

    def __init__(self, app: ASGIApp, hsts: int) -> None:
        self._app = app
        self._hsts = ((b"strict-transport-security", b"max-age=%d" % hsts),) if hsts else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        always = (*_ALWAYS, *(self._hsts if scope["scheme"] == "https" else ()))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name.lower() for name, _ in message["headers"]}
                unsaid = [pair for pair in (*always, *_UNLESS_SAID) if pair[0] not in said]
                message["headers"] = [*message["headers"], *unsaid]
            await send(message)

        await self._app(scope, receive, guarded)


class RequestLog:
    """One line a request: never a body, a header, or the query (v0.6.2 logged bodies and queries with passwords cut out).

    Reads that succeed and health checks are logged at debug level, everything else at info level.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = self._clock.monotonic()
        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            # Only the server cancels a request: the node stops, and the request has had its grace.
            if status:
                raise
            await _STOPPING(scope, receive, noting)
        finally:
            path, method = scope["path"][:_LONGEST_SHOWN], scope["method"]
            quiet = path in _QUIET_PATHS or (method == "GET" and status < 400)
            write = log.debug if quiet else log.info
            elapsed = round((self._clock.monotonic() - started) * 1000, 1)
            write("request", method=method, path=path, status=status, client=client_of(scope), ms=elapsed)


class Patience:
    """Gives up a request whose answer does not begin in time. What it was to write is written, or not: never in part.

    A stream has begun with its first bytes, and then lasts as long as somebody reads it.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def beginning(message: Message) -> None:
            if not until.expired():
                until.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as until:
                await self._app(scope, receive, beginning)
        except TimeoutError:
            if not until.expired():
                raise
            await _too_long(self._seconds)(scope, receive, send)


_ABOUT_BODIES = frozenset({b"content-length", b"transfer-encoding", b"content-type"})
_FORM = b"application/x-www-form-urlencoded"


class BodyLimit:
    """Refuses bodies over the limit before anything reads them. Bodies of unknown length are read here, up to the limit.

    ``larger`` are paths that take more, of bodies whose length is known: those are read once it is known whose they are.
    A page's form writes three characters for what is one in JSON; what it holds meets the limit where the page passes it on.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: Mapping[str, int], is_page: Callable[[str], bool]) -> None:
        """``is_page`` tells the paths of pages: what says it is a form gets no more room anywhere else."""
        self._app = app
        self._limit = limit
        self._larger = larger
        self._is_page = is_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name: value for name, value in scope["headers"] if name in _ABOUT_BODIES}
        declared = names.get(b"content-length", b"0")
        limit = self._larger.get(scope["path"], self._limit)
        if names.get(b"content-type", b"").startswith(_FORM) and self._is_page(scope["path"]):
            limit *= 3
        if not declared.isdigit() or len(declared) > 18 or int(declared) > limit:
            await _TOO_LARGE(scope, receive, send)
        elif b"transfer-encoding" not in names:
            await self._app(scope, receive, send)
        else:
            await self._read_first(scope, receive, send)

    async def _read_first(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > self._limit:
                        return await _TOO_LARGE(scope, receive, send)
        except TimeoutError:
            return await _TOO_SLOW(scope, receive, send)
        read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return read.pop() if read else await receive()

        return await self._app(scope, again, send)


class TlsRedirect:
    """Sends plain requests to the TLS port. (v0.6.2 kept the port of the plain request, which led nowhere.)"""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._port = settings.redirect_to_tls
        self._host = settings.tls_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._port is None or scope["scheme"] == "https":
            return await self._app(scope, receive, send)
        host = self._host or self._asked(Headers(scope=scope).get("host", ""))
        if not host:
            return await Response(status_code=400)(scope, receive, send)
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        where = f"https://{host}{scope.get('raw_path', b'/').decode('latin-1')}{query}"
        return await Response(status_code=301, headers={"location": where})(scope, receive, send)

    def _asked(self, host: str) -> str:
        found = _HOST.match(host)
        if found is None:
            return ""
        return found[0] if self._port == 443 else f"{found[0]}:{self._port}"


def client_of(scope: Scope) -> str:
    """The client's address: that at the other end of the socket, or what a trusted proxy says there (``proxies``)."""
    client = scope.get("client")
    return client[0] if client else ""


def _too_long(seconds: float) -> Response:
    detail = f"no answer within {seconds:g} s; the request may have been carried out, in whole or not at all"
    return refused(503, [detail], {"connection": "close"}, code="ADY-1007")


def _closing(text: str, status: int, code: str) -> Response:
    return Response(text, status, media_type="text/plain", headers={"connection": "close", CODE_HEADER: code})


TOO_LARGE = "request too large"
_TOO_LARGE = _closing(TOO_LARGE, 413, "ADY-1053")
_STOPPING = _closing("the node stops; the request may have been carried out", 503, "ADY-1055")
_TOO_SLOW = _closing("request body too slow", 408, "ADY-1054")
