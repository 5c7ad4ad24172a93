"""A server on a real socket, spoken to in bytes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from adyton.dev.waiting import until
from adyton.services.edge import Edge
from adyton.system.clock import SystemClock
from adyton.web.listeners import Listener
from adyton.web.server import serve
from adyton.web.settings import WebSettings

HERE = "127.0.0.1"
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Z]")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says what arrived: method, path, headers, body. ``/large`` answers with megabytes, ``/stream`` never ends."""
    if scope["path"] == "/large":
        return await Response(b"x" * (16 << 20))(scope, receive, send)
    if scope["path"] == "/stream":
        return await StreamingResponse(_endless(), media_type="text/event-stream")(scope, receive, send)
    request = Request(scope, receive)
    body = await request.body()
    said = {
        "method": scope["method"],
        "path": scope["path"],
        "headers": dict(request.headers),
        "body": body.decode("latin-1"),
    }
    return await Response(json.dumps(said), media_type="application/json")(scope, receive, send)


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b": still here\n" * 4096
        await asyncio.sleep(0)


@asynccontextmanager
async def served(
    app: ASGIApp = echo, settings: WebSettings | None = None, edge: Edge | None = None, grace: float = 1.0
) -> AsyncIterator[int]:
    """The port of a server that is up; it is cancelled at the end."""
    ports: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(
            app,
            [Listener(HERE, 0)],
            clock=SystemClock(),
            settings=settings or WebSettings(),
            edge=edge,
            grace=grace,
            listening=ports.set_result,
        )
    )
    try:
        yield (await ports)[0]
    finally:
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving


async def said_to(port: int, data: bytes, *, patience: float = 0.2) -> tuple[bytes, bool]:
    """What is answered to some bytes until nothing more comes, and whether the server has closed the connection."""
    reader, writer = await asyncio.open_connection(HERE, port)
    writer.write(data)
    answer, closed = b"", False
    try:
        while not closed:
            piece = await asyncio.wait_for(reader.read(65536), patience)
            answer, closed = answer + piece, not piece
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    finally:
        writer.close()
    return answer, closed


async def becomes(what: str, condition: Callable[[], bool]) -> None:
    """Return when it is so."""

    async def so() -> bool | None:
        return condition() or None

    await until(what, so, clock=SystemClock(), seconds=5.0, interval=0.005)


def statuses(answer: bytes) -> list[int]:
    """The status of each answer."""
    return [int(found) for found in _STATUS.findall(answer)]


def first_body(answer: bytes) -> Any:
    """The JSON of the first answer."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    assert found is not None
    return json.loads(rest[: int(found[1])])
