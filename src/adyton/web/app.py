"""The API as one ASGI application."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette import routing
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adyton.services.parts import Parts
from adyton.services.watch import Watch
from adyton.web.endpoint import Action, Endpoint, Node, unknown_route
from adyton.web.hosts import Hosts
from adyton.web.limits import RateLimiter
from adyton.web.middleware import BodyLimit, Patience, RequestLog, SafeHeaders, TlsRedirect
from adyton.web.openapi.handlers import Documents
from adyton.web.origins import ForgedRequests, Origins
from adyton.web.proxies import Proxies
from adyton.web.routes import ROUTES
from adyton.web.settings import WebSettings
from adyton.web.targets import Targets


def create_app(parts: Parts, settings: WebSettings | None = None) -> Starlette:
    """The API of a node. ``settings`` default to those of v0.6.2."""
    settings = settings or WebSettings()
    routes = _routes(Node(parts, settings, Watch(parts)))
    app = Starlette(
        routes=routes,
        # The order of docs/architecture.md. Headers and log are outermost, so that what the others refuse has them too.
        middleware=[
            Middleware(Proxies, settings.trusted_proxies),
            Middleware(SafeHeaders, settings.hsts),
            Middleware(RequestLog, parts.clock),
            Middleware(Patience, settings.answer_seconds),
            Middleware(Targets),
            Middleware(Hosts, settings),
            Middleware(Origins, settings),
            Middleware(ForgedRequests, settings),
            Middleware(BodyLimit, settings.body_limit),
            Middleware(TlsRedirect, settings),
        ],
    )
    app.state.documents = Documents(ROUTES)
    app.router.redirect_slashes = False
    app.router.default = Elsewhere(route.path_regex for route in routes)
    return app


def _routes(node: Node) -> list[routing.Route]:
    """One route a path, in the order of the table; the endpoint chooses by method."""
    clock, settings = node.parts.clock, node.settings
    limiters = {
        "requests": RateLimiter(clock, limit=settings.request_limit, period=settings.request_period),
        "logins": RateLimiter(clock, limit=settings.login_limit, period=settings.login_period),
        # As many as logins, counted apart: who proposes agreements can still log in.
        "agreements": RateLimiter(clock, limit=settings.login_limit, period=settings.login_period),
    }
    paths: dict[str, dict[str, Action]] = {}
    for allowed, routes in ROUTES:
        for route in routes:
            counted = tuple(limiters[name] for name in route.limiters)
            action = Action(route.handler, allowed, route.needs, counted, route.name, route.audited)
            paths.setdefault(route.path, {})[route.method] = action
    return [routing.Route(path, Endpoint(node, actions)) for path, actions in paths.items()]


class Elsewhere:
    """Answers paths that are no route: with the way there if only a slash at the end is missing or too much, else 404."""

    def __init__(self, known: Iterable[re.Pattern[str]]) -> None:
        self._known = tuple(known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        other = path[:-1] if path.endswith("/") else f"{path}/"
        if not any(pattern.match(other) for pattern in self._known):
            return await unknown_route(scope, receive, send)
        raw = scope.get("raw_path", path.encode()).decode("latin-1")
        where = raw[:-1] if path.endswith("/") else f"{raw}/"
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        status = 301 if scope["method"] == "GET" else 307
        return await Response(status_code=status, headers={"location": f"{where}{query}"})(scope, receive, send)
