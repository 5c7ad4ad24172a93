"""The real node as a child process, started as an operator starts it: ``adyton node start -p FILE -a FILE``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from adyton.dev import processes
from adyton.dev.api import NodeApi
from adyton.dev.processes import Child
from adyton.dev.waiting import until
from adyton.domain.errors import AdytonError
from adyton.ports import Clock, HttpFailure, HttpTransport

EMAIL = "dev@adyton.local"


class NodeEnded(AdytonError):
    """The node's process ended by itself; the message has its exit status and last words."""

    usual = "ADY-1262"


class Secrets(msgspec.Struct, frozen=True):
    """What the node is started with: the API user's password and the keystore's."""

    password: str
    keystore: str
    email: str = EMAIL


class NodeProcess:
    """A node in a directory of its own; it may be stopped, killed and started again there."""

    def __init__(self, child: Child, api: NodeApi, root: Path) -> None:
        self.child = child
        self.api = api
        self.root = root

    def last_words(self, count: int = 15) -> str:
        """The end of its output."""
        return "\n".join(self.child.last_lines(count))

    async def stop(self) -> int:
        """Stop it as an operator does, and return its exit status."""
        return await self.child.stop()

    async def kill(self) -> int:
        """``kill -9``."""
        return await self.child.kill()


def environment(root: Path, *, port: int, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a node that is alone with this world: nothing of the caller's settings gets in."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR", "TZ") if name in os.environ}
    local = {
        "ROOT": str(root),
        "CHAINLINK_PORT": str(port),
        "CHAINLINK_TLS_PORT": "0",
        "SECURE_COOKIES": "false",
        "DEFAULT_HTTP_ALLOW_UNRESTRICTED_NETWORK_ACCESS": "true",  # the price source is on this machine
    }
    return kept | local | dict(settings)


async def launch(root: Path, secrets: Secrets, *, port: int, settings: Mapping[str, str]) -> Child:
    """Start the process without waiting for it to serve. ``root`` is made if it is missing."""
    files = write_files(root, secrets)
    command = [sys.executable, "-m", "adyton", "node", "start", *files]
    return await processes.start(
        "node", command, log=root / "output.log", environment=environment(root, port=port, settings=settings)
    )


async def start_node(
    root: Path,
    secrets: Secrets,
    *,
    settings: Mapping[str, str],
    http: HttpTransport,
    clock: Clock,
    port: int = 0,
    seconds: float = 20.0,
) -> NodeProcess:
    """Start a node, wait until its API serves, and log in. Port 0 chooses a free one. Raises NodeEnded."""
    port = port or await free_port()
    child = await launch(root, secrets, port=port, settings=settings)
    api = NodeApi(f"http://127.0.0.1:{port}", http)

    async def serves() -> bool | None:
        if child.exit_status is not None:
            last = "\n".join(child.last_lines())
            raise NodeEnded(f"the node ended with status {child.exit_status}:\n{last}")
        try:
            return await api.ready() or None
        except HttpFailure:
            return None

    try:
        await until("the node's API serves", serves, clock=clock, seconds=seconds)
        await api.login(secrets.email, secrets.password)
    except BaseException:
        await child.kill()
        raise
    return NodeProcess(child, api, root)


async def free_port() -> int:
    """A port that was free a moment ago."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def write_files(root: Path, secrets: Secrets) -> list[str]:
    """Make the directory and its two files of secrets; returns the options that name them."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    password = _secret_file(root / "password.txt", secrets.keystore)
    api = _secret_file(root / "apicredentials", f"{secrets.email}\n{secrets.password}")
    return ["--password", str(password), "--api", str(api)]


def _secret_file(path: Path, content: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(content + "\n")
    return path
