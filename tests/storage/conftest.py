"""``database``: every test that takes it runs on a file, in memory and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adyton.storage.connect import open_memory
from adyton.storage.database import Database
from support.databases import PostgresServer, open_url, postgres_database, postgres_server

KINDS = ("sqlite", "memory", "postgresql")


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "postgresql":
        async with postgres_database(request.getfixturevalue("server")) as opened:
            yield opened
        return
    opened = open_memory() if request.param == "memory" else await open_url("", root=tmp_path)
    yield opened
    await opened.close()
