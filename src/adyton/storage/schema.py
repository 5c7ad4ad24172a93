"""Which migrations a database has seen, read beside the node that uses it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from adyton.storage.connect import SqliteFile, parse
from adyton.storage.migrate import Migration, migrations, pending
from adyton.storage.snapshot import Snapshot, open_any

_TABLES = {
    True: "SELECT name FROM sqlite_master WHERE type = 'table'",
    False: "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}
"""The tables there are; True: SQLite."""
_OWN = {"schema_migrations", "sqlite_sequence"}


class Applied(NamedTuple):
    """A migration that was run, at ``at`` (microseconds)."""

    version: int
    name: str
    at: int


class Schema(NamedTuple):
    """Where a database is. ``known`` is the newest version that this program knows."""

    applied: tuple[Applied, ...]
    pending: tuple[Migration, ...]
    known: int

    @property
    def version(self) -> int:
        """The newest that was run; 0 if none was."""
        return self.applied[-1].version if self.applied else 0


async def look(url: str, *, root: Path, program: str) -> Schema:
    """Where the database is that ``url`` (DATABASE_URL) names. ``program`` is this one's version, for messages.

    Raises as ``snapshot.open_any``, and Refused for a schema newer than the program and for the database of something else.
    """
    is_file = isinstance(parse(url, root=root), SqliteFile)
    async with open_any(url, root=root) as opened:
        tables = [str(name) for (name,) in await opened.read(_TABLES[is_file])]
        applied = await _applied(opened) if "schema_migrations" in tables else ()
    others = [name for name in tables if name not in _OWN]
    todo = pending(applied[-1].version if applied else 0, others, program=program)
    return Schema(applied, todo, migrations()[-1].version)


async def _applied(opened: Snapshot) -> tuple[Applied, ...]:
    rows = await opened.read("SELECT version, name, applied_at FROM schema_migrations ORDER BY version")
    return tuple(Applied(int(str(version)), str(name), int(str(at))) for version, name, at in rows)
