"""Jobs that name secrets and installed adapters, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER
from support.api import Api, details
from support.plugins import TestSecrets, TestWorkers

KEYED = {"type": "httpget", "params": {"get": "https://h.test/?k=$(secret:KEY)", "headers": {"X": ["$(secret:KEY)"]}}}
FREE = {"type": "httpgetwithunrestrictednetworkaccess", "params": {"get": "http://10.0.0.1"}}


@pytest.fixture
def secrets() -> TestSecrets:
    return TestSecrets(KEY="pl4nted")


@pytest.fixture
async def api(secrets: TestSecrets) -> AsyncIterator[Api]:
    workers = TestWorkers(price=lambda params, data: {"result": params["symbol"]})
    workers.checks["price"] = lambda params: params["symbol"]
    environment = {"FEATURE_EXTERNAL_INITIATORS": "true"}
    async with Api(secrets=secrets, workers=workers, environment=environment) as opened:
        yield opened


def asked(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"initiators": [{"type": "web"}], "tasks": list(tasks)}


async def run_of(api: Api, *tasks: dict[str, Any], given: Any = None) -> Any:
    """The run, as shown, of a new job with these tasks."""
    job_id = (await api.post("/v2/specs", asked(*tasks)))["data"]["id"]
    run_id = (await api.post(f"/v2/specs/{job_id}/runs", given or {}))["data"]["id"]
    await api.work_on(run_id)
    return await api.get(f"/v2/runs/{run_id}")


async def test_a_job_shows_the_name_of_a_secret_and_its_run_sends_and_hides_the_value(api: Api) -> None:
    api.bench.http.body = "you said pl4nted"
    shown = await run_of(api, KEYED)
    [request] = api.bench.http.asked
    assert request.url == "https://h.test/?k=pl4nted"
    assert request.headers == (("X", "pl4nted"),)
    assert shown["data"]["attributes"]["result"]["data"]["result"] == "you said ***"
    assert "$(secret:KEY)" in str(shown)
    assert "pl4nted" not in str(shown)


async def test_the_input_of_a_run_takes_a_secret_nowhere(api: Api) -> None:
    for given in ({"get": "https://evil.test"}, {"url": "https://evil.test", "GET": "https://evil.test"}, {"extPath": "a"}):
        await run_of(api, KEYED, given=given)
    assert {request.url for request in api.bench.http.asked} == {"https://h.test/?k=pl4nted"}


async def test_a_result_with_the_words_of_a_secret_stays_words(api: Api) -> None:
    api.bench.http.body = "$(secret:KEY)"
    shown = await run_of(api, KEYED, {"type": "httppost", "params": {"post": "https://other.test"}})
    assert api.bench.http.asked[1].body == b'{"result":"$(secret:KEY)"}'
    assert shown["data"]["attributes"]["status"] == "completed"


async def test_a_job_with_a_secret_that_is_not_there_is_refused_with_the_file_to_make(api: Api) -> None:
    task = {"type": "httpget", "params": {"get": "https://h.test", "headers": {"X": ["$(secret:OTHER)"]}}}
    faults = await api.post("/v2/specs", asked({"type": "noop"}, task), status=400)
    assert details(faults) == ["secret 'OTHER': there is none: write it to the file /secrets/OTHER"]
    assert faults["errors"][0]["source"]["pointer"] == "/tasks/1/params"


async def test_a_secret_that_is_gone_when_the_run_comes_fails_the_run_with_the_cure(api: Api, secrets: TestSecrets) -> None:
    job_id = (await api.post("/v2/specs", asked(KEYED)))["data"]["id"]
    secrets.held.clear()
    run_id = (await api.post(f"/v2/specs/{job_id}/runs", {}))["data"]["id"]
    run = await api.work_on(run_id)
    assert run.error == "secret 'KEY': there is none: write it to the file /secrets/KEY"


async def test_an_installed_adapter_is_named_like_any_task_type(api: Api) -> None:
    shown = await run_of(
        api, {"type": "Price", "params": {"symbol": "ETH"}}, {"type": "copy", "params": {"copyPath": "result"}}
    )
    assert shown["data"]["attributes"]["result"]["data"]["result"] == "ETH"
    faults = await api.post("/v2/specs", asked({"type": "price"}), status=400)
    assert details(faults) == ["price: KeyError: 'symbol'"]


async def test_no_bridge_takes_the_name_of_an_installed_adapter(api: Api) -> None:
    bridge = {"name": "price", "url": "https://bridge.test"}
    assert details(await api.post("/v2/bridge_types", bridge, status=400)) == ["Adapter price already exists"]


@pytest.mark.parametrize("task", [KEYED, FREE], ids=["a secret", "the operator's network"])
async def test_a_job_of_an_external_initiator_may_hold_less(api: Api, task: dict[str, Any]) -> None:
    made = (await api.post("/v2/external_initiators", status=201))["data"]["attributes"]
    stranger = api.another_client()
    stranger.headers.update({ACCESS_KEY_HEADER: made["AccessKey"], SECRET_HEADER: made["Secret"]})
    async with stranger:
        refused = await stranger.post("/v2/specs", json=asked(task))
        taken = await stranger.post("/v2/specs", json=asked({"type": "noop"}))
    assert (refused.status_code, taken.status_code) == (400, 200)
    assert "only a job that the operator creates may" in refused.text
    await api.post("/v2/specs", asked(task))
