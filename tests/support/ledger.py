"""The ledger, drawn up inside a test: from the chain and the database, never from the node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adyton.dev.chain import LocalChain
from adyton.ethereum.client import Chain
from adyton.ethereum.rpc import RpcClient
from adyton.ledger.account import Account, text
from adyton.ledger.draw_up import draw_up
from adyton.ledger.ends import Rules
from adyton.ledger.line import connected
from adyton.storage.snapshot import open_snapshot
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.websocket import WebsocketTransport


@asynccontextmanager
async def connect(chain: LocalChain) -> AsyncIterator[RpcClient]:
    """A connection of the test's own."""
    rpc = RpcClient(
        transport=WebsocketTransport(),
        url=chain.websocket,
        clock=SystemClock(),
        entropy=SystemEntropy(),
        expected_chain_id=None,
    )
    async with connected(rpc):
        yield rpc


async def ledger(
    chain: LocalChain, root: Path, *, link: str, database_url: str = "", quiet: bool = True, first: int | None = None
) -> Account:
    """The account of everything since the node's first row. ``quiet``: nothing may be open any more."""
    rules = Rules(now=SystemClock().now(), grace=3, quiet=quiet)
    async with open_snapshot(database_url, root=root) as rows, connect(chain) as rpc:
        return await draw_up(rows, Chain(rpc), rules, link=link, first=first)


async def unfinished(root: Path, *, database_url: str = "") -> tuple[int, int, int]:
    """How many requests the database knows, and how many runs and transactions of it are open."""
    async with open_snapshot(database_url, root=root) as rows:
        [(requests,)] = await rows.read("SELECT COUNT(*) FROM requests")
        [(runs,)] = await rows.read("SELECT COUNT(*) FROM runs WHERE finished_at IS NULL AND superseded_by IS NULL")
        [(transactions,)] = await rows.read("SELECT COUNT(*) FROM transactions WHERE state NOT IN ('safe', 'fatal_error')")
    return int(requests or 0), int(runs or 0), int(transactions or 0)


def check(account: Account) -> Account:
    """The account, if nothing was found; its text is the failure otherwise."""
    assert account.sound, text(account)
    assert account.unchecked == (), text(account)
    return account
