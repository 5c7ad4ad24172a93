"""Numbers for watching, on every database; and that they are read from indexes of what is open."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.storage import counts, keys
from adyton.storage.counts import Oldest, OpenTransactions, Rereads
from adyton.storage.database import Database, Statement

FIRST = "0x" + "01" * 20
SECOND = "0x" + "02" * 20


async def transaction(
    db: Database, number: int, address: str, state: str, nonce: int | None, waiting: str | None = None
) -> None:
    """A transaction created at its number, as far as its state makes it."""
    sent = state in ("unconfirmed", "confirmed", "safe")
    mined = state in ("confirmed", "safe")
    receipt: tuple[Any, ...] = ("{}", 1, "0x", 9) if mined else (None, None, None, None)
    columns = (
        "id, from_address, to_address, data, value, gas_limit, min_confirmations, state, nonce, created_at, broadcast_at, "
        "waiting, receipt, receipt_block, receipt_block_hash, safe_height"
    )
    row = (number, address, "0x", "0x", "0", 1, 1, state, nonce, number, 1 if sent else None, waiting, *receipt)
    await db.write(Statement(f"INSERT INTO transactions ({columns}) VALUES ({', '.join('?' * len(row))})", [row]))


async def attempt(db: Database, number: int, created: int, before: int | None) -> None:
    """A signed attempt of a transaction."""
    columns = "transaction_id, hash, gas_price, raw, state, created_at, broadcast_before"
    row = (number, f"0x{number}{created}", "1", "0x", "broadcast", created, before)
    await db.write(Statement(f"INSERT INTO tx_attempts ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", [row]))


async def test_unfinished_runs_are_counted_by_status(database: Database) -> None:
    columns = "id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input"
    rows = [
        ("1", "in_progress", None), ("2", "pending_confirmations", None), ("3", "pending_confirmations", None),
        ("4", "completed", 1), ("5", "errored", 1), ("6", "cancelled", 1),
    ]  # fmt: skip
    await database.write(Statement("INSERT INTO jobs (id, created_at) VALUES ('j', 1)", [()]))
    await database.write(Statement(f"INSERT INTO runs ({columns}) VALUES (?, 'j', 1, ?, 1, 1, 1, ?, '{{}}')", rows))
    assert await counts.unfinished_runs(database) == {"in_progress": 1, "pending_confirmations": 2}


async def test_open_transactions_are_counted_by_key_and_state(database: Database) -> None:
    await keys.ensure(database, (FIRST, SECOND), 1)
    await transaction(database, 1, FIRST, "safe", 0)
    await transaction(database, 2, FIRST, "confirmed", 1)
    await transaction(database, 3, FIRST, "unconfirmed", 2, "too dear")
    await transaction(database, 4, FIRST, "unconfirmed", 3)
    await transaction(database, 5, SECOND, "in_progress", 7)
    await transaction(database, 6, SECOND, "unstarted", None)
    assert await counts.open_transactions(database) == [
        OpenTransactions(FIRST, "confirmed", 1, 0),
        OpenTransactions(FIRST, "unconfirmed", 2, 1),
        OpenTransactions(SECOND, "in_progress", 1, 0),
        OpenTransactions(SECOND, "unstarted", 1, 0),
    ]


async def test_the_first_of_each_state_is_told_with_its_age(database: Database) -> None:
    await keys.ensure(database, (FIRST, SECOND), 1)
    await transaction(database, 1, FIRST, "safe", 0)
    # A higher id at a lower nonce: the nonce decides, because it is what the others wait for.
    await transaction(database, 8, FIRST, "unconfirmed", 1, "too dear")
    await transaction(database, 3, FIRST, "unconfirmed", 2)
    await attempt(database, 8, 50, 100)
    await attempt(database, 8, 60, None)
    await transaction(database, 9, FIRST, "unstarted", None)
    await transaction(database, 10, FIRST, "unstarted", None)
    await transaction(database, 11, SECOND, "in_progress", 4)
    assert await counts.oldest_transactions(database) == [
        Oldest(FIRST, "unconfirmed", 8, 1, "too dear", 50, 100),
        Oldest(FIRST, "unstarted", 9, None, None, 9, None),
        Oldest(SECOND, "in_progress", 11, 4, None, 11, None),
    ]


async def test_nothing_is_counted_as_nothing(database: Database) -> None:
    assert await counts.unfinished_runs(database) == {}
    assert await counts.open_transactions(database) == []
    assert await counts.oldest_transactions(database) == []
    assert await counts.open_rereads(database) == Rereads(0, 0)
    assert await counts.unclosed_requests(database) == 0
    assert await counts.foreign_nonces(database) == {}
    assert await counts.size(database) > 0


async def test_rereads_that_are_not_done_are_counted_with_their_blocks(database: Database) -> None:
    columns = "reason, from_block, next_block, through_block, every_job, asked_at, finished_at"
    rows = [(1, 5, 9, None), (1, 1, 1, None), (1, 10, 9, 77)]
    await database.write(Statement(f"INSERT INTO rereads ({columns}) VALUES ('', ?, ?, ?, 1, 1, ?)", rows))
    assert await counts.open_rereads(database) == Rereads(2, 6)


async def test_foreign_nonces_are_counted_by_key(database: Database) -> None:
    await keys.ensure(database, (FIRST, SECOND), 1)
    rows = [(FIRST, 3, 5), (FIRST, 9, 9), (SECOND, 0, 0)]
    await database.write(Statement("INSERT INTO foreign_nonces VALUES (?, ?, ?, 1)", rows))
    assert await counts.foreign_nonces(database) == {FIRST: 4, SECOND: 1}


@pytest.mark.parametrize("question", [counts._RUNS, counts._TRANSACTIONS, counts._OLDEST])
async def test_no_question_reads_what_is_finished(database: Database, question: str) -> None:
    if database.dialect != "sqlite":
        return  # PostgreSQL plans by statistics: on small tables it scans whatever indexes there are
    plan = [str(row[3]) for row in await database.read(f"EXPLAIN QUERY PLAN {question}")]
    assert not [
        step for step in plan if step.startswith("SCAN") and "INDEX" not in step and step not in ("SCAN k", "SCAN keys")
    ]
