"""Bridges: their rows, and those that are live in memory, because every task of an unknown type asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from adyton.domain.bridges import Bridge
from adyton.domain.jobs import Job
from adyton.storage.database import Database, Row, Statement

_COLUMNS = "name, url, confirmations, minimum_payment, incoming_token_hash, salt, outgoing_token, created_at, updated_at"
_INSERT = f"INSERT INTO bridges ({_COLUMNS}) VALUES ({', '.join('?' * 9)})"
_UPDATE = f"""
    UPDATE bridges SET url = ?, confirmations = ?, minimum_payment = ?, updated_at = ? WHERE name = ? RETURNING {_COLUMNS}"""
_ROTATE = f"""
    UPDATE bridges SET incoming_token_hash = ?, salt = ?, outgoing_token = ?, updated_at = ? WHERE name = ?
    RETURNING {_COLUMNS}"""
_DELETE = f"""
    DELETE FROM bridges WHERE name = ? AND NOT EXISTS (
        SELECT 1 FROM task_specs t JOIN jobs j ON j.id = t.job_id
        WHERE t.type = ? AND t.version = j.version AND j.archived_at IS NULL)
    RETURNING {_COLUMNS}"""
# NULL where the bridge is gone, which the column refuses.
_HELD = """
    UPDATE task_specs SET type = CASE WHEN EXISTS (SELECT 1 FROM bridges b WHERE b.name = task_specs.type) THEN type END
    WHERE job_id = ? AND type = ?"""


class Bridges:
    """Every bridge. The rows are the truth: whoever changes one stores it first, then tells this. ``version`` grows with each
    change; ``changing`` is held from before such a write until this knows of it."""

    def __init__(self) -> None:
        self._by_name: dict[str, Bridge] = {}
        self.version = 0
        self.changing = asyncio.Lock()

    async def load(self, db: Database) -> None:
        """Hold what is known against the rows: at the start, and from time to time, because the answer to a commit that changed
        a bridge may have been lost. Raises StorageUnavailable."""
        async with self.changing:
            rows = await db.read(f"SELECT {_COLUMNS} FROM bridges ORDER BY name")
            found = {bridge.name: bridge for bridge in map(_bridge, rows)}
            if found != self._by_name:
                self._by_name = found
                self.version += 1

    def get(self, name: str) -> Bridge | None:
        """The bridge of that name, in lower case."""
        return self._by_name.get(name)

    def put(self, bridge: Bridge) -> None:
        """Take note of a bridge that has just been stored, new or changed."""
        self._by_name[bridge.name] = bridge
        self.version += 1

    def remove(self, name: str) -> None:
        """Take note that a bridge has just been deleted."""
        self._by_name.pop(name, None)
        self.version += 1


def insert(bridge: Bridge) -> Statement:
    """Statement that stores a new bridge; Conflict when there is one of that name."""
    row = (
        bridge.name,
        bridge.url,
        bridge.confirmations,
        _digits(bridge.minimum_payment),
        bridge.incoming_token_hash,
        bridge.salt,
        bridge.outgoing_token,
        bridge.created_at,
        bridge.updated_at,
    )
    return Statement(_INSERT, [row])


async def update(
    db: Database, name: str, *, url: str, confirmations: int, minimum_payment: int | None, now: int
) -> Bridge | None:
    """Replace what an operator may change; the bridge as it is then, None when there is none."""
    row = (url, confirmations, _digits(minimum_payment), now, name)
    return _first((await db.write(Statement(_UPDATE, [row], returning=True)))[0])


async def rotate(
    db: Database, name: str, *, incoming_token_hash: str, salt: str, outgoing_token: str, now: int
) -> Bridge | None:
    """Replace both tokens; the bridge as it is then, None when there is none."""
    row = (incoming_token_hash, salt, outgoing_token, now, name)
    return _first((await db.write(Statement(_ROTATE, [row], returning=True)))[0])


async def delete(db: Database, name: str) -> Bridge | None:
    """Delete a bridge that no live job uses; None when there is none, or when a job does: also one whose write was before this
    one. A job whose write comes after it is refused by ``held``."""
    return _first((await db.write(Statement(_DELETE, [(name, name)], returning=True)))[0])


def held(job: Job, names: Collection[str]) -> list[Statement]:
    """Statements for the write that stores a new job, after its tasks: Conflict if a bridge that it names (``names`` are those
    that there were when it was judged) has been deleted meanwhile."""
    types = sorted({task.type for task in job.tasks} & set(names))
    return [Statement(_HELD, [(job.id, name) for name in types])] if types else []


async def page(db: Database, *, offset: int, limit: int) -> tuple[list[Bridge], int]:
    """A page of the bridges by name, and how many there are in all."""
    total = (await db.read("SELECT COUNT(*) FROM bridges"))[0][0]
    rows = await db.read(f"SELECT {_COLUMNS} FROM bridges ORDER BY name LIMIT ? OFFSET ?", (limit, offset))
    return [_bridge(row) for row in rows], int(total or 0)


def _first(rows: list[Row]) -> Bridge | None:
    return _bridge(rows[0]) if rows else None


def _bridge(row: Row) -> Bridge:
    name, url, confirmations, payment, incoming, salt, outgoing, created_at, updated_at = row
    return Bridge(
        name=str(name),
        url=str(url),
        confirmations=int(confirmations or 0),
        minimum_payment=None if payment is None else int(payment),
        incoming_token_hash=str(incoming),
        salt=str(salt),
        outgoing_token=str(outgoing),
        created_at=int(created_at or 0),
        updated_at=int(updated_at or 0),
    )


def _digits(value: int | None) -> str | None:
    return None if value is None else str(value)
