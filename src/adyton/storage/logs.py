"""What was decided about each log that matched a job, and the cursor of log intake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from adyton.domain.chain import Hash, Log
from adyton.storage.database import Database, Row, Statement
from adyton.storage.requests import storable

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

_A_DAY = 24 * 3600 * 1_000_000
_LINGERING = """
    SELECT id FROM jobs WHERE archived_at IS NOT NULL AND (
        id IN (SELECT job_id FROM runs
            WHERE status NOT IN ('errored', 'completed', 'cancelled') AND request_id IS NOT NULL)
        OR id IN (SELECT job_id FROM runs
            WHERE status IN ('errored', 'completed', 'cancelled') AND status = 'cancelled' AND updated_at > ?
                AND left_chain IS NOT NULL AND superseded_by IS NULL))
    ORDER BY id"""

_BEGIN = "UPDATE initiators SET from_block = ? WHERE type = 'ethlog' AND from_block IS NULL"

RUN_STARTED = "run started"
ALREADY_SEEN = "already seen"
REFUSED = "refused"


class LogDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One log that matched one job, and what came of it; ``reason`` says why when no run started. ``subscription`` is the
    initiator that decided, where each of a job's decides for itself (ethlog)."""

    log: Log
    job_id: str
    decision: str
    subscription: str | None = None
    request_id: Hash | None = None
    reason: str | None = None
    run_id: str | None = None

    @property
    def kept_under(self) -> str:
        """What stands in the column ``job_id``: with block and log index the key, so that none decides twice."""
        return self.subscription or self.job_id


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
            d.kept_under,
            d.log.block_number,
            d.log.transaction_hash,
            d.log.address,
            d.request_id,
            d.decision,
            storable(d.reason),
            d.run_id,
            now,
        )
        for d in decisions
    ]


def advance(cursor: Cursor) -> Statement:
    """Statement that moves the cursor; it belongs into the write of what was found up to there."""
    return Statement(_ADVANCE, [(cursor.block_number, cursor.block_hash)])


def begins(block: int) -> Statement:
    """Statement that lets the ethlog initiators which do not say where they begin do so at a block."""
    return Statement(_BEGIN, [(block,)])


async def cursor(db: Database) -> Cursor | None:
    """Where log intake stands; None before the first block."""
    rows = await db.read("SELECT block_number, block_hash FROM log_cursor WHERE name = 'intake'")
    if not rows:
        return None
    number, block_hash = rows[0]
    return Cursor(int(number or 0), None if block_hash is None else str(block_hash))


async def decided(db: Database, blocks: Sequence[Hash]) -> dict[tuple[Hash, int, str], str | None]:
    """The run that came of each log decided about in these blocks, None if none did, by (block hash, log index, who
    decided)."""
    found: dict[tuple[Hash, int, str], str | None] = {}
    for start in range(0, len(blocks), 500):
        part = tuple(blocks[start : start + 500])
        marks = ", ".join("?" * len(part))
        rows: Any = await db.read(
            f"SELECT block_hash, log_index, job_id, run_id FROM log_decisions WHERE block_hash IN ({marks})", part
        )
        found.update({(block_hash, index, job_id): run_id for block_hash, index, job_id, run_id in rows})
    return found


async def lingering(db: Database, now: int) -> list[str]:
    """The archived jobs whose runs may still follow their logs: those not finished, and those that were lately cancelled
    because their log had left the chain."""
    rows = await db.read(_LINGERING, (now - _A_DAY,))
    return [str(job_id) for (job_id,) in rows]
