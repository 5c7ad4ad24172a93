"""Runs started over HTTP, against a real node process: 200 clients at once, every run of five computing tasks durable.

The clients are another process on the same two cores, so part of the machine is theirs.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from adyton.dev.node_process import NodeProcess, Secrets, start_node
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from common import figure, main, timed
from engine_bench import INPUT, TASKS

CLIENTS = 200
RUNS = 20_000
READS = 20_000
SECRETS = Secrets(password="bench-password-1", keystore="bench-keystore-1")
JOB = {"initiators": [{"type": "web"}], "tasks": [{"type": task.type, "params": task.params} for task in TASKS]}


async def each(session: aiohttp.ClientSession, method: str, url: str, count: int, body: object = None) -> list[float]:
    """Make ``count`` requests, ``CLIENTS`` at a time; returns how long each took, in ms."""
    waits: list[float] = []
    left = iter(range(count))

    async def client() -> None:
        for _ in left:
            began = time.perf_counter()
            async with session.request(method, url, json=body) as response:
                await response.read()
                assert response.status == 200, response.status
            waits.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return waits


def show(name: str, waits: list[float], seconds: float, target: str = "") -> None:
    figure(name, len(waits) / seconds, "/s", target)
    cuts = statistics.quantiles(waits, n=100)
    figure(f"{name}: p50", cuts[49], "ms")
    figure(f"{name}: p99", cuts[98], "ms")


async def load(node: NodeProcess) -> None:
    job = await node.api.create_job(JOB)
    base = node.api.url
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CLIENTS), cookie_jar=aiohttp.CookieJar(unsafe=True)
    ) as session:
        async with session.post(f"{base}/sessions", json={"email": SECRETS.email, "password": SECRETS.password}) as response:
            assert response.status == 200
        runs = f"{base}/v2/specs/{job}/runs"
        await each(session, "POST", runs, 500, INPUT)
        elapsed = timed()
        waits = await each(session, "POST", runs, RUNS, INPUT)
        accepted = elapsed()
        async with session.get(f"{base}/v2/runs?sort=-createdAt&size=1") as response:
            newest = (await response.json())["data"][0]
        while newest["attributes"]["status"] != "completed":
            async with session.get(f"{base}/v2/runs/{newest['id']}") as response:
                newest = (await response.json())["data"]
        show("POST run, accepted", waits, accepted)
        figure("POST run, until the last of them is completed", RUNS / elapsed(), "/s", "target: 2,000")
        elapsed = timed()
        show("GET run", await each(session, "GET", f"{base}/v2/runs/{newest['id']}", READS), elapsed())


async def measure() -> None:
    print(f"HTTP API: {CLIENTS} clients, a node process on SQLite (synchronous=FULL)")
    settings = {"ETH_URL": "ws://127.0.0.1:9", "LOG_LEVEL": "error", "AUTHENTICATED_RATE_LIMIT": "1000000000"}
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".bench-") as directory:
        async with AiohttpTransport() as http:
            node = await start_node(Path(directory) / "node", SECRETS, settings=settings, http=http, clock=SystemClock())
            try:
                await load(node)
            finally:
                await node.stop()


if __name__ == "__main__":
    main(measure)
