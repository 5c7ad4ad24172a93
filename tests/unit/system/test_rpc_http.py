"""JSON-RPC by HTTP, against a real server on this machine, and under the client that uses it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog.testing
from aiohttp import web

from adyton.domain.errors import Disconnected, TryAgain
from adyton.ethereum import limits
from adyton.ethereum.endpoint_parts import Rules
from adyton.ethereum.errors import RpcError
from adyton.ethereum.rpc import RpcClient
from adyton.ports import ConnectionLost
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.rpc import EthereumTransport
from adyton.system.rpc_http import HttpRpcTransport, Reply, answer
from support.scripted_rpc import connected, running

Handler = Callable[[web.Request, Any], Awaitable[web.StreamResponse]]
CALL = b'{"jsonrpc":"2.0","id":7,"method":"eth_blockNumber","params":[]}'
PAIR = b'[{"jsonrpc":"2.0","id":1,"method":"a","params":[]},{"jsonrpc":"2.0","id":2,"method":"b","params":[]}]'


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """A server; gives the URL with a credential in user part, path and query."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request, json.loads(await request.text()))

    application = web.Application(client_max_size=2**25)
    application.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://user:word@127.0.0.1:{runner.addresses[0][1]}/v3/secret?token=secret"
    finally:
        await runner.cleanup()


async def node(request: web.Request, asked: Any) -> web.StreamResponse:
    """What a node answers: the method's name, and the chain's id."""

    def one(call: Any) -> object:
        return {"jsonrpc": "2.0", "id": call["id"], "result": "0x539" if call["method"] == "eth_chainId" else call["method"]}

    return web.json_response([one(call) for call in asked] if isinstance(asked, list) else one(asked))


async def ask(url: str, text: bytes = CALL, *, longest: int = 10**6) -> Any:
    """The answer to one text."""
    socket = await HttpRpcTransport(longest=longest).open(url)
    try:
        await socket.send(text)
        async with asyncio.timeout(5):
            return json.loads(await socket.receive())
    finally:
        await socket.close()
        await socket.close()


def client(url: str) -> RpcClient:
    """A client of a real server."""
    transport, clock, entropy = EthereumTransport(), SystemClock(), SystemEntropy()
    return RpcClient(transport=transport, url=url, clock=clock, entropy=entropy, expected_chain_id=1337, rules=Rules(timeout=5))


async def test_calls_and_batches_are_posted_with_the_urls_credentials() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        seen.append((request.path_qs, request.headers.get("Authorization"), request.headers.get("Content-Type")))
        return await node(request, asked)

    async with server(handle) as url:
        rpc = client(url)
        async with running(rpc.run):
            await connected(rpc)
            assert await rpc.call("eth_blockNumber") == "eth_blockNumber"
            assert await rpc.batch([("a", ()), ("b", ())]) == ["a", "b"]
    assert seen[0] == ("/v3/secret?token=secret", "Basic dXNlcjp3b3Jk", "application/json")


async def test_texts_are_on_their_way_at_the_same_time() -> None:
    together = asyncio.Event()
    waiting: list[object] = []

    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        if asked["method"] == "wait":
            waiting.append(asked)
            if len(waiting) == 3:
                together.set()
            await together.wait()
        return await node(request, asked)

    async with server(handle) as url:
        rpc = client(url)
        async with running(rpc.run):
            await connected(rpc)
            assert await asyncio.gather(*(rpc.call("wait") for _ in range(3))) == ["wait"] * 3


async def test_a_large_answer_arrives_and_one_that_is_too_large_asks_for_less() -> None:
    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        return web.json_response({"id": asked["id"], "result": "x" * 2_000_000})

    async with server(handle) as url:
        assert len((await ask(url, longest=3_000_000))["result"]) == 2_000_000
        error = (await ask(url, longest=1_000_000))["error"]
        assert limits.too_many(RpcError(error["code"], error["message"]))


async def test_too_many_requests_is_an_answer_to_every_call_with_the_rest_that_is_asked_for() -> None:
    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        return web.Response(status=429, text="secret page", headers={"Retry-After": "7"})

    async with server(handle) as url:
        answers = await ask(url, PAIR)
    assert [each["id"] for each in answers] == [1, 2]
    error = RpcError(**answers[0]["error"])
    assert limits.throttled(error)
    assert limits.rest_asked_for(error) == 7
    assert "secret" not in str(answers)


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (Reply(429, b'{"id":7,"error":{"code":-32005,"message":"daily limit"}}'), 429, "daily limit"),
        (Reply(429, b"", "Wed, 21 Oct 2026 07:28:00 GMT"), 429, "Too Many Requests"),
        (Reply(502, b"<html>secret</html>"), 502, "HTTP 502"),
        (Reply(503, b'{"error":"no upstream"}'), 503, "HTTP 503: no upstream"),
        (Reply(401, b'{"error":{"code":-32600,"message":"no such project"}}'), 401, "HTTP 401: no such project"),
        (Reply(404, b""), 404, "HTTP 404"),
        (Reply(302, b""), 302, "HTTP 302"),
        (Reply(200, b"<html>secret</html>"), 502, "the node answered something that is not JSON-RPC"),
        (Reply(200, b""), 502, "the node answered something that is not JSON-RPC"),
        (Reply(200, b"[" * 100_000), 502, "the node answered something that is not JSON-RPC"),
        (Reply(200, b'{"id":' + b"9" * 5000 + b',"result":1}'), 502, "the node answered something that is not JSON-RPC"),
        (Reply(200, b'{"id":"' + b"9" * 5000 + b'","result":1}'), 502, "the node answered something that is not JSON-RPC"),
        (Reply(200, b'{"id":null,"error":{"code":-32700,"message":"parse error"}}'), -32700, "parse error"),
        (Reply(200, None), -32000, "response size exceeded: the answer is too long"),
    ],
)
def test_what_is_no_answer_becomes_an_error(reply: Reply, code: int, words: str) -> None:
    made = json.loads(answer(CALL, reply))
    assert made["id"] == 7
    assert (made["error"]["code"], made["error"]["message"]) == (code, words)
    assert [each["id"] for each in json.loads(answer(PAIR, reply))] == [1, 2]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b'{"id":7,"result":1}'),
        Reply(200, b'{"id":"7","result":1}'),
        Reply(500, b'{"id":7,"error":{"code":-32000,"message":"nonce too low"}}'),
        Reply(400, b'{"id":7,"error":"words"}'),
    ],
)
def test_an_answer_is_handed_on_as_it_is(reply: Reply) -> None:
    assert answer(CALL, reply) == reply.body


async def test_a_node_that_is_not_there_is_a_lost_connection_without_credentials() -> None:
    async with server(node) as url:
        gone = url
    with pytest.raises(ConnectionLost, match=r"^http://127.0.0.1:\d+: Connection refused$"):
        await ask(gone)
    with pytest.raises(ConnectionLost, match="scheme must be http"):
        await HttpRpcTransport().open("ftp://example/secret")


async def test_the_client_loses_the_connection_and_finds_the_node_again() -> None:
    dead = False

    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        if dead:
            assert request.transport is not None
            request.transport.abort()
        return await node(request, asked)

    with structlog.testing.capture_logs() as lines:
        async with server(handle) as url:
            rpc = client(url)
            async with running(rpc.run):
                await connected(rpc)
                dead = True
                with pytest.raises(Disconnected, match=r"http://127.0.0.1:\d+: "):
                    await rpc.call("eth_blockNumber")
                dead = False
                await connected(rpc, 2)
                assert await rpc.call("eth_blockNumber") == "eth_blockNumber"
    assert "secret" not in str(lines)


async def test_a_connection_that_the_node_closed_while_it_was_idle_is_nobodys_loss() -> None:
    closed: list[int] = []

    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        if asked["method"] == "close" and not closed:
            closed.append(1)
            assert request.transport is not None
            request.transport.abort()
        return await node(request, asked)

    async with server(handle) as url:
        rpc = client(url)
        async with running(rpc.run):
            await connected(rpc)
            assert await rpc.call("close") == "close"
            assert rpc.link.connection == 1


async def test_a_gateways_error_may_mean_that_it_was_done() -> None:
    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        return web.Response(status=502) if asked["method"] != "eth_chainId" else await node(request, asked)

    async with server(handle) as url:
        rpc = client(url)
        async with running(rpc.run):
            await connected(rpc)
            with pytest.raises(TryAgain, match="HTTP 502"):
                await rpc.broadcast("0x02")


async def test_closing_ends_what_is_on_its_way() -> None:
    arrived = asyncio.Event()

    async def handle(request: web.Request, asked: Any) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    async with server(handle) as url:
        socket = await HttpRpcTransport().open(url)
        await socket.send(CALL)
        await arrived.wait()
        await socket.close()
        with pytest.raises(ConnectionLost, match="closed by us"):
            await socket.receive()
        with pytest.raises(ConnectionLost, match="closed by us"):
            await socket.send(CALL)
