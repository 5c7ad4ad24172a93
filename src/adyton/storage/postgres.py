"""PostgreSQL through asyncpg: one writing session with group commit that holds the node's lock, and a small pool of readers.

The lock is a session advisory lock (v0.6.2's number, so that such a node is kept out as well) **of the writing session
itself**: a write can only happen in a session that holds the lock, so no loss of a connection, and no server that forgot us
while we still believed, can make two nodes write. When the session is lost the writer opens another, takes the lock again
and looks whether the database still names this process as its owner. If another node was there meanwhile, this one has lost
it for good, says so through ``lock_lost`` and writes nothing more.

A pooler that shares one server session among clients (pgbouncer in transaction mode) cannot carry such a lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import chain, repeat

import asyncpg
import structlog

from adyton.domain.errors import AdytonError, Conflict, Invalid, StorageUnavailable
from adyton.ports import Clock
from adyton.storage.database import Row, Statement
from adyton.storage.migrate import migrate_postgres
from adyton.storage.postgres_commit import Connection, commit, numbered, translate, words
from adyton.storage.writer import Outcome, Statements, Writer, each

LOCK = 1027321974924625846
"""The advisory lock of v0.6.2."""
LOCK_RETRY = 0.1
"""Seconds between two tries to take the lock at boot."""
READERS = 4
COMMAND_TIMEOUT = 30.0
"""Seconds for one command, and for opening a connection; a server that takes longer counts as gone."""
CLOSE_TIMEOUT = 5.0
"""Seconds for a polite farewell."""
BACK_OFF = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each try to connect again; the last one repeats."""

SESSION = {
    "application_name": "adyton",
    "timezone": "UTC",
    "jit": "off",  # compiling costs more than any statement of ours takes
    "tcp_keepalives_idle": "20",  # a server forgets a dead writer, and frees its lock, within a minute
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "60000",  # milliseconds: a frozen node does not hold its rows for ever
}

log = structlog.get_logger(__name__)


# --- opening ---------------------------------------------------------------------------------------------------------


async def open_postgres(url: str, *, shown: str, lock_timeout: float, clock: Clock, version: str) -> PostgresDatabase:
    """Connect, take the lock, migrate. ``shown`` names the database in messages, without credentials.

    Raises as ``connect.open_database``.
    """
    try:
        connection = await _connect(url)
    except (ValueError, asyncpg.ClientConfigurationError):
        # The cause may quote the URL with its password.
        raise Invalid(f"DATABASE_URL: not a usable PostgreSQL URL (read as {shown})", code="ADY-0904") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StorageUnavailable(f"cannot connect to {shown}: {words(error)}", code="ADY-0901") from error
    try:
        await _take_lock(connection, shown, clock=clock, timeout=lock_timeout)
        await migrate_postgres(connection, now=clock.now(), program=version)
        owner = await _become_owner(connection)
        readers = await _open_readers(url)
    except BaseException as error:
        connection.terminate()
        if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | OSError):
            raise translate(error) from error
        raise
    return PostgresDatabase(url, shown=shown, clock=clock, connection=connection, owner=owner, readers=readers)


async def _connect(url: str) -> Connection:
    return await asyncpg.connect(
        url,
        timeout=COMMAND_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        statement_cache_size=512,
        max_cached_statement_lifetime=0,
        server_settings=SESSION,
    )


async def _open_readers(url: str) -> Connection:
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=READERS,
        timeout=COMMAND_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        max_cached_statement_lifetime=0,
        server_settings={**SESSION, "default_transaction_read_only": "on"},
        reset=_nothing_to_reset,
    )


async def _nothing_to_reset(_connection: Connection) -> None:
    """Readers leave no state in their session, so the round trip that would clear it is saved."""


async def _take_lock(connection: Connection, shown: str, *, clock: Clock, timeout: float) -> None:
    deadline = clock.monotonic() + timeout if timeout > 0 else None
    while not await _try_lock(connection):
        if deadline is not None and clock.monotonic() >= deadline:
            raise Conflict(
                f"postgres advisory locking strategy failed, timeout set to {timeout:g}s (DATABASE_TIMEOUT): "
                f"another node uses {shown}; stop it, or choose another database with DATABASE_URL",
                code="ADY-0908",
            )
        await clock.sleep(LOCK_RETRY)


async def _try_lock(connection: Connection) -> bool:
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK))


async def _become_owner(connection: Connection) -> str:
    return str(
        await connection.fetchval(
            "INSERT INTO node_facts (name, value) VALUES ('owner', gen_random_uuid()::text) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING value"
        )
    )


# --- the database ----------------------------------------------------------------------------------------------------


class PostgresDatabase:
    """A PostgreSQL database; built by ``adyton.storage.connect``."""

    dialect = "postgresql"

    def __init__(self, url: str, *, shown: str, clock: Clock, connection: Connection, owner: str, readers: Connection) -> None:
        """``connection``: holds the lock. ``owner``: what the fact ``owner`` says while the database is ours."""
        self.commits = 0
        self._url = url
        self._shown = shown
        self._clock = clock
        self._owner = owner
        self._readers = readers
        self._writer = Writer(self._commit)
        self._closed = False
        self._broken = asyncio.Event()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._use(connection)
        self._keeper = asyncio.get_running_loop().create_task(self._keep_connected(), name="storage connection")

    async def write(self, *statements: Statement) -> list[list[Row]]:
        """As ``Database.write``. While the server is gone it fails at once; connecting again goes on by itself."""
        return await self._writer.write(statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """As ``Database.read``."""
        connection = await self._reader()
        try:
            return [tuple(record) for record in await connection.fetch(numbered(sql), *params)]
        except Exception as error:
            raise translate(error, connection) from error
        finally:
            await self._readers.release(connection)

    async def lock_lost(self) -> str:
        """As ``Database.lock_lost``."""
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        """As ``Database.close``."""
        await self._writer.close()
        if self._closed:
            return
        self._closed = True
        self._keeper.cancel()
        await asyncio.wait([self._keeper])
        for opened in (self._connection, self._readers):
            await _close(opened)

    async def _reader(self) -> Connection:
        try:
            return await self._readers.acquire(timeout=COMMAND_TIMEOUT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StorageUnavailable(f"cannot read from {self._shown}: {words(error)}", code="ADY-0901") from error

    async def _commit(self, operations: Sequence[Statements]) -> Sequence[Outcome]:
        if self._lost.done():
            return each(StorageUnavailable(self._lost.result(), code="ADY-0901"), operations)
        if self._connection.is_closed():
            self._broken.set()
            return each(StorageUnavailable(f"no connection to {self._shown}; trying again", code="ADY-0901"), operations)
        outcomes = await commit(self._connection, operations)
        self.commits += any(not isinstance(outcome, AdytonError) for outcome in outcomes)
        return outcomes

    # --- keeping the session ---

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        connection.add_termination_listener(self._terminated)
        if connection.is_closed():  # it ended before anyone listened
            self._broken.set()

    def _terminated(self, connection: Connection) -> None:
        if connection is self._connection:
            self._broken.set()

    async def _keep_connected(self) -> None:
        """Open another writing session whenever the one there is has ended."""
        while not self._lost.done():
            await self._broken.wait()
            self._broken.clear()
            if not self._connection.is_closed():
                continue  # another one is in use already
            log.warning("connection to the database lost; writes fail until it is back", database=self._shown)
            await self._connect_again()

    async def _connect_again(self) -> None:
        for delay in chain(BACK_OFF, repeat(BACK_OFF[-1])):
            await self._clock.sleep(delay)
            try:
                connection = await _connect(self._url)
            except Exception as error:  # noqa: BLE001 - whatever the driver raises: without this loop nothing is written again
                log.warning("the database cannot be reached", database=self._shown, error=words(error))
                continue
            if await self._resumed(connection):
                return

    async def _resumed(self, connection: Connection) -> bool:
        """Whether the question is settled: ``connection`` writes from now on, or the database is lost for good."""
        try:
            locked = await _try_lock(connection)
            owner = await connection.fetchval("SELECT value FROM node_facts WHERE name = 'owner'")
        except Exception:  # noqa: BLE001 - as above; a session that ends at this moment confuses the driver
            connection.terminate()
            return False
        if owner == self._owner and locked:
            self._use(connection)
            log.info("connection to the database is back", database=self._shown)
            return True
        connection.terminate()
        if owner != self._owner:
            self._lost.set_result(f"another node has taken over {self._shown} while the connection was lost")
            return True
        return False  # our own dead session still holds the lock, until the server notices, or a node that is about to boot


async def _close(opened: Connection) -> None:
    """Close a connection or a pool; one that does not answer is dropped."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await opened.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        opened.terminate()
