"""Clients that stop in the middle of a body, on a simulated clock."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from adyton.sim.loop import run
from adyton.web.auth import COOKIE
from adyton.web.middleware import BODY_SECONDS
from support.api import Api

DECLARED = (b"content-length", b"100")
CHUNKED = (b"transfer-encoding", b"chunked")


async def post(header: tuple[bytes, bytes], *, leaves: bool) -> tuple[list[Message], float]:
    """What a client gets that sends a part of its body, then waits or leaves; and how long that takes."""
    async with Api() as api:
        token = await api.log_in()
        sent: list[Message] = []
        began: list[Message] = [{"type": "http.request", "body": b'{"a', "more_body": True}]

        async def receive() -> Message:
            if began:
                return began.pop()
            return {"type": "http.disconnect"} if leaves else await asyncio.get_running_loop().create_future()

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"host", b"node.example"), (b"cookie", f"{COOKIE}={token}".encode()), header]
        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/v2/specs", "query_string": b"", "headers": headers}
        before = asyncio.get_running_loop().time()
        await api.app(scope | {"scheme": "http", "server": ("node.example", 80), "root_path": ""}, receive, send)
        return sent, asyncio.get_running_loop().time() - before


@pytest.mark.parametrize("header", [DECLARED, CHUNKED])
def test_a_body_that_stops_is_given_up(header: tuple[bytes, bytes]) -> None:
    sent, seconds = run(post(header, leaves=False))

    assert sent[0]["status"] == 408
    assert seconds == pytest.approx(BODY_SECONDS)


@pytest.mark.parametrize("header", [DECLARED, CHUNKED])
def test_a_client_that_leaves_gets_no_answer(header: tuple[bytes, bytes]) -> None:
    sent, _ = run(post(header, leaves=True))
    assert sent == []
