"""The websocket to an explorer, on real sockets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from adyton.ports import ConnectionLost
from adyton.system import push
from adyton.system.push import LARGEST_ANSWER, ExplorerTransport
from support.explorer import ACCESS_KEY, GOOD, SECRET, explorer

FILES = Path(__file__).parents[2] / "support" / "tls"
HEADERS = {"X-Explore-Chainlink-AccessKey": ACCESS_KEY, "X-Explore-Chainlink-Secret": SECRET}


async def test_messages_go_there_and_answers_come_back() -> None:
    async with explorer() as there:
        socket = await ExplorerTransport().open(there.url, HEADERS)
        await socket.send(b'{"runId":"a"}')
        assert await socket.receive() == GOOD.encode()
        await socket.close()
        await socket.close()
        assert there.heard == [{"runId": "a"}]


async def test_a_quiet_line_is_kept_by_pings_whose_answers_count_as_words() -> None:
    async with explorer() as there:
        socket = await ExplorerTransport(ping_every=0.05, read_deadline=0.2).open(there.url, HEADERS)
        waiting = asyncio.create_task(socket.receive())
        await there.until(lambda: there.pings >= 8)
        assert not waiting.done()
        waiting.cancel()
        await socket.close()


async def test_an_explorer_that_does_not_even_answer_pings_is_given_up() -> None:
    async with explorer() as there:
        socket = await ExplorerTransport(ping_every=60, read_deadline=0.1).open(there.url, HEADERS)
        with pytest.raises(ConnectionLost, match=r"silent for 0.1 s$"):
            await socket.receive()
        await socket.close()


async def test_pings_of_the_explorer_are_answered() -> None:
    async with explorer() as there:
        socket = await ExplorerTransport(read_deadline=5).open(there.url, HEADERS)
        assert there.open is not None
        await there.open.ping(b"you there?")
        await there.open.send_str("after it")
        assert await socket.receive() == b"after it"
        await socket.close()


async def test_a_message_that_is_too_long_ends_the_connection() -> None:
    async with explorer() as there:
        socket = await ExplorerTransport().open(there.url, HEADERS)
        assert there.open is not None
        await there.open.send_str("x" * (LARGEST_ANSWER + 1))
        with pytest.raises(ConnectionLost):
            await socket.receive()
        await socket.close()


async def test_a_refused_secret_is_told_without_it() -> None:
    async with explorer() as there:
        with pytest.raises(
            ConnectionLost, match="refused with status 401; see EXPLORER_ACCESS_KEY and EXPLORER_SECRET"
        ) as lost:
            await ExplorerTransport().open(there.url, {**HEADERS, "X-Explore-Chainlink-Secret": "hush"})
        assert "hush" not in str(lost.value)


@asynccontextmanager
async def listening(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of something that hears everything and says nothing."""

    gone = asyncio.Event()
    gone.set()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone.clear()
        while await reader.read(1000):
            pass
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(hear, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await gone.wait()


async def test_a_handshake_that_is_never_answered_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "OPEN_DEADLINE", 0.1)
    async with listening() as port:
        with pytest.raises(ConnectionLost, match=r"no answer to the handshake within 0\.1 s"):
            await ExplorerTransport().open(f"ws://127.0.0.1:{port}/", HEADERS)


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(FILES / "localhost.crt", FILES / "localhost.key")
    async with listening(context) as port:
        with pytest.raises(ConnectionLost, match=r"(?i)certificate"):
            await ExplorerTransport().open(f"wss://localhost:{port}/", HEADERS)


async def test_what_is_no_explorer_is_told_as_such() -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with pytest.raises(ConnectionLost, match="404"):
        await ExplorerTransport().open(f"ws://127.0.0.1:{runner.addresses[0][1]}/a/secret/path", HEADERS)
    await runner.cleanup()
