"""Nonces that nothing holds although those behind them wait for them."""

from __future__ import annotations

import msgspec

from adyton.domain.chain import Address
from adyton.domain.transactions import Fee, SignedTransaction
from adyton.storage import foreign_nonces
from adyton.storage.changes import TRANSACTION_CHANGE
from adyton.storage.database import Database, Statement
from adyton.storage.foreign_nonces import ForeignNonces

# The lowest open nonce from a nonce on, and when it was first sent. A row that is mined holds its nonce: either the chain has
# used it, or a reorganisation is about to be noticed.
_FIRST_HELD = """
    SELECT t.nonce, t.state, (SELECT MIN(a.created_at) FROM tx_attempts a WHERE a.transaction_id = t.id)
    FROM transactions t WHERE t.from_address = ? AND t.nonce IS NOT NULL AND t.nonce >= ? ORDER BY t.nonce LIMIT 1"""
_FILL = f"""
    INSERT INTO transactions (from_address, to_address, data, value, gas_limit, min_confirmations, state, nonce, created_at,
        broadcast_at, change)
    VALUES (?, ?, '0x', '0', ?, 1, 'unconfirmed', ?, ?, 0, {TRANSACTION_CHANGE})"""
_FILL_ATTEMPT = """
    INSERT INTO tx_attempts (transaction_id, hash, gas_price, tip_cap, fee_cap, raw, state, created_at, noop)
    SELECT t.id, ?, ?, ?, ?, ?, 'in_progress', ?, 1 FROM transactions t WHERE t.from_address = ? AND t.nonce = ?"""
_FORGET = "DELETE FROM foreign_nonces WHERE from_address = ? AND first_nonce = ?"


class Held(msgspec.Struct, frozen=True):
    """The lowest nonce of ours from a nonce on; ``since``: when its first bytes were signed (microseconds)."""

    nonce: int
    open: bool
    since: int | None


async def first_held(db: Database, sender: Address, count: int) -> Held | None:
    """The lowest nonce that a transaction of the key holds and that is not below ``count``."""
    for nonce, state, since in await db.read(_FIRST_HELD, (sender, count)):
        return Held(int(nonce or 0), state in {"in_progress", "unconfirmed"}, None if since is None else int(since))
    return None


async def filled(
    db: Database, sender: Address, nonce: int, signed: SignedTransaction, fee: Fee, *, gas_limit: int, now: int
) -> tuple[Statement, ...]:
    """Statements that put a no-op under a nonce, before it is sent. If the nonce was taken for something else's, it is ours
    now. Conflict if a transaction took it meanwhile."""
    prices = tuple(None if price is None else str(price) for price in (fee.gas_price, fee.tip_cap, fee.fee_cap))
    statements = [
        Statement(_FILL, [(sender, sender, gas_limit, nonce, now)]),
        Statement(_FILL_ATTEMPT, [(signed.hash, *prices, signed.raw, now, sender, nonce)]),
    ]
    for found in await foreign_nonces.of(db, sender):
        if found.first <= nonce <= found.last:
            statements.append(Statement(_FORGET, [(sender, found.first)]))
            parts = (found.first, nonce - 1), (nonce + 1, found.last)
            statements += [
                foreign_nonces.adopted(ForeignNonces(sender, first, last, found.noticed_at))
                for first, last in parts
                if first <= last
            ]
    return tuple(statements)
