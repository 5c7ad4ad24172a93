"""What surrounds every request: safe headers, the request log, the body limit, origins. Plain ASGI, outermost first."""

from __future__ import annotations

import asyncio
import re

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adyton.ports import Clock
from adyton.web.settings import WebSettings

log = structlog.get_logger("adyton.web.requests")

BODY_SECONDS = 10.0
"""How long a request's body may take to arrive."""

_SAFE_HEADERS = [
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
_PREFLIGHT_SECONDS = "43200"
_HOST = re.compile(r"[A-Za-z0-9.\-]+|\[[0-9a-fA-F:.]+\]")
_QUIET_PATHS = frozenset({"/health", "/readyz"})


class SafeHeaders:
    """Adds headers that forbid what no client of the API needs: frames, guessing of types, caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_SAFE_HEADERS]
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
            path, method = scope["path"], scope["method"]
            quiet = path in _QUIET_PATHS or (method == "GET" and status < 400)
            write = log.debug if quiet else log.info
            elapsed = round((self._clock.monotonic() - started) * 1000, 1)
            write("request", method=method, path=path, status=status, client=client_of(scope), ms=elapsed)


class BodyLimit:
    """Refuses bodies over the limit before anything reads them. Bodies of unknown length are read here, up to the limit."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name: value for name, value in scope["headers"] if name in {b"content-length", b"transfer-encoding"}}
        declared = names.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 18 or int(declared) > self._limit:
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


class Origins:
    """Lets web pages of the listed origins use the API, and no others (as v0.6.2, not even for a page from this address)."""

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...]) -> None:
        self._app = app
        self._all = "*" in allowed
        self._allowed = frozenset(origin.lower() for origin in allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        if origin is None:
            return await self._app(scope, receive, send)
        text = origin.decode("latin-1")
        if not self._all and text not in self._allowed:
            return await Response(status_code=403)(scope, receive, send)
        if scope["method"] == "OPTIONS":
            return await Response(status_code=204, headers=self._preflight(text))(scope, receive, send)
        shown = [(name.encode(), value.encode("latin-1")) for name, value in self._headers(text).items()]

        async def sharing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *shown]
            await send(message)

        return await self._app(scope, receive, sharing)

    def _headers(self, origin: str) -> dict[str, str]:
        common = {"access-control-allow-credentials": "true", "access-control-expose-headers": "Content-Length"}
        if self._all:
            return {"access-control-allow-origin": "*", **common}
        return {"access-control-allow-origin": origin, "vary": "Origin", **common}

    def _preflight(self, origin: str) -> dict[str, str]:
        return {
            "access-control-allow-origin": "*" if self._all else origin,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE",
            "access-control-allow-headers": "Origin,Content-Type,Accept",
            "access-control-max-age": _PREFLIGHT_SECONDS,
            "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        }


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
    """The address at the other end of the socket. Headers that claim another one are not believed."""
    client = scope.get("client")
    return client[0] if client else ""


_TOO_LARGE = Response("request too large", 413, media_type="text/plain", headers={"connection": "close"})
_STOPPING = Response(
    "the node stops; the request may have been carried out", 503, media_type="text/plain", headers={"connection": "close"}
)
_TOO_SLOW = Response("request body too slow", 408, media_type="text/plain", headers={"connection": "close"})
