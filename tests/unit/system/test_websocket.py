"""The real websocket, against a real server on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop
from aiohttp import web

from adyton.ports import ConnectionLost
from adyton.system.websocket import WebsocketTransport

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk, *, autoping: bool = True) -> AsyncIterator[str]:
    """A websocket server; gives the URL with a credential in user part, path and query."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("plain"):
            return web.Response(status=403, text="secret")
        websocket = web.WebSocketResponse(autoping=autoping, max_msg_size=0)
        await websocket.prepare(request)
        await talk(websocket)
        return websocket

    application = web.Application()
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"ws://user:word@127.0.0.1:{port}/v3/secret?token=secret"
    finally:
        await runner.cleanup()


async def echo(websocket: web.WebSocketResponse) -> None:
    async for message in websocket:
        await websocket.send_str(message.data)


def shown(url: str) -> str:
    return "ws://" + url.partition("@")[2].partition("/")[0]


async def test_texts_go_both_ways_whatever_their_size() -> None:
    async with server(echo) as url:
        socket = await WebsocketTransport().open(url)
        for text in (b"{}", '"é"'.encode(), b"1" * 10_000_000):
            await socket.send(text)
            assert await socket.receive() == text
        await socket.close()
        await socket.close()


async def test_binary_messages_are_read_too() -> None:
    async def talk(websocket: web.WebSocketResponse) -> None:
        await websocket.send_bytes(b"[1]")

    async with server(talk) as url:
        socket = await WebsocketTransport().open(url)
        assert await socket.receive() == b"[1]"
        await socket.close()


async def test_a_closing_node_is_a_lost_connection_for_reader_and_writer() -> None:
    async def talk(websocket: web.WebSocketResponse) -> None:
        await websocket.close(code=1013)

    async with server(talk) as url:
        socket = await WebsocketTransport().open(url)
        with pytest.raises(ConnectionLost, match=r"closed the connection \(code 1013\)") as caught:
            await socket.receive()
        assert str(caught.value).startswith(shown(url))
        with pytest.raises(ConnectionLost):
            await socket.send(b"{}")
        with pytest.raises(ConnectionLost):
            await socket.receive()
        await socket.close()


async def test_a_torn_connection_is_a_lost_connection() -> None:
    async def talk(websocket: web.WebSocketResponse) -> None:
        transport = websocket._req.transport if websocket._req else None
        assert transport is not None
        transport.close()

    async with server(talk) as url:
        socket = await WebsocketTransport().open(url)
        with pytest.raises(ConnectionLost):
            await socket.receive()
        await socket.close()


async def test_a_frozen_node_is_noticed_by_its_missing_pongs() -> None:
    thaw = asyncio.Event()

    async def talk(websocket: web.WebSocketResponse) -> None:
        await thaw.wait()

    async with server(talk, autoping=False) as url:
        socket = await WebsocketTransport(heartbeat=0.05).open(url)
        with pytest.raises(ConnectionLost, match="did not answer a ping"):
            await socket.receive()
        await socket.close()
        thaw.set()


async def test_bytes_that_are_no_websocket_frames_are_a_lost_connection() -> None:
    async def talk(websocket: web.WebSocketResponse) -> None:
        transport = websocket._req.transport if websocket._req else None
        assert transport is not None
        transport.write(b"\xff" * 32)
        await websocket.receive()

    async with server(talk) as url:
        socket = await WebsocketTransport().open(url)
        with pytest.raises(ConnectionLost, match="spoke no proper websocket: "):
            await socket.receive()
        await socket.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_what_had_arrived_when_the_line_was_closed_is_read_and_then_the_connection_is_lost(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Also under the loop that the node runs on, whose closed sockets raise other errors."""

    async def talk(websocket: web.WebSocketResponse) -> None:
        await websocket.send_str("1")
        await asyncio.Event().wait()

    async def scene() -> None:
        async with server(talk) as url:
            socket = await WebsocketTransport().open(url)
            await asyncio.sleep(0.05)  # until the message is in our queue: nothing tells when
            await socket.close()
            with suppress(ConnectionLost):
                assert await socket.receive() == b"1"
            with pytest.raises(ConnectionLost):
                await socket.receive()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scene())


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_node_that_falls_silent_is_a_lost_connection_on_either_loop(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def talk(websocket: web.WebSocketResponse) -> None:
        await asyncio.Event().wait()

    async def scene() -> None:
        async with server(talk, autoping=False) as url:
            socket = await WebsocketTransport(heartbeat=0.05).open(url)
            with pytest.raises(ConnectionLost):
                await socket.receive()
            await socket.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(scene())


async def test_closing_wakes_a_waiting_reader() -> None:
    async with server(echo) as url:
        socket = await WebsocketTransport().open(url)
        reading = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        await socket.close()
        with pytest.raises(ConnectionLost):
            await reading


async def test_what_cannot_be_opened_says_why_and_shows_no_credentials() -> None:
    async with server(echo) as url:
        refusals = {
            url.replace("ws://", "http://"): "Ethereum url scheme must be websocket",
            url.replace("ws://", "wss://"): "wss://127.0.0.1",
            "ws://user:word@127.0.0.1:1/secret": "refused",
            "ws://user:word@127.0.0.1:99999/secret": "(unreadable URL)",
            "ws:///secret": "(unreadable URL)",
        }
        for refused, reason in refusals.items():
            with pytest.raises(ConnectionLost) as caught:
                await WebsocketTransport().open(refused)
            assert reason in str(caught.value)
            assert not [word for word in ("user", "word", "secret", "token") if word in str(caught.value)]


async def test_a_message_does_not_echo_what_the_server_answered() -> None:
    async with server(echo) as url:
        with pytest.raises(ConnectionLost) as caught:
            await WebsocketTransport().open(url.split("?")[0].replace("secret", "plain"))
        assert str(caught.value) == f"{shown(url)}: answered HTTP 403 instead of opening a websocket"
