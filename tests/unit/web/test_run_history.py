"""Runs are cancelled and deleted over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from adyton.domain.runs import RunStatus
from support.api import Api, details
from support.asked import request_of, run_for, store
from support.builders import JOB_ID, job, run_log

BULK = "/v2/bulk_delete_runs"
LATER = "2023-11-15T00:00:00Z"


async def delete(api: Api, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return await api.client.request("DELETE", BULK, content=content)


async def runs(api: Api) -> dict[RunStatus, str]:
    """One run of each final status, of no request, and one that is under way."""
    spec = await api.job(job("noop"))
    made = {}
    for number, status in enumerate((*sorted(s for s in RunStatus if s.finished), RunStatus.IN_PROGRESS), start=1):
        run = run_for(api.bench, run_log(request=number), status, "why")
        made[status] = run.id
        await store(api.db, msgspec.structs.replace(run, request=None, creation_height=None, job_id=spec.id))
    return made


async def left(api: Api) -> set[str]:
    return {str(row[0]) for row in await api.db.read("SELECT id FROM runs")}


async def test_a_run_is_cancelled_and_shown(api: Api) -> None:
    await api.job(job("noop"))
    run_id = (await api.post(f"/v2/specs/{JOB_ID}/runs"))["data"]["id"]

    response = await api.client.put(f"/v2/runs/{run_id}/cancellation")

    assert response.status_code == 200
    shown = response.json()["data"]
    assert (shown["type"], shown["id"], shown["attributes"]["status"]) == ("runs", run_id, "cancelled")
    assert shown["attributes"]["finishedAt"] == "2023-11-14T22:13:20Z"
    assert shown["attributes"]["result"]["error"] == "cancelled by the operator"
    assert (await api.get(f"/v2/runs/{run_id}"))["data"]["attributes"] == shown["attributes"]


async def test_a_run_is_cancelled_once(api: Api) -> None:
    await api.job(job("noop"))
    run_id = (await api.post(f"/v2/specs/{JOB_ID}/runs"))["data"]["id"]
    await api.client.put(f"/v2/runs/{run_id}/cancellation")

    again = await api.client.put(f"/v2/runs/{run_id}/cancellation")

    assert (again.status_code, details(again.json())) == (409, ["the run is cancelled already"])


async def test_an_unknown_run_and_a_stranger_cancel_nothing(api: Api) -> None:
    unknown = await api.client.put(f"/v2/runs/{'f' * 32}/cancellation")
    assert (unknown.status_code, details(unknown.json())) == (404, ["Job run not found"])
    stranger = await api.another_client().put(f"/v2/runs/{'f' * 32}/cancellation")
    assert stranger.status_code == 401


async def test_runs_are_deleted_by_status_and_age(api: Api) -> None:
    made = await runs(api)
    response = await delete(api, {"status": ["completed", "errored"], "updatedBefore": LATER})

    assert (response.status_code, response.content) == (204, b"")
    assert await left(api) == {made[RunStatus.CANCELLED], made[RunStatus.IN_PROGRESS]}
    await delete(api, {"status": ["cancelled"], "updatedBefore": LATER})
    assert await left(api) == {made[RunStatus.IN_PROGRESS]}


async def test_runs_of_archived_jobs_go_too(api: Api) -> None:
    made = await runs(api)
    await api.client.delete(f"/v2/specs/{JOB_ID}")
    await delete(api, {"status": ["completed"], "updatedBefore": LATER})
    assert made[RunStatus.COMPLETED] not in await left(api)


@pytest.mark.parametrize(
    "body",
    [
        {"status": ["completed", "errored"], "updatedBefore": "2023-11-14T22:13:20Z"},
        {"status": [], "updatedBefore": LATER},
        {"updatedBefore": LATER},
        {"status": ["completed"]},
        {},
        None,
    ],
)
async def test_nothing_that_is_not_named_is_deleted(api: Api, body: Any) -> None:
    made = await runs(api)
    assert (await delete(api, body)).status_code == 204
    assert await left(api) == set(made.values())


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "EOF"),
        (b"{", 400, "unexpected EOF"),
        ([], 400, "must be a JSON object"),
        ({"status": ["completed"], "updatedBefore": "yesterday"}, 400, "updatedBefore"),
        ({"status": ["completed"], "updatedBefore": 5}, 400, "updatedBefore must be a time such as"),
        ({"status": "completed", "updatedBefore": LATER}, 400, "status must be a list"),
        ({"status": [1], "updatedBefore": LATER}, 400, "status must be a list"),
        ({"status": ["in_progress"], "updatedBefore": LATER}, 422, "cannot delete Runs with status in_progress"),
        ({"status": ["completed", ""], "updatedBefore": LATER}, 422, "cannot delete Runs with status "),
    ],
)
async def test_a_wrong_body_deletes_nothing_and_says_what_is_wrong(api: Api, body: Any, status: int, words: str) -> None:
    made = await runs(api)
    response = await delete(api, body)
    assert response.status_code == status
    assert words in details(response.json())[0]
    assert await left(api) == set(made.values())


async def test_what_became_of_a_request_stays_when_its_run_is_deleted(api: Api) -> None:
    await api.job(job("noop"))
    api.bench.chain.at(1000)
    log = run_log(block=100)
    run = run_for(api.bench, log, RunStatus.ERRORED, "the source is away")
    await store(api.db, run, request_of(log, run_id=run.id, expiration=None))

    await delete(api, {"status": ["errored"], "updatedBefore": LATER})

    (request,) = (await api.get("/v2/requests"))["data"]
    assert request["attributes"]["fate"]["kind"] == "refused"
    assert request["attributes"]["fate"]["reason"] == "the source is away"
    assert request["attributes"]["runId"] is None
    assert await left(api) == set()


async def test_a_stranger_deletes_nothing(api: Api) -> None:
    assert (await api.another_client().request("DELETE", BULK, content=b"{}")).status_code == 401
