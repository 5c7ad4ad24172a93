"""A thousand cron jobs that fire each second, for twenty seconds: each starts a run of one task, durable before and after it.

Lateness is from the second itself to the moment at which the run's row is durable; the end of its task is measured as well.
"""

from __future__ import annotations

import asyncio
import resource
import time

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.node import Node
from adyton.storage import jobs as stored_jobs
from common import figure, main, open_node, running

JOBS = 1_000
SECONDS = 20
SECOND = 1_000_000


async def add_jobs(node: Node) -> None:
    """Jobs of every kind of line that fires each second, stored together and known at once."""
    lines = ("* * * * *", "* * * * * *", "@every 1s", "CRON_TZ=Europe/Berlin * * * * *")
    specs = [
        Job(
            id=node.services.entropy.new_id(),
            initiators=(Initiator(type="cron", schedule=lines[number % len(lines)]),),
            tasks=(TaskSpec(type="noop"),),
            created_at=node.clock.now(),
        )
        for number in range(JOBS)
    ]
    for stored in await asyncio.gather(*(stored_jobs.create(node.db, spec) for spec in specs)):
        node.services.jobs.add(stored)


async def measure() -> None:
    late: list[float] = []
    async with open_node() as node:
        node.metrics.schedule_lateness.observe = late.append  # type: ignore[method-assign,assignment] # each value, not buckets
        await add_jobs(node)
        async with running(node):
            await asyncio.sleep(3)  # the first look reads every job
            late.clear()
            commits, cpu, began = node.db.commits, time.process_time(), time.perf_counter()
            await asyncio.sleep(SECONDS)
            elapsed, used = time.perf_counter() - began, time.process_time() - cpu
            started, shared = len(late), node.db.commits - commits
            await asyncio.sleep(1)
        finished = await node.db.read(
            "SELECT finished_at - created_at / 1000000 * 1000000 FROM runs WHERE status = 'completed'"
        )
    waits = sorted(late)
    ends = sorted(int(row[0] or 0) / SECOND for row in finished)
    figure(f"{JOBS:,} jobs each second: runs started", started / elapsed, "runs/s", f"target: {JOBS:,}")
    figure("lateness of the stored run: median", waits[len(waits) // 2] * 1000, "ms")
    figure("lateness of the stored run: p99", waits[int(len(waits) * 0.99)] * 1000, "ms", "target: under 500")
    figure("from the second to the finished run: median", ends[len(ends) // 2] * 1000, "ms")
    figure("from the second to the finished run: p99", ends[int(len(ends) * 0.99)] * 1000, "ms")
    figure("commits", shared / elapsed, "1/s")
    figure("processor time", used / elapsed * 100, "% of a core")
    figure("memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB at most")


if __name__ == "__main__":
    main(measure)
