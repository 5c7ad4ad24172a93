"""What the measurements share: a node on a throw-away directory, with a chain that answers from memory or not at all."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvloop
from coincurve import PrivateKey

from adyton import __version__
from adyton.config import Config
from adyton.keystore import Keystore
from adyton.node import Node, build
from adyton.ports import ConnectionLost, RpcTransport
from adyton.storage.connect import open_database
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.http import AiohttpTransport

Answer = Callable[[str, list[Any]], bytes]
"""The JSON text of a call's result, from its method and params."""


class NoChain:
    """A transport to an Ethereum node that is not there."""

    async def open(self, url: str) -> ScriptedSocket:
        """Fail."""
        raise ConnectionLost(f"{url}: there is no chain in this measurement")


class ScriptedChain:
    """An Ethereum node that answers from memory: what is measured is everything on this side of the wire."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def open(self, url: str) -> ScriptedSocket:  # noqa: ARG002 - the port's signature
        """A connection."""
        return ScriptedSocket(self._answer)


class ScriptedSocket:
    """One connection to a scripted chain."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(self, text: bytes) -> None:
        """Answer at once."""
        asked = msgspec.json.decode(text)
        if isinstance(asked, list):
            self._answers.put_nowait(b"[" + b",".join(self._one(call) for call in asked) + b"]")
        else:
            self._answers.put_nowait(self._one(asked))

    def _one(self, call: dict[str, Any]) -> bytes:
        return b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (call["id"], self._answer(call["method"], call.get("params", [])))

    async def receive(self) -> bytes:
        """The next answer."""
        return await self._answers.get()

    async def close(self) -> None:
        """Nothing to close."""


@asynccontextmanager
async def open_node(
    *, database_url: str = "", chain: RpcTransport | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Node]:
    """A node that is built but not running, on a directory beside this file's checkout (a real disk), gone afterwards."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40), cache_logger_on_first_use=True)
    root = Path(tempfile.mkdtemp(prefix=".bench-", dir=Path(__file__).parent))
    clock = SystemClock()
    database = await open_database(database_url, root=root, lock_timeout=5, clock=clock, version=__version__)
    try:
        async with AiohttpTransport() as http:
            yield await build(
                Config.load({"ROOT": str(root), "ETH_CHAIN_ID": "1337", **(settings or {})}),
                clock=clock,
                entropy=SystemEntropy(),
                rpc_transport=chain or NoChain(),
                http_transport=http,
                database=database,
                keystore=Keystore([PrivateKey(b"\x46" * 32)]),
            )
    finally:
        await database.close()
        shutil.rmtree(root)


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[None]:
    """The node at work."""
    task = asyncio.create_task(node.run())
    try:
        yield
    finally:
        if task.done():
            task.result()  # the node ended by itself: say why
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Return when the condition holds; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


def figure(name: str, value: float, unit: str, target: str = "") -> None:
    """Print one figure."""
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    print(f"  {name:<64} {shown:>12} {unit:<8} {target}", flush=True)


def timed() -> Callable[[], float]:
    """Seconds since this call."""
    began = time.perf_counter()
    return lambda: time.perf_counter() - began


def main(measure: Callable[[], Any]) -> None:
    """Run a measurement under the loop that the node uses."""
    uvloop.run(measure())
