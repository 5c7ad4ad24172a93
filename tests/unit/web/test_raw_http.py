"""What bytes a client may send: nothing that a proxy before the node could read in another way, and nothing without end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from adyton.services.edge import Edge
from adyton.web import crowd, protocol
from adyton.web.settings import WebSettings
from support.raw import HERE, becomes, first_body, said_to, served, statuses

POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served() as port:
        yield port


@pytest.mark.parametrize(
    "smuggled",
    [
        POST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} ",
        POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        POST + b"content-length: 2, 2\r\n\r\n{}",
        POST + b"content-length: +2\r\n\r\n{}",
        POST + b"content-length: 0x2\r\n\r\n{}",
        POST + b"content-length : 2\r\n\r\n{}",
        POST + b"transfer-encoding: identity\r\ncontent-length: 2\r\n\r\n{}",
        POST + b"transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"transfer-encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"transfer-encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"transfer-encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2;a\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}X\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: a\rorigin: http://evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\nhost: x\n\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.2\r\nhost: x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"get / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET x HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://x HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(port: int, smuggled: bytes) -> None:
    answer, closed = await said_to(port, smuggled + GET)
    assert closed
    assert statuses(answer) in ([], [400])  # nothing when a body is broken: its request was under way


async def test_a_body_is_never_a_second_request(port: int) -> None:
    answer, _ = await said_to(port, POST + b"content-length: %d\r\n\r\n" % len(GET) + GET)
    assert statuses(answer) == [200]
    assert first_body(answer)["body"] == GET.decode()


async def test_what_chunks_are_called_besides_is_ignored(port: int) -> None:
    answer, _ = await said_to(port, CHUNKED + b"2;name=value\r\n{}\r\n0\r\n\r\n")
    assert first_body(answer)["body"] == "{}"


async def test_a_header_behind_the_body_is_none(port: int) -> None:
    trailers = b"0\r\nx-forwarded-for: 203.0.113.9\r\norigin: http://evil.example\r\nhost: evil.example\r\n\r\n"
    answer, _ = await said_to(port, CHUNKED + b"2\r\n{}\r\n" + trailers + GET)
    assert statuses(answer) == [200, 200]
    assert first_body(answer)["headers"] == {"host": "x", "transfer-encoding": "chunked"}


async def test_a_target_with_a_host_says_whom_it_is_for(port: int) -> None:
    answer, _ = await said_to(port, b"GET http://node.example:6688/a HTTP/1.1\r\nhost: other\r\n\r\n")
    assert (first_body(answer)["path"], first_body(answer)["headers"]["host"]) == ("/a", "node.example:6688")


async def test_http_1_0_is_answered_and_closed(port: int) -> None:
    answer, closed = await said_to(port, b"GET / HTTP/1.0\r\n\r\n")
    assert (statuses(answer), closed) == ([200], True)


async def test_no_other_protocol_is_spoken(port: int) -> None:
    for wanted in (b"websocket", b"h2c"):
        ask = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: " + wanted + b"\r\n\r\n" + GET
        answer, closed = await said_to(port, ask)
        assert (statuses(answer), closed) == ([200], True)


async def test_too_many_headers_are_refused(port: int) -> None:
    fits = b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * (protocol.MOST_HEADERS - 1) + b"\r\n"
    one_more = fits.replace(b"host: x\r\n", b"host: x\r\na: b\r\n")
    assert statuses((await said_to(port, fits))[0]) == [200]
    assert statuses((await said_to(port, one_more))[0]) == [431]


async def test_requests_in_a_row_are_answered_in_their_order_and_not_without_end(port: int) -> None:
    row = b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % number for number in range(20))
    answer, closed = await said_to(port, row)
    paths = [piece.split(b'"')[0] for piece in answer.split(b'"path": "')[1:]]
    assert (paths, closed) == ([b"/%d" % number for number in range(20)], False)
    assert (await said_to(port, GET * 1000))[1]


async def test_what_cannot_be_read_is_not_answered_inside_another_answer(port: int) -> None:
    answer, closed = await said_to(port, GET + b"\x00 this is not HTTP\r\n\r\n")
    assert closed
    assert b"Invalid" not in answer


# --- slow clients ------------------------------------------------------------------------------------------------------


async def fed(port: int, data: bytes, pause: float) -> bytes:
    """What a client is told that sends byte by byte, until the connection ends."""
    reader, writer = await asyncio.open_connection(HERE, port)
    told = bytearray()

    async def listen() -> None:
        with contextlib.suppress(ConnectionError):  # the end may come with what was told before still on its way
            while piece := await reader.read(65536):
                told.extend(piece)

    ended = asyncio.create_task(listen())
    for place in range(len(data)):
        writer.write(data[place : place + 1])
        if (await asyncio.wait([ended], timeout=pause))[0]:
            break
    await asyncio.wait_for(ended, 5)
    writer.close()
    return bytes(told)


async def test_a_head_byte_by_byte_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    assert await fed(port, b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 2000, 0.005) == b""


async def test_a_rest_that_nobody_waits_for_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is answered from its head alone; its body may not keep the connection."""
    from support.middle import says_what_arrives

    monkeypatch.setattr(protocol, "REST_SECONDS", 0.05)
    async with served(says_what_arrives) as port:
        answer = await fed(port, POST + b"content-length: 2000\r\n\r\n" + b"a" * 1999, 0.005)
    assert statuses(answer) == [200]


@pytest.mark.parametrize("path", [b"/large", b"/stream"])
async def test_a_client_that_never_reads_is_given_up(path: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.1)
    edge = Edge()
    async with served(edge=edge) as port:
        reader, writer = await asyncio.open_connection(HERE, port, limit=1024)
        writer.write(b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.read(1)
        assert edge.connections == 1
        await becomes("the connection is closed", lambda: edge.connections == 0)
        writer.close()


# --- many clients ------------------------------------------------------------------------------------------------------


async def test_a_connection_beyond_the_limit_waits_for_its_turn() -> None:
    edge = Edge()
    async with served(settings=WebSettings(connections=10, connections_per_address=10), edge=edge) as port:
        busy = [await asyncio.open_connection(HERE, port) for _ in range(10)]
        waiting = asyncio.create_task(said_to(port, GET, patience=1))
        await becomes("somebody waits", lambda: edge.waiting == 1)
        assert not waiting.done()
        busy[0][1].close()
        await becomes("nobody waits", lambda: edge.waiting == 0)
        busy[1][1].write(GET)
        assert (await busy[1][0].readline()).startswith(b"HTTP/1.1 200")
        assert statuses((await waiting)[0]) == [200]
        for _, writer in busy:
            writer.close()


async def test_who_is_idle_makes_room_at_once() -> None:
    async with served(settings=WebSettings(connections=10, connections_per_address=10)) as port:
        idle = [await asyncio.open_connection(HERE, port) for _ in range(10)]
        for reader, writer in idle:
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
        assert statuses((await said_to(port, GET))[0]) == [200]
        await asyncio.wait_for(idle[0][0].read(), 5)  # the one that has been idle longest is closed
        for _, writer in idle:
            writer.close()


async def test_who_waits_too_long_is_told_by_the_end_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(crowd, "MOST_WAITING", 2)
    async with served(settings=WebSettings(connections=10, connections_per_address=10)) as port:
        busy = [await asyncio.open_connection(HERE, port) for _ in range(10)]
        for _, writer in busy:
            writer.write(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
        answers = await asyncio.gather(*(said_to(port, GET, patience=2) for _ in range(5)))
        assert answers == [(b"", True)] * 5
        for _, writer in busy:
            writer.transport.abort()
