"""Which jobs are shown over HTTP: by state, by a search, archived ones; and what goes wrong with one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adyton.domain.jobs import Job, TaskSpec
from adyton.domain.runs import Completed, Errored, after
from adyton.engine.create import RunSource
from adyton.services.job_errors import LATEST
from adyton.storage import runs as stored
from support.api import Api, details
from support.builders import JOB_ID, NOW, job

HOUR = 3_600_000_000


async def made(api: Api, number: int, **changes: Any) -> Job:
    spec = msgspec.structs.replace(job(job_id=f"{number:032x}"), created_at=NOW + number, **changes)
    return await api.job(spec)


async def listed(api: Api, query: str) -> list[int]:
    document = await api.get(f"/v2/specs?{query}")
    assert document["meta"]["count"] == len(document["data"])
    return [int(each["id"], 16) for each in document["data"]]


async def test_jobs_are_chosen_by_their_state(api: Api) -> None:
    await made(api, 1)
    await made(api, 2, start_at=NOW + HOUR)
    await made(api, 3, end_at=NOW - HOUR)
    await made(api, 4)
    assert (await api.client.delete(f"/v2/specs/{4:032x}")).status_code == 204

    assert await listed(api, "state=active") == [1]
    assert await listed(api, "state=waiting") == [2]
    assert await listed(api, "state=ended") == [3]
    assert await listed(api, "state=archived") == [4]
    assert await listed(api, "") == [1, 2, 3]
    assert "invalid state param" in details(await api.get("/v2/specs?state=asleep", 422))[0]


async def test_jobs_are_searched_by_a_piece_of_their_name_or_id(api: Api) -> None:
    await made(api, 0xABC, name="ETH/USD")
    await made(api, 0xDEF, name="eth/eur")
    await made(api, 7)

    assert await listed(api, "search=eth") == [0xABC, 0xDEF]
    assert await listed(api, "search=%20usd%20&sort=-createdAt") == [0xABC]
    assert await listed(api, "search=0def") == [0xDEF]
    assert await listed(api, "search=") == [7, 0xABC, 0xDEF]
    assert await listed(api, "search=eth&state=waiting") == []


async def test_only_what_is_unusual_of_a_job_is_said(api: Api) -> None:
    await made(api, 1, start_at=NOW + HOUR)
    await made(api, 2)
    waiting, active = [each["attributes"] for each in (await api.get("/v2/specs"))["data"]]
    assert waiting["state"] == "waiting"
    assert not {"state", "version", "archivedAt"} & active.keys()


async def test_an_archived_job_is_shown_where_that_is_asked_for(api: Api) -> None:
    job_id = (await api.post("/v2/specs", {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}))["data"]["id"]
    await api.client.delete(f"/v2/specs/{job_id}")

    for path in (f"/v2/specs/{job_id}", f"/v2/specs/{job_id}/export"):
        assert details(await api.get(path, 404)) == ["JobSpec not found"]
        assert details(await api.get(f"{path}?archived=false", 404)) == ["JobSpec not found"]
        assert "invalid archived param" in details(await api.get(f"{path}?archived=1", 422))[0]
    shown = (await api.get(f"/v2/specs/{job_id}?archived=true"))["data"]["attributes"]
    assert (shown["state"], shown["archivedAt"]) == ("archived", "2023-11-14T22:13:20Z")
    assert (await api.get(f"/v2/specs/{job_id}/export?archived=true"))["data"]["attributes"]["spec"]["tasks"] == [
        {"type": "noop"}
    ]
    assert details(await api.get(f"/v2/specs/{'e' * 32}?archived=true", 404)) == ["JobSpec not found"]
    assert details(await api.get("/v2/specs/none?archived=true", 404)) == ["JobSpec not found"]


async def test_a_live_job_is_shown_as_it_is_where_archived_ones_are_asked_for(api: Api) -> None:
    await api.job(job())
    assert await api.get(f"/v2/specs/{JOB_ID}?archived=true") == await api.get(f"/v2/specs/{JOB_ID}")


async def test_a_job_that_was_changed_in_place_shows_its_version(api: Api) -> None:
    def body(kind: str) -> dict[str, Any]:
        spec = {"initiators": [{"type": "web"}], "tasks": [{"type": kind}]}
        return {"jobs": [{"key": "a", "spec": spec}]}

    first = await api.post("/v2/specs/apply", body("noop"))
    await api.post("/v2/specs/apply", body("ethbool"))

    job_id = first["data"][0]["attributes"]["jobId"]
    assert (await api.get(f"/v2/specs/{job_id}"))["data"]["attributes"]["version"] == 2


# --- errors ----------------------------------------------------------------------------------------------------------


async def ended(api: Api, error: str | None, *, position: int = 0) -> str:
    """The id of a run that has ended."""
    api.bench.clock.micros += 1
    spec = api.bench.jobs.jobs[JOB_ID]
    run = api.bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))
    await api.db.write(stored.insert([run]))
    for place in range(position):
        run = after(run, place, Completed({}), api.bench.clock.micros)
    run = after(run, position, Errored(error) if error is not None else Completed({}), api.bench.clock.micros)
    await api.db.write(*stored.save(run, run.tasks))
    return run.id


async def test_the_same_errors_of_a_job_are_shown_together(api: Api) -> None:
    await api.job(job(TaskSpec(type="jsonparse", params={"path": ["a"]}), "noop"))
    await ended(api, "No value could be found for the key 'a'")
    await ended(api, None)
    await ended(api, "<b>it</b> broke", position=1)
    last = await ended(api, "No value could be found for the key 'a'")

    found = (await api.get(f"/v2/specs/{JOB_ID}/errors"))["data"]

    assert (found["type"], found["id"]) == ("specErrors", JOB_ID)
    assert (found["attributes"]["errored"], found["attributes"]["latest"]) == (3, 3)
    assert found["attributes"]["groups"] == [
        {
            "code": "ADY-0408",
            "error": "No value could be found for the key 'a'",
            "position": 0,
            "task": "jsonparse",
            "count": 2,
            "firstAt": "2023-11-14T22:13:20.000001Z",
            "lastAt": "2023-11-14T22:13:20.000004Z",
            "lastRunId": last,
        },
        {
            "code": "ADY-0399",
            "error": "<b>it</b> broke",
            "position": 1,
            "task": "noop",
            "count": 1,
            "firstAt": "2023-11-14T22:13:20.000003Z",
            "lastAt": "2023-11-14T22:13:20.000003Z",
            "lastRunId": found["attributes"]["groups"][1]["lastRunId"],
        },
    ]


async def test_only_the_newest_errored_runs_are_looked_at(api: Api) -> None:
    await api.job(job("noop"))
    await ended(api, "old")
    for _ in range(LATEST):
        await ended(api, "new")

    found = (await api.get(f"/v2/specs/{JOB_ID}/errors"))["data"]["attributes"]

    assert (found["errored"], found["latest"]) == (LATEST + 1, LATEST)
    assert [(each["error"], each["count"]) for each in found["groups"]] == [("new", LATEST)]


@pytest.mark.parametrize("archived", [True, False])
async def test_a_job_that_is_not_there_has_no_errors(api: Api, archived: bool) -> None:
    if archived:
        await api.job(job())
        await api.client.delete(f"/v2/specs/{JOB_ID}")
    assert details(await api.get(f"/v2/specs/{JOB_ID}/errors", 404)) == ["JobSpec not found"]
