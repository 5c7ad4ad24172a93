"""Under which names the API may be asked for.

The threat is a web page whose own name is made to lead to this node (DNS rebinding): to the operator's browser the node is then
part of that page. Names are what can be rebound; ``localhost`` and addresses cannot, so these are always served. Programs name
the node as their network does (``http://node:6688`` in a container's network), so names that nobody listed are served to them
as long as ALLOWED_HOSTS is empty, and refused to browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adyton.web.jsonapi import refused
from adyton.web.proxies import address_of
from adyton.web.settings import WebSettings

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._\-]+|\[[0-9a-fA-F:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_LOCAL = "localhost"


class Hosts:
    """Refuses requests for names that are not this node's."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._strict = bool(settings.allowed_hosts)
        self._known = frozenset(settings.allowed_hosts or known_hosts(settings))
        self._everybody = "*" in settings.allow_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._problem(Headers(scope=scope), scope.get("http_version", "1.1"))
        await (self._app if problem is None else problem)(scope, receive, send)

    def _problem(self, headers: Headers, version: str) -> Response | None:
        given = headers.getlist("host")
        if not given and version in {"1.0", "0.9"}:
            return None  # no browser; and no name that could be rebound
        if len(given) != 1:
            return refused(400, ["a request must name its host, once, in the header Host"], code="ADY-1008")
        if self._serves(given[0], headers):
            return None
        return refused(
            421,
            [f"this node is not asked for by the name {given[0][:255]!r}; list its names in ALLOWED_HOSTS"],
            code="ADY-1001",
        )

    def _serves(self, given: str, headers: Headers) -> bool:
        found = _HOST.fullmatch(given)
        if found is None:
            return False
        name = found["name"].lower()
        if cannot_be_rebound(name) or name in self._known or given.lower() in self._known:
            return True
        if self._strict:
            return False
        # A page's origin is judged by ``Origins``. Where any page may read, a name protects nothing.
        return self._everybody or "origin" in headers or not by_browser(headers)


def by_browser(headers: Headers) -> bool:
    """Whether a request without an Origin comes from a browser.

    Over plain http browsers send no ``Sec-Fetch-Site``, but they say what they are and which languages they read. (Node.js
    sends ``Sec-Fetch-Mode: cors`` and ``Accept-Language: *``, and is none.)
    """
    return (
        "sec-fetch-site" in headers
        or "sec-fetch-dest" in headers
        or headers.get("accept-language", "*") != "*"
        or headers.get("user-agent", "").startswith("Mozilla/")
    )


def cannot_be_rebound(name: str) -> bool:
    """Whether a name (without port, lower case) is one that no foreign page can have."""
    return name == _LOCAL or address_of(name.strip("[]")) is not None


def known_hosts(settings: WebSettings) -> Iterable[str]:
    """The names that other settings give this node."""
    yield from (urlsplit(origin).hostname or "" for origin in settings.allow_origins)
    yield from (settings.tls_host.lower(), settings.tls_host.lower().partition(":")[0])
    yield urlsplit(settings.bridge_response_url or "").hostname or ""
