"""The real HTTP client against a real server: limits, deadlines, and no way into the operator's network."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adyton import __version__
from adyton.ports import HttpFailure, HttpRequest, HttpResponse
from adyton.system.http import AiohttpTransport, is_public

LIMIT = 1000


class World:
    """A server on the loopback interface and the transport that asks it."""

    def __init__(self, server: TestServer, transport: AiohttpTransport) -> None:
        self.base = str(server.make_url("/"))
        self.port = server.port
        self._transport = transport

    async def ask(
        self, path: str, *, unrestricted: bool = True, timeout: float = 5, method: str = "GET", body: bytes | None = None
    ) -> HttpResponse:
        url = path if "://" in path else self.base + path
        asked = HttpRequest(method=method, url=url, body=body, limit=LIMIT, timeout=timeout, unrestricted=unrestricted)
        return await self._transport.request(asked)


async def echo(request: web.Request) -> web.Response:
    names = ",".join(sorted(request.headers))
    text = f"{request.method} {names} {request.headers['User-Agent']} {await request.text()}"
    return web.Response(text=text, headers={"Set-Cookie": "a=b"})


async def hop(request: web.Request) -> web.Response:
    left = int(request.match_info["left"])
    return web.Response(status=302, headers={"Location": f"/hop/{left - 1}"}) if left else web.Response(text="end")


async def zipped(request: web.Request) -> web.Response:
    size = int(request.match_info["size"])
    return web.Response(body=gzip.compress(b"x" * size), headers={"Content-Encoding": "gzip"})


async def silence(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("nothing ends the silence")


def fixed(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    return handle


@pytest.fixture
async def world() -> AsyncIterator[World]:
    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/hop/{left}", hop)
    app.router.add_get("/zipped/{size}", zipped)
    app.router.add_get("/silence", silence)
    app.router.add_get("/exactly", fixed(body=b"x" * LIMIT))
    app.router.add_get("/over", fixed(500, b"x" * (LIMIT + 1)))
    app.router.add_get("/nowhere", fixed(302))
    app.router.add_get("/inside", fixed(302, Location="http://127.0.0.2/"))
    app.router.add_get("/toftp", fixed(302, Location="ftp://example.com/"))
    app.router.add_post("/kept", fixed(307, Location="/echo"))
    app.router.add_post("/dropped", fixed(303, Location="/echo"))
    server = TestServer(app)
    await server.start_server()
    async with AiohttpTransport() as transport:
        yield World(server, transport)
    await server.close()


async def test_a_request_carries_our_name_no_cookie_and_asks_for_no_compression(world: World) -> None:
    await world.ask("echo")
    again = await world.ask("echo")
    assert again.body.decode() == f"GET Accept,Host,User-Agent Adyton/{__version__} "


async def test_a_body_of_exactly_the_limit_is_taken(world: World) -> None:
    assert len((await world.ask("exactly")).body) == LIMIT


@pytest.mark.parametrize("path", ["over", "zipped/50000000"])
async def test_a_body_over_the_limit_is_refused_before_its_status_is_looked_at(world: World, path: str) -> None:
    with pytest.raises(HttpFailure, match="HTTP request too large, must be less than 1000 bytes") as caught:
        await world.ask(path)
    assert not caught.value.retriable


async def test_a_compressed_body_is_decoded(world: World) -> None:
    assert (await world.ask("zipped/10")).body == b"x" * 10


async def test_a_source_that_hangs_is_left_in_time(world: World) -> None:
    with pytest.raises(HttpFailure, match=r"did not answer within 0\.05 s") as caught:
        await world.ask("silence?key=secret", timeout=0.05)
    assert caught.value.retriable
    assert "secret" not in str(caught.value)


async def test_ten_redirects_are_followed_and_no_more(world: World) -> None:
    assert (await world.ask("hop/10")).body == b"end"
    with pytest.raises(HttpFailure, match="redirected more than 10 times") as caught:
        await world.ask("hop/11")
    assert not caught.value.retriable


@pytest.mark.parametrize("path", ["nowhere", "toftp"])
async def test_a_redirect_that_leads_nowhere_is_a_failure(world: World, path: str) -> None:
    with pytest.raises(HttpFailure):
        await world.ask(path)


async def test_a_redirected_post_keeps_its_body_only_where_it_should(world: World) -> None:
    kept = await world.ask("kept", method="POST", body=b"hello")
    dropped = await world.ask("dropped", method="POST", body=b"hello")
    assert kept.body.startswith(b"POST ")
    assert kept.body.endswith(b" hello")
    assert dropped.body.startswith(b"GET ")
    assert not dropped.body.endswith(b"hello")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"])
async def test_an_address_that_is_not_public_is_not_connected_to(world: World, host: str) -> None:
    with pytest.raises(HttpFailure, match="disallowed IP") as caught:
        await world.ask(f"http://{host}:{world.port}/echo", unrestricted=False)
    assert not caught.value.retriable


async def test_a_name_is_refused_when_none_of_its_addresses_is_public(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "10.0.0.1")]
    found = [(family, socket.SOCK_STREAM, 6, "", (host, world.port)) for family, host in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(HttpFailure, match="disallowed IP") as caught:
        await world.ask(f"http://rebind.example:{world.port}/echo?secret", unrestricted=False)
    assert not caught.value.retriable
    assert "secret" not in str(caught.value)


async def test_a_redirect_to_an_address_that_is_not_public_is_not_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adyton.system.http.is_public", lambda host: host == "127.0.0.1")
    assert (await world.ask("echo", unrestricted=False)).status == 200
    with pytest.raises(HttpFailure, match=r"disallowed IP 127\.0\.0\.2"):
        await world.ask("inside", unrestricted=False)


async def test_a_host_of_other_letters_is_asked_by_its_ascii_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(HttpFailure, match="the name cannot be resolved"):
        await world.ask("http://bücher.example/ä?x=%41")
    assert asked == ["xn--bcher-kva.example"]


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
async def test_odd_spellings_of_such_an_address_lead_nowhere_either(world: World, host: str) -> None:
    with pytest.raises(HttpFailure):
        await world.ask(f"http://{host}:{world.port}/echo", unrestricted=False)


async def test_an_open_connection_of_a_task_that_may_is_not_used_by_one_that_may_not(world: World) -> None:
    await world.ask("echo", unrestricted=True)
    with pytest.raises(HttpFailure, match="disallowed IP"):
        await world.ask("echo", unrestricted=False)


@pytest.mark.parametrize(
    "url", ["http://a..b/", "http://" + "a" * 300 + "/", "http:///x", "http://", "http://user:secret@127.0.0.1:1/?secret"]
)  # fmt: skip
async def test_what_cannot_be_asked_is_a_failure_without_secrets(world: World, url: str) -> None:
    with pytest.raises(HttpFailure) as caught:
        await world.ask(url)
    assert "secret" not in str(caught.value)


async def test_closing_twice_is_fine_and_a_closed_transport_opens_again(world: World) -> None:
    transport = AiohttpTransport()
    await transport.close()
    await transport.request(HttpRequest(method="GET", url=world.base + "echo", unrestricted=True))
    await transport.close()
    await transport.close()


PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
NOT_PUBLIC = [
    "0.0.0.0", "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "::127.0.0.1", "::ffff:0:7f00:1", "fec0::1", "4000::1", "2002:7f00:1::1", "2001::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_these_addresses_are_for_everyone(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_these_are_not(address: str) -> None:
    assert not is_public(address)
