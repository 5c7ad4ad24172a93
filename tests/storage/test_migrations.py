"""What becomes of the rows of an older version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adyton.storage import migrate, statistics, statistics_money
from adyton.storage.database import Database, Statement
from adyton.storage.migrate import migrations
from support.databases import PostgresServer, open_url

HASH = "0x" + "ab" * 32
BLOCK = "0x" + "cd" * 32
CONTRACT, NODE = "0x" + "0a" * 20, "0x" + "9d" * 20


@pytest.fixture(params=["sqlite", "postgresql"])
async def where(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """The URL and root of an empty database."""
    if request.param == "sqlite":
        yield "", tmp_path
        return
    server: PostgresServer = request.getfixturevalue("server")
    url = await server.empty_database()
    yield url, tmp_path
    await server.drop(url)


async def opened(where: tuple[str, Path]) -> Database:
    return await open_url(where[0], root=where[1])


async def a_run(db: Database, number: int, *, status: str, receipt_status: int | None) -> None:
    """A run of a request and its transaction, as version 1 stored them."""
    run, request = f"run{number}", f"0x{number:064x}"
    finished = 9 if status == "completed" else None
    await db.write(
        Statement(
            "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input, payment, "
            "creation_height, contract, request_id, request_tx, request_block, request_log, requester) "
            "VALUES (?, 'job', 1, ?, 1, 5, 6, ?, '{}', '7', 10, ?, ?, ?, ?, 3, ?)",
            [(run, status, finished, CONTRACT, request, HASH, BLOCK, NODE)],
        )
    )
    if receipt_status is None:
        return
    tx = f"0x{number + 100:064x}"
    receipt = f'{{"transaction_hash":"{tx}","status":{receipt_status}}}'
    await db.write(
        Statement(
            "INSERT INTO transactions (id, run_id, task_position, from_address, to_address, data, value, gas_limit, "
            "min_confirmations, state, nonce, created_at, broadcast_at, safe_height, receipt_block, receipt_block_hash, "
            "receipt) "
            "VALUES (?, ?, 0, ?, ?, '0x', '0', 500000, 1, 'safe', ?, 5, 5, 12, 12, ?, ?)",
            [(number, run, NODE, CONTRACT, number, BLOCK, receipt)],
        ),
        Statement(
            "INSERT INTO tx_attempts (transaction_id, hash, gas_price, raw, state, created_at) "
            "VALUES (?, ?, '1', '0x', 'broadcast', 5)",
            [(number, tx)],
        ),
    )


async def test_requests_of_version_1_get_their_rows_and_ends(where: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first = migrations()[:1]
    with monkeypatch.context() as older:
        older.setattr(migrate, "migrations", lambda: first)
        db = await opened(where)
        await db.write(
            Statement("INSERT INTO jobs (id, created_at) VALUES ('job', 1)", [()]),
            Statement("INSERT INTO keys (address, next_nonce, created_at) VALUES (?, 9, 1)", [(NODE,)]),
        )
        await a_run(db, 1, status="completed", receipt_status=1)
        await a_run(db, 2, status="completed", receipt_status=0)
        await a_run(db, 3, status="pending_confirmations", receipt_status=None)
        await db.close()

    db = await opened(where)
    rows = await db.read(
        "SELECT request_id, run_id, decision, closed_as, closed_tx, closed_block FROM requests ORDER BY run_id"
    )
    statuses = await db.read("SELECT id, receipt_status FROM transactions ORDER BY id")
    attempts = await db.read("SELECT noop FROM tx_attempts")
    while await statistics.count(db, limit=1) or await statistics_money.count(db, limit=1):
        pass
    (counted,) = (await statistics.of_jobs(db, ["job"])).values()
    await db.close()

    assert rows == [
        (f"0x{1:064x}", "run1", "run started", "answered", f"0x{101:064x}", 12),
        (f"0x{2:064x}", "run2", "run started", None, None, None),
        (f"0x{3:064x}", "run3", "run started", None, None, None),
    ]
    assert statuses == [(1, 1), (2, 0)]
    assert attempts == [(0,), (0,)]
    assert (counted.runs, counted.completed, counted.link_earned) == (2, 2, 7)
