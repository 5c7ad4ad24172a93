"""External initiators and what they are still to be told."""

from __future__ import annotations

import asyncio

import pytest

from adyton.domain.errors import Conflict
from adyton.domain.external_initiators import ExternalInitiator
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.storage import external_initiators as stored
from adyton.storage import jobs, notifications
from adyton.storage.database import Database
from support.api import Api, details
from support.builders import JOB_ID, NOW

URL = "https://outside.example/jobs"


def initiator(number: int = 1, *, name: str | None = "outside", url: str | None = URL) -> ExternalInitiator:
    """One with a name and a URL, unless the test wants otherwise."""
    return ExternalInitiator(
        access_key=f"{number:032x}",
        secret_hash="ab" * 32,
        salt="salt",
        name=name,
        url=url,
        outgoing_token="token" if url else None,
        outgoing_secret="secret" if url else None,
        created_at=NOW + number,
    )


def job(*names: str, job_id: str = JOB_ID) -> Job:
    """A job that external initiators may start."""
    initiators = (Initiator(type="web"), *(Initiator(type="external", name=name) for name in names))
    return Job(id=job_id, initiators=initiators, tasks=(TaskSpec(type="noop"),), created_at=NOW)


async def test_one_is_found_by_key_and_by_name(database: Database) -> None:
    named, anonymous = initiator(1), initiator(2, name=None, url=None)
    await stored.create(database, named)
    await stored.create(database, anonymous)
    assert await stored.by_key(database, named.access_key) == named
    assert await stored.by_name(database, "outside") == named
    assert await stored.by_key(database, anonymous.access_key) == anonymous
    assert await stored.by_name(database, "nobody") is None
    assert await stored.page(database, offset=0, limit=1) == ([named], 2)
    assert await stored.page(database, offset=1, limit=5) == ([anonymous], 2)


async def test_a_name_is_taken_once_and_none_is_taken_by_many(database: Database) -> None:
    await stored.create(database, initiator(1))
    with pytest.raises(Conflict):
        await stored.create(database, initiator(2))
    await stored.create(database, initiator(3, name=None, url=None))
    await stored.create(database, initiator(4, name=None, url=None))


async def test_a_text_that_the_database_cannot_hold_is_nobodys_name(database: Database) -> None:
    async with Api(db=database, environment={"FEATURE_EXTERNAL_INITIATORS": "true"}) as api:
        assert (await api.client.delete("/v2/external_initiators/%00")).status_code == 400
        asked = {"initiators": [{"type": "external", "params": {"name": "a\0"}}], "tasks": [{"type": "noop"}]}
        assert details(await api.post("/v2/specs", asked, 400))[0].startswith("there is no external initiator")


async def test_a_deleted_one_takes_with_it_what_it_was_to_be_told(database: Database) -> None:
    await stored.create(database, initiator(1))
    await stored.create(database, initiator(2, name="other"))
    for name in ("outside", "other"):
        await database.write(notifications.created(JOB_ID, name, "{}", now=NOW, next_at=NOW))
    assert await stored.delete(database, initiator(1).access_key)
    assert not await stored.delete(database, initiator(1).access_key)
    assert [one.initiator for one in await notifications.due(database, NOW, limit=9)] == ["other"]


async def test_only_one_with_a_url_is_to_be_told_anything(database: Database) -> None:
    await stored.create(database, initiator(1))
    await stored.create(database, initiator(2, name="silent", url=None))
    for name, rows in (("outside", 1), ("silent", 0), ("nobody", 0)):
        [written] = await database.write(notifications.created(JOB_ID, name, "{}", now=NOW, next_at=NOW))
        assert len(written) == rows, name


async def test_who_archives_a_job_leaves_one_note_for_each_initiator_with_a_url(database: Database) -> None:
    await stored.create(database, initiator(1))
    await stored.create(database, initiator(2, name="silent", url=None))
    await jobs.create(database, job("outside", "silent", "nobody"))
    await database.write(notifications.created(JOB_ID, "outside", "{}", now=NOW, next_at=NOW))

    archived = await asyncio.gather(
        *(jobs.archive(database, JOB_ID, NOW + n, *notifications.deleted(JOB_ID, now=NOW + n)) for n in range(1, 5))
    )

    assert sorted(archived) == [False, False, False, True]
    [note] = await notifications.due(database, NOW + 9, limit=9)
    assert (note.initiator, note.job_id, note.event, note.attempts) == ("outside", JOB_ID, "deleted", 0)
    assert await database.read("SELECT COUNT(*) FROM notifications") == [(1,)]


async def test_the_end_of_a_job_waits_while_somebody_tells_of_its_beginning(database: Database) -> None:
    await stored.create(database, initiator(1))
    await jobs.create(database, job("outside"), notifications.created(JOB_ID, "outside", "{}", now=NOW, next_at=NOW + 75))
    assert await jobs.archive(database, JOB_ID, NOW + 1, *notifications.deleted(JOB_ID, now=NOW + 1))
    assert await notifications.next_at(database) == NOW + 75


async def test_the_end_of_a_job_that_was_not_taken_is_told_at_once(database: Database) -> None:
    await stored.create(database, initiator(1))
    await jobs.create(database, job("outside"), notifications.created(JOB_ID, "outside", "{}", now=NOW, next_at=NOW + 75))
    assert await jobs.archive(database, JOB_ID, NOW + 1, *notifications.not_taken(JOB_ID, now=NOW + 1))
    [note] = await notifications.due(database, NOW + 1, limit=9)
    assert note.event == "deleted"


async def test_a_job_archived_before_leaves_no_note_again(database: Database) -> None:
    await stored.create(database, initiator(1))
    await jobs.create(database, job("outside"))
    assert await jobs.archive(database, JOB_ID, NOW, *notifications.deleted(JOB_ID, now=NOW))
    [note] = await notifications.due(database, NOW, limit=9)
    await database.write(notifications.told(note))
    assert not await jobs.archive(database, JOB_ID, NOW + 1, *notifications.deleted(JOB_ID, now=NOW + 1))
    assert await notifications.next_at(database) is None


async def test_each_initiator_is_told_the_oldest_first_and_none_waits_for_another(database: Database) -> None:
    await stored.create(database, initiator(1))
    await stored.create(database, initiator(2, name="other"))
    for n, name in enumerate(("outside", "outside", "outside", "other")):
        await database.write(notifications.created(f"{n:032x}", name, "{}", now=NOW, next_at=NOW))
    first, other = await notifications.due(database, NOW, limit=9)
    assert (first.job_id, other.initiator) == (f"{0:032x}", "other")

    await database.write(notifications.postponed(first, until=NOW + 10, error="no answer"))
    assert (await notifications.due(database, NOW, limit=9))[0].job_id == f"{1:032x}"
    assert await notifications.undelivered(database, ["outside", "nobody"]) == {"outside": (3, "no answer")}
    [again, _] = await notifications.due(database, NOW + 10, limit=9)
    assert (again.job_id, again.attempts) == (f"{0:032x}", 1)
