"""Lists of archived jobs, on every database."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adyton.domain.jobs import Initiator, Job
from adyton.storage import jobs as stored
from adyton.storage.database import Database
from adyton.storage.job_lists import Wanted, archived
from support.builders import NOW, job


async def made(database: Database, number: int, *tasks: str, is_archived: bool = True, **changes: Any) -> Job:
    spec = msgspec.structs.replace(
        job(*tasks, job_id=f"{number:032x}"), **{"created_at": NOW + number, "name": f"Job {number}", **changes}
    )
    await stored.create(database, spec)
    if is_archived:
        assert await stored.archive(database, spec.id, NOW + 99)
    return spec


async def numbers(database: Database, descending: bool = False, offset: int = 0, limit: int = 9, **wanted: str) -> list[int]:
    found, count = await archived(database, Wanted(**wanted), offset=offset, limit=limit, descending=descending)
    assert count >= len(found)
    assert all(each.archived_at == NOW + 99 for each in found)
    return [int(each.id, 16) for each in found]


async def test_archived_jobs_are_listed_by_age_in_pages(database: Database) -> None:
    for number in (3, 1, 2):
        await made(database, number)
    await made(database, 4, is_archived=False)

    assert await numbers(database) == [1, 2, 3]
    assert await numbers(database, descending=True, offset=1, limit=1) == [2]
    assert await numbers(database, offset=3) == []
    assert (await archived(database, Wanted(), offset=9, limit=1, descending=False))[1] == 3


async def test_archived_jobs_are_chosen(database: Database) -> None:
    await made(database, 1, "noop", name="ÄTHER/usd")
    await made(database, 2, "copy", initiators=(Initiator(type="cron", schedule="0 0 * * * *"),))
    await made(database, 3, "noop", "copy", name=None)

    assert await numbers(database, task="copy") == [2, 3]
    assert await numbers(database, initiator="cron") == [2]
    assert await numbers(database, initiator="web", task="copy") == [3]
    assert await numbers(database, name="ÄTHER/usd") == [1]
    assert await numbers(database, search="äther") == [1]
    assert await numbers(database, search="0000-0003") == [3]
    assert await numbers(database, search="%") == []
    assert await numbers(database, search="-", descending=True) == []
    found, count = await archived(database, Wanted(search="job"), offset=0, limit=0, descending=False)
    assert (found, count) == ([], 1)


async def test_an_archived_job_has_the_tasks_of_its_last_version(database: Database) -> None:
    spec = await stored.create(database, job("noop"))
    changed = msgspec.structs.replace(spec, tasks=job("copy").tasks)
    await database.write(*stored.change(changed, None, NOW))
    assert await stored.archive(database, spec.id, NOW + 99)

    (found,), _ = await archived(database, Wanted(task="copy"), offset=0, limit=1, descending=False)
    assert [task.type for task in found.tasks] == ["copy"]
    assert (await archived(database, Wanted(task="noop"), offset=0, limit=1, descending=False))[1] == 0


@pytest.mark.parametrize(("piece", "found"), [("usd", True), ("USD", True), ("ab-cd", True), ("abce", False), ("-", False)])
def test_a_search_is_a_piece_of_the_name_or_of_the_id(piece: str, found: bool) -> None:
    assert Wanted(search=piece).finds(f"{'0' * 28}abcd", "Eth/Usd") is found
    assert Wanted(search="usd").finds("0" * 32, None) is False
