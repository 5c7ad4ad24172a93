"""A price source: a real HTTP server on this machine that answers ``GET /price`` with a JSON object."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

PRICE = '{"USD": 1923.45, "EUR": 1650.11}'
"""What it answers unless told otherwise: exact text, so that no float stands between it and the contract."""


class PriceSource:
    """Serves ``body`` with ``status`` on a free port; both may be changed at any time. ``asked`` counts the requests.

    While ``open`` is cleared it hangs: requests are taken and not answered. ``reached`` is set by each request.
    """

    def __init__(self, body: str = PRICE, status: int = 200) -> None:
        self.body = body
        self.status = status
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()
        self.reached = asyncio.Event()
        self.port = 0
        application = web.Application()
        application.router.add_get("/price", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        """The address to give to a job."""
        return f"http://127.0.0.1:{self.port}/price"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open.set()
        await self._runner.cleanup()

    async def _answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        self.reached.set()
        await self.open.wait()
        return web.Response(text=self.body, status=self.status, content_type="application/json")
