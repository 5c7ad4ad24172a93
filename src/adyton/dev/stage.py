"""The steps that the demo and the playground share, each reported as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from adyton.dev import contracts as on_chain
from adyton.dev import world
from adyton.dev.chain import CHAIN_ID, LocalChain
from adyton.dev.contracts import Contracts
from adyton.dev.fault_proxy import FaultProxy
from adyton.dev.node_process import NodeProcess, Secrets
from adyton.dev.prices import PriceSource
from adyton.dev.report import Report
from adyton.dev.world import Real
from adyton.domain import evm
from adyton.domain.errors import AdytonError
from adyton.ports import HttpFailure

PARAMETERS = {"path": ["USD"], "times": 100}
"""What the demo's requester tells the job: the price in US dollars, in cents."""
BLOCK_SECONDS = 1
EVERY, LASTING = 10.0, 5.0
"""Seconds between two faults, about, and the longest that one lasts."""


class Stage(msgspec.Struct, frozen=True):
    """A world that is up."""

    chain: LocalChain
    contracts: Contracts
    prices: PriceSource
    node: NodeProcess
    node_address: str
    secrets: Secrets
    job_id: str


@asynccontextmanager
async def set_up(directory: Path, report: Report, real: Real, *, faults: str | None = None) -> AsyncIterator[Stage]:
    """Build the world and take it down afterwards, whatever happens; the node's last words are shown if that is a failure.

    With ``faults``, a seed, the node's connections to the chain and to the price source break now and then once all is set up.
    """
    async with AsyncExitStack() as running:
        with report.step("local chain", "starting anvil") as words:
            chain = await running.enter_async_context(world.running_chain(directory, real))
            words.append(f"anvil, chain id {CHAIN_ID}, on {chain.websocket}")
        contracts = await _deploy(chain, report)
        with report.step("price source", "starting") as words:
            prices = await running.enter_async_context(PriceSource())
            words.append(f"{prices.url} says {prices.body}")
        lines: list[FaultProxy] = []
        to_chain, to_prices = chain.websocket, prices.url
        if faults is not None:
            lines = [
                await running.enter_async_context(FaultProxy(port, clock=real.clock)) for port in (chain.port, prices.port)
            ]
            to_chain, to_prices = lines[0].websocket, f"{lines[1].http}/price"
        secrets = world.new_secrets(real.entropy)
        settings = world.node_settings(chain, contracts, websocket=to_chain)
        node = await running.enter_async_context(_node(directory, settings, secrets, report, real))
        address = (await node.api.addresses())[0]
        with report.step("node's address", "funding and permitting") as words:
            await on_chain.welcome_node(chain, contracts, address)
            words.append(f"{evm.checksum(address)} has 10 ETH and may answer for the oracle")
        with report.step("job", "adding through the API") as words:
            job = world.price_job(to_prices, contracts.oracle)
            job_id = await node.api.create_job(job)
            words.append(f"{job_id}: {' -> '.join(['runlog', *(task['type'] for task in job['tasks'])])}")
        await chain.mine_every(BLOCK_SECONDS)
        if faults is not None:
            await running.enter_async_context(_tormented(lines, faults))
            report.line(f"From now on connections break about every {EVERY:g} s, drawn from the seed {faults}.")
        yield Stage(chain, contracts, prices, node, address, secrets, job_id)


@asynccontextmanager
async def _tormented(lines: list[FaultProxy], seed: str) -> AsyncIterator[None]:
    torments = [
        asyncio.create_task(line.torment(f"{seed} {number}", every=EVERY, lasting=LASTING)) for number, line in enumerate(lines)
    ]
    try:
        yield
    finally:
        for torment in torments:
            torment.cancel()
        await asyncio.gather(*torments, return_exceptions=True)


async def _deploy(chain: LocalChain, report: Report) -> Contracts:
    with report.step("contracts", "deploying") as words:
        contracts = await on_chain.deploy_contracts(chain)
        words.append("the official LINK token, Oracle and Consumer are deployed:")
    for name, address in (("LINK", contracts.link), ("Oracle", contracts.oracle), ("Consumer", contracts.consumer)):
        report.detail(name, evm.checksum(address))
    return contracts


@asynccontextmanager
async def _node(
    directory: Path, settings: dict[str, str], secrets: Secrets, report: Report, real: Real
) -> AsyncIterator[NodeProcess]:
    async with AsyncExitStack() as running:
        with report.step("node", "booting") as words:
            starting = world.running_node(directory / "node", secrets, real, settings=settings)
            node = await running.enter_async_context(starting)
            words.append(f"process {node.child.pid}, API on {node.api.url}, SQLite in {node.root}")
        try:
            yield node
        except (AdytonError, HttpFailure):
            report.line(f"The node's last words ({node.child.log}):\n{node.last_words()}")
            raise


async def ask(stage: Stage, report: Report, parameters: dict[str, Any], *, nonce: int, real: Real) -> tuple[str, int]:
    """Make a request on chain, show its way, and return its id and the number that the consumer holds in the end."""
    with report.step("request", "waiting for its block") as words:
        request_id = await on_chain.request(stage.chain, stage.contracts, stage.job_id, parameters, nonce=nonce)
        words.append(f"{request_id} in block {await stage.chain.height()}, pays 1 LINK, wants {json.dumps(parameters)}")
    with report.step("run", "waiting for the node to see it") as words:
        run = await world.wait_for_run(stage.node, stage.job_id, clock=real.clock, request_id=request_id)
        words.append(f"{run['id']} started")
    with report.step("answer", "waiting for it on chain") as words:
        answer = await world.wait_for_answer(stage.chain, stage.contracts, request_id, clock=real.clock)
        words.append(f"{answer.number} in block {answer.block_number}, transaction {answer.transaction_hash}")
    with report.step("run", "waiting for confirmation") as words:
        run = await world.wait_for_run(
            stage.node, stage.job_id, "completed", "errored", clock=real.clock, request_id=request_id
        )
        words.append(f"{run['id']} {run['status']}")
    return request_id, answer.number
