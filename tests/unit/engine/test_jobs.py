"""The live jobs in memory are held against their rows, because the answer to a commit may have been lost."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.engine.jobs import JobRegistry
from adyton.storage import jobs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row
from support.api import PassingDatabase
from support.builders import NOW, job


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    opened = open_memory()
    yield opened
    await opened.close()


async def test_a_job_whose_commit_was_not_answered_is_found(db: Database) -> None:
    registry = JobRegistry(db)
    await registry.load()
    told: list[int] = []
    registry.listen(lambda: told.append(registry.version))
    known = await stored.create(db, job("noop"))
    await registry.refresh()
    assert registry.jobs == {known.id: known}
    assert told

    await stored.archive(db, known.id, NOW)
    await registry.refresh()
    assert registry.jobs == {}


async def test_nothing_new_changes_nothing(db: Database) -> None:
    registry = JobRegistry(db)
    await stored.create(db, job("noop"))
    await registry.load()
    before, version = dict(registry.jobs), registry.version
    await registry.refresh()
    assert registry.version == version
    assert all(registry.jobs[known] is before[known] for known in before)


async def test_a_job_that_is_made_while_the_rows_are_read_is_not_dropped(db: Database) -> None:
    class LateDatabase(PassingDatabase):
        """Lets a job be made right after it was read which there are."""

        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            rows = await self.real.read(sql, params)
            if sql.startswith("SELECT id, version FROM jobs"):
                registry.add(await stored.create(self.real, msgspec.structs.replace(job("noop"), id="b" * 32)))
            return rows

    registry = JobRegistry(LateDatabase(db))
    await registry.refresh()
    assert list(registry.jobs) == ["b" * 32]
