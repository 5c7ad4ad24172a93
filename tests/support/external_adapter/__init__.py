"""A real external adapter, on the framework that its operators use, as a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from adyton.dev import processes
from adyton.dev.node_process import free_port
from adyton.dev.tools import MODULES
from adyton.dev.waiting import until
from adyton.dev.world import Real

HERE = Path(__file__).parent


class ExternalAdapter:
    """A client of the adapter."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def ask(self, **data: Any) -> Any:
        """What it answers to a request."""
        async with httpx.AsyncClient(timeout=20) as client:
            return (await client.post(self.url, json={"id": "1", "data": data})).json()

    async def settle(self, token: str) -> list[int]:
        """Let it send its late answers, all of them again; the statuses with which they were taken."""
        statuses: list[int] = (await self.ask(endpoint="settle", token=token))["data"]["result"]
        return statuses


@asynccontextmanager
async def external_adapter(directory: Path, real: Real) -> AsyncIterator[ExternalAdapter]:
    """Start it; it is gone afterwards."""
    # `make setup` puts Node.js beside the interpreter where the machine has none.
    program = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    assert program is not None, "this story needs Node.js: run 'make setup'"
    port = await free_port()
    settings = {"EA_PORT": str(port), "EA_HOST": "127.0.0.1", "METRICS_ENABLED": "false", "NODE_PATH": str(MODULES)}
    child = await processes.start(
        "external adapter",
        [program, str(HERE / "adapter.js")],
        log=directory / "external-adapter.log",
        environment={"PATH": os.environ["PATH"], "HOME": str(directory), **settings},
    )
    adapter = ExternalAdapter(f"http://127.0.0.1:{port}/")

    async def serves() -> bool | None:
        assert child.exit_status is None, child.output()
        try:
            return "data" in await adapter.ask(base="ETH") or None
        except httpx.TransportError:
            return None

    try:
        await until("the external adapter serves", serves, clock=real.clock, seconds=40)
        yield adapter
    finally:
        await child.stop()
