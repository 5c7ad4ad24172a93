"""A database as it is at one moment, read beside the node that writes it: no lock is taken, nothing is migrated or changed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from adyton.domain.errors import NotFound, Refused
from adyton.storage import sqlite
from adyton.storage.connect import SqliteFile, parse
from adyton.storage.database import Row
from adyton.storage.migrate import migrations


class Snapshot(Protocol):
    """Rows of one moment."""

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """As ``Database.read``, of the moment at which the snapshot was opened."""
        ...


@asynccontextmanager
async def open_snapshot(url: str, *, root: Path) -> AsyncIterator[Snapshot]:
    """The database that ``url`` (DATABASE_URL) names, as it is now.

    Raises as ``open_any``, and Refused when its schema is not this program's.
    """
    async with open_any(url, root=root) as opened:
        yield await same_schema(opened)


@asynccontextmanager
async def open_any(url: str, *, root: Path) -> AsyncIterator[Snapshot]:
    """The same, of whatever schema.

    Raises Invalid for a bad URL, NotFound when there is no such file, Refused when the driver is not installed,
    StorageUnavailable when it cannot be reached.
    """
    target = parse(url, root=root)
    if isinstance(target, SqliteFile):
        async with _file(target.path) as opened:
            yield opened
        return
    try:
        from adyton.storage import postgres_snapshot  # noqa: PLC0415 - the driver is an extra
    except ImportError as error:
        raise Refused(
            "DATABASE_URL names a PostgreSQL database, which needs the extra: pip install 'adyton[postgres]'", code="ADY-0905"
        ) from error
    async with postgres_snapshot.open_snapshot(target.url, shown=target.shown) as server:
        yield server


async def same_schema(snapshot: Snapshot) -> Snapshot:
    """The snapshot, if its schema is the one that this program writes. Raises Refused."""
    known = migrations()[-1].version
    [(found,)] = await snapshot.read("SELECT COALESCE(MAX(version), 0) FROM schema_migrations")
    if found != known:
        older = isinstance(found, int) and found < known
        cure = "start the node once, so that it is brought up to date" if older else "use the newer program"
        raise Refused(f"the database has schema {found!r}, this program reads schema {known}: {cure}", code="ADY-0912")
    return snapshot


@asynccontextmanager
async def _file(path: Path) -> AsyncIterator[Snapshot]:
    reader = await asyncio.to_thread(_FileSnapshot, path)
    try:
        yield reader
    finally:
        await asyncio.to_thread(reader.close)


class _FileSnapshot:
    """A read transaction: in WAL mode it sees the moment of its first read, whatever is written after it."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NotFound(f"there is no database at {path}: set DATABASE_URL or ROOT as the node has them", code="ADY-0913")
        try:
            self._connection = sqlite.connect_reader(path)
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise sqlite.translate(error) from error

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        return await asyncio.to_thread(self._read, sql, params)

    def _read(self, sql: str, params: Row) -> list[Row]:
        try:
            return self._connection.execute(sql, params).fetchall()
        except sqlite3.Error as error:
            raise sqlite.translate(error) from error

    def close(self) -> None:
        self._connection.close()
