"""The whole path on a real local chain: requests of the official Oracle, answered by one key.

500 requests in one block, then single ones without any confirmations asked for. The node, the price source and this script
share one process; the chain is another.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from adyton.dev import contracts as dev
from adyton.dev.chain import LocalChain, start_chain
from adyton.dev.prices import PriceSource
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.node import Node
from adyton.storage import jobs as stored_jobs
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from adyton.system.websocket import WebsocketTransport
from common import figure, main, open_node, running, timed

REQUESTS = 500
SINGLE = 60
NODE = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
GAS = hex(500_000)


async def add_job(node: Node, contracts: dev.Contracts, url: str) -> Job:
    spec = Job(
        id=node.services.entropy.new_id(),
        initiators=(Initiator(type="runlog", address=contracts.oracle),),
        tasks=(
            TaskSpec(type="httpget", params={"get": url}),
            TaskSpec(type="jsonparse", params={"path": ["USD"]}),
            TaskSpec(type="multiply", params={"times": 100}),
            TaskSpec(type="ethuint256"),
            TaskSpec(type="ethtx"),
        ),
        created_at=node.clock.now(),
    )
    stored = await stored_jobs.create(node.db, spec)
    node.services.jobs.add(stored)
    return stored


async def count(node: Node, condition: str) -> int:
    return int((await node.db.read(f"SELECT COUNT(*) FROM transactions WHERE {condition}"))[0][0] or 0)


async def answered(chain: LocalChain, contracts: dev.Contracts, wanted: int) -> None:
    async with asyncio.timeout(120):
        while len(await dev.answers(chain, contracts)) < wanted:
            await asyncio.sleep(0.02)


async def one_block(node: Node, chain: LocalChain, contracts: dev.Contracts, job: Job) -> None:
    """Every request in one block; then the chain mines each answer as it comes."""
    await chain.rpc("evm_setAutomine", False)
    for nonce in range(REQUESTS):
        for call in dev.calls(contracts, job.id, {}, nonce=nonce):
            await chain.rpc("eth_sendTransaction", {"from": contracts.owner, "gas": GAS, **call})
    await chain.mine()
    elapsed = timed()
    await chain.rpc("evm_setAutomine", True)
    async with asyncio.timeout(120):
        while await count(node, "state <> 'unstarted' AND state <> 'in_progress'") < REQUESTS:
            await asyncio.sleep(0.01)
        sent = elapsed()
        await answered(chain, contracts, REQUESTS)
    figure(f"{REQUESTS} requests in one block, one key: answers sent", REQUESTS / sent, "/s")
    figure(f"{REQUESTS} requests in one block, one key: answers on chain", REQUESTS / elapsed(), "/s", "target: 150")
    assert len({answer.request_id for answer in await dev.answers(chain, contracts)}) == REQUESTS


async def singles(node: Node, chain: LocalChain, contracts: dev.Contracts, job: Job) -> None:
    """One request at a time: from the moment the chain says that it is mined to the send of the answer."""
    waits = []
    for nonce in range(REQUESTS, REQUESTS + SINGLE):
        expect, pay = dev.calls(contracts, job.id, {}, nonce=nonce)
        await chain.send(contracts.owner, to=expect["to"], data=expect["data"])
        await chain.rpc("eth_sendTransaction", {"from": contracts.owner, "gas": GAS, **pay})
        mined = time.time_ns() // 1000
        await answered(chain, contracts, nonce + 1)
        sent = (await node.db.read("SELECT MAX(broadcast_at) FROM transactions"))[0][0]
        waits.append((int(sent or 0) - mined) / 1000)
    figure("request mined to answer sent, 0 confirmations: median", statistics.median(waits), "ms", "target: < 30")
    figure("request mined to answer sent, 0 confirmations: slowest", max(waits), "ms")


async def measure() -> None:
    print(f"the whole path on anvil: {REQUESTS} requests of one block, then {SINGLE} one by one; SQLite, synchronous=FULL")
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as directory:
        async with AiohttpTransport() as http, PriceSource() as source:
            limit = ("--gas-limit", "1000000000", "--order", "fifo", "--block-base-fee-per-gas", "0")
            chain = await start_chain(Path(directory), http=http, clock=clock, arguments=limit)
            try:
                contracts = await dev.deploy_contracts(chain)
                await dev.welcome_node(chain, contracts, NODE, ether=1000 * dev.ETHER)
                settings = {
                    "ETH_URL": chain.websocket,
                    "ETH_CHAIN_ID": "31337",
                    "MIN_INCOMING_CONFIRMATIONS": "0",
                    "MIN_OUTGOING_CONFIRMATIONS": "1",
                    "DEFAULT_HTTP_ALLOW_UNRESTRICTED_NETWORK_ACCESS": "true",
                }
                async with open_node(chain=WebsocketTransport(), settings=settings) as node, running(node):
                    job = await add_job(node, contracts, source.url)
                    await one_block(node, chain, contracts, job)
                    await singles(node, chain, contracts, job)
            finally:
                await chain.stop()


if __name__ == "__main__":
    main(measure)
