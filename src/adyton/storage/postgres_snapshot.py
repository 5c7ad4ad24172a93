"""A PostgreSQL database as it is at one moment: a read-only transaction, without the node's lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from adyton.domain.errors import Invalid, StorageUnavailable
from adyton.storage.database import Row
from adyton.storage.postgres_commit import Connection, numbered, translate, words

TIMEOUT = 30.0
"""Seconds for one query, and for connecting."""


@asynccontextmanager
async def open_snapshot(url: str, *, shown: str) -> AsyncIterator[PostgresSnapshot]:
    """Connect and begin. ``shown`` names the database in messages. Raises Invalid and StorageUnavailable."""
    try:
        connection = await asyncpg.connect(url, timeout=TIMEOUT, command_timeout=TIMEOUT)
    except (ValueError, asyncpg.ClientConfigurationError):
        raise Invalid(
            f"DATABASE_URL: not a usable PostgreSQL URL (read as {shown})", code="ADY-0904"
        ) from None  # the cause shows the URL
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StorageUnavailable(f"cannot connect to {shown}: {words(error)}", code="ADY-0901") from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield PostgresSnapshot(connection)
    finally:
        connection.terminate()


class PostgresSnapshot:
    """Rows of the moment of the first read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """As ``Database.read``."""
        try:
            return [tuple(record) for record in await self._connection.fetch(numbered(sql), *params)]
        except Exception as error:
            raise translate(error, self._connection) from error
