"""Transactions as an operator sees them: lists, wishes, and transactions that no task asked for.

A wish is a column of the row. It is cleared in the write that stores its effect, and only if it is still the same wish, so an
operator who changes his mind meanwhile is not forgotten.
"""

from __future__ import annotations

import msgspec

from adyton.domain.chain import Address, Hash
from adyton.domain.transactions import Fee, SignedTransaction, Transaction, TransactionRequest, TransactionState
from adyton.domain.wishes import CANCELLED, Wish
from adyton.storage import transactions as stored
from adyton.storage.changes import TRANSACTION_CHANGE
from adyton.storage.database import Database, Row, Statement
from adyton.storage.transaction_rows import select

_INSERT = f"""
    INSERT INTO transactions (from_address, to_address, data, value, gas_limit, min_confirmations, state, created_at, purpose,
        idempotency_key, change)
    VALUES (?, ?, ?, ?, ?, ?, 'unstarted', ?, ?, ?, {TRANSACTION_CHANGE})
    ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id"""
_WISH = f"""
    UPDATE transactions SET state = CASE WHEN state = ? AND nonce IS NOT NULL THEN state END, wish = ?, wish_price = ?,
        change = {TRANSACTION_CHANGE}
    WHERE id = ?"""
_DONE = f"""
    UPDATE transactions SET wish = NULL, wish_price = NULL, change = {TRANSACTION_CHANGE}
    WHERE id = ? AND wish = ? AND wish_price IS NOT DISTINCT FROM ?"""


# --- reading ---------------------------------------------------------------------------------------------------------


async def get(db: Database, transaction_id: int) -> Transaction | None:
    """The transaction of that row, or None."""
    found = await select(db, "WHERE t.id = ?", (transaction_id,))
    return found[0] if found else None


async def by_hash(db: Database, attempt: Hash) -> Transaction | None:
    """The transaction that an attempt of that hash belongs to, or None."""
    found = await select(db, "WHERE t.id IN (SELECT transaction_id FROM tx_attempts WHERE hash = ?)", (attempt,))
    return found[0] if found else None


async def by_key(db: Database, idempotency_key: str) -> Transaction | None:
    """The transaction that a caller asked for under a key of his own, or None."""
    found = await select(db, "WHERE t.idempotency_key = ?", (idempotency_key,))
    return found[0] if found else None


async def lowest_open(db: Database, sender: Address) -> Transaction | None:
    """The key's lowest nonce that may have been sent and is not mined, or None: whatever keeps it keeps those behind it."""
    found: list[Transaction] = []
    for state in ("unconfirmed", "in_progress"):
        found += await select(db, f"WHERE t.state = '{state}' AND t.from_address = ? ORDER BY t.nonce LIMIT 1", (sender,))
    return min(found, key=lambda each: each.nonce or 0) if found else None


async def oldest_unstarted(db: Database, sender: Address) -> Transaction | None:
    """The key's transaction that gets the next nonce, or None."""
    rows = await stored.unstarted(db, sender, 1)
    return rows[0] if rows else None


class Waiting(msgspec.Struct, frozen=True):
    """How many of a key's transactions have no nonce yet, and how many may have been sent and are not mined."""

    unstarted: int
    sent: int


async def waiting(db: Database, sender: Address) -> Waiting:
    """How much waits behind a key."""
    ((unstarted,),) = await db.read(
        "SELECT COUNT(*) FROM transactions WHERE state = 'unstarted' AND from_address = ?", (sender,)
    )
    ((sent,),) = await db.read("SELECT COUNT(*) FROM transactions WHERE state = 'unconfirmed' AND from_address = ?", (sender,))
    ((one,),) = await db.read("SELECT COUNT(*) FROM transactions WHERE state = 'in_progress' AND from_address = ?", (sender,))
    return Waiting(int(unstarted or 0), int(sent or 0) + int(one or 0))


async def wished(db: Database, sender: Address) -> list[Transaction]:
    """The key's unconfirmed transactions that an operator wants something of, lowest nonce first."""
    found = await select(db, "WHERE t.wish IS NOT NULL ORDER BY t.id", ())
    mine = [each for each in found if each.from_address == sender and each.state is TransactionState.UNCONFIRMED]
    return sorted(mine, key=lambda each: each.nonce or 0)


# --- writing: what an operator asks for ------------------------------------------------------------------------------


def insert(
    request: TransactionRequest,
    *,
    sender: Address,
    gas_limit: int,
    min_confirmations: int,
    purpose: str,
    idempotency_key: str | None,
    now: int,
) -> Statement:
    """Statement that leaves a transaction which no task asked for; it returns its id, or nothing when there is one under the
    same key of the caller."""
    limit = gas_limit if request.gas_limit is None else request.gas_limit
    row = (sender, request.to, request.data, str(request.value), limit, min_confirmations, now, purpose, idempotency_key)
    return Statement(_INSERT, [row], returning=True)


def wish(transaction: Transaction, wanted: Wish, price: int | None) -> Statement:
    """Statement that leaves a wish for a transaction that has a nonce. Conflict if it is not in the same state any more."""
    return Statement(_WISH, [(transaction.state.value, wanted.value, _text(price), transaction.id)])


def cancelled(transaction_id: int) -> Statement:
    """Statement that gives a transaction up that has no nonce. Conflict if it has one by now."""
    return stored.rejected(transaction_id, CANCELLED)


# --- writing: what comes of a wish -----------------------------------------------------------------------------------


def done(transaction: Transaction) -> Statement:
    """Statement that clears a wish, unless it is another one by now. It belongs into the write that stores its effect."""
    row: Row = (transaction.id, transaction.wish, _text(transaction.wish_price))
    return Statement(_DONE, [row])


def replaced(transaction: Transaction, signed: SignedTransaction, fee: Fee, now: int, *, noop: bool) -> tuple[Statement, ...]:
    """Statements that store what takes a transaction's place, before it is sent, and clear the wish for it."""
    return (*stored.bump_added(transaction.id, signed, fee, now, noop=noop), done(transaction))


def _text(price: int | None) -> str | None:
    return None if price is None else str(price)
