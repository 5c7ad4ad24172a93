"""What the measurements of the whole node share: anvil, the official contracts, a price source, the node as a process of its
own, and requests by the hundred."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from adyton.dev import contracts as dev
from adyton.dev.chain import LocalChain
from adyton.ledger.account import Account
from adyton.ports import HttpRequest

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.anvil import start_anvil, the_real_world
from support.contracts import World, deploy_world

BATCH = 200
GAS = hex(400_000)
ROOMY = ("--gas-limit", "1000000000", "--order", "fifo", "--block-base-fee-per-gas", "0")
"""A chain that is not what limits: big blocks, transactions in the order of their arrival, no base fee."""


class Crowd:
    """Requesters: every request is a payment to the oracle contract with the question inside, and many go in one message."""

    def __init__(self, place: World) -> None:
        self._place = place
        self._nonces = itertools.count(1_000_000)
        self.asked = 0

    async def ask(self, count: int) -> None:
        """Send ``count`` requests to the chain's pool."""
        contracts = self._place.contracts
        # The chain works on a message's calls side by side, so it cannot number them itself.
        nonce = int(await self._place.chain.rpc("eth_getTransactionCount", contracts.owner, "pending"), 16)
        for begin in range(0, count, BATCH):
            transactions = []
            for number in range(min(BATCH, count - begin)):
                # Not announced to the consumer, which then refuses the callback: the answer costs the node the same.
                *_, pay = dev.calls(contracts, self._place.job_id, {"path": ["USD"], "times": 100}, nonce=next(self._nonces))
                transactions.append({"from": contracts.owner, "gas": GAS, "nonce": hex(nonce + begin + number), **pay})
            await self._batch(transactions)
        self.asked += count

    async def _batch(self, transactions: Iterable[Mapping[str, str]]) -> None:
        calls = [
            {"jsonrpc": "2.0", "id": number, "method": "eth_sendTransaction", "params": [each]}
            for number, each in enumerate(transactions)
        ]
        answer = await self._place.real.http.request(
            HttpRequest(
                method="POST",
                url=self._place.chain.url,
                headers=(("Content-Type", "application/json"),),
                body=json.dumps(calls).encode(),
                limit=16 * 1024 * 1024,
                timeout=60,
                unrestricted=True,
            )
        )
        refused = [each["error"] for each in json.loads(answer.body) if "error" in each]
        assert not refused, refused[0]

    async def answered(self) -> int:
        """How many transactions of the node are in blocks."""
        return await self._place.sent("latest")


@asynccontextmanager
async def whole_world(*arguments: str) -> AsyncIterator[World]:
    """A roomy chain with the official contracts and a price source, beside this file's checkout (a real disk)."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40), cache_logger_on_first_use=True)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as directory:
        root = Path(directory)
        async with (
            the_real_world() as real,
            start_anvil(root, arguments=(*ROOMY, *arguments)) as chain,
            deploy_world(chain, real, root / "node") as place,
        ):
            yield place


async def until(probe: Callable[[], Awaitable[bool]], seconds: float = 120.0, every: float = 0.02) -> None:
    """Return when an asynchronous probe says so; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await probe():
            await asyncio.sleep(every)


def verdict(account: Account) -> None:
    """What the ledger says, bad numbers included."""
    ends = ", ".join(f"{count:,} {end}" for end, count in account.ends.items())
    print(f"  ledger: {account.requests:,} requests, {ends}; {account.reverted:,} reverted; {len(account.findings)} findings")
    for finding in account.findings[:5]:
        print(f"    {finding.kind}: {finding.subject}: {finding.words}")


async def height_is_mined(chain: LocalChain, blocks: int) -> None:
    """Add blocks one after the other, so that each is announced."""
    for _ in range(blocks):
        await chain.mine()
