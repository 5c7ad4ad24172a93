"""A real local chain for tests, and the real clock, chance and HTTP that go with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from adyton.dev.chain import LocalChain
from adyton.dev.fault_proxy import FaultProxy
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


@asynccontextmanager
async def a_line_to(chain: LocalChain, *, mended: bool = True) -> AsyncIterator[FaultProxy]:
    """A line to a chain, cut afterwards. Not mended: it has a port, at which nothing listens yet."""
    async with FaultProxy(chain.port, clock=SystemClock()) as line:
        if not mended:
            await line.cut()
        yield line
