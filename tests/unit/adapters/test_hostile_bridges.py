"""Bridges that answer anything, over real connections: each costs its own run at most."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adyton.adapters.base import AdapterSettings, TaskContext
from adyton.adapters.bridge import BridgeAdapter
from adyton.domain.bridges import Bridge
from adyton.domain.runs import Completed, Errored, Outcome, RunStatus
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport

CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
DATA = {"result": "before"}
LIMIT = 10_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Hostile:
    """A bridge that answers as ``handler`` does, and remembers what it was asked."""

    def __init__(self, handler: Handler) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self._handler = handler

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Note the question, and leave the rest to the handler."""
        self.asked.append((request.method, request.path, request.headers.get("authorization")))
        await request.read()
        return await self._handler(request)


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[tuple[Hostile, str]]:
    hostile = Hostile(handler)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hostile.answer)
    async with TestServer(app) as server:
        yield hostile, str(server.make_url("/"))


async def ask(url: str, *, timeout: float = 5, attempts: int = 1) -> Outcome:
    bridge = Bridge(name="hostile", url=url, incoming_token_hash="h", salt="s", outgoing_token="OUT")
    settings = AdapterSettings(http_attempts=attempts, http_limit=LIMIT, http_timeout=timeout)
    async with AiohttpTransport() as transport:
        adapter = BridgeAdapter(bridge, http=transport, clock=SystemClock(), settings=settings)
        return await adapter.perform({}, dict(DATA), CONTEXT)


def says(body: bytes, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, headers=headers)

    return handler


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65536)


async def silent(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return web.Response()


async def dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.01)


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"data": ')
    assert request.transport is not None
    request.transport.close()
    return response


async def in_circles(request: web.Request) -> web.StreamResponse:
    raise web.HTTPTemporaryRedirect(location=request.path)


@pytest.mark.parametrize(
    ("handler", "timeout", "words"),
    [
        (says(b'{"data": "' + b"x" * LIMIT + b'"}'), 5, f"must be less than {LIMIT} bytes"),
        (says(gzip.compress(b" " * 10_000_000), **{"content-encoding": "gzip"}), 5, f"must be less than {LIMIT} bytes"),
        (endless, 5, f"must be less than {LIMIT} bytes"),
        (silent, 0.1, "bridge hostile did not answer within 0.1 s"),
        (dripping, 0.3, "bridge hostile did not answer within 0.3 s"),
        (cut, 5, "POST request: bridge hostile cannot be asked"),
        (in_circles, 5, "bridge hostile redirected more than 10 times"),
        (says(b"<html>Bad gateway</html>"), 5, "ExternalBridge unmarshaling JSON: "),
        (says(b'{"data": {"a": NaN}}'), 5, "ExternalBridge unmarshaling JSON: "),
        (says(b"[" * 9_000), 5, "ExternalBridge unmarshaling JSON: "),
        (says(b'{"data": ' + b'{"a":' * 1_500 + b"1" + b"}" * 1_501), 5, "JSON is nested too deeply"),
        (says(b'{"data": {"n": 1e999999999}}'), 5, "out of range"),
        (says(b'{"data": {"n": ' + b"9" * 9_000 + b"}}"), 5, "out of range"),
        (says(b'{"data": "\xff"}'), 5, "ExternalBridge unmarshaling JSON: "),
        (says(b"\xef\xbb\xbf{}"), 5, "ExternalBridge unmarshaling JSON: "),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_hostile_answer_ends_its_run_and_the_data_stay(handler: Handler, timeout: float, words: str) -> None:
    async with served(handler) as (_, url):
        outcome = await ask(url, timeout=timeout)
    assert isinstance(outcome, Errored)
    assert words in outcome.error
    assert outcome.data == DATA


async def test_a_bridge_that_nobody_serves_is_an_error_that_names_it_and_no_url() -> None:
    outcome = await ask("http://127.0.0.1:9/path?key=sesame", attempts=2)
    assert isinstance(outcome, Errored)
    assert outcome.error.startswith("ExternalBridge post to external adapter: POST request: bridge hostile cannot be asked")
    assert "sesame" not in outcome.error


async def test_a_bridge_on_this_machine_may_be_asked() -> None:
    async with served(says(b'{"data": {"result": "here"}}')) as (hostile, url):
        assert await ask(url) == Completed({"result": "here"})
    assert hostile.asked == [("POST", "/", "Bearer OUT")]


async def test_a_redirect_keeps_the_question_where_it_must_and_the_token_with_its_origin() -> None:
    async with served(says(b'{"data": {"result": "there"}}')) as (there, elsewhere):

        async def redirecting(request: web.Request) -> web.StreamResponse:
            if request.path == "/":
                raise web.HTTPTemporaryRedirect(location="/same")
            raise web.HTTPPermanentRedirect(location=f"{elsewhere}other")

        async with served(redirecting) as (here, url):
            assert await ask(url) == Completed({"result": "there"})
    assert here.asked == [("POST", "/", "Bearer OUT"), ("POST", "/same", "Bearer OUT")]
    assert there.asked == [("POST", "/other", None)]
