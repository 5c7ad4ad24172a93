"""SQLite: one writing thread with group commit, two reading threads; or all of it inline and in memory.

The file is in WAL mode with ``synchronous=FULL``: a commit that was acknowledged survives a kill and a power cut. Group
commit makes FULL affordable: a batch costs one sync. No read transaction stays open, so the WAL can always be reset.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import quote

from adyton.domain.errors import AdytonError, Broken, Conflict, StorageUnavailable
from adyton.storage.database import Row, Statement
from adyton.storage.lock import FileLock
from adyton.storage.writer import Answer, Outcome, Statements, Writer, each, plan

READERS = 2
CACHED_STATEMENTS = 256
BUSY_TIMEOUT = 5.0
"""Seconds to wait for a foreign program that holds the file (a backup, a person's shell)."""
WAL_LIMIT = 64 * 1024 * 1024
"""Bytes to which the WAL file is cut back after a burst."""

_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


# --- connections -----------------------------------------------------------------------------------------------------


def connect(path: Path) -> sqlite3.Connection:
    """The writing connection to ``path``. Foreign keys are off: migrations want them so; see ``enforce``."""
    connection = _open(str(path))
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    return _open(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)


def connect_memory() -> sqlite3.Connection:
    """A database of its own that lives as long as the connection."""
    return _open(":memory:")


def enforce(connection: sqlite3.Connection) -> None:
    """Check foreign keys from here on."""
    connection.execute("PRAGMA foreign_keys = ON")


def _open(database: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        database,
        uri=uri,
        isolation_level=None,  # transactions are begun and ended here, never by the driver
        cached_statements=CACHED_STATEMENTS,
        timeout=BUSY_TIMEOUT,
        check_same_thread=False,  # a connection is opened in one thread and belongs to another from then on
    )


# --- errors ----------------------------------------------------------------------------------------------------------


def translate(error: Exception) -> AdytonError:
    """What an error of the driver means to a caller. The message never holds values."""
    if isinstance(error, AdytonError):
        return error
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(str(error), code="ADY-0916")
    if primary_code(error) in _UNAVAILABLE:
        return StorageUnavailable(f"SQLite: {error}", code="ADY-0900")
    return Broken(f"SQLite: {error}", code="ADY-0915")


def primary_code(error: Exception) -> int:
    """SQLite's primary result code, 0 if the error did not come from the library."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF if isinstance(code, int) else 0


# --- committing ------------------------------------------------------------------------------------------------------


def commit(connection: sqlite3.Connection, operations: Sequence[Statements]) -> Sequence[Outcome]:
    """Commit ``operations`` in one transaction.

    When one of them is guilty, all are rolled back and repeated each under a savepoint: the guilty fail alone and the rest
    still share one commit. When the database cannot write, all get ``StorageUnavailable`` and the connection stays usable.
    """
    failure: AdytonError
    try:
        connection.execute("BEGIN IMMEDIATE")
        answers = run_together(connection, operations)
        _end(connection)
    except Exception as error:  # noqa: BLE001 - whatever the driver raises is translated and handed to the callers
        failure = translate(error)
        _roll_back(connection)
    else:
        return answers
    if isinstance(failure, StorageUnavailable):
        return each(failure, operations)
    return [failure] if len(operations) == 1 else _commit_apart(connection, operations)


def run_together(connection: sqlite3.Connection, operations: Sequence[Statements]) -> list[Answer]:
    """Run ``operations`` inside the open transaction, those of one shape text by text."""
    answers: list[Answer] = [[] for _ in operations]
    for step in plan(operations):
        if step.operation is None:
            connection.executemany(step.sql, step.rows)
        else:
            answers[step.operation].append([row for values in step.rows for row in connection.execute(step.sql, values)])
    return answers


def _commit_apart(connection: sqlite3.Connection, operations: Sequence[Statements]) -> Sequence[Outcome]:
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_under_savepoint(connection, statements) for statements in operations]
        _end(connection)
    except Exception as error:  # noqa: BLE001 - as in commit
        failure = translate(error)
        _roll_back(connection)
        return each(failure, operations)
    return outcomes


def _under_savepoint(connection: sqlite3.Connection, statements: Statements) -> Outcome:
    connection.execute("SAVEPOINT operation")
    try:
        (answer,) = run_together(connection, [statements])
    except Exception as error:
        failure = translate(error)
        if isinstance(failure, StorageUnavailable):
            raise
        connection.execute("ROLLBACK TO operation")
        connection.execute("RELEASE operation")
        return failure
    connection.execute("RELEASE operation")
    return answer


def _end(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_IOERR:
            raise
        # The frames are in the WAL but perhaps not on the disk: after a power cut they may count or not.
        raise StorageUnavailable(f"SQLite: {error}; the operation may have been applied", code="ADY-0902") from error


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # a full disk, for one, makes SQLite roll back by itself
        connection.execute("ROLLBACK")


# --- databases -------------------------------------------------------------------------------------------------------


class SqliteDatabase:
    """A file. Writes share commits in one thread, reads run in two others. Built by ``adyton.storage.connect``."""

    dialect = "sqlite"

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock) -> None:
        """``connection``: the writing connection to ``path``, migrated, under ``lock``. Both belong to this object from now
        on. May be called in a thread; the writer starts with the first write."""
        enforce(connection)
        self.commits = 0
        self._lock = lock
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="storage-writer")
        self._writer = Writer(self._commit)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(READERS):
            self._idle.put(connect_reader(path))
        self._closed = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        """As ``Database.write``."""
        return await self._writer.write(statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """As ``Database.read``."""
        if self._closed:
            raise StorageUnavailable("the database is closed", code="ADY-0903")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, sql, params)

    async def lock_lost(self) -> str:
        """As ``Database.lock_lost``: a lock on a file is kept until the process ends, so this waits for ever."""
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        """As ``Database.close``."""
        await self._writer.close()
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._close)

    async def _commit(self, operations: Sequence[Statements]) -> Sequence[Outcome]:
        # A crash before the thread's COMMIT returns loses the whole batch or keeps the whole batch; nobody was answered.
        outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, commit, self._connection, operations)
        self.commits += any(not isinstance(outcome, AdytonError) for outcome in outcomes)
        return outcomes

    def _read(self, sql: str, params: Row) -> list[Row]:
        connection = self._idle.get()  # never waits: there are as many connections as threads
        try:
            return connection.execute(sql, params).fetchall()
        except Exception as error:
            raise translate(error) from error
        finally:
            self._idle.put(connection)

    def _close(self) -> None:
        self._readers.shutdown()
        self._thread.shutdown()
        for _ in range(READERS):
            self._idle.get().close()
        self._connection.close()
        self._lock.release()


class MemoryDatabase:
    """SQLite in memory, every operation inline: no thread, no waiting, the same result every time. For the simulation."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        """``connection``: to a migrated database in memory."""
        enforce(connection)
        self.commits = 0
        self._connection: sqlite3.Connection | None = connection

    async def write(self, *statements: Statement) -> list[list[Row]]:
        """As ``Database.write``; each operation is a commit of its own, done when this is first awaited."""
        (outcome,) = commit(self._open_connection(), [statements])
        if isinstance(outcome, AdytonError):
            raise outcome
        self.commits += 1
        return outcome

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """As ``Database.read``."""
        try:
            return self._open_connection().execute(sql, params).fetchall()
        except sqlite3.Error as error:
            raise translate(error) from error

    async def lock_lost(self) -> str:
        """As ``Database.lock_lost``: nobody else can come near, so this waits for ever."""
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        """As ``Database.close``; what was in it is gone."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StorageUnavailable("the database is closed", code="ADY-0903")
        return self._connection
