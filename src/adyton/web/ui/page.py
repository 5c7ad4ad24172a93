"""One path of the operator's pages: who visits, what they see, what they do; the same for every page.

A page is a function from a visit to a ``View``, which is rendered here, or to a response. What the API refuses becomes a page
that says so. Whoever is not signed in is asked to, and comes back to where they were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adyton.domain.access import Caller, Role
from adyton.services.live_events import event_id
from adyton.storage import changes
from adyton.web import auth
from adyton.web.endpoint import Endpoint, Node, body_of
from adyton.web.failures import response_to
from adyton.web.limits import Allowance, RateLimiter
from adyton.web.middleware import client_of
from adyton.web.paths import Places
from adyton.web.record import action_name, refused_by_role
from adyton.web.ui.api import Answer, Api, ApiRefused, read

log = structlog.get_logger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: what this node serves. No inline script, no inline style."""
_HEADERS = {
    "content-security-policy": POLICY,
    # A form's request tells the origin it comes from only if its page may tell where it is.
    "referrer-policy": "same-origin",
    "vary": "Cookie",
}
NOTICE = "adyton_notice"
_NOTICE_SECONDS = 30
_NOTICE_LENGTH = 300
"""Characters of a notice: each becomes up to twelve in its cookie, of which browsers keep 4096."""
_IN_URLS = "/?#[]@!$&'()*+,;=:%-._~"
SIGN_IN = "/signin"


@dataclass(frozen=True, slots=True)
class View:
    """What to render: a template and its values. ``live`` names the kinds of events after which the page shows itself anew."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    live: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody looks at a page, or sends its form. ``form`` holds the fields of a form, the last of each name."""

    request: Request
    api: Api
    node: Node
    caller: Caller
    form: Mapping[str, str]
    fields: tuple[tuple[str, str], ...] = ()
    """All fields, in the order of the form, where a name may stand several times."""

    def param(self, name: str) -> str:
        """A piece of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the query string."""
        return self.request.query_params.get(name, default)

    def cookie(self, name: str) -> str:
        """A cookie; "" if there is none."""
        return unquote(self.request.cookies.get(name, ""))

    @property
    def here(self) -> str:
        """Path and query of this page."""
        query = self.request.url.query
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    def page_url(self, number: int) -> str:
        """This page with another page of its list."""
        kept = [(name, value) for name, value in self.request.query_params.multi_items() if name != "page" and value]
        return f"{self.request.url.path}?{urlencode([*kept, ('page', str(number))])}"

    def may(self, role: str) -> bool:
        """Whether the visitor has the role, or one that includes it."""
        return self.caller.role is not None and self.caller.role.covers(Role(role))


Handler = Callable[[Visit], Awaitable[View | Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A method and a path of the pages; ``needs`` is the role of who may see it, ``public`` that anybody may."""

    method: str
    path: str
    handler: Handler
    needs: Role = Role.VIEW
    public: bool = False


def go(where: str, notice: str = "", *, kind: str = "done") -> Response:
    """Send the visitor on after a form, with a sentence that the next page shows once. ``kind`` is done or failed."""
    response = Response(status_code=303, headers={"location": quote(where, safe=_IN_URLS), "cache-control": "no-store"})
    if notice:
        value = quote(f"{kind}:{notice[:_NOTICE_LENGTH]}")
        response.headers.append("set-cookie", f"{NOTICE}={value}; Path=/; Max-Age={_NOTICE_SECONDS}; HttpOnly; SameSite=Lax")
    return response


def local(where: str, otherwise: str = "/") -> str:
    """A place on this node to send a visitor to, as a form or a link named it; never another site."""
    fits = where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable()
    return where if fits else otherwise


def _above(path: str) -> str:
    """Where to go on from a form's own address, which shows nothing by itself: somebody came back to it, or loads it again."""
    return local(path.rpartition("/")[0] or "/")


def _path_of(url: str) -> str:
    """Path and query of a URL that a browser named; "" if it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class PageEndpoint:
    """An ASGI application that serves one path of the pages."""

    def __init__(self, node: Node, endpoints: Places[Endpoint], pages: Mapping[str, Page], limiter: RateLimiter) -> None:
        self._node = node
        self._endpoints = endpoints
        self._pages = pages
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        page = self._pages.get("GET" if request.method == "HEAD" else request.method)
        allowance = self._limiter.take(client_of(request.scope))
        try:
            if not allowance.granted:
                return await self._too_many(self._visit(request), allowance)
            if page is None and request.method in {"GET", "HEAD"}:
                return go(_above(request.url.path))
            if page is None:
                return await self._failed(self._visit(request), 404, "this page does not take that", "ADY-1050")
            return await self._served(page, request)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever went wrong becomes a page, and is logged there
            return await self._refused(self._visit(request), await read(response_to(error, request, self._node.parts.entropy)))

    async def _served(self, page: Page, request: Request) -> Response:
        caller = await auth.session(self._node.parts, request)
        if caller is None and not page.public:
            return _to_sign_in(request)
        if caller is not None:
            request.state.caller = msgspec.structs.replace(caller, address=client_of(request.scope))
        visit = self._visit(request, await _fields(request))
        if not page.public and not visit.may(page.needs.value):
            # The API is not even asked, so what it would have noted is noted here.
            await refused_by_role(self._node.parts.audit, action_name(page.method, page.path), request, "ADY-0101")
            return await self._failed(visit, 403, f"this needs the role {page.needs}; you have {visit.caller.role}", "ADY-0101")
        # Read before the page is: what changes after this is told by the stream that begins here, so nothing falls between.
        since = event_id(await changes.newest(self._node.parts.db)) if request.method == "GET" else ""
        try:
            shown = await page.handler(visit)
        except ApiRefused as refused:
            return await self._refused(visit, refused.answer)
        return await self._rendered(visit, shown, since) if isinstance(shown, View) else shown

    def _visit(self, request: Request, fields: Sequence[tuple[str, str]] = ()) -> Visit:
        limit = self._node.settings.body_limit
        api, caller = Api(self._endpoints, request, limit), auth.caller_of(request)
        return Visit(request, api, self._node, caller, dict(fields), fields=tuple(fields))

    async def _refused(self, visit: Visit, answer: Answer) -> Response:
        if answer.status == 401:
            return _to_sign_in(visit.request)
        fault = answer.faults[0]
        return await self._failed(visit, answer.status, fault.detail, fault.code)

    async def _failed(self, visit: Visit, status: int, detail: str, code: str) -> Response:
        return await self._rendered(visit, View("failed.html.j2", {"detail": detail, "code": code, "status": status}, status))

    async def _too_many(self, visit: Visit, allowance: Allowance) -> Response:
        wait = max(1, allowance.reset - self._node.parts.clock.now() // 1_000_000)
        detail = f"too many requests from this address; try again in {wait} s"
        response = await self._failed(visit, 429, detail, "ADY-1052")
        response.headers["retry-after"] = str(wait)
        return response

    async def _rendered(self, visit: Visit, view: View, since: str = "") -> Response:
        from adyton.web.ui.rendering import rendered  # noqa: PLC0415 - the template engine is imported with the first page

        text = await rendered(visit, view, {**await _frame(visit), "since": since})
        response = Response(text, view.status, {**_HEADERS}, "text/html")
        if visit.cookie(NOTICE):
            response.headers.append("set-cookie", f"{NOTICE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
        return response


async def _frame(visit: Visit) -> dict[str, Any]:
    """What stands on every page: how the node is."""
    if visit.caller.role is None:
        return {"checks": [], "open_alerts": 0}
    health, alerts = await asyncio.gather(
        visit.api.ask("GET", "/health"), visit.api.ask("GET", "/v2/alerts", status="raised", size=1)
    )
    return {"checks": health.items if "data" in health.document else [], "open_alerts": alerts.count if alerts.ok else 0}


async def _fields(request: Request) -> list[tuple[str, str]]:
    """The fields of a form. Browsers send line ends as CRLF; texts here have \\n."""
    if request.method in {"GET", "HEAD"}:
        return []
    pairs = parse_qsl((await body_of(request)).decode("utf-8", "replace"), keep_blank_values=True)
    return [(name, value.replace("\r\n", "\n")) for name, value in pairs]


def _to_sign_in(request: Request) -> Response:
    """The way to the sign-in page and back. A part of a page that is asked for alone takes the whole page there."""
    if request.headers.get("hx-request"):
        back = _sign_in(_path_of(request.headers.get("hx-current-url", "")))
        return Response(status_code=200, headers={"hx-redirect": back, "cache-control": "no-store"})
    if request.method not in {"GET", "HEAD"}:
        # What was sent is not done; the page that it came from is where to go on.
        return go(_sign_in(_path_of(request.headers.get("referer", ""))))
    return go(_sign_in(f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path))


def _sign_in(back: str) -> str:
    return SIGN_IN if local(back) == "/" else f"{SIGN_IN}?{urlencode({'next': local(back)})}"
