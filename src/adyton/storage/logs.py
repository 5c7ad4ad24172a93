"""What was decided about each log that matched a job, and the cursor of log intake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from adyton.domain.chain import Hash, Log
from adyton.storage.database import Database, Row, Statement

_INSERT = """
    INSERT INTO log_decisions (block_hash, log_index, job_id, block_number, transaction_hash, contract, request_id,
        decision, reason, run_id, decided_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_AMEND = f"""{_INSERT}
    ON CONFLICT (block_hash, log_index, job_id) DO UPDATE SET request_id = excluded.request_id, decision = excluded.decision,
        reason = excluded.reason, run_id = excluded.run_id, decided_at = excluded.decided_at"""
_ADVANCE = """
    INSERT INTO log_cursor (name, block_number, block_hash) VALUES ('intake', ?, ?)
    ON CONFLICT (name) DO UPDATE SET block_number = excluded.block_number, block_hash = excluded.block_hash"""

RUN_STARTED = "run started"
ALREADY_SEEN = "already seen"
REFUSED = "refused"


class LogDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One log that matched one job, and what came of it; ``reason`` says why when no run started."""

    log: Log
    job_id: str
    decision: str
    request_id: Hash | None = None
    reason: str | None = None
    run_id: str | None = None


class Cursor(msgspec.Struct, frozen=True):
    """Logs have been taken in through this block. The hash is None when the block was only the starting point."""

    block_number: int
    block_hash: Hash | None


def insert(decisions: Iterable[LogDecision], now: int) -> Statement:
    """Statement that writes decisions down. A log already decided violates the primary key: ``Conflict``."""
    return Statement(_INSERT, _rows(decisions, now))


def amend(decisions: Iterable[LogDecision], now: int) -> Statement:
    """Statement that writes down decisions in place of earlier ones about the same logs."""
    return Statement(_AMEND, _rows(decisions, now))


def _rows(decisions: Iterable[LogDecision], now: int) -> list[Row]:
    return [
        (
            d.log.block_hash,
            d.log.log_index,
            d.job_id,
            d.log.block_number,
            d.log.transaction_hash,
            d.log.address,
            d.request_id,
            d.decision,
            d.reason,
            d.run_id,
            now,
        )
        for d in decisions
    ]


def advance(cursor: Cursor) -> Statement:
    """Statement that moves the cursor; it belongs into the write of what was found up to there."""
    return Statement(_ADVANCE, [(cursor.block_number, cursor.block_hash)])


async def cursor(db: Database) -> Cursor | None:
    """Where log intake stands; None before the first block."""
    rows = await db.read("SELECT block_number, block_hash FROM log_cursor WHERE name = 'intake'")
    if not rows:
        return None
    number, block_hash = rows[0]
    return Cursor(int(number or 0), None if block_hash is None else str(block_hash))


async def decided(db: Database, blocks: Sequence[Hash]) -> dict[tuple[Hash, int, str], str | None]:
    """The run that came of each log decided about in these blocks, None if none did, by (block hash, log index, job id)."""
    found: dict[tuple[Hash, int, str], str | None] = {}
    for start in range(0, len(blocks), 500):
        part = tuple(blocks[start : start + 500])
        marks = ", ".join("?" * len(part))
        rows: Any = await db.read(
            f"SELECT block_hash, log_index, job_id, run_id FROM log_decisions WHERE block_hash IN ({marks})", part
        )
        found.update({(block_hash, index, job_id): run_id for block_hash, index, job_id, run_id in rows})
    return found
