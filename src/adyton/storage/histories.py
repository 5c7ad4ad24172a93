"""What rows remember of one thing: for people who ask what became of it, not for anything that runs often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adyton.domain.chain import Address, Hash
from adyton.domain.runs import Run
from adyton.domain.transactions import Transaction
from adyton.storage import runs
from adyton.storage.database import Database
from adyton.storage.jobs import JobLookup
from adyton.storage.transaction_rows import chunks, marks, select


class Decided(msgspec.Struct, frozen=True, array_like=True):
    """What was decided about a log; ``at`` is in microseconds, ``job_id`` as ``LogDecision.kept_under``."""

    log_index: int
    job_id: str
    decision: str
    reason: str | None
    at: int
    run_id: str | None = None


async def runs_of_request(db: Database, jobs: JobLookup, contract: Address, request_id: Hash, newest: str | None) -> list[Run]:
    """Every run that a request has had, oldest first: its newest, and those that gave their place. Reads the whole table."""
    rows = await db.read(
        "SELECT id FROM runs WHERE superseded_by IS NOT NULL AND contract = ? AND request_id = ? ORDER BY id",
        (contract, request_id),
    )
    ids = [str(run_id) for (run_id,) in rows]
    return await runs.many(db, [*ids, newest] if newest is not None and newest not in ids else ids, jobs)


async def task_times(db: Database, run_ids: Sequence[str]) -> dict[tuple[str, int], int]:
    """When each task run last changed, in microseconds, by run and position; those that have not begun are left out."""
    found: dict[tuple[str, int], int] = {}
    for chunk in chunks(run_ids):
        rows: Any = await db.read(
            f"SELECT run_id, position, updated_at FROM task_runs WHERE run_id IN ({marks(chunk)})", tuple(chunk)
        )
        found.update({(run_id, position): at for run_id, position, at in rows})
    return found


async def transaction_of_attempt(db: Database, attempt: Hash) -> Transaction | None:
    """The transaction that an attempt with that hash was made for."""
    rows = await db.read("SELECT transaction_id FROM tx_attempts WHERE hash = ?", (attempt,))
    return (await select(db, "WHERE t.id = ?", (rows[0][0],)))[0] if rows else None


async def decisions(db: Database, block_hash: Hash, log_index: int) -> list[Decided]:
    """What was decided about a log."""
    rows: Any = await db.read(
        "SELECT log_index, job_id, decision, reason, decided_at, run_id FROM log_decisions "
        "WHERE block_hash = ? AND log_index = ? ORDER BY job_id",
        (block_hash, log_index),
    )
    return [Decided(*row) for row in rows]


async def event_runs(db: Database, block_hash: Hash, transaction_hash: Hash, *, limit: int) -> list[str]:
    """The runs that logs of a transaction started which asked for nothing, those of the first logs first. Reads the decisions
    about its block."""
    rows = await db.read(
        "SELECT run_id FROM log_decisions WHERE block_hash = ? AND transaction_hash = ? "
        "AND substr(request_id, 1, 4) = 'log:' AND run_id IN (SELECT id FROM runs) ORDER BY log_index, job_id LIMIT ?",
        (block_hash, transaction_hash, limit),
    )
    return [str(run_id) for (run_id,) in rows]
