"""The API and the operator's pages as one ASGI application."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.middleware import Middleware

from adyton.services.overview import Overseer
from adyton.services.parts import Parts
from adyton.services.watch import Watch
from adyton.web.endpoint import Action, Endpoint, Node
from adyton.web.hosts import Hosts
from adyton.web.limits import APPLIED, RateLimiter
from adyton.web.middleware import BodyLimit, Patience, RequestLog, SafeHeaders, TlsRedirect
from adyton.web.openapi.handlers import Documents
from adyton.web.origins import ForgedRequests, Origins
from adyton.web.paths import Paths, Places
from adyton.web.proxies import Proxies
from adyton.web.routes import ROUTES
from adyton.web.settings import WebSettings
from adyton.web.targets import Targets
from adyton.web.ui import apps as ui


def create_app(parts: Parts, settings: WebSettings | None = None) -> Starlette:
    """The API of a node. ``settings`` default to those of v0.6.2."""
    settings = settings or WebSettings()
    app = Starlette(
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
            Middleware(BodyLimit, settings.body_limit, {"/v2/specs/apply": APPLIED * settings.body_limit}, ui.is_page),
            Middleware(TlsRedirect, settings),
        ],
    )
    app.state.documents = Documents(ROUTES)
    app.router.redirect_slashes = False
    node = Node(parts, settings, Watch(parts), Overseer(parts))
    limiters = _limiters(node)
    endpoints = _endpoints(node, limiters)
    places = Places(endpoints)
    pages = ui.applications(node, places, limiters["requests"])
    # Starlette would try one pattern after the other.
    app.router.default = Paths({**pages, **endpoints}, ui.nowhere(node, places, limiters["requests"]))
    return app


def _limiters(node: Node) -> dict[str, RateLimiter]:
    clock, settings = node.parts.clock, node.settings
    return {
        "requests": RateLimiter(clock, limit=settings.request_limit, period=settings.request_period),
        "logins": RateLimiter(clock, limit=settings.login_limit, period=settings.login_period),
        # As many as logins, counted apart: who proposes agreements can still log in.
        "agreements": RateLimiter(clock, limit=settings.login_limit, period=settings.login_period),
    }


def _endpoints(node: Node, limiters: Mapping[str, RateLimiter]) -> dict[str, Endpoint]:
    """One endpoint a path; it chooses by method."""
    paths: dict[str, dict[str, Action]] = {}
    for allowed, routes in ROUTES:
        for route in routes:
            counted = tuple(limiters[name] for name in route.limiters)
            own = tuple(limiters[name] for name in route.limiters if name != "requests")
            action = Action(route.handler, allowed, route.needs, counted, route.name, route.audited, own)
            paths.setdefault(route.path, {})[route.method] = action
    return {path: Endpoint(node, actions) for path, actions in paths.items()}
