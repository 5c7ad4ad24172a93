"""What each adapter costs: tasks a second on one core, and runs of one such task a second through a whole node.

The first figure is the adapter alone, called with what a run gives it. The second is the node with its database in memory: a
run is made, executed and stored, 200 in flight. The source of HTTP tasks answers at once and without a network, so that theirs
is the node's own cost; bridges are in bridges_bench.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog
from coincurve import PrivateKey

from adyton.adapters.base import ActiveAdapter, AdapterSettings, PureAdapter, TaskContext
from adyton.adapters.registry import Registry
from adyton.config import Config
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.runs import Run, RunStatus
from adyton.keystore import Keystore
from adyton.node import Node, build
from adyton.ports import HttpRequest, HttpResponse
from adyton.storage import jobs as stored_jobs
from adyton.storage.connect import open_memory
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from common import NoChain, figure, main, running, timed

SECONDS = 0.5
RUNS = 4_000
IN_FLIGHT = 200
CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
DOCUMENT = '{"RAW":{"ETH":{"USD":{"PRICE":1850.25,"MARKET":"CCCAGG","LASTUPDATE":1700000000,"VOLUME24HOUR":123456.789}}}}'
TRANSFER = {"name": "transfer", "inputs": [{"name": "to", "type": "address"}, {"name": "amount", "type": "uint256"}]}
ADDRESS = "0x" + "ab" * 20
MODULE = "AGFzbQEAAAABBgFgAXwBfwMCAQAHCwEHcGVyZm9ybQAAChABDgBEAAAAAAAgfEAgAGML"

CASES: dict[str, tuple[dict[str, Any], Any]] = {
    "compare": ({"operator": "gt", "value": "1800"}, "1850.25"),
    "copy": ({"copyPath": ["result"]}, DOCUMENT),
    "ethbool": ({}, True),
    "ethbytes32": ({}, "1850.25 USD"),
    "ethint256": ({}, "-185025"),
    "ethuint256": ({}, "185025"),
    "ethtx": ({"address": ADDRESS, "functionSelector": "0x4ab0d190", "format": "bytes"}, "0x" + "12" * 32),
    "ethtxabiencode": ({"address": ADDRESS, "functionABI": TRANSFER}, {"to": ADDRESS, "amount": "185025"}),
    "httpget": ({"get": "https://source.example/price"}, None),
    "httppost": ({"post": "https://source.example/price"}, "1850.25"),
    "jsonparse": ({"path": ["RAW", "ETH", "USD", "PRICE"]}, DOCUMENT),
    "multiply": ({"times": 10**18}, "1850.25"),
    "noop": ({}, "1850.25"),
    "quotient": ({"dividend": 1}, "1850.25"),
    "resultcollect": ({}, "1850.25"),
    "sleep": ({"until": 1_500_000_000}, "1850.25"),
    "wasm": ({"wasm": MODULE}, "450.1"),
}
NOT_RUN = ("ethtx", "ethtxabiencode")
"""They end in a transaction, which chain_bench.py measures."""


class Source:
    """Answers every request at once."""

    async def request(self, request: HttpRequest) -> HttpResponse:  # noqa: ARG002 - the port's signature
        """The document."""
        return HttpResponse(200, {}, DOCUMENT.encode())


def registry() -> Registry:
    return Registry(http=Source(), clock=SystemClock(), settings=AdapterSettings())


async def alone(name: str) -> float:
    """Tasks a second."""
    adapter, (params, result) = registry().find(name), CASES[name]
    done, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < SECONDS:
        for _ in range(100):
            if adapter.pure:
                cast("PureAdapter", adapter).perform(params, {"result": result}, CONTEXT)
            else:
                await cast("ActiveAdapter", adapter).perform(params, {"result": result}, CONTEXT)
        done += 100
    return done / elapsed


async def in_a_node(node: Node, name: str) -> float:
    """Runs a second. A run counts when it is stored as completed."""
    params, result = CASES[name]
    tasks = (TaskSpec(type=name, params=params),)
    job = Job(id=node.services.entropy.new_id(), initiators=(Initiator(type="web"),), tasks=tasks, created_at=node.clock.now())
    stored = await stored_jobs.create(node.db, job)
    node.services.jobs.add(stored)
    places, left, done = asyncio.Semaphore(IN_FLIGHT), RUNS, asyncio.Event()
    advance = node.engine.executor.advance

    async def counted(run: Run) -> Run:
        nonlocal left
        finished = await advance(run)
        assert finished.status == "completed", finished
        places.release()
        left -= 1
        if not left:
            done.set()
        return finished

    node.engine.executor.advance = counted  # type: ignore[method-assign] # counts what the engine does anyway
    elapsed = timed()
    for _ in range(RUNS):
        await places.acquire()
        await node.engine.start(stored, stored.initiators[0], {"result": result})
    await done.wait()
    seconds = elapsed()
    node.engine.executor.advance = advance  # type: ignore[method-assign] # as it was
    return RUNS / seconds


@asynccontextmanager
async def memory_node() -> AsyncIterator[Node]:
    """A node whose database is in memory, and that has no chain."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40), cache_logger_on_first_use=True)
    yield await build(
        Config.load({"ROOT": "/nonexistent/adyton", "ETH_CHAIN_ID": "1337"}),
        clock=SystemClock(),
        entropy=SystemEntropy(),
        rpc_transport=NoChain(),
        http_transport=Source(),
        database=open_memory(),
        keystore=Keystore([PrivateKey(b"\x46" * 32)]),
    )


async def measure() -> None:
    print("one task of each adapter, and runs of one such task, 200 in flight")
    for name in CASES:
        figure(f"{name}: the adapter alone", await alone(name), "tasks/s")
    async with memory_node() as node, running(node):
        for name in CASES:
            if name not in NOT_RUN:
                figure(f"{name}: runs through a node in memory", await in_a_node(node, name), "runs/s")


if __name__ == "__main__":
    main(measure)
