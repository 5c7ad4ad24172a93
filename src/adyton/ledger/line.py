"""A connection to the chain for as long as an account takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adyton.domain.errors import Disconnected
from adyton.ethereum.rpc import RpcClient

SECONDS = 20.0
"""What connecting may take."""


@asynccontextmanager
async def connected(rpc: RpcClient) -> AsyncIterator[None]:
    """``rpc`` at work, and connected. Raises Disconnected, saying why, when it does not come to that."""
    working = asyncio.create_task(rpc.run(), name="rpc")
    try:
        async with asyncio.timeout(SECONDS):
            async for link in rpc.updates():
                if link.connected:
                    break
        yield
    except TimeoutError:
        raise Disconnected(
            f"no connection to the Ethereum node within {SECONDS:g} s: {rpc.problem or 'it is silent'}", code="ADY-1253"
        ) from None
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
