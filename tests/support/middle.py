"""A middleware around an application that says what reached it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


async def says_what_arrives(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the client, the scheme and the headers of the request."""
    headers = dict(Request(scope).headers)
    said = {"client": scope["client"][0], "scheme": scope["scheme"], "headers": headers}
    await Response(json.dumps(said), media_type="application/json")(scope, receive, send)


async def ask(
    app: ASGIApp,
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    *,
    method: str = "GET",
    url: str = "http://node.example/v2/specs",
    address: str = "192.0.2.1",
) -> httpx.Response:
    """One request from an address, with a program's headers unless others are given."""
    transport = httpx.ASGITransport(app=app, client=(address, 4711))
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.request(method, url, headers=headers)
