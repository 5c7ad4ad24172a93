"""The official contracts on a chain, a price source, a real node, and a job: everything a story needs, put together."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adyton.dev import abi, world
from adyton.dev import contracts as on_chain
from adyton.dev.chain import LocalChain
from adyton.dev.contracts import Answer, Contracts
from adyton.dev.fault_proxy import FaultProxy
from adyton.dev.node_process import NodeProcess, Secrets, start_node
from adyton.dev.prices import PriceSource
from adyton.dev.waiting import TooLate, until
from adyton.dev.world import Real
from adyton.domain.errors import StorageUnavailable
from adyton.ledger.account import Account, text
from support.ledger import check, ledger, unfinished
from support.planted import secret

SECRETS = Secrets(password=secret("password of the API"), keystore=secret("password of the keystore"))
IN_CENTS = {"path": ["USD"], "times": 100}
SETTLED_INTERVAL = 0.1
FAST = {"INSECURE_FAST_SCRYPT": "true", "MAX_HTTP_ATTEMPTS": "1"}


@dataclass
class World:
    """A chain with contracts and a price source, on which nodes are started."""

    chain: LocalChain
    contracts: Contracts
    prices: PriceSource
    real: Real
    root: Path
    line: FaultProxy | None = None
    job_id: str = ""
    source: str = ""
    """The address that the job fetches, when it is not the price source's own."""
    database_url: str = ""
    _nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def settings(self, **settings: str) -> dict[str, str]:
        """What a node in this world is started with."""
        websocket = self.line.websocket if self.line else None
        database = {"DATABASE_URL": self.database_url} if self.database_url else {}
        return world.node_settings(self.chain, self.contracts, websocket=websocket) | FAST | database | settings

    async def node(self, *, settings: Mapping[str, str] | None = None, secrets: Secrets = SECRETS) -> NodeProcess:
        """Start a node, in the same directory each time; the caller stops it."""
        return await start_node(
            self.root, secrets, settings=self.settings(**(settings or {})), http=self.real.http, clock=self.real.clock
        )

    async def welcome(self, node: NodeProcess, *, ether: int = 10 * on_chain.ETHER) -> None:
        """Fund and permit the node's address and add the job."""
        await on_chain.welcome_node(self.chain, self.contracts, self.address(), ether=ether)
        self.job_id = await node.api.create_job(world.price_job(self.source or self.prices.url, self.contracts.oracle))

    def address(self) -> str:
        """The node's address, from its key file: the API knows it only while it has a chain."""
        [key] = (self.root / "keys").glob("*.json")
        return key.stem.lower()

    async def request(self, parameters: Mapping[str, Any] | None = None) -> str:
        """Ask for a price; returns the request's id."""
        nonce = next(self._nonces)
        return await on_chain.request(self.chain, self.contracts, self.job_id, parameters or IN_CENTS, nonce=nonce)

    async def send_request(self, parameters: Mapping[str, Any] | None = None) -> str:
        """Like ``request``, but nothing is waited for: a chain that mines only when told to keeps it waiting."""
        nonce = next(self._nonces)
        request_id = on_chain.request_id_of(self.contracts.owner, nonce)
        for call in on_chain.calls(self.contracts, self.job_id, parameters or IN_CENTS, nonce=nonce):
            await self.chain.rpc("eth_sendTransaction", {"from": self.contracts.owner, "gas": hex(1_000_000)} | call)
        return "0x" + request_id.hex()

    async def answer(self, request_id: str) -> Answer:
        """The answer to a request, waited for."""
        return await world.wait_for_answer(self.chain, self.contracts, request_id, clock=self.real.clock)

    async def answers(self) -> list[Answer]:
        """Every answer so far."""
        return await on_chain.answers(self.chain, self.contracts)

    async def run(self, node: NodeProcess, *statuses: str, request_id: str | None = None) -> dict[str, Any]:
        """The newest run (of a request), once it has one of the statuses."""
        return await world.wait_for_run(node, self.job_id, *statuses, clock=self.real.clock, request_id=request_id)

    async def sent(self, tag: str = "pending") -> int:
        """How many transactions the node's address has sent."""
        return int(await self.chain.rpc("eth_getTransactionCount", self.address(), tag), 16)

    async def until(self, what: str, probe: Any, *, seconds: float = 20.0) -> Any:
        """Wait until an asynchronous probe gives something."""
        return await until(what, probe, clock=self.real.clock, seconds=seconds)

    async def cancel(self, request_id: str) -> None:
        """Let the consumer take a request back; it reverts in a block earlier than five minutes after the request's."""
        logs = await self.chain.rpc("eth_getLogs", {"address": self.contracts.oracle, "fromBlock": "0x0"})
        data = next(log["data"] for log in logs if request_id[2:] == log["data"][66:130])
        expiration = int(data[2 + 64 * 5 : 2 + 64 * 6], 16)
        oracle, request = self.contracts.oracle, bytes.fromhex(request_id[2:])
        signature = "cancelRequest(address,bytes32,uint256,bytes4,uint256)"
        call = abi.call(signature, oracle, request, on_chain.LINK, on_chain.CALLBACK, expiration)
        await self.chain.send(self.contracts.owner, to=self.contracts.consumer, data=call)

    async def settled(self, requests: int, *, mine: bool = False, seconds: float = 60.0) -> Account:
        """The ledger once ``requests`` are known to the database and nothing is open any more. Fails with its text when it
        finds anything. ``mine``: a block for each look, so that confirmations come."""

        async def probe() -> bool | None:
            if mine:
                await self.chain.mine()
            try:
                known, runs, transactions = await unfinished(self.root, database_url=self.database_url)
            except StorageUnavailable:
                return None
            return (known >= requests and not runs and not transactions) or None

        try:
            await until("everything is settled", probe, clock=self.real.clock, seconds=seconds, interval=SETTLED_INTERVAL)
        except TooLate:
            account = await self.ledger()
            raise AssertionError(f"not settled within {seconds:g} s\n{text(account)}") from None
        return check(await self.ledger())

    async def ledger(self) -> Account:
        """The account as it is now; whatever is open is a finding."""
        return await ledger(self.chain, self.root, link=self.contracts.link, database_url=self.database_url)


@asynccontextmanager
async def deploy_world(chain: LocalChain, real: Real, root: Path) -> AsyncIterator[World]:
    """The official contracts on ``chain`` and a price source, for nodes that live in ``root``."""
    contracts = await on_chain.deploy_contracts(chain)
    async with PriceSource() as prices:
        yield World(chain, contracts, prices, real, root)


@asynccontextmanager
async def start_node_in(place: World, *, welcome: bool = True, **settings: str) -> AsyncIterator[NodeProcess]:
    """A node in a world, stopped afterwards; with ``welcome`` its address is funded and permitted and the job added."""
    node = await place.node(settings=settings)
    try:
        if welcome:
            await place.welcome(node)
        yield node
    except BaseException:
        print(node.last_words(60))  # pytest shows it beside the failure
        raise
    finally:
        await node.stop()
