"""A node's API on a real socket, with somebody who reads for those who watch, and clients that watch."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from adyton.services.live import Hub
from adyton.services.live_reader import LiveReader
from adyton.services.parts import Parts
from adyton.system.clock import SystemClock
from adyton.web.app import create_app
from adyton.web.auth import COOKIE
from adyton.web.listeners import Listener
from adyton.web.server import serve
from adyton.web.settings import WebSettings
from support.api import PATIENT, Api

HERE = "127.0.0.1"


class Event(NamedTuple):
    """What a client reads."""

    name: str
    id: str
    data: Any


class Watched:
    """A node that is up, on the machine's own clock (sessions stay on the test's)."""

    def __init__(self, api: Api, parts: Parts, port: int, running: asyncio.Task[None]) -> None:
        self.api = api
        self.parts = parts
        self.hub: Hub = parts.live
        self.port = port
        self.running = running

    async def stop(self) -> None:
        """Stop it, as a signal does."""
        self.running.cancel()
        await asyncio.wait({self.running})

    @asynccontextmanager
    async def watch(self, token: str | None, query: str = "", **headers: str) -> AsyncIterator[Watcher]:
        """A client of a session that watches."""
        cookies = {COOKIE: token} if token else {}
        async with httpx.AsyncClient(cookies=cookies, timeout=20) as client:
            url = f"http://{HERE}:{self.port}/v2/events{query}"
            async with client.stream("GET", url, headers={k.replace("_", "-"): v for k, v in headers.items()}) as response:
                yield Watcher(response)


class Watcher:
    """Reads a stream line by line."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self, *names: str) -> Event:
        """The next event, of these names if any are given. Raises StopAsyncIteration at the end of the stream."""
        fields: dict[str, str] = {}
        while True:
            line = await anext(self._lines)
            if line == "" and "data" in fields:
                event = Event(fields["event"], fields["id"], json.loads(fields["data"]))
                if not names or event.name in names:
                    return event
            fields = {} if line == "" else fields
            name, _, value = line.partition(": ")
            fields[name] = value

    async def end(self) -> None:
        """Read until the stream ends."""
        async for _ in self._lines:
            pass


@asynccontextmanager
async def watched(api: Api, settings: WebSettings = PATIENT) -> AsyncIterator[Watched]:
    """A node whose events can be watched."""
    parts = dataclasses.replace(api.parts, clock=SystemClock(), live=Hub())
    app = create_app(parts, settings)
    ports: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        where = [Listener(HERE, 0)]
        async with asyncio.TaskGroup() as group:
            group.create_task(LiveReader(parts).run())
            group.create_task(serve(app, where, clock=parts.clock, settings=settings, grace=5.0, listening=ports.set_result))

    node = Watched(api, parts, 0, asyncio.create_task(run()))
    (node.port,) = await ports
    try:
        yield node
    finally:
        await node.stop()
