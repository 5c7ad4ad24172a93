"""A database with a long history, made quickly: what a node has after years of work."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

from adyton import __version__
from adyton.domain.jobs import Initiator, Job
from adyton.storage import jobs as stored_jobs
from adyton.storage.connect import open_database
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from engine_bench import TASKS

BEGAN = 1_600_000_000_000
"""Milliseconds: when the first run was made; a second before the next."""
# Of a hundred runs five are errored, one is cancelled, one sleeps for years, the others are completed. The last job has few.
_RUNS = """
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1)
    INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input, error, due_at,
        change)
    SELECT printf('%012x7%03x8%015x', :began + i * 1000, i % 4096, abs(random()) % 1152921504606846976), job.id, job.initiator,
        CASE WHEN i % 20 = 1 THEN 'errored' WHEN i % 100 = 2 THEN 'cancelled' WHEN i % 100 = 3 THEN 'pending_sleep'
            ELSE 'completed' END,
        3, (:began + i * 1000) * 1000, (:began + i * 1000) * 1000 + 500,
        CASE WHEN i % 100 = 3 THEN NULL ELSE (:began + i * 1000) * 1000 + 500 END,
        '{"result":"{\\"last\\":\\"10583.75\\",\\"high\\":\\"10744.00\\"}"}',
        CASE WHEN i % 20 = 1 THEN 'the source is away' END, CASE WHEN i % 100 = 3 THEN 9000000000000000 END, i + 1
    FROM n JOIN history_jobs job ON job.place = CASE WHEN i % 2 = 0 THEN 0 WHEN i % 1000 = 1 THEN :jobs - 1
        ELSE 1 + i % (:jobs - 2) END"""
_TASKS = """
    INSERT INTO task_runs (run_id, position, status, data, updated_at)
    SELECT id, place, CASE WHEN status = 'errored' AND place = 1 THEN 'errored' ELSE 'completed' END, '{"result":"1058375"}',
        updated_at
    FROM runs, (SELECT 0 AS place UNION ALL SELECT 1)"""


async def made_history(root: Path, *, runs: int, jobs: int = 10) -> list[str]:
    """Make a node's database with so many runs of so many jobs, half of them of the first; returns the ids of the jobs. The
    last has one run in a thousand."""
    clock, entropy = SystemClock(), SystemEntropy()
    root.mkdir(mode=0o700)
    database = await open_database("", root=root, lock_timeout=5, clock=clock, version=__version__)
    try:
        made = [
            await stored_jobs.create(
                database,
                Job(id=entropy.new_id(), initiators=(Initiator(type="web"),), tasks=TASKS, created_at=BEGAN * 1000 + n),
            )
            for n in range(jobs)
        ]
    finally:
        await database.close()
    await asyncio.to_thread(_fill, root / "db.sqlite3", made, runs)
    return [job.id for job in made]


def _fill(path: Path, jobs: list[Job], runs: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -200000")
        connection.execute("CREATE TEMP TABLE history_jobs (place INTEGER PRIMARY KEY, id TEXT, initiator INTEGER)")
        rows = [(place, job.id, job.initiators[0].id) for place, job in enumerate(jobs)]
        connection.executemany("INSERT INTO history_jobs VALUES (?, ?, ?)", rows)
        connection.execute("BEGIN")
        connection.execute(_RUNS, {"count": runs, "began": BEGAN, "jobs": len(jobs)})
        connection.execute(_TASKS)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    # On the disk before anything is measured: else the node's own commits wait for this.
    with path.open("rb") as file:
        os.fsync(file.fileno())
