"""Where alerts are told. The settings hold secrets in clear, because they are sent: a backup of the database has them."""

from __future__ import annotations

from adyton.domain.alert_destinations import Destination, decode, encode
from adyton.domain.alert_rules import Severity
from adyton.storage import alert_deliveries as deliveries
from adyton.storage.database import Database, Row, Statement

_COLUMNS = "id, name, type, enabled, severity, settings, created_at, updated_at"
_INSERT = f"INSERT INTO alert_destinations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE = """
    UPDATE alert_destinations SET name = ?, enabled = ?, severity = ?, settings = ?, updated_at = ? WHERE id = ? RETURNING id"""
_DELETE = "DELETE FROM alert_destinations WHERE id = ? RETURNING id"
OFF = "the destination was switched off before this was sent"


async def every(db: Database) -> list[Destination]:
    """All of them, the oldest first. Raises StorageUnavailable, as everything here."""
    rows = await db.read(f"SELECT {_COLUMNS} FROM alert_destinations ORDER BY created_at, id")
    return [_destination(row) for row in rows]


async def get(db: Database, named: str) -> Destination | None:
    """The one with that id, else that name."""
    rows = await db.read(
        f"SELECT {_COLUMNS} FROM alert_destinations WHERE id = ? OR name = ? ORDER BY CASE WHEN id = ? THEN 0 ELSE 1 END",
        (named, named, named),
    )
    return _destination(rows[0]) if rows else None


async def create(db: Database, made: Destination, *, now: int) -> None:
    """Store a new one, which is to be told at once of what is wrong now. Raises Conflict when its name is taken."""
    row = (
        made.id,
        made.name,
        made.type,
        int(made.enabled),
        made.severity,
        encode(made.settings),
        made.created_at,
        made.updated_at,
    )
    await db.write(Statement(_INSERT, [row]), deliveries.of_standing(made.id, now=now))


async def change(db: Database, changed: Destination, *, now: int) -> bool:
    """Store what became of one; False when it is gone. What waits is tried at once, and what was given up of an alert that
    is raised still; all of it is given up if it was switched off. Raises Conflict when its name is taken."""
    row = (
        changed.name,
        int(changed.enabled),
        changed.severity,
        encode(changed.settings),
        changed.updated_at,
        changed.id,
    )
    waiting = (
        [
            deliveries.at_once(changed.id, now=now),
            deliveries.again(changed.id, now=now),
            deliveries.of_standing(changed.id, now=now),
        ]
        if changed.enabled
        else [deliveries.dropped(changed.id, OFF, now=now)]
    )
    return bool((await db.write(Statement(_UPDATE, [row], returning=True), *waiting))[0])


async def delete(db: Database, name: str) -> bool:
    """Delete the one with that id, and its messages; False when there is none."""
    return bool((await db.write(Statement(_DELETE, [(name,)], returning=True)))[0])


def _destination(row: Row) -> Destination:
    name, called, kind, enabled, severity, settings, created_at, updated_at = row
    return Destination(
        id=str(name),
        name=str(called),
        enabled=bool(enabled),
        severity=Severity(str(severity)),
        settings=decode(str(kind), str(settings)),
        created_at=int(created_at or 0),
        updated_at=int(updated_at or 0),
    )
