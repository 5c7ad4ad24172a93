"""Programs outside the node, on this machine: an external adapter, and an external initiator that is told about jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Program:
    """A server that notes what it hears. ``answer`` is the JSON value that it says; while ``open`` is cleared it is silent."""

    answer: Any = field(default_factory=dict)
    status: int = 200
    heard: list[dict[str, Any]] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"

    async def respond(self, request: web.Request) -> web.Response:
        """Note a request and answer it."""
        body = await request.text()
        self.heard.append({
            "method": request.method,
            "path": request.path,
            "headers": dict(request.headers),
            "body": json.loads(body) if body else None,
        })  # fmt: skip
        self.reached.set()
        await self.open.wait()
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def serve(answer: Any = None) -> AsyncIterator[Program]:
    """A program that says ``answer``, gone afterwards."""
    program = Program(answer={} if answer is None else answer)
    program.open.set()
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", program.respond)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    program.port = runner.addresses[0][1]
    try:
        yield program
    finally:
        program.open.set()
        await runner.cleanup()
