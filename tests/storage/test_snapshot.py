"""A database read beside its node: as of one moment, without the lock, without a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.domain.errors import Broken, Invalid, NotFound, Refused, StorageUnavailable
from adyton.storage.database import Statement
from adyton.storage.snapshot import open_snapshot
from support.databases import PostgresServer, open_url

JOB = "INSERT INTO jobs (id, created_at) VALUES (?, ?)"
COUNT = "SELECT COUNT(*) FROM jobs"


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest) -> str:
    """A database's URL; SQLite's is the file in ROOT."""
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("server")
    return await server.empty_database()


async def test_a_snapshot_is_read_beside_the_node_and_stays_as_it_was(url: str, tmp_path: Path) -> None:
    node = await open_url(url, root=tmp_path)
    await node.write(Statement(JOB, [("a", 1)]))
    async with open_snapshot(url, root=tmp_path) as snapshot:
        assert await snapshot.read(COUNT) == [(1,)]
        await node.write(Statement(JOB, [("b", 2)]))
        assert await snapshot.read(COUNT) == [(1,)]
        assert await snapshot.read("SELECT id FROM jobs WHERE created_at = ?", (1,)) == [("a",)]
    async with open_snapshot(url, root=tmp_path) as later:
        assert await later.read(COUNT) == [(2,)]
    await node.close()
    async with open_snapshot(url, root=tmp_path) as after_the_node:
        assert await after_the_node.read(COUNT) == [(2,)]


async def test_a_snapshot_cannot_write(url: str, tmp_path: Path) -> None:
    await (await open_url(url, root=tmp_path)).close()
    async with open_snapshot(url, root=tmp_path) as snapshot:
        with pytest.raises((Broken, StorageUnavailable)):
            await snapshot.read("DELETE FROM jobs")


async def test_another_schema_is_refused_and_says_what_to_do(url: str, tmp_path: Path) -> None:
    node = await open_url(url, root=tmp_path)
    await node.write(Statement("UPDATE schema_migrations SET version = version + 90", [()]))
    await node.close()
    with pytest.raises(Refused, match="use the newer program"):
        async with open_snapshot(url, root=tmp_path):
            pass


async def test_no_database_is_not_made(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(NotFound, match="DATABASE_URL or ROOT"):
            async with open_snapshot("", root=tmp_path):
                pass


@pytest.mark.parametrize("url", ["mysql://u:secret@h/x", "postgresql://u:secret@[/x"])
async def test_a_bad_url_is_refused_without_its_secret(url: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        async with open_snapshot(url, root=tmp_path):
            pass
    assert "secret" not in str(refused.value)


async def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable) as away:
        async with open_snapshot("postgresql://u:secret@127.0.0.1:1/x", root=tmp_path):
            pass
    assert "127.0.0.1" in str(away.value)
    assert "secret" not in str(away.value)
