"""Jobs, pages and runs as v0.6.2 had them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from support.answers import ID, ORACLE, TIME, UNKNOWN, WEB, done, listed, refused, shown, stored
from support.api import Api

RUN = [
    "id", "jobId", "result", "status", "taskRuns", "createdAt", "finishedAt", "updatedAt", "creationHeight", "observedHeight",
    "overrides", "initiator",
]  # fmt: skip
TASK = ["ID", "CreatedAt", "UpdatedAt", "DeletedAt", "type", "confirmations", "params"]
RESULT = ["jobRunId", "taskRunId", "data", "status", "error"]


def run_at(time: str) -> dict[str, Any]:
    return {"type": "runat", "params": {"time": time}}


# --- 5.6: jobs -------------------------------------------------------------------------------------------------------


async def test_a_job_has_the_form_of_v062(node: Api) -> None:
    spec = {
        "_comment": "ignored",
        "initiators": [
            {"type": "web"},
            {"type": "cron", "params": {"schedule": "0 0 * * * *"}},
            {"type": "runat", "params": {"time": "2030-07-01T00:00:00Z"}},
            {"type": "RunLog", "params": {"address": ORACLE, "requesters": [ORACLE]}},
        ],
        "Tasks": [
            {"type": "HttpGet", "params": {"get": "https://bitstamp.net/api/ticker/"}},
            {"type": "jsonparse", "confirmations": "7"},
        ],
    }

    made = await node.client.post("/v2/specs", json=spec, headers={"content-type": "text/plain"})

    job = shown(made, "specs")
    assert list(job) == ["initiators", "id", "createdAt", "tasks", "startAt", "endAt"]
    assert ID.fullmatch(job["id"])
    assert made.json()["data"]["id"] == job["id"]
    assert TIME.fullmatch(job["createdAt"])
    assert job["createdAt"] > "2019"
    assert job["initiators"] == [
        {"type": "web", "params": {}},
        {"type": "cron", "params": {"schedule": "0 0 * * * *"}},
        {"type": "runat", "params": {"time": "2030-07-01T00:00:00Z", "ran": False}},
        {"type": "runlog", "params": {"address": ORACLE}},
    ]
    assert [list(task) for task in job["tasks"]] == [TASK, TASK]
    assert [task["type"] for task in job["tasks"]] == ["httpget", "jsonparse"]
    assert (job["tasks"][0]["confirmations"], job["tasks"][1]["confirmations"]) == (None, 7)
    assert (job["tasks"][1]["params"], job["tasks"][0]["DeletedAt"], job["startAt"], job["endAt"]) == ({}, None, None, None)
    again = shown(await node.client.get(f"/v2/specs/{job['id']}"), "specs")
    assert again == job == listed(await node.client.get("/v2/specs"), "specs")[0]


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        ({}, ["Must have at least one Initiator and one Task"]),
        (None, ["Must have at least one Initiator and one Task"]),
        ({**WEB, "startAt": "2030-01-02T00:00:00Z", "endAt": "2030-01-01T00:00:00Z"}, ["StartAt cannot be before EndAt"]),
        ({**WEB, "initiators": [{"type": "x"}]}, ["type x does not exist"]),
        ({**WEB, "initiators": [{"type": "runat"}]}, ["RunAt must have a time"]),
        ({**WEB, "initiators": [{"type": "cron"}]}, ["Schedule must have a cron"]),
        ({**WEB, "tasks": [{"type": "x"}]}, ["x is not a supported adapter type"]),
        (
            {"initiators": [{"type": "x"}, {"type": "cron"}], "tasks": [{"type": "y"}]},
            ["type x does not exist", "Schedule must have a cron", "y is not a supported adapter type"],
        ),
        (
            {**WEB, "startAt": "2030-01-02T00:00:00Z", "initiators": [run_at("2030-01-01T00:00:00Z")]},
            ["RunAt time must be after job's StartAt"],
        ),
        (
            {**WEB, "endAt": "2030-01-02T00:00:00Z", "initiators": [run_at("2030-01-03T00:00:00Z")]},
            ["RunAt time must be before job's EndAt"],
        ),
        (
            {**WEB, "initiators": [{"type": "web"}, {"type": "execagreement"}]},
            ["ServiceAgreement should have at most one initiator"],
        ),
        ({**WEB, "tasks": [{"type": "a b"}]}, ["Task Type validation: name a b contains invalid characters"]),
    ],
)
async def test_a_job_is_refused_in_the_words_of_v062(node: Api, spec: Any, faults: list[str]) -> None:
    content = json.dumps(spec)  # httpx sends no body for None
    assert refused(await node.client.post("/v2/specs", content=content), 400) == faults


async def test_a_cron_line_that_cannot_be_read_is_told_as_go_does(node: Api) -> None:
    spec = {**WEB, "initiators": [{"type": "cron", "params": {"schedule": "! * * * *"}}]}
    (fault,) = refused(await node.client.post("/v2/specs", json=spec), 400)
    assert fault == 'Cron: Failed to parse int from !: strconv.Atoi: parsing "!": invalid syntax'


async def test_an_unknown_job_and_an_archived_one(node: Api) -> None:
    job_id = await stored(node)
    done(await node.client.delete(f"/v2/specs/{job_id}"))
    for path in (f"/v2/specs/{job_id}", f"/v2/specs/{UNKNOWN}", "/v2/specs/garbage"):
        assert refused(await node.client.get(path), 404) == ["JobSpec not found"]
        assert refused(await node.client.delete(path), 404) == ["JobSpec not found"]
    assert listed(await node.client.get("/v2/specs"), "specs") == []


# --- 3.2: pages ------------------------------------------------------------------------------------------------------


async def test_pages_have_the_links_of_v062(node: Api) -> None:
    for _ in range(3):
        await stored(node)
    first = (await node.client.get("/v2/specs?size=1&sort=-createdAt")).json()
    second = (await node.client.get("/v2/specs?sort=-createdAt&size=1&page=2")).json()
    beyond = (await node.client.get("/v2/specs?size=1&page=9")).json()
    whole = (await node.client.get("/v2/specs")).json()

    assert list(first) == ["links", "data", "meta"]
    assert first["links"] == {"next": "/v2/specs?page=2&size=1&sort=-createdAt"}
    assert second["links"] == {
        "next": "/v2/specs?page=3&size=1&sort=-createdAt",
        "prev": "/v2/specs?page=1&size=1&sort=-createdAt",
    }
    assert (beyond["data"], beyond["meta"]) == ([], {"count": 3})
    assert list(whole) == ["data", "meta"]
    ids = [item["id"] for item in whole["data"]]
    assert [first["data"][0]["id"], second["data"][0]["id"]] == [ids[2], ids[1]]


@pytest.mark.parametrize("path", ["specs", "runs", "bridge_types", "transactions", "tx_attempts", "external_initiators"])
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("size=x", 'invalid size param, error: strconv.Atoi: parsing "x": invalid syntax'),
        ("size=0", "invalid size param, error: <nil>"),
        ("page=-1", "invalid page param, error: <nil>"),
        ("page=x", 'invalid page param, error: strconv.Atoi: parsing "x": invalid syntax'),
    ],
)
async def test_a_wrong_page_is_refused_in_the_words_of_v062(node: Api, path: str, query: str, text: str) -> None:
    response = await node.client.get(f"/v2/{path}?{query}")
    assert refused(response, 422) == [text]
    assert response.json()["errors"][0]["source"] == {"parameter": query.partition("=")[0]}


# --- 5.7: runs -------------------------------------------------------------------------------------------------------


async def test_a_new_run_has_the_form_of_v062(node: Api) -> None:
    job_id = await stored(node)
    response = await node.client.post(f"/v2/specs/{job_id}/runs", json={"note": "manual"})

    run = shown(response, "runs")
    assert list(run) == RUN
    assert (run["jobId"], run["status"], run["finishedAt"]) == (job_id, "in_progress", None)
    assert list(run["overrides"]) == RESULT
    assert run["overrides"] == {"jobRunId": "", "taskRunId": "", "data": {"note": "manual"}, "status": "", "error": None}
    assert run["result"] == run["overrides"]
    assert (run["creationHeight"], run["observedHeight"]) == (None, None)
    assert run["initiator"] == {"type": "web", "params": {}}
    (task,) = run["taskRuns"]
    assert list(task) == ["id", "result", "status", "task", "minimumConfirmations", "confirmations"]
    assert list(task["task"]) == TASK


async def test_a_finished_run_is_shown_and_listed_in_two_forms(node: Api) -> None:
    job_id = await stored(node)
    made = shown(await node.client.post(f"/v2/specs/{job_id}/runs", json={"result": "5"}), "runs")
    await node.work_on(made["id"])

    one = shown(await node.client.get(f"/v2/runs/{made['id']}"), "runs")
    (item,) = listed(await node.client.get(f"/v2/runs?jobSpecId={job_id}"), "runs")

    assert (one["status"], one["result"]["status"], one["result"]["data"]) == ("completed", "completed", {"result": "5"})
    assert (one["result"]["jobRunId"], one["result"]["taskRunId"]) == (one["id"], one["taskRuns"][0]["id"])
    assert {**item, "initiator": None} == {**one, "initiator": None}
    assert list(item["initiator"]) == ["id", "jobSpecId", "type", "CreatedAt", "params"]
    assert item["initiator"]["params"] == {"time": None, "address": "0x" + "0" * 40}
    assert listed(await node.client.get(f"/v2/runs?jobSpecId={UNKNOWN}"), "runs") == []


async def test_what_keeps_a_run_from_starting_in_the_order_of_v062(node: Api) -> None:
    runlog = await stored(node, {**WEB, "initiators": [{"type": "runlog"}]})
    later = await stored(node, {**WEB, "startAt": "2040-01-01T00:00:00Z"})
    ended = await stored(node, {**WEB, "endAt": "2019-01-01T00:00:00Z"})
    assert refused(await node.client.post(f"/v2/specs/{UNKNOWN}/runs", content="{"), 404) == ["Job not found"]
    assert refused(await node.client.post(f"/v2/specs/{runlog}/runs", content="{"), 403) == [
        "Job not available on web API, recreate with web initiator"
    ]
    (unreadable,) = refused(await node.client.post(f"/v2/specs/{later}/runs", content='{"a"'), 500)
    assert "internal error" not in unreadable
    (early,) = refused(await node.client.post(f"/v2/specs/{later}/runs"), 500)
    assert early.startswith(f"NewRun failed: Job runner: Job {later} unstarted: ")
    (late,) = refused(await node.client.post(f"/v2/specs/{ended}/runs"), 500)
    assert late.startswith(f"NewRun failed: Job runner: Job {ended} ended: ")


async def test_a_run_of_an_archived_job_is_gone_from_lists(node: Api) -> None:
    job_id = await stored(node)
    run_id = shown(await node.client.post(f"/v2/specs/{job_id}/runs"), "runs")["id"]
    await node.client.delete(f"/v2/specs/{job_id}")
    assert refused(await node.client.get(f"/v2/runs/{run_id}"), 404) == ["Job run not found"]
    assert listed(await node.client.get("/v2/runs"), "runs") == []
    assert refused(await node.client.post(f"/v2/specs/{job_id}/runs"), 404) == ["Job not found"]


async def test_runs_are_deleted_in_bulk(node: Api) -> None:
    job_id = await stored(node)
    run_id = shown(await node.client.post(f"/v2/specs/{job_id}/runs"), "runs")["id"]
    await node.work_on(run_id)

    async def delete(body: Any) -> httpx.Response:
        return await node.client.request("DELETE", "/v2/bulk_delete_runs?status=ignored", json=body)

    assert refused(await delete({"status": ["in_progress"]}), 422) == ["cannot delete Runs with status in_progress"]
    assert (await node.client.request("DELETE", "/v2/bulk_delete_runs")).status_code == 400
    assert (await delete({"status": ["completed"], "updatedBefore": "yesterday"})).status_code == 400
    for nothing in ({}, {"status": ["completed"]}, {"updatedBefore": "2040-01-01T00:00:00Z"}):
        done(await delete(nothing))
    assert len(listed(await node.client.get("/v2/runs"), "runs")) == 1
    done(await delete({"status": ["completed", "errored"], "updatedBefore": "2040-01-01T00:00:00Z"}))
    assert listed(await node.client.get("/v2/runs"), "runs") == []
