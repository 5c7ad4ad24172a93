"""Bridges: their rows, and the fence between a bridge that is deleted and a job that is made."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from adyton.domain.bridges import Bridge
from adyton.domain.errors import Conflict
from adyton.domain.jobs import Job, TaskSpec
from adyton.storage import bridges as stored
from adyton.storage import jobs as stored_jobs
from adyton.storage.bridges import Bridges
from adyton.storage.database import Database
from support.builders import NOW, job

BRIDGE = Bridge(
    name="oracle",
    url="https://oracle.example/é?key=$(secret:KEY)",
    confirmations=2**32 - 1,
    minimum_payment=2**255,
    incoming_token_hash="ab",
    salt="cd",
    outgoing_token="ef",
    created_at=NOW,
    updated_at=NOW,
)


def named(name: str) -> Bridge:
    return msgspec.structs.replace(BRIDGE, name=name)


async def live(database: Database) -> Bridges:
    bridges = Bridges()
    await bridges.load(database)
    return bridges


def using(bridge: str, *, number: int = 1) -> Job:
    return job("noop", TaskSpec(type=bridge), bridge, job_id=f"{number:032x}")


async def test_bridges_come_back_as_they_were_stored(database: Database) -> None:
    plain = msgspec.structs.replace(named("plain"), confirmations=0, minimum_payment=None)
    await database.write(stored.insert(BRIDGE))
    await database.write(stored.insert(plain))
    bridges = await live(database)
    assert (bridges.get("oracle"), bridges.get("plain"), bridges.get("Oracle")) == (BRIDGE, plain, None)


async def test_there_is_one_bridge_of_a_name(database: Database) -> None:
    both = await asyncio.gather(*[database.write(stored.insert(BRIDGE)) for _ in range(2)], return_exceptions=True)
    assert [type(each) for each in both if isinstance(each, Exception)] == [Conflict]


async def test_bridges_are_listed_by_name(database: Database) -> None:
    for name in ("c", "a", "b"):
        await database.write(stored.insert(named(name)))
    assert await stored.page(database, offset=1, limit=5) == ([named("b"), named("c")], 3)


async def test_what_an_operator_may_change_is_replaced_and_the_tokens_stay(database: Database) -> None:
    await database.write(stored.insert(BRIDGE))
    changed = await stored.update(database, "oracle", url="http://b", confirmations=0, minimum_payment=None, now=NOW + 1)
    assert changed == msgspec.structs.replace(BRIDGE, url="http://b", confirmations=0, minimum_payment=None, updated_at=NOW + 1)
    assert (await live(database)).get("oracle") == changed
    assert await stored.update(database, "none", url="u", confirmations=0, minimum_payment=None, now=NOW) is None


async def test_new_tokens_replace_the_old_ones(database: Database) -> None:
    await database.write(stored.insert(BRIDGE))
    changed = await stored.rotate(database, "oracle", incoming_token_hash="1", salt="2", outgoing_token="3", now=NOW + 1)
    assert changed == msgspec.structs.replace(BRIDGE, incoming_token_hash="1", salt="2", outgoing_token="3", updated_at=NOW + 1)
    assert await stored.rotate(database, "none", incoming_token_hash="1", salt="2", outgoing_token="3", now=NOW) is None


async def test_a_bridge_that_a_live_job_uses_stays(database: Database) -> None:
    await database.write(stored.insert(BRIDGE))
    await stored_jobs.create(database, using("oracle"))
    assert await stored.delete(database, "oracle") is None
    assert (await live(database)).get("oracle") == BRIDGE

    await stored_jobs.archive(database, f"{1:032x}", NOW)
    assert await stored.delete(database, "oracle") == BRIDGE
    assert await stored.delete(database, "oracle") is None
    assert (await live(database)).get("oracle") is None


async def test_a_job_that_names_a_bridge_which_was_just_deleted_is_not_stored(database: Database) -> None:
    spec = using("oracle")
    with pytest.raises(Conflict):
        await stored_jobs.create(database, spec, *stored.held(spec, {"oracle"}))
    assert await stored_jobs.get(database, spec.id, archived=True) is None


async def test_a_job_whose_bridges_are_there_is_stored_as_it_is(database: Database) -> None:
    await database.write(stored.insert(BRIDGE))
    spec = using("oracle")
    await stored_jobs.create(database, spec, *stored.held(spec, {"oracle", "another"}))
    found = await stored_jobs.get(database, spec.id)
    assert found is not None
    assert [task.type for task in found.tasks] == ["noop", "oracle", "oracle"]
    assert stored.held(job("noop"), {"oracle"}) == []


async def test_of_a_deletion_and_a_job_at_the_same_moment_one_is_refused(database: Database) -> None:
    for number in range(20):
        name = f"oracle{number}"
        await database.write(stored.insert(named(name)))
        spec = using(name, number=number)
        steps = [stored.delete(database, name), stored_jobs.create(database, spec, *stored.held(spec, {name}))]
        if number % 2:
            steps.reverse()
        await asyncio.gather(*steps, return_exceptions=True)
        is_there = (await live(database)).get(name) is not None
        is_used = await stored_jobs.get(database, spec.id) is not None
        assert is_there == is_used, "a job has a bridge that is gone, or neither of the two was done"
