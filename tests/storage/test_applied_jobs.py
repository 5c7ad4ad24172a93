"""Jobs that are kept in files, on every database: one write, fences, and versions of a job."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from adyton.config import Config
from adyton.domain.errors import Conflict, Invalid
from adyton.domain.external_initiators import Wanted
from adyton.domain.jobs import Job, TaskSpec
from adyton.domain.plans import Action
from adyton.engine.create import RunSource
from adyton.services import apply, external_initiators
from adyton.services.apply import Plan
from adyton.storage import bridges as stored_bridges
from adyton.storage import jobs as stored
from adyton.storage import notifications
from adyton.storage import runs as stored_runs
from adyton.storage.database import Database, Row, Statement
from support.api import Api, PassingDatabase
from support.builders import JOB_ID, NOW, job


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    made = Api(db=database)
    await made.__aenter__()
    yield made
    await made.client.aclose()


def spec(*types: str, **more: Any) -> dict[str, Any]:
    return {"initiators": [{"type": "web"}], "tasks": [{"type": each} for each in types or ("noop",)], **more}


async def applied(api: Api, *, prune: bool = False, dry: bool = False, plan: str | None = None, **specs: Any) -> Plan:
    listed = [{"key": key, "spec": each} for key, each in specs.items()]
    body = {"jobs": listed, "prune": prune, "dryRun": dry, "plan": plan}
    return await apply.apply(api.parts, msgspec.json.encode(body))


class Together(PassingDatabase):
    """Lets two write only when both are about to."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.both = asyncio.Barrier(2)

    async def write(self, *statements: Statement) -> list[list[Row]]:
        await self.both.wait()
        return await self.real.write(*statements)


async def at_once(api: Api, *wishes: dict[str, Any]) -> list[Any]:
    """Two who have made their plans before one of them writes."""
    api.parts = dataclasses.replace(api.parts, db=Together(api.db))
    return await asyncio.gather(*(applied(api, **wish) for wish in wishes), return_exceptions=True)


def actions(plan: Plan) -> dict[str, Action]:
    return {change.key: change.action for change in plan.changes}


async def test_what_is_stored_is_what_the_node_works_with(api: Api) -> None:
    await applied(api, a=spec("noop"), b=spec("noop", "copy", name="two", minPayment="7"), c=spec("noop"))
    plan = await applied(
        api,
        prune=True,
        a=spec("copy", "noop", endAt="2040-01-01T00:00:00Z"),
        b={**spec("noop"), "initiators": [{"type": "runlog"}]},
    )
    assert actions(plan) == {"a": Action.UPDATE, "b": Action.REPLACE, "c": Action.ARCHIVE}
    live = {each.id: each for each in await stored.live(api.db)}
    assert live == api.parts.jobs.jobs
    assert [change.job for change in plan.changes if change.job is not None] == sorted(
        live.values(), key=lambda each: str(each.applied_as)
    )
    assert sorted(str(each.applied_as) for each in live.values()) == ["a", "b"]


async def test_the_same_again_changes_nothing_and_writes_nothing(api: Api) -> None:
    wanted: dict[str, Any] = {"a": spec("noop", name="x"), "b": spec("noop", minPayment=5)}
    await applied(api, **wanted)
    commits = api.db.commits
    again = await applied(api, prune=True, **wanted)
    assert actions(again) == dict.fromkeys("ab", Action.UNCHANGED)
    assert not again.applied
    assert api.db.commits == commits


async def test_a_job_changed_in_place_keeps_its_initiators_and_its_former_tasks(api: Api) -> None:
    await applied(api, a=spec("noop"))
    [before] = api.parts.jobs.jobs.values()
    await applied(api, a=spec("copy", "noop"))
    now = await stored.get(api.db, before.id)
    assert now is not None
    assert now.version == 2
    assert now.initiators == before.initiators
    assert [task.type for task in now.tasks] == ["copy", "noop"]
    then = await stored.get(api.db, before.id, version=1)
    assert then is not None
    assert then.tasks == before.tasks


async def test_a_run_is_read_with_the_tasks_of_its_version(api: Api) -> None:
    await applied(api, a=spec("noop", "copy"))
    [first] = api.parts.jobs.jobs.values()
    run = api.bench.maker.new_run(first, first.initiators[0], RunSource(given={}))
    await api.db.write(stored_runs.insert([run]))
    await applied(api, a=spec("noop"))
    for _ in range(2):  # from the rows, then from memory
        read = await stored_runs.get(api.db, run.id, api.parts.jobs)
        assert read == run
    [now] = api.parts.jobs.jobs.values()
    newer = api.bench.maker.new_run(now, now.initiators[0], RunSource(given={}))
    assert (newer.job_version, len(newer.tasks)) == (2, 1)


async def test_of_two_who_apply_at_once_one_is_refused(api: Api) -> None:
    await applied(api, a=spec("noop"))
    outcomes = await at_once(api, {"a": spec("noop", "noop")}, {"a": spec("copy")})
    assert sorted(type(each).__name__ for each in outcomes) == ["Conflict", "Plan"]
    [now] = await stored.live(api.db)
    assert now.version == 2
    assert api.parts.jobs.jobs == {now.id: now}


async def test_of_two_who_create_one_key_at_once_one_is_refused(api: Api) -> None:
    outcomes = await at_once(api, {"a": spec()}, {"a": spec("copy")})
    assert sorted(type(each).__name__ for each in outcomes) == ["Conflict", "Plan"]
    assert len(await stored.live(api.db)) == 1


async def test_a_job_that_was_only_to_stay_is_held_too(api: Api) -> None:
    """Else the answer could speak of a job that was archived before the write."""
    await applied(api, a=spec(), b=spec())
    outcomes = await at_once(api, {"a": spec(), "b": spec("copy")}, {"prune": True, "b": spec()})
    refused = [isinstance(each, Conflict) for each in outcomes]
    live = {str(each.applied_as): each for each in await stored.live(api.db)}
    # Whoever came first: the other one's plan spoke of a job that is not as it was.
    assert refused in ([False, True], [True, False])
    assert ("a" in live) == refused[1]


async def test_a_job_archived_behind_the_plan_keeps_everything_from_being_written(api: Api) -> None:
    await applied(api, a=spec())
    [known] = api.parts.jobs.jobs.values()

    class Late(PassingDatabase):
        """Archives the job before the plan is written."""

        async def write(self, *statements: Statement) -> list[list[Row]]:
            await stored.archive(self.real, known.id, NOW)
            return await self.real.write(*statements)

    api.parts = dataclasses.replace(api.parts, db=Late(api.db))
    with pytest.raises(Conflict):
        await applied(api, a=spec("copy"), b=spec())
    assert await stored.live(api.db) == []


async def test_only_the_plan_that_was_shown_is_done(api: Api) -> None:
    shown = await applied(api, dry=True, a=spec())
    await applied(api, a=spec("copy"))
    with pytest.raises(Conflict):
        await applied(api, plan=shown.mark, a=spec())
    shown = await applied(api, dry=True, a=spec())
    done = await applied(api, plan=shown.mark, a=spec())
    assert actions(done) == {"a": Action.UPDATE}


async def test_an_archived_jobs_key_is_free(api: Api) -> None:
    first = await applied(api, a=spec())
    await applied(api, prune=True)
    again = await applied(api, a=spec())
    assert actions(again) == {"a": Action.CREATE}
    assert again.changes[0].job != first.changes[0].job


async def test_an_id_that_the_file_names_is_kept_as_long_as_it_can_be(api: Api) -> None:
    own = "ab" * 16
    await applied(api, a=spec(externalJobID=own))
    assert list(api.parts.jobs.jobs) == [own]
    assert actions(await applied(api, a=spec("copy", externalJobID=own))) == {"a": Action.UPDATE}
    with pytest.raises(Invalid) as wrong:
        await applied(api, a={**spec(externalJobID=own), "initiators": [{"type": "runlog"}]})
    assert wrong.value.faults[0].pointer == "/jobs/0/spec/externalJobID"
    moved = await applied(api, a=spec("copy", externalJobID="cd" * 16))
    assert actions(moved) == {"a": Action.REPLACE}
    with pytest.raises(Invalid):
        await applied(api, a=spec(externalJobID=own))
    with pytest.raises(Invalid):
        await applied(api, x=spec(externalJobID="ef" * 16), y=spec(externalJobID="ef" * 16))


async def test_external_initiators_are_told_with_the_same_write(api: Api) -> None:
    config = Config.load({"ROOT": "/nonexistent/adyton", "FEATURE_EXTERNAL_INITIATORS": "true"})
    api.parts = dataclasses.replace(api.parts, config=config)
    wanted = Wanted("feeds", "http://feeds.example/jobs")
    await external_initiators.create(api.parts, wanted)
    asked = {"initiators": [{"type": "external", "params": {"name": "feeds"}}], "tasks": [{"type": "noop"}]}
    plan = await applied(api, a=asked)
    assert "feeds is told" in plan.changes[0].warnings[0]
    [news] = await notifications.due(api.db, api.parts.clock.now(), limit=5)
    assert (news.event, news.initiator) == ("created", "feeds")
    assert api.parts.news.is_set()
    await applied(api, prune=True)
    [news] = await notifications.due(api.db, api.parts.clock.now(), limit=5)
    assert news.event == "deleted"


async def test_a_job_from_before_versions_is_read(api: Api) -> None:
    made = await stored.create(api.db, job("noop", "copy"))
    assert await stored.spec(api.db, JOB_ID) is None
    assert made.version == 1
    assert await stored.live_versions(api.db) == {JOB_ID: 1}
    assert await stored.applied(api.db) == []


async def test_a_bridge_of_former_tasks_only_can_be_deleted(api: Api) -> None:
    row = ("old", "http://b.example", 0, None, "h", "s", "o", 0, 0)
    columns = "name, url, confirmations, minimum_payment, incoming_token_hash, salt, outgoing_token, created_at, updated_at"
    await api.db.write(Statement(f"INSERT INTO bridges ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [row]))
    await api.parts.bridges.load(api.db)
    await applied(api, a=spec("old"))
    assert await stored_bridges.delete(api.db, "old") is None
    await applied(api, a=spec("noop"))
    assert await stored_bridges.delete(api.db, "old") is not None


async def test_the_registry_finds_a_change_whose_answer_was_lost(api: Api) -> None:
    await applied(api, a=spec())
    [known] = api.parts.jobs.jobs.values()
    changed = msgspec.structs.replace(known, tasks=(TaskSpec(type="copy"),), name="new")
    await api.db.write(*stored.change(changed, "{}", NOW + 5))
    await api.parts.jobs.refresh()
    found: Job = api.parts.jobs.jobs[known.id]
    assert (found.version, found.name, found.tasks[0].type) == (2, "new", "copy")
    api.parts.jobs.add(known)
    assert api.parts.jobs.jobs[known.id] is found
