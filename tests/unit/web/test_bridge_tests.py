"""Testing a bridge: it is asked as a run asks it, and what came back is told apart."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import pytest

from adyton.config import Config
from adyton.domain.access import Role
from adyton.domain.bridges import Bridge
from adyton.domain.exchanges import Failure
from adyton.domain.jobs import TaskSpec
from adyton.ports import HttpFailure, HttpRequest, HttpResponse
from adyton.services import bridge_tests
from support.api import Api, details
from support.builders import NOW, job
from support.people import another
from support.plugins import TestSecrets, TestWorkers

URL = "https://b.example/ask?key=s3cr3tk3y0123456789"


async def bridge(api: Api, name: str = "prices") -> str:
    """Make one; returns its outgoing token."""
    made = await api.post("/v2/bridge_types", {"name": name, "url": URL})
    return str(made["data"]["attributes"]["outgoingToken"])


async def ask(api: Api, body: Any = None) -> Any:
    return (await api.post("/v2/bridge_types/prices/test", body))["data"]["attributes"]


def answers(api: Api, body: str, status: int = 200) -> None:
    api.bench.http.body, api.bench.http.status = body, status


def fails(api: Api, monkeypatch: pytest.MonkeyPatch, kind: Failure, *, retriable: bool = False) -> None:
    async def request(_request: HttpRequest) -> HttpResponse:
        raise HttpFailure("bridge prices: the words of the transport", retriable=retriable, kind=kind)

    monkeypatch.setattr(api.bench.http, "request", request)


async def test_it_is_asked_exactly_as_a_run_asks_it(api: Api) -> None:
    await bridge(api)
    answers(api, '{"data": {"result": "5"}}')
    params = {"from": "ETH", "meta": {"latest": 1}}
    await api.job(job(TaskSpec(type="prices", params=params)))
    run = await api.post(f"/v2/specs/{job().id}/runs", {})
    await api.work_on(run["data"]["id"])

    await ask(api, {"data": params})

    of_run, of_test = api.bench.http.asked
    bodies = [json.loads(each.body or b"") for each in (of_run, of_test)]
    assert bodies[0].pop("id") != bodies[1].pop("id")
    assert bodies[0] == bodies[1] == {"data": params, "meta": {"latest": 1}}
    for name in ("method", "url", "headers", "timeout", "limit", "unrestricted", "secret_headers", "shown"):
        assert getattr(of_run, name) == getattr(of_test, name)


async def test_a_good_answer_is_shown_with_what_the_next_task_would_get(api: Api) -> None:
    token = await bridge(api)
    answers(api, '{"data": {"result": "5"}, "error": null}')
    shown = await ask(api, {"data": {"from": "ETH"}})
    assert (shown["status"], shown["usable"]) == ("completed", True)
    assert shown["data"] == {"from": "ETH", "result": "5"}
    assert (shown["sent"]["method"], shown["sent"]["url"]) == ("POST", URL)
    assert json.loads(shown["sent"]["body"])["data"] == {"from": "ETH"}
    [attempt] = shown["attempts"]
    assert (attempt["status"], attempt["body"], attempt["size"]) == (200, api.bench.http.body, len(api.bench.http.body))
    assert token not in json.dumps(shown)


async def test_nothing_is_stored(api: Api) -> None:
    await bridge(api)
    answers(api, "{}")
    await ask(api)
    assert (await api.get("/v2/runs"))["meta"]["count"] == 0


@pytest.mark.parametrize(
    ("status", "body", "came", "said"),
    [
        (200, "<h1>Bad Gateway</h1>", "errored", "not what a bridge answers"),
        (200, '{"error": "no such pair"}', "errored", "The bridge answered with an error: no such pair."),
        (200, '{"error": ""}', "errored", "an empty text"),
        (404, "no such path", "errored", "the status 404; a run fails from 400 on."),
        (503, "{}", "errored", "asked 5 times"),
        (200, '{"pending": true}', "pending", "set BRIDGE_RESPONSE_URL"),
    ],
)
async def test_what_a_run_could_not_use_is_told_apart(api: Api, status: int, body: str, came: str, said: str) -> None:
    await bridge(api)
    answers(api, body, status)
    shown = await ask(api)
    assert (shown["status"], shown["usable"]) == (came, False)
    assert said in shown["detail"]
    assert shown["attempts"][-1]["body"] == body


async def test_a_late_answer_can_be_used_where_the_bridge_is_told_the_way(api: Api) -> None:
    async with Api(environment={"BRIDGE_RESPONSE_URL": "https://node.example"}) as told:
        await bridge(told)
        answers(told, '{"pending": true}')
        shown = await ask(told)
    assert (shown["status"], shown["usable"]) == ("pending", True)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Failure.TOO_LARGE, "larger than DEFAULT_HTTP_LIMIT"),
        (Failure.TIMEOUT, "no answer in time"),
        (Failure.REFUSED, "There was no answer: bridge prices: the words of the transport."),
    ],
)
async def test_why_there_was_no_answer_is_said(api: Api, monkeypatch: pytest.MonkeyPatch, kind: Failure, said: str) -> None:
    await bridge(api)
    fails(api, monkeypatch, kind)
    shown = await ask(api)
    assert (shown["status"], shown["usable"], shown["data"] is not None) == ("errored", False, True)
    assert said in shown["detail"]
    assert (shown["attempts"][0]["failure"], shown["attempts"][0]["status"]) == (kind.value, None)


async def test_more_data_than_a_run_may_have_are_of_no_use(api: Api) -> None:
    await bridge(api)
    answers(api, json.dumps({"data": {"result": "x" * 2_000_000}}))
    shown = await ask(api)
    assert (shown["status"], shown["usable"]) == ("errored", False)
    assert "RUN_DATA_LIMIT" in shown["detail"]


async def test_a_bridge_that_is_slow_is_not_waited_for_as_long_as_by_a_run(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await bridge(api)

    async def never(_request: HttpRequest) -> HttpResponse:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(api.bench.http, "request", never)
    monkeypatch.setattr(bridge_tests, "MORE", 0.01)
    config = Config.load({"ROOT": "/nonexistent/adyton", "DEFAULT_HTTP_TIMEOUT": "10ms"})
    parts = dataclasses.replace(api.parts, config=config)
    found = await bridge_tests.test(parts, "prices", b"")
    assert (found.verdict.came, found.verdict.usable, found.exchanges) == ("unfinished", False, ())
    assert "No answer within 0.02 s" in found.verdict.detail
    assert "A run would wait 0.01 s, up to 5 times." in found.verdict.detail


async def test_a_token_that_the_bridge_says_back_is_shown_to_nobody(api: Api) -> None:
    token = await bridge(api)
    for body in ({"data": {"auth": f"Bearer {token}"}}, {"error": f"who is {token}?"}):
        answers(api, json.dumps(body))
        assert token not in json.dumps(await ask(api))
    answers(api, f"<p>{token}</p>")
    assert token not in json.dumps(await ask(api))


async def test_who_may_start_runs_may_test_and_does_not_see_the_url_s_secrets(api: Api) -> None:
    await bridge(api)
    answers(api, "{}")
    runner, viewer = await another(api, role=Role.RUN), await another(api, "viewer@example.com")
    shown = await runner.post("/v2/bridge_types/prices/test")
    assert shown.status_code == 200
    assert "s3cr3tk3y" not in shown.text
    assert (await viewer.post("/v2/bridge_types/prices/test")).status_code == 403
    assert len(api.bench.http.asked) == 1


@pytest.mark.parametrize("body", ['{"data": [1]}', '{"data": "x"}', '{"data": 1}'])
async def test_data_that_are_no_object_are_refused(api: Api, body: str) -> None:
    await bridge(api)
    refused = await api.post("/v2/bridge_types/prices/test", body, 400)
    assert refused["errors"][0]["code"] == "ADY-1350"
    assert not api.bench.http.asked


async def test_an_unknown_bridge_is_told(api: Api) -> None:
    assert details(await api.post("/v2/bridge_types/nobody/test", None, 404)) == ["bridge not found"]


async def test_a_bridge_that_runs_do_not_ask_is_not_asked_either() -> None:
    async with Api(workers=TestWorkers(prices=lambda params, data: {})) as api:
        api.parts.bridges.put(
            Bridge(name="prices", url=URL, incoming_token_hash="h", salt="s", outgoing_token="o", created_at=NOW)
        )
        refused = await api.post("/v2/bridge_types/prices/test", None, 409)
        assert not api.bench.http.asked
    assert refused["errors"][0]["code"] == "ADY-1351"


async def test_a_secret_of_the_url_that_is_not_there_is_told() -> None:
    async with Api(secrets=TestSecrets()) as api:
        await api.post("/v2/bridge_types", {"name": "prices", "url": "https://b.example/?key=$(secret:KEY)"})
        refused = await api.post("/v2/bridge_types/prices/test", None, 400)
    assert "there is none" in details(refused)[0]
