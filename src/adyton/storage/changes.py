"""What changed, in the order in which it can be read, for those who watch.

Every write that makes a run or a transaction look different gives its row the next ``change``: a number above every other that
was ever given in the table. Writes are done one after the other (see ``writer``), so a row that is not there yet when one reads
will have a higher number than all that are; who has read up to a number misses nothing by reading on behind it. A write that
deletes rows notes their highest number, so that it is not given again, and so that one can tell who has missed something.
"""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.storage import facts
from adyton.storage.database import Database, Row, Statement

_RUNS_DELETED = "runs deleted through change"
_TRANSACTIONS_DELETED = "transactions deleted through change"
_TRANSACTIONS_TAKEN_BACK = "transactions taken back through change"
_NEXT = (
    "(SELECT MAX(n) FROM (SELECT MAX(change) + 1 AS n FROM {} UNION ALL "
    "SELECT CAST(value AS BIGINT) + 1 FROM node_facts WHERE name IN ('{}') UNION ALL SELECT 1) numbers)"
)
RUN_CHANGE = _NEXT.format("runs", _RUNS_DELETED)
"""SQL of the next number of a run, for a column ``change`` that is written."""
TRANSACTION_CHANGE = _NEXT.format("transactions", f"{_TRANSACTIONS_DELETED}', '{_TRANSACTIONS_TAKEN_BACK}")
"""The same for a transaction."""
_FOLLOWING = f"SELECT {RUN_CHANGE}, {TRANSACTION_CHANGE}"

_RUNS = """
    SELECT change, id, job_id, status, version, created_at, updated_at, finished_at, error, request_id, superseded_by
    FROM runs WHERE change > ? ORDER BY change LIMIT ?"""
_TRANSACTIONS = """
    SELECT t.change, t.id, t.state, t.run_id, r.job_id, t.from_address, t.to_address, t.nonce, t.waiting, t.error,
        t.receipt_block, t.receipt_status,
        (SELECT a.hash FROM tx_attempts a WHERE a.transaction_id = t.id ORDER BY a.id DESC LIMIT 1)
    FROM transactions t LEFT JOIN runs r ON r.id = t.run_id WHERE t.change > ? ORDER BY t.change LIMIT ?"""
_HIGHER = """
    ON CONFLICT (name) DO UPDATE SET value = CASE
        WHEN CAST(excluded.value AS BIGINT) > CAST(node_facts.value AS BIGINT) THEN excluded.value ELSE node_facts.value END"""
_NOTE = f"INSERT INTO node_facts (name, value) VALUES (?, ?){_HIGHER}"
_NOTE_TRANSACTIONS = f"""
    INSERT INTO node_facts (name, value)
    SELECT name, highest FROM (
        SELECT '{{}}' AS name, CAST(MAX(change) AS TEXT) AS highest FROM transactions WHERE id IN ({{}})) deleted
    WHERE highest IS NOT NULL{_HIGHER}"""


class Place(msgspec.Struct, frozen=True):
    """How far somebody has read: the number of the last change of a run, and of a transaction."""

    runs: int = 0
    transactions: int = 0


class RunChange(msgspec.Struct, frozen=True):
    """A run as it looks since a change. Times are microseconds."""

    change: int
    id: str
    job_id: str
    status: str
    version: int
    created_at: int
    updated_at: int
    finished_at: int | None
    error: str | None
    request_id: str | None
    superseded_by: str | None


class TransactionChange(msgspec.Struct, frozen=True):
    """A transaction as it looks since a change; ``hash`` is that of its newest attempt."""

    change: int
    id: int
    state: str
    run_id: str | None
    job_id: str | None
    from_address: str
    to_address: str
    nonce: int | None
    waiting: str | None
    error: str | None
    block: int | None
    receipt_status: int | None
    hash: str | None


async def newest(db: Database) -> Place:
    """The place behind everything that there is, or was before it was deleted or taken back: nobody has read further."""
    found: Any = await db.read(_FOLLOWING)
    return Place(found[0][0] - 1, found[0][1] - 1)


async def runs(db: Database, behind: int, *, limit: int) -> list[RunChange]:
    """The runs that changed behind a number, in the order of their changes; each once, as it is now."""
    rows: Any = await db.read(_RUNS, (behind, limit))
    return [RunChange(*row) for row in rows]


async def transactions(db: Database, behind: int, *, limit: int) -> list[TransactionChange]:
    """The same for transactions."""
    rows: Any = await db.read(_TRANSACTIONS, (behind, limit))
    return [TransactionChange(*row) for row in rows]


async def deleted(db: Database) -> Place:
    """The highest numbers of what was deleted: who has read less far may have missed something for good."""
    runs, transactions = await facts.get(db, _RUNS_DELETED), await facts.get(db, _TRANSACTIONS_DELETED)
    return Place(int(runs or 0), int(transactions or 0))


def runs_deleted(through: int) -> Statement:
    """Statement that notes the highest number of runs that are deleted; it belongs into that write."""
    return Statement(_NOTE, [(_RUNS_DELETED, str(through))])


def transactions_deleted(which: str, params: Row, *, unsent: bool = False) -> Statement:
    """Statement that notes the highest number of the transactions whose ids ``which`` (SQL) selects; it belongs into the write
    that deletes them, before that. ``unsent``: they are taken back, which nobody is told of but by their runs."""
    name = _TRANSACTIONS_TAKEN_BACK if unsent else _TRANSACTIONS_DELETED
    return Statement(_NOTE_TRANSACTIONS.format(name, which), [params])
