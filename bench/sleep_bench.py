"""10,000 runs that sleep and are to wake within one second: what they hold while they sleep, and how late each goes on.

A run counts as awake when its completion is durable; late is what that is behind the time that it asked for.
"""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.times import rfc3339
from adyton.node import Node
from adyton.storage import jobs as stored_jobs
from common import figure, main, open_node, running, timed

RUNS = 10_000
IN_FLIGHT = 200
AHEAD = 15.0
"""Seconds until the first wakes, at least: enough to start and store them all."""
SPREAD = 1.0
"""Seconds over which they are to wake."""
FINISHED = "SELECT COUNT(*) FROM runs WHERE status = 'completed'"
SLEEPING = "SELECT COUNT(*) FROM runs WHERE status = 'pending_sleep'"


def resident() -> float:
    """MB of memory that this process has now."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def count(node: Node, sql: str) -> int:
    """The number that a query finds."""
    [(found,)] = await node.db.read(sql)
    assert isinstance(found, int)
    return found


async def until(node: Node, sql: str, wanted: int) -> None:
    """Return when a query finds so many."""
    while await count(node, sql) < wanted:
        await asyncio.sleep(0.2)


async def add_job(node: Node) -> Job:
    """A job whose runs sleep as long as their input says."""
    job = Job(
        id=node.services.entropy.new_id(),
        initiators=(Initiator(type="web"),),
        tasks=(TaskSpec(type="sleep"), TaskSpec(type="noop")),
        created_at=node.clock.now(),
    )
    stored = await stored_jobs.create(node.db, job)
    node.services.jobs.add(stored)
    return stored


async def start(node: Node, job: Job) -> dict[str, int]:
    """Start the runs; gives the time at which each is to wake, in microseconds, by its id."""
    wakes: dict[str, int] = {}
    first = node.clock.now() + int(AHEAD * 1_000_000)
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        wake = first + int(number * SPREAD / RUNS * 1_000_000)
        async with places:
            run = await node.engine.start(job, job.initiators[0], {"until": rfc3339(wake)})
        wakes[run.id] = wake

    async with asyncio.TaskGroup() as starters:
        for number in range(RUNS):
            starters.create_task(one(number))
    return wakes


async def measure() -> None:
    print(f"sleep: {RUNS:,} runs wake within {SPREAD:g} s, SQLite")
    async with open_node() as node, running(node):
        job = await add_job(node)
        before, elapsed = resident(), timed()
        wakes = await start(node, job)
        await until(node, SLEEPING, RUNS)
        figure("started and asleep, durable", RUNS / elapsed(), "runs/s")
        assert min(wakes.values()) > node.clock.now(), "they began to wake before all of them slept: give them longer"
        figure("memory that they hold while they sleep", resident() - before, "MB")
        await until(node, FINISHED, RUNS)
        rows = await node.db.read("SELECT id, finished_at FROM runs")
        late = sorted((int(str(finished)) - wakes[str(run)]) / 1000 for run, finished in rows)
        assert late[0] >= 0, "a run woke too early"
        figure("late: median", late[RUNS // 2], "ms")
        figure("late: 99 of 100 within", late[RUNS * 99 // 100], "ms")
        figure("late: the last", late[-1], "ms")
        figure("memory afterwards", resident() - before, "MB")


if __name__ == "__main__":
    main(measure)
