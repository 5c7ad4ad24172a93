"""One path of the API: limit, authentication, handler, errors; the same for every route."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adyton.domain.access import Caller, Role
from adyton.domain.errors import Forbidden
from adyton.services.overview import Overseer
from adyton.services.parts import Parts
from adyton.services.watch import Watch
from adyton.web import auth
from adyton.web.failures import SlowBody, response_to
from adyton.web.form import Form
from adyton.web.jsonapi import CODE_HEADER
from adyton.web.limits import Allowance, RateLimiter
from adyton.web.middleware import BODY_SECONDS, client_of
from adyton.web.record import READING, Kept, action_name, note_error, recorded, refused_by_role
from adyton.web.settings import WebSettings


@dataclass(frozen=True, slots=True)
class Node:
    """What a handler works with."""

    parts: Parts
    settings: WebSettings
    watch: Watch
    overseer: Overseer


Handler = Callable[[Node, Request], Awaitable[Response]]
Authentication = Callable[[Parts, Request], Awaitable[Caller | None]]
"""Tells who calls; None when it is nobody who may."""


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path; ``needs`` is the role that a user or a token must have; ``limiters`` names the limits that count its
    requests, the one to show last. ``kept`` says how the audit log hears of it, if it is more than a look. ``form`` is what the
    OpenAPI document says of it; a test asks each route for one."""

    method: str
    path: str
    handler: Handler
    needs: Role = Role.VIEW
    limiters: tuple[str, ...] = ("requests",)
    kept: Kept = Kept.BEFORE
    form: Form | None = None

    @property
    def audited(self) -> Kept:
        """How the audit log hears of it."""
        return Kept.NEVER if self.method in READING else self.kept

    @property
    def name(self) -> str:
        """What the audit log calls it."""
        return action_name(self.method, self.path)


@dataclass(frozen=True, slots=True)
class Action:
    """What a method of a path does, and for whom. ``name`` is what the audit log calls it."""

    handler: Handler
    allowed: Authentication
    needs: Role
    limiters: tuple[RateLimiter, ...]
    name: str = ""
    kept: Kept = Kept.NEVER
    own_limiters: tuple[RateLimiter, ...] = ()
    """Those of ``limiters`` that count what it does, and not requests as such."""


class Endpoint:
    """An ASGI application that serves one path."""

    def __init__(self, node: Node, actions: Mapping[str, Action]) -> None:
        self._node = node
        self._actions = actions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        action = self._actions.get(scope["method"])
        if action is None:
            # As v0.6.2, a path that knows other methods is no better than an unknown one.
            return await unknown_route(scope, receive, send)
        allowances = [limiter.take(client_of(scope)) for limiter in action.limiters]
        request = Request(scope, receive)
        try:
            response = await self._answer(action, request, allowances)
        except ClientDisconnect:
            return None
        if allowances:
            response.raw_headers.extend(allowances[-1].headers())
        return await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """What a page of this node is answered that asks for its visitor, whose request was counted when it came in."""
        action = self._actions[request.method]
        return await self._answer(action, request, [limiter.take(client_of(request.scope)) for limiter in action.own_limiters])

    async def _answer(self, action: Action, request: Request, allowances: list[Allowance]) -> Response:
        if not all(allowance.granted for allowance in allowances):
            reset = max(allowance.reset for allowance in allowances if not allowance.granted)
            wait = max(1, reset - self._node.parts.clock.now() // 1_000_000)
            headers = {"retry-after": str(wait), CODE_HEADER: "ADY-1052"}
            return Response("Limit exceeded", 429, headers, "text/plain")
        try:
            if not await self._let_in(action, request):
                return Response(status_code=401, headers={CODE_HEADER: "ADY-1051"})
            audit = self._node.parts.audit
            return await recorded(audit, action.kept, action.name, request, lambda: self._handled(action, request))
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever went wrong becomes a response, and is logged there
            return response_to(error, request, self._node.parts.entropy)

    async def _handled(self, action: Action, request: Request) -> Response:
        try:
            return await action.handler(self._node, request)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - as above; here, so that the audit log hears of it
            note_error(request, error)
            return response_to(error, request, self._node.parts.entropy)

    async def _let_in(self, action: Action, request: Request) -> bool:
        """Whether somebody calls who may; what changes something has its whole body then. Raises Forbidden, SlowBody.

        A body comes as slowly as its sender likes, so whoever was let in is asked again when it is here: a request that was
        begun in time does not outlast its session, its token or its role.
        """
        caller = await action.allowed(self._node.parts, request)
        if caller is None:
            return False
        request.state.caller = caller = msgspec.structs.replace(caller, address=client_of(request.scope))
        await self._check_role(caller, action, request)
        if request.method in READING:
            return True
        await body_of(request)
        request.state.caller = now = await auth.still(self._node.parts, request)
        if now is not None and now != caller:
            await self._check_role(now, action, request)
        return now is not None

    async def _check_role(self, caller: Caller, action: Action, request: Request) -> None:
        """Raises Forbidden. Who has no role is let in by the route's own rules."""
        if caller.role is None or caller.role.covers(action.needs):
            return
        refusal = Forbidden(f"this needs the role {action.needs}; {caller.name} has {caller.role}", code="ADY-0101")
        await refused_by_role(self._node.parts.audit, action.name, request, refusal.error_code)
        raise refusal


async def body_of(request: Request) -> bytes:
    """The request's body. Raises SlowBody when it does not arrive in time."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError:
        raise SlowBody("the request's body did not arrive in time", code="ADY-1054") from None


async def unknown_route(scope: Scope, receive: Receive, send: Send) -> None:
    """What is answered where there is nothing."""
    headers = {"content-type": "text/plain", CODE_HEADER: "ADY-1050"}
    await Response("404 page not found", 404, headers=headers)(scope, receive, send)
