"""What is true of the database as a whole: the chain it belongs to, the process that owns it."""

from __future__ import annotations

from adyton.storage.database import Database, Statement


async def get(database: Database, name: str) -> str | None:
    """The fact called ``name``, or None."""
    rows = await database.read("SELECT value FROM node_facts WHERE name = ?", (name,))
    return str(rows[0][0]) if rows else None


def put(name: str, value: str) -> Statement:
    """Write the fact ``name``, whether or not it was known."""
    return Statement(
        "INSERT INTO node_facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [(name, value)],
    )
