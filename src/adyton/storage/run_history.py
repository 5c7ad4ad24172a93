"""Runs that nobody has to know any more.

What came of a request does not go with its run: the reason is written into the request's row in the same write, and a run whose
request has neither an end nor a reason stays. So does one that a reorganisation may still concern: whose request or transaction
is not as deep as finality.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from adyton.domain.runs import RunStatus
from adyton.storage import changes, list_tables, statistics, statistics_money
from adyton.storage.database import Database, Statement, Value

_FINISHED = "('errored', 'completed', 'cancelled')"
_SETTLED = "('safe', 'fatal_error')"
_SENDS = """EXISTS (
    SELECT 1 FROM task_specs s
    WHERE s.job_id = r.job_id AND s.version = r.job_version AND s.type IN ('ethtx', 'ethtxabiencode'))"""
_ANSWERED = """EXISTS (
    SELECT 1 FROM transactions t WHERE t.run_id = r.id AND t.receipt_status = 1
        AND NOT EXISTS (SELECT 1 FROM tx_attempts a WHERE a.transaction_id = t.id AND a.noop = 1))"""
# As ``domain.fates`` says when there is a reason.
_HAS_REASON = f"""(
    q.decision = 'refused'
    OR (COALESCE(r.error, '') <> '' AND NOT (r.status = 'errored' AND r.request_block <> q.block_hash))
    OR (r.status = 'completed' AND NOT {_SENDS}))"""
_DELETABLE = f"""
    SELECT r.id, r.version, r.updated_at, r.job_id, r.error, q.contract, q.request_id, q.reason, q.closed_as,
        r.change
    FROM runs r LEFT JOIN requests q ON q.contract = r.contract AND q.request_id = r.request_id AND q.run_id = r.id
    WHERE r.status IN {_FINISHED} AND r.updated_at < ? AND (r.updated_at, r.id) > (?, ?)
        AND (r.creation_height IS NULL OR r.creation_height < ?)
        AND (r.left_chain IS NULL OR r.superseded_by IS NOT NULL OR r.left_chain < ?)
        AND NOT EXISTS (
            SELECT 1 FROM transactions t
            WHERE t.run_id = r.id AND (t.state NOT IN {_SETTLED} OR t.receipt_block >= ?))
        AND (q.run_id IS NULL OR q.closed_as = 'answered'
            OR ((q.closed_as IS NOT NULL OR {_HAS_REASON}) AND NOT {_ANSWERED}))
        AND NOT EXISTS (SELECT 1 FROM sync_events e WHERE e.run_id = r.id AND e.body = '')
        AND NOT {statistics.waits("r")}
        AND r.status IN """
# A run that went on meanwhile, or was put in another's place, and a transaction that left its block: Conflict.
_FENCE = f"""
    UPDATE runs SET version = CASE
        WHEN version = ? AND status IN {_FINISHED} AND NOT EXISTS (
            SELECT 1 FROM transactions t WHERE t.run_id = runs.id AND t.state NOT IN {_SETTLED})
        THEN version + 1 END
    WHERE id = ?"""
_CLOSE = """
    UPDATE requests SET decision = 'refused', reason = ?, run_id = NULL
    WHERE contract = ? AND request_id = ? AND run_id = ? AND closed_as IS NULL"""
_DELETE = "DELETE FROM runs WHERE id = ?"


class Place(NamedTuple):
    """A place in the history: when a run last changed (microseconds), and its id."""

    updated_at: int
    run_id: str


BEGINNING = Place(-(2**62), "")


class Deleted(NamedTuple):
    """How many runs were deleted, and where the next chunk begins; None when that was the last."""

    runs: int
    behind: Place | None


async def delete(
    db: Database, statuses: Collection[RunStatus], *, before: int, settled: int, behind: Place = BEGINNING, limit: int
) -> Deleted:
    """Delete a chunk of finished runs of these statuses that last changed before a time (microseconds), the oldest first behind
    a place. ``settled`` is the height below which the chain does not change any more.

    Raises Conflict when one of them changed in between; nothing was deleted then, and the chunk can be asked for again.
    """
    wanted = sorted(statuses)
    if not wanted:
        return Deleted(0, None)
    # So that nothing is deleted that is not counted; what ends meanwhile stays for another time.
    await statistics.count_everything(db)
    await statistics_money.count_all_spent(db)
    marks = ", ".join("?" * len(wanted))
    rows: Any = await db.read(
        f"{_DELETABLE} ({marks}) ORDER BY r.updated_at, r.id LIMIT ?",
        (before, *behind, settled, settled, settled, *wanted, limit),
    )
    if not rows:
        return Deleted(0, None)
    open_requests = [
        (_reason(reason, error, job_id), contract, request_id, run_id)
        for run_id, _, _, job_id, error, contract, request_id, reason, closed_as, _ in rows
        if contract is not None and closed_as is None
    ]
    await db.write(
        Statement(_FENCE, [(version, run_id) for run_id, version, *_ in rows]),
        *([Statement(_CLOSE, open_requests)] if open_requests else ()),
        changes.runs_deleted(max(row[-1] for row in rows)),
        list_tables.touched(list_tables.RUNS, [str(row[0]) for row in rows], gone=len(rows)),
        list_tables.forgotten(),
        Statement(_DELETE, [(run_id,) for run_id, *_ in rows]),
    )
    last = rows[-1]
    return Deleted(len(rows), Place(last[2], last[0]) if len(rows) == limit else None)


def _reason(reason: Value, error: Value, job_id: str) -> str:
    return str(reason or error or f"job {job_id} sends no answer: it has no ethtx task")
