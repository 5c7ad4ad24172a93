"""The real HTTP client against a real server: limits, deadlines, and no way into the operator's network."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adyton import __version__
from adyton.domain.addresses import is_restricted
from adyton.domain.exchanges import Failure
from adyton.domain.proxies import Proxies
from adyton.ports import HttpFailure, HttpRequest, HttpResponse
from adyton.system import http as system_http
from adyton.system.http import AiohttpTransport

LIMIT = 1000


class World:
    """A server on the loopback interface and the transport that asks it."""

    def __init__(self, server: TestServer, transport: AiohttpTransport) -> None:
        self.base = f"http://127.0.0.1:{server.port}/"
        self.port = server.port
        self._transport = transport

    async def ask(
        self,
        path: str,
        *,
        unrestricted: bool = True,
        timeout: float = 5,
        method: str = "GET",
        body: bytes | None = None,
        pooled: bool = True,
    ) -> HttpResponse:
        url = path if "://" in path else self.base + path
        asked = HttpRequest(
            method=method, url=url, body=body, limit=LIMIT, timeout=timeout, unrestricted=unrestricted, pooled=pooled
        )
        return await self._transport.request(asked)


async def echo(request: web.Request) -> web.Response:
    names = ",".join(sorted(request.headers))
    text = f"{request.method} {names} {request.headers['User-Agent']} {await request.text()}"
    return web.Response(text=text, headers={"Set-Cookie": "a=b"})


async def hop(request: web.Request) -> web.Response:
    left = int(request.match_info["left"])
    return web.Response(status=302, headers={"Location": f"/hop/{left - 1}"}) if left else web.Response(text="end")


async def to(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": request.query["url"]})


async def zipped(request: web.Request) -> web.Response:
    size = int(request.match_info["size"])
    return web.Response(body=gzip.compress(b"x" * size), headers={"Content-Encoding": "gzip"})


async def silence(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError("nothing ends the silence")


async def peer(request: web.Request) -> web.Response:
    assert request.transport is not None
    return web.Response(text=str(request.transport.get_extra_info("peername")))


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
    app.router.add_get("/peer", peer)
    app.router.add_get("/to", to)
    app.router.add_get("/exactly", fixed(body=b"x" * LIMIT))
    app.router.add_get("/over", fixed(500, b"x" * (LIMIT + 1)))
    app.router.add_get("/nowhere", fixed(302))
    app.router.add_get("/inside", fixed(302, Location="http://127.0.0.2/"))
    app.router.add_get("/toftp", fixed(302, Location="ftp://example.com/"))
    app.router.add_post("/kept", fixed(307, Location="/echo"))
    app.router.add_post("/dropped", fixed(303, Location="/echo"))
    server = TestServer(app, host="0.0.0.0")
    await server.start_server()
    async with AiohttpTransport() as transport:
        yield World(server, transport)
    await server.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("silence", Failure.TIMEOUT),
        ("over", Failure.TOO_LARGE),
        ("hop/99", Failure.REDIRECT),
        ("nowhere", Failure.REDIRECT),
        ("toftp", Failure.REDIRECT),
        ("http://127.0.0.1:1/", Failure.REFUSED),
        ("http://name.invalid/", Failure.DNS),
        ("https://127.0.0.1:{port}/echo", Failure.TLS),
    ],
)
async def test_a_failure_says_in_a_word_what_was_wrong(world: World, path: str, kind: Failure) -> None:
    with pytest.raises(HttpFailure) as caught:
        await world.ask(path.format(port=world.port), timeout=2 if path != "silence" else 0.05)
    assert caught.value.kind is kind


async def test_an_address_that_is_not_public_is_a_failure_of_its_own(world: World) -> None:
    with pytest.raises(HttpFailure) as caught:
        await world.ask("echo", unrestricted=False)
    assert caught.value.kind is Failure.FORBIDDEN


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"", Failure.CLOSED),
        (b"SSH-2.0-x\r\n", Failure.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", Failure.CLOSED),
    ],
)
async def test_who_speaks_no_http_or_hangs_up_is_told_apart(world: World, said: bytes, kind: Failure) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        with pytest.raises(HttpFailure) as caught:
            await world.ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert caught.value.kind is kind


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
    monkeypatch.setattr("adyton.system.http.is_restricted", lambda host: host != "127.0.0.1")
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


@pytest.mark.parametrize(("pooled", "connections"), [(True, 1), (False, 3)])
async def test_what_may_not_be_sent_twice_has_a_connection_of_its_own(world: World, pooled: bool, connections: int) -> None:
    assert len({(await world.ask("peer", pooled=pooled)).body for _ in range(3)}) == connections


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


# --- redirects to other origins --------------------------------------------------------------------------------------


async def told(request: web.Request) -> web.Response:
    shown = {name: request.headers[name] for name in ("Authorization", "X-Key", "X-Plain") if name in request.headers}
    return web.json_response({"method": request.method, "headers": shown, "body": await request.text()})


@asynccontextmanager
async def serving(*routes: tuple[str, str, Any]) -> AsyncIterator[TestServer]:
    app = web.Application()
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    server = TestServer(app)
    await server.start_server()
    try:
        yield server
    finally:
        await server.close()


HEADERS = (("Authorization", "Bearer hush"), ("X-Key", "hush"), ("X-Plain", "shown"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("elsewhere", [True, False], ids=["another origin", "the same"])
async def test_what_is_secret_does_not_follow_a_redirect_to_another_origin(status: int, elsewhere: bool) -> None:
    async with serving(("*", "/told", told)) as other, AiohttpTransport() as transport:

        async def away(request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": f"{other.make_url('/told') if elsewhere else '/told'}"})

        async with serving(("*", "/away", away), ("*", "/told", told)) as first:
            asked = HttpRequest(
                method="POST",
                url=str(first.make_url("/away")),
                headers=HEADERS,
                body=b"body",
                unrestricted=True,
                secret_headers=frozenset({"x-key"}),
            )
            body = (await transport.request(asked)).body.decode()
    assert ("hush" in body) is not elsewhere
    assert '"X-Plain": "shown"' in body
    kept = status in (307, 308)
    assert f'"method": "{"POST" if kept else "GET"}"' in body
    assert ('"body": "body"' in body) is kept


async def test_a_body_with_a_secret_is_not_sent_to_another_origin() -> None:
    reached: list[str] = []

    async def note(request: web.Request) -> web.Response:
        reached.append(await request.text())
        return web.Response()

    async with (
        serving(("*", "/told", note)) as other,
        serving(("*", "/away", fixed(307, Location=str(other.make_url("/told"))))) as first,
        AiohttpTransport() as transport,
    ):
        url = str(first.make_url("/away"))
        with pytest.raises(HttpFailure, match="to which a body with a secret is not sent"):
            await transport.request(HttpRequest(method="POST", url=url, body=b"hush", unrestricted=True, secret_body=True))
    assert reached == []


async def test_a_user_and_password_in_a_url_stay_with_its_origin() -> None:
    async with (
        serving(("*", "/told", told)) as other,
        serving(("*", "/away", fixed(302, Location=str(other.make_url("/told"))))) as first,
        AiohttpTransport() as transport,
    ):
        url = str(first.make_url("/away")).replace("http://", "http://user:hush@")
        answer = await transport.request(HttpRequest(method="GET", url=url, unrestricted=True))
    assert b'"headers": {}' in answer.body


@pytest.mark.parametrize(
    ("user", "header", "sent"),
    [
        ("user:p%C3%A4ss%40%E2%82%AC", None, f"Basic {base64.b64encode('user:päss@€'.encode()).decode()}"),
        ("user", None, "Basic dXNlcjo="),
        (":hush", None, "Basic Omh1c2g="),
        ("user:%ff", None, "Basic dXNlcjr/"),
        ("user:hush", "Bearer token", "Bearer token"),
    ],
)
@pytest.mark.parametrize("path", ["/told", "/away"], ids=["asked", "redirected"])
async def test_a_user_in_a_url_is_named_as_by_gos_client(user: str, header: str | None, sent: str, path: str) -> None:
    headers = () if header is None else (("authorization", header),)
    async with (
        serving(("*", "/told", told), ("*", "/away", fixed(302, Location="told"))) as server,
        AiohttpTransport() as transport,
    ):
        url = str(server.make_url(path)).replace("http://", f"http://{user}@")
        answer = await transport.request(HttpRequest(method="GET", url=url, headers=headers, unrestricted=True))
    told_headers = {name.lower(): value for name, value in json.loads(answer.body)["headers"].items()}
    assert told_headers == {"authorization": sent}


# --- the guard, in every spelling ------------------------------------------------------------------------------------

FORBIDDEN = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::1]",
    "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[::ffff:169.254.169.254]", "[fd00:ec2::254]",
    "10.0.0.1", "100.64.0.1", "[fe80::1]", "localhost",
]  # fmt: skip


PUBLIC_HERE = "127.0.0.7"


@pytest.mark.parametrize("host", FORBIDDEN)
@pytest.mark.parametrize("redirected", [False, True], ids=["asked", "redirected"])
async def test_the_address_that_is_connected_to_counts(
    world: World, host: str, redirected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever resolves the spelling, and whatever it resolves to here, no connection is made."""
    opened: list[str] = []
    real = system_http._any_socket

    def note(address: Any) -> socket.socket:
        opened.append(str(address[4][0]))
        return real(address)

    monkeypatch.setattr(system_http, "_any_socket", note)
    url = f"http://{host}:{world.port}/echo"
    if redirected:  # by a server of which the guard is told that it is public
        monkeypatch.setattr(system_http, "is_restricted", lambda ip: ip != PUBLIC_HERE and is_restricted(ip))
        url = f"http://{PUBLIC_HERE}:{world.port}/to?url={quote(url)}"
    with pytest.raises(HttpFailure) as caught:
        await world.ask(url, unrestricted=False)
    assert opened == ([PUBLIC_HERE] if redirected else [])
    assert not caught.value.retriable or "cannot be" in str(caught.value)


async def test_a_name_that_changes_its_address_between_two_requests_is_checked_each_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer of the name server is the address of this machine."""
    answers = iter(["8.8.8.8", "127.0.0.1"])
    tried: list[str] = []

    def resolve(host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def refuse(address: Any) -> socket.socket:
        tried.append(address[4][0])
        raise OSError(111, "Connection refused")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr("adyton.system.http._any_socket", refuse)
    transport = AiohttpTransport()
    for expected in ("Connection refused", r"disallowed IP 127\.0\.0\.1"):
        with pytest.raises(HttpFailure, match=expected):
            await transport.request(HttpRequest(method="GET", url=f"http://rebind.example:{world.port}/"))
        await transport.close()  # and with it what it remembers of names
    assert tried == ["8.8.8.8"]


async def test_a_refusal_names_what_would_be_allowed(world: World) -> None:
    with pytest.raises(HttpFailure) as caught:
        await world.ask("echo", unrestricted=False)
    for name in (
        "disallowed IP 127.0.0.1",
        "httpgetwithunrestrictednetworkaccess",
        "httppostwithunrestrictednetworkaccess",
        "DEFAULT_HTTP_ALLOW_UNRESTRICTED_NETWORK_ACCESS",
    ):
        assert name in str(caught.value)


# --- proxies ---------------------------------------------------------------------------------------------------------


class Proxy:
    """An HTTP proxy that notes what it is asked and answers itself."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = b"200 OK"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.decode())
        writer.write(b"HTTP/1.1 " + self.status + b"\r\nContent-Length: 7\r\nConnection: close\r\n\r\nproxied")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def proxied(no_proxy: str = "", user: str = "") -> AsyncIterator[tuple[Proxy, AiohttpTransport]]:
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    url = f"http://{user}127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, AiohttpTransport(Proxies(http=url, https=url, no_proxy=no_proxy)) as transport:
        yield proxy, transport


async def ask(transport: AiohttpTransport, url: str, *, unrestricted: bool = False) -> HttpResponse:
    return await transport.request(HttpRequest(method="GET", url=url, unrestricted=unrestricted, timeout=5))


async def test_a_public_source_is_asked_through_the_proxy_with_the_proxys_password() -> None:
    async with proxied(user="me:hush@") as (proxy, transport):
        assert (await ask(transport, "http://8.8.8.8/price?a=1")).body == b"proxied"
    [head] = proxy.asked
    assert head.startswith("GET http://8.8.8.8/price?a=1 HTTP/1.1")
    assert "Proxy-Authorization: Basic bWU6aHVzaA==" in head


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe", "[fd00:ec2::254]", "[::]"])
async def test_behind_a_proxy_what_a_name_means_here_is_checked_first(host: str) -> None:
    async with proxied() as (proxy, transport):
        with pytest.raises(HttpFailure, match="disallowed IP"):
            await ask(transport, f"http://{host}/")
        assert proxy.asked == []
        assert (await ask(transport, f"http://{host}/", unrestricted=True)).body == b"proxied"


async def test_behind_a_proxy_one_address_of_a_name_that_is_not_public_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxied() as (proxy, transport):
        loop = asyncio.get_running_loop()

        async def resolve(*_: object, **__: object) -> list[object]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 80)) for host in ("8.8.8.8", "10.0.0.1")]

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        with pytest.raises(HttpFailure, match=r"disallowed IP 10\.0\.0\.1"):
            await ask(transport, "http://mixed.example/")
    assert proxy.asked == []


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.0.0.1:1/", "http://[::1]:1/"])
async def test_this_machine_is_never_asked_through_a_proxy(url: str) -> None:
    async with proxied() as (proxy, transport):
        for unrestricted in (True, False):
            with pytest.raises(HttpFailure):
                await ask(transport, url, unrestricted=unrestricted)
    assert proxy.asked == []


async def test_a_proxy_that_refuses_or_is_not_there_is_a_failure_without_its_password() -> None:
    async with proxied(user="me:hush@") as (proxy, transport):
        proxy.status = b"403 Forbidden"
        with pytest.raises(HttpFailure, match="the proxy refuses with status 403") as refused:
            await ask(transport, "https://8.8.8.8/")
    assert "CONNECT 8.8.8.8:443" in proxy.asked[0]
    async with AiohttpTransport(Proxies(http="http://me:hush@127.0.0.1:1")) as transport:
        with pytest.raises(HttpFailure, match="the proxy cannot be reached") as absent:
            await ask(transport, "http://8.8.8.8/")
    assert "hush" not in f"{refused.value} {absent.value}"


async def test_what_is_excepted_is_asked_directly_and_guarded(world: World) -> None:
    async with proxied(no_proxy="10.0.0.0/8,.internal") as (proxy, transport):
        with pytest.raises(HttpFailure, match="disallowed IP"):
            await ask(transport, "http://10.1.2.3/")
    assert proxy.asked == []
