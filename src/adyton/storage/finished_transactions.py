"""Transactions that nobody has to know any more."""

from __future__ import annotations

from adyton.storage import changes, list_tables, statistics_money
from adyton.storage.database import Database, Row, Statement

# What stays, however old: the newest nonce of a key, from which the next one is derived; what a caller may ask for again by
# its own key; and an answer that succeeded but is not noted with its request.
_OLD = f"""
        SELECT t.id FROM transactions t
        WHERE t.state IN ('safe', 'fatal_error') AND t.created_at < ?
            AND (t.state = 'fatal_error' OR t.receipt_block < ?)
            AND t.idempotency_key IS NULL
            AND {statistics_money.IS_COUNTED.format("t")}
            AND (t.nonce IS NULL OR t.nonce < (
                SELECT MAX(n.nonce) FROM transactions n WHERE n.from_address = t.from_address AND n.nonce IS NOT NULL))
            AND NOT EXISTS (
                SELECT 1 FROM runs r WHERE r.id = t.run_id AND r.status NOT IN ('errored', 'completed', 'cancelled'))
            AND NOT (t.state = 'safe' AND t.receipt_status = 1 AND EXISTS (
                SELECT 1 FROM runs r JOIN requests q ON q.contract = r.contract AND q.request_id = r.request_id
                WHERE r.id = t.run_id AND q.closed_as IS NULL))
        ORDER BY t.created_at, t.id LIMIT ?"""
_REAP = f"DELETE FROM transactions WHERE id IN ({_OLD}) RETURNING id"


async def reap(db: Database, *, before: int, below: int, limit: int) -> int:
    """Delete transactions, and their attempts, that were asked for before a time (microseconds), can change no more (mined
    below a height, or failed for good) and whose run is finished; the oldest first, so many at most. Returns how many."""
    # So that what they cost is counted before they are gone.
    await statistics_money.count_all_spent(db)
    which: Row = (before, below, limit)
    (rows,) = await db.write(
        changes.transactions_deleted(_OLD, which),
        list_tables.gone(list_tables.TRANSACTIONS, f"id IN ({_OLD})", [which]),
        list_tables.gone(list_tables.ATTEMPTS, f"transaction_id IN ({_OLD})", [which]),
        list_tables.forgotten(),
        Statement(_REAP, [which], returning=True),
    )
    return len(rows)
