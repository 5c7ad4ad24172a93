"""10,000 runs that wait for a bridge: how fast they are asked, what they hold while they wait, how fast late answers are taken.

The bridge is a server in this process, so what it costs counts as well. Late answers come in as the API hands them over.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from adyton.domain.bridges import BridgeRequest
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.runs import RunStatus
from adyton.node import Node
from adyton.services import bridges, callbacks
from adyton.storage import jobs as stored_jobs
from common import figure, main, open_node, running, timed

RUNS = 10_000
IN_FLIGHT = 200
INPUT = {"base": "ETH", "quote": "USD"}
ANSWER = b'{"data": {"result": "1923.45"}}'
PENDING = "SELECT COUNT(*) FROM runs WHERE status = ?"


@asynccontextmanager
async def a_bridge() -> AsyncIterator[str]:
    async def later(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"pending": True})

    app = web.Application()
    app.router.add_post("/", later)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def add_job(node: Node) -> Job:
    job = Job(
        id=node.services.entropy.new_id(),
        initiators=(Initiator(type="web"),),
        tasks=(TaskSpec(type="prices"), TaskSpec(type="noop")),
        created_at=node.clock.now(),
    )
    stored = await stored_jobs.create(node.db, job)
    node.services.jobs.add(stored)
    return stored


async def count(node: Node, status: RunStatus) -> int:
    return int((await node.db.read(PENDING, (status,)))[0][0] or 0)


async def until_all(node: Node, status: RunStatus, wanted: int) -> None:
    async with asyncio.timeout(300):
        while await count(node, status) < wanted:
            await asyncio.sleep(0.02)


async def ask(node: Node, job: Job, runs: int) -> list[str]:
    """Start runs, and wait until all of them wait for their bridge."""
    before = await count(node, RunStatus.PENDING_BRIDGE)
    places = asyncio.Semaphore(IN_FLIGHT)

    async def start() -> str:
        async with places:
            return (await node.engine.start(job, job.initiators[0], INPUT)).id

    ids = list(await asyncio.gather(*[start() for _ in range(runs)]))
    await until_all(node, RunStatus.PENDING_BRIDGE, before + runs)
    return ids


async def answer(node: Node, ids: list[str], token: str) -> None:
    """Take a late answer for each run, and wait until all are completed."""
    before = await count(node, RunStatus.COMPLETED)
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(run_id: str) -> None:
        async with places:
            await callbacks.resume(node.services, run_id, token, ANSWER)

    await asyncio.gather(*[one(run_id) for run_id in ids])
    await until_all(node, RunStatus.COMPLETED, before + len(ids))


def resident() -> float:
    """MiB that this process holds."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def measure() -> None:
    print(f"bridges: {RUNS:,} runs that wait for their bridge's late answer, SQLite, synchronous=FULL")
    async with a_bridge() as url, open_node() as node, running(node):
        asked = BridgeRequest(name="prices", url=url, confirmations=0, minimum_payment=None)
        _, token = await bridges.create(node.services, asked)
        job = await add_job(node)
        await answer(node, await ask(node, job, 1_000), token)
        before = resident()
        elapsed = timed()
        ids = await ask(node, job, RUNS)
        figure("asked over HTTP and waiting", RUNS / elapsed(), "runs/s")
        figure(f"memory that {RUNS:,} waiting runs hold", max(resident() - before, 0.0), "MiB")
        figure("runs that the queue still knows of", node.engine.queue.depth, "runs", "target: 0")
        elapsed = timed()
        await answer(node, ids, token)
        figure("late answers taken, runs completed", RUNS / elapsed(), "runs/s")


if __name__ == "__main__":
    main(measure)
