"""Codes of errors as the API shows them, and their pages."""

from __future__ import annotations

import pytest

from adyton import codes
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Errored, RunStatus, after
from adyton.storage import alarms
from adyton.storage import runs as stored_runs
from adyton.storage.alarms import CHAIN_REPLACED, Alarm
from support.api import Api
from support.builders import NOW, job


@pytest.mark.parametrize("spelling", ["ADY-0312", "ady0312", "312"])
async def test_the_page_of_a_code_is_shown(api: Api, spelling: str) -> None:
    found = await api.get(f"/v2/explain/{spelling}")
    assert (found["data"]["type"], found["data"]["id"]) == ("errorPages", "ADY-0312")
    assert found["data"]["attributes"] == codes.page("ADY-0312")._asdict()


async def test_an_unknown_code_is_not_found_and_the_nearest_are_named(api: Api) -> None:
    refused = await api.get("/v2/explain/ADY-0311", 404)
    (error,) = refused["errors"]
    assert error["code"] == "ADY-1166"
    assert "ADY-0312" in error["detail"]


async def test_each_fault_of_a_request_has_its_code(api: Api) -> None:
    refused = await api.post("/v2/bridge_types", {"name": "!", "url": "x", "confirmations": -1}, 422)
    assert [error.get("code") for error in refused["errors"]] == ["ADY-0450", "ADY-0451", "ADY-0452"]


async def test_a_refusal_in_plain_text_has_its_code_in_a_header(api: Api) -> None:
    nowhere = await api.client.get("/v2/nowhere")
    assert (nowhere.status_code, nowhere.text) == (404, "404 page not found")
    assert nowhere.headers["x-adyton-error"] == "ADY-1050"
    too_large = await api.client.post("/v2/specs", content=b"x" * 40000)
    assert (too_large.status_code, too_large.headers["x-adyton-error"]) == (413, "ADY-1053")
    nobody = await api.another_client().get("/v2/specs")
    assert (nobody.status_code, nobody.content, nobody.headers["x-adyton-error"]) == (401, b"", "ADY-1051")


async def test_a_run_that_an_error_ended_has_its_code_beside_it(api: Api) -> None:
    made = await api.job(job(TaskSpec(type="httpget", params={"get": "https://x.example/"})))
    created = await api.post(f"/v2/specs/{made.id}/runs")
    assert "meta" not in created
    run = await api.run(created["data"]["id"])
    ended = after(run, 0, Errored("no such market"), NOW)
    assert ended.status is RunStatus.ERRORED
    await api.db.write(*stored_runs.save(ended, [ended.tasks[0]]))

    shown = await api.get(f"/v2/runs/{run.id}")
    assert shown["meta"] == {"errorCode": "ADY-0312"}
    assert shown["data"]["attributes"]["result"]["error"] == "no such market"
    told = await api.get(f"/v2/explain/{run.id}")
    last = told["data"]["attributes"]["chapters"][0]["steps"][-1]
    assert last["detail"] == "errored: no such market (`adyton explain ADY-0312` says what that means and what to do)"


async def test_a_check_that_fails_has_a_code_and_one_that_passes_has_none(api: Api) -> None:
    await api.db.write(alarms.raised(Alarm(CHAIN_REPLACED, NOW, "none of the blocks is on the chain any more", 0)))
    found = (await api.get("/health", 503))["data"]
    codes_of = {each["id"]: (each["attributes"]["status"], each["attributes"]["code"]) for each in found}
    assert codes_of["database"] == ("passing", None)
    assert codes_of["alarms"] == ("failing", "ADY-0635")
    assert all((code is None) == (status == "passing") for status, code in codes_of.values())
    assert all(codes.page(code) for _, code in codes_of.values() if code is not None)
