"""What we did wrong is ours to read: no client ever sees a stack trace, a path, or a text of an exception."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from adyton.web import app as whole
from adyton.web import routes as table
from adyton.web.endpoint import Node
from adyton.web.middleware import SafeHeaders
from support.api import PATIENT, Api
from support.raw import said_to, served, statuses

HIDDEN = "what the exception says"
TELLTALES = ("Traceback", "RuntimeError", 'File "', ".py", "site-packages", HIDDEN)


async def fails(_node: Node, _request: Request) -> Response:
    """A handler with a defect."""
    raise RuntimeError(HIDDEN)


async def test_a_defect_in_any_handler_is_a_number_to_the_client(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tuple(
        (allowed, tuple(type(route)(route.method, route.path, fails, needs=route.needs, limiters=()) for route in group))
        for allowed, group in table.ROUTES
    )
    monkeypatch.setattr(whole, "ROUTES", broken)
    app = whole.create_app(api.parts, PATIENT)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://node.example", cookies=api.client.cookies) as client:
        for _, group in table.ROUTES:
            for route in group:
                path = route.path.replace("{", "").replace("}", "")
                answer = await client.request(route.method, path, content=b"{}")
                assert answer.status_code == 500, f"{route.method} {route.path}"
                assert "internal error" in answer.text
                assert not [word for word in TELLTALES if word in answer.text]


async def test_a_defect_outside_the_handlers_is_told_no_better(api: Api) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError(HIDDEN)

    async with served(SafeHeaders(broken, 0)) as port:
        answer, closed = await said_to(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert closed
    assert statuses(answer) == [500]
    assert not [word for word in TELLTALES if word.encode() in answer]


async def test_a_stream_that_fails_ends_without_a_word(api: Api) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            raise RuntimeError(HIDDEN)

        await StreamingResponse(pieces(), media_type="text/event-stream")(scope, receive, send)

    async with served(broken) as port:
        answer, closed = await said_to(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert closed
    assert b"data: 1" in answer
    assert not [word for word in TELLTALES if word.encode() in answer]
