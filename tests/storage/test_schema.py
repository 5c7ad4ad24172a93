"""Which migrations a database has seen, asked beside its node."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from adyton.domain.errors import NotFound, Refused
from adyton.storage.database import Statement
from adyton.storage.migrate import migrations
from adyton.storage.schema import look
from support.databases import PostgresServer, open_url

KNOWN = migrations()[-1].version


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest) -> str:
    """A database's URL; SQLite's is the file in ROOT."""
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("server")
    return await server.empty_database()


async def test_a_database_that_is_in_use_tells_its_migrations(url: str, tmp_path: Path) -> None:
    node = await open_url(url, root=tmp_path)
    schema = await look(url, root=tmp_path, program="test")
    await node.close()
    assert [each.version for each in schema.applied] == [each.version for each in migrations()]
    assert (schema.version, schema.known, schema.pending) == (KNOWN, KNOWN, ())
    assert all(each.at > 0 for each in schema.applied)


async def test_what_is_pending_is_told(url: str, tmp_path: Path) -> None:
    node = await open_url(url, root=tmp_path)
    await node.write(Statement("DELETE FROM schema_migrations WHERE version = ?", [(KNOWN,)]))
    await node.close()
    schema = await look(url, root=tmp_path, program="test")
    assert schema.version == KNOWN - 1
    assert [each.version for each in schema.pending] == [KNOWN]


async def test_a_newer_database_is_refused(url: str, tmp_path: Path) -> None:
    node = await open_url(url, root=tmp_path)
    await node.write(Statement("UPDATE schema_migrations SET version = version + 90", [()]))
    await node.close()
    with pytest.raises(Refused, match=f"the database has schema version {KNOWN + 90}"):
        await look(url, root=tmp_path, program="test")


async def test_an_empty_file_has_everything_before_it_and_a_missing_one_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await look("", root=tmp_path, program="test")
    assert files(tmp_path) == []
    sqlite3.connect(tmp_path / "db.sqlite3").close()
    schema = await look("", root=tmp_path, program="test")
    assert (schema.version, len(schema.pending)) == (0, len(migrations()))


def files(directory: Path) -> list[Path]:
    """What a directory holds."""
    return list(directory.iterdir())
