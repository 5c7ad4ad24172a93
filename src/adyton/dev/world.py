"""The whole world, built step by step so that whoever builds it can show each step, and taken down in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from adyton.dev import chain as chains
from adyton.dev import contracts as on_chain
from adyton.dev.chain import LocalChain
from adyton.dev.contracts import Answer, Contracts
from adyton.dev.node_process import NodeProcess, Secrets, start_node
from adyton.dev.waiting import until
from adyton.ports import Clock, Entropy, HttpTransport

DEPTH = "1"
"""Confirmations in this world, both ways: a block that holds the request, or the answer, is deep enough. A real node keeps
the defaults, 3 and 12."""
API_INTERVAL = 0.1
"""Seconds between two looks through the API, which counts requests: 1,000 a minute."""


class Real(msgspec.Struct, frozen=True):
    """The real clock, chance and HTTP."""

    clock: Clock
    entropy: Entropy
    http: HttpTransport


def price_job(url: str, oracle: str) -> dict[str, Any]:
    """A job for requests on ``oracle``: fetch ``url``, pick what the requester names, multiply, answer as an integer."""
    return {
        "initiators": [{"type": "runlog", "params": {"address": oracle}}],
        "tasks": [
            {"type": "httpget", "params": {"get": url}},
            {"type": "jsonparse"},
            {"type": "multiply"},
            {"type": "ethuint256"},
            {"type": "ethtx"},
        ],
    }


def node_settings(chain: LocalChain, contracts: Contracts, *, websocket: str | None = None) -> dict[str, str]:
    """What the node has to be told about the chain."""
    return {
        "ETH_URL": websocket or chain.websocket,
        "ETH_CHAIN_ID": str(chains.CHAIN_ID),
        "LINK_CONTRACT_ADDRESS": contracts.link,
        "MIN_INCOMING_CONFIRMATIONS": DEPTH,
        "MIN_OUTGOING_CONFIRMATIONS": DEPTH,
    }


def new_secrets(entropy: Entropy) -> Secrets:
    """Fresh passwords."""
    return Secrets(password=entropy.token(9).hex(), keystore=entropy.token(16).hex())


@asynccontextmanager
async def running_chain(directory: Path, real: Real, **options: Any) -> AsyncIterator[LocalChain]:
    """A local chain that is gone afterwards; options as of ``chain.start_chain``."""
    chain = await chains.start_chain(directory, http=real.http, clock=real.clock, **options)
    try:
        yield chain
    finally:
        await chain.stop()


@asynccontextmanager
async def running_node(
    root: Path, secrets: Secrets, real: Real, *, settings: Mapping[str, str], port: int = 0
) -> AsyncIterator[NodeProcess]:
    """A node that is gone afterwards, logged in to."""
    node = await start_node(root, secrets, settings=settings, http=real.http, clock=real.clock, port=port)
    try:
        yield node
    finally:
        await node.stop()


def run_of(runs: list[dict[str, Any]], request_id: str | None = None) -> dict[str, Any] | None:
    """The newest of ``runs``, or the newest for a request: its id is in the calldata that the run was given."""
    ours = [run for run in runs if request_id is None or request_id[2:] in str(run["overrides"]["data"])]
    return ours[-1] if ours else None


async def wait_for_answer(
    chain: LocalChain, contracts: Contracts, request_id: str, *, clock: Clock, seconds: float = 30.0
) -> Answer:
    """The answer to a request, once the consumer holds it. Raises TooLate."""

    async def probe() -> Answer | None:
        found = await on_chain.answers(chain, contracts)
        return next((answer for answer in found if answer.request_id == request_id), None)

    return await until(f"answer to request {request_id}", probe, clock=clock, seconds=seconds)


async def wait_for_run(
    node: NodeProcess, job_id: str, *statuses: str, clock: Clock, request_id: str | None = None, seconds: float = 30.0
) -> dict[str, Any]:
    """The newest run of a job, once its status is one of ``statuses`` (none given: whatever it is).

    ``request_id`` narrows to the run of that request, as the ethtx task's data prefix shows it. Raises TooLate.
    """

    async def probe() -> dict[str, Any] | None:
        run = run_of(await node.api.runs(job_id), request_id)
        return run if run is not None and (not statuses or run["status"] in statuses) else None

    wanted = " or ".join(statuses) or "there"
    return await until(f"a run of job {job_id} that is {wanted}", probe, clock=clock, seconds=seconds, interval=API_INTERVAL)
