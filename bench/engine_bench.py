"""Runs of five computing tasks, started as the API starts them, every task's state durable; 200 in flight.

On SQLite (synchronous=FULL) and PostgreSQL; and on SQLite with a long history, which must not cost anything.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.runs import Run
from adyton.node import Node
from adyton.storage import jobs as stored_jobs
from adyton.storage.database import Statement
from common import figure, main, open_node, running, timed

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.databases import postgres_server

IN_FLIGHT = 200
RUNS = 20_000
HISTORY = 1_000_000
TASKS = (
    TaskSpec(type="jsonparse", params={"path": ["last"]}),
    TaskSpec(type="multiply", params={"times": 100}),
    TaskSpec(type="ethuint256"),
    TaskSpec(type="copy", params={"copyPath": ["result"]}),
    TaskSpec(type="noop"),
)
INPUT = {"result": '{"last":"10583.75","high":"10744.00"}'}


async def add_job(node: Node) -> Job:
    job = Job(id=node.services.entropy.new_id(), initiators=(Initiator(type="web"),), tasks=TASKS, created_at=node.clock.now())
    stored = await stored_jobs.create(node.db, job)
    node.services.jobs.add(stored)
    return stored


async def rate(node: Node, job: Job, runs: int) -> float:
    """Completed runs a second. A run counts when its last task is durable."""
    places, left, done = asyncio.Semaphore(IN_FLIGHT), runs, asyncio.Event()
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
    async with asyncio.TaskGroup() as starters:
        for _ in range(runs):
            await places.acquire()
            starters.create_task(node.engine.start(job, job.initiators[0], INPUT))
    await done.wait()
    seconds = elapsed()
    node.engine.executor.advance = advance  # type: ignore[method-assign] # as it was
    return runs / seconds


async def measure_database(name: str, url: str, target: str) -> None:
    async with open_node(database_url=url) as node, running(node):
        job = await add_job(node)
        await rate(node, job, 1000)
        rates = [await rate(node, job, RUNS) for _ in range(3)]
        figure(f"{name}: median of 3 x {RUNS:,} runs", sorted(rates)[1], "runs/s", target)
        figure(f"{name}: slowest", min(rates), "runs/s")


async def measure_history() -> None:
    async with open_node() as node, running(node):
        job = await add_job(node)
        before = [await rate(node, job, RUNS // 2) for _ in range(3)]
        await fill(node, job, HISTORY)
        after = [await rate(node, job, RUNS // 2) for _ in range(3)]
        figure("SQLite with some 1,000s of finished runs", sorted(before)[1], "runs/s")
        figure(f"SQLite with {HISTORY:,} finished runs", sorted(after)[1], "runs/s")
        figure("cost per run, long history / short", sorted(before)[1] / sorted(after)[1], "x", "target: no higher")


async def fill(node: Node, job: Job, count: int) -> None:
    """Finished runs of an earlier time, as the engine writes them."""
    now = node.clock.now()
    for start in range(0, count, 10_000):
        ids = [f"{0x018000000000 + start + n:012x}{'0' * 20}" for n in range(10_000)]
        runs = [(run, job.id, job.initiators[0].id, "completed", 2, now, now, now, "{}") for run in ids]
        tasks = [(run, position, "completed", '{"result":"1"}', now) for run in ids for position in range(len(TASKS))]
        await node.db.write(
            Statement(
                "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                runs,
            ),
            Statement("INSERT INTO task_runs (run_id, position, status, data, updated_at) VALUES (?, ?, ?, ?, ?)", tasks),
        )


async def measure() -> None:
    print(f"engine: web runs of 5 computing tasks, {IN_FLIGHT} in flight")
    await measure_database("SQLite, synchronous=FULL", "", "target: 4,000")
    with postgres_server() as server:
        await measure_database("PostgreSQL, on the same machine", await server.database(), "target: 2,500")
    await measure_history()


if __name__ == "__main__":
    main(measure)
