"""Nonces of our keys that something else used, so that the account of a key's nonces has no holes."""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.domain.chain import Address
from adyton.storage.database import Database, Statement

_ADOPT = """
    INSERT INTO foreign_nonces (from_address, first_nonce, last_nonce, noticed_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (from_address, first_nonce) DO NOTHING"""


class ForeignNonces(msgspec.Struct, frozen=True, array_like=True):
    """Nonces in a row, both ends included. ``noticed_at`` in microseconds."""

    address: Address
    first: int
    last: int
    noticed_at: int


def adopted(found: ForeignNonces) -> Statement:
    """Statement that notes nonces that this node never gave out, or had to give up. It belongs into the write that makes the
    key go on behind them."""
    return Statement(_ADOPT, [(found.address, found.first, found.last, found.noticed_at)])


async def of(db: Database, address: Address | None = None) -> list[ForeignNonces]:
    """What something else used of a key's nonces, or of every key's, by key and nonce."""
    which, params = ("", ()) if address is None else (" WHERE from_address = ?", (address,))
    columns = "from_address, first_nonce, last_nonce, noticed_at"
    rows: Any = await db.read(f"SELECT {columns} FROM foreign_nonces{which} ORDER BY from_address, first_nonce", params)
    return [ForeignNonces(*row) for row in rows]
