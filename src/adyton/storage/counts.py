"""Numbers for watching. Each question reads an index of what is open, so its cost does not grow with the history."""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.domain.chain import Address
from adyton.storage.database import Database

_RUNS = """
    SELECT status, COUNT(*) FROM runs WHERE status NOT IN ('errored', 'completed', 'cancelled')
    GROUP BY status ORDER BY status"""
# One SELECT a state, so that each is answered from that state's own index.
_TRANSACTIONS = " UNION ALL ".join(
    f"SELECT from_address, '{state}', COUNT(*), COUNT(waiting) FROM transactions WHERE state = '{state}' GROUP BY from_address"
    for state in ("unstarted", "in_progress", "unconfirmed", "confirmed")
)
_SENT = """
    SELECT t.from_address, t.state, t.id, t.nonce, t.waiting,
        COALESCE((SELECT MIN(a.created_at) FROM tx_attempts a WHERE a.transaction_id = t.id), t.created_at),
        (SELECT MIN(a.broadcast_before) FROM tx_attempts a WHERE a.transaction_id = t.id)
    FROM keys k JOIN transactions t ON t.from_address = k.address AND t.state = '{state}'
        AND t.nonce = (SELECT MIN(o.nonce) FROM transactions o WHERE o.state = '{state}' AND o.from_address = k.address)"""
_UNSENT = """
    SELECT t.from_address, t.state, t.id, t.nonce, t.waiting, t.created_at, CAST(NULL AS BIGINT)
    FROM keys k JOIN transactions t ON t.id = (
        SELECT MIN(o.id) FROM transactions o WHERE o.state = 'unstarted' AND o.from_address = k.address)"""
_OLDEST = f"{_SENT.format(state='unconfirmed')} UNION ALL {_SENT.format(state='in_progress')} UNION ALL {_UNSENT}"
_REREADS = """
    SELECT COUNT(*), COALESCE(CAST(SUM(through_block - next_block + 1) AS BIGINT), 0) FROM rereads WHERE finished_at IS NULL"""
_FOREIGN = """
    SELECT from_address, CAST(SUM(last_nonce - first_nonce + 1) AS BIGINT) FROM foreign_nonces
    GROUP BY from_address ORDER BY from_address"""
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
    "postgresql": "SELECT pg_database_size(current_database())",
}


class OpenTransactions(msgspec.Struct, frozen=True, array_like=True):
    """How many transactions of a key are in a state that is not final; ``waiting`` of them say what they wait for."""

    address: Address
    state: str
    count: int
    waiting: int


class Oldest(msgspec.Struct, frozen=True, array_like=True):
    """The first of a key's transactions in a state: whatever keeps it keeps those behind it.

    ``since`` (microseconds) and ``since_block`` are when it was first signed and the first head seen after a node took it; of
    one without a nonce, when it was asked for, and None.
    """

    address: Address
    state: str
    id: int
    nonce: int | None
    waiting: str | None
    since: int
    since_block: int | None


class Rereads(msgspec.Struct, frozen=True, array_like=True):
    """Re-reads of old blocks that are not done, and the blocks that they have yet to read."""

    count: int
    blocks: int


async def unfinished_runs(db: Database) -> dict[str, int]:
    """Runs that are not finished, by status. Raises StorageUnavailable, as everything here."""
    return {str(status): int(count or 0) for status, count in await db.read(_RUNS)}


async def open_transactions(db: Database) -> list[OpenTransactions]:
    """Transactions that are not safe yet, by key and state."""
    rows: Any = await db.read(_TRANSACTIONS)
    return sorted((OpenTransactions(*row) for row in rows), key=lambda found: (found.address, found.state))


async def oldest_transactions(db: Database) -> list[Oldest]:
    """The first transaction of each key in each state before it is mined; keys that have none are left out."""
    rows: Any = await db.read(_OLDEST)
    return sorted((Oldest(*row) for row in rows), key=lambda found: (found.address, found.state))


async def open_rereads(db: Database) -> Rereads:
    """What is still to be read again."""
    rows: Any = await db.read(_REREADS)
    return Rereads(*rows[0])


async def unclosed_requests(db: Database) -> int:
    """Requests that the chain still waits for an answer to, whatever the reason."""
    ((count,),) = await db.read("SELECT COUNT(*) FROM requests WHERE closed_as IS NULL")
    return int(count or 0)


async def foreign_nonces(db: Database) -> dict[Address, int]:
    """How many of each key's nonces something else used."""
    return {str(address): int(count or 0) for address, count in await db.read(_FOREIGN)}


async def size(db: Database) -> int:
    """Bytes that the database takes."""
    ((found,),) = await db.read(_SIZE[db.dialect])
    return int(found or 0)
