"""The audit log, on every database."""

from __future__ import annotations

import pytest

from adyton.domain.audit import Entry, Outcome
from adyton.domain.errors import Conflict
from adyton.storage import audit
from adyton.storage.audit import Ended, Wanted
from adyton.storage.database import Database, Statement
from adyton.storage.list_tables import AUDIT
from adyton.storage.lists import Listing


def entry(at: int, **more: object) -> Entry:
    return Entry(**{"at": at, "caller_kind": "user", "caller": "a@b", "action": "DELETE /v2/x", "subject": "1", **more})  # type: ignore[arg-type]


async def all_of(database: Database, wanted: Wanted | None = None) -> list[Entry]:
    return await (await audit.page(Listing(database, AUDIT), wanted or Wanted(), offset=0, limit=100)).whole()


async def test_an_entry_is_begun_and_ended(database: Database) -> None:
    begun = await audit.begin(database, entry(5, subject=""))
    assert [found.outcome for found in await all_of(database)] == [Outcome.BEGUN]

    await audit.end(database, [Ended(begun, Outcome.DONE, "7", '{"status":200}')])

    assert await all_of(database) == [entry(5, id=begun, subject="7", outcome=Outcome.DONE, detail='{"status":200}')]


async def test_entries_come_newest_first_in_pages(database: Database) -> None:
    for at in range(5):
        await audit.begin(database, entry(at))

    page = await audit.page(Listing(database, AUDIT), Wanted(), offset=1, limit=2)
    found, count = await page.whole(), page.count

    assert ([each.at for each in found], count) == ([3, 2], 5)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(caller="x@y"),
        Wanted(action="POST /v2/y"),
        Wanted(subject="2"),
        Wanted(outcome="done"),
        Wanted("x@y", subject="2"),
    ],
)
async def test_a_reader_may_choose(database: Database, wanted: Wanted) -> None:
    chosen = entry(2, caller="x@y", action="POST /v2/y", subject="2", outcome=Outcome.DONE)
    for each in (entry(1), chosen, entry(3)):
        await database.write(audit.entry(each))

    page = await audit.page(Listing(database, AUDIT), wanted, offset=0, limit=10)
    found, count = await page.whole(), page.count

    assert ([each.at for each in found], count) == ([2], 1)


@pytest.mark.parametrize(
    ("after", "before", "there"),
    [(None, None, [3, 2, 1]), (2, None, [3, 2]), (None, 2, [1]), (2, 3, [2]), (4, None, []), (3, 1, [])],
)
async def test_a_reader_may_choose_a_time(database: Database, after: int | None, before: int | None, there: list[int]) -> None:
    for at in (1, 2, 3):
        await database.write(audit.entry(entry(at)), audit.entry(entry(at, caller="x@y")))

    for caller in ("a@b", "x@y"):
        found = await all_of(database, Wanted(caller, after=after, before=before))
        assert [each.at for each in found] == there


async def test_an_entry_shares_the_fate_of_what_it_tells_of(database: Database) -> None:
    fails = Statement("INSERT INTO users (email, password_hash, created_at) VALUES (?, ?, ?)", [("a", "b", 1), ("a", "b", 1)])
    with pytest.raises(Conflict):
        await database.write(audit.entry(entry(1)), fails)
    assert await all_of(database) == []


async def test_old_entries_go_in_chunks(database: Database) -> None:
    for at in range(5):
        await database.write(audit.entry(entry(at)))

    assert [await audit.forget(database, before=3, limit=2) for _ in range(3)] == [2, 1, 0]

    assert [each.at for each in await all_of(database)] == [4, 3]
