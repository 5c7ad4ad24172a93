"""The client and the head tracker against a real local chain, where the checkout has one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adyton.domain.chain import LogFilter
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState, HeadTracker
from adyton.ethereum.rpc import RpcClient
from adyton.metrics import Metrics
from adyton.storage import heads as stored
from adyton.storage.connect import open_memory
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.rpc import EthereumTransport
from support.scripted_rpc import running

ANVIL = Path(__file__).parents[3] / "tools" / "npm" / "node_modules" / ".bin" / "anvil"

pytestmark = pytest.mark.skipif(not ANVIL.exists(), reason="no anvil under tools/npm/node_modules: run make setup")


@asynccontextmanager
async def anvil(scheme: str) -> AsyncIterator[str]:
    """A chain of its own; gives its URL."""
    process = await asyncio.create_subprocess_exec(ANVIL, "--port", "0", stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            async for line in process.stdout:
                if found := re.search(rb"Listening on (127\.0\.0\.1:\d+)", line):
                    yield f"{scheme}://{found[1].decode()}"
                    break
    finally:
        process.terminate()
        await process.communicate()


async def until(tracker: HeadTracker, number: int, *, other_than: str = "") -> ChainState:
    async with asyncio.timeout(10):
        async for state in tracker.updates():
            if state.connected and state.head and state.head.number == number and state.head.hash != other_than:
                return state
    raise AssertionError


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_a_real_chain_is_followed_through_a_reorganisation_and_a_rewind(scheme: str) -> None:
    async with anvil(scheme) as url:
        clock, db = SystemClock(), open_memory()
        transport = EthereumTransport()
        rpc = RpcClient(transport=transport, url=url, clock=clock, entropy=SystemEntropy(), expected_chain_id=31337)
        chain = Chain(rpc)
        tracker = HeadTracker(rpc=rpc, chain=chain, db=db, clock=clock, metrics=Metrics(), finality_depth=50, stall=0.2)
        async with running(tracker.run, rpc.run):
            assert (await until(tracker, 0)).head == await chain.head(0)
            await rpc.call("anvil_mine", "0x8")
            before = await until(tracker, 8)
            assert before.head is not None
            await rpc.call("anvil_reorg", 3, [])
            after = await until(tracker, 8, other_than=before.head.hash)
            assert after.head is not None
            assert [head.hash for head in await stored.load(db)] == [
                head.hash for head in await chain.heads(range(9)) if head is not None
            ]
            await rpc.call("anvil_rollback", 2)
            await rpc.call("anvil_mine", "0x1")
            rewound = await until(tracker, 7)
            assert rewound.head is not None
            assert await tracker.canonical_hash(7) == rewound.head.hash
            assert await chain.logs(LogFilter(), 0, 7) == []
            assert await chain.receipts([rewound.head.hash] * 150) == [None] * 150
            with pytest.raises(RpcError):
                await chain.logs_in_block(LogFilter(), "0x" + "12" * 32)
        await db.close()
