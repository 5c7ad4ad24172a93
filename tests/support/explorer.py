"""An explorer: a websocket server that takes messages about runs, and does to them what a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

ACCESS_KEY, SECRET = "u4HULe0pj5xPyuvv", "YDxkVRTmcliehGZPw7f0L2Td3sz3LqutAQyy7sLCEIP6xcWzbO8zgfBWi4DXC6U6"
GOOD = '{"status":201}'


@dataclass
class Explorer:
    """``answer`` says what it answers to a message: a text, or None to stay silent; ``taken`` is what it has acknowledged."""

    answer: Callable[[dict[str, Any]], str | None] = lambda _: GOOD
    heard: list[dict[str, Any]] = field(default_factory=list)
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    pings: int = 0
    open: web.WebSocketResponse | None = None
    port: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"ws://127.0.0.1:{self.port}/"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A connection."""
        self.headers = dict(request.headers)
        self.connections += 1
        self._tell()
        if request.headers.get("X-Explore-Chainlink-Secret") != SECRET:
            return web.Response(status=401)
        self.open = socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.PING:
                self.pings += 1
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                body = json.loads(message.data)
                self.heard.append(body)
                answer = self.answer(body)
                if answer is not None:
                    if answer == GOOD:
                        self.taken[body["runId"]] = body
                    await socket.send_str(answer)
            self._tell()
        return socket

    def _tell(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(20):
            while not condition():
                await self.changed.wait()


@asynccontextmanager
async def explorer(port: int = 0) -> AsyncIterator[Explorer]:
    """One that is up, gone afterwards."""
    found = Explorer()
    application = web.Application()
    application.router.add_get("/", found.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        if found.open is not None:
            await found.open.close()
        await runner.cleanup()
