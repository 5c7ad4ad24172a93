"""Which web pages may use the API, and which of their requests may change something."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adyton.web.auth import COOKIE
from adyton.web.hosts import cannot_be_rebound, known_hosts
from adyton.web.jsonapi import CODE_HEADER, refused
from adyton.web.settings import WebSettings

_PREFLIGHT_SECONDS = "43200"
_PORTS = {"http": 80, "https": 443}
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = frozenset({"/sessions", "/signin", "/jobs/new", "/theme"})
"""What is sent without a session, and means something to whoever looks at it: it logs them in, or shows them a text."""


_FOREIGN = (
    "this request comes from a page of another site, with the session of whoever looks at it; if the page may do this, list "
    "its origin in ALLOW_ORIGINS"
)


class Pages:
    """What the settings say about origins."""

    def __init__(self, settings: WebSettings) -> None:
        self.everybody = "*" in settings.allow_origins
        self._listed = frozenset(origin.lower() for origin in settings.allow_origins) - {"*"}
        self._own = frozenset(
            name.lower() for name in (*settings.allowed_hosts, settings.tls_host, *known_hosts(settings)) if name
        )

    def vouched_for(self, origin: str, scope: Scope) -> bool:
        """Whether the operator named this origin: in ALLOW_ORIGINS, or as a name of this very server.

        A page of this server is its own where the server is asked for by a name, or an address, that no foreign page can have:
        one that leads here by a name of its own (DNS rebinding) is like any other. The scheme must be that of the request, so
        that a page which somebody put into plain http cannot act for the one over TLS.
        """
        return origin in self._listed or self._is_ours(origin, scope)

    def _is_ours(self, origin: str, scope: Scope) -> bool:
        scheme, host = scope["scheme"], Headers(scope=scope).get("host", "").lower()
        name = host if host[-1:] == "]" or ":" not in host else host.rpartition(":")[0]
        if not ({host, name} & self._own or cannot_be_rebound(name)):
            return False
        try:
            page, here = urlsplit(origin), urlsplit(f"{scheme}://{host}")
            ports = [each.port or _PORTS.get(each.scheme) for each in (page, here)]
        except ValueError:
            return False
        return (page.scheme, page.hostname) == (scheme, here.hostname) and ports[0] == ports[1]


def _refused(scope: Scope, origin: str) -> Response:
    """As v0.6.2 without a word, except to a person, who would look at an empty window: most have put a proxy before the node
    that speaks TLS for it, and not said so."""
    code = {CODE_HEADER: "ADY-1012"}
    if "text/html" not in Headers(scope=scope).get("accept", ""):
        return Response(status_code=403, headers=code)
    asked = f"{scope['scheme']}://{Headers(scope=scope).get('host', '')}"
    words = f"ADY-1012: a page of {origin[:255]!r} sent this, and the node is asked as {asked[:255]!r}. {_CURE}"
    return Response(words, 403, code, "text/plain")


_CURE = (
    "If a proxy that speaks TLS stands before the node, set TRUSTED_PROXIES to its address, have it pass Host and "
    "X-Forwarded-Proto on, and put the name into ALLOWED_HOSTS. If it is a page of yours, put its origin into ALLOW_ORIGINS."
)


class Origins:
    """Lets web pages of the operator's origins use the API, and no others."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._pages = Pages(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = [value for name, value in scope["headers"] if name == b"origin"]
        if not given:
            return await self._app(scope, receive, send)
        origin = given[0].decode("latin-1")
        if len(given) > 1 or not (self._pages.everybody or self._pages.vouched_for(origin, scope)):
            return await _refused(scope, origin)(scope, receive, send)
        if scope["method"] == "OPTIONS":
            return await Response(status_code=204, headers=self._preflight(origin))(scope, receive, send)
        shown = [(name.encode(), value.encode("latin-1")) for name, value in self._headers(origin).items()]

        async def sharing(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *shown]
            await send(message)

        return await self._app(scope, receive, sharing)

    def _headers(self, origin: str) -> dict[str, str]:
        return {**self._shared_with(origin), "access-control-expose-headers": "Content-Length"}

    def _preflight(self, origin: str) -> dict[str, str]:
        asked = "Access-Control-Request-Method, Access-Control-Request-Headers"
        return {
            **self._shared_with(origin),
            "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE",
            "access-control-allow-headers": "Origin,Content-Type,Accept",
            "access-control-max-age": _PREFLIGHT_SECONDS,
            "vary": asked if self._pages.everybody else f"Origin, {asked}",
        }

    def _shared_with(self, origin: str) -> dict[str, str]:
        """Either every page may read what needs no session, or listed ones also what does; never every page with a session.
        (v0.6.2 claimed both with ``*``; browsers heed neither then.)"""
        if self._pages.everybody:
            return {"access-control-allow-origin": "*"}
        return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "Origin"}


class ForgedRequests:
    """Refuses changes that a foreign page makes with the session of whoever looks at it (CSRF).

    The cookie's ``SameSite=Lax`` keeps it from the requests of other sites; this holds where a browser does not know that,
    where the other page is on the same site, and where ALLOW_ORIGINS is ``*``. Logging in counts as well: a page could log its
    visitor in as somebody else; and so does what is shown again without a session: it could write a job into the editor.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._pages = Pages(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in _READS or not self._is_foreign(scope, Headers(scope=scope)):
            return await self._app(scope, receive, send)
        return await refused(403, [_FOREIGN], code="ADY-1002")(scope, receive, send)

    def _is_foreign(self, scope: Scope, headers: Headers) -> bool:
        if scope["path"].rstrip("/") not in _OPEN and not any(f"{COOKIE}=" in each for each in headers.getlist("cookie")):
            return False
        origin = headers.get("origin")
        if origin is not None:
            return not self._pages.vouched_for(origin, scope)
        return headers.get("sec-fetch-site") in {"cross-site", "same-site"}
