"""The pages as ASGI applications, by their paths."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from adyton.web.endpoint import Endpoint, Node, unknown_route
from adyton.web.limits import RateLimiter
from adyton.web.paths import Places
from adyton.web.ui import assets
from adyton.web.ui.page import Page, PageEndpoint, View, Visit
from adyton.web.ui.routes import PAGES


def is_page(path: str) -> bool:
    """Whether a page has this path."""
    return _PLACES.find(path) is not None


def applications(node: Node, endpoints: Places[Endpoint], limiter: RateLimiter) -> dict[str, ASGIApp]:
    """What serves each path."""
    paths: dict[str, dict[str, Page]] = {}
    for page in PAGES:
        paths.setdefault(page.path, {})[page.method] = page
    return {
        **{path: PageEndpoint(node, endpoints, pages, limiter) for path, pages in paths.items()},
        "/static/{name}": _static,
    }


def nowhere(node: Node, endpoints: Places[Endpoint], limiter: RateLimiter) -> ASGIApp:
    """What answers where nothing is: a page for people, v0.6.2's words for programs."""
    page = PageEndpoint(node, endpoints, {"GET": Page("GET", "", _unknown, public=True)}, limiter)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        by_person = scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
        await (page if by_person and not scope["path"].startswith("/v2/") else unknown_route)(scope, receive, send)

    return answer


_PLACES = Places({page.path: page for page in PAGES})


async def _unknown(_visit: Visit) -> View:
    return View("failed.html.j2", {"detail": "there is no such page", "code": "ADY-1050", "status": 404}, 404)


async def _static(scope: Scope, receive: Receive, send: Send) -> None:
    await (await assets.serve(Request(scope, receive)))(scope, receive, send)
