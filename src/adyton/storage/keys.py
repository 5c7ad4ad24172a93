"""The keys that send, and the nonce that each uses next.

``next_nonce`` moves in the commit that records a send, never alone, except to catch up with a chain that is ahead.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from adyton.domain.chain import Address
from adyton.storage.database import Database, Statement

_ENSURE = "INSERT INTO keys (address, next_nonce, created_at) VALUES (?, 0, ?) ON CONFLICT (address) DO NOTHING"
# NULL, and with it Conflict, if the nonce is no longer the one that was read.
_ADVANCE = "UPDATE keys SET next_nonce = CASE WHEN next_nonce = ? THEN next_nonce + 1 END WHERE address = ?"
_CATCH_UP = "UPDATE keys SET next_nonce = CASE WHEN next_nonce = ? THEN CAST(? AS BIGINT) END WHERE address = ?"
_RECORDED = """
    SELECT k.next_nonce, (SELECT MAX(t.nonce) FROM transactions t WHERE t.from_address = k.address AND t.nonce IS NOT NULL)
    FROM keys k WHERE k.address = ?"""


# A branch for each state, so that each finds its index of open rows and none reads what is finished.
_UNSAFE = " + ".join(
    f"(SELECT COUNT(*) FROM transactions WHERE state = '{state}' AND from_address = ?)"
    for state in ("unstarted", "in_progress", "unconfirmed", "confirmed")
)


class Recorded(msgspec.Struct, frozen=True):
    """What the database says of a key's nonces: the next one, and the highest that a transaction holds (None: no transaction
    holds one)."""

    next_nonce: int
    highest: int | None


async def ensure(db: Database, addresses: Iterable[Address], now: int) -> None:
    """Give each address of the keystore its row, before anything is inserted that it is to send. ``now`` in microseconds."""
    rows = [(address, now) for address in addresses]
    if rows:
        await db.write(Statement(_ENSURE, rows))


async def others(db: Database, addresses: Iterable[Address]) -> list[Address]:
    """The keys that have a row and are not among ``addresses``."""
    known = {str(address) for (address,) in await db.read("SELECT address FROM keys ORDER BY address")}
    return sorted(known.difference(addresses))


class KeyRow(msgspec.Struct, frozen=True):
    """A key that has sent or may send. ``created_at`` is in microseconds."""

    address: Address
    next_nonce: int
    created_at: int


async def every(db: Database) -> list[KeyRow]:
    """Every key that has a row, the oldest first; the keystore need not have it any more."""
    rows = await db.read("SELECT address, next_nonce, created_at FROM keys ORDER BY created_at, address")
    return [KeyRow(str(address), int(nonce or 0), int(created or 0)) for address, nonce, created in rows]


async def unsafe_transactions(db: Database, address: Address) -> int:
    """How many transactions of a key are not safe yet, and not given up."""
    ((count,),) = await db.read(f"SELECT {_UNSAFE}", (address,) * 4)
    return int(count or 0)


async def recorded(db: Database, address: Address) -> Recorded:
    """The nonces of a key that has a row."""
    ((next_nonce, highest),) = await db.read(_RECORDED, (address,))
    return Recorded(int(next_nonce or 0), None if highest is None else int(highest))


def advance(address: Address, nonce: int) -> Statement:
    """Statement that makes ``nonce`` + 1 the next one. Conflict if ``nonce`` was not the next."""
    return Statement(_ADVANCE, [(nonce, address)])


def catch_up(address: Address, old: int, new: int) -> Statement:
    """Statement that makes ``new`` the next nonce. Conflict if ``old`` was not the next."""
    return Statement(_CATCH_UP, [(old, new, address)])
