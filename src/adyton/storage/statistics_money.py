"""What was earned and spent, in the rows of ``statistics``.

LINK is earned with a request that the chain shows answered: its payment, in the hour in which the request was seen. Gas is
spent with a transaction that has a receipt: gas used × effective price, in the hour in which the transaction was asked for,
for the job of its run. ``adyton ledger`` says the same from the chain alone.

A request says how much of it is counted (``earned``), a transaction how much, for which job, and by the receipt of which
block (``spent``, ``spent_for``, ``spent_in``); both change in the write that counts. Where that differs from what is true
now, the row is in a small index, and what differs is added: so an answer that a reorganisation takes back is taken out again,
and a crash neither loses nor doubles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from adyton.domain.errors import Conflict
from adyton.domain.statistics import Step
from adyton.storage.database import Database, Row, Statement
from adyton.storage.statistics import ALL_JOBS, ALL_TIME

AT_ONCE = 200
"""Requests or transactions that one write counts."""
_TRIES = 20

# The conditions are those of the indexes, word for word.
_REQUESTS = """
    SELECT contract, request_id, job_id, seen_at, COALESCE(earned, ''),
        CASE WHEN closed_as = 'answered' THEN payment ELSE '' END
    FROM requests WHERE COALESCE(earned, '') <> CASE WHEN closed_as = 'answered' THEN payment ELSE '' END
    ORDER BY contract, request_id LIMIT ?"""
_TRANSACTIONS = """
    SELECT t.id, t.created_at, t.spent, t.spent_for, t.receipt, t.receipt_block_hash, r.job_id
    FROM transactions t LEFT JOIN runs r ON r.id = t.run_id
    WHERE COALESCE(t.spent_in, '') <> COALESCE(t.receipt_block_hash, '') ORDER BY t.id LIMIT ?"""
_EARNED = "UPDATE requests SET earned = ? WHERE contract = ? AND request_id = ?"
_SPENT = "UPDATE transactions SET spent = ?, spent_for = ?, spent_in = ? WHERE id = ?"
_KEY = "step = ? AND job_id = ? AND start = ?"
_NEW = f"""
    INSERT INTO statistics (step, job_id, start, runs, completed, errored, cancelled, duration,
        {", ".join(f"took_{n}" for n in range(20))}, last_at)
    VALUES (?, ?, ?, {", ".join(["0"] * 26)}) ON CONFLICT (step, job_id, start) DO NOTHING"""
IS_COUNTED = "COALESCE({0}.spent_in, '') = COALESCE({0}.receipt_block_hash, '')"
"""Condition that what a transaction cost is counted; {0}: the table's name in the query."""


class _Key(NamedTuple):
    step: int
    job_id: str
    start: int


class _Change(NamedTuple):
    """An amount that is added at a time (microseconds), for a job."""

    time: int
    job_id: str
    amount: int


class _Receipt(msgspec.Struct):
    gas_used: int = 0
    effective_gas_price: int | None = None

    @property
    def cost(self) -> int:
        """Wei, as ``adyton ledger`` has it."""
        return self.gas_used * (self.effective_gas_price or 0)


async def count(db: Database, *, limit: int = AT_ONCE) -> bool:
    """Count so many requests and transactions at most; whether there are more. Raises Conflict when somebody else counted them
    meanwhile, and StorageUnavailable."""
    more = await _count_earned(db, limit)
    return await count_spent(db, limit=limit) or more


async def _count_earned(db: Database, limit: int) -> bool:
    rows: Any = await db.read(_REQUESTS, (limit,))
    if rows:
        changes = [_Change(seen, job, int(true or 0) - int(said or 0)) for _, _, job, seen, said, true in rows]
        marks = [(true or None, contract, request_id) for contract, request_id, _, _, _, true in rows]
        await _add(db, "link_earned", changes, Statement(_EARNED, marks))
    return len(rows) == limit


async def count_spent(db: Database, *, limit: int = AT_ONCE) -> bool:
    """As ``count``, only transactions."""
    rows: Any = await db.read(_TRANSACTIONS, (limit,))
    changes: list[_Change] = []
    marks: list[Row] = []
    for number, created, spent, spent_for, text, block_hash, job_id in rows:
        if spent is not None:
            changes.append(_Change(created, spent_for, -int(spent)))
        if text is None:
            marks.append((None, spent_for, None, number))  # whose it was is known only here if its run has let go of it
            continue
        cost, job = msgspec.json.decode(text, type=_Receipt).cost, job_id or spent_for or ALL_JOBS
        changes.append(_Change(created, job, cost))
        marks.append((str(cost), job, block_hash, number))
    if rows:
        await _add(db, "gas_spent", changes, Statement(_SPENT, marks))
    return len(rows) == limit


async def count_all_spent(db: Database) -> None:
    """Count what every transaction cost that has a receipt. Raises StorageUnavailable, and Conflict when others count all the
    time."""
    tries = 0
    while True:
        try:
            if not await count_spent(db):
                return
        except Conflict:
            tries += 1
            if tries == _TRIES:
                raise


# --- adding ----------------------------------------------------------------------------------------------------------


async def _add(db: Database, column: str, changes: Sequence[_Change], marks: Statement) -> None:
    """Add amounts to every row that they belong to, and mark what they come from. Amounts are longer than a database's numbers,
    so a row's sum is read, and written if it is still that: of two that count the same, one fails with Conflict."""
    sums: dict[_Key, int] = defaultdict(int)
    for change in changes:
        for key in _keys(change):
            sums[key] += change.amount
    keys = sorted(sums)
    before = await _sums(db, column, keys)
    rows: list[Row] = [(str(before.get(key, 0)), str(before.get(key, 0) + sums[key]), *key) for key in keys]
    await db.write(
        Statement(_NEW, [tuple(key) for key in keys]),
        Statement(f"UPDATE statistics SET {column} = CASE WHEN {column} = ? THEN ? END WHERE {_KEY}", rows),
        marks,
    )


def _keys(change: _Change) -> list[_Key]:
    starts = [(ALL_TIME, 0), *((step.value, step.floor(change.time)) for step in Step)]
    return [_Key(step, job_id, start) for step, start in starts for job_id in {change.job_id, ALL_JOBS}]


async def _sums(db: Database, column: str, keys: Sequence[_Key]) -> Mapping[_Key, int]:
    found: dict[_Key, int] = {}
    for start in range(0, len(keys), 100):
        part = keys[start : start + 100]
        rows: Any = await db.read(
            f"SELECT step, job_id, start, {column} FROM statistics WHERE {' OR '.join([f'({_KEY})'] * len(part))}",
            tuple(value for key in part for value in key),
        )
        found |= {_Key(step, job_id, start): int(amount) for step, job_id, start, amount in rows}
    return found
