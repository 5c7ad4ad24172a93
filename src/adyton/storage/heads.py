"""The canonical chain's newest headers, so that a restart knows what it had seen and notices what changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from adyton.domain.chain import Head
from adyton.storage.database import Database, Row, Statement

SAVE = """
INSERT INTO heads (number, hash, parent_hash, timestamp) VALUES (?, ?, ?, ?)
ON CONFLICT (number) DO UPDATE
SET hash = excluded.hash, parent_hash = excluded.parent_hash, timestamp = excluded.timestamp
"""
TRIM = "DELETE FROM heads WHERE number < ? OR number > ?"


async def load(database: Database) -> list[Head]:
    """The stored headers, the oldest first; base fees are not stored. Raises StorageUnavailable."""
    rows = await database.read("SELECT number, hash, parent_hash, timestamp FROM heads ORDER BY number")
    return [_head(row) for row in rows]


def save(heads: Sequence[Head], *, oldest: int, newest: int) -> tuple[Statement, ...]:
    """Statements that store ``heads`` over what had their heights and drop every height outside ``oldest`` to ``newest``.

    They may be run twice.
    """
    rows: list[Row] = [(head.number, head.hash, head.parent_hash, head.timestamp) for head in heads]
    trim = Statement(TRIM, [(oldest, newest)])
    return (Statement(SAVE, rows), trim) if rows else (trim,)


def _head(row: Row) -> Head:
    number, block, parent, timestamp = row
    return Head(cast("int", number), cast("str", block), cast("str", parent), cast("int", timestamp))
