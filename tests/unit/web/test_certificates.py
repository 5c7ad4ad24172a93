"""The certificate that is served: replaced while the server runs, kept when the new one is bad."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from adyton.domain.certificates import expiry
from adyton.domain.errors import Refused
from adyton.services.edge import Edge
from adyton.sim.loop import run
from adyton.system.clock import SystemClock
from adyton.web.certificates import Certificates
from adyton.web.listeners import Listener, Tls
from adyton.web.server import serve
from adyton.web.settings import WebSettings
from support.middle import says_what_arrives
from support.raw import becomes

FILES = Path(__file__).parents[2] / "support" / "tls"
HERE = "127.0.0.1"


def placed(directory: Path, name: str = "localhost", *, key: str = "") -> Tls:
    """A pair where the node looks for it, moved there as tools do that renew certificates."""
    files = Tls(directory / "server.crt", directory / "server.key")
    for source, to in ((f"{name}.crt", files.certificate), (f"{key or name}.key", files.key)):
        beside = to.with_suffix(".new")
        shutil.copyfile(FILES / source, beside)
        beside.chmod(0o600)
        beside.replace(to)
    return files


async def shown(port: int, *, name: str | None = "localhost", **bounds: ssl.TLSVersion) -> str:
    """Which certificate a client gets; a client without ``name`` names no host."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    for bound, version in bounds.items():
        setattr(trust, bound, version)
    _, writer = await asyncio.open_connection(HERE, port, ssl=trust, server_hostname=name or "")
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    for known in ("localhost", "other"):
        if ssl.PEM_cert_to_DER_cert((FILES / f"{known}.crt").read_text()) == der:
            return known
    raise AssertionError


@asynccontextmanager
async def serving(files: Tls, edge: Edge, interval: float = 0.01) -> AsyncIterator[int]:
    ports: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
    settings = WebSettings(certificate_interval=interval)
    server = asyncio.create_task(
        serve(says_what_arrives, [Listener(HERE, 0, files)], clock=SystemClock(), settings=settings, edge=edge,
              listening=ports.set_result, grace=0.1)
    )  # fmt: skip
    try:
        yield (await ports)[0]
    finally:
        server.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server


@pytest.mark.parametrize("name", ["localhost", None])
async def test_a_new_pair_serves_without_a_restart_also_of_another_kind_of_key(tmp_path: Path, name: str | None) -> None:
    edge = Edge()
    async with serving(placed(tmp_path), edge) as port:
        assert await shown(port, name=name) == "localhost"
        before = edge.certificate
        placed(tmp_path, "other")
        await becomes("another certificate is served", lambda: edge.certificate != before)
        assert await shown(port, name=name) == "other"


async def test_a_bad_pair_keeps_the_old_one_and_says_so(tmp_path: Path) -> None:
    edge = Edge()
    files = placed(tmp_path)
    held = Certificates(files, edge)
    with structlog.testing.capture_logs() as lines:
        placed(tmp_path, "other", key="localhost")
        await held.look()
        await held.look()
    assert edge.certificate is not None
    assert "cannot be used" in edge.certificate.problem
    assert edge.certificate.expires == expiry((FILES / "localhost.crt").read_text())
    assert [line["log_level"] for line in lines] == ["error"]

    placed(tmp_path, "other")
    await held.look()
    assert edge.certificate.problem == ""
    assert edge.certificate.expires == expiry((FILES / "other.crt").read_text())


async def test_files_that_are_gone_for_a_moment_change_nothing(tmp_path: Path) -> None:
    edge = Edge()
    files = placed(tmp_path)
    held = Certificates(files, edge)
    files.key.unlink()
    await held.look()
    assert edge.certificate is not None
    assert edge.certificate.problem
    placed(tmp_path)
    await held.look()
    assert edge.certificate.problem == ""


async def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    async with serving(placed(tmp_path), Edge()) as port:
        assert await shown(port, maximum_version=ssl.TLSVersion.TLSv1_2) == "localhost"
        assert await shown(port, minimum_version=ssl.TLSVersion.TLSv1_3) == "localhost"
        with pytest.raises((ssl.SSLError, ConnectionError)), pytest.warns(DeprecationWarning, match="TLSv1"):
            await shown(port, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_an_encrypted_key_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    files = placed(tmp_path)
    files.key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(Refused, match="cannot be used") as refusal:
        Certificates(files, Edge())
    assert refusal.value.error_code == "ADY-1006"


def test_a_key_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    files = placed(tmp_path)
    files.key.chmod(0o644)
    with structlog.testing.capture_logs() as lines:
        Certificates(files, Edge())
    assert [line["log_level"] for line in lines] == ["warning"]


def test_looks_are_an_interval_apart(tmp_path: Path) -> None:
    class Counting(Certificates):
        looks = 0

        async def look(self) -> None:
            self.looks += 1

    held = Counting(placed(tmp_path), Edge())

    async def watch() -> None:
        from adyton.sim.clock import SimulatedClock

        following = asyncio.create_task(held.follow(SimulatedClock(), 60.0))
        await asyncio.sleep(601)
        following.cancel()

    run(watch())
    assert held.looks == 10
