"""From ``DATABASE_URL`` to an open, locked, migrated database."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

from adyton.domain.errors import Invalid, Refused, StorageUnavailable
from adyton.ports import Clock
from adyton.storage import sqlite
from adyton.storage.database import Database
from adyton.storage.lock import FileLock
from adyton.storage.migrate import migrate_sqlite

DEFAULT_FILE = "db.sqlite3"
ALLOWED = "empty (ROOT/db.sqlite3), a path or file: URL (SQLite), or postgresql://user:password@host:port/name (PostgreSQL)"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class SqliteFile(NamedTuple):
    """An SQLite database at ``path``, absolute."""

    path: Path


class PostgresServer(NamedTuple):
    """A PostgreSQL database. ``url`` may hold a password; ``shown`` does not."""

    url: str
    shown: str


Target: TypeAlias = SqliteFile | PostgresServer


async def open_database(url: str, *, root: Path, lock_timeout: float, clock: Clock, version: str) -> Database:
    """Open the database that ``url`` (DATABASE_URL) names: take its exclusive lock, migrate it, begin to serve.

    ``root``: where the default file lives. ``lock_timeout``: seconds to wait for the lock, 0 for ever. ``version``: this
    program's, for messages.

    Raises Invalid for a bad URL, Conflict when another node uses the database, Refused when the database cannot be used by
    this program, StorageUnavailable when it cannot be reached.
    """
    target = parse(url, root=root)
    if isinstance(target, SqliteFile):
        return await _open_file(target.path, root=root, lock_timeout=lock_timeout, clock=clock, version=version)
    try:
        from adyton.storage import postgres  # noqa: PLC0415 - the driver is an extra and takes a while to import
    except ImportError as error:
        raise Refused(
            "DATABASE_URL names a PostgreSQL database, which needs the extra: pip install 'adyton[postgres]'", code="ADY-0905"
        ) from error
    return await postgres.open_postgres(target.url, shown=target.shown, lock_timeout=lock_timeout, clock=clock, version=version)


def open_memory() -> Database:
    """A new, migrated SQLite database in memory; every operation runs inline on the caller's loop, without waiting."""
    connection = sqlite.connect_memory()
    migrate_sqlite(connection, path=None, now=0, program="")
    return sqlite.MemoryDatabase(connection)


# --- the URL ---------------------------------------------------------------------------------------------------------


def parse(url: str, *, root: Path) -> Target:
    """What DATABASE_URL means. Raises Invalid; the message never shows more of ``url`` than its scheme or its path."""
    url = url.strip()
    if not url:
        return SqliteFile((root / DEFAULT_FILE).resolve())
    scheme = _SCHEME.match(url)
    name = scheme.group(1).lower() if scheme else ""
    if name in {"postgres", "postgresql"}:
        return PostgresServer(url, shown=_shown(url))
    if name == "sqlite":
        path = url[len("sqlite://") :]
        raise Invalid(
            f"DATABASE_URL: do not have full support for the sqlite URL, please use file:// instead for path {path}",
            code="ADY-0904",
        )
    if name not in {"", "file"}:
        raise Invalid(f"DATABASE_URL: the scheme {name}:// is not supported; allowed is {ALLOWED}", code="ADY-0904")
    return SqliteFile(_path(url))


def _path(url: str) -> Path:
    if url[:5].lower() == "file:":
        location = url[5:].removeprefix("//").removeprefix("localhost/" if url[5:].startswith("//localhost/") else "")
        if "?" in location or "#" in location:
            raise Invalid("DATABASE_URL: a file: URL takes no parameters; give the path alone", code="ADY-0904")
        location = "/" + unquote(location) if url[5:].startswith("//localhost/") else unquote(location)
    else:
        location = url
    if location in {"", ":memory:"} or location.endswith("/"):
        raise Invalid(
            f"DATABASE_URL: {location or 'file:'} is not a file that can be kept; allowed is {ALLOWED}", code="ADY-0904"
        )
    # One file, one lock, by whichever links it is reached.
    return Path(location).expanduser().resolve()


def _shown(url: str) -> str:
    """``url`` without user, password and parameters. Invalid if it is not a URL."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise Invalid(
            f"DATABASE_URL: not a PostgreSQL URL; allowed is {ALLOWED}", code="ADY-0904"
        ) from None  # the cause shows the URL
    return f"PostgreSQL at {parts.hostname or 'the local socket'}{port}, database {parts.path.lstrip('/') or '(default)'}"


# --- an SQLite file --------------------------------------------------------------------------------------------------


async def _open_file(path: Path, *, root: Path, lock_timeout: float, clock: Clock, version: str) -> Database:
    _prepare_directory(path.parent, root)
    lock = FileLock(path)
    await lock.acquire(clock=clock, timeout=lock_timeout)
    try:
        # A crash in here leaves each migration applied or not applied, and the backup beside the file.
        return await asyncio.to_thread(_open_locked, path, lock, clock.now(), version)
    except BaseException:
        lock.release()
        raise


def _open_locked(path: Path, lock: FileLock, now: int, version: str) -> sqlite.SqliteDatabase:
    _prepare_file(path)
    try:
        connection = sqlite.connect(path)
    except sqlite3.DatabaseError as error:
        raise _unusable(path, error) from error
    try:
        migrate_sqlite(connection, path=path, now=now, program=version)
        return sqlite.SqliteDatabase(path, connection, lock)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _unusable(path, error) from error
    except BaseException:
        connection.close()
        raise


def _prepare_directory(directory: Path, root: Path) -> None:
    """Make ``directory``, mode 0700. One that exists keeps its mode unless it is the node's own root."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory == root.resolve():
            directory.chmod(0o700)
    except OSError as error:
        raise Refused(f"cannot use the directory {directory} for the database: {error.strerror}", code="ADY-0906") from error


def _prepare_file(path: Path) -> None:
    """Make ``path`` if it isn't there; readable by this user only. SQLite gives its side files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise Refused(f"cannot use {path} as the database: {error.strerror}", code="ADY-0906") from error


def _unusable(path: Path, error: sqlite3.DatabaseError) -> Exception:
    if sqlite.primary_code(error) in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return Refused(
            f"{path} is not an SQLite database, or is damaged ({error}): restore a backup, or choose another file",
            code="ADY-0907",
        )
    return StorageUnavailable(
        f"{path}: {error}; is there space left on its disk, and may this user write there?", code="ADY-0900"
    )
