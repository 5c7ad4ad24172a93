"""A real local chain for tests, and the real clock, chance and HTTP that go with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from adyton.dev.chain import LocalChain
from adyton.dev.world import Real, running_chain
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.http import AiohttpTransport


@asynccontextmanager
async def the_real_world() -> AsyncIterator[Real]:
    """Real time, chance and HTTP, closed afterwards."""
    async with AiohttpTransport() as http:
        yield Real(clock=SystemClock(), entropy=SystemEntropy(), http=http)


@asynccontextmanager
async def start_anvil(directory: Path, **options: Any) -> AsyncIterator[LocalChain]:
    """A chain that mines a block for each transaction, gone afterwards. Options: ``port``, ``chain_id``, ``arguments``."""
    async with the_real_world() as real, running_chain(directory, real, **options) as chain:
        yield chain


class Line:
    """The line between a node and its chain: it can be cut and mended. Cut means that nothing listens at its port."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target = target_port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def websocket(self) -> str:
        """What to give to the node as ETH_URL."""
        return f"ws://127.0.0.1:{self.port}"

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in self._ends:
            end.transport.abort()
        if self._pumps:
            await asyncio.wait(self._pumps)
        self._ends.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._pumps.add(me)
        me.add_done_callback(self._pumps.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, far_writer}
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def a_line_to(chain: LocalChain, *, mended: bool = True) -> AsyncIterator[Line]:
    """A line to a chain, cut afterwards. Not mended: it has a port, at which nothing listens yet."""
    line = Line(chain.port)
    await line.mend()
    if not mended:
        await line.cut()
    try:
        yield line
    finally:
        await line.cut()
