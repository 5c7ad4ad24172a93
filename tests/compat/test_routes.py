"""The API, route by route, from the reference of v0.6.2: statuses, texts, content types, the order of keys, headers.

What differs on purpose stands in docs/compatibility.md and docs/api.md, and is tested here as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest

from adyton.domain import evm
from adyton.domain.bridges import token_hash
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.storage import keys
from adyton.web.auth import COOKIE
from support.api import EMAIL, PASSWORD, PATIENT, Api, details
from support.builders import NOW, SENDER
from support.people import with_password

JSON_API = "application/vnd.api+json"
FAULTS = "application/json; charset=utf-8"
ID = re.compile("[0-9a-f]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")
WEB = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}
BRIDGE = {
    "name": "randomNumber",
    "url": "https://example.com/randomNumber",
    "confirmations": 10,
    "minimumContractPayment": "100",
}
UNKNOWN = "4c9a7f7a0b1e4d7c8f2e6a5b3d1c0f9e"
ORACLE = "0x" + "c0" * 20
DEV = {"FEATURE_EXTERNAL_INITIATORS": "true", "FEATURE_SERVICE_AGREEMENTS": "true"}
RUN = [
    "id", "jobId", "result", "status", "taskRuns", "createdAt", "finishedAt", "updatedAt", "creationHeight", "observedHeight",
    "overrides", "initiator",
]  # fmt: skip
TASK = ["ID", "CreatedAt", "UpdatedAt", "DeletedAt", "type", "confirmations", "params"]
RESULT = ["jobRunId", "taskRunId", "data", "status", "error"]


@pytest.fixture
async def node() -> AsyncIterator[Api]:
    """The API of a node in which everything is switched on."""
    async with Api(environment=DEV) as api:
        await keys.ensure(api.db, [SENDER], NOW)
        yield api


def shown(response: httpx.Response, kind: str, status: int = 200) -> dict[str, Any]:
    """The attributes of the one resource that a good answer shows."""
    assert (response.status_code, response.headers["content-type"]) == (status, JSON_API), response.text
    document = response.json()
    assert next(iter(document)) == "data"
    assert (list(document["data"]), document["data"]["type"]) == (["type", "id", "attributes"], kind)
    attributes: dict[str, Any] = document["data"]["attributes"]
    return attributes


def listed(response: httpx.Response, kind: str, *, paged: bool = True) -> list[dict[str, Any]]:
    """The attributes of every resource of a list."""
    assert (response.status_code, response.headers["content-type"]) == (200, JSON_API), response.text
    document = response.json()
    assert [key for key in document if key != "links"] == (["data", "meta"] if paged else ["data"])
    assert {item["type"] for item in document["data"]} <= {kind}
    return [item["attributes"] for item in document["data"]]


def refused(response: httpx.Response, status: int) -> list[str]:
    """The details of a refusal."""
    assert (response.status_code, response.headers["content-type"]) == (status, FAULTS), response.text
    assert list(response.json()) == ["errors"]
    return details(response.json())


def done(response: httpx.Response) -> None:
    """Done, and nothing to show; the content type is there all the same."""
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["content-type"] == JSON_API


async def stored(api: Api, spec: Any = None) -> str:
    """The id of a new job."""
    answer = await api.client.post("/v2/specs", json=spec or WEB)
    return str(shown(answer, "specs")["id"])


def run_at(time: str) -> dict[str, Any]:
    return {"type": "runat", "params": {"time": time}}


# --- the route table -------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    method: str
    path: str
    auth: str


ROUTES = [
    Row("POST", "/sessions", "none"),
    Row("DELETE", "/sessions", "session"),
    Row("GET", "/debug/vars", "session"),
    Row("PATCH", "/v2/user/password", "session"),
    Row("GET", "/v2/user/balances", "session"),
    Row("GET", "/v2/specs", "session"),
    Row("POST", "/v2/specs", "session or initiator"),
    Row("GET", f"/v2/specs/{UNKNOWN}", "session"),
    Row("DELETE", f"/v2/specs/{UNKNOWN}", "session"),
    Row("POST", f"/v2/specs/{UNKNOWN}/runs", "session or initiator"),
    Row("GET", "/v2/runs", "session"),
    Row("GET", f"/v2/runs/{UNKNOWN}", "session"),
    Row("PATCH", f"/v2/runs/{UNKNOWN}", "bridge"),
    Row("DELETE", "/v2/bulk_delete_runs", "session"),
    Row("GET", "/v2/bridge_types", "session"),
    Row("POST", "/v2/bridge_types", "session"),
    Row("GET", "/v2/bridge_types/x", "session"),
    Row("PATCH", "/v2/bridge_types/x", "session"),
    Row("DELETE", "/v2/bridge_types/x", "session"),
    Row("POST", "/v2/external_initiators", "session"),
    Row("DELETE", "/v2/external_initiators/x", "session"),
    Row("POST", "/v2/service_agreements", "none"),
    Row("GET", "/v2/service_agreements/0x1", "session"),
    Row("GET", "/v2/transactions", "session"),
    Row("GET", "/v2/transactions/0x1", "session"),
    Row("GET", "/v2/tx_attempts", "session"),
    Row("POST", "/v2/withdrawals", "session"),
    Row("POST", "/v2/transfers", "session"),
    Row("GET", "/v2/config", "session"),
    Row("POST", "/v2/keys", "session"),
]


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
async def test_each_route_of_v062_is_there_and_asks_who_calls(node: Api, row: Row) -> None:
    stranger = await node.another_client().request(row.method, row.path)
    operator = await node.client.request(row.method, row.path)

    assert operator.headers["content-type"] != "text/plain", "it is no route"
    assert operator.status_code != 401 or row.path == "/sessions" or row.auth == "bridge"
    if row.auth.startswith("session"):
        assert (stranger.status_code, stranger.content) == (401, b"")
    else:
        assert stranger.headers["content-type"] == FAULTS
    for answer in (stranger, operator):
        assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= answer.headers.keys()
        assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
async def test_a_slash_behind_each_of_them_leads_back(node: Api, row: Row) -> None:
    response = await node.client.request(row.method, f"{row.path}/?a=b")
    assert response.status_code == (301 if row.method == "GET" else 307)
    assert response.headers["location"] == f"{row.path}?a=b"


@pytest.mark.parametrize("method", ["PUT", "HEAD", "OPTIONS", "TRACE"])
async def test_a_known_path_with_another_method_is_an_unknown_route(node: Api, method: str) -> None:
    response = await node.client.request(method, "/v2/bulk_delete_runs")
    assert (response.status_code, response.headers["content-type"]) == (404, "text/plain")
    assert response.text == ("" if method == "HEAD" else "404 page not found")


# --- 5.1 to 5.5: sessions, the process, users ------------------------------------------------------------------------


async def test_a_login_of_v062(node: Api) -> None:
    await with_password(node)
    client = node.another_client()

    good = await client.post("/sessions", json={"email": EMAIL, "password": PASSWORD})

    assert shown(good, "session") == {"authenticated": True}
    assert good.json()["data"]["id"] == "sessionID"
    assert good.headers["set-cookie"].startswith(f"{COOKIE}=")
    assert {"Max-Age=2592000", "HttpOnly"} <= set(good.headers["set-cookie"].split("; "))
    bad = await client.post("/sessions", json={"email": EMAIL, "password": "wrong"})
    # v0.6.2 told which of the two was wrong.
    assert refused(bad, 401) == ["Invalid email or password"]
    assert refused(await client.post("/sessions"), 400) == ["error binding json EOF"]
    assert refused(await client.post("/sessions", content="{"), 400) == ["error binding json unexpected EOF"]


async def test_a_logout_of_v062(node: Api) -> None:
    assert shown(await node.client.delete("/sessions"), "session") == {"authenticated": False}
    assert (await node.client.delete("/sessions")).status_code == 401


async def test_the_variables_of_the_process(node: Api) -> None:
    response = await node.client.get("/debug/vars")
    assert (response.status_code, response.headers["content-type"]) == (200, FAULTS)
    variables = response.json()
    assert isinstance(variables["cmdline"], list)
    assert variables["memstats"]["Sys"] >= variables["memstats"]["HeapAlloc"] > 0


async def test_a_password_is_changed(node: Api) -> None:
    await with_password(node)
    wrong = await node.client.patch("/v2/user/password", json={"oldPassword": "no", "newPassword": "another long one"})
    assert refused(wrong, 409) == ["Old password does not match"]
    short = await node.client.patch("/v2/user/password", json={"oldPassword": PASSWORD, "newPassword": "short"})
    # v0.6.2 took any.
    assert refused(short, 422) == ["Must enter a password with 8 - 1028 characters"]
    assert (await node.client.patch("/v2/user/password", content="{")).status_code == 422

    changed = await node.client.patch("/v2/user/password", json={"oldPassword": PASSWORD, "newPassword": "another long one"})

    assert list(shown(changed, "users"))[:2] == ["email", "createdAt"]
    assert changed.json()["data"]["id"] == EMAIL


async def test_balances_are_listed_without_pages(node: Api) -> None:
    response = await node.client.get("/v2/user/balances")
    (balance,) = listed(response, "accountBalances", paged=False)
    assert balance == {"address": evm.checksum(SENDER), "ethBalance": "256", "linkBalance": "512"}
    assert list(balance) == ["address", "ethBalance", "linkBalance"]
    node.keys.held = ()
    assert (await node.client.get("/v2/user/balances")).json() == {"data": []}


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


# --- 7.3: the late answers of bridges --------------------------------------------------------------------------------


async def pending(api: Api, *tasks: str) -> tuple[str, str]:
    """A run that waits for its bridge, and the bridge's token."""
    made = shown(await api.client.post("/v2/bridge_types", json={"name": "late", "url": "https://late.example/"}), "bridges")
    job_id = await stored(api, {**WEB, "tasks": [{"type": "late"}, *({"type": each} for each in tasks)]})
    run_id = shown(await api.client.post(f"/v2/specs/{job_id}/runs"), "runs")["id"]
    api.bench.http.body = '{"pending":true}'
    await api.work_on(run_id)
    return run_id, made["incomingToken"]


async def answered(api: Api, run_id: str, token: str, body: Any) -> httpx.Response:
    content = body if isinstance(body, str) else None
    return await api.another_client().patch(
        f"/v2/runs/{run_id}", headers={"authorization": f"Bearer {token}"}, content=content, json=None if content else body
    )


async def test_a_late_answer_ends_the_run(node: Api) -> None:
    run_id, token = await pending(node)
    assert refused(await answered(node, UNKNOWN, token, {}), 404) == ["Job Run not found"]
    assert (await answered(node, run_id, token, "{")).status_code == 500
    wrong = await answered(node, run_id, "wrong", {"data": {}})
    assert (wrong.status_code, wrong.content) == (401, b"")
    still = await answered(node, run_id, token, {"pending": True})
    assert shown(still, "runs")["status"] == "pending_bridge"

    run = shown(await answered(node, run_id, token, {"id": "ignored", "data": {"result": "100"}}), "runs")

    assert (run["status"], run["result"]["data"]["result"]) == ("completed", "100")
    assert TIME.fullmatch(run["finishedAt"])
    assert list(run["initiator"]) == ["id", "jobSpecId", "type", "CreatedAt", "params"]
    again = await answered(node, run_id, token, {"data": {}})
    assert refused(again, 405) == ["Cannot resume a job run that isn't pending"]


async def test_a_late_error_fails_the_run_even_with_tasks_left(node: Api) -> None:
    """v0.6.2 went on with the next task."""
    run_id, token = await pending(node, "noop")
    run = shown(await answered(node, run_id, token, {"data": {"result": "0"}, "error": "stack overflow"}), "runs")
    assert (run["status"], run["result"]["error"]) == ("errored", "stack overflow")


# --- 5.8: bridges ----------------------------------------------------------------------------------------------------


async def test_a_bridge_has_the_form_of_v062(node: Api) -> None:
    made = shown(await node.client.post("/v2/bridge_types", json=BRIDGE), "bridges")
    assert list(made) == ["name", "url", "confirmations", "incomingToken", "outgoingToken", "minimumContractPayment"]
    assert ID.fullmatch(made["incomingToken"])
    assert ID.fullmatch(made["outgoingToken"])
    assert {**made, "incomingToken": "", "outgoingToken": ""} == {
        **BRIDGE, "name": "randomnumber", "incomingToken": "", "outgoingToken": "",
    }  # fmt: skip
    known = {key: value for key, value in made.items() if key != "incomingToken"}
    for path in ("randomnumber", "RANDOMnumber"):
        assert shown(await node.client.get(f"/v2/bridge_types/{path}"), "bridges") == known
    assert listed(await node.client.get("/v2/bridge_types"), "bridges") == [known]

    changed = shown(await node.client.patch("/v2/bridge_types/randomNumber", json={"url": "https://other.example/"}), "bridges")

    # As v0.6.2, what is left out is reset; and the tokens stay.
    assert changed == {**known, "url": "https://other.example/", "confirmations": 0, "minimumContractPayment": None}
    gone = await node.client.delete("/v2/bridge_types/randomNumber")
    assert shown(gone, "bridges") == changed
    assert refused(await node.client.get("/v2/bridge_types/randomNumber"), 404) == ["bridge not found"]


@pytest.mark.parametrize(
    ("body", "status", "faults"),
    [
        ({"url": "https://x.example/"}, 400, ["No name specified"]),
        ({**BRIDGE, "name": "httpget"}, 400, ["Adapter httpget already exists"]),
        ({**BRIDGE, "name": "a b"}, 422, ["Task Type validation: name a b contains invalid characters"]),
    ],
)
async def test_a_bridge_is_refused_in_the_words_of_v062(node: Api, body: Any, status: int, faults: list[str]) -> None:
    assert refused(await node.client.post("/v2/bridge_types", json=body), status) == faults


@pytest.mark.parametrize(
    "body",
    [
        '{"name":"x"',
        '{"name":"x"}',
        '{"name":"x","url":"x"}',
        '{"name":"x","url":"http://x","minimumContractPayment":1}',
    ],
)
async def test_a_bridge_that_cannot_be_read_is_422(node: Api, body: str) -> None:
    assert (await node.client.post("/v2/bridge_types", content=body)).status_code == 422


async def test_a_bridge_in_use_stays(node: Api) -> None:
    await node.client.post("/v2/bridge_types", json=BRIDGE)
    assert refused(await node.client.post("/v2/bridge_types", json=BRIDGE), 400) == ["Adapter randomnumber already exists"]
    await stored(node, {**WEB, "tasks": [{"type": "randomNumber"}]})
    response = await node.client.delete("/v2/bridge_types/randomNumber")
    assert refused(response, 409) == ["Can't remove the bridge because there are jobs associated with it: <nil>"]
    for method in ("GET", "PATCH", "DELETE"):
        assert (await node.client.request(method, "/v2/bridge_types/a%20b")).status_code == 422
    for method in ("PATCH", "DELETE"):
        assert refused(await node.client.request(method, "/v2/bridge_types/unknown"), 404) == ["bridge not found"]


# --- 5.9: external initiators ----------------------------------------------------------------------------------------


async def test_an_initiator_of_v062_creates_jobs_and_starts_runs(node: Api) -> None:
    made = shown(await node.client.post("/v2/external_initiators"), "external_initiators", 201)
    assert list(made) == ["AccessKey", "Secret"]
    assert ID.fullmatch(made["AccessKey"])
    assert re.fullmatch("[0-9a-zA-Z]{64}", made["Secret"])
    outside = node.another_client()
    outside.headers.update({"X-Chainlink-EA-AccessKey": made["AccessKey"], "X-Chainlink-EA-Secret": made["Secret"]})

    job_id = shown(await outside.post("/v2/specs", json=WEB), "specs")["id"]

    assert shown(await outside.post(f"/v2/specs/{job_id}/runs"), "runs")["jobId"] == job_id
    # v0.6.2 did not look at the headers when there was a cookie, even one that was over.
    assert (await outside.post(f"/v2/specs/{job_id}/runs", headers={"cookie": f"{COOKIE}=stale"})).status_code == 200
    assert (await outside.get("/v2/specs")).status_code == 401
    done(await node.client.delete(f"/v2/external_initiators/{made['AccessKey']}"))
    done(await node.client.delete(f"/v2/external_initiators/{made['AccessKey']}"))
    assert (await outside.post(f"/v2/specs/{job_id}/runs")).status_code == 401
    nowhere = await node.client.delete("/v2/external_initiators")
    assert (nowhere.status_code, nowhere.text) == (404, "404 page not found")


async def test_what_is_switched_off_is_405_in_the_words_of_v062() -> None:
    words = "are currently under development and not yet usable outside of development mode"
    async with Api() as api:
        for method, path, what in (
            ("POST", "/v2/external_initiators", "External Initiators"),
            ("POST", "/v2/service_agreements", "Service Agreements"),
        ):
            response = await api.client.request(method, path)
            assert refused(response, 405)[0] == f"{what} {words}"


# --- 5.10: service agreements ----------------------------------------------------------------------------------------


async def test_an_unknown_agreement(node: Api) -> None:
    assert refused(await node.client.get(f"/v2/service_agreements/0x{'57' * 32}"), 404) == ["ServiceAgreement not found"]
    faults = refused(await node.client.post("/v2/service_agreements", json={**WEB, "payment": None}), 422)
    assert "Service agreement encumbrance error: No payment amount set" in faults


# --- 5.11: transactions ----------------------------------------------------------------------------------------------


async def test_transactions_and_attempts(node: Api) -> None:
    assert listed(await node.client.get("/v2/transactions"), "transactions") == []
    assert listed(await node.client.get("/v2/tx_attempts"), "txattempts") == []
    for name in (f"0x{'b7' * 32}", "garbage"):
        assert refused(await node.client.get(f"/v2/transactions/{name}"), 404) == ["Transaction not found"]


# --- 5.12 and 5.13: payments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "fault"),
    [
        ("withdrawals", {"address": ORACLE, "amount": "0"}, "Must withdraw at least 0.000000000000000001 LINK"),
        ("withdrawals", {"address": ORACLE}, "Must withdraw at least 0.000000000000000001 LINK"),
        ("withdrawals", {"amount": "1"}, "Invalid withdrawal address"),
        ("withdrawals", {"address": ORACLE, "amount": "a"}, 'assets: cannot unmarshal "a" into a *assets.Link'),
        ("transfers", {"address": ORACLE, "amount": "a"}, 'assets: cannot unmarshal "a" into a *assets.Eth'),
        ("transfers", {"address": ORACLE, "amount": "1", "from": ORACLE}, "Transaction failed: account does not exist"),
    ],
)
async def test_a_payment_is_refused_once_and_not_made(node: Api, path: str, body: Any, fault: str) -> None:
    """v0.6.2 withdrew all the same, and put two documents into the answer."""
    node.outside.connect()
    assert refused(await node.client.post(f"/v2/{path}", json=body), 400) == [fault]
    assert await node.db.read("SELECT id FROM transactions") == []


async def test_a_withdrawal_without_a_contract_is_the_500_of_v062(node: Api) -> None:
    response = await node.client.post("/v2/withdrawals", json={"address": ORACLE, "amount": "1"})
    assert refused(response, 500) == ["OracleContractAddress not set; cannot check LINK balance"]


# --- 5.14 and 6.8: settings ------------------------------------------------------------------------------------------


async def test_the_settings_have_the_form_of_v062(node: Api) -> None:
    response = await node.client.get("/v2/config")
    config = shown(response, "configWhitelists")

    assert list(config) == [
        "accountAddress", "allowOrigins", "ethChainId", "clientNodeUrl", "chainlinkDev", "databaseTimeout", "ethUrl",
        "ethGasBumpThreshold", "ethGasBumpWei", "ethGasPriceDefault", "jsonConsole", "linkContractAddress", "explorerUrl",
        "logLevel", "logToDisk", "minimumContractPayment", "minimumRequestExpiration", "minIncomingConfirmations",
        "minOutgoingConfirmations", "oracleContractAddress", "chainlinkPort", "reaperExpiration", "root", "sessionTimeout",
        "chainlinkTLSHost", "chainlinkTLSPort",
    ]  # fmt: skip
    assert config["accountAddress"] == evm.checksum(SENDER)
    assert config["linkContractAddress"] == "0x514910771AF9Ca656af840dff83E8264EcF986CA"
    assert (config["databaseTimeout"], config["sessionTimeout"]) == (500_000_000, 900_000_000_000)
    assert (config["reaperExpiration"], config["ethGasPriceDefault"]) == (864_000_000_000_000, 20_000_000_000)
    assert (config["minimumContractPayment"], config["oracleContractAddress"]) == ("1000000000000000000", None)
    assert ID.fullmatch(response.json()["data"]["id"])
    assert (await node.client.get("/v2/config")).json()["data"]["id"] != response.json()["data"]["id"]


async def test_settings_without_a_key_are_the_500_of_v062(node: Api) -> None:
    node.keys.held = ()
    assert refused(await node.client.get("/v2/config"), 500) == [
        "failed to build config whitelist: No Ethereum Accounts configured"
    ]


async def test_the_bridges_address_is_there_when_it_is_set_and_urls_show_no_key() -> None:
    environment = {
        "BRIDGE_RESPONSE_URL": "http://localhost:6688",
        "ETH_URL": "wss://mainnet.example/v3/0123456789abcdef0123456789abcdef",
        "ORACLE_CONTRACT_ADDRESS": ORACLE.upper().replace("X", "x"),
    }
    async with Api(environment=environment) as api:
        config = shown(await api.client.get("/v2/config"), "configWhitelists")
    assert list(config)[2] == "bridgeResponseURL"
    assert (config["ethUrl"], config["oracleContractAddress"]) == ("wss://mainnet.example/***", ORACLE)


# --- 3.4: how bodies are read ----------------------------------------------------------------------------------------


async def test_bodies_are_read_as_go_read_them(node: Api) -> None:
    assert refused(await node.client.post("/v2/specs"), 400) == ["EOF"]
    assert refused(await node.client.post("/v2/specs", content="{"), 400) == ["unexpected EOF"]
    trailing = await node.client.post("/v2/specs", content='{"INITIATORS":[{"Type":"web"}],"tasks":[{"type":"noop"}]} and more')
    assert trailing.status_code == 200


# --- 12: later additions ---------------------------------------------------------------------------------------------


async def test_later_routes_have_their_later_forms(node: Api) -> None:
    assert (await node.client.get("/v2/ping")).json() == {"message": "pong"}
    assert (await node.client.get("/v2/build_info")).json().keys() == {"version", "commitSHA"}
    features = await node.client.get("/v2/features")
    assert {item["id"]: item["attributes"]["enabled"] for item in features.json()["data"]} == {
        "external_initiators": True, "service_agreements": True, "csa": False, "feeds_manager": False,
    }  # fmt: skip
    changed = await node.client.patch("/v2/config", json={"ethGasPriceDefault": "42"})
    assert shown(changed, "configPatchResponses") == {"ethGasPriceDefault": {"old": "20000000000", "new": "42"}}
    assert shown(await node.client.get("/v2/config"), "configWhitelists")["ethGasPriceDefault"] == 42
    log = await node.client.get("/v2/log")
    assert shown(log, "serviceLevelLogs") == {
        "serviceName": ["Global", "IsSqlEnabled"], "logLevel": ["info", "false"], "defaultLogLevel": "info",
    }  # fmt: skip
    assert listed(await node.client.get("/v2/chains"), "chain") == []
    assert listed(await node.client.get("/v2/nodes"), "node") == []


async def test_ids_with_dashes_are_understood(node: Api) -> None:
    job_id = await stored(node)
    dashed = f"{job_id[:8]}-{job_id[8:12]}-{job_id[12:16]}-{job_id[16:20]}-{job_id[20:]}"
    assert shown(await node.client.get(f"/v2/specs/{dashed}"), "specs")["id"] == job_id


# --- 11: the register of quirks --------------------------------------------------------------------------------------


async def test_a_job_of_an_agreement_breaks_no_list(node: Api) -> None:
    spec = Job(id=UNKNOWN, initiators=(Initiator(type="execagreement"),), tasks=(TaskSpec(type="noop"),), created_at=NOW)
    await node.job(spec)
    (item,) = listed(await node.client.get("/v2/specs"), "specs")
    assert item["initiators"] == [{"type": "execagreement", "params": {}}]


async def test_an_address_in_a_header_is_not_believed() -> None:
    async with Api(settings=PATIENT.__class__(request_limit=1)) as api:
        answers = [await api.client.get("/v2/specs", headers={"x-forwarded-for": f"192.0.2.{n}"}) for n in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert (answers[1].text, answers[1].headers["content-type"]) == ("Limit exceeded", "text/plain; charset=utf-8")


async def test_an_unknown_job_runs_nothing_and_a_body_over_the_limit_goes_nowhere(node: Api) -> None:
    response = await node.client.post(f"/v2/specs/{UNKNOWN}/runs", content=b" " * 32769)
    assert (response.status_code, response.text, response.headers["connection"]) == (413, "request too large", "close")


async def test_the_hash_of_a_token_is_what_is_stored(node: Api) -> None:
    made = shown(await node.client.post("/v2/bridge_types", json=BRIDGE), "bridges")
    ((kept, salt),) = await node.db.read("SELECT incoming_token_hash, salt FROM bridges")
    assert kept == token_hash(made["incomingToken"], str(salt))
