"""The server that a vector asks for."""

from __future__ import annotations

import json
from typing import Any, Self, cast

from aiohttp import web
from aiohttp.test_utils import TestServer


class Source:
    """A real HTTP server on the loopback interface that answers as the vector says, and remembers what it was asked."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self._answer = answer or {}
        self.asked: list[dict[str, Any]] = []
        app = web.Application()
        app.router.add_route("*", "/redirected", self._redirected)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return str(self._server.make_url("")).rstrip("/")

    def filled(self, vector: dict[str, Any]) -> dict[str, Any]:
        """The vector with the server's address, and a bridge's name, in place."""
        text = json.dumps(vector).replace("{{server}}", self.url).replace("{{bridge}}", "bridge")
        return cast("dict[str, Any]", json.loads(text))

    async def _redirected(self, request: web.Request) -> web.Response:
        return web.Response(text=f"redirected:{request.method}:{await request.text()}")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(
            {"method": request.method, "path": request.path_qs, "body": await request.text(), "headers": request.headers.copy()}
        )
        if len(self.asked) <= self._answer.get("fail_first", 0):
            return web.Response(status=500)
        repeat = self._answer.get("body_repeat", {"char": "", "count": 0})
        body = self._answer.get("body", "") + repeat["char"] * repeat["count"]
        headers = {name: value.replace("{{server}}", self.url) for name, value in self._answer.get("headers", {}).items()}
        return web.Response(status=self._answer.get("status", 200), body=body.encode(), headers=headers)
