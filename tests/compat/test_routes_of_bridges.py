"""Bridges with their late answers, external initiators and agreements as v0.6.2 had them."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from adyton.web.auth import COOKIE
from support.answers import ID, TIME, UNKNOWN, WEB, done, listed, refused, shown, stored
from support.api import Api

BRIDGE = {
    "name": "randomNumber",
    "url": "https://example.com/randomNumber",
    "confirmations": 10,
    "minimumContractPayment": "100",
}


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
