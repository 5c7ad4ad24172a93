"""What /metrics and /health cost a node with a long history: how long a scrape takes, and how long it holds up the loop."""

from __future__ import annotations

import asyncio
import time

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.node import Node
from adyton.services import health
from adyton.services.metrics import exposition
from adyton.services.watch import Watch
from adyton.storage import jobs as stored_jobs
from adyton.storage.database import Row, Statement
from common import figure, main, open_node, timed

FINISHED = 1_000_000
OPEN = 1_000
CHUNK = 20_000
SCRAPES = 50
SENDER = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"

RUNS = """
    INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input, wake_height)
    VALUES (?, ?, 1, ?, 1, 1, 1, ?, '{}', ?)"""
SAFE = """
    INSERT INTO transactions (run_id, task_position, from_address, to_address, data, value, gas_limit, min_confirmations, state,
        nonce, created_at, broadcast_at, safe_height, receipt_block, receipt_block_hash, receipt, receipt_status)
    VALUES (?, 0, ?, '0x', '0x', '0', 1, 1, 'safe', ?, 1, 1, 1, 1, '0x', '{}', 1)"""
UNCONFIRMED = """
    INSERT INTO transactions (run_id, task_position, from_address, to_address, data, value, gas_limit, min_confirmations, state,
        nonce, created_at, broadcast_at)
    VALUES (?, 0, ?, '0x', '0x', '0', 1, 1, 'unconfirmed', ?, 1, 1)"""
REQUESTS = """
    INSERT INTO requests (contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, requester,
        payment, decision, run_id, seen_at, closed_as, closed_tx, closed_block, closed_block_hash)
    VALUES ('0x', ?, ?, ?, '0x', ?, 0, '0x', '1', 'run started', ?, 1, ?, ?, ?, ?)"""


async def fill(node: Node) -> None:
    """Finished runs with safe transactions and answered requests, and some of each that are open."""
    spec = Job(id="0" * 32, initiators=(Initiator(type="web"),), tasks=(TaskSpec(type="noop"),), created_at=1)
    job = await stored_jobs.create(node.db, spec)
    for start in range(0, FINISHED, CHUNK):
        numbers = range(start, start + CHUNK)
        runs: list[Row] = [(f"{n:032x}", job.id, "completed", 1, None) for n in numbers]
        safe: list[Row] = [(f"{n:032x}", SENDER, n) for n in numbers]
        answered: list[Row] = [
            (f"0x{n:064x}", job.id, n, f"0x{n:064x}", f"{n:032x}", "answered", "0x", n, "0x") for n in numbers
        ]
        await node.db.write(Statement(RUNS, runs), Statement(SAFE, safe), Statement(REQUESTS, answered))
    later = range(FINISHED, FINISHED + OPEN)
    await node.db.write(
        Statement(RUNS, [(f"{n:032x}", job.id, "pending_confirmations", None, 10**6) for n in later]),
        Statement(UNCONFIRMED, [(f"{n:032x}", SENDER, n) for n in later]),
        Statement(
            REQUESTS,
            [(f"0x{n:064x}", job.id, n, f"0x{n:064x}", f"{n:032x}", None, None, None, None) for n in later],
        ),
    )
    count_much(node)


def count_much(node: Node) -> None:
    """As many series as a node has that has run for long: three endpoints, twenty methods, four outcomes."""
    for endpoint in ("one", "two", "three"):
        node.metrics.rpc_seconds.labels(endpoint).observe(0.01)
        for method in range(20):
            for outcome in ("ok", "error", "timeout", "lost"):
                node.metrics.rpc_calls.labels(endpoint, f"eth_method{method}", outcome).inc()


async def latest_tick(stop: asyncio.Event) -> float:
    """Milliseconds for which others had the loop, at worst: of its thread's own time, so that a busy machine does not count."""
    worst = 0.0
    while not stop.is_set():
        before = time.thread_time()
        await asyncio.sleep(0)
        worst = max(worst, time.thread_time() - before)
    return worst * 1000


async def scrape(node: Node) -> tuple[float, float, int]:
    """Milliseconds a scrape that finds nothing kept, the loop's worst delay, and the bytes of one."""
    stop = asyncio.Event()
    ticks = asyncio.create_task(latest_tick(stop))
    elapsed = timed()
    size = 0
    for _ in range(SCRAPES):
        text, _ = await exposition(node.services, Watch(node.services), "")
        size = len(text)
    each = elapsed() * 1000 / SCRAPES
    stop.set()
    return each, await ticks, size


async def measure() -> None:
    print(f"what watching costs a node with {FINISHED:,} finished runs, safe transactions and answered requests; SQLite")
    async with open_node() as node:
        few, _, _ = await scrape(node)
        await fill(node)
        many, worst, size = await scrape(node)
        elapsed = timed()
        for _ in range(SCRAPES):
            await health.report(node.services, Watch(node.services))
        checked = elapsed() * 1000 / SCRAPES
    figure("/metrics of an empty database", few, "ms")
    figure("/metrics", many, "ms", f"{size:,} bytes")
    figure("the longest that the loop was held up by it", worst, "ms", "target: 5 at most")
    figure("/health", checked, "ms")


if __name__ == "__main__":
    main(measure)
