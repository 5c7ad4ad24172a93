"""The server on real sockets of this machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from adyton.config import Config
from adyton.domain.errors import Invalid, Refused
from adyton.system.clock import SystemClock
from adyton.web import protocol
from adyton.web.listeners import Listener, Tls, bind
from adyton.web.server import serve
from adyton.web.settings import WebSettings, listeners
from support.api import PATIENT, Api

FILES = Path(__file__).parents[2] / "support" / "tls"
TLS = Tls(FILES / "localhost.crt", FILES / "localhost.key")
HERE = "127.0.0.1"


@asynccontextmanager
async def served(api: Api, *where: Listener) -> AsyncIterator[Sequence[int]]:
    """The ports of a server that is up; it is cancelled at the end."""
    ports: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(api.app, where, clock=SystemClock(), settings=PATIENT, grace=1.0, listening=ports.set_result)
    )
    try:
        yield await ports
    finally:
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving


async def test_the_api_is_served_until_the_server_is_cancelled(api: Api) -> None:
    async with served(api, Listener(HERE, 0)) as (port,), httpx.AsyncClient() as client:
        response = await client.get(f"http://{HERE}:{port}/readyz")
        assert response.status_code == 200
        assert "server" not in response.headers
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HERE, port)


async def test_https_is_served_beside_http(api: Api) -> None:
    trusted = ssl.create_default_context(cafile=TLS.certificate)
    async with (
        served(api, Listener(HERE, 0), Listener(HERE, 0, TLS)) as (plain, safe),
        httpx.AsyncClient(verify=trusted) as client,
    ):
        assert (await client.get(f"http://{HERE}:{plain}/readyz")).status_code == 200
        assert (await client.get(f"https://localhost:{safe}/readyz")).status_code == 200


async def test_a_refused_body_closes_the_connection(api: Api) -> None:
    async with served(api, Listener(HERE, 0)) as (port,):
        reader, writer = await asyncio.open_connection(HERE, port)
        writer.write(b"POST /sessions HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_bytes_that_are_no_http_are_refused(api: Api) -> None:
    async with served(api, Listener(HERE, 0)) as (port,):
        reader, writer = await asyncio.open_connection(HERE, port)
        writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("said", [b"", b"GET /readyz HTTP/1.1\r\nhost:", b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\nGET /re"])
async def test_a_connection_that_does_not_finish_its_question_is_closed(
    api: Api, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    async with served(api, Listener(HERE, 0)) as (port,):
        reader, writer = await asyncio.open_connection(HERE, port)
        writer.write(said)
        answers = await reader.read()
        writer.close()
    assert answers.count(b"HTTP/1.1 200 OK") == said.count(b"\r\n\r\n")


async def test_a_request_may_take_longer_than_its_head(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.02)
    async with served(api, Listener(HERE, 0)) as (port,):
        reader, writer = await asyncio.open_connection(HERE, port)
        writer.write(b"POST /sessions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        writer.write(b"[]")
        answer = await reader.readline()
        writer.close()
    assert answer == b"HTTP/1.1 400 Bad Request\r\n"


async def test_a_head_without_end_is_refused(api: Api) -> None:
    async with served(api, Listener(HERE, 0)) as (port,):
        reader, writer = await asyncio.open_connection(HERE, port)
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * (protocol.HEAD_BYTES + (1 << 19)))
        answer = await reader.readline()
        writer.close()
    assert answer == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


async def test_a_request_that_outlasts_the_grace_is_told_that_the_node_stops(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(api, Listener(HERE, 0)) as (port,):
        reader, writer = await asyncio.open_connection(HERE, port)
        writer.write(b"POST /sessions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    answer = await reader.readline()
    writer.close()
    assert answer == b"HTTP/1.1 503 Service Unavailable\r\n"
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_taken_port_is_refused_by_the_name_of_its_setting(api: Api) -> None:
    with bind(Listener(HERE, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            Refused, match=rf"CHAINLINK_PORT = {port}, CHAINLINK_LISTEN_IP = 127.0.0.1: cannot listen there \(Addr"
        ):
            await serve(api.app, [Listener(HERE, 0), Listener(HERE, port)], clock=SystemClock(), settings=PATIENT)


async def test_a_certificate_that_cannot_be_used_is_refused(api: Api, tmp_path: Path) -> None:
    broken = tmp_path / "server.crt"
    broken.write_text("no certificate")
    with pytest.raises(Refused, match=r"TLS_CERT_PATH = .*server.crt.*cannot be used"):
        await serve(api.app, [Listener(HERE, 0, Tls(broken, TLS.key))], clock=SystemClock(), settings=PATIENT)


def config(root: Path, **settings: str) -> Config:
    return Config.load({"ROOT": str(root), **settings})


def with_files(root: Path) -> Path:
    (root / "tls").mkdir()
    (root / "tls" / "server.crt").write_bytes(TLS.certificate.read_bytes())
    (root / "tls" / "server.key").write_bytes(TLS.key.read_bytes())
    return root


def test_without_a_certificate_only_http_is_served(tmp_path: Path) -> None:
    assert listeners(config(tmp_path)) == (Listener("", 6688),)


def test_with_a_certificate_https_is_served_too(tmp_path: Path) -> None:
    files = Tls(tmp_path / "tls" / "server.crt", tmp_path / "tls" / "server.key")
    assert listeners(config(with_files(tmp_path))) == (Listener("", 6688), Listener("", 6689, files))


def test_a_tls_port_of_zero_turns_https_off(tmp_path: Path) -> None:
    assert listeners(config(with_files(tmp_path), CHAINLINK_TLS_PORT="0")) == (Listener("", 6688),)


def test_something_must_be_listened_on(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="You must specify at least one port to listen on"):
        listeners(config(tmp_path, CHAINLINK_PORT="0", CLIENT_NODE_URL="http://localhost:1"))


@pytest.mark.parametrize(("redirect", "port"), [("true", 6689), ("false", None)])
def test_plain_requests_are_redirected_only_when_asked(tmp_path: Path, redirect: str, port: int | None) -> None:
    settings = WebSettings.from_config(config(with_files(tmp_path), CHAINLINK_TLS_REDIRECT=redirect))
    assert settings.redirect_to_tls == port


def test_a_redirect_without_a_certificate_would_lead_nowhere(tmp_path: Path) -> None:
    assert WebSettings.from_config(config(tmp_path, CHAINLINK_TLS_REDIRECT="true")).redirect_to_tls is None


def test_one_address_is_listened_on_when_it_is_said(tmp_path: Path) -> None:
    assert listeners(config(tmp_path, CHAINLINK_LISTEN_IP="127.0.0.1")) == (Listener("127.0.0.1", 6688),)
    with pytest.raises(Invalid, match="CHAINLINK_LISTEN_IP"):
        config(tmp_path, CHAINLINK_LISTEN_IP="localhost")


def test_every_address_of_ipv6_is_every_address_of_ipv4_too() -> None:
    with bind(Listener("::", 0)) as bound, socket.create_connection((HERE, bound.getsockname()[1])) as connected:
        assert connected.getpeername()[0] == HERE


def test_what_an_operator_sets_is_what_the_server_does(tmp_path: Path) -> None:
    settings = WebSettings.from_config(
        config(
            tmp_path,
            ALLOWED_HOSTS="Oracle.example,node:6688",
            TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1",
            HSTS_MAX_AGE="1h",
            TLS_RELOAD_INTERVAL="5s",
            HTTP_SERVER_WRITE_TIMEOUT="9s",
            HTTP_SERVER_CONNECTIONS="70",
            HTTP_SERVER_CONNECTIONS_PER_ADDRESS="50",
            BRIDGE_RESPONSE_URL="https://bridge.example",
        )
    )
    assert settings.allowed_hosts == ("oracle.example", "node:6688")
    assert settings.trusted_proxies == ("10.0.0.0/8", "192.0.2.1")
    assert (settings.hsts, settings.certificate_interval, settings.answer_seconds) == (3600, 5.0, 9.0)
    assert (settings.connections, settings.connections_per_address) == (70, 50)
    assert settings.bridge_response_url == "https://bridge.example"
