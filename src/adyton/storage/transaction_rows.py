"""Rows of transactions and attempts as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adyton.domain.chain import Hash, Receipt
from adyton.domain.transactions import Attempt, Fee, Transaction, TransactionState
from adyton.storage.database import Database, Row, Value

COLUMNS = (
    "t.id, t.run_id, t.task_position, t.from_address, t.to_address, t.data, t.value, t.gas_limit, t.gas_price, "
    "t.min_confirmations, t.state, t.nonce, t.created_at, t.broadcast_at, t.error, t.waiting, t.waiting_since, t.receipt, "
    "t.revert_reason, t.receipt_status, t.purpose, t.idempotency_key, t.wish, t.wish_price"
)
_ATTEMPT_COLUMNS = "id, transaction_id, hash, gas_price, tip_cap, fee_cap, raw, state, created_at, broadcast_before, noop"
CHUNK = 400
"""Parameters of one query."""
TRANSACTIONS = f"SELECT {COLUMNS} FROM transactions t"
"""Begins a query for ``bare`` and ``with_attempts``."""
ATTEMPTS = f"SELECT {_ATTEMPT_COLUMNS} FROM tx_attempts"
"""Begins a query for ``attempt_of``."""


async def select(db: Database, where: str, params: tuple[Value, ...]) -> list[Transaction]:
    """Transactions with their attempts. Two reads: what happens between them may show in the attempts only."""
    return await with_attempts(db, await db.read(f"{TRANSACTIONS} {where}", params))


async def with_attempts(db: Database, found: Sequence[Row]) -> list[Transaction]:
    """The transactions of rows of ``TRANSACTIONS``, with their attempts."""
    rows = [bare(row) for row in found]
    attempts: dict[int, list[Attempt]] = {}
    for chunk in chunks([transaction.id for transaction in rows]):
        for attempt in await attempts_where(db, f"WHERE transaction_id IN ({marks(chunk)}) ORDER BY id", tuple(chunk)):
            attempts.setdefault(attempt.transaction_id, []).append(attempt)
    return [msgspec.structs.replace(found, attempts=tuple(attempts.get(found.id, ()))) for found in rows]


async def attempts_where(db: Database, where: str, params: tuple[Value, ...]) -> list[Attempt]:
    """Attempts, of whatever transactions."""
    return [attempt_of(row) for row in await db.read(f"{ATTEMPTS} {where}", params)]


def bare(row: Row) -> Transaction:
    """The transaction of a row of ``COLUMNS``, without its attempts."""
    values: Any = row  # a row's columns are what the schema says
    return Transaction(
        id=values[0],
        run_id=values[1],
        task_position=values[2],
        from_address=values[3],
        to_address=values[4],
        data=values[5],
        value=int(values[6]),
        gas_limit=values[7],
        gas_price=_amount(values[8]),
        min_confirmations=values[9],
        state=TransactionState(values[10]),
        nonce=values[11],
        created_at=values[12],
        broadcast_at=values[13],
        error=values[14],
        waiting=values[15],
        waiting_since=values[16],
        receipt=None if values[17] is None else msgspec.json.decode(values[17], type=Receipt),
        revert_reason=values[18],
        receipt_status=values[19],
        purpose=values[20],
        idempotency_key=values[21],
        wish=values[22],
        wish_price=_amount(values[23]),
    )


def attempt_of(row: Row) -> Attempt:
    """The attempt of a row of ``ATTEMPTS``."""
    values: Any = row  # as above
    return Attempt(
        id=values[0],
        transaction_id=values[1],
        hash=values[2],
        fee=Fee(gas_price=_amount(values[3]), tip_cap=_amount(values[4]), fee_cap=_amount(values[5])),
        raw=values[6],
        state=values[7],
        created_at=values[8],
        broadcast_before=values[9],
        noop=values[10] == 1,
    )


class Mined(msgspec.Struct, frozen=True):
    """Where a confirmed transaction was mined, as far as its depth is concerned. ``answer`` is its hash if it did what its run
    wanted of the contract that was asked: it succeeded, and no no-op was mined in its place."""

    id: int
    run_id: str | None
    block: int
    block_hash: Hash
    answer: Hash | None = None


class _Hash(msgspec.Struct):
    transaction_hash: Hash


# The no-op is told from the transaction by its hash, which is in the receipt of the one that was mined.
MINED = """
    SELECT t.id, t.run_id, t.receipt_block, t.receipt_block_hash,
        CASE WHEN t.receipt_status = 1 AND t.run_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM tx_attempts a
            WHERE a.transaction_id = t.id AND a.noop = 1 AND t.receipt LIKE '%' || a.hash || '%')
            AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = t.run_id AND r.contract <> t.to_address)
        THEN t.receipt END, t.nonce
    FROM transactions t"""
"""Begins a query for ``mined``; ends in the nonce."""


def mined(row: Row) -> Mined:
    """The value of a row of ``MINED``."""
    values: Any = row  # as above
    answer = None if values[4] is None else msgspec.json.decode(values[4], type=_Hash).transaction_hash
    return Mined(values[0], values[1], values[2], values[3], answer)


def _amount(text: str | None) -> int | None:
    return None if text is None else int(text)


def marks(values: Sequence[object]) -> str:
    """A question mark for each value."""
    return ", ".join("?" * len(values))


def chunks(values: Sequence[Any]) -> list[Sequence[Any]]:
    """The values in parts that one query can take."""
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]
