"""The audit log as the node writes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adyton.domain.access import NOBODY, Caller, CallerKind
from adyton.domain.audit import Entry, Outcome
from adyton.domain.errors import StorageUnavailable
from adyton.services.audit import REFUSALS, AuditLog, record_locally
from adyton.storage.audit import Wanted
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from support.api import PassingDatabase
from support.builders import TestClock

OPERATOR = Caller(CallerKind.USER, "a@b", address="192.0.2.1")


class Spoilt(PassingDatabase):
    """A database that is away while ``away``."""

    away = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.away:
            raise StorageUnavailable("the disk is full")
        return await super().write(*statements)


@pytest.fixture
async def db() -> AsyncIterator[Spoilt]:
    db = Spoilt(open_memory())
    yield db
    await db.close()


@pytest.fixture
def audit(db: Spoilt) -> AuditLog:
    return AuditLog(db=db, clock=TestClock())


async def stored(db: Spoilt) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await db.read("SELECT outcome, subject, detail FROM audit_log ORDER BY id")]


async def page(audit: AuditLog, wanted: Wanted | None = None) -> list[Entry]:
    return await (await audit.page(wanted or Wanted(), offset=0, limit=1000)).whole()


async def test_what_a_crash_cuts_off_stays_begun(audit: AuditLog, db: Spoilt) -> None:
    await audit.begin(OPERATOR, "DELETE /v2/x/:id", "7")
    assert await stored(db) == [("begun", "7", "{}")]


async def test_outcomes_are_stored_many_in_one_write(audit: AuditLog, db: Spoilt) -> None:
    for n in range(5):
        audit.end(await audit.begin(OPERATOR, "POST /v2/x", ""), Outcome.DONE, str(n), {"status": 200})
    commits = db.commits

    await audit.settle()

    assert db.commits == commits + 1
    assert await stored(db) == [("done", str(n), '{"status":200}') for n in range(5)]


async def test_the_loop_stores_outcomes_also_after_the_database_was_away(audit: AuditLog, db: Spoilt) -> None:
    entry = await audit.begin(OPERATOR, "POST /v2/x", "")
    db.away = True
    running = asyncio.create_task(audit.run())
    audit.end(entry, Outcome.DONE, "1", {})
    for _ in range(20):
        await asyncio.sleep(0)
    db.away = False
    async with asyncio.timeout(5):
        while (await stored(db))[0][0] != "done":  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0)
    running.cancel()


async def test_a_reader_sees_outcomes_at_once(audit: AuditLog) -> None:
    audit.end(await audit.begin(OPERATOR, "POST /v2/x", ""), Outcome.FAILED, "1", {"status": 500})
    (entry,) = await page(audit)
    assert (entry.outcome, entry.caller, entry.address) == (Outcome.FAILED, "a@b", "192.0.2.1")


async def test_strangers_cannot_fill_the_disk_with_refusals(audit: AuditLog) -> None:
    for n in range(REFUSALS + 50):
        await audit.record(NOBODY, "POST /sessions", f"{n}@b", Outcome.REFUSED, {"status": 401})
    await audit.record(OPERATOR, "POST /v2/x", "", Outcome.REFUSED, {})
    await audit.record(NOBODY, "POST /sessions", "right@b", Outcome.DONE, {})

    assert len(await page(audit)) == REFUSALS + 2


async def test_a_strangers_text_can_be_stored_whatever_it_is(audit: AuditLog) -> None:
    await audit.record(NOBODY, "POST /sessions", "\0\ud800" + "x" * 10_000, Outcome.REFUSED, {})
    (entry,) = await page(audit)
    assert entry.subject == "��" + "x" * 498


async def test_commands_on_the_nodes_files_are_told_too(audit: AuditLog, db: Spoilt) -> None:
    await record_locally(db, TestClock(), "node deleteuser", "a@b")
    (entry,) = await page(audit, Wanted(subject="a@b"))
    assert (entry.caller_kind, entry.action, entry.outcome) == ("node", "node deleteuser", Outcome.DONE)
